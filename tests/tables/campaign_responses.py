"""Campaign responses for the tests of the tables: strategies for them, and functions that rebuild rows as sent."""

from __future__ import annotations

import json
from datetime import date, timedelta

from hypothesis import strategies as st

from airflow_provider_braze.core.channels import CHANNEL_STATS, ROW_FIELDS, ROW_FIGURES
from tests.campaign_tables import build_tables, collect, decode_days

START = date(2026, 11, 1)
END = START + timedelta(days=12)
BOTH = ("campaign_days", "campaign_messages")

NUMBERS = st.integers(0, 300) | st.sampled_from([2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**30])
FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 5.0, 2.0**63])
SCALARS = st.none() | st.booleans() | NUMBERS | FLOATS | st.text(max_size=4)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
STORY_KEYS = st.builds(
    "{}_{}_{}_click".format, st.sampled_from(["carousel_slide", "notif_button"]), st.integers(1, 3), st.text(max_size=4)
)
RESERVED = ["day", "channel", "position", "campaign_id", "other", "time", "messages", "extra0", "sent ", ""]
ODD_KEYS = st.sampled_from([*ROW_FIELDS, *RESERVED, "machine_open", "conversions4"]) | STORY_KEYS | st.text(max_size=4)
NAMES = st.sampled_from([None, "a", "b", "Control Group"])


def rows_of(channel):
    """Return a strategy for rows of the documented shape, where some values are null and most keys are missing."""
    counts = (
        "enrolled",
        *CHANNEL_STATS.get(channel, ("sent", "friends")),
        *(key for key in ROW_FIGURES if key != "revenue"),
    )
    others = {
        "variation_api_id": NAMES,
        "variation_name": NAMES,
        "revenue": st.none() | st.floats(0, 9) | st.integers(0, 9),
    }
    return st.builds(
        lambda known, other: {**known, **other},
        st.dictionaries(st.sampled_from(counts), st.none() | st.integers(0, 300), max_size=5),
        st.fixed_dictionaries({}, optional=others),
    )


def days_with(channel):
    """Return a strategy for days of the documented shape, with rows of one channel."""
    return st.builds(
        lambda figures, rows: {**figures, "messages": {channel: rows}},
        st.dictionaries(st.sampled_from(ROW_FIGURES), st.none() | st.integers(0, 300), max_size=3),
        st.lists(rows_of(channel), max_size=3),
    )


CHANNELS = ("email", "ios_push", "content_cards", "trigger_in_app_message", "line")
PLAIN_DAYS = st.one_of(*map(days_with, CHANNELS))
ODD_ROWS = st.dictionaries(ODD_KEYS, VALUES, max_size=4)
ODD_MESSAGES = st.dictionaries(
    st.sampled_from(CHANNELS) | st.text(max_size=3), st.none() | st.lists(ODD_ROWS, max_size=3), max_size=2
)
ODD_DAYS = st.builds(
    lambda figures, messages: {**figures, "messages": messages},
    st.dictionaries(ODD_KEYS.filter(lambda key: key != "time"), VALUES, max_size=3),
    st.none() | ODD_MESSAGES,
)


def repeated(day, extras, length, is_counted):
    """Build many days of one shape, with one or two undocumented keys, from which a shape is learned."""
    messages = {channel: [{**row, **extras} for row in rows] for channel, rows in day["messages"].items()}
    more = [{"conversions4": place} if is_counted else {} for place in range(length)]
    return [{**figures, **day, "messages": messages} for figures in more]


EXTRAS = st.dictionaries(ODD_KEYS, st.integers(0, 300) | st.text(max_size=2), max_size=2)
RESPONSES = (
    st.lists(PLAIN_DAYS, max_size=4)
    | st.lists(PLAIN_DAYS | ODD_DAYS, max_size=4)
    | st.builds(repeated, PLAIN_DAYS, EXTRAS, st.integers(3, 12), st.booleans())
)


def body_of(days):
    """Encode a response of these days, in consecutive order."""
    return json.dumps(
        {"data": [{**day, "time": str(START + timedelta(place))} for place, day in enumerate(days)]}
    ).encode()


def rows_from(days, campaign_id="c", **options):
    return collect(campaign_id, [decode_days(body_of(days), START, END, **options)])


def tables_of(days, **options):
    return build_tables([rows_from(days, **options)], BOTH)


def exact(value):
    """Return a value that compares true and 1 as different, 1.0 and 1 as equal, and lists by order."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}
    return [exact(inner) for inner in value] if isinstance(value, list) else value


def as_sent(row, *places):
    """Rebuild a table's row as Braze sent it."""
    record = {name: value for name, value in row.items() if value is not None and name not in {*places, "other"}}
    rest = json.loads(row["other"] or "{}")
    assert not record.keys() & rest.keys()
    assert row["other"] is None or rest
    return exact({**record, **rest})


def without_nulls(record, known):
    return exact({key: value for key, value in record.items() if value is not None or key not in known})


def freeze(value):
    """Return the value as a hashable key, where 1 and 1.0 are equal."""
    if isinstance(value, dict):
        return frozenset((key, freeze(inner)) for key, inner in value.items())
    return ("list", *map(freeze, value)) if isinstance(value, list) else value
