"""Join the rows of many subjects into Arrow columns, without a step in Python for each cell.

Rows come in groups of one shape. A group has the columns that its shape has; the others are null. Figures stay packed
until a column of the whole batch is wanted: Arrow's cost depends on the number of calls, not on their length.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import chain, groupby
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_braze.core.channels import DAY_FIGURES, ROW_FIELDS, field_type
from airflow_provider_braze.core.series import DAY, OTHER, Table
from airflow_provider_braze.tables.packing import Block, Packed
from airflow_provider_braze.tables.rows import SplitDay
from airflow_provider_braze.tables.schemas import arrow_type, schema_of
from airflow_provider_braze.tables.shapes import MISSING, NO_INT, Record
from airflow_provider_braze.tables.sorting import Columns

Cells = Sequence[bytes]
"""A packed column of figures: int64 or float64 of each response."""

Places = dict[str, pa.Array]
"""The columns that hold each row's subject and day."""

Group = Mapping[str, pa.Array | Cells]
"""Some rows of a table: columns of equal length by name. A column that is not there is null."""

_TEXTS: Final = frozenset({"variant_id", "step_id", "channel", OTHER})
"""Columns of text besides the keys of a record."""
_MISSING: Final = {format_: struct.pack(format_, MISSING[format_]) for format_ in "qd"}


def place_columns(
    names: Sequence[str], subjects: Sequence[tuple[tuple[str | None, ...], int]], days: Iterable[date]
) -> Places:
    """Build the columns that hold each row's subject and day.

    :param names: the key columns.
    :param subjects: keys of subjects, and the number of days of each.
    :param days: the days, subject by subject.
    """
    owners = owners_of(pa.array([count for _, count in subjects], pa.int32()))
    keys = {name: dictionary_array(owners, [key[place] for key, _ in subjects]) for place, name in enumerate(names)}
    return {**keys, "day": pa.array(list(days), pa.date32())}


def packed_groups(places: Places, parts: Sequence[Packed]) -> tuple[list[Group], list[Group]]:
    """Build the groups of responses that have one shape.

    :param places: the columns of :func:`place_columns` for all days of the responses.
    :param parts: the responses; one or more.
    :return: the groups of the day table and of the message table.
    """
    shape = parts[0].shape
    days = {**places, **join_blocks(shape.day, [part.figures for part in parts])}
    messages = channel_groups(shape.channels, places, [(part.messages, len(part.dates)) for part in parts])
    return [days], messages


def channel_groups(
    channels: Sequence[Record], places: Places, parts: Sequence[tuple[Mapping[int, Block], int]]
) -> list[Group]:
    """Build the groups of message rows of responses that have one shape: one per channel that has any.

    :param places: the columns that place each day or step.
    :param parts: for each response its rows by the channel's place in `channels`, and its number of days or steps.
    """
    used = sorted(set().union(*(messages for messages, _ in parts)))
    if not used:
        return []
    counts = [
        messages[place].counts if place in messages else bytes(4 * length)
        for place in used
        for messages, length in parts
    ]
    # All channels at once: an owner is a channel and a day or step.
    owners = owners_of(int32_array(b"".join(counts)))
    size = sum(length for _, length in parts)
    codes = pc.divide(owners, size)
    placed = take_places(places, pc.subtract(owners, pc.multiply(codes, size)))
    placed["channel"] = dictionary_array(codes.cast(pa.int32()), [channels[place].channel for place in used])
    groups: list[Group] = []
    start = 0
    for place in used:
        blocks = [messages[place] for messages, _ in parts if place in messages]
        length = sum(block.length for block in blocks)
        own = {name: column.slice(start, length) for name, column in placed.items()}
        groups.append({**own, **join_blocks(channels[place], blocks)})
        start += length
    return groups


def split_groups(places: Places, days: Sequence[SplitDay]) -> tuple[list[Group], list[Group]]:
    """Build the groups of split days.

    :return: as :func:`packed_groups`.
    """
    if not days:
        return [], []
    figures = typed_arrays((*DAY_FIGURES, "other"), zip(*(day.cells for day in days), strict=True))
    rows = list(chain.from_iterable(day.rows for day in days))
    if not rows:
        return [{**places, **figures}], []
    owners = owners_of(pa.array([len(day.rows) for day in days], pa.int32()))
    channels, *columns = zip(*rows, strict=True)
    channel = pa.array(channels, pa.string()).dictionary_encode()
    cells = typed_arrays((*ROW_FIELDS, "other"), columns)
    return [{**places, **figures}], [{**take_places(places, owners), "channel": channel, **cells}]


