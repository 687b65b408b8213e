from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta, timezone

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_braze.core.calls import call_for_last_day, fetch_calls, split_days, split_window
from airflow_provider_braze.core.models import SeriesCall, Window
from airflow_provider_braze.core.zones import end_of_day, load_timezone
from tests.zones import ZONES

SPANS = [1, 2, 98, 99, 100, 101, 198, 199, 200, 250, 365, 1826]
MAX_LENGTHS = [13, 14, 100]
READINGS = ["inclusive", "midnight belongs to the day before", "day left out"]
"""How Braze may treat the day of ``ending_at``. Moving it to midnight, as canvases do, is the first or the last one."""
LATER = datetime(2040, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)


def a_window(length: int, end: date = date(2026, 11, 20), zone: str = "UTC") -> Window:
    return Window(end - timedelta(days=length), end, timezone=zone)


def returned_days(call: SeriesCall, zone: str, reading: str) -> set[date]:
    ending_at = datetime.fromisoformat(call.ending_at).astimezone(load_timezone(zone))
    last = ending_at.date()
    at_midnight = (ending_at.hour, ending_at.minute, ending_at.second) == (0, 0, 0)
    if reading == "day left out" or (reading == "midnight belongs to the day before" and at_midnight):
        last -= DAY
    return {last - timedelta(days=i) for i in range(call.length)}


def assert_returns_all(
    window: Window,
    calls: list[SeriesCall],
    reading: str,
    company_zone: str | None = None,
    now: datetime = LATER,
    max_length: int = 100,
) -> None:
    zone = company_zone or window.timezone
    for call in calls:
        returned = returned_days(call, zone, reading)
        if alone := call_for_last_day(call, returned, timezone=window.timezone, now=now):
            returned |= returned_days(alone, zone, reading)
        assert set(Window(call.start, call.end)) <= returned
        assert 2 <= call.length <= max_length
    assert [day for call in reversed(calls) for day in Window(call.start, call.end)] == list(window)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("length", SPANS)
def test_split_window_any_reading_of_ending_at_returns_all_days(length, zone, reading):
    window = a_window(length, zone=zone)
    calls = split_window(window, now=LATER)
    assert len(calls) == math.ceil(length / 100)
    assert_returns_all(window, calls, reading)


@pytest.mark.parametrize("max_length", MAX_LENGTHS)
@given(
    zone=st.sampled_from(ZONES),
    end=st.dates(date(2012, 6, 1), date(2035, 1, 1)),
    length=st.integers(1, 400),
    late=st.one_of(st.integers(0, 7200), st.integers(0, 3_000_000)),
    reading=st.sampled_from(READINGS),
)
def test_split_window_soon_after_the_last_day_returns_all_days(zone, end, length, late, reading, max_length):
    window = a_window(length, end, zone)
    now = end_of_day(end - DAY, load_timezone(zone)) + timedelta(seconds=late)
    calls = split_window(window, now=now, max_length=max_length)
    assert len(calls) == math.ceil(length / max_length)
    assert_returns_all(window, calls, reading, now=now, max_length=max_length)
    assert all(datetime.fromisoformat(call.ending_at) <= now for call in calls)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(
    ("configured", "real"),
    [("UTC", "America/New_York"), ("UTC", "Asia/Seoul"), ("UTC", "Pacific/Honolulu"), ("Asia/Seoul", "UTC")],
)
def test_split_window_of_the_past_returns_all_days_of_another_company_zone(configured, real, reading):
    window = a_window(250, zone=configured)
    assert_returns_all(window, split_window(window, now=LATER), reading, company_zone=real)


@pytest.mark.parametrize("max_length", MAX_LENGTHS)
@given(length=st.integers(0, 400))
def test_split_days_uses_the_fewest_chunks_and_full_length_only_to_save_one(length, max_length):
    window = a_window(length, zone="Asia/Seoul")
    chunks = split_days(window, max_length)
    assert [day for chunk in reversed(chunks) for day in chunk] == list(window)
    assert all(chunk.timezone == "Asia/Seoul" for chunk in chunks)
    assert len(chunks) == math.ceil(length / max_length)
    full = sum(len(chunk) == max_length for chunk in chunks)
    assert full == max(0, length - len(chunks) * (max_length - 1))
    assert [(call.start, call.end) for call in split_window(window, now=LATER, max_length=max_length)] == [
        (chunk.start, chunk.end) for chunk in chunks
    ]


