"""Custom events: ``/events/data_series``, the number of occurrences of each event per day.

Event names are free text and part of the key as they are. The list costs the rate limit of 1,000 requests an hour that
it shares with few other endpoints; the series do not.

Sources: Braze docs, Export custom events list, Export custom events analytics, API rate limits (seen 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.series import Column, Listing, Series, Subject, Table, columns, qualify
from airflow_provider_braze.series.decoders import load_flat_decoder

_DATA_SERIES: Final = Endpoint("/events/data_series")


def event_subjects(names: Iterable[str], app_ids: Iterable[str | None] = (None,)) -> list[Subject]:
    """Return a subject per event and app; None means all apps, with events that have no app."""
    return [_subject(name, app_id) for app_id in app_ids for name in names]


def _subject(name: str, app_id: str | None) -> Subject:
    qualified, params = qualify(name, app_id=app_id)
    return Subject(qualified, (name, app_id, None), _DATA_SERIES, {"event": name, **params})


EVENTS: Final = Series(
    name="events",
    noun="event",
    plural="events",
    keys=("event_name", "app_id", "segment_id"),
    endpoint=_DATA_SERIES,
    listing=Listing(Endpoint("/events/list", records="events"), id_key=None),
    main_figures=("count",),
    lookback_days=30,
    load_decoder=load_flat_decoder,
    may_start_late=True,
    make_subject=lambda name: _subject(name, None),
    tables=(
        Table(
            name="event_days",
            source="figures",
            sort_by=("day", "event_name", "app_id", "segment_id"),
            columns=(
                *columns("string", "event_name", "app_id", "segment_id"),
                Column("day", "date"),
                Column("count", "int64"),
                Column("other", "string"),
            ),
        ),
        Table(name="events", source="list", sort_by=("event_name",), columns=columns("string", "event_name")),
    ),
)
