"""One landing run: campaigns in, by threads; tables out, day by day; then the manifest."""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.endpoints import CAMPAIGNS_DATA_SERIES
from airflow_provider_braze.core.models import SeriesCall, Window
from airflow_provider_braze.core.text import counted
from airflow_provider_braze.fetch.outcome import Outcome, verdict, warnings_of
from airflow_provider_braze.fetch.subjects import Failed, fetch_all
from airflow_provider_braze.landing.details import land_details, open_details
from airflow_provider_braze.landing.layout import ensure_layout
from airflow_provider_braze.landing.log import name_chunk, with_progress
from airflow_provider_braze.landing.manifest import Pending, unreported_days, write_manifest
from airflow_provider_braze.landing.memory import load_arrow, release_memory
from airflow_provider_braze.landing.plan import Plan
from airflow_provider_braze.landing.publish import LandedObject, Publisher
from airflow_provider_braze.landing.record import build_record, format_result

if TYPE_CHECKING:
    from airflow_provider_braze.exceptions import BrazeError
    from airflow_provider_braze.hooks.braze import BrazeHook
    from airflow_provider_braze.landing.details import Details
    from airflow_provider_braze.landing.spool import Spool
    from airflow_provider_braze.landing.store import Store
    from airflow_provider_braze.tables.build import CampaignRows, Days

log = logging.getLogger(__name__)

BATCH_DAYS: Final = 8_000
"""Campaign days that are held in memory before they go to the spool, while others are fetched."""


@dataclass(frozen=True, slots=True)
class Landed:
    """What a run did.

    :param manifest: as it was written.
    :param uri: the manifest's address.
    :param error: what the task has to fail with, although all that came back has landed.
    """

    manifest: dict[str, Any]
    uri: str
    error: BrazeError | None


def land(
    plan: Plan, hook: BrazeHook, store: Store, *, spool_folder: str | None = None, details: Details | None = None
) -> Landed:
    """Fetch the plan's campaigns, land what came back, and write the manifest.

    :param details: what was fetched already, to tell the window.
    :return: what was done; its error is :class:`BrazePartialError` when campaigns failed, and
        :class:`BrazeMissingDaysError` when days did not come back that may not be missing.
    """
    load_arrow()
    began = time.monotonic()
    ensure_layout(store, plan.layout)
    pending = Pending(store, plan.layout.pending(plan.part), plan.run, list(plan.window))
    # What a crashed run of days left is for the next run of days to tell.
    untold = pending.inherited | unreported_days(store, plan.manifest, plan.run) if plan.day_tables else frozenset()
    outcome = Outcome(is_listed=plan.campaigns is not None)
    publisher = Publisher(store, plan.layout, plan.part, pending, hook.get_conn().check_stopped)
    with open_details(plan, hook, outcome, details, spool_folder) as found:
        objects = _land_days(plan, hook, publisher, outcome, spool_folder) if plan.day_tables else []
        objects += land_details(plan, found, publisher)
    objects += _land_list(plan, publisher)
    for warning in warnings_of(outcome, plan.missing_days):
        log.warning("%s", warning)
    error = verdict(outcome, on_campaign_error=plan.on_campaign_error, missing=plan.missing_days)
    changed = sorted({item.day for item in objects if item.written and item.day} | untold)
    seconds = time.monotonic() - began
    manifest = build_record(plan, outcome, objects, changed, hook.get_conn().stats, seconds, error)
    uri = write_manifest(store, plan.manifest, manifest)
    log.info("%s", format_result(manifest, uri))
    if error is None and plan.day_tables:
        # Else the days that did change stay noted: the run that succeeds tells them.
        pending.clear()
    return Landed(manifest, uri, error)


def _land_days(
    plan: Plan, hook: BrazeHook, publisher: Publisher, outcome: Outcome, spool_folder: str | None
) -> list[LandedObject]:
    """Fetch and publish stretch by stretch: one is published while the next is fetched, so memory and disk are flat."""
    from airflow_provider_braze.landing.spool import Spool
    from airflow_provider_braze.tables.build import SCHEMAS

    objects: list[LandedObject] = []
    schemas = {name: SCHEMAS[name] for name in plan.spooled}
    chunks = plan.chunks
    # Left in this order: first the publishing ends, then the spools are closed.
    with ExitStack() as spools, ThreadPoolExecutor(1, thread_name_prefix="braze-landing") as background:
        publishing: Future[list[LandedObject]] | None = None
        try:
            for number, chunk in enumerate(chunks, 1):
                spool = spools.enter_context(Spool(schemas, len(plan.campaign_ids), len(chunk), spool_folder))
                name = name_chunk(chunk, number, len(chunks))
                _fetch_into(spool, chunk, plan, hook, outcome, name=name)
                objects += publishing.result() if publishing else []
                publishing = background.submit(_publish, spool, chunk, plan, publisher)
            objects += publishing.result() if publishing else []
        except BaseException:
            # What is being published ends at the next object.
            hook.stop()
            raise
    return objects


def _fetch_into(spool: Spool, chunk: Window, plan: Plan, hook: BrazeHook, outcome: Outcome, *, name: str) -> None:
    from airflow_provider_braze.tables.build import build_tables, collect, decode_days

    keep_raw = "campaign_raw" in plan.tables

    def decode(body: bytes, call: SeriesCall) -> Days:
        return decode_days(body, call.start, call.end, keep_raw=keep_raw)

    def fetch(campaign_id: str) -> CampaignRows:
        return collect(campaign_id, hook.fetch_series(campaign_id, chunk, decode))

    bad = outcome.bad
    campaign_ids = [campaign_id for campaign_id in plan.campaign_ids if campaign_id not in bad]
    batch: list[CampaignRows] = []
    batch_days = 0
    # Closed here, so that the threads end with this function also when the spool's disk is full.
    with closing(fetch_all(campaign_ids, fetch, concurrency=plan.concurrency, stop=hook.stop)) as fetched:
        for item in with_progress(fetched, len(campaign_ids), name, hook, CAMPAIGNS_DATA_SERIES):
            if isinstance(item, Failed):
                outcome.add_failed(item.campaign_id, item.error)
                continue
            outcome.add_landed(item.campaign_id, chunk, item.result.days)
            outcome.drift.update(item.result.drift)
            batch.append(item.result)
            batch_days += len(item.result.days)
            if batch_days >= BATCH_DAYS:
                spool.add(build_tables(batch, plan.spooled))
                batch, batch_days = [], 0
                release_memory()
    if batch:
        spool.add(build_tables(batch, plan.spooled))


def _publish(spool: Spool, chunk: Window, plan: Plan, publisher: Publisher) -> list[LandedObject]:
    with spool:  # closed as soon as it is published, for the next one needs the disk
        # A day that nobody brought is not proven to be empty, unless there was nobody to ask.
        days = spool.days if plan.campaign_ids else list(chunk)
        objects = publisher.publish_days(spool, plan.day_tables, days)
    written = sum(item.written for item in objects)
    log.info(
        "Landed %s of %s: %s written, %d unchanged",
        counted(len(days), "day"),
        chunk,
        counted(written, "object"),
        len(objects) - written,
    )
    return objects


def _land_list(plan: Plan, publisher: Publisher) -> list[LandedObject]:
    if plan.campaigns is None or plan.part or "campaigns" not in plan.tables:
        return []
    return [publisher.publish_whole("campaigns", plan.campaigns)]
