from __future__ import annotations

import inspect
import re

import pytest

from airflow_provider_braze import exceptions
from airflow_provider_braze.task.errors import fail_fast_on_permanent_errors
from tests.docs.pages import read, rows, section, words

TEXT = read("troubleshooting.md")
CLASSES = {
    name: value
    for name, value in vars(exceptions).items()
    if inspect.isclass(value) and issubclass(value, exceptions.BrazeError)
}


def documented() -> dict[str, bool]:
    """Return whether a class is marked as permanent, by its name."""
    (table, *_) = re.split(r"^### ", section(TEXT, "Errors"), flags=re.M)
    return {words(row[0])[0]: row[0].endswith("†") for row in rows(table)}


def test_each_class_is_documented():
    assert documented().keys() == CLASSES.keys()


@pytest.mark.parametrize("name", CLASSES)
def test_permanent_classes_are_marked(name):
    from airflow_provider_braze.task.airflow import AirflowFailException

    with pytest.raises(Exception) as raised, fail_fast_on_permanent_errors():  # noqa: PT011 - its class is checked below
        raise CLASSES[name]("a message")
    assert isinstance(raised.value, AirflowFailException) == documented()[name]


def test_each_class_has_a_cause_and_advice():
    assert all(cause and advice for _, cause, advice in rows(section(TEXT, "Errors"))[: len(CLASSES)])
