"""Canvases: ``/canvas/data_series`` with all breakdowns, as rows of days, variants, steps and step messages.

Deleted steps are always asked for: without them a re-read would remove rows that have landed. Canvas details have no
conversion behaviours, so ``lookback_days="auto"`` does not exist here.

Sources: Braze docs, Export canvas data series analytics, Export canvas list, Export canvas details (seen 2026-11).
"""

from __future__ import annotations

from typing import Final

from airflow_provider_braze.core.channels import field_columns
from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.series import (
    Column,
    Decoder,
    Details,
    Listing,
    ListOf,
    Series,
    Struct,
    Subject,
    SubjectDetails,
    Table,
    columns,
    plain_columns,
)
from airflow_provider_braze.series.campaigns import ADDED_COLUMNS, MESSAGE_STATS

MAX_LENGTH: Final = 14
"""Days per call. One public script reports a limit of 13: should a workspace refuse 14, change this number."""

_KEY_AND_DAY: Final = (Column("canvas_id", "string"), Column("day", "date"))
_OTHER: Final = Column("other", "string")
_FIGURES: Final = field_columns(
    *("revenue", "conversions", "conversions1", "conversions2", "conversions3"),
    *("conversions_by_entry_time", "conversions1_by_entry_time"),
    *("conversions2_by_entry_time", "conversions3_by_entry_time"),
)
"""What totals, variants and steps have had from the first version on. Another figure goes to the end of each table."""

CANVAS_DAYS: Final = Table(
    name="canvas_days",
    source="figures",
    sort_by=("day", "canvas_id"),
    columns=(*_KEY_AND_DAY, Column("entries", "int64"), *_FIGURES, _OTHER),
)
CANVAS_VARIANT_DAYS: Final = Table(
    name="canvas_variant_days",
    source="figures",
    sort_by=("day", "canvas_id", "variant_id"),
    columns=(
        *_KEY_AND_DAY,
        *columns("string", "variant_id", "variant_name"),
        Column("entries", "int64"),
        *_FIGURES,
        _OTHER,
    ),
)
CANVAS_STEP_DAYS: Final = Table(
    name="canvas_step_days",
    source="figures",
    sort_by=("day", "canvas_id", "step_id"),
    columns=(
        *_KEY_AND_DAY,
        *columns("string", "step_id", "step_name"),
        Column("unique_recipients", "int64"),
        *_FIGURES,
        _OTHER,
    ),
)
CANVAS_STEP_MESSAGES: Final = Table(
    name="canvas_step_messages",
    source="figures",
    sort_by=("day", "canvas_id", "step_id", "channel", "variation_api_id", "variation_name", "position"),
    columns=(
        *_KEY_AND_DAY,
        *columns("string", "step_id", "step_name", "channel", "variation_api_id", "variation_name"),
        *MESSAGE_STATS,
        Column("influenced_opens", "int64"),
        _OTHER,
        *ADDED_COLUMNS,
    ),
)
CANVAS_RAW: Final = Table(
    name="canvas_raw",
    source="payload",
    sort_by=("day", "canvas_id"),
    is_default=False,
    spool_bytes=200,
    columns=(*_KEY_AND_DAY, Column("payload", "string")),
)
CANVASES_TABLE: Final = Table(
    name="canvases",
    source="list",
    sort_by=("canvas_id",),
    columns=(
        *columns("string", "canvas_id", "name"),
        Column("last_edited", "timestamp"),
        Column("tags", ListOf("string")),
    ),
)

