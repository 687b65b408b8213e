"""A few campaigns' days in memory, for XCom: all of them or an error."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from airflow_provider_braze.core.payloads import day_of
from airflow_provider_braze.fetch.outcome import MissingDays, Outcome, verdict, warnings_of
from airflow_provider_braze.fetch.subjects import Failed, fetch_all

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import JsonObject, Window
    from airflow_provider_braze.hooks.braze import BrazeHook

log = logging.getLogger(__name__)


def fetch_days(
    hook: BrazeHook, campaign_ids: Sequence[str], window: Window, *, missing: MissingDays, concurrency: int
) -> list[JsonObject]:
    """Fetch the days of campaigns, and prove them.

    :return: Braze's day objects with ``campaign_id`` first, ordered by campaign as given, then by day.
    :raises BrazePartialError: a campaign failed.
    :raises BrazeMissingDaysError: days did not come back that may not be missing.
    """
    outcome = Outcome(is_listed=False)
    days: dict[str, list[JsonObject]] = {}

    def fetch(campaign_id: str) -> list[JsonObject]:
        return hook.campaign_data_series(campaign_id, window)

    with closing(fetch_all(campaign_ids, fetch, concurrency=concurrency, stop=hook.stop)) as fetched:
        for item in fetched:
            if isinstance(item, Failed):
                outcome.add_failed(item.campaign_id, item.error)
                continue
            outcome.add_landed(item.campaign_id, window, [day_of(day, "$") for day in item.result])
            days[item.campaign_id] = item.result
    if error := verdict(outcome, missing=missing):
        raise error
    for warning in warnings_of(outcome, missing):
        log.warning("%s", warning)
    return [{"campaign_id": campaign_id, **day} for campaign_id in campaign_ids for day in days[campaign_id]]
