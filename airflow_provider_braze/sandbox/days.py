"""Which days a series' response contains, and what goes wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox import params as parse
from airflow_provider_braze.sandbox.figures import UNKNOWN_KEYS
from airflow_provider_braze.sandbox.instants import day_of, last_day
from airflow_provider_braze.sandbox.params import Params
from airflow_provider_braze.sandbox.settings import SandboxSettings

MAX_LENGTH: Final = 100
"""Most days of a data series, except of a canvas. Source: Braze docs, Export campaign analytics (seen 2026-09)."""

MakeDay = Callable[[date], "JsonObject | None"]
"""Returns the object of a day, or None when Braze has no value for it."""


def requested_days(settings: SandboxSettings, params: Params, max_length: int = MAX_LENGTH) -> list[date]:
    """Return the days of ``length`` and ``ending_at``, by the reading of the settings; future days included.

    :raises Rejected: a parameter is wrong.
    """
    length = parse.integer(params, "length", 1, max_length)
    ending_at = parse.instant(params, "ending_at") or settings.now()
    end = last_day(ending_at, settings.timezone, settings.ending_at_reading)
    return [end - timedelta(days=back) for back in reversed(range(length))]


def day_objects(
    settings: SandboxSettings, subject: str, days: Sequence[date], make_day: MakeDay, dice: Random
) -> list[JsonObject]:
    """Return the day objects of a response: none after today, and with the faults and the order of the settings.

    :param subject: id or name by which the faults name the subject.
    :param days: the requested days.
    """
    today = day_of(settings.now(), settings.timezone)
    missing = settings.faults.missing_days
    left_out = {*missing.get(subject, ()), *missing.get("*", ())}
    wanted = [day for day in days if day <= today and day.isoformat() not in left_out]
    data = [made for day in wanted if (made := make_day(day)) is not None]
    _break_days(settings, days[0] - timedelta(days=1), data, make_day, dice)
    if settings.row_order == "shuffled":
        _shuffle(data, dice)
    return data


def flat_series(
    settings: SandboxSettings, params: Params, dice: Random, subject: str, key: str, value: Callable[[date], Any]
) -> JsonObject:
    """Return the response of a series with one figure a day.

    :param key: name of the figure.
    :param value: returns the figure of a day, or None when Braze has none.
    :raises Rejected: a parameter is wrong, or the subject is set to be bad.
    """
    parse.reject_if_bad(settings, subject)
    if parse.one_of(params, "unit", ("day", "hour")) == "hour":
        raise parse.Rejected(400, "The sandbox serves unit=day only")
    unknown = UNKNOWN_KEYS if settings.unknown_keys else {}

    def make_day(day: date) -> JsonObject | None:
        figure = value(day)
        if figure is None or (settings.omit_inactive_days and not figure):
            return None
        return {"time": day.isoformat(), key: figure, **unknown}

    days = requested_days(settings, params)
    return {"message": "success", "data": day_objects(settings, subject, days, make_day, dice)}


def _break_days(
    settings: SandboxSettings, foreign: date, data: list[JsonObject], make_day: MakeDay, dice: Random
) -> None:
    faults = settings.faults
    if dice.random() < faults.foreign_days and (made := make_day(foreign)) is not None:
        data.insert(0, made)
    if data and dice.random() < faults.double_days:
        data.append(dict(dice.choice(data)))
    if data and dice.random() < faults.contradicting_days:
        data.append(_contradicting(dice.choice(data)))


def _contradicting(day: JsonObject) -> JsonObject:
    if "total_stats" in day:
        stats = day["total_stats"]
        return {**day, "total_stats": {**stats, "entries": stats.get("entries", 0) + 1}}
    figure = next(key for key, value in day.items() if isinstance(value, int | float))
    return {**day, figure: day[figure] + 1}


def _shuffle(value: Any, dice: Random) -> None:
    """Shuffle every list within a value, outer ones first."""
    if isinstance(value, list):
        dice.shuffle(value)
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _shuffle(each, dice)