@pytest.mark.parametrize(
    ("days", "max_length", "expected"),
    [
        (31, 14, [13, 13, 5]),
        (31, 13, [12, 12, 7]),
        (28, 14, [14, 14]),
        (27, 14, [14, 13]),
        (14, 14, [14]),
        (13, 14, [13]),
        (13, 13, [13]),
        (40, 14, [14, 13, 13]),
        (31, 100, [31]),
        (200, 100, [100, 100]),
        (199, 100, [100, 99]),
    ],
)
def test_split_days_of_a_series_with_short_requests(days, max_length, expected):
    assert [len(chunk) for chunk in split_days(a_window(days), max_length)] == expected


@pytest.mark.parametrize("max_length", MAX_LENGTHS)
@given(zone=st.sampled_from(ZONES), length=st.integers(1, 400), reading=st.sampled_from(READINGS))
def test_fetch_calls_returns_every_day_oldest_first(zone, length, reading, max_length):
    window = a_window(length, zone=zone)
    requests = fetch_calls(window, now=LATER, max_length=max_length)
    results: list[set[date]] = []
    call = next(requests)
    try:
        while True:
            assert call.length <= max_length
            call = requests.send(returned_days(call, zone, reading) & set(Window(call.start, call.end)))
    except StopIteration as end:
        results = end.value
    days = [day for result in results for day in sorted(result)]
    assert list(dict.fromkeys(days)) == list(window)


def test_split_window_calls_are_newest_first_and_end_at_noon_of_the_next_day():
    assert split_window(a_window(101, zone="America/New_York"), now=LATER) == [
        SeriesCall(date(2026, 8, 13), date(2026, 11, 20), 100, "2026-11-20T12:00:00-05:00"),
        SeriesCall(date(2026, 8, 11), date(2026, 8, 13), 3, "2026-08-13T12:00:00-04:00"),
    ]


def test_split_window_of_100_days_is_one_call_that_ends_at_noon_of_the_last_day():
    assert split_window(a_window(100, zone="America/New_York"), now=LATER) == [
        SeriesCall(date(2026, 8, 12), date(2026, 11, 20), 100, "2026-11-19T12:00:00-05:00"),
    ]


@pytest.mark.parametrize("reading", READINGS)
def test_call_for_last_day_is_needed_only_if_the_day_of_ending_at_is_left_out(reading):
    (call,) = split_window(a_window(100), now=LATER)
    alone = call_for_last_day(call, returned_days(call, "UTC", reading), timezone="UTC", now=LATER)
    expected = SeriesCall(date(2026, 11, 19), date(2026, 11, 20), 2, "2026-11-20T12:00:00+00:00")
    assert alone == (expected if reading == "day left out" else None)


def test_call_for_last_day_of_a_request_with_an_extra_day_is_none():
    (call,) = split_window(a_window(99), now=LATER)
    assert call_for_last_day(call, (), timezone="UTC", now=LATER) is None


@pytest.mark.parametrize(
    "now", [datetime(2026, 11, 20, 1, 2, 3, 999999, timezone.utc), pendulum.datetime(2026, 11, 20, 1, 2, 3, 999999)]
)
def test_split_window_before_noon_ends_at_now_in_whole_seconds(now):
    assert [call.ending_at for call in split_window(a_window(1), now=now)] == ["2026-11-20T01:02:03+00:00"]


@pytest.mark.parametrize("zone", ZONES)
def test_split_window_offset_is_written_with_hours_and_minutes(zone):
    (call,) = split_window(a_window(1, zone=zone), now=LATER)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT12:00:00[+-]\d\d:\d\d", call.ending_at)


def test_split_window_of_an_empty_window_is_empty():
    assert split_window(a_window(0), now=LATER) == []
