from __future__ import annotations

import json
from datetime import date

import pytest

from airflow_provider_braze.core.payloads import (
    MAX_DEPTH,
    MAX_UNKNOWN_KEYS,
    check_depth,
    check_limits,
    day_of,
    decode_days,
    select_days,
)
from airflow_provider_braze.exceptions import BrazeDataError

FIRST, LAST_PLUS_ONE = date(2026, 11, 1), date(2026, 11, 4)


def a_day(time="2026-11-01", **fields):
    return {"time": time, "messages": {}, **fields}


def with_email(*rows, **fields):
    return a_day(messages={"email": list(rows)}, **fields)


@pytest.mark.parametrize("message", [{}, {"message": "success"}])
def test_decode_days_with_or_without_message_returns_days_in_order(message):
    days = [a_day("2026-11-02"), a_day("2026-11-01")]
    assert decode_days(json.dumps({**message, "data": days, "errors": ["a note"]}).encode()) == days


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"data": [', b'{"data": []} {}', b'{"data": ["\xff"]}', b"\xef\xbb\xbf{}", b'{"data": NaN}'],
)
def test_decode_days_of_incomplete_json_raises_value_error_without_path(body):
    with pytest.raises(ValueError, match="truncated or not JSON") as caught:
        decode_days(body)
    assert not isinstance(caught.value, BrazeDataError)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"[]", "$"),
        (b"null", "$"),
        (b"{}", "$"),
        (b'{"message": "success"}', "$"),
        (b'{"data": null}', "$.data"),
        (b'{"data": {}}', "$.data"),
        (b'{"data": [{}, 5]}', "$.data[1]"),
        (b'{"message": "campaign unknown", "data": []}', "$.message"),
        (b'{"message": null, "data": []}', "$.message"),
        (b'{"data": [{"revenue": 1e400}]}', "$"),
        (b'{"data": ' + b"[" * 100_000, "$"),
    ],
)
def test_decode_days_of_another_shape_raises_data_error_with_path(body, path):
    with pytest.raises(BrazeDataError) as caught:
        decode_days(body)
    assert caught.value.path == path
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("time", ["2026-11-01", "2026-11-01T00:00:00Z", "2026-11-01 23:59:59+09:00"])
def test_day_of_a_date_or_timestamp_is_its_first_ten_characters(time):
    assert day_of(a_day(time), "$") == FIRST


@pytest.mark.parametrize(
    "time", [None, 5, "", "today", "2026-11-1", "2026-02-30", "20261101T0", "2026-W44-7", "٢٠٢٦-11-01"]
)
def test_day_of_an_invalid_date_raises_data_error_with_path(time):
    with pytest.raises(BrazeDataError, match="YYYY-MM-DD") as caught:
        day_of(a_day(time), "$.data[3]")
    assert caught.value.path == "$.data[3].time"


def test_day_of_missing_time_raises_data_error():
    with pytest.raises(BrazeDataError):
        day_of({}, "$.data[0]")


def test_select_days_returns_requested_days_sorted():
    days = [a_day(f"2026-11-0{number}") for number in (4, 3, 1, 5)] + [a_day("2026-10-31")]
    assert list(select_days(days, FIRST, LAST_PLUS_ONE)) == [date(2026, 11, 1), date(2026, 11, 3)]


@pytest.mark.parametrize(
    "twin",
    [
        {"messages": {"email": [{"sent": 1}, {"opens": 2, "sent": 3}]}, "time": "2026-11-01"},
        with_email({"sent": 3, "opens": 2}, {"sent": 1}),
        with_email({"sent": 1}, {"sent": 3, "opens": 2}) | {"time": "2026-11-01T00:00:00Z"},
    ],
)
def test_select_days_same_day_twice_in_another_order_is_kept_once(twin):
    days = [with_email({"sent": 1}, {"sent": 3, "opens": 2}), twin]
    assert select_days(days, FIRST, LAST_PLUS_ONE) == {FIRST: days[0]}


@pytest.mark.parametrize(
    "other",
    [
        with_email({"sent": 1}),
        with_email({"sent": 1}, {"sent": 1}, {"sent": 3}),
        with_email({"sent": 1}, {"sent": 3}, revenue=None),
        with_email({"sent": 1}, {"sent": True}),
        a_day(messages={"email": "sent"}),
        a_day(messages=None),
    ],
)
def test_select_days_same_day_twice_with_other_content_raises_data_error(other):
    with pytest.raises(BrazeDataError, match="2026-11-01 twice with different content") as caught:
        select_days([with_email({"sent": 1}, {"sent": 3}), a_day("2026-11-02"), other], FIRST, LAST_PLUS_ONE)
    assert caught.value.path == "$.data[2]"


def test_select_days_omits_an_unrequested_day_twice_with_other_content():
    assert select_days([a_day("2026-10-31"), a_day("2026-10-31", revenue=1)], FIRST, LAST_PLUS_ONE) == {}


def test_select_days_unrequested_day_without_date_raises_data_error():
    with pytest.raises(BrazeDataError):
        select_days([a_day("2026-11-01"), a_day("never")], FIRST, LAST_PLUS_ONE)


def test_check_limits_accepts_values_at_the_limits():
    check_limits(rows=5, most_rows=5, unknown_keys=MAX_UNKNOWN_KEYS)


@pytest.mark.parametrize(
    ("counts", "match"),
    [
        ({"rows": 6, "unknown_keys": 0}, "6 rows at .*, more than 5"),
        ({"rows": 0, "unknown_keys": MAX_UNKNOWN_KEYS + 1}, "1001 keys or channels without a column .*more than 1000"),
    ],
)
def test_check_limits_beyond_one_raises_data_error(counts, match):
    with pytest.raises(BrazeDataError, match=match) as caught:
        check_limits(**counts, most_rows=5)
    assert caught.value.path == "$.data"


def test_check_depth_accepts_the_limit_and_rejects_one_level_more():
    value = json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    check_depth(value)
    with pytest.raises(BrazeDataError, match=f"nested more than {MAX_DEPTH} deep"):
        check_depth({"key": [value]})
