"""When Braze may be asked whether a day is there, and how often."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.windows import ONE_DAY, end_of_day, load_timezone

MAX_SPREAD_SECONDS: Final = 60.0
"""Sensors of one company become ready at the same instant; their first requests are spread over so long."""


def ready_at(window: Window, grace: timedelta) -> datetime:
    """The instant from which on a window's last day may be asked for: it is over, and the grace has passed.

    :param window: of at least one day.
    :param grace: for figures that reach Braze late.
    :return: in UTC.
    """
    return end_of_day(window.end - ONE_DAY, load_timezone(window.timezone)) + grace


def first_probe(ready: float, now: float, poke_interval: float, jitter: float) -> float:
    """When one of many that wait asks first, epoch seconds.

    :param ready: epoch seconds, see :func:`ready_at`.
    :param poke_interval: seconds between two probes.
    :param jitter: a random number in 0..1.
    """
    return max(ready, now) + jitter * min(poke_interval, MAX_SPREAD_SECONDS)


def next_probe(now: float, poke_interval: float, jitter: float) -> float:
    """When it asks again, epoch seconds: after 90 to 110 % of the interval, so that those spread stay so."""
    return now + poke_interval * (0.9 + 0.2 * jitter)
