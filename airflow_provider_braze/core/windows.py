"""Which days a run is about: from the dates of an Airflow run to whole days of the company's time zone."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from datetime import timezone as fixed_zone
from typing import Final

import pendulum

from airflow_provider_braze.core.bounds import is_given, read_bound, unusable_bound
from airflow_provider_braze.core.models import Rule, Window
from airflow_provider_braze.core.text import counted
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeWindowError

UTC: Final = fixed_zone.utc
ONE_DAY: Final = timedelta(days=1)
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
ASSET_RUN_TYPES: Final = frozenset({"asset_triggered", "dataset_triggered", "asset_materialization"})
TICK_RUN_TYPES: Final = frozenset({"scheduled", "backfill"})

_RULES_IN_WORDS: Final[dict[Rule, str]] = {
    "arguments": "the arguments start and end",
    "partition": "the run's partition date",
    "interval": "the run's data interval",
    "schedule": "the time since the previous tick of the Dag's schedule",
    "logical_date": "the last day that had ended by the run's logical date",
    "run_after": "the last day that had ended when the run was due",
}
_REMEDIES: Final[dict[Rule, str]] = {
    "arguments": "Give an end that is not after the current date of that time zone.",
    "partition": "Let each run take the day before: run_offset=-1 of CronPartitionTimetable.",
    "interval": "Run it after the end of its data interval.",
    "schedule": "Run it after the tick of the schedule that it stands for.",
    "logical_date": "Give the run a logical date that is not in the future.",
    "run_after": "Check the clocks of the scheduler and of the worker.",
}


@dataclass(frozen=True, slots=True)
class RunDates:
    """What a run knows of dates, as plain values; what is unknown is ``None``.

    :param run_type: Airflow's word for it, such as ``scheduled``, ``backfill``, ``manual``, ``asset_triggered``.
    :param run_after: when the run was due; Airflow 2 has no such date.
    :param previous_tick: the tick of the Dag's schedule before ``data_interval_end``.
    :param schedule_timezone: the time zone of the Dag's timetable.
    :param next_tick: the tick of the Dag's schedule after ``partition_date``.
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


def load_timezone(name: str) -> tzinfo:
    """Look a time zone up by its IANA name.

    :raises BrazeConfigError: there is no such zone.
    """
    try:
        # str(): pendulum would take a number for an offset in seconds.
        return pendulum.timezone(str(name))
    except (ValueError, OSError) as error:
        raise BrazeConfigError(
            f"The time zone {name!r} is not known. Give an IANA name such as 'Europe/Berlin' or 'UTC'."
        ) from error


def load_company_timezone(name: str) -> tzinfo:
    """Look up the time zone of a Braze company: a place, or UTC.

    An abbreviation such as ``EST`` or an offset such as ``Etc/GMT+5`` ignores daylight saving time, so days would be
    wrong for half of the year.

    :raises BrazeConfigError: the zone is unknown, or is not a place.
    """
    zone = load_timezone(name)
    if _NOT_A_PLACE.fullmatch(str(name)):
        raise BrazeConfigError(
            f"The time zone {name!r} is an abbreviation or an offset. Give the zone in Braze's company settings, such "
            "as 'America/New_York' or 'UTC'."
        )
    return zone


_NOT_A_PLACE: Final = re.compile(
    r"Etc/(?!UTC$).*|GMT.*|Factory|localtime|(?!UTC$|PRC$|ROC$|ROK$)[A-Z]{3}([0-9][A-Z]{3})?"
)


def end_of_day(day: date, zone: tzinfo) -> datetime:
    """The first instant, in UTC, whose date in the zone is after that day.

    Where the clocks are put back over midnight, it is the first of the two midnights. A date that the zone skips ends
    together with the day before it.
    """
    following = day + ONE_DAY
    instant = datetime(following.year, following.month, following.day, tzinfo=zone).astimezone(UTC)
    if _local(instant, zone).time() == datetime.min.time():
        return instant
    # The clocks skip midnight, and perhaps some minutes before it: the day may end earlier than 00:00 would have been.
    before, after = instant - ONE_DAY, instant
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if _local(middle, zone).date() < following:
            before = middle
        else:
            after = middle
    return after


