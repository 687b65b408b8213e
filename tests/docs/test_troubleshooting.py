from __future__ import annotations

import inspect
import re

import pytest

from airflow_provider_braze import exceptions
from airflow_provider_braze.task.errors import fail_fast_on_permanent_errors
from tests.docs.messages import FILLED_IN, all_texts, raised_messages
from tests.docs.pages import prose, read

TEXT = prose(read("troubleshooting.md"))
CLASSES = {
    name: value
    for name, value in vars(exceptions).items()
    if inspect.isclass(value) and issubclass(value, exceptions.BrazeError)
}
# Said inside another message, which is quoted.
PARTS_OF_OTHERS = {"No such container", "timed out", "no attempt was made"}


def quotes(text: str = TEXT) -> set[str]:
    """The messages in quotation marks, longer than a mere value."""
    found = re.findall(r'"([^"]*)"', " ".join(text.split()))
    return {quote.removesuffix(".").removesuffix(": " + FILLED_IN) for quote in found if len(quote) >= 12}


def headings() -> dict[str, bool]:
    """Whether a class is marked as final, by its name."""
    return {name: bool(mark) for name, mark in re.findall(r"^## (Braze\w+)( †)?$", TEXT, flags=re.M)}


def test_each_class_has_its_section():
    assert headings().keys() == CLASSES.keys()


def test_classes_that_are_never_retried_are_marked():
    from airflow_provider_braze.task.airflow import AirflowFailException

    for name, is_final in headings().items():
        with pytest.raises(Exception) as raised, fail_fast_on_permanent_errors():  # noqa: PT011 - which one is asked below
            raise CLASSES[name]("a message")
        assert isinstance(raised.value, AirflowFailException) == is_final, name


def test_each_quoted_message_is_in_the_source():
    texts = all_texts()
    assert len(quotes()) > 80
    assert [quote for quote in quotes() if not any(quote in text for text in texts)] == []


def test_each_message_of_the_source_is_quoted():
    messages = {text for _, text in raised_messages() if len(re.findall(r"\w+", text)) > 2}
    assert len(messages) > 60
    told = quotes()
    untold = [text for text in messages - PARTS_OF_OTHERS if not any(quote in text for quote in told)]
    assert untold == []


def test_each_message_is_told_under_its_class():
    checked = 0
    for name in CLASSES:
        (below,) = re.findall(rf"^## {name}(?: †)?$(.*?)(?=^## |\Z)", TEXT, flags=re.M | re.S)
        for quote in quotes(below):
            raised = {kind for kind, text in raised_messages() if quote in text}
            assert not raised or name in raised, quote
            checked += bool(raised)
    assert checked > 60
