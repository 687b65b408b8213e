from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_braze.core.schemas import CHANNEL_STATS, FIGURES, ROW_FIELDS, STATS
from airflow_provider_braze.core.tables import (
    SCHEMAS,
    build_tables,
    collect,
    decode_days,
    sort_rows,
)
from airflow_provider_braze.exceptions import BrazeDataError

START = date(2026, 11, 1)
END = START + timedelta(days=12)
BOTH = ("campaign_days", "campaign_messages")
SAMPLES = Path(__file__).parents[1] / "data"

# Properties run over whole answers: a few dozen of them say as much as hundreds.
EXAMPLES = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))

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
    """Rows of the documented shape, in which a value is now and then a null, or a key is missing."""
    stats = CHANNEL_STATS.get(channel, ("sent", "friends"))
    known = {name: st.none() | st.integers(0, 300) for name in ("enrolled", *stats, *FIGURES)}
    known |= {
        "variation_api_id": NAMES,
        "variation_name": NAMES,
        "revenue": st.none() | st.floats(0, 9) | st.integers(0, 9),
    }
    return st.fixed_dictionaries({}, optional=known)


CHANNELS = st.sampled_from(["email", "ios_push", "content_cards", "trigger_in_app_message", "line"])
PLAIN_DAYS = st.fixed_dictionaries(
    {
        "messages": CHANNELS.flatmap(
            lambda channel: st.fixed_dictionaries({channel: st.lists(rows_of(channel), max_size=3)})
        )
    },
    optional=dict.fromkeys(FIGURES, st.none() | st.integers(0, 300)),
)
ODD_ROWS = st.dictionaries(ODD_KEYS, VALUES, max_size=4)
ODD_MESSAGES = st.dictionaries(CHANNELS | st.text(max_size=3), st.none() | st.lists(ODD_ROWS, max_size=3), max_size=2)
ODD_DAYS = st.builds(
    lambda figures, messages: {**figures, "messages": messages},
    st.dictionaries(ODD_KEYS.filter(lambda key: key != "time"), VALUES, max_size=3),
    st.none() | ODD_MESSAGES,
)


@st.composite
def stretched(draw):
    """Many days of one shape, with a key or two that is not documented: what a shape is learned from."""
    extras = draw(st.dictionaries(ODD_KEYS, st.integers(0, 300) | st.text(max_size=2), max_size=2))
    day = draw(PLAIN_DAYS)
    for rows in day["messages"].values():
        for row in rows:
            row.update(extras)
    days = [json.loads(json.dumps(day)) for _ in range(draw(st.integers(8, 12)))]
    return days if draw(st.booleans()) else [{"conversions4": place, **day} for place, day in enumerate(days)]


ANSWERS = st.lists(PLAIN_DAYS, max_size=4) | st.lists(PLAIN_DAYS | ODD_DAYS, max_size=4) | stretched()


def body_of(days):
    """An answer of these days, one after the other."""
    return json.dumps(
        {"data": [{**day, "time": str(START + timedelta(place))} for place, day in enumerate(days)]}
    ).encode()


def rows_from(days, campaign_id="c", **options):
    return collect(campaign_id, [decode_days(body_of(days), START, END, **options)])


def tables_of(days, **options):
    return build_tables([rows_from(days, **options)], BOTH)


def exact(value):
    """Make true differ from 1, but not 1.0 from 1, and list order count."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}
    return [exact(inner) for inner in value] if isinstance(value, list) else value


def as_sent(row, *places):
    """A table's row, put together again as Braze sent it."""
    record = {name: value for name, value in row.items() if value is not None and name not in {*places, "other"}}
    rest = json.loads(row["other"] or "{}")
    assert not record.keys() & rest.keys()
    assert row["other"] is None or rest
    return exact({**record, **rest})


def without_nulls(record, known):
    return exact({key: value for key, value in record.items() if value is not None or key not in known})


