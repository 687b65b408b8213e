"""KPIs and sessions: one tidy table of metric, app, segment, day and value.

Sources: Braze docs, Export daily active users, monthly active users, new users, uninstalls, and app sessions by time
(seen 2026-11). MAU is computed once a day at 12:05 UTC and never changes afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time
from typing import Final

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.series import Column, Series, Subject, Table, columns, qualify
from airflow_provider_braze.series.decoders import load_flat_decoder

ENDPOINTS: Final = {
    "dau": Endpoint("/kpi/dau/data_series"),
    "mau": Endpoint("/kpi/mau/data_series"),
    "new_users": Endpoint("/kpi/new_users/data_series"),
    "uninstalls": Endpoint("/kpi/uninstalls/data_series"),
    "sessions": Endpoint("/sessions/data_series"),
}
"""The endpoint of each metric; the key of its figure is the metric's name."""

METRICS: Final = tuple(ENDPOINTS)

MAU_COMPUTED_BY: Final = time(12, 30)
"""Braze computes MAU at 12:05 UTC of the next day (inferred: the page names the time alone); with 25 minutes margin."""


def kpi_subjects(
    metrics: Iterable[str], app_ids: Iterable[str | None], segment_ids: Iterable[str] = ()
) -> list[Subject]:
    """Return a subject per metric and app, and one per app and segment for sessions.

    :param app_ids: None means all apps together, which Braze counts itself: apps must not be summed.
    """
    found = []
    for metric in metrics:
        segments = [None, *segment_ids] if metric == "sessions" else [None]
        for app_id in app_ids:
            found += [_subject(metric, app_id, segment_id) for segment_id in segments]
    return found


def _subject(metric: str, app_id: str | None, segment_id: str | None) -> Subject:
    name, params = qualify(metric, app_id=app_id, segment_id=segment_id)
    return Subject(
        name,
        (metric, app_id, segment_id),
        ENDPOINTS[metric],
        params,
        figure=metric,
        is_total=not params,
        computed_by=MAU_COMPUTED_BY if metric == "mau" else None,
    )


KPIS: Final = Series(
    name="kpis",
    noun="metric",
    plural="metrics",
    keys=("metric", "app_id", "segment_id"),
    other_endpoints=tuple(ENDPOINTS.values()),
    main_figures=("value",),
    lookback_days=30,
    load_decoder=load_flat_decoder,
    make_subject=lambda metric: _subject(metric, None, None),
    tables=(
        Table(
            name="kpi_days",
            source="figures",
            sort_by=("day", "metric", "app_id", "segment_id"),
            columns=(
                *columns("string", "metric", "app_id", "segment_id"),
                Column("day", "date"),
                Column("value", "int64"),
                Column("other", "string"),
            ),
        ),
    ),
)
