"""The message channels of campaigns, canvases and sends: which stats each has.

Source: Braze docs, Export campaign analytics (seen 2026-09). Any stat may be missing or null.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Final

from airflow_provider_braze.core.series import Column, Scalar

FIELD_TYPES: Final[Mapping[str, Scalar]] = {
    **dict.fromkeys(("variation_api_id", "variation_name", "name", "variant_name", "step_name"), "string"),
    "revenue": "double",
}
"""The type of each figure and name of a day or a row that is not a whole number."""


def field_type(name: str) -> Scalar:
    """Return the type of a figure or a name, which is that of its column."""
    return FIELD_TYPES.get(name, "int64")


def field_columns(*names: str) -> tuple[Column, ...]:
    """Return the columns of figures and names."""
    return tuple(Column(name, field_type(name)) for name in names)


DAY_FIGURES: Final = (
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
"""What a campaign's day may carry."""

ROW_FIGURES: Final = DAY_FIGURES
"""What a row of any channel may carry besides the channel's stats."""

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

_FIRST_STATS: Final[Mapping[str, tuple[str, ...]]] = {
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
"""The stats that have had a column from the first version on, by channel."""

ADDED_STATS: Final[Mapping[str, tuple[str, ...]]] = {}
"""The channels of each stat that later versions added, oldest first; a channel may be new too.

Their columns are the last ones of each table of messages. An entry here is all that a new stat needs.
"""

CHANNEL_STATS: Final[Mapping[str, tuple[str, ...]]] = {
    channel: (*_FIRST_STATS.get(channel, ()), *(stat for stat, channels in ADDED_STATS.items() if channel in channels))
    for channel in dict.fromkeys((*_FIRST_STATS, *chain.from_iterable(ADDED_STATS.values())))
}
"""The stats of each known channel."""

STATS: Final = tuple(dict.fromkeys((*chain.from_iterable(_FIRST_STATS.values()), *ADDED_STATS)))
"""All stats of :data:`CHANNEL_STATS`, each once.

Stats that live integrations use but Braze does not document (``machine_open``) have no column: they are in ``other``.
"""

ROW_FIELDS: Final = ("variation_api_id", "variation_name", "enrolled", *STATS, *ROW_FIGURES)
"""The keys of a channel's row that have a column of their own."""

CANVAS_FIGURES: Final = (
    "revenue",
    "conversions",
    "conversions1",
    "conversions2",
    "conversions3",
    "conversions_by_entry_time",
    "conversions1_by_entry_time",
    "conversions2_by_entry_time",
    "conversions3_by_entry_time",
)
"""What a canvas, a variant and a step may carry for a day; higher conversions are inferred from the summary's page.

Source: Braze docs, Export canvas data series analytics (seen 2026-11).
"""

CANVAS_ROW_FIELDS: Final = ("variation_api_id", "variation_name", "enrolled", *STATS, "influenced_opens")
"""The keys of a row of a step's channel that have a column of their own."""
