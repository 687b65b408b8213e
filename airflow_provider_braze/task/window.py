"""The window of a task's run: resolved, guarded and told in the log, the same for all operators and sensors."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from datetime import timezone as fixed
from typing import TYPE_CHECKING, Any

from airflow_provider_braze.core.bounds import given_text
from airflow_provider_braze.core.windows import (
    ONE_DAY,
    RunDates,
    check_finished,
    describe,
    may_look_back,
    resolve_window,
)
from airflow_provider_braze.task.airflow import AirflowSkipException
from airflow_provider_braze.task.run_dates import read_run_dates

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import Window
    from airflow_provider_braze.hooks.braze import BrazeHook

log = logging.getLogger(__name__)


def resolve_run_window(
    context: Mapping[str, Any],
    hook: BrazeHook,
    *,
    timezone: str | None,
    start: object,
    end: object,
    lookback_days: int,
) -> Window:
    """Tell the days that a task's run is about.

    :param context: the task's context.
    :param hook: whose connection tells the company's time zone, if the user does not.
    :param timezone: IANA name of the zone in which Braze's days are counted, as the user gave it, rendered.
    :param start: as the user gave it, rendered.
    :param end: as the user gave it, rendered.
    :return: a window of at least one day, all over.
    :raises AirflowSkipException: no day ended in the run's interval, as for most runs of an hourly schedule.
    :raises BrazeWindowError: the days cannot be told, or are not over yet.
    """
    run = read_run_dates(context)
    window = _resolve(run, hook, timezone, start, end, lookback_days)
    check_finished(window, now=datetime.now(fixed.utc), run_after=run.run_after)
    log.info("This run is about %s", describe(window))
    return window


def resolve_last_day(
    context: Mapping[str, Any], hook: BrazeHook, *, timezone: str | None, start: object, end: object
) -> Window:
    """Tell the last day that a task's run is about, over or not; the arguments are those of :func:`resolve_run_window`.

    :return: a window of that one day.
    :raises AirflowSkipException: no day ended in the run's interval.
    :raises BrazeWindowError: the day cannot be told.
    """
    window = _resolve(read_run_dates(context), hook, timezone, start, end, 0)
    return replace(window, start=window.end - ONE_DAY)


def _resolve(
    run: RunDates, hook: BrazeHook, timezone: str | None, start: object, end: object, lookback_days: int
) -> Window:
    zone = given_text(timezone) or hook.settings.timezone or "UTC"
    window = resolve_window(run, timezone=zone, start=start, end=end, lookback_days=lookback_days)
    if window.is_empty:
        raise AirflowSkipException(
            f"No day ended in this run's interval, so there is nothing to do: {describe(window)}"
        )
    return window


def may_run_look_back(context: Mapping[str, Any], window: Window) -> bool:
    """Whether days before a run's own may be read again.

    :param window: the run's own days, as :func:`resolve_run_window` tells them.
    """
    return may_look_back(window, read_run_dates(context))
