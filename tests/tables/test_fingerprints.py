from __future__ import annotations

from datetime import date
from functools import reduce
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_braze.tables.fingerprints import Fingerprint, fingerprint_days, fingerprint_rows
from tests.campaign_tables import SCHEMAS
from tests.landing.tables import DAY, EXTREMES, any_table, table_of
from tests.samples import examples

OF_DAYS = ["campaign_days", "campaign_messages", "campaign_raw"]

each_table = pytest.mark.parametrize("name", OF_DAYS)


def message(**cells: Any) -> pa.Table:
    return table_of("campaign_messages", {"campaign_id": "a", "channel": "email", "position": 0, **cells})


@each_table
@given(data=st.data())
@examples(15)
def test_fingerprint_is_the_same_in_any_order_and_in_any_batches(name, data):
    table = data.draw(any_table(name))
    order = data.draw(st.permutations(range(table.num_rows)))
    cut = data.draw(st.integers(0, table.num_rows))
    shuffled = table.take(pa.array(order, pa.int64()))
    batches = [fingerprint_rows(shuffled.slice(0, cut)), fingerprint_rows(shuffled.slice(cut))]
    assert reduce(Fingerprint.joined, batches) == fingerprint_rows(table)


@each_table
@given(data=st.data())
@examples(15)
def test_fingerprint_of_other_rows_differs(name, data):
    some, others = data.draw(any_table(name)), data.draw(any_table(name))
    assume(sorted(map(repr, some.to_pylist())) != sorted(map(repr, others.to_pylist())))
    assert fingerprint_rows(some) != fingerprint_rows(others)


@each_table
def test_fingerprint_of_one_changed_cell_differs(name):
    (row,) = EXTREMES[name].slice(0, 1).to_pylist()
    found = {str(fingerprint_rows(pa.Table.from_pylist([row], schema=SCHEMAS[name])))}
    for field in SCHEMAS[name]:
        other = "x" if pa.types.is_string(field.type) else date(2000, 1, 2) if pa.types.is_date(field.type) else 7
        found.add(str(fingerprint_rows(pa.Table.from_pylist([{**row, field.name: other}], schema=SCHEMAS[name]))))
    assert len(found) == 1 + len(SCHEMAS[name])


@pytest.mark.parametrize(
    ("some", "others"),
    [
        ([{"sent": 1}, {"sent": 0}], [{"sent": 0, "opens": 0}, {"sent": 1}]),
        ([{"sent": None}], [{"sent": 0}]),
        ([{"sent": 1}], [{"sent": -1}]),
        ([{"sent": 1}], [{"opens": 1}]),
        ([{"sent": 3, "clicks": 1}, {"sent": 1, "clicks": 3}], [{"sent": 1, "clicks": 1}, {"sent": 3, "clicks": 3}]),
        ([{"sent": 3}, {"sent": 1}], [{"sent": 2}, {"sent": 2}]),
        ([{"sent": 1}], [{"sent": 1}, {"sent": 1}]),
        ([{"revenue": 0.5, "sent": 2}], [{"revenue": 2.0, "sent": 0}]),
        ([{"revenue": None}], [{"revenue": 0.0}]),
        ([{"variation_name": ""}], [{"variation_name": None}]),
        ([{"variation_name": "null"}], [{"variation_name": None}]),
        ([{"variation_name": "low null"}], [{"variation_name": None}]),
        ([{"sent": -1, "opens": 0}], [{"sent": 2**63 - 1, "opens": -(2**63)}]),
        ([{"sent": 0, "opens": 0}], [{"sent": -(2**63), "opens": -(2**63)}]),
        ([{"variation_name": "x"}], [{"variation_api_id": "x"}]),
        ([{"variation_name": "x", "campaign_id": "y"}], [{"variation_name": "y", "campaign_id": "x"}]),
        ([], [{}]),
    ],
)
def test_fingerprint_of_similar_rows_differs(some, others):
    first, second = (pa.Table.from_pylist(rows, schema=SCHEMAS["campaign_messages"]) for rows in (some, others))
    assert fingerprint_rows(first) != fingerprint_rows(second)


def test_fingerprints_of_many_similar_rows_all_differ():
    rows = [{"campaign_id": f"{i % 7}", "position": i // 7, "sent": i % 100} for i in range(400)]
    table = table_of("campaign_messages", *rows)
    lanes = [fingerprint_rows(table.slice(i, 1)) for i in range(400)]
    assert len({each.low for each in lanes}) == len({each.high for each in lanes}) == len(lanes)


def test_fingerprint_days_returns_one_per_day():
    later = date(2026, 11, 20)
    table = pa.concat_tables([message(day=later), message(day=DAY), message(day=later, position=1)])
    found = fingerprint_days(table)
    assert found == {DAY: fingerprint_rows(table.slice(1, 1)), later: fingerprint_rows(table.take([0, 2]))}
    assert [found[DAY].rows, found[later].rows] == [1, 2]


@each_table
def test_fingerprint_of_no_rows_is_the_empty_one(name):
    assert fingerprint_days(SCHEMAS[name].empty_table()) == {}
    assert fingerprint_rows(SCHEMAS[name].empty_table()) == Fingerprint()


def test_fingerprint_of_a_table_with_one_more_column_differs():
    table = message()
    assert fingerprint_rows(table.append_column("new", pa.nulls(1, pa.int64()))) != fingerprint_rows(table)


def test_fingerprint_is_stable_across_versions_because_objects_store_it():
    assert [str(fingerprint_rows(EXTREMES[name])) for name in OF_DAYS] == [
        "1:3:acdb14cc295ed39c97a16960c2cce730",
        "1:2:238fe7022d12ef09d4a052aa41913fda",
        "1:1:799b5d4f4a622698c774cf3e1a6c1a83",
    ]
