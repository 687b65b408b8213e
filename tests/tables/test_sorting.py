from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.campaign_tables import SCHEMAS, SORT_KEYS, sort_rows
from tests.samples import examples

TEXTS = st.none() | st.text(max_size=2)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "campaign_id": st.sampled_from(["a", "b", "é"]),
            "day": st.dates(date(2026, 1, 1), date(2026, 1, 3)),
            "channel": st.sampled_from(["email", "sms"]),
            "variation_api_id": TEXTS,
            "variation_name": TEXTS,
            "position": st.integers(0, 1),
            "sent": st.none() | st.integers(0, 1),
            "revenue": st.sampled_from([None, 0.0, -0.0, 1.5]),
            "other": st.sampled_from([None, '{"x":1}', '{"sent":"5"}']),
        }
    ),
    max_size=8,
)


def a_table(name, rows, chunks=1):
    size = max(1, len(rows) // chunks)
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    empty = SCHEMAS[name].empty_table()
    return pa.concat_tables([pa.Table.from_pylist(part, schema=SCHEMAS[name]) for part in parts] or [empty])


def outline(row):
    return [(row[key] is None, str(row[key] or "")) for key in SORT_KEYS["campaign_messages"][:-1]] + [row["position"]]


@examples(30)
@given(ROWS, st.randoms(), st.integers(1, 3))
def test_sort_rows_of_any_order_returns_the_same_table_sorted_by_keys(rows, random, chunks):
    table = sort_rows("campaign_messages", a_table("campaign_messages", rows))
    shuffled = random.sample(rows, len(rows))
    again = sort_rows("campaign_messages", a_table("campaign_messages", shuffled, chunks))
    assert repr(again.to_pylist()) == repr(table.to_pylist())
    assert again.schema == SCHEMAS["campaign_messages"]
    assert sorted(map(outline, rows)) == [outline(row) for row in table.to_pylist()]


@pytest.mark.parametrize("name", SCHEMAS)
def test_sort_rows_empty_table_stays_empty(name):
    assert sort_rows(name, SCHEMAS[name].empty_table()).equals(SCHEMAS[name].empty_table())


def test_sort_rows_campaigns_with_one_id_are_ordered_by_content():
    rows = [{"campaign_id": "a", "tags": tags} for tags in (["z"], ["b", None], None)]
    tables = [sort_rows("campaigns", a_table("campaigns", order)) for order in (rows, rows[::-1])]
    assert tables[0].equals(tables[1])


def test_sort_rows_orders_keys_of_a_large_range():
    days = [date.max, date.min, date(2026, 1, 1)]
    names = [f"{number:05}" for number in range(3_000)]
    rows = [
        {
            "campaign_id": name,
            "day": day,
            "channel": name,
            "variation_api_id": name,
            "variation_name": name,
            "position": 0,
        }
        for name in names
        for day in days
    ]
    table = sort_rows("campaign_messages", a_table("campaign_messages", rows[::-1]))
    assert table.column("day").to_pylist() == sorted(days * len(names))
    assert table.column("variation_name").to_pylist() == names * len(days)


def test_sort_rows_null_is_last_and_position_counts_after_all_other_keys():
    expected = [
        *[("x", "b", 0), ("x", "b", 1), ("x", "b", 3), ("x", "c", 0), ("x", None, 0), ("x", None, 1)],
        *[("y", "b", 0), ("y", None, 2), (None, "b", 0), (None, None, 0)],
    ]
    # By their content alone, these rows would be in the opposite order.
    rows = [
        {
            **{"campaign_id": "a", "day": date(2026, 1, 1), "channel": "email"},
            **{"variation_api_id": id_, "variation_name": name, "position": position, "sent": 90 - number},
        }
        for number, (id_, name, position) in enumerate(expected)
    ]
    table = sort_rows("campaign_messages", a_table("campaign_messages", rows[::-1]))
    columns = (table.column(name).to_pylist() for name in ("variation_api_id", "variation_name", "position"))
    assert list(zip(*columns, strict=True)) == expected
