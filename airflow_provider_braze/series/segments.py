"""Segments: ``/segments/data_series``, the estimated size of each tracked segment per day.

Sources: Braze docs, Export segment analytics, Export segments list, Export segment details (seen 2026-11).
"""

from __future__ import annotations

from typing import Final

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.series import (
    Column,
    Details,
    Listing,
    ListOf,
    Series,
    Subject,
    SubjectDetails,
    Table,
    columns,
)
from airflow_provider_braze.series.decoders import load_flat_decoder

SEGMENT_DETAILS: Final = Table(
    name="segment_details",
    source="details",
    sort_by=("segment_id",),
    is_default=False,
    spool_bytes=1_000,
    columns=(
        *columns("string", "segment_id", "name", "description", "text_description"),
        *columns(ListOf("string"), "tags", "teams"),
        *columns("timestamp", "created_at", "updated_at"),
        Column("other", "string"),
    ),
)


def _decode_details(body: bytes, subject: Subject) -> SubjectDetails:
    from airflow_provider_braze.tables.details import plain_details

    return plain_details(SEGMENT_DETAILS, body, subject)


SEGMENTS: Final = Series(
    name="segments",
    noun="segment",
    plural="segments",
    keys=("segment_id",),
    endpoint=Endpoint("/segments/data_series"),
    # An untracked segment has no series; at most 25 of a workspace are tracked.
    listing=Listing(Endpoint("/segments/list", records="segments"), required_flag="analytics_tracking_enabled"),
    details=Details(Endpoint("/segments/details", records=""), _decode_details),
    main_figures=("size",),
    lookback_days=30,
    load_decoder=load_flat_decoder,
    may_start_late=True,
    tables=(
        Table(
            name="segment_days",
            source="figures",
            sort_by=("day", "segment_id"),
            columns=(
                Column("segment_id", "string"),
                Column("day", "date"),
                Column("size", "int64"),
                Column("other", "string"),
            ),
        ),
        Table(
            name="segments",
            source="list",
            sort_by=("segment_id",),
            columns=(
                *columns("string", "segment_id", "name"),
                Column("analytics_tracking_enabled", "bool"),
                Column("tags", ListOf("string")),
            ),
        ),
        SEGMENT_DETAILS,
    ),
)
