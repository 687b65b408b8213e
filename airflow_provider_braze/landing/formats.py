"""Tables to bytes and back: Parquet, and gzipped JSON lines. The same rows give the same bytes."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.exceptions import BrazeConfigError, BrazeDataError

if TYPE_CHECKING:
    import pyarrow as pa

    from airflow_provider_braze.landing.layout import FileFormat
    from airflow_provider_braze.tables.fingerprints import Fingerprint

_ROW_GROUP_ROWS: Final = 1_000_000
_KEYS: Final = ("campaign_id", "day", "channel")
_HOLDS: Final = b"braze.holds"
_DIGITS: Final = 32
"""Of a file's digest."""
_UNREADABLE: Final = (
    EOFError,
    KeyError,
    OSError,
    OverflowError,
    RecursionError,
    ValueError,
    zlib.error,
)


def encode(table: pa.Table, file_format: FileFormat, fingerprint: Fingerprint | None = None) -> bytes:
    """Write a table as an object's content.

    :param fingerprint: of the table's rows, for :func:`matches_fingerprint`.
    """
    return _to_jsonl(table) if file_format == "jsonl" else _to_parquet(table, fingerprint)


def matches_fingerprint(content: bytes, schema: pa.Schema, fingerprint: Fingerprint, file_format: FileFormat) -> bool:
    """Tell, without decoding it, whether an object has just these rows, in this schema.

    Parquet files carry the fingerprint of their rows. Others who rewrite a file may copy that with all else which is
    noted in it, and bytes may be damaged; so a digest of the whole file comes with it.

    :return: False also if that cannot be told: of other formats, of objects that others wrote, of damaged ones.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file_format != "parquet":
        return False
    try:
        note: bytes = (pq.read_metadata(pa.BufferReader(content)).metadata or {}).get(_HOLDS, b"")
    except (pa.ArrowException, *_UNREADABLE):
        return False
    blank, place, view = _blank_note(schema, fingerprint), content.rfind(note), memoryview(content)
    return note == _sign(blank, view[:place], blank, view[place + len(note) :])


def decode(content: bytes, schema: pa.Schema, file_format: FileFormat, uri: str) -> tuple[pa.Table, bool]:
    """Read an object's content.

    :param schema: the table's; columns that an older version did not have come as nulls.
    :param uri: the object's address, for errors.
    :return: the table, and whether the object has the schema already.
    :raises BrazeDataError: the object is cut, or of another format.
    :raises BrazeConfigError: the object has columns that this version does not know.
    """
    with _naming(uri, file_format):
        table = _from_jsonl(content, schema) if file_format == "jsonl" else _from_parquet(content)
    if table.schema.equals(schema):
        return table, True
    _check_columns(table.schema.names, schema, uri)
    with _naming(uri, file_format):
        if "campaign_id" not in table.schema.names:
            raise ValueError("it has no column 'campaign_id'")
        return _conform(table, schema), False


@contextmanager
def _naming(uri: str, file_format: FileFormat) -> Iterator[None]:
    """Turn whatever the libraries raise on foreign bytes into one error."""
    import msgspec
    import pyarrow as pa

    try:
        yield
    # Before 0.21 msgspec's errors are not ValueErrors.
    except (pa.ArrowException, msgspec.MsgspecError, *_UNREADABLE) as error:
        reason = " ".join(str(error).split())[:200]
        raise BrazeDataError(
            f"{uri} cannot be read as {file_format}: {reason}. It was left as it is; move it away, and land "
            "again what it held (a day by `start` and `end`)."
        ) from error


def _to_parquet(table: pa.Table, fingerprint: Fingerprint | None) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        # Objects are small and wide: dictionaries of figures and statistics of all columns cost a third of the time of
        # writing and a fifth of the size, and readers gain nothing by them.
        use_dictionary=[field.name for field in table.schema if pa.types.is_string(field.type)],
        write_statistics=[name for name in _KEYS if name in table.schema.names],
    ) as writer:
        # One chunk a column: how the rows came together must not show in the bytes.
        writer.write_table(table.combine_chunks(), row_group_size=_ROW_GROUP_ROWS)
        if fingerprint is not None:
            writer.add_key_value_metadata({_HOLDS: _blank_note(table.schema, fingerprint)})
    content = sink.getvalue()
    if fingerprint is None:
        return content
    blank = _blank_note(table.schema, fingerprint)
    # Nearest to the end, where the footer is.
    place, view = content.rindex(blank), memoryview(content)
    return b"".join([view[:place], _sign(blank, view), view[place + len(blank) :]])


def _blank_note(schema: pa.Schema, fingerprint: Fingerprint) -> bytes:
    """What a file's note says, with noughts in the place of the file's digest."""
    columns = blake2b(repr([(field.name, str(field.type)) for field in schema]).encode(), digest_size=8).hexdigest()
    return f"{fingerprint} {columns} ".encode() + b"0" * _DIGITS


def _sign(blank: bytes, *pieces: bytes | memoryview) -> bytes:
    """The note with the digest of a file, whose pieces are with the blank one."""
    digest = blake2b(digest_size=_DIGITS // 2)
    for piece in pieces:
        digest.update(piece)
    return blank[:-_DIGITS] + digest.hexdigest().encode()


def _from_parquet(content: bytes) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Threads of its own cost more than they gain on small objects, of which several are on the way at once.
    table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    # What is noted in an object is of its own rows, and must not go on into what is made of them.
    return table.replace_schema_metadata(None)


def _to_jsonl(table: pa.Table) -> bytes:
    import msgspec

    lines = msgspec.json.Encoder().encode_lines(table.to_pylist())
    return gzip.compress(lines, mtime=0)


def _from_jsonl(content: bytes, schema: pa.Schema) -> pa.Table:
    import msgspec
    import pyarrow as pa

    if not content:
        raise EOFError("the object has no bytes, which is no gzip file")
    rows: list[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode_lines(gzip.decompress(content))
    names = set().union(*rows) if rows else set(schema.names)
    fields = [field for field in schema if field.name in names]
    # Columns of a newer version, named in the error that follows.
    fields += [pa.field(name, pa.null()) for name in sorted(names.difference(schema.names))]
    columns = [pa.array(_values(rows, field), type=field.type) for field in fields]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _values(rows: list[dict[str, Any]], field: pa.Field) -> list[Any]:
    import msgspec
    import pyarrow as pa

    if pa.types.is_null(field.type):
        return [None] * len(rows)
    values = [row.get(field.name) for row in rows]
    if pa.types.is_date(field.type):
        return msgspec.convert(values, list[date | None])
    if pa.types.is_timestamp(field.type):
        return msgspec.convert(values, list[datetime | None])
    return values


def _check_columns(names: list[str], schema: pa.Schema, uri: str) -> None:
    if unknown := sorted(set(names) - set(schema.names)):
        raise BrazeConfigError(
            f"{uri} has the column {unknown[0]!r}, which this version of the provider does not know. It was written "
            "by a newer one; upgrade, for landing with this one would lose it."
        )


def _conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.schema.names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
