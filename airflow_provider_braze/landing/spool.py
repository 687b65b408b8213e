"""Rows on local disk until all campaigns are in: campaigns come in by batches, days go out one by one.

Each batch is a run, sorted by day: one file a table, in which each day is one compressed Arrow message at a known
place. So memory holds one batch on the way in and a few days on the way out, however many campaigns and days there are.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import TracebackType

    import pyarrow as pa


class _Place(NamedTuple):
    """Where a day's rows of one run lie."""

    descriptor: int
    offset: int
    length: int


class Spool:
    """A folder of sorted runs, removed on every exit.

    :param schemas: schema by table; each has a column ``day`` that the added tables are sorted by.
    :param folder: where the folder is made; None for the system's place for temporary files.
    """

    def __init__(self, schemas: Mapping[str, pa.Schema], folder: str | None = None) -> None:
        self._schemas = schemas
        self._folder = tempfile.mkdtemp(prefix="braze-", dir=folder)
        self._descriptors: list[int] = []
        self._places: dict[tuple[str, date], list[_Place]] = defaultdict(list)

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def days(self) -> list[date]:
        """The days of which there are rows, sorted."""
        return sorted({day for _, day in self._places})

    def add(self, tables: Mapping[str, pa.Table]) -> None:
        """Write one run.

        :raises OSError: the disk is full, or cannot be written.
        """
        for name, table in tables.items():
            if table.num_rows:
                self._write_run(name, table)

    def read(self, name: str, day: date) -> pa.Table:
        """Give all rows of a table's day, in no particular order; safe in any thread."""
        import pyarrow as pa

        schema = self._schemas[name]
        batches = [_read_batch(place, schema) for place in self._places.get((name, day), ())]
        return pa.Table.from_batches(batches, schema=schema)

    def _write_run(self, name: str, table: pa.Table) -> None:
        import pyarrow as pa

        path = os.path.join(self._folder, f"{len(self._descriptors):05d}-{name}.arrows")
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o600)
        self._descriptors.append(descriptor)
        with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, table.schema, options=_options()) as writer:
            # The stream's schema is written with its first batch; the days' places must not hold it.
            writer.write_batch(pa.RecordBatch.from_pylist([], schema=table.schema))
            for day, part in _split_days(table):
                offset = sink.tell()
                writer.write_batch(part)
                self._places[name, day].append(_Place(descriptor, offset, sink.tell() - offset))


def _options() -> pa.ipc.IpcWriteOptions:
    import pyarrow as pa

    return pa.ipc.IpcWriteOptions(compression="lz4")


def _split_days(table: pa.Table) -> Iterator[tuple[date, pa.RecordBatch]]:
    counted = table.group_by("day", use_threads=False).aggregate([([], "count_all")]).to_pydict()
    offset = 0
    for day, count in zip(counted["day"], counted["count_all"], strict=True):
        (batch,) = table.slice(offset, count).combine_chunks().to_batches()
        yield day, batch
        offset += count


def _read_batch(place: _Place, schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    # One positioned read: threads share the open file, but not a position in it.
    content = os.pread(place.descriptor, place.length, place.offset)
    return pa.ipc.read_record_batch(pa.py_buffer(content), schema)
