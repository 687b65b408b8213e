"""Split a JSON object into the cells of columns and the rest, ``other``: nothing is lost, nothing is invented.

Every table goes through here, except days whose shape :mod:`~airflow_provider_braze.tables.shapes` has proven.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, Final

import pendulum

from airflow_provider_braze.core.bounds import DATE
from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.core.payloads import canonical_json, check_depth
from airflow_provider_braze.core.series import Column, ListOf

Converters = Mapping[str, Callable[[Any], Any]]
"""By key of an object: returns the cell of a value, or None when the value does not fit the column."""


def split_record(record: JsonObject, converters: Converters) -> tuple[JsonObject, JsonObject]:
    """Split an object into the cells of its columns and the rest.

    A value that does not fit its column goes to the rest. A null has no cell and no rest.

    :return: a cell for each converter, None where there is none; and the keys without a cell.
    """
    cells: JsonObject = dict.fromkeys(converters)
    rest = {}
    for key, value in record.items():
        converter = converters.get(key)
        cell = converter(value) if converter else None
        if cell is not None:
            cells[key] = cell
        elif converter is None or value is not None:
            rest[key] = value
    return cells, rest


def join_other(rest: JsonObject) -> str | None:
    """Return the text of ``other``: canonical JSON, None when nothing is left.

    :raises BrazeDataError: a value is nested too deep.
    """
    if not rest:
        return None
    check_depth(rest)
    return canonical_json(rest)


def converters_of(columns: Iterable[Column]) -> Converters:
    """Return the converters of columns whose names are the keys of the object."""
    return {
        column.name: as_texts if isinstance(column.type, ListOf) else _BY_TYPE[str(column.type)] for column in columns
    }


def as_text(value: Any) -> str | None:
    """Return the value if it is a text."""
    return value if isinstance(value, str) else None


def as_flag(value: Any) -> bool | None:
    """Return the value if it is a truth value."""
    return value if isinstance(value, bool) else None


def as_texts(value: Any) -> list[str | None] | None:
    """Return the value if it is a list of texts and nulls."""
    is_fit = isinstance(value, list) and all(each is None or isinstance(each, str) for each in value)
    return value if is_fit else None


def as_int(value: Any) -> int | None:
    """Return the value if it is exactly an int64; true and false are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not -(2**63) <= value < 2**63 or value != int(value):
        return None
    return int(value)


def as_float(value: Any) -> float | None:
    """Return the value if it is exactly a double; true and false are not numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if float(value) == value else None
    except OverflowError:
        return None


def as_instant(value: Any) -> datetime | None:
    """Return the instant of an ISO 8601 text, in UTC when it has no offset."""
    # Without the check a lone clock time would become an instant of today.
    if not isinstance(value, str) or not DATE.match(value):
        return None
    try:
        parsed = pendulum.parse(value)
        return parsed.astimezone(timezone.utc) if isinstance(parsed, pendulum.DateTime) else None
    except (ValueError, OverflowError):
        return None


_BY_TYPE: Final[Converters] = {
    "string": as_text,
    "int32": as_int,
    "int64": as_int,
    "double": as_float,
    "bool": as_flag,
    "timestamp": as_instant,
}
