"""The window of a task's run, the same for all operators and sensors: resolved, checked and logged."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from datetime import timezone as fixed
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_braze.core.bounds import given_text, is_given
from airflow_provider_braze.core.windows import (
    RunDates,
    check_finished,
    describe,
    may_look_back,
    resolve_window,
)
from airflow_provider_braze.core.zones import ONE_DAY
from airflow_provider_braze.task.airflow import AirflowSkipException
from airflow_provider_braze.task.run_dates import read_run_dates

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import Window

log = logging.getLogger(__name__)


def resolve_run_window(
    context: Mapping[str, Any],
    *,
    timezone: str | None,
    connection_timezone: str | None,
    start: object,
    end: object,
    lookback_days: int | Literal["auto"],
) -> Window:
    """Return the days that a task's run lands, and log them.

    :param timezone: the argument ``timezone``, rendered.
    :param connection_timezone: IANA name from the connection. Used if the argument is not given.
    :param start: the argument ``start``, rendered.
    :param end: the argument ``end``, rendered.
    :param lookback_days: the argument ``lookback_days``. ``"auto"`` adds no days here.
    :return: window of at least one day, all of them over.
    :raises AirflowSkipException: no day ended in the run's interval, as in most runs of an hourly schedule.
    :raises BrazeConfigError: an argument is unusable, or the run's dates do not determine a day.
    :raises BrazeWindowError: the last day is not over yet.
    """
    run = read_run_dates(context)
    days = 0 if lookback_days == "auto" else lookback_days
    window = _resolve(run, timezone, connection_timezone, start, end, days)
    check_finished(window, now=datetime.now(fixed.utc), run_after=run.run_after)
    if not (is_given(timezone) or is_given(connection_timezone)):
        log.warning("No company time zone is set: days are counted in UTC. A destination keeps its first time zone.")
        log.warning(
            "Set `timezone` in the extra of the Braze connection to your company's time zone in Braze, or to UTC."
        )
    if not is_given(start) and (start is not None or end is not None):
        log.warning("start and end rendered to nothing (%r, %r): landing the run's own days", start, end)
    if lookback_days and not may_look_back(window, run):
        reason = "start and end set the window" if window.rule == "arguments" else "backfill runs land only their days"
        log.info("lookback_days=%r is not applied: %s", lookback_days, reason)
    log.info("Window: %s", describe(window))
    return window


def resolve_last_day(
    context: Mapping[str, Any],
    *,
    timezone: str | None,
    connection_timezone: str | None,
    start: object,
    end: object,
) -> Window:
    """Return the last day of a task's run, over or not. The arguments are those of :func:`resolve_run_window`.

    :return: window of that one day.
    :raises AirflowSkipException: no day ended in the run's interval.
    :raises BrazeConfigError: an argument is unusable, or the run's dates do not determine a day.
    """
    window = _resolve(read_run_dates(context), timezone, connection_timezone, start, end, 0)
    return replace(window, start=window.end - ONE_DAY)


def _resolve(
    run: RunDates,
    timezone: str | None,
    connection_timezone: str | None,
    start: object,
    end: object,
    lookback_days: int,
) -> Window:
    zone = given_text(timezone) or given_text(connection_timezone) or "UTC"
    window = resolve_window(run, timezone=zone, start=start, end=end, lookback_days=lookback_days)
    if window.is_empty:
        raise AirflowSkipException(
            f"No day ended in this run's interval, so there is nothing to do: {describe(window)}"
        )
    return window


def may_run_look_back(context: Mapping[str, Any], window: Window) -> bool:
    """Return whether a run fetches days before its own again.

    :param window: the run's own days, from :func:`resolve_run_window`.
    """
    return may_look_back(window, read_run_dates(context))
