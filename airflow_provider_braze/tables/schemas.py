"""Arrow schemas of declared tables."""

from __future__ import annotations

from functools import lru_cache

import pyarrow as pa

from airflow_provider_braze.core.series import ColumnType, ListOf, Struct, Table

_SCALARS = {
    "string": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


@lru_cache(maxsize=256)
def schema_of(table: Table) -> pa.Schema:
    """Return the Arrow schema of a table."""
    return pa.schema([pa.field(column.name, arrow_type(column.type)) for column in table.columns])


def arrow_type(type_: ColumnType) -> pa.DataType:
    """Return the Arrow type of a column type."""
    if isinstance(type_, ListOf):
        return pa.list_(pa.field(type_.element_name, arrow_type(type_.element)))
    if isinstance(type_, Struct):
        return pa.struct([pa.field(column.name, arrow_type(column.type)) for column in type_.fields])
    return _SCALARS[type_]
