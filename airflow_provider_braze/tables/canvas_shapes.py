"""Decode canvas responses of a known shape at once into typed objects, and pack them into columns of plain numbers.

As for campaigns (:mod:`~airflow_provider_braze.tables.shapes`): a response of another shape is not decoded here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Any, Final, Literal, NamedTuple

import msgspec
import pyarrow as pa
from msgspec.structs import astuple

from airflow_provider_braze.core.channels import CANVAS_FIGURES, CANVAS_ROW_FIELDS, CHANNEL_STATS
from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.tables.packing import (
    Block,
    count_extras,
    count_rows,
    pack_block,
    pack_channels,
    pack_counts,
)
from airflow_provider_braze.tables.shapes import (
    UNREADABLE,
    Record,
    check_extras,
    define,
    new_record,
    struct_of,
)

TOTAL_FIELDS: Final = ("entries", *CANVAS_FIGURES)
VARIANT_FIELDS: Final = ("variant_name", "entries", *CANVAS_FIGURES)
STEP_FIELDS: Final = ("step_name", "unique_recipients", *CANVAS_FIGURES)

_LEVELS: Final = {"total_stats": TOTAL_FIELDS, "variant_stats": VARIANT_FIELDS, "step_stats": STEP_FIELDS}
_PLAIN: Final = {
    "total_stats": ("entries", "revenue", "conversions", "conversions_by_entry_time"),
    "variant_stats": ("variant_name", "entries", "revenue", "conversions", "conversions_by_entry_time"),
    "step_stats": ("step_name", "unique_recipients", "revenue", "conversions", "conversions_by_entry_time"),
}
"""What a canvas with one conversion event sends: each column that need not be packed saves time."""

_SAMPLES: Final = 3

Extra = tuple[str, str]
"""A level of the response or a channel, and a key without a column there."""


@dataclass(frozen=True, slots=True, eq=False)
class CanvasShape:
    """What a response may hold.

    :param is_learned: whether it has keys that are not documented.
    :param no_total: replaces ``total_stats`` that are null or missing.
    :param no_messages: replaces ``messages`` that are null or missing.
    :param decode: decodes a body into an object with ``data.stats``, or raises.
    """

    total: Record
    variant: Record
    step: Record
    channels: tuple[Record, ...]
    is_learned: bool
    no_total: Any = field(repr=False)
    no_messages: Any = field(repr=False)
    decode: Callable[[bytes], Any] = field(repr=False)


class Keyed(NamedTuple):
    """Rows with an id: the variants or the steps of some days.

    :param counts: number of rows per day, int32 as bytes.
    """

    ids: pa.Array
    counts: bytes
    block: Block | None


@dataclass(frozen=True, slots=True)
class PackedCanvas:
    """The days of one response.

    :param messages: the rows of each channel by its place in ``shape.channels``, counted per step.
    """

    shape: CanvasShape
    dates: tuple[date, ...]
    totals: Block = field(repr=False)
    variants: Keyed = field(repr=False)
    steps: Keyed = field(repr=False)
    messages: Mapping[int, Block] = field(repr=False)
    drift: Counter[str]

    @property
    def rows(self) -> int:
        """Number of rows in all tables."""
        return len(self.dates) + len(self.variants.ids) + len(self.steps.ids) + count_rows(self.messages)


def pack_canvas(body: bytes, start: date, end: date, learned: Iterable[CanvasShape] = ()) -> PackedCanvas | None:
    """Decode a response and pack its wanted days.

    :param learned: shapes of other responses, which are tried before a new one is learned.
    :return: None when no shape fits, or when a day is missing or there twice: then the general way decides.
    """
    for shape in (_shape(frozenset(), is_plain=True), _shape(frozenset()), *learned, None):
        try:
            found = shape or _learn(body)
            days = [day for day in found.decode(body).data.stats if start <= day.time < end]
        except UNREADABLE:
            continue
        if not days or len({day.time for day in days}) < len(days):
            return None
        return _pack(found, sorted(days, key=lambda day: day.time))
    return None


def _pack(shape: CanvasShape, days: Sequence[Any]) -> PackedCanvas:
    drift: Counter[str] = Counter()
    totals = _pack_rows(shape.total, _columns(day.total_stats or shape.no_total for day in days), "total_stats", drift)
    variants, _ = _pack_keyed(shape.variant, [day.variant_stats or {} for day in days], "variant_stats", drift)
    steps, messages = _pack_keyed(shape.step, [day.step_stats or {} for day in days], "step_stats", drift, nested=True)
    blocks = pack_channels(shape.channels, (each or shape.no_messages for each in messages), drift)
    dates = tuple(day.time for day in days)
    return PackedCanvas(shape, dates, totals, variants, steps, blocks, drift)


def _pack_keyed(
    record: Record, by_day: Sequence[dict[str, Any]], level: str, drift: Counter[str], *, nested: bool = False
) -> tuple[Keyed, tuple[Any, ...]]:
    """Pack the objects of some days; the first field is their messages when they are nested."""
    ids = pa.array(list(chain.from_iterable(by_day)), pa.string())
    columns = _columns(chain.from_iterable(map(dict.values, by_day)))
    messages: tuple[Any, ...] = ()
    if nested and columns:
        messages, *columns = columns
    block = _pack_rows(record, columns, level, drift) if columns else None
    return Keyed(ids, pack_counts(by_day), block), messages


def _pack_rows(record: Record, columns: Sequence[tuple[Any, ...]], level: str, drift: Counter[str]) -> Block:
    for key, count in count_extras(record, columns):
        drift[f"{level}.{key}"] += count
    return pack_block(record, columns)


def _columns(rows: Iterable[Any]) -> list[tuple[Any, ...]]:
    return list(zip(*map(astuple, rows), strict=True))


def _learn(body: bytes) -> CanvasShape:
    """Return the shape that some days of the response have.

    :raises ValueError: there is nothing to learn, or too much.
    """
    raw = msgspec.json.decode(body, type=RawResponse).data.stats
    samples = map(msgspec.json.decode, raw[:: max(1, len(raw) // _SAMPLES)])
    try:
        extras = frozenset(chain.from_iterable(map(_extras, samples)))
        check_extras(len(extras))
        if any(level == "total_stats" and key.startswith("$") for level, key in extras):
            raise ValueError("A key of total_stats needs another name in `other`.")
        return _shape(extras)
    except (TypeError, AttributeError) as error:
        raise ValueError("The response is not of the documented nesting.") from error


def _extras(day: JsonObject) -> Iterator[Extra]:
    """Yield the keys of a day that are not documented where they are."""
    levels = {
        "total_stats": [day.get("total_stats") or {}],
        "variant_stats": (day.get("variant_stats") or {}).values(),
        "step_stats": (day.get("step_stats") or {}).values(),
    }
    for level, objects in levels.items():
        known = {"messages", "name", *_LEVELS[level]}
        yield from ((level, key) for record in objects for key in record.keys() - known)
    for step in levels["step_stats"]:
        for channel, rows in (step.get("messages") or {}).items():
            yield from ((channel, key) for key in set().union(*rows) - set(_channel_fields(channel)))


def _channel_fields(channel: str) -> tuple[str, ...]:
    stats = CHANNEL_STATS.get(channel)
    return ("variation_api_id", "variation_name", "enrolled", *stats, "influenced_opens") if stats else ()


def _channel_record(channel: str, keys: Sequence[str]) -> Record:
    known = tuple(key for key in keys if key in CANVAS_ROW_FIELDS)
    extras = tuple(key for key in keys if key not in CANVAS_ROW_FIELDS)
    return new_record(channel, _channel_fields(channel) + known, extras)


@lru_cache(maxsize=64)
def _shape(extras: frozenset[Extra], *, is_plain: bool = False) -> CanvasShape:
    """Return the documented shape with some keys more.

    :param is_plain: whether rows hold only what each canvas and each channel sends.
    """

    def keys(level: str) -> tuple[str, ...]:
        return tuple(sorted(key for where, key in extras if where == level))

    names = dict.fromkeys((*CHANNEL_STATS, *sorted({where for where, _ in extras} - _LEVELS.keys())))
    if is_plain:
        channels = tuple(new_record(name, stats) for name, stats in CHANNEL_STATS.items())
    else:
        channels = tuple(_channel_record(name, keys(name)) for name in names)
    levels = _PLAIN if is_plain else _LEVELS
    total, variant, step = (new_record("", fields, keys(level)) for level, fields in levels.items())
    rows = [(f"channel{i}", tuple[struct_of(each), ...], ()) for i, each in enumerate(channels)]  # type: ignore[misc]
    messages = define("Messages", rows, {f"channel{i}": each.channel for i, each in enumerate(channels)})
    step_type = struct_of(step, ("messages", messages | None, None))
    total_type = struct_of(total)
    day = define(
        "Day",
        [
            ("time", date, msgspec.NODEFAULT),
            ("total_stats", total_type | None, None),
            ("variant_stats", dict[str, struct_of(variant)] | None, None),  # type: ignore[misc]
            ("step_stats", dict[str, step_type] | None, None),  # type: ignore[valid-type]
        ],
    )
    # Not define: the envelope may carry other keys, such as the canvas' name.
    data = msgspec.defstruct("Data", [("stats", tuple[day, ...])])  # type: ignore[valid-type]
    response: Any = msgspec.defstruct("Response", [("data", data), ("message", Literal["success"], "success")])
    decode = msgspec.json.Decoder(response).decode
    return CanvasShape(total, variant, step, channels, bool(extras), total_type(), messages(), decode)


class RawData(msgspec.Struct):
    """The days of a response as text."""

    stats: list[msgspec.Raw]


class RawResponse(msgspec.Struct):
    """A response with its days as text."""

    data: RawData
