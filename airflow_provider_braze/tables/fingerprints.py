"""Compare two sets of rows without holding both, regardless of their order.

A row's fingerprint mixes all of its cells; that of many rows is the sum of theirs. So it can be added up batch by
batch, and kept in place of the rows. It has 128 bits, which is enough against coincidence.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache, reduce
from hashlib import blake2b
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

_LANES: Final = ("low", "high")
"""A fingerprint is two sums modulo 2^64, computed alike with different constants."""

_MODULUS: Final = 2**64


Codes = tuple[pa.Array, pa.Array]
"""A column as numbers, for each lane."""


class Fingerprint(NamedTuple):
    """The fingerprint of some rows of a table.

    :param rows: their number.
    """

    rows: int = 0
    low: int = 0
    high: int = 0

    def joined(self, other: Fingerprint) -> Fingerprint:
        """Return the fingerprint of these rows and the other ones."""
        return Fingerprint(
            self.rows + other.rows, (self.low + other.low) % _MODULUS, (self.high + other.high) % _MODULUS
        )

    def __str__(self) -> str:
        return f"1:{self.rows}:{self.low:016x}{self.high:016x}"


def fingerprint_days(table: pa.Table) -> dict[date, Fingerprint]:
    """Return the fingerprint of each day's rows.

    :param table: of texts, numbers and dates; it has a column ``day``.
    """
    rows = pa.table({"day": table.column("day"), **_mix_rows(table)})
    sums = rows.group_by("day", use_threads=False).aggregate([*((lane, "sum") for lane in _LANES), ([], "count_all")])
    columns = (sums.column(name).to_pylist() for name in ("day", "count_all", "low_sum", "high_sum"))
    return {day: Fingerprint(*found) for day, *found in zip(*columns, strict=True)}


def fingerprint_rows(table: pa.Table) -> Fingerprint:
    """Return the fingerprint of all rows; see :func:`fingerprint_days`."""
    return reduce(Fingerprint.joined, fingerprint_days(table).values(), Fingerprint())


def _mix_rows(table: pa.Table) -> dict[str, pa.Array]:
    """Return one number per lane and row: a sum over its cells, scattered, so that sums over rows do not cancel out."""
    sums: dict[str, pa.Array] = {}
    # Column by column: a batch's columns as numbers are as large as the batch.
    for name in table.schema.names:
        for lane, codes in zip(_LANES, _codes(table.column(name).combine_chunks()), strict=True):
            term = pc.multiply(codes, _constant(f"{lane} {name}"))
            sums[lane] = pc.add(sums[lane], term) if lane in sums else term
    return {lane: _scatter(codes, lane) for lane, codes in sums.items()}


def _scatter(codes: pa.Array, lane: str) -> pa.Array:
    for step in ("first", "second"):
        codes = pc.multiply(_fold(codes), _constant(f"{lane} {step}"))
    return _fold(codes)


def _codes(values: pa.Array) -> Codes:
    """Return a number per lane and cell, equal for equal cells. Null has a number of its own, up to coincidence."""
    if pa.types.is_string(values.type):
        encoded = values.dictionary_encode()
        digests = b"".join(map(_digest, encoded.dictionary.to_pylist()))
        halves = pa.Array.from_buffers(pa.uint64(), len(digests) // 8, [None, pa.py_buffer(digests)])
        first = pc.multiply(encoded.indices, 2)
        lanes = (halves.take(first), halves.take(pc.add(first, 1)))
    elif pa.types.is_floating(values.type):
        lanes = (_fold(values.view(pa.uint64())),) * 2
    else:
        narrow = values.cast(pa.int32()) if pa.types.is_date(values.type) else values
        lanes = (_fold(narrow.cast(pa.int64()).view(pa.uint64())),) * 2
    low, high = (pc.fill_null(codes, _constant(f"{lane} null")) for codes, lane in zip(lanes, _LANES, strict=True))
    return low, high


def _fold(codes: pa.Array) -> pa.Array:
    """Mix the upper half into the lower one: a product carries upwards only."""
    return pc.bit_wise_xor(codes, pc.shift_right(codes, _HALF))


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


@lru_cache(maxsize=1024)
def _constant(name: str) -> pa.Scalar:
    """Return a number derived from a name; odd, so that no product loses bits."""
    digest = blake2b(name.encode(), digest_size=8, person=b"constant").digest()
    return pa.scalar(int.from_bytes(digest, "little") | 1, pa.uint64())


_HALF: Final = pa.scalar(32, pa.uint64())
