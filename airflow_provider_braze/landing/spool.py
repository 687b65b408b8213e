"""Rows on local disk until all subjects are fetched: subjects go in by batches, days come out by small blocks.

Each batch is appended to one file per table. In it each block of days is one compressed Arrow message at a known place.
So memory holds one batch on the way in and a few blocks on the way out, for any number of subjects and days. A block
has enough days to be worth a message's overhead, which is large for a wide table, but too few to fill memory. The files
have no name, so that even a killed worker leaves none behind.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.tables.restatement import add_sums, sum_days

if TYPE_CHECKING:
    from types import TracebackType

    import pyarrow as pa

    from airflow_provider_braze.core.series import Table
    from airflow_provider_braze.tables.fingerprints import Fingerprint
    from airflow_provider_braze.tables.restatement import Sums

_ROWS_PER_BLOCK: Final = 2_000
_FEWEST_BLOCKS: Final = 8
_PROBE_BYTES: Final = 2**16


class _Place(NamedTuple):
    """Where a day's rows of one run lie."""

    offset: int
    length: int


class Spool:
    """Runs of some tables on disk, removed when the process ends.

    :param tables: each has a column ``day`` that the added rows are sorted by.
    :param rows_per_day: expected rows of the day table. Sizes the blocks.
    :param days: number of days.
    :param folder: where the files lie; None for the system's place for temporary files.
    :param figures: columns of the first table to sum by day. Default none.
    """

    def __init__(
        self,
        tables: Iterable[Table],
        rows_per_day: int,
        days: int,
        folder: str | None = None,
        figures: Sequence[str] = (),
    ) -> None:
        import pyarrow as pa

        from airflow_provider_braze.tables.schemas import schema_of

        schemas = {table.name: schema_of(table) for table in tables}

        self.rows_per_day = rows_per_day
        self._folder = folder
        self._schemas = schemas
        self._heads = {name: schema.serialize().to_pybytes() for name, schema in schemas.items()}
        self._places: dict[tuple[str, int], list[_Place]] = defaultdict(list)
        self._fingerprints: dict[tuple[str, date], Fingerprint] = {}
        self._summed = next(iter(schemas), None)
        self._figures = figures
        self._sums: dict[date, Sums] = {}
        # A few blocks at least, so that they can be worked on side by side.
        self._days_a_block = max(1, min(_ROWS_PER_BLOCK // max(1, rows_per_day), days // _FEWEST_BLOCKS))
        with ExitStack() as stack:
            self._files = {name: stack.enter_context(tempfile.TemporaryFile(dir=folder)) for name in schemas}
            # Threads that compress a column each would cost more than they gain on blocks as small as these.
            options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
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
        """The days that have rows, sorted."""
        return sorted({day for _, day in self._fingerprints})

    def fingerprint(self, name: str, day: date) -> Fingerprint:
        """Return the fingerprint of all rows of a table's day."""
        from airflow_provider_braze.tables.fingerprints import Fingerprint

        return self._fingerprints.get((name, day), Fingerprint())

    def sums(self, day: date) -> Sums:
        """Return the sum of each figure over all rows of the first table's day."""
        return self._sums.get(day) or dict.fromkeys(self._figures)

    def blocks(self, days: Iterable[date]) -> list[list[date]]:
        """Group days by the block that they are in, oldest first."""
        return [list(block) for _, block in groupby(sorted(days), self._block_of)]

    def add(self, tables: Mapping[str, pa.Table]) -> None:
        """Write one run.

        :raises OSError: the disk is full, or cannot be written.
        """
        with _naming_folder(self._folder):
            for name, table in tables.items():
                if table.num_rows:
                    self._write_run(name, table)

    def read(self, table: Table, block: Sequence[date]) -> pa.Table:
        """Return all rows of a table's block, in no particular order. Thread-safe.

        :param block: one of :meth:`blocks`, of all days that have rows.
        """
        import pyarrow as pa

        places = self._places.get((table.name, self._block_of(block[0])), ())
        batches = [self._read_batch(table.name, place) for place in places]
        return pa.Table.from_batches(batches, schema=self._schemas[table.name])

    def _block_of(self, day: date) -> int:
        return day.toordinal() // self._days_a_block

    def _write_run(self, name: str, table: pa.Table) -> None:
        import pyarrow as pa

        from airflow_provider_braze.tables.fingerprints import fingerprint_days

        table = table.combine_chunks()
        found = fingerprint_days(table)
        for day, fingerprint in found.items():
            self._fingerprints[name, day] = self.fingerprint(name, day).joined(fingerprint)
        if name == self._summed and self._figures:
            for day, sums in sum_days(table, self._figures).items():
                self._sums[day] = add_sums(self._sums.get(day, {}), sums)
        file, writer = self._files[name], self._writers[name]
        if file.tell() == 0:
            # The stream's schema is written with its first batch; the blocks' places must not hold it.
            writer.write_batch(pa.RecordBatch.from_pylist([], schema=table.schema))
        first = 0
        for block, days in groupby(found, self._block_of):
            rows = sum(found[day].rows for day in days)
            (batch,) = table.slice(first, rows).to_batches()
            first += rows
            offset = file.tell()
            writer.write_batch(batch)
            self._places[name, block].append(_Place(offset, file.tell() - offset))
        file.flush()

    def _read_batch(self, name: str, place: _Place) -> pa.RecordBatch:
        import pyarrow as pa

        # One positioned read: threads share the open file, but not a position in it.
        content = os.pread(self._files[name].fileno(), place.length, place.offset)
        # A stream of one batch, since only a stream's reader can be kept from using threads for each small column.
        stream = self._heads[name] + content
        options = pa.ipc.IpcReadOptions(use_threads=False)
        with pa.ipc.open_stream(stream, options=options) as reader:
            return reader.read_next_batch()


class Batches:
    """Compressed batches in one file, which has no name, so that not even a killed worker leaves it behind.

    :param schema: of all batches.
    :param folder: where the file lies; None for the system's place for temporary files.
    """

    def __init__(self, schema: pa.Schema, folder: str | None) -> None:
        import pyarrow as pa

        self._folder = folder
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()
        self._writer = pa.ipc.new_stream(self._file, schema, options=pa.ipc.IpcWriteOptions(compression="zstd"))

    def add(self, table: pa.Table) -> None:
        """Write one batch.

        :raises OSError: the disk is full, or cannot be written.
        """
        with _naming_folder(self._folder):
            self._writer.write_table(table)

    def read(self) -> pa.Table:
        """Return the rows of all batches. No batch can be added afterwards.

        :raises OSError: the disk is full, or cannot be written.
        """
        import pyarrow as pa

        with _naming_folder(self._folder):  # the last bytes are written only now
            self._writer.close()
            self._file.seek(0)
        return pa.ipc.open_stream(self._file).read_all()

    def close(self) -> None:
        """Remove the file."""
        # What is not written yet need not be; on a full disk it could not.
        with suppress(OSError):
            self._file.close()


def check_spool_folder(folder: str | None) -> None:
    """Check that files can be written to the spool's folder.

    :param folder: folder for the spool, None for the system's folder of temporary files.
    :raises BrazeConfigError: the folder does not exist, or is not writable.
    :raises OSError: the disk is full.
    """
    try:
        with _naming_folder(folder), tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise BrazeConfigError(str(error)) from error


@contextmanager
def _naming_folder(folder: str | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        place = folder or "the system's folder of temporary files"
        # This makes the subclass that fits the number.
        raise OSError(
            error.errno,
            f"Could not write to the `spool_folder` {place}: {error.strerror or error}. Set `spool_folder` to a folder "
            "that exists and is writable, with enough space (`dry_run` shows how much)",
        ) from error
