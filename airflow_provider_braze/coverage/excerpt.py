"""The part of a coverage that the page shows: bounded in size, so that it fits into XCom, and checked when read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, TypeVar

import msgspec

from airflow_provider_braze.core.text import shorten
from airflow_provider_braze.coverage.model import format_window
from airflow_provider_braze.coverage.names import with_name
from airflow_provider_braze.coverage.reads import STATES, State

_Kind = TypeVar("_Kind")

XCOM_KEY: Final = "coverage"
XCOM_ROWS: Final = 20
"""Rows of each table in XCom."""
_WINDOWS: Final = 200
_MOST_AGES: Final = 120
"""Ages in the picture. A history run compares older days, too."""
_MOST_SHARE: Final = 10**6
"""Share of a figure that changed. A figure that was almost 0 can grow by any factor."""
_LONGEST_NAME: Final = 200
_LONGEST_TEXT: Final = 600
_FIRST: Final = date(2000, 1, 1)
_LAST: Final = date(2200, 1, 1)
_MOST_DAYS: Final = 20_000

Text = Annotated[str, msgspec.Meta(max_length=_LONGEST_TEXT + 4)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=10**12)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=_MOST_SHARE)]
_Age = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class _Window(msgspec.Struct):
    state: State
    start: date
    end: date


class _Repair(_Window):
    text: Text
    is_asked: bool
    commands: Annotated[list[Text], msgspec.Meta(max_length=XCOM_ROWS // 4)]


class _Lacking(msgspec.Struct):
    name: Text
    days: Count
    first: date
    last: date


class _Problem(msgspec.Struct, rename={"class_": "class"}):
    name: Text
    since: Text
    class_: Text
    message: Text


class _Change(msgspec.Struct):
    age: _Age
    shares: Annotated[dict[Text, _Share | None], msgspec.Meta(max_length=1)]


class _Run(msgspec.Struct):
    began: Text
    state: Text
    part: Count
    dag_id: Text
    run_id: Text
    try_number: Count
    first_day: date
    last_day: date
    changed_days: Count
    requests: Count | None
    error: Text


class _Totals(msgspec.Struct):
    tries: Count
    requests: Count
    retries: Count
    waited_seconds: Seconds


class _LeftOut(msgspec.Struct):
    calendar: Count = 0
    repairs: Count = 0
    lacking: Count = 0
    failed: Count = 0
    rejected: Count = 0
    keys_without_column: Count = 0


class _Series(msgspec.Struct):
    newest_day: date | None
    age_days: Annotated[int, msgspec.Meta(ge=-10_000, le=10_000)] | None
    days: dict[State, Count]
    calendar: Annotated[list[_Window], msgspec.Meta(max_length=_WINDOWS)]
    repairs: Annotated[list[_Repair], msgspec.Meta(max_length=XCOM_ROWS)]
    unproven: Text | None
    lacking: Annotated[list[_Lacking], msgspec.Meta(max_length=XCOM_ROWS)]
    verdict: Text
    restatement: Annotated[list[_Change], msgspec.Meta(max_length=_MOST_AGES)]
    failed: Annotated[list[_Problem], msgspec.Meta(max_length=XCOM_ROWS)]
    rejected: Annotated[list[_Problem], msgspec.Meta(max_length=XCOM_ROWS)]
    keys_without_column: Annotated[dict[Text, Count], msgspec.Meta(max_length=XCOM_ROWS)]
    runs: Annotated[list[_Run], msgspec.Meta(max_length=XCOM_ROWS)]
    totals: _Totals
    unread_records: Count
    left_out: _LeftOut


class _Excerpt(msgspec.Struct):
    destination: Text
    generated_at: Text
    host: Text | None
    timezone: Text | None
    series: Annotated[dict[Text, _Series], msgspec.Meta(max_length=20)]


def excerpt(coverage: Mapping[str, Any], rows: int, windows: int | None = None) -> dict[str, Any]:
    """Return what the page shows of a coverage.

    :param coverage: all of it, in plain values.
    :param rows: most rows of a table. The rest is counted.
    :param windows: most windows of a calendar, the newest ones. Default: all.
    """
    return {
        **{name: _shorten(coverage[name]) for name in ("destination", "generated_at", "host", "timezone")},
        "series": {name: _excerpt_series(series, rows, windows) for name, series in coverage["series"].items()},
    }


def for_xcom(coverage: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page inside Airflow shows: below 100 KB per series."""
    return excerpt(coverage, XCOM_ROWS, _WINDOWS)


