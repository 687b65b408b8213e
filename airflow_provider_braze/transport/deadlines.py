"""How answers are received: silence, slowness and the end of the task are noticed at each piece, headers included.

A socket's time-out counts from one piece to the next, so a server that sends a byte now and then would beat it, and no
signal reaches a thread that waits for a byte. So each wait is cut into short ones.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Callable
from typing import Any, Final

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from airflow_provider_braze.transport.sender import MAX_READ_TIMEOUTS, TOO_SLOW

_LOOK_SECONDS: Final = 0.5


class ReceivingAdapter(HTTPAdapter):
    """Makes connections whose answers end in time.

    :param check: called at least twice a second while an answer is waited for; raises to end the wait.
    :param pool_size: connections that are kept.
    """

    def __init__(self, check: Callable[[], None], pool_size: int) -> None:
        self._pools = _pools(check)
        super().__init__(pool_connections=1, pool_maxsize=pool_size, pool_block=True)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        """Make the pools of connections by way of a proxy."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(check: Callable[[], None]) -> dict[str, Any]:
    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(sock, *args, **kwargs)
            self.fp = io.BufferedReader(_Incoming(sock, self.fp.detach(), check))

    # The types of urllib3 do not know of this attribute of its base class.
    plain = type("HTTPConnection", (HTTPConnection,), {"response_class": Response})
    secure = type("HTTPSConnection", (HTTPSConnection,), {"response_class": Response})
    return {
        "http": type("HTTPConnectionPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("HTTPSConnectionPool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }


class _Incoming(io.RawIOBase):
    """The bytes of one answer.

    :param sock: where they come from, with its read time-out.
    :param raw: the socket's own stream, which is closed with this one.
    """

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, check: Callable[[], None]) -> None:
        self._sock, self._raw, self._check = sock, raw, check
        self._patience = sock.gettimeout() or 0.0
        self._until = time.monotonic() + MAX_READ_TIMEOUTS * self._patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        silent_until = time.monotonic() + self._patience
        while True:
            now = time.monotonic()
            if now >= self._until:
                raise ConnectionAbortedError(TOO_SLOW)
            if now >= silent_until:
                raise TimeoutError("timed out")
            self._sock.settimeout(min(silent_until - now, self._until - now, _LOOK_SECONDS))
            try:
                return self._sock.recv_into(buffer)
            except TimeoutError:
                continue
            finally:
                # Restored, for after a proxy's answer the TLS handshake goes on with this socket.
                self._sock.settimeout(self._patience)
                self._check()

    def close(self) -> None:
        super().close()
        self._raw.close()
