"""What other tries, audits and the coverage page read of a record, and a check that a record has it.

A reader that fails at a missing part would not name the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

import msgspec

_Age = Annotated[str, msgspec.Meta(pattern=r"\A-?[0-9]{1,6}\Z")]


class _Days(msgspec.Struct):
    start: date
    end: date


class _Plan(msgspec.Struct):
    window: _Days
    rule: str
    lookback_days: int
    timezone: str


class _Fetch(msgspec.Struct):
    start: date
    end: date
    at: datetime


class _Run(msgspec.Struct):
    dag_id: str
    task_id: str
    map_index: int
    run_id: str
    try_number: int


class _Object(msgspec.Struct):
    path: str


class _Table(msgspec.Struct):
    written: int = 0
    unchanged: int = 0
    objects: list[_Object] = []


class _Error(msgspec.Struct, rename={"class_": "class"}):
    class_: str
    message: str


class _Tally(msgspec.Struct):
    failed: dict[str, _Error]
    rejected: dict[str, _Error]


class _Subjects(_Tally):
    missing_days: dict[str, list[date]]


class _Change(msgspec.Struct):
    rows: int
    changed: int
    figures: dict[str, tuple[float | None, float | None]]


class _Opening(msgspec.Struct):
    """The record of a try that has not finished."""

    run: _Run
    plan: _Plan
    fetched_at: datetime
    planned_at: datetime
    writes: _Days | None
    tables: dict[str, _Table]
    given: list[str] | None
    settled: list[str] | None


class _Final(_Opening):
    """The record of a try that has finished."""

    is_complete: bool
    changed_days: list[date]
    subjects: _Subjects
    details: _Tally | None
    restatement: dict[_Age, _Change]
    drift: dict[str, int]
    fetches: list[_Fetch]


def check_record(record: Mapping[str, Any]) -> None:
    """Check the parts of a record that are read.

    :raises ValueError: a part is missing, or has another shape.
    """
    try:
        msgspec.convert(record, _Opening if record.get("state") == "running" else _Final)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
