"""The file formats of data objects, one row each, and how objects of any format are read."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from airflow_provider_braze.core.series import DAY
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeDataError
from airflow_provider_braze.landing import jsonl, parquet

if TYPE_CHECKING:
    import pyarrow as pa

    from airflow_provider_braze.core.series import Column, Table
    from airflow_provider_braze.tables.fingerprints import Fingerprint

FileFormat = Literal["parquet", "jsonl"]


@dataclass(frozen=True, slots=True)
class Format:
    """One file format.

    :param extension: end of the objects' names.
    :param encode: returns rows as an object's content; a fingerprint of the rows may be noted in it.
    :param decode: returns a content's rows, with the columns that it has. Types may come from the schema.
    :param matches_fingerprint: returns whether a content has exactly these rows in this schema; False when unknown.
    :param can_hold: whether values of a column can be written and read back.
    """

    extension: str
    encode: Callable[[pa.Table, Fingerprint | None], bytes]
    decode: Callable[[bytes, pa.Schema], pa.Table]
    matches_fingerprint: Callable[[bytes, pa.Schema, Fingerprint], bool]
    can_hold: Callable[[Column], bool]


class Decoded(NamedTuple):
    """The rows of an object.

    :param is_current: whether the object has all columns of the schema, in its order and of its types.
    :param missing: columns that it does not have. They are null in the rows.
    """

    rows: pa.Table
    is_current: bool
    missing: frozenset[str]


FORMATS: Final[Mapping[str, Format]] = {
    "parquet": Format(
        extension="parquet",
        encode=parquet.encode_parquet,
        decode=lambda content, _: parquet.decode_parquet(content),
        matches_fingerprint=parquet.matches_fingerprint,
        can_hold=lambda _: True,
    ),
    "jsonl": Format(
        extension="jsonl.gz",
        encode=lambda table, _: jsonl.encode_jsonl(table),
        decode=jsonl.decode_jsonl,
        matches_fingerprint=lambda *_: False,
        can_hold=lambda _: True,
    ),
}

_UNREADABLE: Final = (EOFError, KeyError, OSError, OverflowError, RecursionError, ValueError, zlib.error)


def check_format(file_format: str, tables: Iterable[Table]) -> None:
    """Check that a file format can hold tables.

    :raises BrazeConfigError: it cannot hold one of their columns.
    """
    for table in tables:
        for column in table.columns:
            if not FORMATS[file_format].can_hold(column):
                raise BrazeConfigError(
                    f"`file_format` is {file_format!r}, which cannot hold the column {column.name!r} of {table.name}. "
                    f"Use another format, or leave {table.name} out of `tables`."
                )


def encode(table: pa.Table, file_format: FileFormat, fingerprint: Fingerprint | None = None) -> bytes:
    """Return a table as an object's content. The same rows give the same bytes.

    :param fingerprint: fingerprint of the table's rows, for :func:`matches_fingerprint`.
    """
    return FORMATS[file_format].encode(table, fingerprint)


def matches_fingerprint(content: bytes, schema: pa.Schema, fingerprint: Fingerprint, file_format: FileFormat) -> bool:
    """Return whether an object has exactly these rows in this schema, without decoding it.

    :return: False also when that is unknown: the format has no notes, the object is damaged, or another tool wrote it.
    """
    import pyarrow as pa

    try:
        return FORMATS[file_format].matches_fingerprint(content, schema, fingerprint)
    except (pa.ArrowException, *_UNREADABLE):
        return False


def decode(content: bytes, schema: pa.Schema, file_format: FileFormat, uri: str) -> Decoded:
    """Return an object's rows.

    :param schema: the table's. Columns that an older version did not have are null.
    :param uri: the object's address, for errors.
    :raises BrazeDataError: the object is truncated, of another format, or lacks the subject or the day.
    :raises BrazeConfigError: the object has columns that this version does not know.
    """
    with _naming(uri, file_format):
        table = FORMATS[file_format].decode(content, schema)
    if table.schema.equals(schema):
        return Decoded(table, True, frozenset())
    _check_columns(table.schema, schema, uri)
    missing = frozenset(schema.names).difference(table.schema.names)
    with _naming(uri, file_format):
        # Rows without a subject or a day would stay for ever.
        if lacking := sorted(missing & {schema.names[0], DAY}):
            raise ValueError(f"it has no column {lacking[0]!r}")
        return Decoded(_conform(table, schema), False, missing)


@contextmanager
def _naming(uri: str, file_format: FileFormat) -> Iterator[None]:
    """Raise one kind of error, with the object's address, for any error about its bytes."""
    import msgspec
    import pyarrow as pa

    try:
        yield
    # Before 0.21 msgspec's errors are not ValueErrors.
    except (pa.ArrowException, msgspec.MsgspecError, *_UNREADABLE) as error:
        reason = " ".join(str(error).split())[:200]
        raise BrazeDataError(
            f"{uri} cannot be read as {file_format}: {reason}. The object was not changed. Move it away, then land its "
            "rows again (a day by `start` and `end`)."
        ) from error


def _check_columns(found: pa.Schema, schema: pa.Schema, uri: str) -> None:
    if unknown := sorted(set(_paths(found)).difference(_paths(schema))):
        raise BrazeConfigError(
            f"{uri} has the column {unknown[0]!r}, which this version of the provider does not know, so it would be "
            "lost. If a newer version wrote it, upgrade the provider. If another tool did, write the object without it."
        )


def _paths(fields: pa.Schema | pa.StructType, prefix: str = "") -> Iterator[str]:
    """Yield the names of columns, and of the fields nested in them, such as ``messages.name``."""
    import pyarrow as pa

    for field in fields:
        yield f"{prefix}{field.name}"
        type_ = field.type
        while hasattr(type_, "value_type"):  # a list, also of large texts or of fixed size
            type_ = type_.value_type
        if pa.types.is_struct(type_):
            yield from _paths(type_, f"{prefix}{field.name}.")


def _conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    columns = [
        table.column(field.name).cast(field.type)
        if field.name in table.schema.names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
