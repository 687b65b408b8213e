"""The table of a series' list endpoint: one row per subject."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.core.payloads import expect_object, show
from airflow_provider_braze.core.series import Listing, ListOf, Table
from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.tables.records import as_text, converters_of
from airflow_provider_braze.tables.schemas import schema_of
from airflow_provider_braze.tables.sorting import sort_rows


def list_table(table: Table, listing: Listing, entries: Iterable[JsonObject | str]) -> pa.Table:
    """Build the table of listed subjects.

    Paging is by position, so an entry may appear twice: the later one counts. What is missing or not of the documented
    type is null.

    :param table: its first column holds the id, the others the keys of the same name.
    :param entries: entries of all pages, in the order of the response.
    :return: one row per subject, sorted by id.
    :raises BrazeDataError: an entry has no text as id.
    """
    key, *others = table.columns
    converters = {**converters_of(others), **{each.name: _texts for each in others if isinstance(each.type, ListOf)}}
    rows: dict[str, JsonObject] = {}
    for index, entry in enumerate(entries):
        path = f"$.{listing.endpoint.records}[{index}]"
        id_ = _id_of(entry, listing.id_key, path)
        cells = {name: convert(entry.get(name)) for name, convert in converters.items()} if others else {}  # type: ignore[union-attr]
        rows[id_] = {key.name: id_, **cells}
    return sort_rows(table, pa.Table.from_pylist(list(rows.values()), schema=schema_of(table)))


def _texts(value: Any) -> list[str | None] | None:
    return [as_text(each) for each in value] if isinstance(value, list) else None


def _id_of(entry: Any, id_key: str | None, path: str) -> str:
    found = entry if id_key is None else expect_object(entry, path).get(id_key)
    if not isinstance(found, str):
        where = path if id_key is None else f"{path}.{id_key}"
        raise BrazeDataError(f"Expected a text at {where}, got {show(found)}.", where)
    return found
