"""Tables of canvases: a row per day, per variant, per step, and per channel and variation of a step's messages.

A response of a known shape is decoded at once (:mod:`~airflow_provider_braze.tables.canvas_shapes`); any other is split
value by value here. Both give the same rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_braze.core.channels import CANVAS_ROW_FIELDS, CHANNEL_STATS, field_columns
from airflow_provider_braze.core.models import JsonObject, SeriesCall
from airflow_provider_braze.core.payloads import check_limits, decode_days, expect_list, expect_object, select_indices
from airflow_provider_braze.core.series import Series, Subject, SubjectDays, Table
from airflow_provider_braze.tables.building import build_tables, check_columns, payload_texts
from airflow_provider_braze.tables.canvas_shapes import (
    STEP_FIELDS,
    TOTAL_FIELDS,
    VARIANT_FIELDS,
    CanvasShape,
    Keyed,
    PackedCanvas,
    RawResponse,
    pack_canvas,
)
from airflow_provider_braze.tables.columns import (
    Group,
    Places,
    channel_groups,
    int32_array,
    join_blocks,
    owners_of,
    take_places,
    typed_arrays,
)
from airflow_provider_braze.tables.records import Converters, converters_of, join_other, split_record
from airflow_provider_braze.tables.rows import drift_name
from airflow_provider_braze.tables.shapes import NAME_COLUMNS, Learned, Record

MAX_ROWS: Final = 200_000
"""Rows of one response: 14 days of 200 steps have some 30,000 with their messages."""

_DAY_KEYS: Final = frozenset({"time", "total_stats", "variant_stats", "step_stats"})
_DAY_REST: Final = "$"
"""In ``other`` of ``canvas_days``: keys of the day itself, apart from those of ``total_stats``.

