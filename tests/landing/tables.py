"""Small tables of the package's schemas."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from tests.campaign_tables import SCHEMAS

DAY = date(2026, 11, 18)
"""The day of rows that do not say another."""

_TEXTS = st.text(st.characters(codec="utf-8"), max_size=5)
_VALUES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.string(): _TEXTS,
    pa.date32(): st.dates(),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.bool_(): st.booleans(),
    pa.timestamp("us", tz="UTC"): st.datetimes(timezones=st.just(timezone.utc)),
}


def _values_of(kind: pa.DataType) -> st.SearchStrategy[Any]:
    if pa.types.is_list(kind):
        return st.lists(st.none() | _values_of(kind.value_type), max_size=3)
    if pa.types.is_struct(kind):
        return st.fixed_dictionaries({field.name: st.none() | _values_of(field.type) for field in kind})
    return _VALUES[kind]


def table_of(name: str, *rows: dict[str, Any]) -> pa.Table:
    """Build a table of rows, in the given order. A missing cell is null, except the day, which has a default."""
    return pa.Table.from_pylist([{"day": DAY, **row} for row in rows], schema=SCHEMAS[name])


def days_of(*campaign_ids: str, day: date = DAY, **cells: Any) -> pa.Table:
    """Build rows of ``campaign_days`` that differ only in the campaign."""
    return table_of("campaign_days", *({"campaign_id": each, "day": day, **cells} for each in sorted(campaign_ids)))


def any_table(name: str) -> st.SearchStrategy[pa.Table]:
    """Return a strategy for tables of a schema, with any values, including nulls."""
    cells = {field.name: st.none() | _values_of(field.type) for field in SCHEMAS[name]}
    rows = st.lists(st.fixed_dictionaries({}, optional=cells), max_size=4)
    return rows.map(lambda found: pa.Table.from_pylist(found, schema=SCHEMAS[name]))


EXTREMES = {
    "campaign_days": table_of(
        "campaign_days",
        {
            "campaign_id": "é 日本 \U0001f600\n\"'\\\u2028",
            "day": date(1, 1, 1),
            "conversions": -(2**63),
            "revenue": 1e308,
        },
        {"campaign_id": "", "day": date(9999, 12, 31), "conversions": 2**63 - 1, "revenue": -5e-324},
        {"campaign_id": "c", "revenue": 0.1, "other": '{"conversions4":1}'},
    ),
    "campaign_messages": table_of(
        "campaign_messages",
        {"campaign_id": "b", "channel": "email", "position": 2**31 - 1, "sent": 2**63 - 1, "variation_name": "ü"},
        {"campaign_id": "a", "channel": None, "position": 0, "revenue": 3.0},
    ),
    "campaign_raw": table_of("campaign_raw", {"campaign_id": "a", "payload": '{"time": "2026-11-18"}'}),
    "campaigns": table_of(
        "campaigns",
        {
            "campaign_id": "a",
            "name": "Été",
            "is_api_campaign": False,
            "last_edited": datetime(2026, 2, 28, 23, 59, 59, 100_000, timezone.utc),
            "tags": ["x", None, ""],
        },
        {"campaign_id": "b", "is_api_campaign": True, "tags": []},
        {"campaign_id": "c"},
    ),
    "campaign_details": table_of(
        "campaign_details",
        {
            "campaign_id": "a",
            "name": "Été",
            "channels": ["email", None, ""],
            "teams": [],
            "archived": True,
            "draft": False,
            "first_sent": datetime(1, 1, 1, tzinfo=timezone.utc),
            "last_sent": datetime(9999, 12, 31, 23, 59, 59, 999_999, timezone.utc),
            "messages": [
                {"variation_api_id": "v", "channel": "email", "name": "日本", "other": '{"subject":"\u2028"}'},
                {"variation_api_id": ""},
                None,
            ],
            "conversion_behaviors": [
                {"figure": "conversions", "type": "Makes Any Purchase", "window_seconds": 2**63 - 1, "app_ids": []},
                {"figure": "conversions1", "window_seconds": -(2**63), "app_ids": ["x", None]},
            ],
            "other": '{"frequency":1}',
        },
        {"campaign_id": "b", "messages": [], "conversion_behaviors": []},
        {"campaign_id": "c"},
    ),
}
"""A table of each schema, with the ends of each type's range, and nulls."""
