"""Join the rows of many campaigns into Arrow columns, without a step in Python for each cell.

Rows come in groups of one shape. A group has arrays for the columns that its shape has; the others are null.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_braze.core.ordering import Columns
from airflow_provider_braze.core.packing import Block, Packed
from airflow_provider_braze.core.rows import SplitDay
from airflow_provider_braze.core.schemas import FIGURES, ROW_FIELDS, SCHEMAS, TEXTS, field_type
from airflow_provider_braze.core.shapes import NO_INT, Record

Group = dict[str, pa.Array]
"""Some rows of a table: equally long arrays by column; a column that is not there is null."""


def place_columns(campaigns: Sequence[tuple[str, int]], days: Iterable[date]) -> Group:
    """Make the columns that say of which campaign and day a row is.

    :param campaigns: campaign ids, and how many of the days are of each.
    :param days: the days, campaign by campaign.
    """
    owners = _owners(pa.array([count for _, count in campaigns], pa.int32()))
    ids = _dictionary(owners, [campaign_id for campaign_id, _ in campaigns])
    return {"campaign_id": ids, "day": pa.array(list(days), pa.date32())}


def packed_groups(places: Group, parts: Sequence[Packed]) -> tuple[Group, list[Group]]:
    """Make the groups of answers that have one shape.

    :param places: the columns of :func:`place_columns` for all days of the answers.
    :param parts: the answers; one or more.
    :return: the group of ``campaign_days``, and those of ``campaign_messages``, one per channel.
    """
    shape = parts[0].shape
    days = {**places, **_join_blocks(shape.day, [part.figures for part in parts])}
    messages = [
        _channel_group(record, place, places, parts)
        for place, record in enumerate(shape.channels)
        if any(place in part.messages for part in parts)
    ]
    return days, messages


def split_groups(places: Group, days: Sequence[SplitDay]) -> tuple[Group, list[Group]]:
    """Make the groups of days that have been split.

    :param days: one or more.
    :return: as :func:`packed_groups`.
    """
    figures = _arrays((*FIGURES, "other"), zip(*(day.cells for day in days), strict=True))
    rows = list(chain.from_iterable(day.rows for day in days))
    if not rows:
        return {**places, **figures}, []
    owners = _owners(pa.array([len(day.rows) for day in days], pa.int32()))
    channels, *columns = zip(*rows, strict=True)
    channel = pa.array(channels, pa.string()).dictionary_encode()
    cells = _arrays((*ROW_FIELDS, "other"), columns)
    return {**places, **figures}, [{**_take(places, owners), "channel": channel, **cells}]


def join_groups(name: str, groups: Sequence[Group]) -> Columns:
    """Give the columns of all groups together.

    :param name: name of the table.
    :param groups: the groups, of any number and length.
    :return: gives a whole column by its name.
    """
    lengths = [len(group["campaign_id"]) for group in groups]

    def columns(column: str) -> pa.Array:
        nulls = pa.nulls(max(lengths, default=0), SCHEMAS[name].field(column).type)
        parts = [group.get(column, nulls.slice(0, length)) for group, length in zip(groups, lengths, strict=True)]
        return pa.concat_arrays(parts) if parts else nulls

    return columns


def _channel_group(record: Record, place: int, places: Group, parts: Sequence[Packed]) -> Group:
    blocks = [part.messages.get(place) for part in parts]
    counts = (block.counts if block else bytes(4 * len(part.dates)) for block, part in zip(blocks, parts, strict=True))
    owners = _owners(_int32(b"".join(counts)))
    channel = _dictionary(_int32(bytes(4 * len(owners))), [record.channel])
    return {**_take(places, owners), "channel": channel, **_join_blocks(record, list(filter(None, blocks)))}


def _owners(counts: pa.Array) -> pa.Array:
    """Tell of each row the place of its owner, from how many rows each owner has."""
    starts = pa.concat_arrays([_int32(bytes(4)), pc.cumulative_sum(counts)])
    return pc.list_parent_indices(pa.ListArray.from_arrays(starts, pa.nulls(starts[-1].as_py())))


def _join_blocks(record: Record, blocks: Sequence[Block]) -> Group:
    columns = zip(*(block.cells for block in blocks), strict=True)
    group = {name: _join_column(name, parts) for name, parts in zip(record.fields, columns, strict=True)}
    if record.extras:
        others = list(chain.from_iterable(block.other for block in blocks))
        group["other"] = pa.array(others, pa.string())
    return group


def _join_column(name: str, parts: Sequence[Any]) -> pa.Array:
    if name in TEXTS:
        return pa.array(list(chain.from_iterable(parts)), pa.string())
    kind, cells = field_type(name), pa.py_buffer(b"".join(parts))
    values = pa.Array.from_buffers(kind, len(cells) // 8, [None, cells])
    is_there = pc.invert(pc.is_nan(values)) if name == "revenue" else pc.not_equal(values, NO_INT)
    # The bits of a column of truths are laid out as a column's mark of nulls is.
    return pa.Array.from_buffers(kind, len(values), [is_there.buffers()[1], cells])


def _arrays(names: Sequence[str], columns: Iterable[Sequence[Any]]) -> Group:
    return {name: pa.array(cells, field_type(name)) for name, cells in zip(names, columns, strict=True)}


def _int32(cells: bytes) -> pa.Array:
    return pa.Array.from_buffers(pa.int32(), len(cells) // 4, [None, pa.py_buffer(cells)])


def _dictionary(codes: pa.Array, texts: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(codes, pa.array(texts, pa.string()))


def _take(places: Group, owners: pa.Array) -> Group:
    return {name: column.take(owners) for name, column in places.items()}
