from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.task.arguments import read_campaign_ids

A, B = "8c1f2c4e-0000-4000-8000-00000000000a", "8c1f2c4e-0000-4000-8000-00000000000b"


class Lazy:
    """As what mapped tasks pushed: a sequence that is no list."""

    def __iter__(self) -> Iterator[str]:
        return iter([A, B])


def test_read_campaign_ids_not_given_is_none():
    assert read_campaign_ids(None) is None


@pytest.mark.parametrize("value", ["", "  ", "None", " None "])
def test_read_campaign_ids_that_rendered_to_nothing_are_no_whole_workspace(value):
    with pytest.raises(BrazeConfigError, match="was given, but rendered to"):
        read_campaign_ids(value)


@pytest.mark.parametrize("value", [A, f" {A}\n", [A], (A,), {A}, [A, f" {A} "], f"['{A}']", f'["{A}"]', f"('{A}',)"])
def test_read_campaign_ids_of_one_id_is_that_id(value):
    assert read_campaign_ids(value) == [A]


@pytest.mark.parametrize(
    "value",
    [
        [A, B],
        (A, B),
        iter([A, B]),
        Lazy(),
        {A: 1, B: 2}.keys(),
        [A, B, A],
        str([A, B]),
        str((A, B)),
        json.dumps([A, B]),
        f"\n[\n'{A}',\n'{B}'\n]\n",
    ],
)
def test_read_campaign_ids_of_several_keeps_their_order(value):
    assert read_campaign_ids(value) == [A, B]


@pytest.mark.parametrize("value", [[], (), "[]", " [ ] ", "()"])
def test_read_campaign_ids_of_an_empty_list_is_empty(value):
    assert read_campaign_ids(value) == []


@pytest.mark.parametrize(
    "value",
    [
        5,
        1.5,
        True,
        b"id",
        {"id": A},
        [A, 5],
        [A, None],
        [A, ""],
        [A, "  "],
        [[A]],
        "[1]",
        "[null]",
        "[",
        "['a'",
        "[a]",
        "[__import__('os')]",
        "[" * 500,
        f"('{A}')" + "x",
        "(",
    ],
)
def test_read_campaign_ids_of_anything_else_shows_it_and_says_what_to_give(value):
    with pytest.raises(BrazeConfigError, match="Give one campaign id, or a list of them") as caught:
        read_campaign_ids(value)
    assert len(str(caught.value)) < 300


@given(st.lists(st.text(min_size=1).filter(lambda text: text.strip() == text), unique=True))
def test_read_campaign_ids_reads_what_a_template_makes_of_a_list(ids):
    assert read_campaign_ids(ids) == read_campaign_ids(str(ids)) == ids
