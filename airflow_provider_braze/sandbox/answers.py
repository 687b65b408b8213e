"""What the three endpoints answer: pure functions of the settings, the parameters and the dice."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from random import Random
from typing import Final

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox.campaigns import Campaign, all_campaigns, details, list_entry
from airflow_provider_braze.sandbox.data import campaign_by_id, day_object, is_active
from airflow_provider_braze.sandbox.instants import day_of, last_day, parse_instant
from airflow_provider_braze.sandbox.settings import SandboxSettings

PAGE_SIZE: Final = 100
"""Campaigns a page of ``/campaigns/list``. Source: Braze docs, Export campaigns list (seen 2026-09)."""

MAX_LENGTH: Final = 100
"""Days a data series has at most. Source: Braze docs, Export campaign analytics (seen 2026-09)."""

MESSAGES: Final = {
    400: "campaign_id must be a string of the campaign api identifier",
    401: "Invalid API key",
    403: "You do not have permission to access this resource",
    404: "The requested URL was not found",
    405: "This resource answers GET only",
    429: "You have made too many requests, try again later",
    500: "Internal server error",
}


class Refused(Exception):
    """A request is answered with an error status.

    :param status: the HTTP status.
    :param message: the ``message`` of the answer; default the usual one of that status.
    """

    def __init__(self, status: int, message: str = "") -> None:
        self.message = message or MESSAGES.get(status, f"Error {status}")
        super().__init__(status, self.message)
        self.status = status


def campaigns_list(settings: SandboxSettings, params: Mapping[str, str], dice: Random) -> JsonObject:
    """Answer ``/campaigns/list``: pages of 100 from page 0, by time of creation.

    :raises Refused: a parameter is wrong.
    """
    page = _integer(params, "page", 0, 10**9, default=0)
    archived = _one_of(params, "include_archived", ("false", "true")) == "true"
    newest_first = _one_of(params, "sort_direction", ("asc", "desc")) == "desc"
    edited_after = _instant(params, "last_edit.time[gt]")
    shown = [
        campaign
        for campaign in all_campaigns(settings.seed, settings.campaigns).values()
        if (archived or not campaign.blueprint.is_archived) and (not edited_after or campaign.edited > edited_after)
    ]
    ordered = shown[::-1] if newest_first else shown
    entries = [list_entry(campaign) for campaign in ordered[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]]
    return {"message": "success", "campaigns": entries}


def campaigns_details(settings: SandboxSettings, params: Mapping[str, str], dice: Random) -> JsonObject:
    """Answer ``/campaigns/details``.

    :raises Refused: the campaign is unknown, or set to be refused.
    """
    campaign = _campaign(settings, params)
    if campaign.id in settings.faults.bad_details:
        raise Refused(settings.faults.bad_details[campaign.id])
    return {"message": "success", **details(settings.seed, campaign, settings.now())}


def data_series(settings: SandboxSettings, params: Mapping[str, str], dice: Random) -> JsonObject:
    """Answer ``/campaigns/data_series``: a day object for each day up to ``ending_at``, none after today.

    :raises Refused: a parameter is wrong, or the campaign is unknown or set to be refused.
    """
    campaign = _campaign(settings, params)
    length = _integer(params, "length", 1, MAX_LENGTH)
    now = settings.now()
    end = last_day(_instant(params, "ending_at") or now, settings.timezone, settings.ending_at_reading)
    days = [end - timedelta(days=back) for back in reversed(range(length))]
    data = _day_objects(settings, campaign, days, now)
    _break_days(settings, campaign, days[0], data, dice, now)
    _shuffle(settings, data, dice)
    # The multivariate sample of the documentation has no "message".
    is_multivariate = campaign.blueprint.channels == ("trigger_in_app_message",)
    return {"data": data} if is_multivariate else {"message": "success", "data": data}


ENDPOINTS: Final[Mapping[str, tuple[str, Callable[[SandboxSettings, Mapping[str, str], Random], JsonObject]]]] = {
    "/campaigns/list": ("campaigns.list", campaigns_list),
    "/campaigns/details": ("campaigns.details", campaigns_details),
    "/campaigns/data_series": ("campaigns.data_series", data_series),
}
"""Permission and answer by path."""


def _campaign(settings: SandboxSettings, params: Mapping[str, str]) -> Campaign:
    campaign_id = params.get("campaign_id", "")
    if campaign_id in settings.faults.bad_campaigns:
        raise Refused(settings.faults.bad_campaigns[campaign_id])
    campaign = campaign_by_id(settings, campaign_id)
    if campaign is None:
        raise Refused(400)
    return campaign


def _day_objects(settings: SandboxSettings, campaign: Campaign, days: list[date], now: datetime) -> list[JsonObject]:
    today = day_of(now, settings.timezone)
    missing = settings.faults.missing_days
    left_out = {*missing.get(campaign.id, ()), *missing.get("*", ())}
    return [
        day_object(settings, campaign.id, day, now)
        for day in days
        if day <= today
        and day.isoformat() not in left_out
        and not (settings.omit_inactive_days and not is_active(settings, campaign.id, day))
    ]


def _break_days(
    settings: SandboxSettings, campaign: Campaign, first: date, data: list[JsonObject], dice: Random, now: datetime
) -> None:
    faults = settings.faults
    if dice.random() < faults.foreign_days:
        data.insert(0, day_object(settings, campaign.id, first - timedelta(days=1), now))
    if data and dice.random() < faults.double_days:
        data.append(dict(dice.choice(data)))
    if data and dice.random() < faults.contradicting_days:
        day = dice.choice(data)
        data.append({**day, "unique_recipients": day["unique_recipients"] + 1})


def _shuffle(settings: SandboxSettings, data: list[JsonObject], dice: Random) -> None:
    if settings.row_order == "stable":
        return
    dice.shuffle(data)
    for day in data:
        for rows in day["messages"].values():
            dice.shuffle(rows)


def _integer(params: Mapping[str, str], name: str, low: int, high: int, default: int | None = None) -> int:
    text = params.get(name)
    if text is None and default is not None:
        return default
    if text is None or not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise Refused(400, f"{name} must be an integer between {low} and {high}")
    return int(text)


def _one_of(params: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = params.get(name, choices[0])
    if value not in choices:
        raise Refused(400, f"{name} must be one of {', '.join(choices)}")
    return value


def _instant(params: Mapping[str, str], name: str) -> datetime | None:
    text = params.get(name)
    instant = None if text is None else parse_instant(text)
    if text is not None and instant is None:
        raise Refused(400, f"{name} must be an ISO 8601 datetime")
    return instant
