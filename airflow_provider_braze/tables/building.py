"""Build the tables of a batch from decoded responses: those of one shape together, and each day's JSON text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Any

import msgspec
import pyarrow as pa

from airflow_provider_braze.core.channels import field_columns
from airflow_provider_braze.core.series import Subject, SubjectDays, Table
from airflow_provider_braze.tables.columns import Group, Places, join_groups, place_columns
from airflow_provider_braze.tables.sorting import sort_columns

GroupsOf = Callable[[Any, Places, list[Any]], Sequence[list[Group]]]
"""Returns the groups of each of a decoder's own tables, from a shape or None, places, and contents of responses."""


def build_tables(
    keys: Sequence[str],
    own: Sequence[Table],
    rows: Sequence[SubjectDays],
    tables: Collection[Table],
    groups_of: GroupsOf,
) -> dict[str, pa.Table]:
    """Build the tables of a batch of subjects, sorted.

    :param keys: the key columns.
    :param own: the decoder's tables of figures, in the order in which `groups_of` returns their groups.
    :param rows: subjects whose responses have ``dates``, ``content`` and ``payloads``; a content may have a ``shape``.
    :param tables: the tables to build.
    """
    groups: dict[str, list[Group]] = {table.name: [] for table in (*own, *tables)}
    for table in tables:
        if table.source == "payload":
            groups[table.name].append(_payload_group(keys, rows))
    if any(table in own for table in tables):
        for shape, places, contents in _by_shape(keys, rows):
            for table, found in zip(own, groups_of(shape, places, contents), strict=True):
                groups[table.name].extend(found)
    return {table.name: sort_columns(table, join_groups(table, groups[table.name])) for table in tables}


def check_columns(table: Table, names: Sequence[str]) -> None:
    """Check that a table has a column of the right type for each figure and name that its decoder finds.

    :raises ValueError: a column is missing, so that its values would be lost.
    """
    if missing := [column.name for column in field_columns(*names) if column not in table.columns]:
        raise ValueError(f"{table.name} has no column of the type of: {', '.join(missing)}. Declare one for each.")


def payload_texts(days: Sequence[msgspec.Raw], indices: Mapping[date, int]) -> dict[date, str]:
    """Return the JSON text of some days, as Braze sent it.

    :param days: all days of a response.
    :param indices: where each day is.
    """
    return {day: bytes(days[index]).decode() for day, index in indices.items()}


def _by_shape(keys: Sequence[str], rows: Sequence[SubjectDays]) -> Iterator[tuple[Any, Places, list[Any]]]:
    """Yield each shape with the places and the contents of its responses; None for responses without one."""
    found: dict[Any, list[tuple[Subject, Any]]] = {}
    for row in rows:
        for days in row.responses:
            found.setdefault(getattr(days.content, "shape", None), []).append((row.subject, days))
    for shape, responses in found.items():
        dates = chain.from_iterable(days.dates for _, days in responses)
        places = place_columns(keys, [(subject.key, len(days.dates)) for subject, days in responses], dates)
        yield shape, places, [days.content for _, days in responses]


def _payload_group(keys: Sequence[str], rows: Sequence[SubjectDays]) -> Group:
    kept = [(row.subject.key, days.payloads) for row in rows for days in row.responses if days.payloads]
    days = list(chain.from_iterable(texts for _, texts in kept))
    places = place_columns(keys, [(key, len(texts)) for key, texts in kept], days)
    texts = pa.array(chain.from_iterable(texts.values() for _, texts in kept), pa.string(), size=len(days))
    return {**places, "payload": texts}
