"""Rows of a table without days on local disk, batch by batch, until the days have landed."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


class Batches:
    """Compressed batches in one file, which has no name, so that not even a killed worker leaves it behind.

    :param schema: of all batches.
    :param folder: where the file lies; None for the system's place for temporary files.
    """

    def __init__(self, schema: pa.Schema, folder: str | None) -> None:
        import pyarrow as pa

        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()
        self._writer = pa.ipc.new_stream(self._file, schema, options=pa.ipc.IpcWriteOptions(compression="zstd"))

    def add(self, table: pa.Table) -> None:
        """Write one batch.

        :raises OSError: the disk is full, or cannot be written.
        """
        self._writer.write_table(table)

    def read(self) -> pa.Table:
        """Give the rows of all batches, after the last one."""
        import pyarrow as pa

        self._writer.close()
        self._file.seek(0)
        return pa.ipc.open_stream(self._file).read_all()

    def close(self) -> None:
        """Remove the file."""
        # What is not written yet need not be; on a full disk it could not.
        with suppress(OSError):
            self._file.close()
