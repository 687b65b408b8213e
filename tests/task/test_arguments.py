from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.task.arguments import (
    check_arguments,
    check_choice,
    check_dates,
    check_range,
    read_ids,
    read_optional_ids,
    read_pairs,
)

GOOD = {
    "parts": 1,
    "part": None,
    "tables": CAMPAIGNS.default_tables,
    "file_format": "parquet",
    "concurrency": 16,
    "lookback_days": 30,
    "missing_days": "warn",
    "on_error": "fail",
}


@pytest.mark.parametrize("value", [1, 2, 256])
def test_check_range_accepts_a_number_inside(value):
    check_range("concurrency", value, 1, 256)


@pytest.mark.parametrize("value", [0, 257, -1, 1.0, "4", None, True])
def test_check_range_of_anything_else_names_argument_value_and_range(value):
    with pytest.raises(BrazeConfigError) as caught:
        check_range("concurrency", value, 1, 256)
    assert str(caught.value) == f"`concurrency` is {value!r}. Give a whole number, 1 to 256."


def test_check_choice_accepts_a_choice():
    check_choice("missing_days", "warn", ("warn", "fail"))


@pytest.mark.parametrize("value", ["Warn", "", None, 1])
def test_check_choice_of_anything_else_names_the_choices(value):
    with pytest.raises(BrazeConfigError) as caught:
        check_choice("missing_days", value, ("warn", "fail"))
    assert str(caught.value) == f"`missing_days` has the unknown value {value!r}. Use one of: warn, fail."


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"parts": 1, "part": 0},
        {"parts": 16, "part": 0},
        {"parts": 16, "part": 15},
        {"parts": 1000, "part": 999},
        {"tables": list(CAMPAIGNS.table_names)},
        {"tables": ["campaign_raw"]},
        {"tables": {"campaigns"}},
        {"file_format": "jsonl"},
        {"concurrency": 1},
        {"concurrency": 256},
        {"lookback_days": 0},
        {"lookback_days": 3660},
        {"lookback_days": "auto"},
        {"tables": ["campaign_details"]},
        {"missing_days": "fail"},
        {"missing_days": "ignore"},
        {"on_error": "skip"},
    ],
)
def test_check_arguments_accepts_valid_arguments(given):
    check_arguments(CAMPAIGNS, **{**GOOD, **given})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"parts": 0}, "`parts` is 0. Give a whole number, 1 to 1000."),
        ({"parts": -1}, "`parts` is -1."),
        ({"parts": 1001, "part": 0}, "`parts` is 1001."),
        ({"parts": "16", "part": 0}, "`parts` is '16'."),
        ({"parts": True}, "`parts` is True."),
        ({"parts": None}, "`parts` is None."),
        (
            {"parts": 16},
            "`parts` is 16 but `part` is not given. Use .partial(parts=16, ...).expand(part=list(range(16))).",
        ),
        (
            {"part": 3},
            "`part` is 3 but `parts` is not given. Give the number of parts too: "
            ".partial(parts=16, ...).expand(part=list(range(16))).",
        ),
        ({"parts": 16, "part": 16}, "`part` is 16. Give a whole number, 0 to 15."),
        ({"parts": 16, "part": -1}, "`part` is -1."),
        ({"parts": 16, "part": "3"}, "`part` is '3'."),
        ({"parts": 16, "part": ""}, "`part` is ''."),
        ({"parts": 16, "part": False}, "`part` is False."),
        ({"parts": 16, "part": 0.0}, "`part` is 0.0."),
        ({"concurrency": 0}, "`concurrency` is 0. Give a whole number, 1 to 256."),
        ({"concurrency": 257}, "`concurrency` is 257."),
        ({"concurrency": 1.5}, "`concurrency` is 1.5."),
        ({"lookback_days": -1}, "`lookback_days` is -1. Give a whole number, 0 to 3660, or 'auto'."),
        ({"lookback_days": "Auto"}, "`lookback_days` is 'Auto'."),
        ({"lookback_days": "30"}, "`lookback_days` is '30'."),
        ({"lookback_days": ["auto"]}, "`lookback_days` is ['auto']."),
        ({"lookback_days": 3661}, "`lookback_days` is 3661."),
        ({"lookback_days": timedelta(days=30)}, "`lookback_days` is datetime.timedelta(days=30)."),
        ({"file_format": "csv"}, "`file_format` has the unknown value 'csv'. Use one of: parquet, jsonl."),
        ({"file_format": None}, "`file_format` has the unknown value None."),
        ({"missing_days": "error"}, "`missing_days` has the unknown value 'error'. Use one of: warn, fail, ignore."),
        ({"on_error": "warn"}, "`on_error` has the unknown value 'warn'. Use one of: fail, skip."),
        (
            {"tables": []},
            "`tables` is []. Give a list of campaign_days, campaign_messages, campaign_raw, campaigns, "
            "campaign_details.",
        ),
        ({"tables": "campaign_days"}, "`tables` is 'campaign_days'. Give a list of"),
        ({"tables": None}, "`tables` is None. Give a list of"),
        ({"tables": 5}, "`tables` is 5. Give a list of"),
        (
            {"tables": ["campaign_days", "canvases"]},
            "`tables` has the unknown value 'canvases'. Use one of: campaign_days, ",
        ),
        ({"tables": [["campaign_days"]]}, "`tables` has the unknown value ['campaign_days']. Use one of: "),
    ],
)
def test_check_arguments_rejects_by_name_and_value(given, message):
    with pytest.raises(BrazeConfigError) as caught:
        check_arguments(CAMPAIGNS, **{**GOOD, **given})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("start", "end", "zone"),
    [
        (None, None, None),
        ("", "None", None),
        ("2026-01-05", "2026-01-06", None),
        (date(2026, 1, 5), datetime(2026, 1, 6, tzinfo=timezone.utc), "Asia/Seoul"),
        ("{{ ds }}", None, None),
        ("{{ ds }}", "2026-01-05", "{{ params.zone }}"),
        ("{% if a %}{{ ds }}{% endif %}", "{{ ds }}", None),
        (object(), "2026-01-05", None),
        # Which one is earlier depends on the connection's zone, which is unknown before the task runs.
        ("2026-01-05", "2026-01-05T03:00:00+09:00", None),
        ("2026-01-05", "2026-01-04T22:00:00Z", "Pacific/Kiritimati"),
    ],
)
def test_check_dates_accepts_usable_literals_and_templates(start, end, zone):
    check_dates(start, end, zone)


