"""Tables of details: one row per subject, nested objects as lists of structs.

A subject's details are replaced as one row, and a reader unnests a list and joins it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.core.payloads import decode_envelope, expect_list, expect_object
from airflow_provider_braze.core.series import OTHER, Column, Subject, SubjectDetails, Table, plain_columns
from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.tables.records import converters_of, join_other, split_record
from airflow_provider_braze.tables.schemas import schema_of
from airflow_provider_braze.tables.sorting import sort_rows


@dataclass(frozen=True, slots=True)
class DetailsRow:
    """The details of one subject.

    :param drift: names of keys without a column, such as ``details.frequency``. The content of messages is not
        counted: its keys differ by channel.
    :param longest_window: the longest conversion window in seconds, None when there is none.
    """

    cells: JsonObject = field(repr=False)
    drift: tuple[str, ...] = ()
    longest_window: int | None = None


def decode_object(body: bytes, table: Table) -> JsonObject:
    """Decode a response whose fields stand beside ``message``.

    :param table: its columns have the names of the documented keys. A response without any of them is an error.
    :raises ValueError: the body is truncated or not JSON. A retry may help.
    :raises BrazeDataError: the body is JSON of another shape.
    """
    response = decode_envelope(body)
    response.pop("message", None)
    if not response.keys() & {*table.column_names[1:]} - {OTHER}:
        raise BrazeDataError(f"The response has no documented key of details among its {len(response)} at $.", "$")
    return response


def split_list(sent: Any, columns: Sequence[Column], path: str) -> list[tuple[JsonObject, JsonObject]] | None:
    """Split the objects of a list into cells and rest; None stays None.

    :raises BrazeDataError: it is not a list of objects.
    """
    if sent is None:
        return None
    converters = converters_of(columns)
    objects = [expect_object(each, f"{path}[{index}]") for index, each in enumerate(expect_list(sent, path))]
    return [split_record(each, converters) for each in objects]


def structs_by_id(sent: Any, fields: Sequence[Column], path: str) -> list[JsonObject] | None:
    """Return an object of objects as structs, sorted by id: the order of JSON keys has no meaning.

    :param fields: the fields of a struct, the id first.
    :raises BrazeDataError: it is not an object of objects.
    """
    if sent is None:
        return None
    converters = converters_of(plain_columns(fields))
    found = []
    for id_, record in sorted(expect_object(sent, path).items()):
        cells, rest = split_record(expect_object(record, f"{path}.{id_}"), converters)
        found.append({fields[0].name: id_, **cells, "other": join_other(rest)})
    return found


def details_table(table: Table, rows: Sequence[SubjectDetails]) -> pa.Table:
    """Build a table of details.

    :param rows: each subject once, in any order.
    :return: one row per subject, sorted by id.
    """
    return sort_rows(table, pa.Table.from_pylist([dict(row.cells) for row in rows], schema=schema_of(table)))


def plain_details(table: Table, body: bytes, subject: Subject) -> DetailsRow:
    """Decode details without nested objects; the first column is the subject's id."""
    plain = plain_columns(table.columns)
    record = decode_object(body, table)
    cells, rest = split_record(record, converters_of(plain))
    cells = {table.columns[0].name: subject.name, **cells, OTHER: join_other(rest)}
    return DetailsRow(cells, tuple(f"details.{key}" for key in rest))
