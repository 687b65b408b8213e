"""The names that people gave to subjects, from the list that has landed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from airflow_provider_braze.core.text import shorten
from airflow_provider_braze.exceptions import BrazeError
from airflow_provider_braze.landing.formats import decode

if TYPE_CHECKING:
    from airflow_provider_braze.core.series import Series
    from airflow_provider_braze.landing.layout import Layout
    from airflow_provider_braze.landing.store import Store

_NAME: Final = "name"
_LONGEST: Final = 80


def read_names(store: Store, series: Series, layout: Layout) -> dict[str, str]:
    """Return the names of the landed subjects by id; nothing if the series has no names or no list has landed."""
    table = next((each for each in series.tables if each.source == "list" and _NAME in each.column_names), None)
    stored = store.read(layout.whole_object(table.name)) if table else None
    if table is None or stored is None:
        return {}
    from airflow_provider_braze.tables.schemas import schema_of

    try:
        uri = store.uri_of(layout.whole_object(table.name))
        rows = decode(stored.content, schema_of(table), layout.file_format, uri).rows
    except BrazeError:  # names are a help, and their object is not what is checked
        return {}
    pairs = zip(rows.column(series.keys[0]).to_pylist(), rows.column(_NAME).to_pylist(), strict=True)
    return {id_: name for id_, name in pairs if name}


def with_name(id_: str, names: Mapping[str, str]) -> str:
    """Return an id after the name of its subject, if that is known."""
    return f"{shorten(names[id_], _LONGEST)} ({id_})" if id_ in names else id_
