"""Faults of a connection: a response that is cut, reset or slow."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

Pause = Callable[[float], Awaitable[None]]
"""Waits a number of seconds, or until the sandbox stops."""

FindTransport = Callable[[Scope], "asyncio.Transport | None"]
"""Returns the connection of a request, or None when it is unknown."""

_DRIPS = 20


class _Wire(Response):
    """A response that is sent by a function of its own."""

    def __init__(self, sending: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        super().__init__()
        self._sending = sending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._sending(scope, receive, send)


def cut(response: Response, find_transport: FindTransport) -> Response:
    """Build a response that sends half of the announced body and then closes the connection."""

    async def sending(scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(response.body)
        await send({"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        _transport(find_transport, scope).close()
        await _disconnected(receive)

    return _Wire(sending)


def reset(find_transport: FindTransport) -> Response:
    """Build a response that resets the connection without sending anything."""

    async def sending(scope: Scope, receive: Receive, send: Send) -> None:
        transport = _transport(find_transport, scope)
        # Lingering for zero seconds makes the system send RST instead of FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await _disconnected(receive)

    return _Wire(sending)


def drip(response: Response, seconds: float, pause: Pause) -> Response:
    """Build a response that sends the body in small pieces over some seconds."""

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
        raise ConnectionAbortedError(
            "The sandbox cannot reach the connection of this request, so it cannot apply the fault."
        )
    return transport


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