@pytest.mark.parametrize(
    ("start", "end", "zone", "message"),
    [
        ("2026-01-06", "2026-01-05", None, "start='2026-01-06' is after end='2026-01-05'."),
        ("2026-01-05", "2026-01-05", "{{ params.zone }}", "are the same moment"),
        ("2026-01-05T01:00Z", "2026-01-05T03:00+09:00", None, "is after end="),
        ("2026-01-05", "2026-01-05T03:00:00Z", "America/New_York", "is after end="),
        ("2026-01-05", None, None, "`end` is missing"),
        ("", date(2026, 1, 5), None, "`start` is missing"),
        ("yesterday", "{{ ds }}", None, "start='yesterday' is not a date or datetime."),
        ("{{ ds }}", "2026-02-30", None, "end='2026-02-30' is not a date or datetime."),
        (5, "2026-01-05", None, "start=5 is not a date or datetime."),
        (timedelta(days=1), None, None, "is not a date or datetime."),
        ("2026-01-05", "2026-01-06", "Mars/Base", "The time zone 'Mars/Base' does not exist."),
        (None, None, "Mars/Base", "The time zone 'Mars/Base' does not exist."),
        (None, None, "EST", "The time zone 'EST' is an abbreviation or an offset."),
    ],
)
def test_check_dates_rejects_unusable_literals(start, end, zone, message):
    with pytest.raises(BrazeConfigError) as caught:
        check_dates(start, end, zone)
    assert message in str(caught.value)


