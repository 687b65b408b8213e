from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from airflow_provider_braze.sandbox.instants import day_of, day_start, last_day, parse_instant


def utc(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2020-06-28T23:59:59-5:00", utc(2020, 6, 29, 4, 59, 59)),
        ("2020-06-28T23:59:59-05:00", utc(2020, 6, 29, 4, 59, 59)),
        ("2020-06-28T23:59:59+0930", utc(2020, 6, 28, 14, 29, 59)),
        ("2020-06-28 23:59+09", utc(2020, 6, 28, 14, 59)),
        ("2020-06-28T12:00:00z", utc(2020, 6, 28, 12)),
        ("2020-06-28T12:00:00.25Z", utc(2020, 6, 28, 12, 0, 0, 250_000)),
        ("2020-06-28T12:00:00.123456789Z", utc(2020, 6, 28, 12, 0, 0, 123_456)),
        ("2020-06-28T12:00:00", utc(2020, 6, 28, 12)),
        ("2020-06-28", utc(2020, 6, 28)),
    ],
)
def test_parse_instant_lenient_spelling_is_read(text, instant):
    assert parse_instant(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "today",
        "2020-02-30",
        "2020-06-28T25:00:00",
        "2020-06-28T12:00:00 09:00",
        "2020-06-28T12:00:00+99:00",
        "2020-W01",
    ],
)
def test_parse_instant_of_an_invalid_text_is_none(text):
    assert parse_instant(text) is None


@pytest.mark.parametrize(
    "text",
    ["0001-01-01T00:00:00+05:00", "0001-01-01", "1899-12-31", "3000-01-01", "9999-12-31", "9999-12-31T23:00:00-05:00"],
)
def test_parse_instant_out_of_the_calendar_is_none(text):
    assert parse_instant(text) is None


def test_day_start_of_a_skipped_midnight_is_the_first_instant():
    assert day_start(date(2024, 4, 26), "Africa/Cairo") == utc(2024, 4, 25, 22).timestamp()


def test_day_start_of_a_repeated_midnight_is_the_first_one():
    assert day_start(date(2024, 11, 3), "America/Havana") == utc(2024, 11, 3, 4).timestamp()


@pytest.mark.parametrize(("zone", "day"), [("Asia/Seoul", date(2024, 1, 2)), ("America/New_York", date(2024, 1, 1))])
def test_day_of_depends_on_the_zone(zone, day):
    assert day_of(utc(2024, 1, 1, 16), zone) == day


@pytest.mark.parametrize(
    ("reading", "inside", "at_midnight"),
    [("inclusive", 2, 2), ("midnight_before", 2, 1), ("exclusive", 1, 1), ("midnight", 1, 1)],
)
def test_last_day_depends_on_the_reading(reading, inside, at_midnight):
    midnight = utc(2024, 5, 1, 22)
    assert last_day(midnight + timedelta(seconds=1), "Europe/Berlin", reading) == date(2024, 5, inside)
    assert last_day(midnight, "Europe/Berlin", reading) == date(2024, 5, at_midnight)
