"""The campaigns of the made-up workspace: pure functions of the seed and the campaign's number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final, Literal

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox.figures import created_at, digest, made_up_id

Rhythm = Literal["daily", "weekdays", "weekly", "sporadic", "never"]
Shape = Literal["flat", "rich", "plain"]
"""Shape of rows: ``flat`` has a variation id, ``rich`` also names, revenue and conversions, ``plain`` neither."""
Control = Literal["none", "absent", "null"]
"""Whether a control row exists, and whether its stats are absent or null."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What campaigns of one kind have in common. The twenty kinds repeat.

    :param channels: channels of its messages, by their keys in the data series.
    :param shape: shape of their rows.
    :param variants: rows per channel, without the control.
    :param control: kind of its control row, in channels that can have one here.
    :param events: number of conversion events, 0 to 4.
    :param window_days: conversion window in days.
    :param rhythm: days on which it sends.
    :param extra: additional keys of its rows: of push stories, or an undocumented stat.
    :param tags: tags in the list of campaigns; may contain nulls.
    """

    title: str
    channels: tuple[str, ...]
    shape: Shape = "flat"
    variants: int = 1
    control: Control = "none"
    events: int = 1
    window_days: int = 3
    rhythm: Rhythm = "daily"
    extra: Literal["", "push_story", "machine_open"] = ""
    is_api: bool = False
    is_archived: bool = False
    tags: tuple[str | None, ...] = ()

    def has_control(self, channel: str) -> bool:
        """Whether a channel has a control row."""
        return self.control != "none" and channel in _CONTROLLED


_CONTROLLED: Final = ("whats_app", "trigger_in_app_message", "email", "content_cards")
_SEED_PAGE: Final = ("ios_push", "android_push", "webhook", "email", "sms", "whats_app", "content_cards")
BLUEPRINTS: Final = (
    Blueprint("Newsletter", ("email",), variants=2, window_days=7, tags=("newsletter",)),
    Blueprint("Abandoned basket push", ("ios_push", "android_push"), window_days=1, tags=("lifecycle", "push")),
    Blueprint("Summer sale, all channels", _SEED_PAGE, "rich", 1, "absent", 4, 30, extra="push_story", tags=("sale",)),
    Blueprint("Welcome pop-up A/B", ("trigger_in_app_message",), "rich", 2, "absent", 2, 7, tags=("test", None)),
    Blueprint("Delivery notice SMS", ("sms",), events=0, rhythm="sporadic"),
    Blueprint("WhatsApp concierge", ("whats_app",), "rich", 1, "null", 3, 30, "weekdays"),
    Blueprint("Stock webhook", ("webhook",), events=0, is_api=True),
    Blueprint("Spring cards 2022", ("content_cards",), is_archived=True, tags=("archive",)),
    Blueprint("Rate the app", ("in_app_message",), "plain", window_days=1, tags=()),
    Blueprint("Price alert", ("web_push", "kindle_push"), variants=2, events=2, rhythm="weekly"),
    Blueprint("LINE coupon", ("line", "email"), window_days=7, tags=("coupon", "日本")),
    Blueprint("Digest", ("email",), events=2, window_days=30, extra="machine_open"),
    Blueprint("Launch day", (*_SEED_PAGE, "web_push", "trigger_in_app_message"), events=4, window_days=30),
    Blueprint("Push story", ("ios_push", "android_push"), "rich", 2, events=1, window_days=7, extra="push_story"),
    Blueprint("Old devices", ("apple_push", "windows_phone8_push", "windows_universal_push"), "plain", events=0),
    Blueprint("Win-back with control", ("email", "web_push"), "rich", 2, "null", 1, 30, "weekdays", tags=(None,)),
    Blueprint("Order receipt", ("email", "sms"), events=0, is_api=True, tags=("transactional",)),
    Blueprint("Retired push", ("android_push",), is_archived=True, window_days=1, tags=("archive", None)),
    Blueprint("Loyalty cards", ("content_cards", "in_app_message"), "rich", 2, "absent", 4, 7, "sporadic"),
    Blueprint("Draft, never sent", (), events=0, rhythm="never", tags=("draft",)),
)
_FIRST_CREATED: Final = datetime(2022, 1, 3, 9, tzinfo=timezone.utc)
_ARCHIVED_AFTER: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign of the workspace.

    :param number: its place in the workspace, from 0.
    :param base: recipients on an average day.
    :param weekday: day on which a weekly campaign sends; 0 is Monday.
    """

    id: str
    number: int
    name: str
    blueprint: Blueprint
    created: datetime
    edited: datetime
    base: int
    weekday: int

    @property
    def last_day(self) -> date:
        """The last day on which it may send."""
        return (self.created + _ARCHIVED_AFTER).date() if self.blueprint.is_archived else date.max


