"""Rows on local disk until all campaigns are in: campaigns come in by batches, days go out one by one.

Each batch is a run, sorted by day, at the end of one file a table; each day of a run is one compressed Arrow message at
a known place. So memory holds one batch on the way in and a few days on the way out, however many campaigns and days
there are. The files have no name, so that not even a killed worker leaves them behind.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import TracebackType

    import pyarrow as pa


class _Place(NamedTuple):
    """Where a day's rows of one run lie."""

    offset: int
    length: int


class Spool:
    """Sorted runs of some tables on disk, gone on every exit.

    :param schemas: schema by table; each has a column ``day`` that the added tables are sorted by.
    :param folder: where the files lie; None for the system's place for temporary files.
    """

    def __init__(self, schemas: Mapping[str, pa.Schema], folder: str | None = None) -> None:
        import pyarrow as pa

        self._schemas = schemas
        self._places: dict[tuple[str, date], list[_Place]] = defaultdict(list)
        with ExitStack() as stack:
            self._files = {name: stack.enter_context(tempfile.TemporaryFile(dir=folder)) for name in schemas}
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writers = {
                name: pa.ipc.new_stream(file, schemas[name], options=options) for name, file in self._files.items()
            }
            self._open = stack.pop_all()

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # What is not written yet need not be; on a full disk it could not.
        with suppress(OSError):
            self._open.close()

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

        batches = [self._read_batch(name, place) for place in self._places.get((name, day), ())]
        return pa.Table.from_batches(batches, schema=self._schemas[name])

    def _write_run(self, name: str, table: pa.Table) -> None:
        import pyarrow as pa

        file, writer = self._files[name], self._writers[name]
        if file.tell() == 0:
            # The stream's schema is written with its first batch; the days' places must not hold it.
            writer.write_batch(pa.RecordBatch.from_pylist([], schema=table.schema))
        for day, part in _split_days(table):
            offset = file.tell()
            writer.write_batch(part)
            self._places[name, day].append(_Place(offset, file.tell() - offset))
        file.flush()

    def _read_batch(self, name: str, place: _Place) -> pa.RecordBatch:
        import pyarrow as pa

        # One positioned read: threads share the open file, but not a position in it.
        content = os.pread(self._files[name].fileno(), place.length, place.offset)
        return pa.ipc.read_record_batch(pa.py_buffer(content), self._schemas[name])


def _split_days(table: pa.Table) -> Iterator[tuple[date, pa.RecordBatch]]:
    counted = table.group_by("day", use_threads=False).aggregate([([], "count_all")]).to_pydict()
    offset = 0
    for day, count in zip(counted["day"], counted["count_all"], strict=True):
        (batch,) = table.slice(offset, count).combine_chunks().to_batches()
        yield day, batch
        offset += count
