"""The details of a run's campaigns: fetched, asked how far back the run has to read, and landed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from airflow_provider_braze.core.endpoints import CAMPAIGNS_DETAILS
from airflow_provider_braze.core.lookback import find_lookback
from airflow_provider_braze.core.windows import describe, look_back
from airflow_provider_braze.extract import Failed, Fetched, fetch_all
from airflow_provider_braze.landing.memory import give_back, load_arrow
from airflow_provider_braze.landing.outcome import Outcome, Tally, named
from airflow_provider_braze.landing.plan import DETAILS_TABLE, Plan
from airflow_provider_braze.landing.progress import with_progress

if TYPE_CHECKING:
    import pyarrow as pa

    from airflow_provider_braze.core.tables import DetailsRow
    from airflow_provider_braze.hooks.braze import BrazeHook
    from airflow_provider_braze.landing.publish import LandedObject, Publisher

log = logging.getLogger(__name__)

_BATCH: Final = 200
"""Campaigns whose details are held as Python objects before they become a table, which is far smaller."""


@dataclass(slots=True)
class Details:
    """What the details of a run's campaigns told.

    :param tally: which campaigns came back with them.
    :param longest: the longest conversion window in seconds, and the first campaign that has it.
    :param drift: how often each key was met that has no column or does not fit it.
    :param tables: the rows, in batches; none if they are not to be landed.
    """

    tally: Tally
    longest: tuple[int, str] | None = None
    drift: Counter[str] = field(default_factory=Counter)
    tables: list[pa.Table] = field(default_factory=list)

    def add(self, row: DetailsRow) -> None:
        """Note a campaign's details, but for the row itself."""
        self.tally.came.add(row.campaign_id)
        self.drift.update(row.drift)
        if row.longest_window is not None:
            found = (row.longest_window, row.campaign_id)
            self.longest = min(self.longest or found, found, key=lambda each: (-each[0], each[1]))


def fetch_details(plan: Plan, hook: BrazeHook) -> Details:
    """Fetch the details of the plan's campaigns, one call each.

    A campaign whose details do not come is noted, and costs neither the others nor its own days: when Braze answers no
    such call at all, the rest is not asked, and noted too.

    :raises BrazeAuthError: at once; the key lacks the permission that the message names.
    """
    load_arrow()
    from airflow_provider_braze.core.tables import decode_details, details_table

    def fetch(campaign_id: str) -> DetailsRow:
        return hook.fetch_details(campaign_id, lambda body: decode_details(body, campaign_id))

    details = Details(Tally(plan.campaigns is not None))
    ids = plan.campaign_ids
    with closing(fetch_all(ids, fetch, concurrency=plan.concurrency, stop=hook.stop, is_needed=False)) as fetched:
        rows = _came(with_progress(fetched, len(ids), "details", hook, CAMPAIGNS_DETAILS), details)
        while batch := list(islice(rows, _BATCH)):
            if DETAILS_TABLE in plan.tables:
                details.tables.append(details_table(batch))
                give_back()
    return details


def _came(fetched: Iterable[Fetched[DetailsRow] | Failed], details: Details) -> Iterator[DetailsRow]:
    for item in fetched:
        if isinstance(item, Failed):
            details.tally.add_failed(item.campaign_id, item.error)
            continue
        details.add(item.result)
        yield item.result


def look_back_by_details(plan: Plan, hook: BrazeHook) -> tuple[Plan, Details]:
    """Let a plan read as many days again as its campaigns' conversion windows ask for.

    :param plan: for the run's own days.
    :return: the plan for all days, and the details, which need not be fetched once more.
    :raises BrazeAuthError: the key lacks the permission that the message names.
    """
    details = fetch_details(plan, hook)
    lookback = find_lookback(details.longest, unknown=len(details.tally.bad))
    window = look_back(plan.window, lookback.days)
    if bad := details.tally.bad:
        log.warning(
            "The details of %d campaigns did not come, so how far back to read is a guess: %s", len(bad), named(bad)
        )
    log.info("This run goes %s. So it is about %s", lookback, describe(window))
    return replace(plan, window=window, lookback=lookback), details


def land_details(
    plan: Plan, hook: BrazeHook, publisher: Publisher, outcome: Outcome, details: Details | None
) -> list[LandedObject]:
    """Fetch the details, unless they have been, and land those that came, if the plan has their table.

    :param outcome: is told which campaigns' details came.
    """
    if DETAILS_TABLE not in plan.tables:
        return []
    details = details or fetch_details(plan, hook)
    outcome.details = details.tally
    outcome.drift.update(details.drift)
    if plan.campaign_ids and not details.tally.came:
        return []
    landed = publisher.publish_campaigns(DETAILS_TABLE, _join(details.tables))
    log.info("Landed the details of %d campaigns", len(details.tally.came))
    return [landed]


def _join(tables: list[pa.Table]) -> pa.Table:
    """Make one table of the batches, which are let go."""
    import pyarrow as pa

    from airflow_provider_braze.core.tables import SCHEMAS, sort_rows

    joined = sort_rows(DETAILS_TABLE, pa.concat_tables([SCHEMAS[DETAILS_TABLE].empty_table(), *tables]))
    tables.clear()
    return joined
