"""Times as the API parses them, and the days of the company's zone."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

EndingAtReading = Literal["inclusive", "midnight_before", "exclusive", "midnight"]
"""Which day is the last of a series; the documentation does not say.

``inclusive``: the company's day that contains ``ending_at``. ``midnight_before``: the same, except that an exact
midnight belongs to the day before. ``exclusive``: the day before the one that contains it. ``midnight``: ``ending_at``
is first cut to midnight of the company's zone, and the series ends at that midnight.
"""

_INSTANT = re.compile(
    r"(?P<day>(?:19|2\d)\d\d-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d:\d\d)(?P<second>:\d\d)?(?P<fraction>\.\d{1,9})?"
    r"(?:[Zz]|(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>[0-5]\d))?)?)?",
    re.ASCII,
)


def parse_instant(text: str) -> datetime | None:
    """Parse an ISO 8601 date or time, as leniently as Braze's own sample needs. Return None if it is neither.

    Other years than 1900 to 2999 are rejected, so that all days around an instant are in Python's calendar.

    The sample of Braze docs, Export campaign analytics (seen 2026-09) has the offset ``-5:00``, which is not padded. A
    date alone and a time without an offset count as UTC (inferred).
    """
    match = _INSTANT.fullmatch(text)
    if not match:
        return None
    part = match.groupdict(default="")
    padded = f"{part['day']}T{part['time'] or '00:00'}{part['second'] or ':00'}"
    offset = f"{part['sign'] or '+'}{part['hours']:0>2}:{part['minutes'] or '00'}"
    try:
        return datetime.fromisoformat(padded + offset).astimezone(timezone.utc) + _fraction(part["fraction"])
    except ValueError:
        return None


def _fraction(text: str) -> timedelta:
    return timedelta(microseconds=int(text[1:7].ljust(6, "0"))) if text else timedelta()


@lru_cache(maxsize=64)
def zone_info(name: str) -> ZoneInfo:
    """Return the zone of an IANA name."""
    return ZoneInfo(name)


@lru_cache(maxsize=16_384)
def day_start(day: date, zone: str) -> float:
    """Return the epoch second at which a day of the zone begins, also where its clocks change at midnight."""
    return datetime(day.year, day.month, day.day, tzinfo=zone_info(zone)).timestamp()


def day_of(instant: datetime, zone: str) -> date:
    """Return the day of the zone that contains an instant."""
    return instant.astimezone(zone_info(zone)).date()


def last_day(ending_at: datetime, zone: str, reading: EndingAtReading) -> date:
    """Return the last day of a series that ends at an instant, by one of the four readings."""
    day = day_of(ending_at, zone)
    if reading == "midnight":
        ending_at = datetime.fromtimestamp(day_start(day, zone), timezone.utc)
    is_before = reading == "exclusive" or (reading != "inclusive" and ending_at.timestamp() == day_start(day, zone))
    return day - timedelta(days=1) if is_before else day
