"""The main job as one task: campaign analytics from Braze into object storage."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from airflow_provider_braze.core.bounds import given_text
from airflow_provider_braze.core.lookback import DEFAULT_LOOKBACK_DAYS
from airflow_provider_braze.core.text import counted
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.fetch.outcome import MissingDays, OnCampaignError
from airflow_provider_braze.hooks.braze import BrazeHook
from airflow_provider_braze.landing.details import look_back_by_details
from airflow_provider_braze.landing.layout import FileFormat, Layout, validate_layout
from airflow_provider_braze.landing.log import log_plan
from airflow_provider_braze.landing.memory import load_arrow
from airflow_provider_braze.landing.plan import DEFAULT_TABLES, Plan, choose_campaigns
from airflow_provider_braze.task.arguments import check_arguments, read_campaign_ids
from airflow_provider_braze.task.asset_events import build_event_extra, publish_asset_events
from airflow_provider_braze.task.errors import fail_fast_on_permanent_errors
from airflow_provider_braze.task.lineage import Outputs, build_lineage, endpoints_read, tables_to_write, tables_written
from airflow_provider_braze.task.metrics import emit, landing_metrics
from airflow_provider_braze.task.window import may_run_look_back, resolve_run_window

if TYPE_CHECKING:
    import pyarrow as pa
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_braze.core.models import Window
    from airflow_provider_braze.landing.details import Details
    from airflow_provider_braze.landing.store import Store


class CampaignDataSeriesToObjectStorageOperator(BaseOperator):
    """Land the daily analytics of campaigns as tables: the right days, complete, restated, safe to run again.

    Without ``campaign_ids`` all campaigns of the workspace are landed, archived ones too. Rows are replaced by campaign
    and day, all others stay; an object whose rows do not change is not written. Returns counts and the address of the
    run's manifest, which names the days that changed. The event of each outlet asset names them too, in its ``extra``;
    in a partitioned Dag (Airflow 3.3) there is one event a changed day, with the day as its partition.

    :param destination: where the tables go, such as ``s3://lake/braze`` or ``file:///data/braze`` (templated).
    :param object_storage_conn_id: the store's connection; None for its default credentials (templated).
    :param campaign_ids: API identifiers to land instead of the whole list (templated).
    :param start: first day, ``YYYY-MM-DD`` or a datetime after which days have to end; without it the run's own dates
        tell the days (templated).
    :param end: the day after the last one, or a datetime by which days have to end; given exactly if ``start`` is
        (templated).
    :param lookback_days: how many days before the run's own to land again, >= 0, for Braze books conversions on the
        day of the send for up to 30 days; not applied to ``start`` and ``end``, and in backfill runs. ``"auto"`` takes
        the longest conversion window that the details of the run's campaigns tell, in whole days, and three days more:
        one call a campaign before all others, for a window as long as needed. It is 30 if they tell none, and at least
        30 if some do not come. It follows the details as they are when the task runs: a cleared run may get another
        number. With ``parts`` each task goes by its own campaigns, so the windows (and the manifests' folders) may
        differ in their first days; each part is right by itself.
    :param timezone: IANA name of the company's time zone in Braze; default: the connection's, else UTC (templated).
    :param tables: which of ``campaign_days``, ``campaign_messages``, ``campaign_raw``, ``campaigns`` and
        ``campaign_details`` to land. The last one costs a call a campaign, and wants a key with the permission
        ``campaigns.details``. A run without a table of days is told its days all the same, by the same rules (so it may
        be skipped when none ended), and fetches none.
    :param file_format: ``parquet`` (zstd) or ``jsonl`` (gzip).
    :param parts: among how many tasks the campaigns are divided; with ``expand(part=list(range(parts)))``.
    :param part: which of them this task lands, 0 to ``parts`` - 1.
    :param concurrency: how many campaigns are fetched at once, > 0.
    :param missing_days: what to do when days do not come back for a campaign: ``warn``, ``fail`` or ``ignore``.
    :param on_campaign_error: what to do when campaigns or their details fail, after all else has landed: ``fail`` or
        ``skip``.
    :param spool_folder: where rows lie until all campaigns are in; default: the system's place for temporary files.
        The plan tells how much it takes (templated).
    :param dry_run: log and return the plan, without fetching or writing anything (Braze's list is read, and the
        details if ``lookback_days`` comes from them).
    :param braze_conn_id: the connection to Braze (templated).
    """

    template_fields: Sequence[str] = (
        "destination",
        "object_storage_conn_id",
        "campaign_ids",
        "start",
        "end",
        "timezone",
        "spool_folder",
        "braze_conn_id",
    )
    ui_color = "#d7f2ea"

    def __init__(
        self,
        *,
        destination: str,
        object_storage_conn_id: str | None = None,
        campaign_ids: str | Sequence[str] | None = None,
        start: str | datetime | None = None,
        end: str | datetime | None = None,
        lookback_days: int | Literal["auto"] = DEFAULT_LOOKBACK_DAYS,
        timezone: str | None = None,
        tables: Sequence[str] = DEFAULT_TABLES,
        file_format: FileFormat = "parquet",
        parts: int = 1,
        part: int | None = None,
        concurrency: int = 16,
        missing_days: MissingDays = "warn",
        on_campaign_error: OnCampaignError = "fail",
        spool_folder: str | None = None,
        dry_run: bool = False,
        braze_conn_id: str = BrazeHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.destination = destination
        self.object_storage_conn_id = object_storage_conn_id
        self.campaign_ids = campaign_ids
        self.start = start
        self.end = end
        self.lookback_days = lookback_days
        self.timezone = timezone
        self.tables = tables
        self.file_format = file_format
        self.parts = parts
        self.part = part
        self.concurrency = concurrency
        self.missing_days = missing_days
        self.on_campaign_error = on_campaign_error
        self.spool_folder = spool_folder
        self.is_dry_run = dry_run
        self.braze_conn_id = braze_conn_id
        self._hook: BrazeHook | None = None
        self._outputs: Outputs | None = None
        check_arguments(
            parts=parts,
            part=part,
            tables=tables,
            file_format=file_format,
            concurrency=concurrency,
            lookback_days=lookback_days,
            missing_days=missing_days,
            on_campaign_error=on_campaign_error,
        )

    def execute(self, context: Context) -> dict[str, Any]:
        """Land the run's days, and return the summary."""
        with fail_fast_on_permanent_errors():
            self._check_mapping(context)
            self._hook = hook = BrazeHook(self.braze_conn_id, concurrency=self.concurrency)
            try:
                given = self._given_ids()
                window = resolve_run_window(
                    context,
                    hook,
                    timezone=self.timezone,
                    start=self.start,
                    end=self.end,
                    lookback_days=0 if self.lookback_days == "auto" else self.lookback_days,
                )
                layout = Layout(self.parts, self.file_format, window.timezone, hook.settings.credentials.base_url)
                # Before anything is called: a run that may not land here need not list campaigns.
                store = None if self.is_dry_run else self._open_store(layout)
                plan = self._plan(context, hook, given, window, layout)
                details = None
                if self._is_lookback_told_by_details(context, plan):
                    folder = given_text(self.spool_folder)
                    plan, details = look_back_by_details(plan, hook, folder, is_dry_run=self.is_dry_run)
                log_plan(plan)
                return plan.describe() if store is None else self._land(context, plan, hook, store, details)
            finally:
                hook.close()

    def on_kill(self) -> None:
        """End the waits of :meth:`execute`; what has landed stays, and a rerun does the rest."""
        if self._hook is not None:
            self._hook.stop()

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any] | None:
        """Tell OpenLineage which endpoints of Braze are read, and which tables will be written."""
        is_listing = self.campaign_ids is None
        tables = tables_to_write(self.tables, has_list=is_listing and not self.part)
        return self._lineage(None if self.is_dry_run else Outputs(self.destination, tables))

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Tell OpenLineage what was written, too: nothing, unless the task succeeded."""
        return self._lineage(self._outputs)

    def _lineage(self, outputs: Outputs | None) -> OperatorLineage[Any, Any] | None:
        endpoints = endpoints_read(
            self.tables,
            is_listing=self.campaign_ids is None,
            is_told_by_details=self.lookback_days == "auto",
            is_dry_run=self.is_dry_run,
        )
        return build_lineage(self._hook or BrazeHook(self.braze_conn_id), endpoints, outputs)

    def _open_store(self, layout: Layout) -> Store:
        from airflow_provider_braze.landing.store import Store

        store = Store(self.destination, given_text(self.object_storage_conn_id))
        validate_layout(store, layout)
        return store

    def _land(
        self, context: Context, plan: Plan, hook: BrazeHook, store: Store, details: Details | None
    ) -> dict[str, Any]:
        from airflow_provider_braze.landing.record import summarise
        from airflow_provider_braze.landing.run import land

        with closing(details) if details else nullcontext():
            landed = land(plan, hook, store, spool_folder=given_text(self.spool_folder), details=details)
        emit(landing_metrics(landed.manifest), {"dag_id": plan.run["dag_id"], "task_id": plan.run["task_id"]})
        if landed.error is not None:
            raise landed.error
        self._outputs = Outputs(store.uri, tables_written(landed.manifest), store.account)
        publish_asset_events(context, self.outlets, build_event_extra(landed.manifest, store.uri, landed.uri))
        return summarise(landed.manifest, landed.uri)

    def _given_ids(self) -> list[str] | None:
        given = read_campaign_ids(self.campaign_ids)
        if given is not None and not given:
            raise AirflowSkipException("`campaign_ids` is an empty list, so there is nothing to do.")
        if given is not None and set(self.tables) == {"campaigns"}:
            raise BrazeConfigError("`tables` is the list of campaigns alone, which `campaign_ids` does not land.")
        return given

    def _plan(self, context: Context, hook: BrazeHook, given: list[str] | None, window: Window, layout: Layout) -> Plan:
        campaigns = self._list(hook) if given is None else None
        ids = given if campaigns is None else campaigns.column("campaign_id").to_pylist()
        part = self.part or 0
        return Plan(
            window=window,
            layout=layout,
            part=part,
            campaign_ids=choose_campaigns(ids or (), part, self.parts),
            campaigns=campaigns,
            tables=tuple(self.tables),
            concurrency=self.concurrency,
            missing_days=self.missing_days,
            on_campaign_error=self.on_campaign_error,
            run=_run_of(context),
            requests_per_minute=hook.settings.requests_per_minute,
        )

    def _is_lookback_told_by_details(self, context: Context, plan: Plan) -> bool:
        return self.lookback_days == "auto" and bool(plan.day_tables) and may_run_look_back(context, plan.window)

    def _list(self, hook: BrazeHook) -> pa.Table:
        load_arrow()
        from airflow_provider_braze.tables.build import campaigns_table

        # A table from here on, for the entries of a large workspace would be much to hold while its days are landed.
        campaigns = campaigns_table(hook.list_campaigns(include_archived=True))
        self.log.info("Braze lists %s, archived ones included", counted(campaigns.num_rows, "campaign"))
        return campaigns

    def _check_mapping(self, context: Context) -> None:
        if self.part is None and _is_mapped_over_one_destination(context, self.task_id):
            raise BrazeConfigError(
                "This task is mapped, and its copies land in the same destination. Divide the campaigns among them by "
                "partial(parts=16, ...).expand(part=list(range(16))), or give each copy a destination of its own."
            )


def _is_mapped_over_one_destination(context: Context, task_id: str) -> bool:
    if getattr(context["ti"], "map_index", -1) < 0:
        return False
    # Only the task as the Dag declares it tells what it is mapped over; this one is a copy.
    declared = getattr(context["dag"].get_task(task_id), "partial_kwargs", {})
    return "destination" in declared and "{{" not in str(declared["destination"])


def _run_of(context: Context) -> dict[str, Any]:
    ti = context["ti"]
    return {
        "dag_id": ti.dag_id,
        "run_id": ti.run_id,
        "task_id": ti.task_id,
        "map_index": ti.map_index,
        "try_number": ti.try_number,
    }