@EXAMPLES
@given(ANSWERS)
def test_build_tables_every_key_and_value_is_found_again(days):
    tables = tables_of(days)
    found_days = [as_sent(row, "campaign_id", "day") for row in tables["campaign_days"].to_pylist()]
    sent_days = [{key: value for key, value in day.items() if key not in {"messages", "time"}} for day in days]
    assert found_days == [without_nulls(day, FIGURES) for day in sent_days]
    places = ("campaign_id", "day", "channel", "position")
    found = Counter()
    for row in tables["campaign_messages"].to_pylist():
        found[str(row["day"]), row["channel"], freeze(as_sent(row, *places))] += 1
    sent = Counter()
    for place, day in enumerate(days):
        for channel, rows in (day["messages"] or {}).items():
            for row in rows or ():
                sent[str(START + timedelta(place)), channel, freeze(without_nulls(row, ROW_FIELDS))] += 1
    assert found == sent


def freeze(value):
    """The value as a key, in which 1 and 1.0 are the same."""
    if isinstance(value, dict):
        return frozenset((key, freeze(inner)) for key, inner in value.items())
    return ("list", *map(freeze, value)) if isinstance(value, list) else value


@EXAMPLES
@given(ANSWERS)
def test_build_tables_proven_shape_gives_what_splitting_gives(days):
    quick, thorough = rows_from(days), rows_from(days, keep_raw=True)
    assert (quick.days, quick.drift) == (thorough.days, thorough.drift)
    for name, table in build_tables([quick], BOTH).items():
        assert repr(table.to_pylist()) == repr(build_tables([thorough], [name])[name].to_pylist())


@EXAMPLES
@given(ANSWERS, st.randoms(use_true_random=False))
def test_build_tables_any_order_of_days_rows_and_keys_gives_the_same_tables(days, dice):
    answer = json.loads(body_of(days))
    answer["data"] = [jumbled(day, dice) for day in dice.sample(answer["data"], len(days))]
    again = collect("c", [decode_days(json.dumps(answer).encode(), START, END)])
    for name, table in build_tables([again], BOTH).items():
        assert repr(table.to_pylist()) == repr(tables_of(days)[name].to_pylist())


def mixed(record, dice):
    return {key: record[key] for key in dice.sample(list(record), len(record))}


def jumbled(day, dice):
    """The same day with its keys, its channels and their rows in another order."""
    messages = {
        channel: rows and [mixed(row, dice) for row in dice.sample(rows, len(rows))]
        for channel, rows in (day["messages"] or {}).items()
    }
    return mixed({**day, "messages": day["messages"] and mixed(messages, dice)}, dice)


@EXAMPLES
@given(st.lists(ANSWERS, min_size=1, max_size=3))
def test_build_tables_batches_sorted_together_are_as_built_at_once(answers):
    batches = [rows_from(days, f"c{place % 2}{place}") for place, days in enumerate(answers)]
    whole = build_tables(batches, BOTH)
    for name, table in whole.items():
        parts = pa.concat_tables([build_tables([batch], [name])[name] for batch in reversed(batches)])
        assert repr(sort_rows(name, parts).to_pylist()) == repr(table.to_pylist())
        assert table.schema == SCHEMAS[name]


@pytest.mark.parametrize("name", ["multichannel", "multichannel_rich", "multivariate"])
@pytest.mark.parametrize("keep_raw", [False, True])
def test_build_tables_documented_answers_lose_nothing(name, keep_raw):
    body = (SAMPLES / f"data_series_{name}.json").read_bytes()
    (day,) = json.loads(body)["data"]
    rows = collect("c", [decode_days(body, date(2026, 11, 17), date(2026, 11, 18), keep_raw=keep_raw)])
    tables = build_tables([rows], BOTH)
    (found,) = tables["campaign_days"].to_pylist()
    assert {**as_sent(found, "campaign_id", "day"), "messages": day["messages"], "time": "2026-11-17"} == day
    messages = {}
    for row in tables["campaign_messages"].to_pylist():
        messages.setdefault(row["channel"], []).append(as_sent(row, "campaign_id", "day", "channel", "position"))
    by_text = {channel: sorted(rows, key=str) for channel, rows in day["messages"].items()}
    assert {channel: sorted(rows, key=str) for channel, rows in messages.items()}.keys() == by_text.keys()
    assert all(freeze(row) in map(freeze, messages[channel]) for channel, rows in by_text.items() for row in rows)
    story = {"messages.ios_push.carousel_slide_*": 1, "messages.ios_push.notif_button_*": 1}
    assert rows.drift == (story if name == "multichannel_rich" else {})