@lru_cache(maxsize=8)
def all_campaigns(seed: int, count: int) -> Mapping[str, Campaign]:
    """Return the campaigns of a workspace by id, oldest first."""
    return {campaign.id: campaign for campaign in (_campaign(seed, number) for number in range(count))}


def _campaign(seed: int, number: int) -> Campaign:
    blueprint = BLUEPRINTS[number % len(BLUEPRINTS)]
    noise = digest(seed, "campaign", number)
    created = created_at(_FIRST_CREATED, number)
    return Campaign(
        id=made_up_id(seed, "campaign", number),
        number=number,
        name=f"{blueprint.title} #{number}",
        blueprint=blueprint,
        created=created,
        edited=created + timedelta(hours=noise[0] * 16 + 1),
        base=2_000 + int.from_bytes(noise[1:3], "big") % 58_000,
        weekday=noise[3] % 7,
    )


def list_entry(campaign: Campaign) -> JsonObject:
    """Return a campaign as in ``/campaigns/list``."""
    return {
        "id": campaign.id,
        "last_edited": campaign.edited.isoformat(),
        "name": campaign.name,
        "is_api_campaign": campaign.blueprint.is_api,
        "tags": list(campaign.blueprint.tags),
    }


def details(seed: int, campaign: Campaign, now: datetime) -> JsonObject:
    """Return a campaign as in ``/campaigns/details``, without the ``message`` of the envelope."""
    blueprint = campaign.blueprint
    was_sent = blueprint.rhythm != "never"
    last_sent = min(now.date(), campaign.last_day)
    return {
        "created_at": campaign.created.isoformat(),
        "updated_at": campaign.edited.isoformat(),
        "name": campaign.name,
        "description": f"Made up by the sandbox: {blueprint.title}",
        "archived": blueprint.is_archived,
        "draft": not was_sent,
        "enabled": was_sent and not blueprint.is_archived,
        "has_post_launch_draft": False,
        "schedule_type": "api_triggered" if blueprint.is_api else "time_based",
        "channels": sorted({_DETAIL_WORDS.get(channel, channel) for channel in blueprint.channels}),
        "first_sent": campaign.created.isoformat() if was_sent else None,
        "last_sent": f"{last_sent.isoformat()}T00:00:00+00:00" if was_sent else None,
        "tags": list(blueprint.tags),
        "teams": [],
        "messages": _messages(seed, campaign),
        "conversion_behaviors": [
            {"type": kind, "window": blueprint.window_days * 86_400} for kind in _BEHAVIORS[: blueprint.events]
        ],
    }


def _messages(seed: int, campaign: Campaign) -> JsonObject:
    messages: JsonObject = {}
    for channel in campaign.blueprint.channels:
        word = _DETAIL_WORDS.get(channel, channel)
        for variant in range(campaign.blueprint.variants):
            name = f"{channel} {variant}"
            messages[made_up_id(seed, campaign.number, channel, variant)] = {"channel": word, "name": name}
        if campaign.blueprint.has_control(channel):
            messages[made_up_id(seed, campaign.number, channel, "control")] = {"channel": word, "type": "control"}
    return messages


_DETAIL_WORDS: Final = {
    # Details and data series have different names for some channels.
    "content_cards": "content_card",
    "in_app_message": "in-app_message",
    "trigger_in_app_message": "in-app_message",
}
_BEHAVIORS: Final = ("Makes Any Purchase", "Starts Session", "Opens Email", "Upgrades App")
