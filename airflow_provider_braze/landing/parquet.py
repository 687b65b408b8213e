"""Tables to Parquet files and back. A file notes the fingerprint of its rows and a digest of its own bytes."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

    from airflow_provider_braze.tables.fingerprints import Fingerprint

_ROW_GROUP_ROWS: Final = 1_000_000
_NOTE: Final = b"braze.holds"
_DIGITS: Final = 32
"""Length of a file's digest."""
_PRUNED_BY: Final = ("day", "channel")
"""Columns with statistics beside the first one, the subject's. Readers skip files by them."""
_SAMPLE_ROWS: Final = 64
"""Rows by which a dictionary is chosen."""
_MANY_FIGURES: Final = 256
"""Below this, zstd takes ten times as long as Snappy and saves less than 300 bytes per column."""


class _Columns(NamedTuple):
    """What the columns of a schema have in common in all files.

    :param kinds: ``text``, ``figure`` or ``other`` for each column; None for a nested one.
    :param keys: columns with statistics.
    :param digest: of names and types.
    """

    names: tuple[str, ...]
    kinds: tuple[str | None, ...]
    keys: tuple[str, ...]
    digest: str


def encode_parquet(table: pa.Table, fingerprint: Fingerprint | None = None) -> bytes:
    """Return a table as a Parquet file. The same rows give the same bytes, regardless of their chunks.

    :param fingerprint: fingerprint of the rows, for :func:`matches_fingerprint`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = table.combine_chunks()
    columns = _columns_of(table.schema)
    compression, dictionaries = _choose_encodings(table, columns)
    blank = b"" if fingerprint is None else _blank_note(columns, fingerprint)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression=compression or "none",
        use_dictionary=dictionaries or False,
        write_statistics=columns.keys or False,
        # Parquet's own types say all that the tables' Arrow types do.
        store_schema=False,
    ) as writer:
        writer.write_table(table, row_group_size=_ROW_GROUP_ROWS)
        if blank:
            writer.add_key_value_metadata({_NOTE: blank})
    content: bytes = sink.getvalue().to_pybytes()
    if not blank:
        return content
    # The last match is the one in the footer.
    place, view = content.rindex(blank), memoryview(content)
    return b"".join([view[:place], _sign(blank, view), view[place + len(blank) :]])


def decode_parquet(content: bytes) -> pa.Table:
    """Return the rows of a Parquet file, with the columns that it has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Arrow's threads cost more than they gain on small objects, and several objects are read at once.
    table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    # The notes are about this file's rows. They must not get into files made from these rows.
    return table.replace_schema_metadata(None)


def matches_fingerprint(content: bytes, schema: pa.Schema, fingerprint: Fingerprint) -> bool:
    """Return whether a Parquet file has exactly these rows in this schema, without decoding it.

    Other tools may copy the note into a file that they rewrite, and bytes may be damaged. The digest detects both.

    :return: False also when that is unknown: the file is damaged, or another tool wrote it.
    :raises pyarrow.ArrowException: the content is not a Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    note: bytes = (pq.read_metadata(pa.BufferReader(content)).metadata or {}).get(_NOTE, b"")
    blank, place, view = _blank_note(_columns_of(schema), fingerprint), content.rfind(note), memoryview(content)
    return note == _sign(blank, view[:place], blank, view[place + len(note) :])


def _choose_encodings(table: pa.Table, columns: _Columns) -> tuple[dict[str, str], list[str]]:
    """Return the compression of columns that have any, and the columns with a dictionary.

    The choice depends on the rows alone. Encodings are those of Parquet's first version, which older readers know too.
    """
    compression: dict[str, str] = {}
    dictionaries = []
    for name, kind, column in zip(columns.names, columns.kinds, table.columns, strict=True):
        values = table.num_rows - column.null_count
        if kind == "figure" and values:
            compression[name] = "zstd" if values > _MANY_FIGURES else "snappy"
        elif kind == "text" and values:
            compression[name] = "zstd"
            if _repeats(column):
                dictionaries.append(name)
        elif kind == "other":
            dictionaries.append(name)
    return compression, dictionaries


def _repeats(column: pa.ChunkedArray) -> bool:
    """Return whether texts repeat, judged by the first rows."""
    sample = column.chunk(0).slice(0, _SAMPLE_ROWS).to_pylist()
    return 2 * len({*sample} - {None}) <= len(sample)


def _columns_of(schema: pa.Schema) -> _Columns:
    return _describe(schema.serialize().to_pybytes())


@lru_cache(maxsize=64)
def _describe(serialized: bytes) -> _Columns:
    import pyarrow as pa

    schema = pa.ipc.read_schema(pa.py_buffer(serialized))
    kinds = tuple(_kind(field.type) for field in schema)
    described = repr([(field.name, str(field.type)) for field in schema])
    return _Columns(
        tuple(schema.names),
        kinds,
        tuple(name for place, name in enumerate(schema.names) if place == 0 or name in _PRUNED_BY),
        blake2b(described.encode(), digest_size=8).hexdigest(),
    )


def _kind(type_: pa.DataType) -> str | None:
    import pyarrow as pa

    if pa.types.is_nested(type_):
        return None
    if pa.types.is_string(type_):
        return "text"
    return "figure" if type_ in (pa.int64(), pa.float64()) else "other"


def _blank_note(columns: _Columns, fingerprint: Fingerprint) -> bytes:
    """Return a file's note with zeros in place of the file's digest."""
    return f"{fingerprint} {columns.digest} ".encode() + b"0" * _DIGITS


def _sign(blank: bytes, *pieces: bytes | memoryview) -> bytes:
    """Return the note with the digest of a file.

    :param pieces: the file's bytes, with the blank note in it.
    """
    digest = blake2b(digest_size=_DIGITS // 2)
    for piece in pieces:
        digest.update(piece)
    return blank[:-_DIGITS] + digest.hexdigest().encode()
