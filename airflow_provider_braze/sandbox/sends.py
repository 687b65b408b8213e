"""Sends: days of one send of an API campaign, as a pure function, and their endpoint.

A day has the shape and the restatement of a campaign's day. Braze keeps the last 14 days.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from random import Random
from typing import Final

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox import params as parse
from airflow_provider_braze.sandbox.campaign_days import campaign_by_id, send_shaped_day
from airflow_provider_braze.sandbox.days import day_objects, requested_days
from airflow_provider_braze.sandbox.figures import digest, draw
from airflow_provider_braze.sandbox.instants import day_of
from airflow_provider_braze.sandbox.params import Params, Respond
from airflow_provider_braze.sandbox.settings import SandboxSettings

KEPT_DAYS: Final = 14
"""Days that Braze keeps. Source: Braze docs, Export send analytics (seen 2026-11)."""

_SENDS: Final = 3


def send_ids(settings: SandboxSettings, campaign_id: str) -> list[str]:
    """Return the send ids of a campaign; only API campaigns have some.

    :raises KeyError: no such campaign.
    """
    campaign = campaign_by_id(settings, campaign_id)
    if campaign is None:
        raise KeyError(campaign_id)
    return [f"send-{campaign.number}-{each}" for each in range(_SENDS)] if campaign.blueprint.is_api else []


def send_day(
    settings: SandboxSettings, campaign_id: str, send_id: str, day: date, as_of: datetime | None = None
) -> JsonObject | None:
    """Return a send's day as Braze returns it at a given time, or None when Braze does not keep it any more.

    :param as_of: aware time of the request; default the settings' clock.
    :raises KeyError: no such campaign or send.
    """
    campaign, now = campaign_by_id(settings, campaign_id), as_of or settings.now()
    if campaign is None or send_id not in send_ids(settings, campaign_id):
        raise KeyError(campaign_id, send_id)
    today = day_of(now, settings.timezone)
    if not today - timedelta(days=KEPT_DAYS) < day <= today:
        return None
    share = 0.05 + 0.2 * draw(settings.seed, "send", send_id, day)
    noise = digest(settings.seed, "send", campaign_id, send_id, day)
    return send_shaped_day(settings, campaign, day, noise, share, now)


def _respond_series(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    campaign_id, send_id = params.get("campaign_id", ""), params.get("send_id", "")
    for subject in (campaign_id, send_id):
        parse.reject_if_bad(settings, subject)
    if campaign_by_id(settings, campaign_id) is None:
        raise parse.Rejected(400, parse.NO_CAMPAIGN)
    parse.known(params, "send_id", send_ids(settings, campaign_id))
    now = settings.now()
    days = requested_days(settings, params)
    data = day_objects(settings, send_id, days, lambda day: send_day(settings, campaign_id, send_id, day, now), dice)
    return {"message": "success", "data": data}


ENDPOINTS: Final[Mapping[str, Respond]] = {"/sends/data_series": _respond_series}
"""Response by path."""
