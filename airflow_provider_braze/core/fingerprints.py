"""Tell whether two lots of rows are the same, in whatever order they came, without holding both.

A row's fingerprint mixes all of its cells; that of many rows is the sum of theirs. So it can be added up batch by
batch, and kept in place of the rows. It has 128 bits: enough against chance, which is all that it has to withstand.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache, reduce
from hashlib import blake2b
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

_LANES: Final = ("low", "high")
_MODULUS: Final = 2**64


class Fingerprint(NamedTuple):
    """What stands for some rows of a table.

    :param rows: how many.
    """

    rows: int = 0
    low: int = 0
    high: int = 0

    def joined(self, other: Fingerprint) -> Fingerprint:
        """Give the fingerprint of these rows and the other ones."""
        return Fingerprint(
            self.rows + other.rows, (self.low + other.low) % _MODULUS, (self.high + other.high) % _MODULUS
        )

    def __str__(self) -> str:
        return f"1:{self.rows}:{self.low:016x}{self.high:016x}"


def fingerprint_days(table: pa.Table) -> dict[date, Fingerprint]:
    """Give the fingerprint of each day's rows.

    :param table: of texts, numbers and dates; it has a column ``day``.
    """
    cells = {name: _cells(table.column(name).combine_chunks()) for name in table.schema.names}
    rows = pa.table({"day": table.column("day"), **{lane: _mix_rows(cells, lane) for lane in _LANES}})
    sums = rows.group_by("day", use_threads=False).aggregate([*((lane, "sum") for lane in _LANES), ([], "count_all")])
    columns = (sums.column(name).to_pylist() for name in ("day", "count_all", "low_sum", "high_sum"))
    return {day: Fingerprint(*found) for day, *found in zip(*columns, strict=True)}


def fingerprint_rows(table: pa.Table) -> Fingerprint:
    """Give the fingerprint of all rows; see :func:`fingerprint_days`."""
    return reduce(Fingerprint.joined, fingerprint_days(table).values(), Fingerprint())


def _mix_rows(cells: dict[str, pa.Array], lane: str) -> pa.Array:
    """One number a row. All steps are modulo 2^64, and each of the last ones can be undone, so none loses anything."""
    total = None
    for name, values in cells.items():
        term = pc.multiply(values, _constant(f"{lane} {name}"))
        total = term if total is None else pc.add(total, term)
    for step in ("first", "second"):
        total = pc.multiply(pc.bit_wise_xor(total, pc.shift_right(total, _HALF)), _constant(f"{lane} {step}"))
    return pc.bit_wise_xor(total, pc.shift_right(total, _HALF))


def _cells(values: pa.Array) -> pa.Array:
    """A number for each cell, equal for equal ones."""
    if pa.types.is_string(values.type):
        encoded = values.dictionary_encode()
        numbers = b"".join(map(_digest, encoded.dictionary.to_pylist()))
        codes = pa.Array.from_buffers(pa.uint64(), len(numbers) // 8, [None, pa.py_buffer(numbers)])
        codes = codes.take(encoded.indices)
    elif pa.types.is_floating(values.type):
        bits = values.view(pa.uint64())
        # The low bits of most fractions are noughts, and those a product would leave so.
        codes = pc.bit_wise_xor(bits, pc.shift_right(bits, _HALF))
    else:
        narrow = values.cast(pa.int32()) if pa.types.is_date(values.type) else values
        codes = narrow.cast(pa.int64()).view(pa.uint64())
    return pc.fill_null(codes, _constant("null"))


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()


@lru_cache(maxsize=1024)
def _constant(name: str) -> pa.Scalar:
    """A number that has nothing to do with any other one, and is odd, so that a product with it can be undone."""
    return pa.scalar(int.from_bytes(_digest(name), "little") | 1, pa.uint64())


_HALF: Final = pa.scalar(32, pa.uint64())
