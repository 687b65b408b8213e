"""The message channels of campaigns, canvases and sends: which stats each has.

Source: Braze docs, Export campaign analytics (seen 2026-09). Any stat may be missing or null.
"""

from __future__ import annotations

from typing import Final

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
"""The stats of each known channel."""

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
"""All stats of :data:`CHANNEL_STATS`, each once.

Stats that live integrations use but Braze does not document (``machine_open``) have no column: they are in ``other``.
"""

ROW_FIELDS: Final = ("variation_api_id", "variation_name", "enrolled", *STATS, *ROW_FIGURES)
"""The keys of a channel's row that have a column of their own."""

TEXT_FIELDS: Final = frozenset({"variation_api_id", "variation_name"})
"""Those that hold text; ``revenue`` is a double, all others are whole numbers."""

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
