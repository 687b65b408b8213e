from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from airflow_provider_braze.tables.restatement import (
    Restatement,
    add_sums,
    compare_rows,
    equal_rows,
    share_changed,
    sum_days,
)
from tests.landing.tables import DAY, days_of, table_of

FIGURES = ("conversions", "revenue")
KPI = pa.schema([("metric", pa.string()), ("app_id", pa.string()), ("day", pa.date32()), ("value", pa.int64())])


def compared(old, new, returned=None, figures=FIGURES):
    returned = new if returned is None else returned
    return compare_rows(old, new, returned.select(["campaign_id"]), ["campaign_id"], figures)


def campaigns(**conversions):
    return table_of(
        "campaign_days", *({"campaign_id": key, "conversions": value} for key, value in conversions.items())
    )


def test_equal_rows_are_compared_and_equal():
    rows = campaigns(a=1, b=None, c=3)
    assert compared(rows, rows) == Restatement(3, 0, {"conversions": (4, 4), "revenue": (None, None)})


def test_changed_rows_are_counted_with_their_sums():
    found = compared(campaigns(a=1, b=2, c=3), campaigns(a=1, b=5, c=2))
    assert (found.rows, found.changed, found.figures["conversions"]) == (3, 2, (6, 8))


def test_row_that_differs_in_another_column_is_changed():
    found = compared(days_of("a", "b", other=None), days_of("a", "b", other='{"x":1}'))
    assert (found.rows, found.changed, found.figures["conversions"]) == (2, 2, (None, None))


def test_row_that_differs_in_two_columns_is_counted_once():
    found = compared(days_of("a", conversions=1, revenue=1.0), days_of("a", conversions=2, revenue=0.5))
    assert found == Restatement(1, 1, {"conversions": (1, 2), "revenue": (1.0, 0.5)})


@pytest.mark.parametrize(("before", "after"), [(None, 0), (0, None)])
def test_null_is_not_0(before, after):
    found = compared(campaigns(a=before, b=before), campaigns(a=after, b=before))
    assert found.changed == 1
    total = 0 if before == 0 else None
    assert found.figures["conversions"] == (total, 0)


def test_sum_of_only_nulls_is_null():
    assert compared(campaigns(a=None), campaigns(a=0)).figures["conversions"] == (None, 0)
    assert compared(campaigns(a=0), campaigns(a=None)).figures["conversions"] == (0, None)


def test_first_landing_is_not_compared():
    found = compared(campaigns(b=1, d=2), campaigns(a=100, b=1, c=100, d=3))
    assert (found.rows, found.changed, found.figures["conversions"]) == (2, 1, (3, 4))


def test_day_without_stored_rows_has_nothing_to_compare():
    found = compared(campaigns(), campaigns(a=100))
    assert found == Restatement(0, 0, {"conversions": (None, None), "revenue": (None, None)})


def test_rows_of_subjects_that_were_not_returned_are_not_compared():
    found = compared(campaigns(a=1, b=2, c=3), campaigns(b=5))
    assert (found.rows, found.changed, found.figures["conversions"]) == (1, 1, (2, 5))


def test_deleted_row_is_changed_and_has_no_value_after():
    found = compared(campaigns(a=1, b=2), campaigns(a=1), returned=campaigns(a=0, b=0))
    assert (found.rows, found.changed, found.figures["conversions"]) == (2, 1, (3, 1))
    found = compared(campaigns(b=2), campaigns(), returned=campaigns(b=0))
    assert (found.rows, found.changed, found.figures["conversions"]) == (1, 1, (2, None))


def kpis(*rows):
    names = ("metric", "app_id", "value")
    return pa.Table.from_pylist([{**dict(zip(names, row, strict=True)), "day": DAY} for row in rows], schema=KPI)


def test_composite_keys_are_compared_by_all_columns_and_null_is_a_key():
    keys = ["metric", "app_id"]
    old = kpis(("dau", "a", 1), ("dau", "b", 2), ("dau", None, 4), ("mau", "a", 8), ("mau", None, 16))
    new = kpis(("dau", "", 100), ("dau", "b", 2), ("dau", None, 5), ("mau", "a", 9))
    found = compare_rows(old, new, new.select(keys), keys, ["value"])
    assert found == Restatement(3, 2, {"value": (14, 16)})


def test_rows_in_several_chunks_are_compared_equally():
    old, new = campaigns(a=1, b=2, c=3), campaigns(a=1, b=None, c=4)
    pieces = pa.concat_tables([new.slice(0, 2), new.slice(2)])
    assert compared(pa.concat_tables([old.slice(0, 1), old.slice(1)]), pieces) == compared(old, new)


def test_sum_that_json_cannot_represent_is_null():
    huge = days_of("a", "b", revenue=1.5e308)
    assert compared(huge, huge).figures["revenue"] == (None, None)
    assert sum_days(huge, ["revenue"]) == {DAY: {"revenue": None}}
    assert add_sums({"revenue": 1.5e308}, {"revenue": 1.5e308}) == {"revenue": None}


def test_sums_by_day_of_several_batches_equal_those_of_all_rows():
    other = date(2026, 11, 19)
    rows = pa.concat_tables([campaigns(a=1, b=None), days_of("a", day=other), days_of("b", day=other, conversions=0)])
    assert sum_days(rows, FIGURES) == {
        DAY: {"conversions": 1, "revenue": None},
        other: {"conversions": 0, "revenue": None},
    }
    sums = add_sums({}, sum_days(rows, FIGURES)[DAY])
    assert add_sums(sums, {"conversions": 4, "revenue": 0.5}) == {"conversions": 5, "revenue": 0.5}
    assert add_sums(sums, {"conversions": None, "revenue": None}) == {"conversions": 1, "revenue": None}


def test_equal_rows_have_equal_sums():
    assert equal_rows(2, {"conversions": 3, "revenue": None}).describe() == {
        "rows": 2,
        "changed": 0,
        "figures": {"conversions": [3, 3], "revenue": [None, None]},
    }


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        (100, 115, 0.15),
        (100, 85, 0.15),
        (100, 100, 0.0),
        (-4.0, -5.0, 0.25),
        (8, None, 1.0),
        (0, 5, None),
        (None, 5, None),
        (None, None, None),
    ],
)
def test_share_changed(before, after, share):
    assert share_changed(before, after) == (None if share is None else pytest.approx(share))
