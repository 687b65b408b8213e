"""The parts of a record that coverage reads, and a check of their shape."""

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
    objects: list[_Object] = []


class _Error(msgspec.Struct, rename={"class_": "class"}):
    class_: str
    message: str


class _Subjects(msgspec.Struct):
    failed: dict[str, _Error]
    rejected: dict[str, _Error]
    missing_days: dict[str, list[date]]


class _Change(msgspec.Struct):
    rows: int
    changed: int
    figures: dict[str, tuple[float | None, float | None]]


class _Unfinished(msgspec.Struct):
    run: _Run
    plan: _Plan
    fetched_at: datetime
    tables: dict[str, _Table]
    given: list[str] | None


class _Finished(_Unfinished):
    is_complete: bool
    subjects: _Subjects
    restatement: dict[_Age, _Change]
    drift: dict[str, int]


def check_record(record: Mapping[str, Any]) -> None:
    """Check the parts of a record that coverage reads.

    :param record: a record of the journal, which has checked the rest.
    :raises ValueError: a part is missing, or has another shape.
    """
    try:
        msgspec.convert(record, _Unfinished if record["state"] == "running" else _Finished)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
