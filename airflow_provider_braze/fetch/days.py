"""A few campaigns' days in memory, for XCom: all of them or an error."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from airflow_provider_braze.core.payloads import day_of
from airflow_provider_braze.fetch.outcome import MissingDays, Outcome, error_of, format_warnings
from airflow_provider_braze.fetch.subjects import Failed, fetch_all
from airflow_provider_braze.series.campaigns import CAMPAIGNS

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import JsonObject, Window
    from airflow_provider_braze.core.series import Subject
    from airflow_provider_braze.hooks.braze import BrazeHook

log = logging.getLogger(__name__)


def fetch_days(
    hook: BrazeHook, campaign_ids: Sequence[str], window: Window, *, missing: MissingDays, concurrency: int
) -> list[JsonObject]:
    """Fetch the days of campaigns and check that they are complete.

    :return: Braze's day objects with ``campaign_id`` first, ordered by campaign as given, then by day.
    :raises BrazePartialError: a campaign failed.
    :raises BrazeMissingDaysError: days are missing that may not be.
    """
    outcome = Outcome(is_listed=False)
    days: dict[str, list[JsonObject]] = {}

    def fetch(subject: Subject) -> list[JsonObject]:
        return hook.campaign_data_series(subject.name, window)

    subjects = [CAMPAIGNS.subject(campaign_id) for campaign_id in campaign_ids]
    with closing(fetch_all(subjects, fetch, concurrency=concurrency, stop=hook.stop)) as fetched:
        for item in fetched:
            name = item.subject.name
            if isinstance(item, Failed):
                outcome.add_failure(name, item.error)
                continue
            outcome.add_returned(name, window, [day_of(day, "$") for day in item.result])
            days[name] = item.result
    if error := error_of(CAMPAIGNS, outcome, missing=missing):
        raise error
    for warning in format_warnings(CAMPAIGNS, outcome, missing):
        log.warning("%s", warning)
    return [{"campaign_id": campaign_id, **day} for campaign_id in campaign_ids for day in days[campaign_id]]