def test_build_tables_control_row_has_no_stats_rather_than_zeros():
    body = (SAMPLES / "data_series_multivariate.json").read_bytes()
    rows = collect("c", [decode_days(body, date(2026, 11, 17), date(2026, 11, 18))])
    control = build_tables([rows], BOTH)["campaign_messages"].to_pylist()[0]
    assert control["variation_name"] == "Control Group"
    assert control["enrolled"] is not None
    assert {control[stat] for stat in STATS} == {None}


def test_build_tables_rows_that_share_both_names_are_numbered_by_their_json():
    rows = [{"variation_name": "a", "sent": sent} for sent in (5, 40, 5)] + [{"sent": 1}]
    table = tables_of([{"messages": {"email": rows, "sms": rows[:1]}}])["campaign_messages"]
    cells = list(zip(*(table.column(name).to_pylist() for name in ("channel", "position", "sent")), strict=True))
    assert cells == [("email", 0, 40), ("email", 1, 5), ("email", 2, 5), ("email", 0, 1), ("sms", 0, 5)]


def test_build_tables_numbers_rows_by_what_braze_sent_not_by_its_columns():
    table = tables_of([{"messages": {"email": [{"sent": 1}, {"sent": 1, "a": 0}, {"a": "", "sent": 1}]}}])[
        "campaign_messages"
    ]
    assert table.column("other").to_pylist() == ['{"a":""}', '{"a":0}', None]


def test_build_tables_many_campaigns_are_sorted_by_day_then_id():
    batch = [rows_from([{"messages": {"sms": [{}]}}] * 2, campaign_id) for campaign_id in ("b", "a", "é", "Z")]
    for table in build_tables(batch, BOTH).values():
        assert table.column("campaign_id").to_pylist() == ["Z", "a", "b", "é"] * 2
        assert table.column("day").to_pylist() == [START] * 4 + [START + timedelta(1)] * 4


def test_build_tables_raw_holds_each_day_as_it_was_sent():
    days = ['{ "time":"2026-11-02T00:00:00Z", "revenue": 1.50}', '{"time" : "2026-11-01","messages":{"sms":[{"ü":1}]}}']
    body = f'{{"data": [ {days[0]} ,{days[1]}, {{"time": "2026-10-31"}}]}}'.encode()
    raw = build_tables([collect("c", [decode_days(body, START, END, keep_raw=True)])], ["campaign_raw"])["campaign_raw"]
    assert raw.schema == SCHEMAS["campaign_raw"]
    assert raw.column("payload").to_pylist() == days[::-1]


def test_build_tables_raw_of_days_without_text_raises_value_error():
    with pytest.raises(ValueError, match="keep_raw"):
        build_tables([rows_from([{}])], ["campaign_raw"])


def test_build_tables_of_unknown_name_raises_value_error():
    with pytest.raises(ValueError, match="campaigns"):
        build_tables([], ["campaigns"])


@pytest.mark.parametrize("batch", [[], [collect("c", [])], [rows_from([], keep_raw=True)]])
def test_build_tables_without_days_are_empty_but_have_their_schemas(batch):
    tables = build_tables(batch, ["campaign_raw", *BOTH])
    assert {name: table.schema for name, table in tables.items()} == {name: SCHEMAS[name] for name in tables}
    assert [table.num_rows for table in tables.values()] == [0, 0, 0]


