"""Split what Braze sends of a day into cells of columns and the rest, ``other``: nothing is lost, nothing is invented.

This is the general way, right for whatever comes. Days that are wholly of the known shape take the faster way of
:mod:`~airflow_provider_braze.tables.shapes`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.core.payloads import canonical_json, expect_list, expect_object
from airflow_provider_braze.tables.schemas import CHANNEL_STATS, FIGURES, ROW_FIELDS

Cells = tuple[Any, ...]

_STORY_KEY: Final = re.compile(r"(carousel_slide|notif_button)_")


@dataclass(frozen=True, slots=True)
class SplitDay:
    """One day of one campaign, split.

    :param day: the calendar day.
    :param cells: the values of :data:`FIGURES`, then ``other``.
    :param rows: of each row its channel, the values of :data:`ROW_FIELDS`, then ``other``.
    :param drift: how often each key was met that has no column or does not fit it.
    """

    day: date
    cells: Cells
    rows: tuple[Cells, ...]
    drift: Counter[str] = field(default_factory=Counter)


def split_day(day: date, record: JsonObject, path: str) -> SplitDay:
    """Split the object of a day.

    :param day: which day it is.
    :param record: the object as Braze sent it.
    :param path: where it stands in the answer, such as ``$.data[3]``.
    :raises BrazeDataError: ``messages`` is no object, a channel is no list, a row is no object.
    """
    drift: Counter[str] = Counter()
    figures = {key: value for key, value in record.items() if key not in {"time", "messages"}}
    cells, rest = _split(figures, FIGURES)
    drift.update(f"day.{key}" for key in rest)
    rows = tuple(_split_rows(record.get("messages"), f"{path}.messages", drift))
    return SplitDay(day, (*cells, _other(rest)), rows, drift)


def drift_name(channel: str, key: str) -> str:
    """Name a key of a channel's row that has no column.

    The titles in push-story keys are free text, so these keys share one name.

    :return: such as ``messages.email.machine_open`` or ``messages.ios_push.carousel_slide_*``.
    """
    story = _STORY_KEY.match(key)
    return f"messages.{channel}.{f'{story[1]}_*' if story else key}"


def _split_rows(messages: Any, path: str, drift: Counter[str]) -> Iterator[Cells]:
    if messages is None:
        return
    for channel, records in expect_object(messages, path).items():
        channel_path = f"{path}.{channel}"
        for index, record in enumerate(() if records is None else expect_list(records, channel_path)):
            cells, rest = _split(expect_object(record, f"{channel_path}[{index}]"), ROW_FIELDS)
            drift.update(drift_name(channel, key) for key in rest)
            if channel not in CHANNEL_STATS:
                drift[f"messages.{channel}"] += 1
            yield (channel, *cells, _other(rest))


def _split(record: JsonObject, fields: tuple[str, ...]) -> tuple[list[Any], JsonObject]:
    cells = {}
    rest = {}
    for key, value in record.items():
        fits = _FITS.get(key) if key in fields else None
        cell = fits(value) if fits else None
        if cell is not None:
            cells[key] = cell
        elif fits is None or value is not None:
            rest[key] = value
    return [cells.get(name) for name in fields], rest


def _other(rest: JsonObject) -> str | None:
    return canonical_json(rest) if rest else None


def as_text(value: Any) -> str | None:
    """The value if it is a text."""
    return value if isinstance(value, str) else None


def as_int(value: Any) -> int | None:
    """The value as an int64 if it is one exactly; true and false are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not -(2**63) <= value < 2**63 or value != int(value):
        return None
    return int(value)


def _as_float(value: Any) -> float | None:
    """The value as a double if it is one exactly; true and false are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if float(value) == value else None
    except OverflowError:
        return None


_FITS: Final[Mapping[str, Callable[[Any], Any]]] = {
    **dict.fromkeys((*FIGURES, *ROW_FIELDS), as_int),
    "revenue": _as_float,
    "variation_api_id": as_text,
    "variation_name": as_text,
}
