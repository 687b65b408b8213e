"""What all tests share: a home for Airflow of their own, no network, nothing left behind, and task contexts."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

# Before anything imports Airflow, which reads them once. Each process of pytest-xdist makes a home of its own.
_AIRFLOW_HOME = tempfile.mkdtemp(prefix="airflow-home-")
atexit.register(shutil.rmtree, _AIRFLOW_HOME, ignore_errors=True)
os.environ["AIRFLOW_HOME"] = _AIRFLOW_HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
for _name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_") or name.lower().endswith("_proxy")]:
    del os.environ[_name]

pytest_plugins = ["airflow_provider_braze.sandbox.pytest_plugin", "tests.stores"]

RUN_AFTER = datetime(2026, 11, 19, 6, tzinfo=timezone.utc)


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


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Refuse whatever leaves this machine, and fail the test that tried, even if the code under test coped."""
    tried: list[Any] = []
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            tried.append(address)
            raise ConnectionRefusedError(f"Tests may not connect to {address}.")

    def guarded_connect(sock: socket.socket, address: Any) -> None:
        check(sock, address)
        connect(sock, address)

    def guarded_connect_ex(sock: socket.socket, address: Any) -> int:
        check(sock, address)
        return connect_ex(sock, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_local(host) and not _is_address(host):
            tried.append(host)
            raise socket.gaierror(f"Tests may not look up {host!r}.")
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
    yield tried
    assert not tried, f"The test tried to leave this machine: {tried}"


def _children() -> set[int]:
    found: set[int] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # a thread that has just ended
            found.update(map(int, path.read_text().split()))
    return found


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("braze-")}


@pytest.fixture(autouse=True)
def _nothing_left(_no_network: list[Any]) -> Iterator[None]:
    """Fail the test that leaves a thread of this package or a child process; those of wider fixtures were there."""
    from tests.stores import SERVERS  # here, for pytest rewrites the asserts of plugins that it imports first

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
    # As in Airflow 3, a date that a run does not have is no key at all.
    known = {name: value for name, value in dates.items() if value is not None}
    return {"dag_run": dag_run, "run_id": run_id, "ti": ti, "task_instance": ti, "dag": dag, **known, **others}


@pytest.fixture(scope="session")
def make_context() -> Callable[..., dict[str, Any]]:
    """Return a function that builds the context of a task; default: a manual run without dates, 2026-11-19 06:00 UTC.

    ::

        make_context(run_type="scheduled", data_interval_start=a, data_interval_end=b)
    """
    return _make_context
