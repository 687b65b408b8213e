"""The details of a run's subjects: fetched, used for the lookback, and landed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from airflow_provider_braze.core.lookback import find_lookback
from airflow_provider_braze.core.windows import look_back
from airflow_provider_braze.fetch.outcome import Tally, format_failures
from airflow_provider_braze.fetch.subjects import Failed, Fetched, fetch_all
from airflow_provider_braze.landing.log import log_plan, with_progress
from airflow_provider_braze.landing.memory import load_arrow, release_memory
from airflow_provider_braze.landing.plan import Plan
from airflow_provider_braze.landing.spool import Batches

if TYPE_CHECKING:
    from airflow_provider_braze.core.series import Subject, SubjectDetails
    from airflow_provider_braze.hooks.braze import BrazeHook
    from airflow_provider_braze.landing.precedence import Precedence
    from airflow_provider_braze.landing.publish import Publisher

log = logging.getLogger(__name__)

_BATCH: Final = 200
"""Subjects whose details are held in memory before they go to local disk, while others are fetched."""


@dataclass(slots=True)
class FetchedDetails:
    """The details of a run's subjects.

    :param tally: which subjects have them.
    :param rows: on local disk; None when they are not to be landed.
    :param longest: the longest conversion window in seconds, and the first subject that has it.
    :param drift: number of times each key without a column was seen.
    """

    tally: Tally
    rows: Batches | None
    longest: tuple[int, str] | None = None
    drift: Counter[str] = field(default_factory=Counter)

    def add(self, subject: Subject, row: SubjectDetails) -> None:
        """Note a subject's details."""
        self.tally.returned.add(subject.name)
        self.drift.update(row.drift)
        if row.longest_window is not None:
            found = (row.longest_window, subject.name)
            self.longest = min(self.longest or found, found, key=lambda each: (-each[0], each[1]))

    def close(self) -> None:
        """Remove the rows from local disk."""
        if self.rows:
            self.rows.close()


@contextmanager
def open_details(
    plan: Plan, hook: BrazeHook, spool_folder: str | None, *, is_dry_run: bool
) -> Iterator[tuple[Plan, FetchedDetails | None]]:
    """Log the plan, fetch the details that it needs, and remove them at the end.

    Details are fetched before the days: a key without the permission ends the run before the long work.

    :yield: the plan, with its lookback when details determine it, and the details, None when it needs none.
    :raises BrazeAuthError: at once; the message names the missing permission.
    """
    if not plan.is_lookback_from_details:
        log_plan(plan)
    keeps_rows = plan.table_from("details") is not None and not is_dry_run
    if not keeps_rows and not plan.is_lookback_from_details:
        yield plan, None
        return
    with closing(_new_details(plan, spool_folder, keeps_rows=keeps_rows)) as details:
        _fetch_into(details, plan, hook)
        if plan.is_lookback_from_details:
            plan = _look_back(plan, details)
            log_plan(plan)
        yield plan, details


def land_details(plan: Plan, details: FetchedDetails | None, publisher: Publisher, precedence: Precedence) -> None:
    """Land the details that Braze returned, except those that a later fetch has landed."""
    table = plan.table_from("details")
    if table is None or details is None or details.rows is None:
        return
    if plan.subjects and not details.tally.returned:
        return
    import pyarrow as pa
    import pyarrow.compute as pc

    from airflow_provider_braze.tables.sorting import sort_rows

    rows = sort_rows(table, details.rows.read())
    left = pa.array(sorted(precedence.leaves_details(table.name)), pa.string())
    rows = rows.filter(pc.invert(pc.is_in(rows.column(0), left)))
    publisher.publish_part(table, rows)
    log.info("Landed the details of %s", plan.series.count(rows.num_rows))


def _new_details(plan: Plan, spool_folder: str | None, *, keeps_rows: bool) -> FetchedDetails:
    load_arrow()
    from airflow_provider_braze.tables.schemas import schema_of

    table = plan.table_from("details")
    rows = Batches(schema_of(table), spool_folder) if table and keeps_rows else None
    return FetchedDetails(Tally(plan.listed is not None), rows)


def _fetch_into(details: FetchedDetails, plan: Plan, hook: BrazeHook) -> None:
    """Fetch details, one call per subject; one that fails costs neither the others nor its own days."""
    from airflow_provider_braze.tables.details import details_table

    source, table = plan.series.details, plan.table_from("details")
    assert source is not None  # noqa: S101 - a series without details has no such table

    def fetch(subject: Subject) -> SubjectDetails:
        return hook.get_conn().get(
            source.endpoint.path, dict(subject.params), lambda body: source.decode(body, subject)
        )

    # Closed here, so that the threads end with this function also when the local disk is full.
    with closing(
        fetch_all(
            plan.subjects,
            fetch,
            concurrency=plan.concurrency,
            stop=hook.stop,
            endpoint_of=lambda _: source.endpoint,
            is_needed=False,
        )
    ) as fetched:
        returned = _returned(
            with_progress(fetched, plan.series, len(plan.subjects), "details", hook, source.endpoint), details
        )
        while batch := list(islice(returned, _BATCH)):
            if details.rows and table:
                details.rows.add(details_table(table, batch))
                release_memory()


def _returned(fetched: Iterable[Fetched[SubjectDetails] | Failed], details: FetchedDetails) -> Iterator[SubjectDetails]:
    for item in fetched:
        if isinstance(item, Failed):
            details.tally.add_failure(item.subject.name, item.error)
            continue
        details.add(item.subject, item.result)
        yield item.result


def _look_back(plan: Plan, details: FetchedDetails) -> Plan:
    lookback = find_lookback(details.longest, unknown=len(details.tally.failures))
    if failures := details.tally.failures:
        log.warning(
            "Could not fetch details for %s; using a lookback of at least 30 days: %s",
            plan.series.count(len(failures)),
            format_failures(failures),
        )
    log.info("Lookback set to %s", lookback)
    window = look_back(plan.window, lookback.days)
    return replace(plan, window=window, lookback=lookback, is_lookback_from_details=False)
