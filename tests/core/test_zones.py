from __future__ import annotations

import itertools
from datetime import date, timedelta

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_braze.core.zones import (
    days_ending_in,
    end_of_day,
    last_day_ended_by,
    load_company_timezone,
    load_timezone,
)
from airflow_provider_braze.exceptions import BrazeConfigError
from tests.zones import days, instants, utc, zones

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("zone", "day", "ends"),
    [
        ("UTC", date(2026, 11, 18), "2026-11-19 00:00"),
        ("Asia/Seoul", date(2026, 11, 18), "2026-11-18 15:00"),
        ("America/New_York", date(2026, 10, 31), "2026-11-01 04:00"),
        ("America/New_York", date(2026, 11, 1), "2026-11-02 05:00"),
        ("America/Havana", date(2026, 3, 7), "2026-03-08 05:00"),  # no midnight
        ("America/Havana", date(2026, 10, 31), "2026-11-01 04:00"),  # two midnights: the first
        ("America/Santiago", date(2026, 9, 5), "2026-09-06 04:00"),  # no midnight
        ("Asia/Beirut", date(2026, 3, 28), "2026-03-28 22:00"),  # no midnight
        ("Africa/Cairo", date(2026, 4, 23), "2026-04-23 22:00"),  # no midnight
        ("America/Toronto", date(1919, 3, 30), "1919-03-31 04:30"),  # 23:30 -> 00:30
        ("America/St_Johns", date(2006, 10, 28), "2006-10-29 02:30"),  # 00:01 -> 23:01
        ("America/Nuuk", date(2026, 3, 28), "2026-03-29 01:00"),  # 23:00 -> 00:00
        ("Pacific/Apia", date(2011, 12, 29), "2011-12-30 10:00"),
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30 10:00"),  # there was no such day
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-31 10:00"),
    ],
)
def test_end_of_day_in_zone_is_the_first_instant_of_the_next_date(zone, day, ends):
    assert end_of_day(day, load_timezone(zone)) == utc(ends)


@given(zone=zones, day=days)
def test_end_of_day_separates_the_dates(zone, day):
    tz = load_timezone(zone)
    ends = end_of_day(day, tz)
    assert ends.astimezone(tz).date() > day
    assert (ends - SECOND).astimezone(tz).date() <= day
    assert (ends - timedelta(hours=3)).astimezone(tz).date() <= day
    assert ends <= end_of_day(day + DAY, tz)


@given(zone=zones, instant=instants)
def test_last_day_ended_by_instant_has_ended_and_its_next_has_not(zone, instant):
    tz = load_timezone(zone)
    day = last_day_ended_by(instant, tz)
    assert type(day) is date
    assert end_of_day(day, tz) <= instant < end_of_day(day + DAY, tz)


def test_last_day_ended_by_pendulum_instant_is_plain_date():
    day = last_day_ended_by(pendulum.datetime(2026, 11, 18, tz="Asia/Seoul"), load_timezone("America/New_York"))
    assert (type(day), day) == (date, date(2026, 11, 16))


def test_last_day_ended_by_instant_between_two_midnights_is_the_day_before_them():
    assert last_day_ended_by(utc("2006-10-29 03:00"), load_timezone("America/St_Johns")) == date(2006, 10, 28)


@given(zone=zones, points=st.lists(instants, min_size=3, max_size=8, unique=True))
def test_days_ending_in_adjacent_intervals_join(zone, points):
    tz = load_timezone(zone)
    points.sort()
    parts = [days_ending_in(a, b, tz) for a, b in itertools.pairwise(points)]
    assert [end for _, end in parts[:-1]] == [start for start, _ in parts[1:]]
    assert (parts[0][0], parts[-1][1]) == days_ending_in(points[0], points[-1], tz)


@pytest.mark.parametrize("name", ["", "None", "Mars/Base", "America", "../etc/passwd", "+09:00", 5, None])
def test_load_timezone_unknown_name_raises_config_error_naming_it(name):
    with pytest.raises(BrazeConfigError) as caught:
        load_timezone(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    "name", ["EST", "MST", "HST", "GMT", "GMT0", "EST5EDT", "CET", "WET", "Etc/GMT+5", "Etc/GMT", "Factory"]
)
def test_load_company_timezone_rejects_what_is_not_a_place(name):
    with pytest.raises(BrazeConfigError, match="is an abbreviation or an offset") as caught:
        load_company_timezone(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize("name", ["GMT+1", "UTC+1", "Mars/Base"])
def test_load_company_timezone_rejects_unknown_names(name):
    with pytest.raises(BrazeConfigError, match="does not exist"):
        load_company_timezone(name)


@pytest.mark.parametrize(
    "name", ["UTC", "Etc/UTC", "America/New_York", "Asia/Kathmandu", "America/Argentina/Ushuaia", "Japan", "PRC", "NZ"]
)
def test_load_company_timezone_accepts_places(name):
    assert load_company_timezone(name) == load_timezone(name)
