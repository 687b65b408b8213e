"""The details of a run's campaigns: fetched, asked how far back the run has to read, and landed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from airflow_provider_braze.core.endpoints import CAMPAIGNS_DETAILS
from airflow_provider_braze.core.lookback import find_lookback
from airflow_provider_braze.core.text import counted
from airflow_provider_braze.core.windows import describe, look_back
from airflow_provider_braze.fetch.outcome import Outcome, Tally, named
from airflow_provider_braze.fetch.subjects import Failed, Fetched, fetch_all
from airflow_provider_braze.landing.log import with_progress
from airflow_provider_braze.landing.memory import load_arrow, release_memory
from airflow_provider_braze.landing.plan import DETAILS_TABLE, Plan
from airflow_provider_braze.landing.spool import Batches

if TYPE_CHECKING:
    from airflow_provider_braze.hooks.braze import BrazeHook
    from airflow_provider_braze.landing.publish import LandedObject, Publisher
    from airflow_provider_braze.tables.build import DetailsRow

log = logging.getLogger(__name__)

_BATCH: Final = 200
"""Campaigns whose details are held in memory before they go to the spool, while others are fetched."""


@dataclass(slots=True)
class Details:
    """What the details of a run's campaigns told.

    :param tally: which campaigns came back with them.
    :param longest: the longest conversion window in seconds, and the first campaign that has it.
    :param drift: how often each key was met that has no column or does not fit it.
    :param rows: of these campaigns; None if they are not to be landed.
    """

    tally: Tally
    rows: Batches | None
    longest: tuple[int, str] | None = None
    drift: Counter[str] = field(default_factory=Counter)

    def add(self, row: DetailsRow) -> None:
        """Note a campaign's details, but for the row itself."""
        self.tally.came.add(row.campaign_id)
        self.drift.update(row.drift)
        if row.longest_window is not None:
            found = (row.longest_window, row.campaign_id)
            self.longest = min(self.longest or found, found, key=lambda each: (-each[0], each[1]))

    def close(self) -> None:
        """Let the rows go."""
        if self.rows:
            self.rows.close()


def fetch_details(plan: Plan, hook: BrazeHook, spool_folder: str | None, *, keep_rows: bool = True) -> Details:
    """Fetch the details of the plan's campaigns, one call each.

    A campaign whose details do not come is noted, and costs neither the others nor its own days: when Braze answers no
    such call at all, the rest is not asked, and noted too.

    :param keep_rows: whether to keep what the plan's table needs.
    :return: to be closed.
    :raises BrazeAuthError: at once; the key lacks the permission that the message names.
    """
    load_arrow()
    from airflow_provider_braze.tables.build import SCHEMAS

    is_kept = keep_rows and DETAILS_TABLE in plan.tables
    rows = Batches(SCHEMAS[DETAILS_TABLE], spool_folder) if is_kept else None
    details = Details(Tally(plan.campaigns is not None), rows)
    try:
        _fetch_into(details, plan, hook)
    except BaseException:
        details.close()
        raise
    return details


def _fetch_into(details: Details, plan: Plan, hook: BrazeHook) -> None:
    from airflow_provider_braze.tables.build import decode_details, details_table

    def fetch(campaign_id: str) -> DetailsRow:
        return hook.fetch_details(campaign_id, lambda body: decode_details(body, campaign_id))

    ids = plan.campaign_ids
    # Closed here, so that the threads end with this function also when the spool's disk is full.
    with closing(fetch_all(ids, fetch, concurrency=plan.concurrency, stop=hook.stop, is_needed=False)) as fetched:
        came = _came(with_progress(fetched, len(ids), "their details", hook, CAMPAIGNS_DETAILS), details)
        while batch := list(islice(came, _BATCH)):
            if details.rows:
                details.rows.add(details_table(batch))
                release_memory()


def _came(fetched: Iterable[Fetched[DetailsRow] | Failed], details: Details) -> Iterator[DetailsRow]:
    for item in fetched:
        if isinstance(item, Failed):
            details.tally.add_failed(item.campaign_id, item.error)
            continue
        details.add(item.result)
        yield item.result


def look_back_by_details(
    plan: Plan, hook: BrazeHook, spool_folder: str | None, *, is_dry_run: bool
) -> tuple[Plan, Details]:
    """Let a plan read as many days again as its campaigns' conversion windows ask for.

    :param plan: for the run's own days.
    :param is_dry_run: whether nothing will be landed.
    :return: the plan for all days, and the details, for :func:`open_details`.
    :raises BrazeAuthError: the key lacks the permission that the message names.
    """
    details = fetch_details(plan, hook, spool_folder, keep_rows=not is_dry_run)
    lookback = find_lookback(details.longest, unknown=len(details.tally.bad))
    window = look_back(plan.window, lookback.days)
    if bad := details.tally.bad:
        log.warning(
            "The details of %s did not come, so how far back to read is a guess: %s",
            counted(len(bad), "campaign"),
            named(bad),
        )
    log.info("This run goes %s. So it is about %s", lookback, describe(window))
    return replace(plan, window=window, lookback=lookback), details


@contextmanager
def open_details(
    plan: Plan, hook: BrazeHook, outcome: Outcome, fetched: Details | None, spool_folder: str | None
) -> Iterator[Details | None]:
    """Give the details for the plan's table, None if it has none; afterwards they are gone.

    They are fetched before the days, for a key without the permission ends the run, and landed after them, for what is
    wrong with their object costs no day.

    :param outcome: is told which campaigns' details came.
    :param fetched: what was fetched already, to tell the window.
    """
    if DETAILS_TABLE not in plan.tables:
        yield None
        return
    with closing(fetched or fetch_details(plan, hook, spool_folder)) as details:
        outcome.details = details.tally
        outcome.drift.update(details.drift)
        yield details


def land_details(plan: Plan, details: Details | None, publisher: Publisher) -> list[LandedObject]:
    """Land the details that came."""
    if details is None or details.rows is None or (plan.campaign_ids and not details.tally.came):
        return []
    from airflow_provider_braze.tables.build import sort_rows

    landed = publisher.publish_part(DETAILS_TABLE, sort_rows(DETAILS_TABLE, details.rows.read()))
    log.info("Landed the details of %s", counted(len(details.tally.came), "campaign"))
    return [landed]
