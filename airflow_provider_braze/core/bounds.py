"""Dates and datetimes as users and templates write them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Final

from airflow_provider_braze.exceptions import BrazeConfigError

DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""The form of a date, wherever text holds one: ``YYYY-MM-DD``."""

_DATETIME: Final = re.compile(
    rf"(?P<date>{DATE.pattern})[T ]"
    r"(?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.(?P<fraction>[0-9]{1,6}))?"
    r"(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})?"
)


def is_given(value: object) -> bool:
    """Return whether an argument has a value; Jinja renders a missing one as ``""`` or ``"None"``."""
    return value is not None and not (isinstance(value, str) and value.strip() in {"", "None"})


def given_text(value: str | None) -> str | None:
    """Return a rendered text, None where Jinja rendered nothing."""
    return value if is_given(value) else None


def is_template(text: str) -> bool:
    """Return whether Jinja would render a text to something else."""
    return "{{" in text or "{%" in text


def read_bound(name: str, value: object) -> date | datetime:
    """Parse a date, a datetime, or ISO text of either.

    :param name: name of the argument, for the error.
    :return: the date or the datetime. A datetime without an offset stays naive.
    :raises BrazeConfigError: the value is none of these.
    """
    try:
        bound = _parse(value.strip()) if isinstance(value, str) else value
    except ValueError as error:
        raise unusable_bound(name, value) from error
    if not isinstance(bound, date):
        raise unusable_bound(name, value)
    return bound


def unusable_bound(name: str, value: object) -> BrazeConfigError:
    """Build the error for an argument that is not a date or datetime of the calendar."""
    return BrazeConfigError(
        f"{name}={value!r} is not a date or datetime. "
        "Give text such as '2026-11-18' or '2026-11-18T06:00:00+00:00', a date or a datetime."
    )


def _parse(text: str) -> date | None:
    if DATE.fullmatch(text):
        return date.fromisoformat(text)
    found = _DATETIME.fullmatch(text)
    if found is None:
        return None
    # Python 3.10 parses neither "Z", nor offsets without a colon, nor fractions of any length.
    parsed = datetime.fromisoformat(f"{found['date']}T{found['time']}")
    parsed = parsed.replace(microsecond=int((found["fraction"] or "").ljust(6, "0")))
    return parsed.replace(tzinfo=_offset(found["offset"])) if found["offset"] else parsed


def _offset(text: str) -> tzinfo:
    if text == "Z":
        return timezone.utc
    shift = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-shift if text[0] == "-" else shift)