def join_groups(table: Table, groups: Sequence[Group]) -> Columns:
    """Join the columns of all groups.

    :param groups: any number of groups of any length.
    :return: function that returns a whole column by its name.
    """
    schema = schema_of(table)
    lengths = [len(group[DAY]) for group in groups]

    def columns(column: str) -> pa.Array:
        found = [(group.get(column), length) for group, length in zip(groups, lengths, strict=True)]
        kind = schema.field(column).type
        if all(part is None for part, _ in found):
            return pa.nulls(sum(lengths), kind)
        if all(not isinstance(part, pa.Array) for part, _ in found):
            return _join_cells(kind, found)
        arrays: list[pa.Array] = []
        for is_array, run in groupby(found, lambda part: isinstance(part[0], pa.Array)):
            parts = list(run)
            arrays += [array for array, _ in parts] if is_array else [_join_cells(kind, parts)]
        return arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)

    return columns


def owners_of(counts: pa.Array) -> pa.Array:
    """Return the place of each row's owner, from the number of rows per owner."""
    starts = pa.concat_arrays([int32_array(bytes(4)), pc.cumulative_sum(counts)])
    return pc.list_parent_indices(pa.ListArray.from_arrays(starts, pa.nulls(starts[-1].as_py())))


def join_blocks(record: Record, blocks: Sequence[Block]) -> dict[str, pa.Array | Cells]:
    """Return the columns of blocks that have one record, without those that have no value."""
    group: dict[str, pa.Array | Cells] = {}
    lengths = [block.length for block in blocks]
    columns = zip(*(block.cells for block in blocks), strict=True)
    for name, format_, cells in zip(record.fields, record.formats, columns, strict=True):
        if any(cells):
            whole = [each or _missing_cells(format_, length) for each, length in zip(cells, lengths, strict=True)]
            group[name] = whole if format_ else pa.concat_arrays(whole)
    if record.extras:
        group[OTHER] = pa.array(list(chain.from_iterable(block.other for block in blocks)), pa.string())
    return group


def _missing_cells(format_: str, length: int) -> bytes | pa.Array:
    return _MISSING[format_] * length if format_ else pa.nulls(length, pa.string())


def _join_cells(kind: pa.DataType, parts: Iterable[tuple[Cells | None, int]]) -> pa.Array:
    """Join packed columns, with nulls where a group has none."""
    if pa.types.is_string(kind):  # Texts that are there are arrays.
        return pa.nulls(sum(length for _, length in parts), kind)
    missing = _MISSING["d" if pa.types.is_floating(kind) else "q"]
    joined = b"".join(chain.from_iterable([missing * length] if cells is None else cells for cells, length in parts))
    buffer = pa.py_buffer(joined)
    values = pa.Array.from_buffers(kind, len(joined) // 8, [None, buffer])
    is_there = pc.invert(pc.is_nan(values)) if pa.types.is_floating(kind) else pc.not_equal(values, NO_INT)
    # A boolean column has the bit layout of a validity bitmap.
    return pa.Array.from_buffers(kind, len(values), [is_there.buffers()[1], buffer])


def typed_arrays(names: Sequence[str], columns: Iterable[Sequence[Any]]) -> Group:
    """Return split columns as arrays, each of the type that its name has."""
    types = {name: pa.string() if name in _TEXTS else arrow_type(field_type(name)) for name in names}
    return {name: pa.array(cells, types[name]) for name, cells in zip(names, columns, strict=True)}


def int32_array(cells: bytes) -> pa.Array:
    """Return packed int32 as an array, without a copy."""
    return pa.Array.from_buffers(pa.int32(), len(cells) // 4, [None, pa.py_buffer(cells)])


def dictionary_array(codes: pa.Array, texts: Sequence[str | None]) -> pa.Array:
    """Return texts by their codes, dictionary-encoded."""
    return pa.DictionaryArray.from_arrays(codes, pa.array(texts, pa.string()))


def take_places(places: Places, owners: pa.Array) -> Places:
    """Return the place of each row's owner."""
    return {name: column.take(owners) for name, column in places.items()}
