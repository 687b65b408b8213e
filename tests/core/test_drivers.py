from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest

from airflow_provider_braze.core.drivers import drive, drive_async


class Talk:
    """A conversation that asks for numbers, and notes how it ends."""

    def __init__(self, *questions: int) -> None:
        self.questions = questions
        self.ended = False

    def steps(self) -> Generator[int, int, list[int]]:
        answers = []
        try:
            for question in self.questions:
                answers.append((yield question))
        finally:
            self.ended = True
        return answers


def by_threads(steps: Any, ask: Callable[[int], int]) -> Any:
    return drive(steps, ask)


def in_a_loop(steps: Any, ask: Callable[[int], int]) -> Any:
    async def ask_later(question: int) -> int:
        await asyncio.sleep(0)
        return ask(question)

    return asyncio.run(drive_async(steps, ask_later))


@pytest.fixture(params=[by_threads, in_a_loop])
def run(request) -> Callable[..., Any]:
    return request.param


@pytest.mark.parametrize("questions", [(), (1,), (1, 2, 3)])
def test_run_steps_answers_each_question_and_gives_the_result(run, questions):
    assert run(Talk(*questions).steps(), lambda question: 10 * question) == [10 * each for each in questions]


def test_run_steps_ends_the_conversation_when_asking_fails(run):
    talk = Talk(1, 2)

    def fail(question: int) -> int:
        raise LookupError(question)

    steps = talk.steps()
    with pytest.raises(LookupError):
        run(steps, fail)
    assert talk.ended


def test_run_steps_lets_pass_what_the_conversation_raises(run):
    def steps() -> Generator[int, int, None]:
        yield 1
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        run(steps(), lambda question: question)