_VARIANT: Final = Struct((*columns("string", "variant_id", "name"), Column("first_step_ids", ListOf("string")), _OTHER))
_NEXT_PATH: Final = Struct(columns("string", "name", "next_step_id"))
_MESSAGE: Final = Struct((*columns("string", "variation_api_id", "channel", "name"), _OTHER))
_STEP: Final = Struct(
    (
        *columns("string", "step_id", "name", "type"),
        *columns(ListOf("string"), "channels", "next_step_ids"),
        Column("next_paths", ListOf(_NEXT_PATH)),
        Column("messages", ListOf(_MESSAGE)),
        _OTHER,
    )
)
CANVAS_DETAILS: Final = Table(
    name="canvas_details",
    source="details",
    sort_by=("canvas_id",),
    is_default=False,
    # Details hold the contents of all messages: up to 3.4 MB for 40 steps, compressed.
    spool_bytes=100_000,
    columns=(
        *columns("string", "canvas_id", "name", "description", "schedule_type"),
        *columns(ListOf("string"), "channels", "tags", "teams"),
        *columns("bool", "archived", "draft", "enabled", "has_post_launch_draft"),
        *columns("timestamp", "created_at", "updated_at", "first_entry", "last_entry"),
        Column("variants", ListOf(_VARIANT)),
        Column("steps", ListOf(_STEP)),
        _OTHER,
    ),
)
_SENT_VARIANT: Final = (Column("id", "string"), *plain_columns(_VARIANT.fields))
_SENT_STEP: Final = (Column("id", "string"), *plain_columns(_STEP.fields))


def _load_decoder(series: Series) -> Decoder:
    from airflow_provider_braze.tables.canvases import CanvasDecoder

    return CanvasDecoder(series)


def _decode_details(body: bytes, subject: Subject) -> SubjectDetails:
    """Decode a response of ``/canvas/details``."""
    from airflow_provider_braze.tables.details import DetailsRow, decode_object, split_list
    from airflow_provider_braze.tables.records import converters_of, join_other, split_record

    record = decode_object(body, CANVAS_DETAILS)
    variants = split_list(record.pop("variants", None), _SENT_VARIANT, "$.variants")
    steps = record.pop("steps", None)
    cells, rest = split_record(record, converters_of(plain_columns(CANVAS_DETAILS.columns)))
    cells |= {
        "canvas_id": subject.name,
        "variants": None
        if variants is None
        else [{"variant_id": found.pop("id"), **found, "other": join_other(left)} for found, left in variants],
        "steps": _decode_steps(steps),
        "other": join_other(rest),
    }
    return DetailsRow(cells, tuple(f"details.{key}" for key in rest))


def _decode_steps(sent: object) -> list[dict[str, object]] | None:
    from airflow_provider_braze.core.payloads import expect_list, expect_object
    from airflow_provider_braze.tables.details import split_list, structs_by_id
    from airflow_provider_braze.tables.records import converters_of, join_other, split_record

    if sent is None:
        return None
    found = []
    for index, each in enumerate(expect_list(sent, "$.steps")):
        path = f"$.steps[{index}]"
        step = dict(expect_object(each, path))
        messages = structs_by_id(step.pop("messages", None), _MESSAGE.fields, f"{path}.messages")
        paths = split_list(step.pop("next_paths", None), _NEXT_PATH.fields, f"{path}.next_paths")
        cells, rest = split_record(step, converters_of(_SENT_STEP))
        rest |= {"next_paths": unknown} if (unknown := [left for _, left in paths or () if left]) else {}
        next_paths = None if paths is None else [kept for kept, _ in paths]
        nested = {"next_paths": next_paths, "messages": messages, "other": join_other(rest)}
        found.append({"step_id": cells.pop("id"), **cells, **nested})
    return found


CANVASES: Final = Series(
    name="canvases",
    noun="canvas",
    plural="canvases",
    keys=("canvas_id",),
    endpoint=Endpoint("/canvas/data_series"),
    listing=Listing(Endpoint("/canvas/list", records="canvases"), has_archived=True),
    details=Details(Endpoint("/canvas/details", records=""), _decode_details),
    max_length=MAX_LENGTH,
    params={
        "include_variant_breakdown": "true",
        "include_step_breakdown": "true",
        "include_deleted_step_data": "true",
    },
    # A canvas of ten steps has some thirty rows a day.
    weight=10,
    tables=(
        CANVAS_DAYS,
        CANVAS_VARIANT_DAYS,
        CANVAS_STEP_DAYS,
        CANVAS_STEP_MESSAGES,
        CANVAS_RAW,
        CANVASES_TABLE,
        CANVAS_DETAILS,
    ),
    main_figures=("entries", "revenue", "conversions", "conversions_by_entry_time"),
    lookback_days=30,
    load_decoder=_load_decoder,
    may_start_late=True,
    nested_days="stats",
)
