from __future__ import annotations

import json
from datetime import date

import pytest

from airflow_provider_braze.core.channels import ROW_FIELDS, ROW_FIGURES
from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.tables.rows import split_day

DAY = date(2026, 11, 1)


def split_row(channel="email", **row):
    """Split a row, and return its cells, its rest and the drift of its day."""
    day = split_day(DAY, {"time": "2026-11-01", "messages": {channel: [row]}}, "$.data[0]")
    ((found, *cells, other),) = day.rows
    assert found == channel
    values = {name: cell for name, cell in zip(ROW_FIELDS, cells, strict=True) if cell is not None}
    return values, json.loads(other or "null"), dict(day.drift)


@pytest.mark.parametrize(
    ("key", "value", "cell"),
    [
        ("sent", 0, 0),
        ("sent", 2**63 - 1, 2**63 - 1),
        ("sent", -(2**63), -(2**63)),
        ("sent", 5.0, 5),
        ("sent", -0.0, 0),
        ("revenue", 5, 5.0),
        ("revenue", 2**60, 2.0**60),
        ("revenue", 0.1, 0.1),
        ("variation_name", "", ""),
        ("read", 7, 7),
    ],
)
def test_split_day_fitting_value_is_a_cell_of_the_columns_type(key, value, cell):
    values, other, drift = split_row(**{key: value})
    assert (values, other, drift) == ({key: cell}, None, {})
    assert type(values[key]) is type(cell)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sent", "5"),
        ("sent", 1.5),
        ("sent", True),
        ("sent", 2**63),
        ("sent", -(2**63) - 1),
        ("sent", 2.0**63),
        ("sent", 1e300),
        ("sent", []),
        ("revenue", False),
        ("revenue", "1.5"),
        ("revenue", 2**53 + 1),
        ("revenue", 10**400),
        ("variation_name", 5),
        ("variation_api_id", {"id": "a"}),
        ("machine_open", None),
        ("machine_open", 5),
        ("position", 1),
        ("day", "2026-11-01"),
        ("other", '{"a":1}'),
        ("campaign_id", "c"),
        ("time", 1),
    ],
)
def test_split_day_value_without_a_fitting_column_is_in_other_and_drift(key, value):
    values, other, drift = split_row(opens=1, **{key: value})
    assert values == {"opens": 1}
    assert repr(other) == repr({key: value})
    assert drift == {f"messages.email.{key}": 1}


def test_split_day_null_in_a_known_column_is_neither_cell_nor_drift():
    assert split_row(sent=None, revenue=None, variation_name=None) == ({}, None, {})


def test_split_day_other_is_compact_with_sorted_keys():
    record = {"time": "2026-11-01", "zeta": {"b": 1, "a": [1.0, None]}, "conversions4": 3, "ä": "\u2028"}
    assert split_day(DAY, record, "$").cells[-1] == '{"conversions4":3,"zeta":{"a":[1.0,null],"b":1},"ä":"\u2028"}'


def test_split_day_known_figures_are_cells_and_unknown_ones_are_drift():
    day = split_day(DAY, {"time": "x", "conversions": 1, "conversions4": 2, "revenue": "much"}, "$")
    assert dict(zip((*ROW_FIGURES, "other"), day.cells, strict=True))["conversions"] == 1
    assert dict(day.drift) == {"day.conversions4": 1, "day.revenue": 1}


def test_split_day_push_story_keys_share_a_name_independent_of_the_title():
    keys = {"carousel_slide_1_A\nB_click": 1, "carousel_slide_2_日本_click": 2, "notif_button_1_x_click": 3}
    _, other, drift = split_row("ios_push", **keys)
    assert other == keys
    assert drift == {"messages.ios_push.carousel_slide_*": 2, "messages.ios_push.notif_button_*": 1}


def test_split_day_unknown_channel_keeps_its_rows_with_known_stats_in_their_columns():
    values, other, drift = split_row("line", sent=5, friends=6)
    assert (values, other) == ({"sent": 5}, {"friends": 6})
    assert drift == {"messages.line": 1, "messages.line.friends": 1}


@pytest.mark.parametrize("messages", [None, {}, {"email": None}, {"email": []}, {"line": None}])
def test_split_day_without_rows_returns_none(messages):
    day = split_day(DAY, {"time": "x", "messages": messages}, "$")
    assert (day.rows, dict(day.drift)) == ((), {})


@pytest.mark.parametrize(
    ("messages", "path"),
    [
        ([], "$.data[3].messages"),
        ("none", "$.data[3].messages"),
        ({"email": {}}, "$.data[3].messages.email"),
        ({"email": 0}, "$.data[3].messages.email"),
        ({"email": [{}, None]}, "$.data[3].messages.email[1]"),
        ({"line": [[]]}, "$.data[3].messages.line[0]"),
    ],
)
def test_split_day_broken_structure_raises_data_error_with_path(messages, path):
    with pytest.raises(BrazeDataError) as caught:
        split_day(DAY, {"time": "x", "messages": messages}, "$.data[3]")
    assert caught.value.path == path
