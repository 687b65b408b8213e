"""One landing run: subjects in, by threads; tables out, day by day; then the record."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.text import counted
from airflow_provider_braze.core.windows import format_days
from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.fetch.outcome import Outcome, error_of, format_drift, format_uncomputed, format_warnings
from airflow_provider_braze.fetch.subjects import Failed, fetch_all, fetch_subject
from airflow_provider_braze.landing.details import land_details
from airflow_provider_braze.landing.journal import Journal
from airflow_provider_braze.landing.log import format_result, name_chunk, with_progress
from airflow_provider_braze.landing.memory import load_arrow, release_memory
from airflow_provider_braze.landing.plan import Plan
from airflow_provider_braze.landing.precedence import Precedence
from airflow_provider_braze.landing.publish import Publisher
from airflow_provider_braze.landing.record import build_opening, build_record, restatement_by_age
from airflow_provider_braze.landing.tries import Report, Try

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from airflow_provider_braze.core.series import Decoder, Subject, SubjectDays
    from airflow_provider_braze.hooks.braze import BrazeHook
    from airflow_provider_braze.landing.details import FetchedDetails
    from airflow_provider_braze.landing.spool import Spool
    from airflow_provider_braze.landing.store import Store

log = logging.getLogger(__name__)

BATCH_WEIGHT: Final = 8_000
"""Days held in memory before they go to local disk, while others are fetched; a heavy day counts as several."""


@dataclass(frozen=True, slots=True)
class Landed:
    """What a run did.

    :param record: the content of its record.
    :param uri: the record's address.
    :param error: what the task fails with, although everything that Braze returned has landed, or what ended the run.
    """

    record: dict[str, Any]
    uri: str
    error: BaseException | None


def land(
    plan: Plan,
    hook: BrazeHook,
    store: Store,
    *,
    spool_folder: str | None = None,
    details: FetchedDetails | None = None,
    skip_argument: str = "",
    failure: BaseException | None = None,
) -> Landed:
    """Fetch the plan's subjects, land what Braze returned, and write the record.

    :param details: the details to land, if any; they land after the days, so that a bad object costs no day.
    :param skip_argument: the operator's argument that skips failing subjects, for the advice in errors.
    :param failure: what the task fails with although everything lands. Then a later run reports the changed days.
    :return: what was done. Its error is :class:`BrazePartialError` when subjects failed,
        :class:`BrazeMissingDaysError` when days are missing that may not be, and :class:`BrazeConflictError` when
        another run landed the same days at the same time. An error before the first write is raised.
    """
    load_arrow()
    for bucket, hours in plan.rate_limit_hours.items():
        # Parts that run at the same time share the limit.
        hook.get_conn().allow_hours(bucket, hours * plan.layout.parts)
    run = _Run(plan, hook, store, time.monotonic())
    if details is not None and plan.table_from("details"):
        run.outcome.details = details.tally
        run.outcome.drift.update(details.drift)
    try:
        if plan.day_tables:
            _land_days(plan, hook, run, spool_folder)
        land_details(plan, details, run.publisher, run.precedence)
        _land_list(plan, run)
    except BaseException as error:
        if not run.own_try.has_begun:
            raise
        return run.fail(error)
    _log_outcome(plan, run.outcome)
    return run.finish(skip_argument, failure)


class _Run:
    """One try of a run: what it writes with, and its record.

    :param began: the clock's seconds at its begin.
    """

    def __init__(self, plan: Plan, hook: BrazeHook, store: Store, began: float) -> None:
        self.plan = plan
        self.outcome = Outcome(
            is_listed=plan.listed is not None,
            may_start_late=plan.series.may_start_late,
            may_expire=plan.series.may_expire,
            is_read_again=plan.window.lookback_days > 0,
        )
        journal, now = Journal(store, plan.series.name), datetime.now(timezone.utc)
        self.own_try = Try(journal, plan.part, plan.run, plan.planned_at, now, build_opening(plan))
        self.precedence = Precedence(self.own_try, plan)
        self.publisher = Publisher(
            store, plan.series, plan.layout, plan.part, self.own_try, hook.get_conn().check_stopped, self.precedence
        )
        self.landed_before: dict[str, date] = {}
        """The first day that each subject has in the lake, of those days that Braze returned for no subject now."""
        self._stats = hook.get_conn().stats
        self._began = began

    def finish(self, skip_argument: str, failure: BaseException | None) -> Landed:
        """Write the final record of a run that published everything that Braze returned."""
        plan, own_try, precedence = self.plan, self.own_try, self.precedence
        error: BaseException | None = error_of(
            plan.series,
            self.outcome,
            missing=plan.missing_days,
            parts=plan.layout.parts,
            on_error=plan.on_error,
            skip_argument=skip_argument,
        )
        own_try.begin()  # also of a run that had nothing to write
        others = own_try.look_after_last_write()
        error = error or precedence.find_conflict(others, self.outcome.returned) or failure
        report = own_try.report(others) if plan.day_tables and error is None else None
        for line in (*precedence.lines(), *(report.lines(plan.run) if report else ())):
            log.info("%s", line)
        landed = self._write(error, report)
        if error is None:
            own_try.prune(of_all_tasks=report is not None)
            if precedence.is_unresolved:
                # That other run may have ended between the last look and this run's own record.
                error = precedence.find_conflict(own_try.look(), self.outcome.returned)
        return replace(landed, error=error)

    def fail(self, error: BaseException) -> Landed:
        """Write the final record of a run that ended early, if the store takes it."""
        try:
            return self._write(error, None, is_complete=False)
        except Exception as reason:  # the store's failure must not hide the run's
            log.warning("Could not write the record %s: %s", self.own_try.uri, reason)
            raise error from None

    def _write(self, error: BaseException | None, report: Report | None, *, is_complete: bool = True) -> Landed:
        own_try, objects = self.own_try, self.publisher.landed.values()
        changed = own_try.changed | (report.all_days if report else set())
        seconds = time.monotonic() - self._began
        content = build_record(
            self.plan, self.outcome, objects, changed, self._stats, seconds, error, is_complete=is_complete
        )
        content |= {
            "settled": list(report.settled) if report else None,
            "fetches": self.precedence.fetches,
            "left_days": [day.isoformat() for day in self.precedence.left],
            "restatement": restatement_by_age(self.plan.window, self.publisher.restated),
        }
        record = own_try.finish(content)
        for line in format_result(record, self.plan.series.plural, own_try.uri):
            log.info("%s", line)
        return Landed(record, own_try.uri, error)


def _log_outcome(plan: Plan, outcome: Outcome) -> None:
    for warning in format_warnings(plan.series, outcome, plan.missing_days):
        log.warning("%s", warning)
    if outcome.without_days:
        what = "No data, or no longer any, for %s" if outcome.may_expire else "No data yet for %s"
        log.info(what, plan.series.count(outcome.without_days))
    for line in (format_uncomputed(outcome), format_drift(outcome)):
        if line:
            log.info("%s", line)


def _land_days(plan: Plan, hook: BrazeHook, run: _Run, spool_folder: str | None) -> None:
    """Fetch and publish chunk by chunk: one is published while the next is fetched, so memory and disk stay flat."""
    from airflow_provider_braze.landing.spool import Spool

    decoder = plan.series.load_decoder(plan.series)
    chunks = plan.chunks
    expected_rows = len(plan.subjects) * plan.series.weight
    # Left in this order: first the publishing ends, then the spools are closed.
    with ExitStack() as spools, ThreadPoolExecutor(1, thread_name_prefix="braze-landing") as background:
        publishing: Future[None] | None = None
        try:
            for number, chunk in enumerate(chunks, 1):
                spool = spools.enter_context(
                    Spool(plan.spooled, expected_rows, len(chunk), spool_folder, plan.series.main_figures)
                )
                name = name_chunk(chunk, number, len(chunks))
                fetched_at = datetime.now(timezone.utc)
                _fetch_into(spool, chunk, plan, decoder, hook, run.outcome, name=name)
                if publishing:
                    publishing.result()
                publishing = background.submit(_publish, spool, chunk, run, fetched_at)
            if publishing:
                publishing.result()
            run.outcome.note_landed(run.landed_before)
        except BaseException:
            # What is being published ends at the next object.
            hook.stop()
            raise


def _fetch_into(
    spool: Spool, chunk: Window, plan: Plan, decoder: Decoder, hook: BrazeHook, outcome: Outcome, *, name: str
) -> None:
    keep_payload = plan.table_from("payload") is not None

    def fetch(subject: Subject) -> SubjectDays:
        return fetch_subject(hook, plan.series, decoder, chunk, subject, keep_payload=keep_payload)

    failures = outcome.failures
    subjects = [subject for subject in plan.subjects if subject.name not in failures]
    batch: list[SubjectDays] = []
    weight = 0
    # Closed here, so that the threads end with this function also when the local disk is full.
    with closing(fetch_all(subjects, fetch, concurrency=plan.concurrency, stop=hook.stop)) as fetched:
        endpoint = plan.subjects[0].endpoint if plan.subjects else plan.series.endpoints[0]
        for item in with_progress(fetched, plan.series, len(subjects), name, hook, endpoint):
            if isinstance(item, Failed):
                outcome.add_failure(item.subject.name, item.error, is_plain=item.subject.is_plain)
                continue
            outcome.add_returned(
                item.subject.name,
                chunk,
                item.result.days,
                is_total=item.subject.is_total,
                uncomputed=item.subject.uncomputed_days(chunk, datetime.now(timezone.utc)),
            )
            outcome.drift.update(item.result.drift)
            batch.append(item.result)
            weight += item.result.weight
            if weight >= BATCH_WEIGHT:
                spool.add(_build(batch, plan, decoder, outcome))
                batch, weight = [], 0
                release_memory()
    if batch:
        spool.add(_build(batch, plan, decoder, outcome))


def _build(batch: list[SubjectDays], plan: Plan, decoder: Decoder, outcome: Outcome) -> Mapping[str, pa.Table]:
    """Build the tables of a batch. A subject whose rows cannot be built fails alone."""
    try:
        return decoder.build(batch, plan.spooled)
    except Exception:
        good = []
        for rows in batch:
            try:
                decoder.build([rows], plan.spooled)
            except Exception as error:
                reason = f"{type(error).__name__}: {str(error)[:200]}"
                problem = BrazeDataError(f"The rows of {rows.subject.name} cannot be built: {reason}")
                outcome.add_failure(rows.subject.name, problem)
            else:
                good.append(rows)
        if len(good) == len(batch):
            raise
        return decoder.build(good, plan.spooled)


def _publish(spool: Spool, chunk: Window, run: _Run, fetched_at: datetime) -> None:
    plan, publisher = run.plan, run.publisher
    with spool:  # closed as soon as it is published: the next chunk needs the disk
        if plan.series.may_start_late and not plan.series.may_expire:
            names = {subject.key: subject.name for subject in plan.subjects}
            landed = publisher.first_landed(set(chunk).difference(spool.days) if names else ())
            run.landed_before |= {names[key]: day for key, day in landed.items() if key in names}
        # A day that no subject returned is not proven to be empty, unless there was no subject.
        days = spool.days if plan.subjects else list(chunk)
        if not days:
            return
        run.own_try.begin()
        run.precedence.begin(chunk, fetched_at)
        objects = publisher.publish_days(spool, plan.day_tables, days)
        while run.precedence.must_repeat():
            objects = publisher.publish_days(spool, plan.day_tables, days)
    written = sum(item.written for item in objects)
    log.info(
        "Landed %s (%s): %s written, %d unchanged",
        counted(len(days), "day"),
        format_days(chunk),
        counted(written, "file"),
        len(objects) - written,
    )


def _land_list(plan: Plan, run: _Run) -> None:
    table = plan.table_from("list")
    if plan.listed is None or plan.part or table is None or run.precedence.leaves_list(table.name):
        return
    run.publisher.publish_whole(table, plan.listed)