def test_schemas_have_a_column_for_every_stat_of_every_channel():
    assert set(STATS) == {stat for stats in CHANNEL_STATS.values() for stat in stats}
    assert (
        len(set(SCHEMAS["campaign_messages"].names)) == len(SCHEMAS["campaign_messages"].names) == 6 + 1 + 29 + 10 + 1
    )


@pytest.mark.parametrize("keep_raw", [False, True])
def test_decode_days_keeps_the_wanted_days_each_once(keep_raw):
    days = [{"time": time, "messages": {"sms": [{"sent": 1}]}} for time in ("2026-11-02", "2026-10-31", "2026-11-13")]
    body = json.dumps({"data": [*days, days[0]]}).encode()
    assert collect("c", [decode_days(body, START, END, keep_raw=keep_raw)]).days == (date(2026, 11, 2),)


@pytest.mark.parametrize(
    ("day", "path"),
    [
        ({"time": "2026-11-01", "revenue": 2}, "$.data[1]"),
        ({"time": "soon"}, "$.data[1].time"),
        ({"time": "2026-11-02", "messages": {"email": [5]}}, "$.data[1].messages.email[0]"),
    ],
)
def test_decode_days_of_another_shape_raises_data_error_with_path(day, path):
    body = json.dumps({"data": [{"time": "2026-11-01"}, day]}).encode()
    with pytest.raises(BrazeDataError) as caught:
        decode_days(body, START, END)
    assert caught.value.path == path


def opens_in_other(depth):
    body = f'{{"data": [{{"time": "2026-11-01", "deep": {"[" * depth}{"]" * depth}}}]}}'.encode()
    try:
        rows = collect("c", [decode_days(body, START, END)])
    except BrazeDataError:
        return None
    return build_tables([rows], BOTH)["campaign_days"].column("other")[0].as_py().count("[")


def test_decode_days_of_deep_nesting_is_read_or_raises_data_error():
    limit = sys.getrecursionlimit()
    for depth in (10, *range(limit - 50, limit), 100_000):
        assert opens_in_other(depth) in {depth, None}
    assert (opens_in_other(10), opens_in_other(100_000)) == (10, None)


def test_decode_days_drift_of_days_that_are_not_wanted_is_not_counted():
    body = body_of([{"conversions4": 1}, {}, {}, {}])
    assert collect("c", [decode_days(body, START + timedelta(1), END)]).drift == {}
    assert collect("c", [decode_days(body, START, END)]).drift == {"day.conversions4": 1}


@pytest.mark.parametrize("day", ['{"time": "2026-11-01", "a": ' + "[" * 100_000, '{"time": "2026-11-01", "sent'])
def test_decode_days_of_cut_or_endless_body_raises_value_error_or_data_error(day):
    with pytest.raises((ValueError, BrazeDataError)):
        decode_days(f'{{"data": [{day}'.encode(), START, END)


def test_collect_joins_the_calls_of_a_campaign_and_adds_up_their_drift():
    body = body_of([{"messages": {"email": [{"machine_open": 1}]}}] * 12)
    cut = START + timedelta(5)
    rows = collect("c", [decode_days(body, cut, END), decode_days(body, START, cut)])
    assert rows.days == tuple(START + timedelta(place) for place in range(12))
    assert rows.drift == {"messages.email.machine_open": 12}
    assert build_tables([rows], BOTH)["campaign_days"].num_rows == 12


def test_collect_of_calls_that_overlap_raises_value_error():
    part = decode_days(body_of([{}]), START, END)
    with pytest.raises(ValueError, match="overlap"):
        collect("c", [part, part])


@pytest.mark.parametrize("value", [-1, 0, 2**63 - 1, -(2**63)])
def test_build_tables_numbers_that_could_stand_for_a_missing_one_stay(value):
    tables = tables_of([{"conversions": value, "messages": {"email": [{"sent": value}, {"opens": 0}]}}])
    assert tables["campaign_days"].column("conversions").to_pylist() == [value]
    assert set(tables["campaign_messages"].column("sent").to_pylist()) == {value, None}
