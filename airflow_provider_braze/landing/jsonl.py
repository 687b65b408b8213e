"""Tables to gzipped JSON lines and back."""

from __future__ import annotations

import gzip
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def encode_jsonl(table: pa.Table) -> bytes:
    """Return a table as gzipped JSON lines. The same rows give the same bytes."""
    import msgspec

    return gzip.compress(msgspec.json.Encoder().encode_lines(table.to_pylist()), mtime=0)


def decode_jsonl(content: bytes, schema: pa.Schema) -> pa.Table:
    """Return the rows of gzipped JSON lines, with the columns that any of them has.

    :param schema: types of the columns. Unknown columns are null.
    """
    import msgspec
    import pyarrow as pa

    if not content:
        raise EOFError("the object is empty, which is not a gzip file")
    rows: list[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any]).decode_lines(gzip.decompress(content))
    names = set().union(*rows) if rows else set(schema.names)
    fields = [field for field in schema if field.name in names]
    # Columns of a newer version. The caller's error names them.
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