def last_day_ended_by(instant: datetime, zone: tzinfo) -> date:
    """The latest day of the zone whose end is not after the instant."""
    day = _local(instant, zone).date() - ONE_DAY
    # After clocks were put back over midnight the wall clock shows a day that has ended already.
    while end_of_day(day + ONE_DAY, zone) <= instant:
        day += ONE_DAY
    return day


def days_ending_in(after: datetime, until: datetime, zone: tzinfo) -> tuple[date, date]:
    """The days D with ``after < end of D <= until``.

    :return: first day and the day after the last one; equal when no day ends there.
    """
    return last_day_ended_by(after, zone) + ONE_DAY, last_day_ended_by(until, zone) + ONE_DAY


def resolve_window(
    run: RunDates, *, timezone: str, start: object = None, end: object = None, lookback_days: int = 0
) -> Window:
    """Tell the days of a run; the first rule that applies gives them, and the clock has no say.

    1. ``start`` and ``end``: as given.
    2. A partition date: that day.
    3. A data interval: the days that end inside it.
    4. An empty data interval: for a scheduled or backfill run the days that ended since the previous tick of the
       schedule; for any other, or when that tick is not known, the last day that ended by the logical date.
    5. No dates, or a run that assets triggered: the last day that ended when the run was due.

    :param timezone: IANA name of the company's zone, in which days are counted.
    :param start: first day, or the instant after which days have to end; date, datetime or ISO text; naive ones are in
        the company's zone. ``None``, ``""`` and ``"None"`` mean not given.
    :param end: the day after the last one, or the instant by which days have to end; as ``start``.
    :param lookback_days: days before the window to read again; not applied to given or empty windows and backfills.
    :return: the window; empty when the run's dates are good but no day ends in them.
    :raises BrazeConfigError: unknown time zone, or negative ``lookback_days``.
    :raises BrazeWindowError: ``start`` or ``end`` cannot be used, or the run's day cannot be told.
    """
    if lookback_days < 0:
        raise BrazeConfigError(f"lookback_days is {lookback_days}. Give 0 or more.")
    zone = load_company_timezone(timezone)
    given = _given_days(start, end, zone)
    if given is not None:
        return Window(*given, timezone=timezone, rule="arguments")
    first, stop, rule = _days_of_run(run, zone)
    window = Window(first, stop, timezone=timezone, rule=rule)
    return look_back(window, lookback_days) if may_look_back(window, run) else window


def may_look_back(window: Window, run: RunDates) -> bool:
    """Whether days before a run's own may be read again: not for given or empty windows, nor in backfills."""
    return not window.is_empty and window.rule != "arguments" and run.run_type != "backfill"


def look_back(window: Window, days: int) -> Window:
    """Read some days again before those of a window that has none of these yet."""
    return replace(window, start=window.start - timedelta(days=days), lookback_days=days)


def check_finished(window: Window, *, now: datetime, run_after: datetime | None) -> None:
    """Make sure that the last day of a window is over, with five minutes' tolerance for clocks that differ.

    :param run_after: when the run was due, so that a worker's slow clock is no fault.
    :raises BrazeWindowError: it is not over; time mends it, so a retry makes sense.
    """
    if window.is_empty:
        return
    last = window.end - ONE_DAY
    ends = end_of_day(last, load_timezone(window.timezone))
    latest = max(now, run_after or now)
    if ends > latest + CLOCK_TOLERANCE:
        raise BrazeWindowError(
            f"The last day of the window, {last}, is not over: it ends at {_utc_text(ends)} ({window.timezone}). "
            f"It was given by {_RULES_IN_WORDS[window.rule]}. {_REMEDIES[window.rule]}"
        )


