"""Day tables of series whose days are flat objects: one row per subject and day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import Any

import pyarrow as pa

from airflow_provider_braze.core.models import JsonObject, SeriesCall
from airflow_provider_braze.core.payloads import check_limits, decode_days, select_days
from airflow_provider_braze.core.series import DAY, OTHER, Column, Series, Subject, SubjectDays, Table
from airflow_provider_braze.tables.columns import place_columns
from airflow_provider_braze.tables.records import converters_of, join_other, split_record
from airflow_provider_braze.tables.schemas import arrow_type
from airflow_provider_braze.tables.sorting import sort_columns

VALUE = "value"
"""The column that holds :attr:`Subject.figure` in a tidy table."""


@dataclass(frozen=True, slots=True)
class FlatDays:
    """The wanted days of one response.

    :param rows: for each day the cells of its figures, then ``other``.
    """

    dates: tuple[date, ...]
    rows: tuple[tuple[Any, ...], ...] = field(repr=False)
    drift: Mapping[str, int]

    @property
    def weight(self) -> int:
        """The number of days: a day is one row."""
        return len(self.dates)

    def __contains__(self, day: object) -> bool:
        return day in self.dates


class FlatDecoder:
    """Decodes responses whose ``data`` is a list of flat objects with a ``time``.

    A figure is the key of the column's name, or the subject's :attr:`~Subject.figure` for the column ``value``.

    :param series: its only day table has the key columns, ``day``, figures and ``other``.
    """

    def __init__(self, series: Series) -> None:
        self._keys = series.keys
        self._figures = [each for each in series.day_table.columns if each.name not in (*series.keys, DAY, OTHER)]

    def decode(self, body: bytes, subject: Subject, call: SeriesCall, *, keep_payload: bool) -> FlatDays:
        """Decode one response; see :class:`~airflow_provider_braze.core.series.Decoder`."""
        names = [subject.figure if each.name == VALUE else each.name for each in self._figures]
        converters = converters_of(Column(name, each.type) for name, each in zip(names, self._figures, strict=True))
        drift: Counter[str] = Counter()
        rows = []
        days = select_days(decode_days(body), call.start, call.end)
        for record in days.values():
            figures: JsonObject = {key: value for key, value in record.items() if key != "time"}
            cells, rest = split_record(figures, converters)
            drift.update(f"day.{key}" for key in rest)
            rows.append((*cells.values(), join_other(rest)))
        check_limits(rows=len(rows), most_rows=call.length, unknown_keys=len(drift))
        return FlatDays(tuple(days), tuple(rows), drift)

    def build(self, rows: Sequence[SubjectDays], tables: Collection[Table]) -> dict[str, pa.Table]:
        """Build the day table of a batch; see :class:`~airflow_provider_braze.core.series.Decoder`."""
        responses: list[tuple[Subject, FlatDays]] = [(row.subject, days) for row in rows for days in row.responses]
        dates = chain.from_iterable(days.dates for _, days in responses)
        columns = dict(
            place_columns(self._keys, [(subject.key, len(days.dates)) for subject, days in responses], dates)
        )
        names = [*(each.name for each in self._figures), OTHER]
        types = [*(arrow_type(each.type) for each in self._figures), pa.string()]
        cells = list(chain.from_iterable(days.rows for _, days in responses))
        for place, (name, type_) in enumerate(zip(names, types, strict=True)):
            columns[name] = pa.array([row[place] for row in cells], type_)
        return {table.name: sort_columns(table, columns.__getitem__) for table in tables}
