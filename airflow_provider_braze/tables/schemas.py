"""Columns, types and sort keys of the tables: fixed, whatever channels a day happened to have.

A new column goes to the end of its table, so that objects that have landed keep their order of columns.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

FIGURES: Final = (
    "unique_recipients",
    "revenue",
    "conversions",
    "conversions1",
    "conversions2",
    "conversions3",
    "conversions_by_send_time",
    "conversions1_by_send_time",
    "conversions2_by_send_time",
    "conversions3_by_send_time",
)
"""What a day and a row of any channel may carry.

Source: Braze docs, Export campaign analytics (seen 2026-09).
"""

_PUSH: Final = (
    "sent",
    "direct_opens",
    "total_opens",
    "bounces",
    "body_clicks",
    # On the page of /sends/data_series and in the vendor's own client.
    "delivered",
    "undelivered",
    "delivery_failed",
)
_IN_APP: Final = ("impressions", "clicks", "first_button_clicks", "second_button_clicks")

CHANNEL_STATS: Final[dict[str, tuple[str, ...]]] = {
    "ios_push": _PUSH,
    "android_push": _PUSH,
    "kindle_push": _PUSH,
    "web_push": _PUSH,
    # Only in older pages' list of types.
    "apple_push": _PUSH,
    "windows_phone8_push": _PUSH,
    "windows_universal_push": _PUSH,
    "email": (
        "sent",
        "delivered",
        "opens",
        "unique_opens",
        "clicks",
        "unique_clicks",
        "unsubscribes",
        "bounces",
        "reported_spam",
    ),
    "sms": (
        "sent",
        "sent_to_carrier",
        "delivered",
        "rejected",
        "delivery_failed",
        "clicks",
        "opt_out",
        "help",
        # Only in older pages.
        "undelivered",
    ),
    "whats_app": ("sent", "delivered", "failed", "read"),
    "webhook": ("sent", "errors"),
    "content_cards": (
        "sent",
        "total_impressions",
        "unique_impressions",
        "total_clicks",
        "unique_clicks",
        "total_dismissals",
        "unique_dismissals",
    ),
    # Named in pages up to 2025; the newest names trigger_in_app_message in its place.
    "in_app_message": _IN_APP,
    "trigger_in_app_message": _IN_APP,
}
"""The stats of each channel that is known; any of them may be missing or null.

Source: Braze docs, Export campaign analytics (seen 2026-09).
"""

STATS: Final = (
    # Push, and most other channels.
    "sent",
    "delivered",
    "undelivered",
    "delivery_failed",
    "bounces",
    # Push only.
    "direct_opens",
    "total_opens",
    "body_clicks",
    # Email; "clicks" also of SMS and in-app messages, "unique_clicks" also of Content Cards.
    "opens",
    "unique_opens",
    "clicks",
    "unique_clicks",
    "unsubscribes",
    "reported_spam",
    # SMS.
    "sent_to_carrier",
    "rejected",
    "opt_out",
    "help",
    # WhatsApp.
    "failed",
    "read",
    # Webhook.
    "errors",
    # Content Cards.
    "total_impressions",
    "unique_impressions",
    "total_clicks",
    "total_dismissals",
    "unique_dismissals",
    # In-app messages.
    "impressions",
    "first_button_clicks",
    "second_button_clicks",
)
"""All stats of :data:`CHANNEL_STATS`, in the order of their columns.

Stats that live integrations use but Braze does not document (``machine_open``) have no column: they are in ``other``.
"""

ROW_FIELDS: Final = ("variation_api_id", "variation_name", "enrolled", *STATS, *FIGURES)
"""The keys of a channel's row that have a column of their own."""

TEXTS: Final = frozenset({"variation_api_id", "variation_name", "other"})
"""The columns of text among those that hold what Braze sent."""


def field_type(name: str) -> pa.DataType:
    """Give the type of a column that holds what Braze sent.

    :param name: one of :data:`FIGURES`, :data:`ROW_FIELDS`, or ``other``.
    """
    if name in TEXTS:
        return pa.string()
    return pa.float64() if name == "revenue" else pa.int64()


def _fields(names: tuple[str, ...]) -> list[pa.Field]:
    return [pa.field(name, field_type(name)) for name in names]


def _texts(*names: str) -> list[pa.Field]:
    return [pa.field(name, pa.string()) for name in names]


def _list_of(kind: pa.DataType) -> pa.DataType:
    # By the name that Parquet has for it, so that rows are equal to those read back from an object.
    return pa.list_(pa.field("element", kind))


_CAMPAIGN_ID: Final = pa.field("campaign_id", pa.string())
_DAY: Final = pa.field("day", pa.date32())
_OTHER: Final = pa.field("other", pa.string())
_MESSAGE: Final = pa.struct([*_texts("variation_api_id", "channel", "name", "type"), _OTHER])
_CONVERSION_BEHAVIOR: Final = pa.struct(
    [
        *_texts("figure", "type"),
        pa.field("window_seconds", pa.int64()),
        *_texts("custom_event_name", "product"),
        pa.field("app_ids", _list_of(pa.string())),
        _OTHER,
    ]
)

SCHEMAS: Final[dict[str, pa.Schema]] = {
    "campaign_days": pa.schema([_CAMPAIGN_ID, _DAY, *_fields(FIGURES), _OTHER]),
    "campaign_messages": pa.schema(
        [
            _CAMPAIGN_ID,
            _DAY,
            pa.field("channel", pa.string()),
            *_fields(ROW_FIELDS[:2]),
            pa.field("position", pa.int32()),
            *_fields(ROW_FIELDS[2:]),
            _OTHER,
        ]
    ),
    "campaign_raw": pa.schema([_CAMPAIGN_ID, _DAY, pa.field("payload", pa.string())]),
    "campaigns": pa.schema(
        [
            _CAMPAIGN_ID,
            pa.field("name", pa.string()),
            pa.field("is_api_campaign", pa.bool_()),
            pa.field("last_edited", pa.timestamp("us", tz="UTC")),
            pa.field("tags", pa.list_(pa.string())),
        ]
    ),
    "campaign_details": pa.schema(
        [
            _CAMPAIGN_ID,
            *_texts("name", "description", "schedule_type"),
            *(pa.field(name, _list_of(pa.string())) for name in ("channels", "tags", "teams")),
            *(pa.field(name, pa.bool_()) for name in ("archived", "draft", "enabled", "has_post_launch_draft")),
            *(
                pa.field(name, pa.timestamp("us", tz="UTC"))
                for name in ("created_at", "updated_at", "first_sent", "last_sent")
            ),
            pa.field("messages", _list_of(_MESSAGE)),
            pa.field("conversion_behaviors", _list_of(_CONVERSION_BEHAVIOR)),
            _OTHER,
        ]
    ),
}
"""The schema of each table."""

SORT_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "campaign_days": ("day", "campaign_id"),
    "campaign_messages": ("day", "campaign_id", "channel", "variation_api_id", "variation_name", "position"),
    "campaign_raw": ("day", "campaign_id"),
    "campaigns": ("campaign_id",),
    "campaign_details": ("campaign_id",),
}
"""By which columns the rows of each table are ordered: ascending, text by code point, null last."""
