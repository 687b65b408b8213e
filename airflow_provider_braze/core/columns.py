"""Turn the days of many campaigns into Arrow columns, without a step in Python for each cell.

Days are taken in groups of one shape. A group has arrays for the columns that its shape has; the others are null.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import chain, compress, repeat, starmap
from typing import Any, Final

import msgspec
import pyarrow as pa
from msgspec.structs import astuple

from airflow_provider_braze.core.ordering import Columns
from airflow_provider_braze.core.rows import SplitDay
from airflow_provider_braze.core.schemas import FIGURES, ROW_FIELDS, SCHEMAS, field_type
from airflow_provider_braze.core.shapes import Record, Shape

Group = dict[str, pa.Array]
"""Some rows of a table: equally long arrays by column; a column that is not there is null."""

_AT_ONCE: Final = 256
"""Few enough that the tuples of a step stay in the processor's cache, and below the garbage collector's threshold."""

_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def place_columns(campaigns: Sequence[tuple[str, int]], days: Sequence[date]) -> Group:
    """Make the columns that say of which campaign and day a row is.

    :param campaigns: campaign ids, and how many of the days are of each.
    :param days: the days, campaign by campaign.
    """
    owners = chain.from_iterable(starmap(repeat, enumerate(count for _, count in campaigns)))
    ids = _dictionary(list(owners), [campaign_id for campaign_id, _ in campaigns])
    return {"campaign_id": ids, "day": pa.array(days, pa.date32())}


def shaped_groups(shape: Shape, places: Group, days: Sequence[Any]) -> tuple[Group, list[Group]]:
    """Make the groups of days that have a shape.

    :param places: the columns of :func:`place_columns` for the days.
    :param days: structs of that shape.
    :return: the group of ``campaign_days``, and those of ``campaign_messages``, one per channel.
    """
    _, messages, *columns = _transpose(days)
    having = list(compress(range(len(days)), messages))
    channels = _transpose(list(filter(None, messages)))
    return {**places, **_columns(shape.day, columns)}, [
        _channel_group(record, _take(places, having), rows)
        for record, rows in zip(shape.channels, channels, strict=False)
        if any(rows)
    ]


def split_groups(places: Group, days: Sequence[SplitDay]) -> tuple[Group, list[Group]]:
    """Make the groups of days that have been split.

    :return: as :func:`shaped_groups`.
    """
    figures = _arrays(dict(zip((*FIGURES, "other"), zip(*(day.cells for day in days), strict=True), strict=True)))
    rows = list(chain.from_iterable(day.rows for day in days))
    if not rows:
        return {**places, **figures}, []
    owners = list(chain.from_iterable(repeat(place, len(day.rows)) for place, day in enumerate(days)))
    channels, *columns = zip(*rows, strict=True)
    cells = _arrays(dict(zip((*ROW_FIELDS, "other"), columns, strict=True)))
    channel = pa.array(channels, pa.string()).dictionary_encode()
    return {**places, **figures}, [{**_take(places, owners), "channel": channel, **cells}]


def join_groups(name: str, groups: Sequence[Group]) -> Columns:
    """Give the columns of all groups together.

    :param name: name of the table.
    :param groups: the groups, of any number and length.
    :return: gives a whole column by its name.
    """
    lengths = [len(group["campaign_id"]) for group in groups]

    def columns(column: str) -> pa.Array:
        kind = SCHEMAS[name].field(column).type
        nulls = pa.nulls(max(lengths, default=0), kind)
        parts = [group.get(column, nulls.slice(0, length)) for group, length in zip(groups, lengths, strict=True)]
        return pa.concat_arrays(parts) if parts else nulls

    return columns


def _channel_group(record: Record, places: Group, rows_by_day: Sequence[Sequence[Any]]) -> Group:
    having = list(filter(None, rows_by_day))
    rows = list(chain.from_iterable(having))
    owners = list(compress(range(len(rows_by_day)), rows_by_day))
    if len(rows) > len(having):
        owners = list(chain.from_iterable(map(repeat, owners, map(len, having))))
    channel = _dictionary([0] * len(owners), [record.channel])
    return {**_take(places, owners), "channel": channel, **_columns(record, _transpose(rows))}


def _columns(record: Record, columns: Sequence[Sequence[Any]]) -> Group:
    known = len(record.fields)
    arrays = _arrays(dict(zip(record.fields, columns[:known], strict=True)))
    return {**arrays, "other": _others(record, columns[known:])} if record.extras else arrays


def _others(record: Record, columns: Sequence[Sequence[Any]]) -> pa.Array:
    texts = map(_encode_sorted, starmap(record.rest, zip(*columns, strict=True)))
    return pa.array([None if text == b"{}" else text for text in texts], pa.string())


def _arrays(columns: dict[str, Sequence[Any]]) -> Group:
    return {name: pa.array(cells, field_type(name)) for name, cells in columns.items()}


def _dictionary(codes: Sequence[int], texts: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(texts, pa.string()))


def _take(places: Group, owners: list[int]) -> Group:
    indices = pa.array(owners, pa.int32())
    return {name: column.take(indices) for name, column in places.items()}


def _transpose(structs: Sequence[Any]) -> list[list[Any]]:
    """The values of each field, in order of the structs."""
    columns: list[list[Any]] = [[] for _ in structs[0].__struct_fields__] if structs else []
    for start in range(0, len(structs), _AT_ONCE):
        cells = zip(*map(astuple, structs[start : start + _AT_ONCE]), strict=True)
        for column, part in zip(columns, cells, strict=True):
            column.extend(part)
    return columns
