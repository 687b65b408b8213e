"""When a sensor may ask Braze for a day, and how often."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.zones import ONE_DAY, end_of_day, load_timezone

MAX_SPREAD_SECONDS: Final = 60.0
"""Sensors of one company become ready at the same instant. Their first requests are spread over this time."""


def ready_at(window: Window, grace: timedelta) -> datetime:
    """Return the time of the first request: the end of the last day plus the grace, in UTC.

    :param window: window of at least one day.
    :param grace: time for figures that reach Braze late.
    """
    return end_of_day(window.end - ONE_DAY, load_timezone(window.timezone)) + grace


def first_probe(ready: float, now: float, poke_interval: float, jitter: float) -> float:
    """Return the time of the first request of one of many sensors, in epoch seconds.

    :param ready: epoch seconds, see :func:`ready_at`.
    :param poke_interval: seconds between two requests.
    :param jitter: random number from 0 to 1.
    """
    return max(ready, now) + jitter * min(poke_interval, MAX_SPREAD_SECONDS)


def next_probe(now: float, poke_interval: float, jitter: float) -> float:
    """Return the time of the next request, after 90 to 110 % of the interval, so that sensors stay spread out."""
    return now + poke_interval * (0.9 + 0.2 * jitter)