def describe(window: Window) -> str:
    """One line for the log: the days, the rule that gave them, and when the next day ends."""
    next_end = _utc_text(end_of_day(window.end, load_timezone(window.timezone)))
    count = "no day" if window.is_empty else counted(len(window), "day")
    first = "the first" if window.lookback_days == 1 else f"the first {window.lookback_days}"
    again = f", {first} of them read again" if window.lookback_days else ""
    return (
        f"{count} {window} in {window.timezone}{again}; given by {_RULES_IN_WORDS[window.rule]}; "
        f"the next day, {window.end}, ends at {next_end}"
    )


def missing_days(window: Window, returned: Collection[date]) -> list[date]:
    """The days of a window that did not come back, oldest first."""
    came = set(returned)
    return [day for day in window if day not in came]


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
        raise BrazeWindowError(
            f"The run's data interval is reversed: {begins.isoformat()} to {ends.isoformat()}. "
            "Trigger it with an interval whose start is before its end, or give start and end."
        )
    if begins < ends:
        return (*days_ending_in(begins, ends, zone), "interval")
    if run.previous_tick is not None and run.run_type in TICK_RUN_TYPES:
        return (*days_ending_in(run.previous_tick, ends, zone), "schedule")
    return (*_last_day(run.logical_date or ends, zone), "logical_date")


def _last_day(instant: datetime | None, zone: tzinfo) -> tuple[date, date]:
    if instant is None:
        raise BrazeWindowError("The run has no date at all, so its day cannot be told. Give start and end.")
    day = last_day_ended_by(instant, zone)
    return day, day + ONE_DAY


def _partition_days(run: RunDates, zone: tzinfo) -> tuple[date, date]:
    if run.partition_date is None:
        raise BrazeWindowError(
            f"The run has the partition key {run.partition_key!r} but no partition date, so its day cannot be told. "
            "Give start and end."
        )
    zone = run.schedule_timezone or zone
    day = _local(run.partition_date, zone).date()
    if not _is_midnight(run.partition_date, zone):
        raise BrazeWindowError(
            f"The partition date {run.partition_date.isoformat()} is not midnight in {zone}, so it is not one day. "
            "Give start and end, or let the partitions begin at midnight."
        )
    following = day + ONE_DAY
    if run.next_tick is not None and not _is_by_midnight_of(following, run.next_tick, zone):
        raise BrazeWindowError(
            f"The partition of {run.partition_date.isoformat()} is longer than a day: the next one begins at "
            f"{run.next_tick.isoformat()}. Give start and end, or use partitions of one day."
        )
    return day, following


def _is_by_midnight_of(day: date, instant: datetime, zone: tzinfo) -> bool:
    if _is_midnight(instant, zone):
        return _local(instant, zone).date() <= day
    return instant < end_of_day(day - ONE_DAY, zone)


def _is_midnight(instant: datetime, zone: tzinfo) -> bool:
    # Of two midnights Airflow's cron takes the second; of none, the first instant after the gap.
    local = _local(instant, zone)
    return local.time() == datetime.min.time() or instant.astimezone(UTC) == end_of_day(local.date() - ONE_DAY, zone)


def _given_days(start: object, end: object, zone: tzinfo) -> tuple[date, date] | None:
    missing = [name for name, value in (("start", start), ("end", end)) if not is_given(value)]
    if len(missing) == 2:
        return None
    if missing:
        raise BrazeWindowError(
            f"Of start={start!r} and end={end!r}, {missing[0]} is missing. Give both start and end, or neither."
        )
    first, stop = _day_and_instant("start", start, zone), _day_and_instant("end", end, zone)
    if first >= stop:
        raise BrazeWindowError(f"start={start!r} is not before end={end!r}. The end is exclusive: give a later one.")
    return first[0], stop[0]


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


def _local(instant: datetime, zone: tzinfo) -> datetime:
    # A plain datetime: pendulum's kinds of date and time would leak into windows.
    moved = instant.astimezone(zone)
    clock = (moved.hour, moved.minute, moved.second, moved.microsecond)
    return datetime(moved.year, moved.month, moved.day, *clock, tzinfo=zone, fold=moved.fold)


def _utc_text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
