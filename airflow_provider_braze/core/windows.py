"""The window of a run: from the dates of an Airflow run to whole days of the company's time zone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from airflow_provider_braze.core.bounds import is_given, read_bound, unusable_bound
from airflow_provider_braze.core.models import Rule, Window
from airflow_provider_braze.core.text import counted
from airflow_provider_braze.core.zones import (
    ONE_DAY,
    UTC,
    days_ending_in,
    end_of_day,
    is_midnight,
    last_day_ended_by,
    load_company_timezone,
    load_timezone,
    local_time,
)
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeWindowError

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
ASSET_RUN_TYPES: Final = frozenset({"asset_triggered", "dataset_triggered", "asset_materialization"})
TICK_RUN_TYPES: Final = frozenset({"scheduled", "backfill"})

_SOURCES: Final[dict[Rule, str]] = {
    "arguments": "start and end",
    "partition": "partition date",
    "interval": "data interval",
    "schedule": "schedule",
    "logical_date": "logical date",
    "run_after": "time of the run",
}
_REMEDIES: Final[dict[Rule, str]] = {
    "arguments": "Give an end that is not after the current date of that time zone.",
    "partition": "Set run_offset=-1 on CronPartitionTimetable, so that each run lands the day before.",
    "interval": "Run the task after the end of its data interval.",
    "schedule": "Run the task after its scheduled time.",
    "logical_date": "Give the run a logical date that is not in the future.",
    "run_after": "Check the clocks of the scheduler and of the worker.",
}


@dataclass(frozen=True, slots=True)
class RunDates:
    """The dates of a run as plain values; ``None`` where unknown.

    :param run_type: Airflow's type, such as ``scheduled``, ``backfill``, ``manual``, ``asset_triggered``.
    :param run_after: time at which the run was due. Airflow 2 has no such date.
    :param previous_tick: tick of the Dag's schedule before ``data_interval_end``.
    :param schedule_timezone: time zone of the Dag's timetable.
    :param next_tick: tick of the Dag's schedule after ``partition_date``.
    """

    run_type: str
    run_after: datetime | None = None
    logical_date: datetime | None = None
    data_interval_start: datetime | None = None
    data_interval_end: datetime | None = None
    previous_tick: datetime | None = None
    partition_date: datetime | None = None
    partition_key: str | None = None
    schedule_timezone: tzinfo | None = None
    next_tick: datetime | None = None


def resolve_window(
    run: RunDates, *, timezone: str, start: object = None, end: object = None, lookback_days: int = 0
) -> Window:
    """Return the window of a run. The first rule that applies determines it; the current time does not.

    1. ``start`` and ``end``, if given.
    2. The partition date: that day.
    3. The data interval: the days that end inside it.
    4. An empty data interval. For a scheduled or backfill run: the days that ended since the previous tick of the
       schedule. For any other run, or if that tick is unknown: the last day that ended by the logical date.
    5. No dates, or a run triggered by assets: the last day that ended when the run was due.

    :param timezone: IANA name of the company's zone, which determines where days begin.
    :param start: first day, or the instant after which days have to end: a date, a datetime or ISO text. Naive values
        are in the company's zone. ``None``, ``""`` and ``"None"`` mean not given.
    :param end: day after the last one, or the instant by which days have to end. Same types as ``start``.
    :param lookback_days: days before the window to fetch again. Ignored if :func:`may_look_back` is false.
    :return: the window. It is empty if no day ends between the run's dates.
    :raises BrazeConfigError: an argument is unusable, or the run's dates do not determine a day.
    """
    if lookback_days < 0:
        raise BrazeConfigError(f"`lookback_days` is {lookback_days}. Give 0 or more.")
    zone = load_company_timezone(timezone)
    given = given_days(start, end, zone, has_empty_interval=has_empty_interval(run))
    if given is not None:
        return Window(*given, timezone=str(zone), rule="arguments")
    first, stop, rule = _days_of_run(run, zone)
    window = Window(first, stop, timezone=str(zone), rule=rule)
    return look_back(window, lookback_days) if may_look_back(window, run) else window


def may_look_back(window: Window, run: RunDates) -> bool:
    """Return whether a run fetches earlier days again: not with given or empty windows, nor in backfills."""
    return not window.is_empty and window.rule != "arguments" and run.run_type != "backfill"


def look_back(window: Window, days: int) -> Window:
    """Return a window with lookback days added before its own."""
    return replace(window, start=window.start - timedelta(days=days), lookback_days=days)


def has_empty_interval(run: RunDates) -> bool:
    """Return whether both ends of a run's data interval are the same moment, as for Airflow 3's cron schedules."""
    return run.data_interval_start is not None and run.data_interval_start == run.data_interval_end


def given_days(
    start: object, end: object, zone: tzinfo, *, has_empty_interval: bool = False
) -> tuple[date, date] | None:
    """Return the days that ``start`` and ``end`` give, None if neither is given.

    :param has_empty_interval: whether the run's data interval is empty. The error then names it as a likely cause.
    :return: first day and the day after the last one. They are equal if no day ends in between.
    :raises BrazeConfigError: one of them is missing, is not a date or datetime, or ``start`` is not before ``end``.
    """
    missing = [name for name, value in (("start", start), ("end", end)) if not is_given(value)]
    if len(missing) == 2:
        return None
    if missing:
        raise BrazeConfigError(
            f"`{missing[0]}` is missing: start={start!r}, end={end!r}. "
            "Give both, or omit both to land the run's own days."
        )
    first, stop = _day_and_instant("start", start, zone), _day_and_instant("end", end, zone)
    if first > stop:
        raise BrazeConfigError(f"start={start!r} is after end={end!r}. Give an end that is after the start.")
    if first == stop:
        cause = _EMPTY_INTERVAL if has_empty_interval else ""
        raise BrazeConfigError(
            f"start={start!r} and end={end!r} are the same moment, and `end` is exclusive, so no day is left.{cause} "
            "Omit both to land the run's own days, or give a later end."
        )
    return first[0], stop[0]


_EMPTY_INTERVAL: Final = (
    " This run's data interval is empty: in Airflow 3, `data_interval_start` equals `data_interval_end` for a cron "
    "schedule."
)


def check_finished(window: Window, *, now: datetime, run_after: datetime | None) -> None:
    """Check that the last day of a window is over, allowing for clocks that differ by five minutes.

    :param run_after: time at which the run was due. It counts if the worker's clock is behind it.
    :raises BrazeWindowError: the day is not over. A later retry succeeds.
    """
    if window.is_empty:
        return
    last = window.end - ONE_DAY
    ends = end_of_day(last, load_timezone(window.timezone))
    latest = max(now, run_after or now)
    if ends > latest + CLOCK_TOLERANCE:
        raise BrazeWindowError(
            f"The last day of the window, {last}, is not over: it ends at {_utc_text(ends)} ({window.timezone}). "
            f"Source of the window: {_SOURCES[window.rule]}. {_REMEDIES[window.rule]}"
        )


def format_days(window: Window) -> str:
    """Return a window's days, both ends included: ``2026-10-20 to 2026-11-19``."""
    first, last = window.start.isoformat(), (window.end - ONE_DAY).isoformat()
    return first if first == last else f"{first} to {last}"


