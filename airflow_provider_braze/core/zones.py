"""Time zones of companies: where their days begin and end, across changes of their clocks."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo
from datetime import timezone as fixed_zone
from typing import Final

import pendulum

from airflow_provider_braze.exceptions import BrazeConfigError

UTC: Final = fixed_zone.utc
ONE_DAY: Final = timedelta(days=1)

_NOT_A_PLACE: Final = re.compile(
    r"Etc/(?!UTC$).*|GMT.*|Factory|localtime|(?!UTC$|PRC$|ROC$|ROK$)[A-Z]{3}([0-9][A-Z]{3})?"
)


def load_timezone(name: str) -> tzinfo:
    """Return a time zone by its IANA name.

    :raises BrazeConfigError: the zone does not exist.
    """
    try:
        # str(): pendulum treats a number as an offset in seconds.
        return pendulum.timezone(str(name))
    except (ValueError, OSError) as error:
        raise BrazeConfigError(
            f"The time zone {name!r} does not exist. Give an IANA name such as 'Europe/Berlin' or 'UTC'."
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


def end_of_day(day: date, zone: tzinfo) -> datetime:
    """Return the first instant, in UTC, whose date in the zone is after a day.

    If the clocks are set back over midnight, this is the first of the two midnights. A date that the zone skips ends
    together with the day before it.
    """
    following = day + ONE_DAY
    instant = datetime(following.year, following.month, following.day, tzinfo=zone).astimezone(UTC)
    if local_time(instant, zone).time() == datetime.min.time():
        return instant
    # The clocks skip midnight, and perhaps some minutes before it, so the day may end before 00:00.
    before, after = instant - ONE_DAY, instant
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if local_time(middle, zone).date() < following:
            before = middle
        else:
            after = middle
    return after


def last_day_ended_by(instant: datetime, zone: tzinfo) -> date:
    """Return the latest day of the zone whose end is not after an instant."""
    day = local_time(instant, zone).date() - ONE_DAY
    # After clocks were set back over midnight, the wall clock shows a day that has already ended.
    while end_of_day(day + ONE_DAY, zone) <= instant:
        day += ONE_DAY
    return day


def days_ending_in(after: datetime, until: datetime, zone: tzinfo) -> tuple[date, date]:
    """Return the days D with ``after < end of D <= until``.

    :return: first day and the day after the last one. They are equal if no day ends in between.
    """
    return last_day_ended_by(after, zone) + ONE_DAY, last_day_ended_by(until, zone) + ONE_DAY


def is_midnight(instant: datetime, zone: tzinfo) -> bool:
    """Return whether a day of the zone begins at an instant."""
    # If midnight comes twice, Airflow's cron takes the second. If it is skipped, the first instant after the gap.
    local = local_time(instant, zone)
    return local.time() == datetime.min.time() or instant.astimezone(UTC) == end_of_day(local.date() - ONE_DAY, zone)


def local_time(instant: datetime, zone: tzinfo) -> datetime:
    """Return an instant as a plain datetime of the zone, so that windows hold no pendulum types."""
    moved = instant.astimezone(zone)
    clock = (moved.hour, moved.minute, moved.second, moved.microsecond)
    return datetime(moved.year, moved.month, moved.day, *clock, tzinfo=zone, fold=moved.fold)
