"""Day and message tables of campaigns and sends: one row per day, and one per channel and message variation.

A response of a known shape is decoded at once into columns (:mod:`~airflow_provider_braze.tables.shapes`); any other is
split value by value (:mod:`~airflow_provider_braze.tables.rows`). Both give the same rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import Any, Final

import msgspec
import pyarrow as pa

from airflow_provider_braze.core.channels import DAY_FIGURES, ROW_FIELDS
from airflow_provider_braze.core.models import SeriesCall
from airflow_provider_braze.core.payloads import check_limits, decode_days, select_indices
from airflow_provider_braze.core.series import Series, Subject, SubjectDays, Table
from airflow_provider_braze.tables.building import build_tables, check_columns, payload_texts
from airflow_provider_braze.tables.columns import Group, Places, packed_groups, split_groups
from airflow_provider_braze.tables.packing import Packed, count_rows, pack
from airflow_provider_braze.tables.rows import SplitDay, split_day
from airflow_provider_braze.tables.shapes import Learned, Proven, RawResponse, Shape, prove

MAX_ROWS: Final = 50_000
"""Message rows of one response: 100 days of a campaign with many variations have some thousands."""


@dataclass(frozen=True, slots=True)
class MessageDays:
    """The wanted days of one response.

    :param payloads: the JSON text of each day, None when it was not kept.
    """

    dates: tuple[date, ...]
    content: Packed | tuple[SplitDay, ...] = field(repr=False)
    payloads: Mapping[date, str] | None = field(repr=False)

    @property
    def weight(self) -> int:
        """The number of days: a day has a few rows."""
        return len(self.dates)

    @property
    def drift(self) -> Counter[str]:
        """Number of times each key without a column was seen."""
        if isinstance(self.content, Packed):
            return self.content.drift
        return sum((day.drift for day in self.content), Counter[str]())

    @property
    def content_rows(self) -> int:
        """Number of message rows."""
        if isinstance(self.content, Packed):
            return count_rows(self.content.messages)
        return sum(len(day.rows) for day in self.content)

    def __contains__(self, day: object) -> bool:
        return day in self.dates


class MessageDecoder:
    """Decodes responses of the shape of ``/campaigns/data_series``.

    :param series: its first table has a row per day, its second one a row per channel and variation.
    """

    def __init__(self, series: Series) -> None:
        self._keys = series.keys
        self._tables = series.tables[:2]
        self._learned: Learned[Shape] = Learned()
        for table, fields in zip(self._tables, (DAY_FIGURES, ROW_FIELDS), strict=True):
            check_columns(table, fields)

    def decode(self, body: bytes, subject: Subject, call: SeriesCall, *, keep_payload: bool) -> MessageDays:
        """Decode one response; see :class:`~airflow_provider_braze.core.series.Decoder`."""
        packed = None if keep_payload else _pack_days(body, call.start, call.end, self._learned)
        days = packed or _split_days(body, call.start, call.end, keep_payload=keep_payload)
        check_limits(rows=days.content_rows, most_rows=MAX_ROWS, unknown_keys=len(days.drift))
        return days

    def build(self, rows: Sequence[SubjectDays], tables: Collection[Table]) -> dict[str, pa.Table]:
        """Build the tables of a batch; see :class:`~airflow_provider_braze.core.series.Decoder`."""
        return build_tables(self._keys, self._tables, rows, tables, _groups)


def _groups(shape: Shape | None, places: Places, contents: list[Any]) -> tuple[list[Group], list[Group]]:
    if shape is None:
        return split_groups(places, list(chain.from_iterable(contents)))
    return packed_groups(places, contents)


def _pack_days(body: bytes, start: date, end: date, learned: Learned[Shape]) -> MessageDays | None:
    proven = prove(body, learned)
    days = [day for day in proven.days if start <= day.time < end] if proven else []
    if not proven or not days or len({day.time for day in days}) < len(days):
        return None
    learned.add(proven.shape)
    packed = pack(Proven(proven.shape, days))
    return MessageDays(packed.dates, packed, None)


def _split_days(body: bytes, start: date, end: date, *, keep_payload: bool) -> MessageDays:
    objects = decode_days(body)
    indices = select_indices(objects, start, end)
    split = tuple(split_day(day, objects[index], f"$.data[{index}]") for day, index in indices.items())
    return MessageDays(tuple(indices), split, _payloads(body, indices) if keep_payload else None)


def _payloads(body: bytes, indices: Mapping[date, int]) -> dict[date, str]:
    return payload_texts(msgspec.json.decode(body, type=RawResponse).data, indices)