A key of ``total_stats`` that begins with it gets one more.
"""

Cells = tuple[Any, ...]


def _converters(fields: Sequence[str]) -> Converters:
    return converters_of(field_columns(*("name" if each in NAME_COLUMNS else each for each in fields)))


_TOTAL: Final = _converters(TOTAL_FIELDS)
_VARIANT: Final = _converters(VARIANT_FIELDS)
_STEP: Final = _converters(STEP_FIELDS)
_ROW: Final = _converters(CANVAS_ROW_FIELDS)


@dataclass(frozen=True, slots=True)
class SplitCanvas:
    """The days of one response, split value by value.

    :param totals: a row per day: figures, ``other``.
    :param variants: rows: place of the day, id, figures, ``other``.
    :param steps: as variants.
    :param messages: rows: place of the step, channel, figures, ``other``.
    """

    dates: tuple[date, ...]
    totals: list[Cells] = field(default_factory=list, repr=False)
    variants: list[Cells] = field(default_factory=list, repr=False)
    steps: list[Cells] = field(default_factory=list, repr=False)
    messages: list[Cells] = field(default_factory=list, repr=False)
    drift: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """Number of rows in all tables."""
        return len(self.totals) + len(self.variants) + len(self.steps) + len(self.messages)


@dataclass(frozen=True, slots=True)
class CanvasDays:
    """The wanted days of one response."""

    content: PackedCanvas | SplitCanvas = field(repr=False)
    payloads: Mapping[date, str] | None = field(default=None, repr=False)

    @property
    def dates(self) -> tuple[date, ...]:
        """The days, sorted."""
        return self.content.dates

    @property
    def weight(self) -> int:
        """Rows in memory, in units of a campaign's day, which has as many cells as three."""
        return max(len(self.dates), self.content.rows // 3)

    @property
    def drift(self) -> Counter[str]:
        """Number of times each key without a column was seen."""
        return self.content.drift

    def __contains__(self, day: object) -> bool:
        return day in self.dates


class CanvasDecoder:
    """Decodes responses of ``/canvas/data_series``.

    :param series: its tables are those of days, variants, steps and messages, in this order.
    """

    def __init__(self, series: Series) -> None:
        self._keys = series.keys
        self._tables = series.tables[:4]
        self._learned: Learned[CanvasShape] = Learned()
        fields = (TOTAL_FIELDS, VARIANT_FIELDS, STEP_FIELDS, CANVAS_ROW_FIELDS)
        for table, names in zip(self._tables, fields, strict=True):
            check_columns(table, names)

    def decode(self, body: bytes, subject: Subject, call: SeriesCall, *, keep_payload: bool) -> CanvasDays:
        """Decode one response; see :class:`~airflow_provider_braze.core.series.Decoder`."""
        packed = None if keep_payload else pack_canvas(body, call.start, call.end, self._learned)
        if packed:
            self._learned.add(packed.shape)
        days = CanvasDays(packed) if packed else _split(body, call.start, call.end, keep_payload=keep_payload)
        check_limits(rows=days.content.rows, most_rows=MAX_ROWS, unknown_keys=len(days.drift))
        return days

    def build(self, rows: Sequence[SubjectDays], tables: Collection[Table]) -> dict[str, pa.Table]:
        """Build the tables of a batch; see :class:`~airflow_provider_braze.core.series.Decoder`."""
        return build_tables(self._keys, self._tables, rows, tables, _groups)


def _groups(shape: CanvasShape | None, places: Places, contents: list[Any]) -> tuple[list[Group], ...]:
    return _split_groups(places, contents) if shape is None else _packed_groups(shape, places, contents)


def _packed_groups(shape: CanvasShape, places: Places, contents: Sequence[PackedCanvas]) -> tuple[list[Group], ...]:
    days: Group = {**places, **join_blocks(shape.total, [each.totals for each in contents])}
    variants, _ = _keyed_group(shape.variant, "variant_id", places, [each.variants for each in contents])
    steps, step_places = _keyed_group(shape.step, "step_id", places, [each.steps for each in contents])
    messages = channel_groups(shape.channels, step_places, [(each.messages, len(each.steps.ids)) for each in contents])
    return [days], variants, steps, messages


def _keyed_group(record: Record, id_name: str, places: Places, keyed: Sequence[Keyed]) -> tuple[list[Group], Places]:
    """Return the group of variants or steps, and the columns that place their messages."""
    blocks = [each.block for each in keyed if each.block]
    if not blocks:
        return [], {}
    owners = owners_of(int32_array(b"".join(each.counts for each in keyed)))
    ids = pa.concat_arrays([each.ids for each in keyed]).dictionary_encode()
    group: dict[str, Any] = {**take_places(places, owners), id_name: ids, **join_blocks(record, blocks)}
    own_places = {name: group[name] for name in (*places, id_name)}
    if "step_name" in record.fields:
        names = group.get("step_name", pa.nulls(len(owners), pa.string()))
        group["step_name"] = own_places["step_name"] = names.dictionary_encode()
    return [group], own_places


def _split_groups(places: Places, contents: Sequence[SplitCanvas]) -> tuple[list[Group], ...]:
    totals = list(chain.from_iterable(each.totals for each in contents))
    days: list[Group] = [{**places, **_typed((*TOTAL_FIELDS, "other"), totals)}] if totals else []
    variants = _owned(places, contents, "variants", ("variant_id", *VARIANT_FIELDS, "other"))
    steps = _owned(places, contents, "steps", ("step_id", *STEP_FIELDS, "other"))
    if not steps:
        return days, variants, steps, []
    step_places = {name: steps[0][name] for name in (*places, "step_id", "step_name")}
    messages = _owned(step_places, contents, "messages", ("channel", *CANVAS_ROW_FIELDS, "other"), owner="steps")
    return days, variants, steps, messages


def _owned(
    places: Mapping[str, Any], contents: Sequence[SplitCanvas], name: str, columns: Sequence[str], owner: str = "totals"
) -> list[Group]:
    """Return the group of rows that name the place of their owner in their response."""
    owners: list[int] = []
    rows: list[Cells] = []
    offset = 0
    for content in contents:
        mine = getattr(content, name)
        owners += [offset + place for place, *_ in mine]
        rows += [cells for _, *cells in mine]
        offset += len(getattr(content, owner))
    if not rows:
        return []
    group = {**take_places(dict(places), pa.array(owners, pa.int32())), **_typed(columns, rows)}
    # Arrow joins arrays of one type only; in packed groups these are encoded.
    return [group | {name: pc.dictionary_encode(group[name]) for name in (columns[0], "step_name") if name in columns}]


def _typed(columns: Sequence[str], rows: Sequence[Cells]) -> Group:
    return typed_arrays(columns, zip(*rows, strict=True))


def _split(body: bytes, start: date, end: date, *, keep_payload: bool) -> CanvasDays:
    path = "$.data.stats"
    objects = decode_days(body, "stats")
    indices = select_indices(objects, start, end, path)
    found = SplitCanvas(tuple(indices))
    for place, index in enumerate(indices.values()):
        _split_day(found, place, objects[index], f"{path}[{index}]")
    if not keep_payload:
        return CanvasDays(found)
    return CanvasDays(found, payload_texts(msgspec.json.decode(body, type=RawResponse).data.stats, indices))


def _split_day(found: SplitCanvas, place: int, record: JsonObject, path: str) -> None:
    total = record.get("total_stats")
    cells, rest = split_record({} if total is None else expect_object(total, f"{path}.total_stats"), _TOTAL)
    day_rest = {key: value for key, value in record.items() if key not in _DAY_KEYS}
    found.drift.update(f"total_stats.{key}" for key in rest)
    found.drift.update(f"day.{key}" for key in day_rest)
    other = {f"{_DAY_REST}{key}" if key.startswith(_DAY_REST) else key: value for key, value in rest.items()}
    found.totals.append((*cells.values(), join_other(other | ({_DAY_REST: day_rest} if day_rest else {}))))
    for id_, variant in _objects(record, "variant_stats", path):
        cells, rest = split_record(variant, _VARIANT)
        found.drift.update(f"variant_stats.{key}" for key in rest)
        found.variants.append((place, id_, *cells.values(), join_other(rest)))
    for id_, step in _objects(record, "step_stats", path):
        cells, rest = split_record({key: value for key, value in step.items() if key != "messages"}, _STEP)
        found.drift.update(f"step_stats.{key}" for key in rest)
        _split_messages(found, step.get("messages"), f"{path}.step_stats.{id_}.messages")
        found.steps.append((place, id_, *cells.values(), join_other(rest)))


def _objects(record: JsonObject, level: str, path: str) -> Iterator[tuple[str, JsonObject]]:
    sent = record.get(level)
    for id_, each in expect_object({} if sent is None else sent, f"{path}.{level}").items():
        yield id_, expect_object({} if each is None else each, f"{path}.{level}.{id_}")


def _split_messages(found: SplitCanvas, messages: Any, path: str) -> None:
    step = len(found.steps)
    for channel, rows in expect_object({} if messages is None else messages, path).items():
        for index, row in enumerate([] if rows is None else expect_list(rows, f"{path}.{channel}")):
            cells, rest = split_record(expect_object(row, f"{path}.{channel}[{index}]"), _ROW)
            found.drift.update(drift_name(channel, key) for key in rest)
            if channel not in CHANNEL_STATS:
                found.drift[f"messages.{channel}"] += 1
            found.messages.append((step, channel, *cells.values(), join_other(rest)))
