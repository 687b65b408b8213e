"""Order the rows of a table, so that the same rows always make the same table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby, repeat
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_braze.core.payloads import canonical_json
from airflow_provider_braze.core.series import OTHER, Table
from airflow_provider_braze.tables.schemas import schema_of

_POSITION: Final = "position"

_LARGEST_CODE: Final = 2**62

_OTHER_KEY: Final = b'"%b":' % OTHER.encode()

_encode_lines: Final = msgspec.json.Encoder(order="deterministic").encode_lines


Columns = Callable[[str], pa.Array]
"""Returns a column by its name; texts may be dictionary-encoded."""


@dataclass(frozen=True, slots=True)
class _Order:
    """An order of rows.

    :param indices: the old index of each row, in the new order.
    :param positions: the row's number among those with equal keys, from 0, in the new order.
    """

    indices: pa.Array
    positions: pa.Array


def sort_rows(table: Table, rows: pa.Table) -> pa.Table:
    """Sort a table's rows by its ``sort_by``; rows with equal keys by their canonical JSON.

    :param rows: in any order, of the table's schema.
    :return: the same rows, in one chunk; any order of the same rows gives an equal table.
    """
    schema = rows.schema
    left = dict(zip(schema.names, rows.columns, strict=True))
    del rows  # so that each column can be released once it is sorted

    def columns(column: str) -> pa.Array:
        chunks = left[column]
        return chunks.chunk(0) if chunks.num_chunks == 1 else chunks.combine_chunks()

    order = _order(columns, schema.names, table.sort_by)
    arrays: list[pa.Array] = []
    for name in schema.names:
        arrays.append(_take(columns(name), order.indices))
        del left[name]
    return pa.Table.from_arrays(arrays, schema=schema)


def sort_columns(table: Table, columns: Columns) -> pa.Table:
    """Sort the rows of new columns into a table; see :func:`sort_rows`.

    Braze's order of rows is not known to be stable, so rows that share channel and variation are numbered in the order
    of their canonical JSON: this fills ``position``, whose column is not asked for.

    :param columns: returns any column of that table except ``position``; called late, to keep memory low.
    """
    # Keys are needed twice, and every column when rows have equal keys.
    columns = cache(columns)
    schema = schema_of(table)
    names = [column for column in schema.names if column != _POSITION]
    order = _order(columns, names, [key for key in table.sort_by if key != _POSITION])
    arrays = {column: _take(columns(column), order.indices) for column in names}
    return pa.Table.from_arrays([arrays.get(column, order.positions) for column in schema.names], schema=schema)


def split_by(rows: pa.Table, column: str) -> Iterator[tuple[Any, pa.Table]]:
    """Cut a table that is sorted by a column into the rows of each value, without a copy."""
    counted = rows.group_by(column, use_threads=False).aggregate([([], "count_all")]).to_pydict()
    offset = 0
    for value, count in zip(counted[column], counted["count_all"], strict=True):
        yield value, rows.slice(offset, count)
        offset += count


def _take(values: pa.Array, indices: pa.Array) -> pa.Array:
    if values.null_count == len(values):
        # Nulls are the same in any order.
        return _plain(values)
    if pa.types.is_dictionary(values.type):
        return pa.DictionaryArray.from_arrays(_take(values.indices, indices), values.dictionary).dictionary_decode()
    if values.null_count == 0 or not pa.types.is_primitive(values.type):
        return pc.take(values, indices, boundscheck=False)
    # Arrow takes numbers and their validity, one after the other, in less than half the time of both together.
    buffers = (
        pc.take(
            pa.Array.from_buffers(kind, len(values), [None, buffer], offset=values.offset), indices, boundscheck=False
        ).buffers()[1]
        for kind, buffer in zip((pa.bool_(), values.type), values.buffers(), strict=True)
    )
    return pa.Array.from_buffers(values.type, len(indices), list(buffers))


def _plain(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _order(columns: Columns, names: Sequence[str], keys: Sequence[str]) -> _Order:
    """The order by some columns, then by canonical JSON."""
    codes = pa.table(_pack([_encode(columns(key)) for key in keys]))
    indices = pc.sort_indices(codes, sort_keys=[(name, "ascending") for name in codes.column_names])
    positions = pa.repeat(pa.scalar(0, pa.int32()), len(indices))
    same = _equals_previous(codes.take(indices))
    if not pc.any(same).as_py():
        return _Order(indices, positions)
    tied = pc.or_(same, pa.concat_arrays([same.slice(1), pa.array([False])]))
    groups = pc.cumulative_sum(pc.cast(pc.invert(same), pa.int64())).filter(tied).to_pylist()
    content = [name for name in names if name not in keys and name != _POSITION]
    ranked = _rank(columns, content, groups, indices.filter(tied))
    counts = [position for _, group in groupby(groups) for position, _ in enumerate(group)]
    return _Order(
        pc.replace_with_mask(indices, tied, pa.array(ranked, pa.uint64())),
        pc.replace_with_mask(positions, tied, pa.array(counts, pa.int32())),
    )


def _encode(values: pa.Array) -> tuple[pa.Array, int]:
    """Return numbers from 0 in the order of the values, null last, and their possible count."""
    if pa.types.is_string(values.type) or pa.types.is_dictionary(values.type):
        encoded = values.dictionary_encode()
        ranks = pc.sort_indices(pc.sort_indices(encoded.dictionary))
        numbers, size = ranks.take(encoded.indices).cast(pa.int64()), len(ranks)
    else:
        numbers = values.cast(pa.int32()).cast(pa.int64())
        lowest, highest = (bound or 0 for bound in pc.min_max(numbers).as_py().values())
        numbers, size = pc.subtract(numbers, lowest), highest - lowest + 1
    return pc.fill_null(numbers, size) if numbers.null_count else numbers, size + 1


def _pack(codes: Iterable[tuple[pa.Array, int]]) -> dict[str, pa.Array]:
    """Join neighbouring keys while they fit: a sort by one number is much faster than by several."""
    packed: list[tuple[pa.Array, int]] = []
    for numbers, size in codes:
        if packed and packed[-1][1] * size < _LARGEST_CODE:
            joined, total = packed.pop()
            packed.append((pc.add(pc.multiply(joined, size), numbers), total * size))
        else:
            packed.append((numbers, size))
    return {str(place): numbers for place, (numbers, _) in enumerate(packed)}


def _equals_previous(codes: pa.Table) -> pa.Array:
    """Return whether each row has the keys of the row before it."""
    same = pa.repeat(pa.scalar(True), max(0, len(codes) - 1))
    for column in codes.columns:
        values = column.combine_chunks()
        same = pc.and_(same, pc.equal(values.slice(1), values.slice(0, len(same))))
    return pa.concat_arrays([pa.array([False] * min(1, len(codes)), pa.bool_()), same])


def _rank(columns: Columns, names: Sequence[str], groups: list[int], indices: pa.Array) -> list[int]:
    row_type = _row_type(tuple(sorted(names)))
    tied = (_take(columns(name), indices) for name in row_type.__struct_fields__)
    cells = [values.to_pylist() if values.null_count < len(values) else repeat(None, len(groups)) for values in tied]
    contents = map(_content, _encode_lines(list(map(row_type, *cells))).splitlines())
    return [index for _, _, index in sorted(zip(groups, contents, indices.to_pylist(), strict=True))]


def _content(stored: bytes) -> tuple[bytes, bytes]:
    """Return a row as Braze sent it, as canonical JSON without null keys; then, with ``other``, as it is stored."""
    if _OTHER_KEY not in stored:
        return stored, b""
    row = msgspec.json.decode(stored)
    other = msgspec.json.decode(row.pop(OTHER, "{}"))
    return canonical_json(row | other).encode(), stored


@lru_cache(maxsize=64)
def _row_type(names: tuple[str, ...]) -> Any:
    """Return a struct that encodes to canonical JSON without null keys.

    :param names: the columns, sorted.
    """
    return msgspec.defstruct("Row", [(name, Any, None) for name in names], omit_defaults=True, gc=False)
