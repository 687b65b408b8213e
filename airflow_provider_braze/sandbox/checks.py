"""Checks of single settings: each returns the value to keep, or names the setting that is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.sandbox.instants import parse_instant

_Settings = TypeVar("_Settings", bound=Any)

Check = Callable[[str, Any], Any]
"""Takes the name of a setting and its value; returns the value to keep."""


def wrong(name: str, value: object, wanted: str) -> BrazeConfigError:
    """Return the error for a setting with a wrong value."""
    return BrazeConfigError(f"The sandbox setting {name!r} is {str(value)[:200]!r}. Set it to {wanted}.")


def number(wanted: str, low: float, high: float) -> Check:
    """Return a check for a number in a range, both ends included."""
    return _ranged(wanted, low, high, (int, float))


def whole_number(wanted: str, low: float, high: float) -> Check:
    """Return a check for an int in a range, both ends included."""
    return _ranged(wanted, low, high, (int,))


def _ranged(wanted: str, low: float, high: float, types: tuple[type[int] | type[float], ...]) -> Check:
    def check(name: str, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, types) or not low <= value <= high:
            raise wrong(name, value, wanted)
        return value

    return check


SECONDS: Final = number("a number of seconds from 0 to 3600", 0, 3600)


def choice(choices: tuple[str, ...]) -> Check:
    """Return a check for one of a few words."""

    def check(name: str, value: Any) -> Any:
        if value not in choices:
            raise wrong(name, value, "one of " + ", ".join(map(repr, choices)))
        return value

    return check


def several(choices: tuple[str, ...]) -> Check:
    """Return a check for a list of some of a few words. It keeps them as a tuple, each once."""

    def check(name: str, value: Any) -> Any:
        if not isinstance(value, list | tuple | set | frozenset) or any(each not in choices for each in value):
            raise wrong(name, value, "a list of these names: " + ", ".join(choices))
        return tuple(each for each in choices if each in value)

    return check


def optional(check: Check) -> Check:
    """Return a check that also accepts None."""
    return lambda name, value: None if value is None else check(name, value)


def flag(name: str, value: Any) -> Any:
    """Check for true or false."""
    if not isinstance(value, bool):
        raise wrong(name, value, "true or false")
    return value


def secret(name: str, value: Any) -> Any:
    """Check for a text that fits into an HTTP header. The error does not repeat it."""
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
        raise BrazeConfigError(
            f"The sandbox setting {name!r} cannot be used. Set it to printable ASCII text without blanks."
        )
    return value


def zone(name: str, value: Any) -> Any:
    """Check for a time zone."""
    try:
        ZoneInfo(value)
    except (TypeError, ValueError, OSError, KeyError, AttributeError) as error:
        raise wrong(name, value, "the IANA name of a time zone, such as 'Europe/Berlin'") from error
    return value


def instant(name: str, value: Any) -> Any:
    """Check for a date and time."""
    if not isinstance(value, str) or parse_instant(value) is None:
        wanted = "an ISO 8601 date and time of 1900 to 2999 such as '2026-11-19T06:00:00Z', or null for the real clock"
        raise wrong(name, value, wanted)
    return value


def statuses(name: str, value: Any) -> Any:
    """Check for HTTP error statuses by subject."""
    wanted = "an object of HTTP statuses from 400 to 599 by subject"
    if not isinstance(value, Mapping):
        raise wrong(name, value, wanted)
    check = whole_number(wanted, 400, 599)
    return {str(subject): check(f"{name}.{subject}", status) for subject, status in value.items()}


def limits(buckets: tuple[str, ...]) -> Check:
    """Return a check for rate limits by bucket."""
    wanted = f"an object of {{'requests': 1 or more, 'seconds': 0.01 to 86400}} by bucket: {', '.join(buckets)}"
    requests, seconds = whole_number(wanted, 1, 10**9), number(wanted, 0.01, 86_400)

    def check(name: str, value: Any) -> Any:
        if not isinstance(value, Mapping) or set(value) - set(buckets):
            raise wrong(name, value, wanted)
        for own in value.values():
            if not isinstance(own, Mapping) or set(own) != {"requests", "seconds"}:
                raise wrong(name, value, wanted)
        return {
            bucket: {"requests": requests(name, own["requests"]), "seconds": seconds(name, own["seconds"])}
            for bucket, own in value.items()
        }

    return check


def days(name: str, value: Any) -> Any:
    """Check for lists of ISO dates by subject."""
    try:
        return {str(subject): tuple(_iso_date(day) for day in given) for subject, given in value.items()}
    except (AttributeError, TypeError, ValueError) as error:
        wanted = "an object of lists of ISO dates by subject, or by '*' for all"
        raise wrong(name, value, wanted) from error


def _iso_date(day: date | str) -> str:
    return date.fromisoformat(str(day)).isoformat()


def merge(settings: _Settings, changes: Any, prefix: str) -> _Settings:
    """Return settings with some fields changed.

    :param prefix: put before field names in errors.
    :raises BrazeConfigError: a field is unknown or its value is wrong.
    """
    if not isinstance(changes, Mapping):
        raise wrong(prefix.rstrip(".") or "settings", changes, "one object of settings")
    known = [each.name for each in fields(settings)]
    for name in changes:
        if name not in known:
            raise BrazeConfigError(
                f"The sandbox has no setting {prefix + str(name)!r}. Use one of: {', '.join(known)}."
            )
    return replace(settings, **changes)


def check_all(settings: Any, by_name: Mapping[str, Check], prefix: str) -> None:
    """Check all fields of new settings, and store what each check returns.

    :raises BrazeConfigError: a value is wrong.
    """
    for name, check in by_name.items():
        object.__setattr__(settings, name, check(prefix + name, getattr(settings, name)))
