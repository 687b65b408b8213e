"""An S3 server like some stores: it ignores conditions, and rejects the headers that a test names."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class PlainS3(ThreadingHTTPServer):
    """Objects by path.

    :param rejected: prefixes of headers, in lower case, that make a write return 501.
    """

    def __init__(self, *rejected: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rejected = rejected
        self.objects: dict[str, bytes] = {}
        self.writes = 0

    @property
    def connection(self) -> dict[str, Any]:
        extra = {"region_name": "us-east-1", "endpoint_url": f"http://127.0.0.1:{self.server_port}"}
        return {"conn_type": "aws", "login": "any", "password": "any", "extra": extra}


@contextmanager
def plain_s3(*rejected: str) -> Iterator[PlainS3]:
    """Serve until the block ends."""
    with PlainS3(*rejected) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PlainS3

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        names = [name.lower() for name in self.headers]
        if any(name.startswith(self.server.rejected) for name in names):
            error = b"<Error><Code>NotImplemented</Code><Message>A header is not implemented</Message></Error>"
            self._send(501, error)
            return
        self.server.writes += 1
        self.server.objects[self.path] = content
        self._send(200, b"", content)

    def do_GET(self) -> None:
        content = self.server.objects.get(self.path.partition("?")[0])
        if content is None:
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._send(200, content, content)

    do_HEAD = do_GET

    def _send(self, status: int, body: bytes, content: bytes | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if content is not None:
            self.send_header("ETag", f'"{md5(content).hexdigest()}"')
            self.send_header("Last-Modified", "Thu, 19 Nov 2026 06:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass
