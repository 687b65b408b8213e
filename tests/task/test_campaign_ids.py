from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.task.arguments import read_campaign_ids, read_ids

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
    with pytest.raises(BrazeConfigError, match="Give one id, or a list of ids") as caught:
        read_campaign_ids(value)
    assert len(str(caught.value)) < 300


@given(st.lists(st.text(min_size=1).filter(lambda text: text.strip() == text and "," not in text), unique=True))
def test_read_campaign_ids_reads_what_a_template_makes_of_a_list(ids):
    assert read_campaign_ids(ids) == read_campaign_ids(str(ids)) == ids


@pytest.mark.parametrize("value", [f"{A},{B}", f"{A}, {B}", [f"{A},{B}"], str([A, f"{B},"])])
def test_read_ids_of_several_in_one_text_says_that_a_list_is_needed(value):
    with pytest.raises(BrazeConfigError, match=r"^`canvas_ids` has .+ several ids in one text\. Give a list of ids"):
        read_ids("canvas_ids", value)


def test_read_ids_errors_name_the_argument():
    with pytest.raises(BrazeConfigError, match=r"^`segment_ids` was given, but rendered to 'None'"):
        read_ids("segment_ids", "None")
    with pytest.raises(BrazeConfigError, match=r"^`segment_ids` is 5"):
        read_ids("segment_ids", 5)


@pytest.mark.parametrize("value", ["Bought, paid", " Bought ", ["a,b", " c"], "['a,b', ' c']"])
def test_read_ids_of_free_text_keeps_commas_and_spaces(value):
    names = ["a,b", " c"] if "c" in value or "a,b" in value else [value]
    assert read_ids("events", value, is_free_text=True) == names
