from __future__ import annotations

import json
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from airflow_provider_braze.core.channels import CHANNEL_STATS, STATS
from airflow_provider_braze.exceptions import BrazeDataError
from tests.campaign_tables import SCHEMAS, build_tables, collect, decode_days
from tests.tables.campaign_responses import BOTH, END, START, as_sent, body_of, freeze, rows_from, tables_of

SAMPLES = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize("name", ["multichannel", "multichannel_rich", "multivariate"])
@pytest.mark.parametrize("keep_payload", [False, True])
def test_build_tables_of_documented_responses_loses_nothing(name, keep_payload):
    body = (SAMPLES / f"data_series_{name}.json").read_bytes()
    (day,) = json.loads(body)["data"]
    rows = collect("c", [decode_days(body, date(2026, 11, 17), date(2026, 11, 18), keep_payload=keep_payload)])
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


def test_build_tables_control_row_has_nulls_instead_of_zeros():
    body = (SAMPLES / "data_series_multivariate.json").read_bytes()
    rows = collect("c", [decode_days(body, date(2026, 11, 17), date(2026, 11, 18))])
    control = build_tables([rows], BOTH)["campaign_messages"].to_pylist()[0]
    assert control["variation_name"] == "Control Group"
    assert control["enrolled"] is not None
    assert {control[stat] for stat in STATS} == {None}


def test_build_tables_rows_with_equal_names_are_numbered_by_their_json():
    rows = [{"variation_name": "a", "sent": sent} for sent in (5, 40, 5)] + [{"sent": 1}]
    table = tables_of([{"messages": {"email": rows, "sms": rows[:1]}}])["campaign_messages"]
    cells = list(zip(*(table.column(name).to_pylist() for name in ("channel", "position", "sent")), strict=True))
    assert cells == [("email", 0, 40), ("email", 1, 5), ("email", 2, 5), ("email", 0, 1), ("sms", 0, 5)]


def test_build_tables_numbers_rows_by_the_sent_json_not_by_columns():
    table = tables_of([{"messages": {"email": [{"sent": 1}, {"sent": 1, "a": 0}, {"a": "", "sent": 1}]}}])[
        "campaign_messages"
    ]
    assert table.column("other").to_pylist() == ['{"a":""}', '{"a":0}', None]


def test_build_tables_many_campaigns_are_sorted_by_day_then_id():
    batch = [rows_from([{"messages": {"sms": [{}]}}] * 2, campaign_id) for campaign_id in ("b", "a", "é", "Z")]
    for table in build_tables(batch, BOTH).values():
        assert table.column("campaign_id").to_pylist() == ["Z", "a", "b", "é"] * 2
        assert table.column("day").to_pylist() == [START] * 4 + [START + timedelta(1)] * 4


def test_build_tables_raw_contains_each_day_as_sent():
    days = ['{ "time":"2026-11-02T00:00:00Z", "revenue": 1.50}', '{"time" : "2026-11-01","messages":{"sms":[{"ü":1}]}}']
    body = f'{{"data": [ {days[0]} ,{days[1]}, {{"time": "2026-10-31"}}]}}'.encode()
    raw = build_tables([collect("c", [decode_days(body, START, END, keep_payload=True)])], ["campaign_raw"])[
        "campaign_raw"
    ]
    assert raw.schema == SCHEMAS["campaign_raw"]
    assert raw.column("payload").to_pylist() == days[::-1]


@pytest.mark.parametrize("batch", [[], [collect("c", [])], [rows_from([], keep_payload=True)]])
def test_build_tables_without_days_are_empty_with_their_schemas(batch):
    tables = build_tables(batch, ["campaign_raw", *BOTH])
    assert {name: table.schema for name, table in tables.items()} == {name: SCHEMAS[name] for name in tables}
    assert [table.num_rows for table in tables.values()] == [0, 0, 0]


def test_schemas_have_a_column_for_every_stat_of_every_channel():
    assert set(STATS) == {stat for stats in CHANNEL_STATS.values() for stat in stats}
    assert (
        len(set(SCHEMAS["campaign_messages"].names)) == len(SCHEMAS["campaign_messages"].names) == 6 + 1 + 29 + 10 + 1
    )


