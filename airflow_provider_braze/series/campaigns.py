"""Campaigns: ``/campaigns/data_series``, one row per campaign and day, and one per channel and message variation.

Sources: Braze docs, Export campaign analytics, Export campaigns list, Export campaign details (seen 2026-09).
"""

from __future__ import annotations

from typing import Final

from airflow_provider_braze.core.channels import ADDED_STATS, field_columns
from airflow_provider_braze.core.endpoints import CAMPAIGNS_DATA_SERIES, CAMPAIGNS_DETAILS, CAMPAIGNS_LIST
from airflow_provider_braze.core.series import (
    Column,
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
from airflow_provider_braze.series.decoders import load_message_decoder

_KEY_AND_DAY: Final = (Column("campaign_id", "string"), Column("day", "date"))
_OTHER: Final = Column("other", "string")
_FIGURES: Final = field_columns(
    *("unique_recipients", "revenue", "conversions", "conversions1", "conversions2", "conversions3"),
    *("conversions_by_send_time", "conversions1_by_send_time"),
    *("conversions2_by_send_time", "conversions3_by_send_time"),
)
"""What days and rows of messages have had from the first version on. Another figure goes to the end of each table."""

MESSAGE_STATS: Final = (
    Column("position", "int32"),
    Column("enrolled", "int64"),
    *columns("int64", "sent", "delivered", "undelivered", "delivery_failed", "bounces"),
    *columns("int64", "direct_opens", "total_opens", "body_clicks"),
    *columns("int64", "opens", "unique_opens", "clicks", "unique_clicks", "unsubscribes", "reported_spam"),
    *columns("int64", "sent_to_carrier", "rejected", "opt_out", "help", "failed", "read", "errors"),
    *columns("int64", "total_impressions", "unique_impressions", "total_clicks"),
    *columns("int64", "total_dismissals", "unique_dismissals"),
    *columns("int64", "impressions", "first_button_clicks", "second_button_clicks"),
)
"""What rows of messages have had from the first version on."""

ADDED_COLUMNS: Final = field_columns(*ADDED_STATS)
"""The stats that later versions added. They are the last columns of a table of messages."""

_MESSAGE: Final = Struct((*columns("string", "variation_api_id", "channel", "name", "type"), _OTHER))
_CONVERSION_BEHAVIOR: Final = Struct(
    (
        *columns("string", "figure", "type"),
        Column("window_seconds", "int64"),
        *columns("string", "custom_event_name", "product"),
        Column("app_ids", ListOf("string")),
        _OTHER,
    )
)

CAMPAIGN_DAYS: Final = Table(
    name="campaign_days",
    source="figures",
    sort_by=("day", "campaign_id"),
    columns=(
        *_KEY_AND_DAY,
        *_FIGURES,
        _OTHER,
    ),
)
CAMPAIGN_MESSAGES: Final = Table(
    name="campaign_messages",
    source="figures",
    sort_by=("day", "campaign_id", "channel", "variation_api_id", "variation_name", "position"),
    spool_bytes=250,
    columns=(
        *_KEY_AND_DAY,
        *columns("string", "channel", "variation_api_id", "variation_name"),
        *MESSAGE_STATS,
        *_FIGURES,
        _OTHER,
        *ADDED_COLUMNS,
    ),
)
CAMPAIGN_RAW: Final = Table(
    name="campaign_raw",
    source="payload",
    sort_by=("day", "campaign_id"),
    is_default=False,
    spool_bytes=600,
    columns=(*_KEY_AND_DAY, Column("payload", "string")),
)
CAMPAIGNS_TABLE: Final = Table(
    name="campaigns",
    source="list",
    sort_by=("campaign_id",),
    columns=(
        *columns("string", "campaign_id", "name"),
        Column("is_api_campaign", "bool"),
        Column("last_edited", "timestamp"),
        Column("tags", ListOf("string", element_name="item")),
    ),
)
CAMPAIGN_DETAILS: Final = Table(
    name="campaign_details",
    source="details",
    sort_by=("campaign_id",),
    is_default=False,
    # Assumed: details hold the contents of the campaign's messages.
    spool_bytes=10_000,
    columns=(
        *columns("string", "campaign_id", "name", "description", "schedule_type"),
        *columns(ListOf("string"), "channels", "tags", "teams"),
        *columns("bool", "archived", "draft", "enabled", "has_post_launch_draft"),
        *columns("timestamp", "created_at", "updated_at", "first_sent", "last_sent"),
        Column("messages", ListOf(_MESSAGE)),
        Column("conversion_behaviors", ListOf(_CONVERSION_BEHAVIOR)),
        _OTHER,
    ),
)


def _decode_details(body: bytes, subject: Subject) -> SubjectDetails:
    """Decode a response of ``/campaigns/details``.

    ``figure`` names the column that counts a behaviour: the lists of some readers begin at 0, those of others at 1.
    """
    from airflow_provider_braze.tables.details import DetailsRow, decode_object, split_list, structs_by_id
    from airflow_provider_braze.tables.records import converters_of, join_other, split_record

    record = decode_object(body, CAMPAIGN_DETAILS)
    messages = structs_by_id(record.pop("messages", None), _MESSAGE.fields, "$.messages")
    split = split_list(record.pop("conversion_behaviors", None), _SENT_BEHAVIOR, "$.conversion_behaviors")
    behaviors = (
        None
        if split is None
        else [
            {
                "figure": f"conversions{place or ''}",
                "window_seconds": cells.pop("window"),
                **cells,
                "other": join_other(rest),
            }
            for place, (cells, rest) in enumerate(split)
        ]
    )
    cells, rest = split_record(record, converters_of(plain_columns(CAMPAIGN_DETAILS.columns)))
    windows = [each["window_seconds"] for each in behaviors or ()]
    return DetailsRow(
        {
            **cells,
            "messages": messages,
            "conversion_behaviors": behaviors,
            "campaign_id": subject.name,
            "other": join_other(rest),
        },
        (
            *(f"details.{key}" for key in rest),
            *(f"details.conversion_behaviors.{key}" for _, left in split or () for key in left),
        ),
        max((window for window in windows if window is not None and window >= 0), default=None),
    )


_SENT_BEHAVIOR: Final = (
    Column("window", "int64"),
    *(each for each in plain_columns(_CONVERSION_BEHAVIOR.fields) if each.name != "window_seconds"),
)


CAMPAIGNS: Final = Series(
    name="campaigns",
    noun="campaign",
    plural="campaigns",
    keys=("campaign_id",),
    endpoint=CAMPAIGNS_DATA_SERIES,
    listing=Listing(CAMPAIGNS_LIST, has_archived=True),
    details=Details(CAMPAIGNS_DETAILS, _decode_details, has_conversion_windows=True),
    tables=(CAMPAIGN_DAYS, CAMPAIGN_MESSAGES, CAMPAIGN_RAW, CAMPAIGNS_TABLE, CAMPAIGN_DETAILS),
    main_figures=("unique_recipients", "revenue", "conversions", "conversions_by_send_time"),
    lookback_days=30,
    load_decoder=load_message_decoder,
)
