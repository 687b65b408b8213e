"""A TCP proxy in front of a store that can cut off requests before they reach it, or midway."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Gate:
    """Passes everything on until :meth:`cut` is called.

    :param endpoint: address of the store.
    """

    def __init__(self, endpoint: str) -> None:
        self._store = ("127.0.0.1", int(endpoint.rpartition(":")[2]))
        self._cut: tuple[str, int, Callable[[], bytes]] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        self.cuts = 0
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="gate")]
        self._threads[0].start()

    def cut(self, methods: str, after: int, response: bytes | Callable[[], bytes]) -> None:
        """Cut off requests from now on.

        :param methods: pattern of the methods to cut off.
        :param after: number of bytes of the body that the store still receives. Requests with a shorter body pass.
        :param response: what the client receives then, or a function that returns it.
        """
        self._cut = (methods, after, response if callable(response) else lambda: response)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                store = socket.create_connection(self._store)
                self._sockets += [client, store]
                for target in (self._to_store, self._to_client):
                    self._threads.append(threading.Thread(target=target, args=(client, store), name="gate"))
                    self._threads[-1].start()

    def _to_client(self, client: socket.socket, store: socket.socket) -> None:
        with suppress(OSError):
            while data := store.recv(65_536):
                client.sendall(data)

    def _to_store(self, client: socket.socket, store: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65_536):
                if self._is_to_cut(data):
                    self._cut_off(data, client, store)
                    return
                store.sendall(data)

    def _is_to_cut(self, data: bytes) -> bool:
        # Clients send no request before the response to the last one, and its head at once: the data begins with it.
        if self._cut is None or not re.match(rb"(%s) \S+ HTTP/1.1\r\n" % self._cut[0].encode(), data):
            return False
        return _length(data) >= self._cut[1]

    def _cut_off(self, data: bytes, client: socket.socket, store: socket.socket) -> None:
        _, after, response = self._cut
        head = data.index(b"\r\n\r\n") + 4
        length = _length(data)
        passed = 0
        if not after and b"100-continue" in data[:head]:
            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while True:
            if after:
                store.sendall(data[passed : head + after])
                passed = min(len(data), head + after)
            if len(data) >= head + length:
                break
            if not (more := client.recv(65_536)):
                return
            data += more
        self.cuts += 1
        store.shutdown(socket.SHUT_RDWR)
        client.sendall(response())
        client.shutdown(socket.SHUT_WR)


def _length(data: bytes) -> int:
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)\r\n", data)
    return int(found[1]) if found else 0