@pytest.mark.parametrize("keep_payload", [False, True])
def test_decode_days_returns_each_requested_day_once(keep_payload):
    days = [{"time": time, "messages": {"sms": [{"sent": 1}]}} for time in ("2026-11-02", "2026-10-31", "2026-11-13")]
    body = json.dumps({"data": [*days, days[0]]}).encode()
    assert collect("c", [decode_days(body, START, END, keep_payload=keep_payload)]).days == (date(2026, 11, 2),)


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


def test_decode_days_does_not_count_drift_of_days_that_were_not_requested():
    body = body_of([{"conversions4": 1}, {}, {}, {}])
    assert collect("c", [decode_days(body, START + timedelta(1), END)]).drift == {}
    assert collect("c", [decode_days(body, START, END)]).drift == {"day.conversions4": 1}


@pytest.mark.parametrize("day", ['{"time": "2026-11-01", "a": ' + "[" * 100_000, '{"time": "2026-11-01", "sent'])
def test_decode_days_of_a_truncated_or_endless_body_raises_value_error_or_data_error(day):
    with pytest.raises((ValueError, BrazeDataError)):
        decode_days(f'{{"data": [{day}'.encode(), START, END)


def test_collect_joins_the_responses_of_a_campaign_and_sums_their_drift():
    body = body_of([{"messages": {"email": [{"machine_open": 1}]}}] * 12)
    cut = START + timedelta(5)
    rows = collect("c", [decode_days(body, cut, END), decode_days(body, START, cut)])
    assert rows.days == tuple(START + timedelta(place) for place in range(12))
    assert rows.drift == {"messages.email.machine_open": 12}
    assert build_tables([rows], BOTH)["campaign_days"].num_rows == 12


def test_collect_of_overlapping_responses_raises_value_error():
    part = decode_days(body_of([{}]), START, END)
    with pytest.raises(ValueError, match="overlap"):
        collect("c", [part, part])


@pytest.mark.parametrize("value", [-1, 0, 2**63 - 1, -(2**63)])
def test_build_tables_keeps_numbers_that_could_represent_a_missing_one(value):
    tables = tables_of([{"conversions": value, "messages": {"email": [{"sent": value}, {"opens": 0}]}}])
    assert tables["campaign_days"].column("conversions").to_pylist() == [value]
    assert set(tables["campaign_messages"].column("sent").to_pylist()) == {value, None}


@pytest.mark.parametrize("keep_payload", [False, True])
def test_build_tables_null_and_absent_stay_null_next_to_zeros(keep_payload):
    rows = [{"sent": 0, "revenue": 0, "enrolled": 5}, {"sent": None, "revenue": None, "enrolled": 6}, {"enrolled": 7}]
    table = tables_of([{"messages": {"email": rows}}], keep_payload=keep_payload)["campaign_messages"]
    assert table.column("enrolled").to_pylist() == [5, 6, 7]
    assert table.column("sent").to_pylist() == [0, None, None]
    assert table.column("revenue").to_pylist() == [0.0, None, None]


def test_build_tables_learned_keys_are_in_other_only_of_rows_that_have_them():
    rows = [{"variation_name": "a", "machine_open": None}, {"variation_name": "b"}]
    batch = [rows_from([{"messages": {"email": rows, "line": [{"sent": 1}]}}] * 3)]
    table = build_tables(batch, BOTH)["campaign_messages"]
    assert table.column("other").to_pylist() == ['{"machine_open":null}', None, None] * 3
    assert batch[0].drift == {"messages.email.machine_open": 3, "messages.line": 3}


def test_build_tables_day_keys_named_as_columns_are_in_other():
    days = tables_of([{"day": "x", "campaign_id": "y", "other": 1}])["campaign_days"]
    assert days.column("other").to_pylist() == ['{"campaign_id":"y","day":"x","other":1}']


def test_build_tables_rows_keep_their_campaign_and_day():
    none, one, two = ({"messages": {"sms": [{"sent": sent} for sent in sents]}} for sents in ((), (1,), (2, 3)))
    batch = [rows_from([none, one], "a"), rows_from([{}, {}, {}], "b"), rows_from([two, none, one], "c")]
    table = build_tables(batch, BOTH)["campaign_messages"]
    found = list(zip(*(table.column(name).to_pylist() for name in ("campaign_id", "day", "sent")), strict=True))
    second, third = START + timedelta(1), START + timedelta(2)
    assert found == [("c", START, 2), ("c", START, 3), ("a", second, 1), ("c", third, 1)]
