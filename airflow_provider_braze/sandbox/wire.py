"""Answers that go wrong on the wire: cut, reset or dripping."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Pause = Callable[[float], Awaitable[None]]
"""Waits so many seconds, or until the sandbox stops."""

FindTransport = Callable[[Scope], "asyncio.Transport | None"]
"""Returns the connection over which a request came, if it can be told."""

_DRIPS = 20


class _Wire(Response):
    """A response whose sending is another one's than Starlette's."""

    def __init__(self, sending: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        super().__init__()
        self._sending = sending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._sending(scope, receive, send)


def cut(response: Response, find_transport: FindTransport) -> Response:
    """Send half of the body that its ``Content-Length`` announces, then close the connection."""

    async def sending(scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(response.body)
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        _transport(find_transport, scope).close()
        await _disconnected(receive)

    return _Wire(sending)


def reset(find_transport: FindTransport) -> Response:
    """Reset the connection without an answer."""

    async def sending(scope: Scope, receive: Receive, send: Send) -> None:
        transport = _transport(find_transport, scope)
        # Lingering for zero seconds makes the system send RST instead of FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await _disconnected(receive)

    return _Wire(sending)


def drip(response: Response, seconds: float, pause: Pause) -> Response:
    """Send the body in small pieces, so that it takes some seconds in all."""

    async def sending(scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(response.body)
        size = max(1, -(-len(body) // _DRIPS))
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        for start in range(0, len(body), size):
            await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
            await pause(seconds / _DRIPS)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return _Wire(sending)


def _transport(find_transport: FindTransport, scope: Scope) -> asyncio.Transport:
    transport = find_transport(scope)
    if transport is None:
        raise ConnectionAbortedError("The server does not let the sandbox reach the connection, so it is given up.")
    return transport


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
