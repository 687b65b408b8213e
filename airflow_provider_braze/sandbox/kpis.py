"""KPIs and sessions: their figures, as pure functions, and their five endpoints.

=============  ==================================================================================
dau, sessions  grow for 3 and 5 days after the day, by sessions that devices report late
mau            appears at 12:05 UTC of the next day and never changes
new_users      shrinks by up to 3 % within 10 days, when Braze merges users
uninstalls     are final when the day is over, with a peak on some days
=============  ==================================================================================

A user may have several apps, so the figure of all apps is less than the sum over apps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache, partial
from random import Random
from typing import Final

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox import params as parse
from airflow_provider_braze.sandbox.days import flat_series
from airflow_provider_braze.sandbox.figures import arrived, busyness, draw, made_up_id
from airflow_provider_braze.sandbox.instants import day_of
from airflow_provider_braze.sandbox.params import Params, Respond
from airflow_provider_braze.sandbox.segments import tracked_segment
from airflow_provider_braze.sandbox.settings import SandboxSettings

METRICS: Final = ("dau", "mau", "new_users", "uninstalls")
MAU_TIME: Final = time(12, 5, tzinfo=timezone.utc)
"""When Braze computes the monthly active users of the day before. Source: Braze docs, Analytics (seen 2026-11)."""

_OVERLAP: Final = 0.9
_PEAK_DAYS: Final = 0.1


@lru_cache(maxsize=8)
def _apps(seed: int, count: int) -> tuple[str, ...]:
    return tuple(made_up_id(seed, "app", number) for number in range(count))


def app_ids(settings: SandboxSettings) -> list[str]:
    """Return the identifiers of the apps."""
    return list(_apps(settings.seed, settings.apps))


def kpi_value(
    settings: SandboxSettings, metric: str, day: date, app_id: str | None = None, as_of: datetime | None = None
) -> int | None:
    """Return a KPI's value on a day, or None when Braze does not have it yet.

    :param metric: ``dau``, ``mau``, ``new_users`` or ``uninstalls``.
    :param app_id: one app; default all together.
    :param as_of: aware time of the request; default the settings' clock.
    :raises KeyError: no such metric.
    """
    now = as_of or settings.now()
    if day > day_of(now, settings.timezone):
        return None
    if metric == "mau" and now < datetime.combine(day + timedelta(days=1), MAU_TIME):
        return None
    compute = _COMPUTE[metric]
    if app_id is not None:
        return compute(settings, app_id, day, now)
    return int(sum(compute(settings, app, day, now) for app in _apps(settings.seed, settings.apps)) * _OVERLAP)


def session_count(
    settings: SandboxSettings,
    day: date,
    app_id: str | None = None,
    segment_id: str | None = None,
    as_of: datetime | None = None,
) -> int | None:
    """Return the number of sessions on a day, or None when the day has not begun.

    :param app_id: one app; default all together.
    :param segment_id: one segment; default all users.
    :param as_of: aware time of the request; default the settings' clock.
    """
    now = as_of or settings.now()
    if day > day_of(now, settings.timezone):
        return None
    elapsed, late = arrived(day, settings.timezone, now, 5)
    apps = _apps(settings.seed, settings.apps) if app_id is None else (app_id,)
    share = 1.0 if segment_id is None else 0.05 + 0.4 * draw(settings.seed, "sessions", segment_id)
    total = sum(int(3 * _base(settings, app) * _noise(settings, app, day)) for app in apps)
    return int(total * share * (0.95 * elapsed + 0.05 * late))


def _base(settings: SandboxSettings, app: str) -> int:
    return 2_000 + int(40_000 * draw(settings.seed, "app", app))


def _noise(settings: SandboxSettings, app: str, day: date) -> float:
    return busyness(day, draw(settings.seed, "kpi", app, day))


def _dau(settings: SandboxSettings, app: str, day: date, now: datetime) -> int:
    elapsed, late = arrived(day, settings.timezone, now, 3)
    return int(_base(settings, app) * _noise(settings, app, day) * (0.97 * elapsed + 0.03 * late))


def _mau(settings: SandboxSettings, app: str, day: date, now: datetime) -> int:
    return int(_base(settings, app) * (8 + draw(settings.seed, "mau", app, day)))


def _new_users(settings: SandboxSettings, app: str, day: date, now: datetime) -> int:
    elapsed, late = arrived(day, settings.timezone, now, 10)
    return int(0.04 * _base(settings, app) * _noise(settings, app, day) * (elapsed - 0.03 * late))


def _uninstalls(settings: SandboxSettings, app: str, day: date, now: datetime) -> int:
    elapsed, _ = arrived(day, settings.timezone, now, 1)
    peak = 8 if draw(settings.seed, "peak", app, day) < _PEAK_DAYS else 1
    return int(0.01 * _base(settings, app) * _noise(settings, app, day) * peak * elapsed)


_COMPUTE: Final[Mapping[str, Callable[[SandboxSettings, str, date, datetime], int]]] = {
    "dau": _dau,
    "mau": _mau,
    "new_users": _new_users,
    "uninstalls": _uninstalls,
}


def requested_app(settings: SandboxSettings, params: Params) -> str | None:
    """Return the requested app, or None for all.

    :raises Rejected: the app is unknown.
    """
    return parse.known(params, "app_id", app_ids(settings), required=False) or None


def _respond_kpi(metric: str, settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    app_id, now = requested_app(settings, params), settings.now()
    return flat_series(
        settings, params, dice, metric, metric, lambda day: kpi_value(settings, metric, day, app_id, now)
    )


def _respond_sessions(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    app_id, now = requested_app(settings, params), settings.now()
    segment_id = tracked_segment(settings, params, required=False) or None
    return flat_series(
        settings,
        params,
        dice,
        "sessions",
        "sessions",
        lambda day: session_count(settings, day, app_id, segment_id, now),
    )


ENDPOINTS: Final[Mapping[str, Respond]] = {
    **{f"/kpi/{metric}/data_series": partial(_respond_kpi, metric) for metric in METRICS},
    "/sessions/data_series": _respond_sessions,
}
"""Response by path."""