def read_excerpt(value: object) -> dict[str, Any]:
    """Return a value from XCom as an excerpt, after a check of all of its parts.

    :raises ValueError: the value is something else.
    """
    found = convert(value, _Excerpt)
    for series in found.series.values():
        if set(series.days) != set(STATES):
            raise ValueError("The days of a state are missing.")
        if not all(_FIRST <= window.start < window.end <= _LAST for window in series.calendar):
            raise ValueError("A window of the calendar ends before it starts, or is of another century.")
        if sum((window.end - window.start).days for window in series.calendar) > _MOST_DAYS:
            raise ValueError(f"The calendar has more than {_MOST_DAYS} days.")
    checked: dict[str, Any] = msgspec.to_builtins(found)
    return checked


def convert(value: object, kind: type[_Kind]) -> _Kind:
    """Return a value from XCom as a structure.

    :raises ValueError: the value is something else.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def _excerpt_series(series: Mapping[str, Any], rows: int, windows: int | None) -> dict[str, Any]:
    names = series["names"]
    tables = {
        "repairs": [_excerpt_repair(each, rows // 4) for each in series["repairs"][:rows]],
        "lacking": [
            {
                "name": _shorten(with_name(name, names), _LONGEST_NAME),
                "days": len(days),
                "first": days[0],
                "last": days[-1],
            }
            for name, days in list(series["lacking"].items())[:rows]
        ],
        "failed": [_excerpt_problem(each, names) for each in series["failed"][:rows]],
        "rejected": [_excerpt_problem(each, names) for each in series["rejected"][:rows]],
        "keys_without_column": {
            _shorten(name, _LONGEST_NAME): number for name, number in list(series["keys_without_column"].items())[:rows]
        },
        "calendar": series["calendar"][-windows:] if windows else series["calendar"],
    }
    return {
        **{name: series[name] for name in ("newest_day", "age_days", "days", "verdict", "unproven", "unread_records")},
        "totals": {name: series["totals"][name] for name in _Totals.__struct_fields__},
        "restatement": _excerpt_restatement(series["restatement"]),
        "runs": [{name: _shorten(run[name]) for name in _Run.__struct_fields__} for run in series["runs"]],
        **tables,
        "left_out": {name: len(series[name]) - len(kept) for name, kept in tables.items()},
    }


def _excerpt_repair(repair: Mapping[str, Any], most: int) -> dict[str, Any]:
    kept = {name: repair[name] for name in ("state", "start", "end", "is_asked")}
    return {
        **kept,
        "text": _shorten(format_window(repair)),
        "commands": [_shorten(each) for each in repair["commands"][:most]],
    }


def _excerpt_problem(problem: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    name = _shorten(with_name(problem["name"], names), _LONGEST_NAME)
    return {**{key: _shorten(text) for key, text in problem.items()}, "name": name}


def _excerpt_restatement(ages: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the shares of the figure that changed most."""
    ages = [age for age in ages if age["age"] < _MOST_AGES]
    shares = [(share or 0.0, name) for age in ages for name, share in age["shares"].items()]
    if not shares:
        return []
    _, figure = max(shares)
    name = _shorten(figure, _LONGEST_NAME)
    return [{"age": age["age"], "shares": {name: _bound(age["shares"].get(figure))}} for age in ages]


def _bound(share: float | None) -> float | None:
    return None if share is None else min(share, _MOST_SHARE)


def _shorten(value: Any, longest: int = _LONGEST_TEXT) -> Any:
    return shorten(value, longest) if isinstance(value, str) else value
