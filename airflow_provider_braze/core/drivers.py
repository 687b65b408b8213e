"""Conversations that are written once, and held by threads as well as in an event loop.

A conversation is a generator: it yields what it asks for, is sent what came of it, and returns its result. Whoever runs
it decides how to ask.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

Q = TypeVar("Q")
R = TypeVar("R")


def drive(steps: Generator[Q, Any, R], ask: Callable[[Q], Any]) -> R:
    """Hold a conversation.

    :param ask: gives what came of a question; what it raises ends the conversation.
    """
    try:
        question = next(steps)
        while True:
            question = steps.send(ask(question))
    except StopIteration as stop:
        result: R = stop.value
        return result
    finally:
        steps.close()


async def drive_async(steps: Generator[Q, Any, R], ask: Callable[[Q], Awaitable[Any]]) -> R:
    """Hold a conversation in an event loop; see :func:`drive`."""
    try:
        question = next(steps)
        while True:
            question = steps.send(await ask(question))
    except StopIteration as stop:
        result: R = stop.value
        return result
    finally:
        steps.close()