A, B = "8c1f2c4e-0000-4000-8000-00000000000a", "8c1f2c4e-0000-4000-8000-00000000000b"


class Lazy:
    """Like the result of mapped tasks: a sequence that is not a list."""

    def __iter__(self) -> Iterator[str]:
        return iter([A, B])


def test_read_ids_of_an_omitted_argument_is_none():
    assert read_ids("campaign_ids", None) is None


@pytest.mark.parametrize("value", ["", "  ", "None", " None "])
def test_read_ids_that_rendered_to_nothing_are_rejected(value):
    with pytest.raises(BrazeConfigError, match="was given, but rendered to"):
        read_ids("campaign_ids", value)


@pytest.mark.parametrize("value", [A, f" {A}\n", [A], (A,), {A}, [A, f" {A} "], f"['{A}']", f'["{A}"]', f"('{A}',)"])
def test_read_ids_of_one_id_returns_that_id(value):
    assert read_ids("campaign_ids", value) == [A]


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
def test_read_ids_of_several_keeps_their_order(value):
    assert read_ids("campaign_ids", value) == [A, B]


@pytest.mark.parametrize("value", [[], (), "[]", " [ ] ", "()"])
def test_read_ids_of_an_empty_list_is_empty(value):
    assert read_ids("campaign_ids", value) == []


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
def test_read_ids_of_anything_else_raises_with_value_and_remedy(value):
    with pytest.raises(BrazeConfigError, match="Give one id, or a list of ids") as caught:
        read_ids("campaign_ids", value)
    assert len(str(caught.value)) < 300


@given(st.lists(st.text(min_size=1).filter(lambda text: text.strip() == text and "," not in text), unique=True))
def test_read_ids_parses_a_rendered_list(ids):
    assert read_ids("campaign_ids", ids) == read_ids("campaign_ids", str(ids)) == ids


@pytest.mark.parametrize("value", [f"{A},{B}", f"{A}, {B}", [f"{A},{B}"], str([A, f"{B},"])])
def test_read_ids_of_several_in_one_text_raises_and_suggests_a_list(value):
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


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (None, [None]),
        ([None], [None]),
        ([], []),
        ("x", ["x"]),
        (["x", None], [None, "x"]),
        ("[None, 'x']", [None, "x"]),
        ("('x', None, 'y ')", [None, "x", "y"]),
        ("[]", []),
        (iter([None, "x"]), [None, "x"]),
    ],
)
def test_read_optional_ids_keeps_none_also_in_rendered_text(value, ids):
    assert read_optional_ids("app_ids", value) == ids


@pytest.mark.parametrize("value", ["None", "", "[None, 5]", "[null]", {"a": None}, b"x", 5, [None, ""]])
def test_read_optional_ids_of_anything_else_names_the_argument(value):
    with pytest.raises(BrazeConfigError, match=r"^`app_ids`"):
        read_optional_ids("app_ids", value)


@pytest.mark.parametrize("value", [[("c", "s"), ["c ", " s"]], "[('c', 's')]", '[["c", "s\\n"]]'], ids=str)
def test_read_pairs_strips_ids(value):
    assert read_pairs("sends", value) == [("c", "s")]


def test_read_pairs_of_an_iterator():
    assert read_pairs("sends", iter([("c", "s")])) == [("c", "s")]


@pytest.mark.parametrize(
    "value", ["None", "", "c:s", "[c]", ("c", "s"), ["cs"], {"cs": 1}, [("c",)], [("c", 5)], None, 5]
)
def test_read_pairs_of_anything_else_raises_with_the_remedy(value):
    with pytest.raises(BrazeConfigError) as caught:
        read_pairs("sends", value)
    assert str(caught.value) == f"`sends` is {value!r}. Give a list of pairs: campaign id and send id."
