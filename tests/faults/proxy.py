"""A proxy in front of the sandbox that changes responses, or the way in which they arrive."""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from socketserver import BaseRequestHandler, ThreadingTCPServer
from urllib.parse import parse_qsl, urlencode, urlsplit


@dataclass(frozen=True)
class Request:
    """A received request."""

    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]

    @classmethod
    def of(cls, head: str) -> Request:
        line, *fields = head.split("\r\n")
        url = urlsplit(line.split(" ")[1])
        headers = dict(each.split(": ", 1) for each in fields if each)
        return cls(url.path, dict(parse_qsl(url.query)), {name.lower(): value for name, value in headers.items()})


@dataclass(frozen=True)
class Response:
    """A response to send. Headers that are None are left out."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str | None] = field(default_factory=dict)

    def render(self) -> bytes:
        headers = {"content-length": str(len(self.body)), **self.headers}
        lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
        # Latin-1, as http.client reads them.
        return "\r\n".join([f"HTTP/1.1 {self.status} Status", *lines, "", ""]).encode("latin-1") + self.body


@dataclass
class Call:
    """A request in flight, which a fault handles.

    :param closing: set when the proxy ends.
    """

    request: Request
    stream: socket.socket
    closing: threading.Event
    port: int
    is_kept: bool = False

    def fetch(self, **params: str) -> Response:
        """Return the sandbox's own response, uncompressed, optionally with changed parameters."""
        upstream = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            query = urlencode({**self.request.params, **params})
            headers = {"Authorization": self.request.headers["authorization"]}
            upstream.request("GET", f"{self.request.path}?{query}", headers=headers)
            received = upstream.getresponse()
            kept = {name: value for name, value in received.getheaders() if name.startswith(("content-type", "x-"))}
            return Response(received.status, received.read(), kept)
        finally:
            upstream.close()

    def send(self, response: Response) -> None:
        """Send a complete response, and keep the connection open."""
        self.stream.sendall(response.render())
        self.is_kept = True

    def reset(self) -> None:
        """Reset the connection."""
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stream.close()

    def wait_for_client(self) -> None:
        """Wait until the client disconnects."""
        while self.stream.recv(65_536):
            pass


Fault = Callable[[Call], None]
Rule = Callable[[Request], Fault | None]


def pass_on(call: Call) -> None:
    """Pass the request on without a fault."""
    call.send(call.fetch())


class FaultProxy:
    """Listens on a loopback port, and passes each request to the sandbox, or to the fault that its rule returns.

    :param port: port of the sandbox.
    :param tls: serve HTTPS.
    """

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.rule: Rule = lambda request: None
        self.requests: list[Request] = []
        self.mistakes: list[Exception] = []
        """Errors of faults, which would look like faults of the network."""
        self._port = port
        self._tls = tls
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseRequestHandler]:
        proxy = self

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                # A client may disconnect at any time. The test itself checks what the client received.
                try:
                    proxy._serve(self.request)
                except OSError:
                    pass
                except Exception as error:
                    proxy.mistakes.append(error)

        return Handler

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
        while head := _read_head(stream):
            request = Request.of(head)
            self.requests.append(request)
            call = Call(request, stream, self._closing, self._port)
            (self.rule(request) or pass_on)(call)
            if not call.is_kept:
                return stream.close()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


def _read_head(stream: socket.socket) -> str:
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        more = stream.recv(65_536)
        if not more:
            return ""
        received += more
    return received.decode("latin-1")


def with_body(call: Call, body: bytes) -> Response:
    """Return the sandbox's response with another body."""
    return replace(call.fetch(), body=body)