def describe(window: Window) -> str:
    """Return a window in one line: its days, its lookback, and where they come from."""
    source = f"source: {_SOURCES[window.rule]}"
    if window.is_empty:
        ends = _utc_text(end_of_day(window.end, load_timezone(window.timezone)))
        return f"0 days ({window.timezone}); {source}; the next day, {window.end}, ends at {ends}"
    lookback = f", {window.lookback_days} of them lookback" if window.lookback_days else ""
    return f"{counted(len(window), 'day')}, {format_days(window)} ({window.timezone}){lookback}; {source}"


def missing_days(window: Window, returned: Collection[date]) -> list[date]:
    """Return the days of a window that Braze did not return, oldest first."""
    present = set(returned)
    return [day for day in _days_in(window.start, window.end) if day not in present]


@lru_cache(maxsize=64)
def _days_in(start: date, end: date) -> tuple[date, ...]:
    """Return the same objects for the same window: thousands of subjects may lack all of its days."""
    return tuple(Window(start, end))


def _days_of_run(run: RunDates, zone: tzinfo) -> tuple[date, date, Rule]:
    if run.partition_date is not None or run.partition_key:
        return (*_partition_days(run, zone), "partition")
    if run.run_type in ASSET_RUN_TYPES:
        return (*_last_day(run.run_after or run.logical_date, zone), "run_after")
    begins, ends = run.data_interval_start, run.data_interval_end
    if begins is not None and ends is not None:
        return _interval_days(run, begins, ends, zone)
    if run.logical_date is not None:
        return (*_last_day(run.logical_date, zone), "logical_date")
    return (*_last_day(run.run_after, zone), "run_after")


