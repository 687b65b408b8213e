"""What all tests share: a home for Airflow, a guard on the network, checks for leftovers, and task contexts."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime, timezone
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_braze.core import responses
from airflow_provider_braze.sandbox import Sandbox, SandboxSettings

# Before anything imports Airflow, which reads them once. Each process of pytest-xdist makes a home of its own.
_AIRFLOW_HOME = tempfile.mkdtemp(prefix="airflow-home-")
atexit.register(shutil.rmtree, _AIRFLOW_HOME, ignore_errors=True)
os.environ["AIRFLOW_HOME"] = _AIRFLOW_HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
# Its listener forks at each start and end of a task; the test of lineage has an Airflow of its own.
os.environ["AIRFLOW__OPENLINEAGE__DISABLED"] = "True"
for _name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_") or name.lower().endswith("_proxy")]:
    del os.environ[_name]

pytest_plugins = [
    "airflow_provider_braze.sandbox.pytest_plugin",
    *("tests.stores", "tests.lines", "tests.samples", "tests.workers"),
]

# Imported and collected objects stay to the end. Searching them for garbage repeatedly takes seconds.
gc.disable()

RUN_AFTER = datetime(2026, 11, 19, 6, tzinfo=timezone.utc)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(words, promise): the fault that a test is about, for docs/faults.md")


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def _is_local(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if not name or name in ("localhost", socket.gethostname()):
        return True
    return _is_address(name) and (ip_address(name).is_loopback or ip_address(name).is_unspecified)


def _is_address(host: Any) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


@pytest.fixture(scope="session")
def _guarded_network() -> Iterator[list[Any]]:
    """Reject connections to other machines, and yield the list of attempts."""
    attempts: list[Any] = []
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            attempts.append(address)
            raise ConnectionRefusedError(f"Tests may not connect to {address}.")

    def guarded_connect(sock: socket.socket, address: Any) -> None:
        check(sock, address)
        connect(sock, address)

    def guarded_connect_ex(sock: socket.socket, address: Any) -> int:
        check(sock, address)
        return connect_ex(sock, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_local(host) and not _is_address(host):
            attempts.append(host)
            raise socket.gaierror(f"Tests may not look up {host!r}.")
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield attempts


@pytest.fixture(autouse=True)
def _no_network(_guarded_network: list[Any]) -> Iterator[list[Any]]:
    """Fail the test that tried to leave this machine, even if the code under test handled the error."""
    _guarded_network.clear()
    yield _guarded_network
    assert not _guarded_network, f"The test tried to leave this machine: {_guarded_network}"


def _children() -> set[int]:
    found: set[int] = set()
    for thread in os.listdir("/proc/self/task"):
        with suppress(OSError), open(f"/proc/self/task/{thread}/children") as file:  # it may have just ended
            found.update(map(int, file.read().split()))
    return found


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("braze-")}


@pytest.fixture(autouse=True)
def _nothing_left(_no_network: list[Any]) -> Iterator[None]:
    """Fail the test that leaves a thread of this package or a child process. Those of wider fixtures may stay."""
    from tests.stores import SERVERS  # here, because pytest rewrites the asserts of plugins that it imports first

    threads, children = _threads(), _children()
    yield
    assert not _threads() - threads, "The test left threads"
    assert not _children() - children - SERVERS, "The test left child processes"


def _make_context(
    run_type: str = "manual",
    *,
    run_after: datetime | None = RUN_AFTER,
    logical_date: datetime | None = None,
    data_interval_start: datetime | None = None,
    data_interval_end: datetime | None = None,
    partition_date: datetime | None = None,
    partition_key: str | None = None,
    map_index: int = -1,
    try_number: int = 1,
    dag: Any = None,
    **others: Any,
) -> dict[str, Any]:
    dates = {
        "logical_date": logical_date,
        "data_interval_start": data_interval_start,
        "data_interval_end": data_interval_end,
    }
    run_id = f"{run_type}__test"
    dag_run = SimpleNamespace(
        dag_id="dag",
        run_id=run_id,
        run_type=run_type,
        run_after=run_after,
        partition_date=partition_date,
        partition_key=partition_key,
        **dates,
    )
    ti = SimpleNamespace(dag_id="dag", run_id=run_id, task_id="task", map_index=map_index, try_number=try_number)
    # As in Airflow 3, a date that a run does not have has no key.
    known = {name: value for name, value in dates.items() if value is not None}
    return {"dag_run": dag_run, "run_id": run_id, "ti": ti, "task_instance": ti, "dag": dag, **known, **others}


@pytest.fixture(scope="session")
def make_context() -> Callable[..., dict[str, Any]]:
    """Return a function that builds the context of a task; default: a manual run without dates, 2026-11-19 06:00 UTC.

    ::

        make_context(run_type="scheduled", data_interval_start=a, data_interval_end=b)
    """
    return _make_context


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait at most 0.01 s before a retry. Waits for announced resets stay."""
    monkeypatch.setattr(responses, "_BACKOFF_CAP_SECONDS", 0.01)


Response = bytes | Callable[[socket.socket, threading.Event], None]


class RawServer:
    """Responds to one request of each connection on a loopback port, with any bytes.

    :param responses: bytes, or a function of the connection and of an event that ends the test. One per request; the
        last one also for all further requests.
    :param tls: serve HTTPS.
    """

    def __init__(self, *responses: Response, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self._responses = responses
        self._tls = tls
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._port}"
        self._threads = [threading.Thread(target=self._accept, name="raw-server", daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._closing.set()
        with suppress(OSError):  # wakes the accepting thread
            socket.create_connection(("127.0.0.1", self._port)).close()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._closing.is_set():
                connection.close()
                return
            self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        # A client may disconnect at any time. The test itself checks what the client received.
        with suppress(OSError), connection:
            connection.settimeout(30)
            with self._tls.wrap_socket(connection, server_side=True) if self._tls else connection as stream:
                self._respond(stream)

    def _respond(self, stream: socket.socket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            received = stream.recv(65_536)
            if not received:
                return
            request += received
        self.requests.append(request)
        response = self._responses[min(len(self.requests), len(self._responses)) - 1]
        if callable(response):
            response(stream, self._closing)
        else:
            stream.sendall(response)


@pytest.fixture
def raw_server() -> Iterator[Callable[..., RawServer]]:
    """Return a function that starts a :class:`RawServer`. All of them stop after the test."""
    with ExitStack() as stack:

        def start(*responses: Response, tls: ssl.SSLContext | None = None) -> RawServer:
            server = RawServer(*responses, tls=tls)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture(scope="session")
def _shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as braze:
        yield braze


@pytest.fixture
def braze(_shared_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Return a shared sandbox with default settings, to which ``braze_default`` points.

    It is faster than a fresh one. Its rate limits count requests of other tests: to test these use ``braze_sandbox``.
    """
    _shared_sandbox.configure(**{**SandboxSettings().to_json(), "faults": None})
    _shared_sandbox.reset_requests()
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", _shared_sandbox.connection_json())
    return _shared_sandbox


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """Return the TLS context of a server on 127.0.0.1, and the file of the certificate that a client has to trust."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1))
        .not_valid_after(datetime(2120, 1, 1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return context, certificate_file
