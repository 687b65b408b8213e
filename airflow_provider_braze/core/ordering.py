"""Order the rows of a table, so that the same rows always make the same table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_braze.core.schemas import SORT_KEYS
from airflow_provider_braze.core.series import canonical_json

_PLACE: Final = frozenset({"campaign_id", "day", "channel", "position"})
"""Columns that say where a row stood in an answer, and are no part of its content."""

_LARGEST_CODE: Final = 2**62


@dataclass(frozen=True, slots=True)
class _Order:
    """An order of rows.

    :param indices: the old index of each row, in the new order.
    :param positions: which row of those with equal keys it is, from 0, in the new order.
    """

    indices: pa.Array
    positions: pa.Array


def sort_rows(name: str, table: pa.Table) -> pa.Table:
    """Sort a table by its :data:`SORT_KEYS`; rows with equal keys by their canonical JSON.

    :param name: name of the table.
    :param table: rows in any order, of the schema of that name.
    :return: the same rows, in one chunk; any order of the same rows gives an equal table.
    """
    table = table.combine_chunks()
    return _take(table, _order(table, SORT_KEYS[name]).indices)


def number_rows(table: pa.Table) -> pa.Table:
    """Sort the rows of ``campaign_messages`` and fill in ``position``.

    Braze's order of rows is not known to be stable, so rows that share channel and variation are numbered in the order
    of their canonical JSON.

    :param table: rows in any order; their ``position`` is not looked at.
    :return: the same rows, sorted by :data:`SORT_KEYS`.
    """
    table = table.combine_chunks()
    order = _order(table, SORT_KEYS["campaign_messages"][:-1])
    place = table.schema.get_field_index("position")
    return _take(table, order.indices).set_column(place, table.schema.field(place), order.positions)


def _take(table: pa.Table, indices: pa.Array) -> pa.Table:
    # Array by array: twice as fast as taking from chunked columns.
    columns = [column.combine_chunks().take(indices) for column in table.columns]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _order(table: pa.Table, keys: Sequence[str]) -> _Order:
    """The order by some columns, then by canonical JSON."""
    codes = pa.table(_pack([_encode(table.column(key)) for key in keys]))
    indices = pc.sort_indices(codes, sort_keys=[(name, "ascending") for name in codes.column_names])
    positions = pa.repeat(pa.scalar(0, pa.int32()), len(indices))
    same = _equals_previous(codes.take(indices))
    if not pc.any(same).as_py():
        return _Order(indices, positions)
    tied = pc.or_(same, pa.concat_arrays([same.slice(1), pa.array([False])]))
    groups = pc.cumulative_sum(pc.cast(pc.invert(same), pa.int64())).filter(tied).to_pylist()
    ranked = _rank(table, groups, indices.filter(tied))
    counts = [position for _, group in groupby(groups) for position, _ in enumerate(group)]
    return _Order(
        pc.replace_with_mask(indices, tied, pa.array(ranked, pa.uint64())),
        pc.replace_with_mask(positions, tied, pa.array(counts, pa.int32())),
    )


def _encode(column: pa.ChunkedArray) -> tuple[pa.Array, int]:
    """Numbers from 0 that order as the values do, null last, and how many there may be."""
    values = column.combine_chunks()
    if pa.types.is_string(values.type):
        encoded = values.dictionary_encode()
        ranks = pc.sort_indices(pc.sort_indices(encoded.dictionary))
        numbers, size = ranks.take(encoded.indices).cast(pa.int64()), len(ranks)
    else:
        numbers = values.cast(pa.int32()).cast(pa.int64())
        lowest, highest = (bound or 0 for bound in pc.min_max(numbers).as_py().values())
        numbers, size = pc.subtract(numbers, lowest), highest - lowest + 1
    return pc.fill_null(numbers, size), size + 1


def _pack(codes: Iterable[tuple[pa.Array, int]]) -> dict[str, pa.Array]:
    """Join neighbouring keys into as few as can be, since a sort by one number is much faster than by several."""
    packed: list[tuple[pa.Array, int]] = []
    for numbers, size in codes:
        if packed and packed[-1][1] * size < _LARGEST_CODE:
            joined, total = packed.pop()
            packed.append((pc.add(pc.multiply(joined, size), numbers), total * size))
        else:
            packed.append((numbers, size))
    return {str(place): numbers for place, (numbers, _) in enumerate(packed)}


def _equals_previous(codes: pa.Table) -> pa.Array:
    """Whether each row has the keys of the row before it."""
    same = pa.repeat(pa.scalar(True), max(0, len(codes) - 1))
    for column in codes.columns:
        values = column.combine_chunks()
        same = pc.and_(same, pc.equal(values.slice(1), values.slice(0, len(same))))
    return pa.concat_arrays([pa.array([False] * min(1, len(codes)), pa.bool_()), same])


def _rank(table: pa.Table, groups: list[int], indices: pa.Array) -> list[int]:
    texts = map(_content, table.take(indices).to_pylist())
    return [index for _, _, index in sorted(zip(groups, texts, indices.to_pylist(), strict=True))]


def _content(row: dict[str, Any]) -> str:
    """A row as Braze sent it, as canonical JSON, but for keys that were null."""
    cells = {key: value for key, value in row.items() if value is not None and key not in _PLACE}
    other = msgspec.json.decode(cells.pop("other", "{}"))
    return canonical_json({**cells, **other})
