"""Pack the days of one response, once their shape is proven, into columns of plain numbers.

This happens while the decoded objects are still in the processor's cache, and they are released before the next
response is decoded. Both matter more for the speed than anything else here. There is no step in Python for each cell.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, starmap
from typing import Any, Final, NamedTuple

import msgspec
import pyarrow as pa
from msgspec import UNSET
from msgspec.structs import astuple

from airflow_provider_braze.core.channels import CHANNEL_STATS
from airflow_provider_braze.core.payloads import MAX_DEPTH, check_depth
from airflow_provider_braze.tables.rows import drift_name
from airflow_provider_braze.tables.shapes import MISSING, Proven, Record, Shape

Column = tuple[Any, ...]

_encode_sorted: Final = msgspec.json.Encoder(order="sorted").encode


class Block(NamedTuple):
    """Some rows with the same keys, one or more.

    :param length: number of rows.
    :param cells: a column for each of the record's fields: int64 or float64 as bytes, an array of texts, or None when
        the rows have no value there.
    :param other: the texts of ``other``; empty when the record has no keys without a column.
    :param counts: number of rows per day or step, int32 as bytes; empty when the rows are those.
    """

    length: int
    cells: tuple[Any, ...]
    other: tuple[bytes | None, ...]
    counts: bytes = b""


@dataclass(frozen=True, slots=True)
class Packed:
    """The days of one response.

    :param dates: the days, in the order of their rows.
    :param figures: a row for each day.
    :param messages: the rows of each channel that has any, by its place in ``shape.channels``.
    :param drift: as of :class:`~airflow_provider_braze.tables.rows.SplitDay`.
    """

    shape: Shape
    dates: tuple[date, ...]
    figures: Block = field(repr=False)
    messages: dict[int, Block] = field(repr=False)
    drift: Counter[str]


def pack(proven: Proven) -> Packed:
    """Pack proven days.

    :param proven: one day or more.
    """
    shape = proven.shape
    dates, messages, *columns = zip(*map(astuple, proven.days), strict=True)
    drift = Counter({f"day.{key}": count for key, count in count_extras(shape.day, columns)})
    figures = pack_block(shape.day, columns)
    blocks = pack_channels(shape.channels, (channels or shape.no_messages for channels in messages), drift)
    return Packed(shape, dates, figures, blocks, drift)


def pack_channels(channels: Sequence[Record], messages: Iterable[Any], drift: Counter[str]) -> dict[int, Block]:
    """Pack the message rows of some days or steps, channel by channel.

    :param messages: a struct for each day or step, with the rows of each channel.
    :param drift: counts the keys without a column.
    :return: the rows of each channel that has any, by its place in `channels`.
    """
    blocks = {}
    by_channel = list(zip(*map(astuple, messages), strict=True))
    nothing = ((),) * len(by_channel[0]) if by_channel else ()
    for place, groups in enumerate(by_channel):
        if groups != nothing:
            record = channels[place]
            columns = list(zip(*map(astuple, chain.from_iterable(groups)), strict=True))
            blocks[place] = pack_block(record, columns, pack_counts(groups))
            _add_channel_drift(drift, record, columns)
    return blocks


def pack_counts(groups: Sequence[Any]) -> bytes:
    """Return the length of each group, int32 as bytes."""
    return struct.pack(f"{len(groups)}i", *map(len, groups))


def count_rows(messages: Mapping[int, Block]) -> int:
    """Return the number of message rows of all channels."""
    return sum(block.length for block in messages.values())


def pack_block(record: Record, columns: Sequence[Column], counts: bytes = b"") -> Block:
    """Pack the fields of one record, column by column."""
    cells = tuple(map(_pack_column, record.formats, columns))
    other = _others(record, columns[len(record.fields) :]) if record.extras else ()
    return Block(len(columns[0]), cells, other, counts)


def _pack_column(format_: str, values: Column) -> bytes | pa.Array | None:
    missing = MISSING[format_]
    if values[0] is missing and values.count(missing) == len(values):
        return None
    if not format_:
        return pa.array(values, pa.string())
    column_format = f"{len(values)}{format_}"
    try:
        return struct.pack(column_format, *values)
    except struct.error:  # Some are null, as in control rows.
        return struct.pack(column_format, *map({None: missing}.get, values, values))


def _others(record: Record, columns: Sequence[Column]) -> tuple[bytes | None, ...]:
    texts = list(map(_encode_sorted, starmap(record.rest, zip(*columns, strict=True))))
    # Nothing is deep as long as all texts together open no more than one of them may.
    for text in texts if _opened(b"".join(texts)) - len(texts) >= MAX_DEPTH else ():
        if _opened(text) > MAX_DEPTH:
            check_depth(msgspec.json.decode(text))
    return tuple(None if text == b"{}" else text for text in texts)


def _opened(text: bytes) -> int:
    return text.count(b"[") + text.count(b"{")


def _add_channel_drift(drift: Counter[str], record: Record, columns: Sequence[Column]) -> None:
    """Count a channel's keys without a column, and its rows if the channel is unknown."""
    for key, count in count_extras(record, columns):
        drift[drift_name(record.channel, key)] += count
    if record.channel not in CHANNEL_STATS:
        drift[f"messages.{record.channel}"] += len(columns[0])


def count_extras(record: Record, columns: Sequence[Column]) -> Iterator[tuple[str, int]]:
    """Yield each key without a column that Braze sent, and its number."""
    for key, values in zip(record.extras, columns[len(record.fields) :], strict=True):
        if count := len(values) - values.count(UNSET):
            yield key, count
