from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_braze.core.series import Column, Table, columns
from airflow_provider_braze.landing.publish import replace_subjects
from airflow_provider_braze.tables.schemas import schema_of
from tests.campaign_tables import SCHEMAS, SORT_KEYS, TABLES, sort_rows
from tests.landing.tables import days_of, table_of
from tests.samples import examples

_IDS = ["a", "B", "é", "\U0001f600", ""]

# Few values, so that ids, keys and whole rows are often equal.
_CELLS = {
    "campaign_days": {"conversions": st.none() | st.integers(0, 2), "other": st.none() | st.just('{"x":1}')},
    "campaign_messages": {
        "channel": st.sampled_from(["email", "sms"]),
        "variation_api_id": st.none() | st.just("v"),
        "position": st.integers(0, 1),
        "sent": st.none() | st.integers(0, 2),
    },
    "campaign_details": {
        "messages": st.sampled_from([None, [], [{"variation_api_id": "v", "name": "x"}]]),
        "tags": st.none() | st.lists(st.just("t"), max_size=2),
    },
    "campaign_raw": {"payload": st.sampled_from(["{}", '{"time":"2026-11-18"}'])},
}


def rows_of(name: str, ids: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries({"campaign_id": st.sampled_from(ids), **_CELLS[name]})
    return st.lists(row, max_size=6) if ids else st.just([])


def ids_of(campaign_ids: list[str]) -> pa.Table:
    return pa.table({"campaign_id": pa.array(campaign_ids, pa.string())})


def by_content(table: pa.Table) -> Counter[str]:
    return Counter(map(str, table.to_pylist()))


def key_of(name: str, row: dict[str, Any]) -> list[tuple[bool, Any]]:
    return [(row[key] is None, row[key]) for key in SORT_KEYS[name]]


@pytest.mark.parametrize("name", list(_CELLS))
@given(data=st.data())
@examples(25)
def test_replace_subjects_equals_a_model_in_plain_python(name, data):
    returned = data.draw(st.lists(st.sampled_from(_IDS), unique=True))
    old = data.draw(rows_of(name, _IDS))
    new = data.draw(rows_of(name, returned))
    kept = [row for row in old if row["campaign_id"] not in returned]

    found = replace_subjects(
        TABLES[name], table_of(name, *old), sort_rows(name, table_of(name, *new)), ids_of(returned)
    )

    assert by_content(found) == by_content(table_of(name, *kept, *new))
    keys = [key_of(name, row) for row in found.to_pylist()]
    assert keys == sorted(keys)
    assert found.schema.equals(SCHEMAS[name])

    shuffled = data.draw(st.permutations(old)), data.draw(st.permutations(new))
    old_too, new_too = (table_of(name, *rows) for rows in shuffled)
    other_order = replace_subjects(TABLES[name], old_too, sort_rows(name, new_too), ids_of(returned[::-1]))
    assert other_order.equals(found)
    assert replace_subjects(TABLES[name], found, sort_rows(name, new_too), ids_of(returned)).equals(found)


def test_replace_subjects_returned_without_rows_drops_their_old_ones():
    old = table_of("campaign_messages", {"campaign_id": "a", "sent": 1}, {"campaign_id": "b", "sent": 2})
    nothing = SCHEMAS["campaign_messages"].empty_table()
    assert replace_subjects(TABLES["campaign_messages"], old, nothing, ids_of(["a"])).equals(old.slice(1))


def test_replace_subjects_when_none_was_returned_keeps_all():
    old = days_of("a", "b", conversions=1)
    assert replace_subjects(TABLES["campaign_days"], old, old.slice(0, 0), ids_of([])).equals(old)


def test_replace_subjects_keeps_rows_of_many_chunks():
    old = pa.concat_tables([days_of("a"), days_of("c"), days_of("e")])
    new = pa.concat_tables([days_of("d", conversions=1), days_of("c", conversions=1)])
    found = replace_subjects(TABLES["campaign_days"], old, new, ids_of(["c", "d"]))
    assert found.select(["campaign_id", "conversions"]).to_pydict() == {
        "campaign_id": ["a", "c", "d", "e"],
        "conversions": [None, 1, 1, None],
    }


# Parts of the separator and of the marks of texts and nulls, so that keys that are not joined carefully collide.
_PARTS = st.none() | st.text("\x1ftnæ", max_size=3)


@given(data=st.data(), width=st.integers(2, 3))
@examples(100)
def test_replace_subjects_of_several_keys_compares_each_key(data, width):
    names = [f"key{place}" for place in range(width)]
    table = Table("t", "figures", (*columns("string", *names), Column("value", "int64")), ("value",))
    keys = data.draw(st.lists(st.tuples(*[_PARTS] * width), min_size=1, max_size=8))
    returned = data.draw(st.lists(st.sampled_from(keys) | st.tuples(*[_PARTS] * width), max_size=4))
    rows = [dict(zip(names, key, strict=True), value=value) for value, key in enumerate(keys)]
    old = pa.Table.from_pylist(rows, schema=schema_of(table))
    subjects = pa.Table.from_pylist([dict(zip(names, key, strict=True)) for key in returned], old.select(names).schema)

    found = replace_subjects(table, old, old.slice(0, 0), subjects)

    assert found.to_pylist() == [row for row, key in zip(rows, keys, strict=True) if key not in returned]


@pytest.mark.parametrize(
    ("stored", "returned"),
    [
        (("a\x1f", "b"), ("a", "\x1fb")),
        (("a", ""), ("a", None)),
        (("n", "x"), (None, "x")),
        (("a\x1ftb", "c"), ("a", "b\x1ftc")),
    ],
)
def test_replace_subjects_keeps_a_subject_with_equal_joined_keys(stored, returned):
    table = Table("t", "figures", columns("string", "metric", "app_id"), ("metric",))
    old, other = (
        pa.Table.from_pylist([{"metric": metric, "app_id": app_id}], schema=schema_of(table))
        for metric, app_id in (stored, returned)
    )
    assert replace_subjects(table, old, other, other).num_rows == 2
    assert replace_subjects(table, old, other, old).equals(other)
