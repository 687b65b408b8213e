"""Tables to gzipped JSON lines and back."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, TypedDict

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
    values = [[row.get(field.name) for row in rows] for field in fields]
    columns = [_column(each, field.type) for each, field in zip(values, fields, strict=True)]
    # Columns and nested fields of a newer version. The caller's error names them.
    unknown = names.difference(schema.names).union(
        *(_unknown_fields(field.name, field.type, each) for each, field in zip(values, fields, strict=True))
    )
    fields += [pa.field(name, pa.null()) for name in sorted(unknown)]
    columns += [pa.nulls(len(rows))] * len(unknown)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _column(values: list[Any], type_: pa.DataType) -> pa.Array:
    """Return the values as a column.

    :raises msgspec.ValidationError: a value does not fit. Arrow alone would make a whole number of 1.5.
    """
    import msgspec
    import pyarrow as pa

    # Some tools write 2 as 2.0, which is the same number.
    is_strict = not pa.types.is_integer(type_)
    return pa.array(msgspec.convert(values, list[_type_of(type_)], strict=is_strict), type_)  # type: ignore[misc]


def _type_of(type_: pa.DataType) -> Any:
    """Return the type of JSON values that a column holds, or null."""
    import pyarrow as pa

    if pa.types.is_list(type_):
        return list[_type_of(type_.value_type)] | None  # type: ignore[misc]
    if pa.types.is_struct(type_):
        new_type: Any = TypedDict  # mypy knows it with literal fields only
        return new_type("Fields", {each.name: _type_of(each.type) for each in type_}, total=False) | None
    if pa.types.is_integer(type_):
        return int | None
    if pa.types.is_floating(type_):
        return int | float | None  # Arrow rejects a whole number that is not exactly a double.
    if pa.types.is_boolean(type_):
        return bool | None
    if pa.types.is_date(type_):
        return date | None
    return datetime | None if pa.types.is_timestamp(type_) else str | None


def _unknown_fields(name: str, type_: pa.DataType, values: Iterable[Any]) -> Iterator[str]:
    """Yield the fields of nested objects that the type does not have, such as ``messages.name``."""
    import pyarrow as pa

    if pa.types.is_list(type_):
        yield from _unknown_fields(name, type_.value_type, chain.from_iterable(each or () for each in values))
    elif pa.types.is_struct(type_):
        objects = [each for each in values if each]
        known = {field.name: field.type for field in type_}
        yield from (f"{name}.{key}" for key in set().union(*objects) - known.keys())
        for key, inner in known.items():
            yield from _unknown_fields(f"{name}.{key}", inner, (each.get(key) for each in objects))
