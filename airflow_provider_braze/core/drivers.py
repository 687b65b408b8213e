"""Request sequences that are written once and run by the sync and the async transport.

A sequence is a generator. It yields a request, is sent the result, and returns its own result. The driver decides how
to send.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

Q = TypeVar("Q")
R = TypeVar("R")


def drive(sequence: Generator[Q, Any, R], send: Callable[[Q], Any]) -> R:
    """Run a sequence.

    :param send: returns the result of a request. Its errors end the sequence.
    """
    try:
        request = next(sequence)
        while True:
            request = sequence.send(send(request))
    except StopIteration as stop:
        result: R = stop.value
        return result
    finally:
        sequence.close()


async def drive_async(sequence: Generator[Q, Any, R], send: Callable[[Q], Awaitable[Any]]) -> R:
    """Run a sequence in an event loop; see :func:`drive`."""
    try:
        request = next(sequence)
        while True:
            request = sequence.send(await send(request))
    except StopIteration as stop:
        result: R = stop.value
        return result
    finally:
        sequence.close()