def _interval_days(run: RunDates, begins: datetime, ends: datetime, zone: tzinfo) -> tuple[date, date, Rule]:
    if begins > ends:
        raise BrazeConfigError(
            f"The run's data interval is reversed: {begins.isoformat()} to {ends.isoformat()}. "
            "Trigger a run whose interval starts before it ends, or give start and end."
        )
    if begins < ends:
        return (*days_ending_in(begins, ends, zone), "interval")
    if run.previous_tick is not None and run.run_type in TICK_RUN_TYPES:
        return (*days_ending_in(run.previous_tick, ends, zone), "schedule")
    return (*_last_day(run.logical_date or ends, zone), "logical_date")


def _last_day(instant: datetime | None, zone: tzinfo) -> tuple[date, date]:
    if instant is None:
        raise BrazeConfigError("The run has no date, so its days are unknown. Give start and end.")
    day = last_day_ended_by(instant, zone)
    return day, day + ONE_DAY


def _partition_days(run: RunDates, zone: tzinfo) -> tuple[date, date]:
    if run.partition_date is None:
        raise BrazeConfigError(
            f"The run has the partition key {run.partition_key!r} but no partition date, so its day is unknown. "
            "Give start and end."
        )
    zone = run.schedule_timezone or zone
    day = local_time(run.partition_date, zone).date()
    if not is_midnight(run.partition_date, zone):
        raise BrazeConfigError(
            f"The partition date {run.partition_date.isoformat()} is not midnight in {zone}, so it is not one day. "
            "Give start and end, or use partitions that begin at midnight."
        )
    following = day + ONE_DAY
    if run.next_tick is not None and not _is_by_midnight_of(following, run.next_tick, zone):
        raise BrazeConfigError(
            f"The partition of {run.partition_date.isoformat()} is longer than a day: the next one begins at "
            f"{run.next_tick.isoformat()}. Give start and end, or use partitions of one day."
        )
    return day, following


def _is_by_midnight_of(day: date, instant: datetime, zone: tzinfo) -> bool:
    if is_midnight(instant, zone):
        return local_time(instant, zone).date() <= day
    return instant < end_of_day(day - ONE_DAY, zone)


def _day_and_instant(name: str, value: object, zone: tzinfo) -> tuple[date, datetime]:
    bound = read_bound(name, value)
    try:
        if isinstance(bound, datetime):
            aware = bound if bound.tzinfo is not None else bound.replace(tzinfo=zone)
            return last_day_ended_by(aware, zone) + ONE_DAY, aware.astimezone(UTC)
        day = date(bound.year, bound.month, bound.day)
        return day, end_of_day(day - ONE_DAY, zone)
    except OverflowError as error:
        raise unusable_bound(name, value) from error


def _utc_text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
