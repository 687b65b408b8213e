from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.readiness import first_probe, next_probe, ready_at


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("day", "zone", "grace", "expected"),
    [
        (date(2026, 11, 18), "UTC", timedelta(0), utc(2026, 11, 19)),
        (date(2026, 11, 18), "UTC", timedelta(hours=3), utc(2026, 11, 19, 3)),
        (date(2026, 11, 18), "America/New_York", timedelta(hours=3), utc(2026, 11, 19, 8)),
        # On this day New York's clocks go back, by an hour that the grace is not cut by.
        (date(2026, 10, 31), "America/New_York", timedelta(hours=3), utc(2026, 11, 1, 7)),
        (date(2026, 11, 1), "America/New_York", timedelta(0), utc(2026, 11, 2, 5)),
        # Where midnight is skipped, the day ends as the clocks jump.
        (date(2026, 9, 5), "America/Santiago", timedelta(0), utc(2026, 9, 6, 4)),
        (date(2026, 11, 18), "Pacific/Kiritimati", timedelta(days=1), utc(2026, 11, 19, 10)),
    ],
)
def test_ready_at_is_the_end_of_the_last_day_plus_the_grace(day, zone, grace, expected):
    window = Window(day - timedelta(days=3), day + timedelta(days=1), zone)
    assert ready_at(window, grace) == expected


@pytest.mark.parametrize(
    ("ready", "now", "interval", "jitter", "expected"),
    [
        (1000.0, 500.0, 60.0, 0.0, 1000.0),
        (1000.0, 500.0, 60.0, 1.0, 1060.0),
        (1000.0, 5000.0, 60.0, 0.5, 5030.0),
        (1000.0, 500.0, 3600.0, 1.0, 1060.0),
        (1000.0, 500.0, 4.0, 0.5, 1002.0),
        (1000.0, 500.0, 0.0, 1.0, 1000.0),
    ],
)
def test_first_probe_is_spread_over_at_most_an_interval_and_a_minute(ready, now, interval, jitter, expected):
    assert first_probe(ready, now, interval, jitter) == expected


@pytest.mark.parametrize(("jitter", "expected"), [(0.0, 154.0), (0.5, 160.0), (1.0, 166.0)])
def test_next_probe_is_about_an_interval_later(jitter, expected):
    assert next_probe(100.0, 60.0, jitter) == pytest.approx(expected)
