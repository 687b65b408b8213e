"""Which calls of ``/campaigns/data_series`` bring the days of a window."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from airflow_provider_braze.core.models import SeriesCall, Window
from airflow_provider_braze.core.windows import load_timezone

MAX_LENGTH: Final = 100
MAX_DAYS: Final = MAX_LENGTH - 1


def split_window(window: Window, *, now: datetime) -> list[SeriesCall]:
    """Cut a window into as few calls as can be, newest first.

    Braze does not say whether the day of ``ending_at`` is the last one of the answer. So each call ends inside the day
    after the last one wanted, at noon, and asks for one day more than wanted: then the wanted days come back either way
    (inferred), and for a window well past also if the company's zone is not quite the one that was configured.

    :param now: the time of the call; no call ends after it, for what Braze makes of the future is not documented.
    :return: the calls; none for an empty window.

    Source: ``length`` is 1 to 100 days before ``ending_at``: Braze docs, Export campaign analytics (seen 2026-09).
    """
    zone = load_timezone(window.timezone)
    calls = []
    end = window.end
    while end > window.start:
        start = max(window.start, end - timedelta(days=MAX_DAYS))
        ending_at = min(_noon(end, zone), now.astimezone(zone))
        calls.append(SeriesCall(start, end, (end - start).days + 1, ending_at.isoformat(timespec="seconds")))
        end = start
    return calls


def _noon(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=zone)
