from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest

from airflow_provider_braze.core.drivers import drive, drive_async


class Conversation:
    """A generator of steps that requests numbers, and records whether it was closed."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = numbers
        self.ended = False

    def steps(self) -> Generator[int, int, list[int]]:
        responses = []
        try:
            for number in self.numbers:
                responses.append((yield number))
        finally:
            self.ended = True
        return responses


def by_threads(steps: Any, respond: Callable[[int], int]) -> Any:
    return drive(steps, respond)


def in_a_loop(steps: Any, respond: Callable[[int], int]) -> Any:
    async def respond_later(number: int) -> int:
        await asyncio.sleep(0)
        return respond(number)

    return asyncio.run(drive_async(steps, respond_later))


@pytest.fixture(params=[by_threads, in_a_loop])
def run(request) -> Callable[..., Any]:
    return request.param


@pytest.mark.parametrize("numbers", [(), (1,), (1, 2, 3)])
def test_drive_sends_each_response_and_returns_the_result(run, numbers):
    assert run(Conversation(*numbers).steps(), lambda number: 10 * number) == [10 * each for each in numbers]


def test_drive_closes_the_steps_when_a_request_fails(run):
    conversation = Conversation(1, 2)

    def fail(number: int) -> int:
        raise LookupError(number)

    steps = conversation.steps()
    with pytest.raises(LookupError):
        run(steps, fail)
    assert conversation.ended


def test_drive_propagates_errors_of_the_steps(run):
    def steps() -> Generator[int, int, None]:
        yield 1
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        run(steps(), lambda number: number)
