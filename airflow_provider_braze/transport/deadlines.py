"""Connections of ``urllib3`` whose every wait ends soon: by its timeout, or because the task stops.

A socket's timeout counts from one piece of data to the next, so a slow server could exceed any limit. And a signal does
not reach a thread that waits for a socket. So each wait is split into short ones: for the address, the connection, the
TLS handshake and every piece of the response. Two waits are not split: sending a request, which fits a socket's buffer,
and the TLS handshake with a proxy that is itself reached by HTTPS.
"""

from __future__ import annotations

import http.client
import io
import os
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from errno import EINPROGRESS, EWOULDBLOCK
from typing import Any, Final, TypeVar

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from airflow_provider_braze.transport.failures import too_slow
from airflow_provider_braze.transport.sender import MAX_READ_TIMEOUTS

T = TypeVar("T")
Check = Callable[[], None]

_STEP_SECONDS: Final = 0.5


class DeadlineAdapter(HTTPAdapter):
    """Opens connections whose waits end by their timeout, or when the task stops.

    :param check: called at least twice a second during a wait; raises to end it.
    :param pool_size: number of connections to keep.
    """

    def __init__(self, check: Check, pool_size: int) -> None:
        self._pools = _pools(check)
        super().__init__(pool_connections=1, pool_maxsize=pool_size, pool_block=True)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        """Create the pools of connections through a proxy."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(check: Check) -> dict[str, Any]:
    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            self.fp = io.BufferedReader(_Incoming(sock, self.fp.detach(), check))

    class TlsSocket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            patience = self.gettimeout() or 0.0
            handshake = super().do_handshake
            try:
                in_steps(self, time.monotonic() + patience, check, lambda: handshake(block))
            except BaseException:
                # Python closes it after an OSError, but not when the task stops.
                self.close()
                raise

    class Connection(HTTPConnection):
        response_class = Response

        def _new_conn(self) -> socket.socket:
            try:
                return connect(self._dns_host, self.port, float(self.timeout or 0), check, self.socket_options or ())
            except OSError as error:
                raise NewConnectionError(self, "no connection") from error

    class TlsConnection(Connection, HTTPSConnection):
        def connect(self) -> None:
            self.ssl_context = create_urllib3_context()
            self.ssl_context.sslsocket_class = TlsSocket
            super().connect()

    return {
        "http": type("HTTPConnectionPool", (HTTPConnectionPool,), {"ConnectionCls": Connection}),
        "https": type("HTTPSConnectionPool", (HTTPSConnectionPool,), {"ConnectionCls": TlsConnection}),
    }


def in_steps(sock: socket.socket, until: float, check: Check, operation: Callable[[], T]) -> T:
    """Repeat a blocking operation of a socket in short steps until it succeeds.

    :param until: deadline by the monotonic clock.
    :raises TimeoutError: the deadline has passed.
    """
    timeout = sock.gettimeout()
    try:
        while (left := until - time.monotonic()) > 0:
            sock.settimeout(min(left, _STEP_SECONDS))
            try:
                return operation()
            except TimeoutError:
                continue
            finally:
                check()
    finally:
        # Restored: after a proxy's response the TLS handshake goes on with this socket.
        sock.settimeout(timeout)
    raise TimeoutError("timed out")


def connect(host: str, port: int, patience: float, check: Check, options: Any = ()) -> socket.socket:
    """Open a connection to the first address of a host that accepts one.

    :param patience: seconds for the lookup, and for each address.
    :param options: options of the socket, as urllib3 passes them.
    :raises OSError: no address accepts a connection.
    """
    error: OSError = TimeoutError("timed out")
    for family, kind, protocol, _, address in _look_up(host.strip("[]"), port, patience, check):
        with ExitStack() as on_failure:
            try:
                sock = on_failure.enter_context(socket.socket(family, kind, protocol))
                for option in options:
                    sock.setsockopt(*option)
                _connect_to(sock, address, time.monotonic() + patience, check)
            except OSError as failure:
                error = failure
                continue
            sock.settimeout(patience)
            on_failure.pop_all()
            return sock
    raise error


def _look_up(host: str, port: int, patience: float, check: Check) -> list[Any]:
    """Look up a host in a thread of its own: nothing can interrupt the system's resolver.

    When the task stops, the thread ends with the resolver's own timeout. It does not keep the process alive.
    """
    found: list[Any] = []
    done = threading.Event()

    def look_up() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.append(error)
        done.set()

    threading.Thread(target=look_up, name="braze-lookup", daemon=True).start()
    _wait(done.wait, time.monotonic() + patience, check)
    if isinstance(found[0], BaseException):
        raise found[0] if isinstance(found[0], OSError) else socket.gaierror("not a host name")
    addresses: list[Any] = found[0]
    return addresses


def _connect_to(sock: socket.socket, address: Any, until: float, check: Check) -> None:
    sock.setblocking(False)
    code = sock.connect_ex(address)
    if code in (EINPROGRESS, EWOULDBLOCK):
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_WRITE)
            _wait(selector.select, until, check)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def _wait(wait_for: Callable[[float], object], until: float, check: Check) -> None:
    """Wait in short steps.

    :param wait_for: waits at most that many seconds, and returns something true when the wait is over.
    :param until: deadline by the monotonic clock.
    :raises TimeoutError: the deadline has passed.
    """
    while not wait_for(min(max(until - time.monotonic(), 0.0), _STEP_SECONDS)):
        check()
        if time.monotonic() >= until:
            raise TimeoutError("timed out")


class _Incoming(io.RawIOBase):
    """The bytes of one response.

    :param sock: socket to read from, with its read timeout.
    :param raw: the socket's own stream, which is closed with this one.
    """

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, check: Check) -> None:
        self._sock, self._raw, self._check = sock, raw, check
        self._patience = sock.gettimeout() or 0.0
        self._until = time.monotonic() + MAX_READ_TIMEOUTS * self._patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        until = min(time.monotonic() + self._patience, self._until)
        try:
            return in_steps(self._sock, until, self._check, lambda: self._sock.recv_into(buffer))
        except TimeoutError:
            if time.monotonic() >= self._until:
                raise too_slow(MAX_READ_TIMEOUTS * self._patience) from None
            raise

    def close(self) -> None:
        super().close()
        self._raw.close()
