"""The channels of campaigns and canvases, and the stats of each with its share of the recipients.

Names are from Braze docs, Export campaign analytics (seen 2026-09), and its older pages. ``line`` and ``machine_open``
represent channels and stats that Braze does not document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox.figures import Paces

AT_ONCE: Final = 0
"""Final when the day is over."""
ENGAGED: Final = 1
"""Most of it on the day, the rest until the conversion window closes."""
CONVERTED: Final = 2
"""Less than half of it on the day, the rest until the conversion window closes."""


class Stat(NamedTuple):
    """One figure of a row: its key, its share of the recipients, and its pace."""

    name: str
    share: float
    pace: int


_PUSH: Final = (
    Stat("sent", 1.0, AT_ONCE),
    Stat("direct_opens", 0.05, ENGAGED),
    Stat("total_opens", 0.09, ENGAGED),
    Stat("bounces", 0.012, AT_ONCE),
    Stat("body_clicks", 0.03, ENGAGED),
)
_IN_APP: Final = (
    Stat("impressions", 0.8, ENGAGED),
    Stat("clicks", 0.12, ENGAGED),
    Stat("first_button_clicks", 0.07, ENGAGED),
    Stat("second_button_clicks", 0.04, ENGAGED),
)
STATS: Final[Mapping[str, tuple[Stat, ...]]] = {
    "ios_push": _PUSH,
    "android_push": _PUSH,
    "kindle_push": _PUSH,
    "web_push": _PUSH,
    "apple_push": _PUSH,
    "windows_phone8_push": _PUSH,
    "windows_universal_push": _PUSH,
    "email": (
        Stat("sent", 1.0, AT_ONCE),
        Stat("opens", 0.45, ENGAGED),
        Stat("unique_opens", 0.3, ENGAGED),
        Stat("clicks", 0.08, ENGAGED),
        Stat("unique_clicks", 0.05, ENGAGED),
        Stat("unsubscribes", 0.002, ENGAGED),
        Stat("bounces", 0.015, AT_ONCE),
        Stat("delivered", 0.985, AT_ONCE),
        Stat("reported_spam", 0.0005, ENGAGED),
    ),
    "sms": (
        Stat("sent", 1.0, AT_ONCE),
        Stat("sent_to_carrier", 0.99, AT_ONCE),
        Stat("delivered", 0.96, AT_ONCE),
        Stat("rejected", 0.01, AT_ONCE),
        Stat("delivery_failed", 0.02, AT_ONCE),
        Stat("clicks", 0.06, ENGAGED),
        Stat("opt_out", 0.003, ENGAGED),
        Stat("help", 0.001, ENGAGED),
    ),
    "whats_app": (
        Stat("sent", 1.0, AT_ONCE),
        Stat("delivered", 0.97, AT_ONCE),
        Stat("failed", 0.03, AT_ONCE),
        Stat("read", 0.6, ENGAGED),
    ),
    "webhook": (Stat("sent", 1.0, AT_ONCE), Stat("errors", 0.004, AT_ONCE)),
    "content_cards": (
        Stat("sent", 1.0, AT_ONCE),
        Stat("total_impressions", 0.7, ENGAGED),
        Stat("unique_impressions", 0.4, ENGAGED),
        Stat("total_clicks", 0.09, ENGAGED),
        Stat("unique_clicks", 0.06, ENGAGED),
        Stat("total_dismissals", 0.05, ENGAGED),
        Stat("unique_dismissals", 0.04, ENGAGED),
    ),
    "in_app_message": _IN_APP,
    "trigger_in_app_message": _IN_APP,
    "line": (Stat("sent", 1.0, AT_ONCE), Stat("delivered", 0.95, AT_ONCE), Stat("clicks", 0.1, ENGAGED)),
}
MACHINE_OPEN: Final = Stat("machine_open", 0.2, ENGAGED)
RECIPIENTS: Final = Stat("unique_recipients", 0.97, AT_ONCE)
ENROLLED: Final = Stat("enrolled", 1.0, AT_ONCE)
PUSH_STORY: Final = (
    Stat("carousel_slide_1_Découvrir l'été_click", 0.011, ENGAGED),
    Stat("carousel_slide_2_Sale_50%_off_click", 0.009, ENGAGED),
    Stat("notif_button_1_지금 구매_click", 0.014, ENGAGED),
    Stat("notif_button_2_Später_erinnern_click", 0.006, ENGAGED),
)
"""Dynamic keys, ``carousel_slide_[NUM]_[TITLE]_click`` and ``notif_button_[NUM]_[TITLE]_click``; the title is free."""


def stat_figures(stats: Iterable[Stat], volume: int, arrived: Paces) -> JsonObject:
    """Return the figures of a row by their keys.

    :param volume: final recipients or entries.
    """
    return {name: int(int(volume * share) * arrived[pace]) for name, share, pace in stats}


def conversion_stats(events: int) -> tuple[Stat, ...]:
    """Return the conversion stats of a campaign with 0 to 4 conversion events."""
    numbers = ["", "1", "2", "3"][:events]
    by_day = [Stat(f"conversions{each}", 0.02 / (i + 1), ENGAGED) for i, each in enumerate(numbers)]
    by_send = [Stat(f"conversions{each}_by_send_time", 0.022 / (i + 1), CONVERTED) for i, each in enumerate(numbers)]
    return (*by_day, *by_send)
