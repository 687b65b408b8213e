"""Campaigns: their figures, as pure functions, and their three endpoints.

A day's figures grow until the campaign's conversion window has closed, and then stay. Sends are final when the day is
over. The day of the as-of time is partial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from random import Random
from typing import Any, Final

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox import params as parse
from airflow_provider_braze.sandbox.campaigns import Campaign, all_campaigns, details, list_entry
from airflow_provider_braze.sandbox.channels import (
    CONVERTED,
    ENROLLED,
    MACHINE_OPEN,
    PUSH_STORY,
    RECIPIENTS,
    STATS,
    Stat,
    conversion_stats,
    stat_figures,
)
from airflow_provider_braze.sandbox.days import day_objects, requested_days
from airflow_provider_braze.sandbox.figures import Paces, busyness, digest, made_up_id, paces
from airflow_provider_braze.sandbox.instants import day_of
from airflow_provider_braze.sandbox.lists import listed
from airflow_provider_braze.sandbox.params import Params, Rejected, Respond
from airflow_provider_braze.sandbox.settings import SandboxSettings


@dataclass(frozen=True, slots=True)
class _RowPlan:
    """What the rows of one variation have in common, day by day.

    :param fixed: keys that never change, including nulls of a control row.
    :param price_cents: revenue of a conversion, or None when the row has no revenue.
    """

    channel: str
    fixed: Mapping[str, Any]
    stats: tuple[Stat, ...]
    price_cents: int | None
    weight: float


def campaign_ids(settings: SandboxSettings) -> list[str]:
    """Return the ids of all campaigns, archived ones included, oldest first."""
    return list(all_campaigns(settings.seed, settings.campaigns))


def campaign_by_id(settings: SandboxSettings, campaign_id: str) -> Campaign | None:
    """Return the campaign with an id, or None when the workspace does not have it."""
    return all_campaigns(settings.seed, settings.campaigns).get(campaign_id)


def campaign_entry(settings: SandboxSettings, number: int) -> JsonObject:
    """Return a campaign as in ``/campaigns/list``, by its place from 0, oldest first."""
    return list_entry(list(all_campaigns(settings.seed, settings.campaigns).values())[number])


def campaign_details(settings: SandboxSettings, campaign_id: str) -> JsonObject:
    """Return a campaign as in ``/campaigns/details``, without the ``message`` of the envelope.

    :raises KeyError: no such campaign.
    """
    return details(settings.seed, all_campaigns(settings.seed, settings.campaigns)[campaign_id], settings.now())


def is_active(settings: SandboxSettings, campaign_id: str, day: date) -> bool:
    """Return whether a campaign has activity on a day of the company's zone.

    :raises KeyError: no such campaign.
    """
    campaign = all_campaigns(settings.seed, settings.campaigns)[campaign_id]
    return _is_active(settings, campaign, day, digest(settings.seed, campaign.number, day))


def day_object(settings: SandboxSettings, campaign_id: str, day: date, as_of: datetime | None = None) -> JsonObject:
    """Return a campaign's day as Braze returns it at a given time.

    :param as_of: aware time of the request; default the settings' clock.
    :return: the day object of ``/campaigns/data_series``, with its rows in stable order.
    :raises KeyError: no such campaign.
    """
    campaign = all_campaigns(settings.seed, settings.campaigns)[campaign_id]
    noise = digest(settings.seed, campaign.number, day)
    volume = _volume(settings, campaign, day, noise)
    return _day(settings, campaign, day, volume, noise, as_of or settings.now())


def send_shaped_day(
    settings: SandboxSettings, campaign: Campaign, day: date, noise: bytes, share: float, as_of: datetime
) -> JsonObject:
    """Return a day of one send of a campaign, in the shape of the campaign's days.

    :param share: the send's share of an average day of the campaign.
    """
    return _day(settings, campaign, day, int(campaign.base * share), noise, as_of)


def _day(
    settings: SandboxSettings, campaign: Campaign, day: date, volume: int, noise: bytes, as_of: datetime
) -> JsonObject:
    arrived = paces(day, settings.timezone, as_of, campaign.blueprint.window_days)
    totals = _day_totals(campaign, volume, noise, arrived)
    messages = {"messages": _messages(_row_plans(settings.seed, campaign), volume, noise, arrived)}
    head = {"time": day.isoformat()}
    return {**head, **messages, **totals} if campaign.blueprint.shape == "rich" else {**head, **totals, **messages}


def _is_active(settings: SandboxSettings, campaign: Campaign, day: date, noise: bytes) -> bool:
    if not day_of(campaign.created, settings.timezone) <= day <= campaign.last_day:
        return False
    rhythm = campaign.blueprint.rhythm
    if rhythm == "weekdays":
        return day.weekday() < 5
    if rhythm == "weekly":
        return day.weekday() == campaign.weekday
    if rhythm == "sporadic":
        return noise[63] < 96
    return rhythm == "daily"


def _volume(settings: SandboxSettings, campaign: Campaign, day: date, noise: bytes) -> int:
    if not _is_active(settings, campaign, day, noise):
        return 0
    return int(campaign.base * busyness(day, noise[62] / 255))


def _revenue(volume: int, price_cents: int, arrived: Paces) -> float:
    return int(int(volume * 0.02) * price_cents * arrived[CONVERTED]) / 100


def _day_totals(campaign: Campaign, volume: int, noise: bytes, arrived: Paces) -> JsonObject:
    events = campaign.blueprint.events
    totals: JsonObject = stat_figures((RECIPIENTS, *conversion_stats(events)), volume, arrived)
    if events:
        # Whole dollars on some days: Braze may write an integral number without a fraction (inferred).
        revenue = _revenue(volume, 500 + noise[61] * 16, arrived)
        totals["revenue"] = int(revenue) if campaign.number % 4 == 1 else revenue
    return totals


def _messages(plans: Sequence[_RowPlan], volume: int, noise: bytes, arrived: Paces) -> dict[str, list[JsonObject]]:
    messages: dict[str, list[JsonObject]] = {}
    for place, plan in enumerate(plans):
        part = int(volume * plan.weight * (0.75 + noise[place % 60] / 510))
        row = {**plan.fixed, **stat_figures(plan.stats, part, arrived)}
        if plan.price_cents is not None:
            row["revenue"] = _revenue(part, plan.price_cents, arrived)
        messages.setdefault(plan.channel, []).append(row)
    return messages


@lru_cache(maxsize=4_096)
def _row_plans(seed: int, campaign: Campaign) -> tuple[_RowPlan, ...]:
    blueprint = campaign.blueprint
    plans = []
    for channel in blueprint.channels:
        variants = [_variant(seed, campaign, channel, number) for number in range(blueprint.variants)]
        plans += [*variants, *([_control(seed, campaign, channel)] if blueprint.has_control(channel) else [])]
    return tuple(plans)


def _variant(seed: int, campaign: Campaign, channel: str, number: int) -> _RowPlan:
    blueprint = campaign.blueprint
    extra = {"push_story": PUSH_STORY, "machine_open": (MACHINE_OPEN,), "": ()}[blueprint.extra]
    stats = STATS[channel] + (extra if channel in _EXTRA_CHANNELS else ())
    weight = 1 / (len(blueprint.channels) * blueprint.variants)
    if blueprint.shape != "rich":
        fixed = _identity(seed, campaign, channel, number) if blueprint.shape == "flat" else {}
        return _RowPlan(channel, fixed, stats, None, weight)
    fixed = {"variation_name": f"{channel.title()} {'ABCD'[number]}", **_identity(seed, campaign, channel, number)}
    return _RowPlan(channel, fixed, (*stats, *_shared(campaign)), 1_000 + 250 * number, weight)


def _control(seed: int, campaign: Campaign, channel: str) -> _RowPlan:
    blank = dict.fromkeys((stat.name for stat in STATS[channel]) if campaign.blueprint.control == "null" else ())
    fixed = {"variation_name": "Control Group", **_identity(seed, campaign, channel, "control"), **blank}
    return _RowPlan(channel, fixed, (ENROLLED, *_shared(campaign)), 900, 0.1 / len(campaign.blueprint.channels))


def _identity(seed: int, campaign: Campaign, channel: str, variant: object) -> dict[str, str]:
    # The multivariate sample of the documentation has no variation ids.
    if channel == "trigger_in_app_message":
        return {}
    return {"variation_api_id": made_up_id(seed, campaign.number, channel, variant)}


def _shared(campaign: Campaign) -> tuple[Stat, ...]:
    return (RECIPIENTS, *conversion_stats(campaign.blueprint.events))


_EXTRA_CHANNELS: Final = ("ios_push", "email")


def _respond_list(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    campaigns = listed(params, all_campaigns(settings.seed, settings.campaigns).values())
    return {"message": "success", "campaigns": [list_entry(campaign) for campaign in campaigns]}


def _respond_details(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    campaign = _requested(settings, params, details=True)
    return {"message": "success", **details(settings.seed, campaign, settings.now())}


def _respond_series(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    campaign = _requested(settings, params)
    now = settings.now()

    def make_day(day: date) -> JsonObject | None:
        if settings.omit_inactive_days and not is_active(settings, campaign.id, day):
            return None
        return day_object(settings, campaign.id, day, now)

    data = day_objects(settings, campaign.id, requested_days(settings, params), make_day, dice)
    # The multivariate sample of the documentation has no "message".
    is_multivariate = campaign.blueprint.channels == ("trigger_in_app_message",)
    return {"data": data} if is_multivariate else {"message": "success", "data": data}


def _requested(settings: SandboxSettings, params: Params, *, details: bool = False) -> Campaign:
    campaign_id = params.get("campaign_id", "")
    parse.reject_if_bad(settings, campaign_id, details=details)
    campaign = campaign_by_id(settings, campaign_id)
    if campaign is None:
        raise Rejected(400, parse.NO_CAMPAIGN)
    return campaign


ENDPOINTS: Final[Mapping[str, Respond]] = {
    "/campaigns/list": _respond_list,
    "/campaigns/details": _respond_details,
    "/campaigns/data_series": _respond_series,
}
"""Response by path."""
