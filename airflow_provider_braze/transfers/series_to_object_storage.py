"""The base of all landing tasks: one analytics series of Braze into object storage."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_braze.core.bounds import given_text
from airflow_provider_braze.core.series import Series, Subject
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.fetch.outcome import MissingDays, OnError
from airflow_provider_braze.hooks.braze import BrazeHook
from airflow_provider_braze.landing.destination import is_literal, resolve_literal
from airflow_provider_braze.landing.formats import FileFormat
from airflow_provider_braze.task.airflow import AirflowSkipException, BaseOperator
from airflow_provider_braze.task.arguments import check_arguments, check_dates, read_ids
from airflow_provider_braze.task.asset_events import build_event_extra, publish_asset_events
from airflow_provider_braze.task.description import describe_days, describe_landing, describe_mapped
from airflow_provider_braze.task.errors import fail_fast_on_permanent_errors, naming_task
from airflow_provider_braze.task.lineage import (
    Outputs,
    build_lineage,
    endpoints_read,
    tables_to_write,
    tables_written,
)
from airflow_provider_braze.task.links import CoverageLink
from airflow_provider_braze.task.mapping import copies_collide
from airflow_provider_braze.task.metrics import emit, landing_metrics
from airflow_provider_braze.task.run_dates import identify_try
from airflow_provider_braze.task.run_window import may_run_look_back, resolve_run_window

if TYPE_CHECKING:
    import pyarrow as pa
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_braze.core.models import Window
    from airflow_provider_braze.landing.details import FetchedDetails
    from airflow_provider_braze.landing.layout import Layout
    from airflow_provider_braze.landing.plan import Plan
    from airflow_provider_braze.landing.store import Store
    from airflow_provider_braze.task.airflow import Context

__all__ = ["SeriesToObjectStorageOperator"]


class SeriesToObjectStorageOperator(BaseOperator):
    """Land one analytics series as tables: the right days, complete, restated, safe to rerun.

    Rows are replaced by subject and day; all other rows stay. An object whose rows do not change is not written.
    Returns counts and the address of the run's record, which names the changed days. The event of each outlet asset
    names them too, in its ``extra``; in a partitioned Dag (Airflow 3.3) there is one event per changed day, with the
    day as its partition.

    A subclass declares :attr:`series`, and with :attr:`ids_argument` or :meth:`given_subjects` which subjects its own
    arguments name.

    :param destination: where the tables go, such as ``s3://lake/braze`` or ``file:///data/braze`` (templated).
    :param object_storage_conn_id: the store's connection; None for its default credentials (templated).
    :param start: first day, ``YYYY-MM-DD``, or a datetime after which days have to end. Default: the run's own dates
        (templated).
    :param end: the day after the last one, or a datetime by which days have to end; required with ``start``
        (templated).
    :param lookback_days: days before the run's own to land again, >= 0. Not applied to ``start`` and ``end``, nor in
        backfill runs. Default: the series'.
    :param timezone: IANA name of the company's time zone in Braze. Default: the connection's, else UTC (templated).
    :param tables: tables to land. Default: the series'.
    :param file_format: ``parquet`` (zstd and Snappy) or ``jsonl`` (gzip).
    :param parts: number of tasks that share the subjects, with ``expand(part=list(range(parts)))``.
    :param part: this task's part, 0 to ``parts`` - 1.
    :param concurrency: subjects fetched at a time, > 0.
    :param missing_days: what to do when days of a subject are missing: ``warn``, ``fail`` or ``ignore``.
    :param on_error: what to do when subjects fail, after all others have landed: ``fail`` or ``skip``.
    :param spool_folder: folder for rows until all subjects are fetched. Default: the system's temporary folder. The
        plan in the log says how much it takes (templated).
    :param dry_run: log and return the plan, without fetching or writing anything. Braze's list is read, and details
        if they determine the lookback.
    :param braze_conn_id: the connection to Braze (templated).
    """

    series: ClassVar[Series]
    ids_argument: ClassVar[str | None] = None
    """Name of the argument that gives ids instead of Braze's list."""
    on_error_argument: ClassVar[str] = "on_error"

    template_fields: Sequence[str] = (
        "destination",
        "object_storage_conn_id",
        "start",
        "end",
        "timezone",
        "spool_folder",
        "braze_conn_id",
        # Airflow 2 does not read the fields again after the task.
        *(("landed_days",) if hasattr(BaseOperator, "overwrite_rtif_after_execution") else ()),
    )
    overwrite_rtif_after_execution = True
    operator_extra_links = (CoverageLink(),)
    ui_color = "#d7f2ea"

    def __init__(
        self,
        *,
        destination: str | PathLike[str],
        object_storage_conn_id: str | None = None,
        start: str | datetime | None = None,
        end: str | datetime | None = None,
        lookback_days: int | Literal["auto"] | None = None,
        timezone: str | None = None,
        tables: Sequence[str] | None = None,
        file_format: FileFormat = "parquet",
        parts: int = 1,
        part: int | None = None,
        concurrency: int = 16,
        missing_days: MissingDays = "warn",
        on_error: OnError = "fail",
        spool_folder: str | None = None,
        dry_run: bool = False,
        braze_conn_id: str = BrazeHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._has_literal_destination = is_literal(destination)
        self.start = start
        self.end = end
        self.lookback_days = self.series.lookback_days if lookback_days is None else lookback_days
        self.timezone = timezone
        self.tables = self.series.default_tables if tables is None else tables
        self.file_format = file_format
        self.parts = parts
        self.part = part
        self.concurrency = concurrency
        self.missing_days = missing_days
        self.on_error = on_error
        self.spool_folder = spool_folder
        self.is_dry_run = dry_run
        self.braze_conn_id = braze_conn_id
        self.landed_days: str | None = None
        self._hook: BrazeHook | None = None
        self._outputs: Outputs | None = None
        with naming_task(self.task_id):
            self.destination, self.object_storage_conn_id = resolve_literal(destination, object_storage_conn_id)
            check_dates(start, end, timezone)
            check_arguments(
                self.series,
                parts=parts,
                part=part,
                tables=self.tables,
                file_format=file_format,
                concurrency=concurrency,
                lookback_days=self.lookback_days,
                missing_days=missing_days,
                on_error=on_error,
                on_error_name=self.on_error_argument,
            )
        if self.doc_md is None:
            self.doc_md = describe_landing(self.series, self.tables, self.lookback_days)

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Return the task to map, with its description."""
        tables = kwargs.get("tables") or cls.series.default_tables
        lookback = kwargs.get("lookback_days")
        description = describe_landing(cls.series, tables, cls.series.lookback_days if lookback is None else lookback)
        return describe_mapped(super().partial(**kwargs), description)

    def given_subjects(self) -> list[Subject] | None:
        """Return the subjects that the arguments name; None to take Braze's list.

        Called after rendering.

        :raises BrazeConfigError: naming the argument, the value seen and what to give.
        """
        if self.ids_argument is None:
            return None
        # Entries of a list that are plain strings are free text.
        is_free_text = self.series.listing is not None and self.series.listing.id_key is None
        ids = read_ids(self.ids_argument, getattr(self, self.ids_argument), is_free_text=is_free_text)
        return None if ids is None else self.subjects_of(ids)

    def subjects_of(self, ids: list[str]) -> list[Subject]:
        """Return the subjects of ids, given or listed."""
        return [self.series.subject(id_) for id_ in ids]

    def execute(self, context: Context) -> dict[str, Any]:
        """Land the run's days and return the summary."""
        # What lands is loaded here and below: a Dag file that is parsed does not need it.
        from airflow_provider_braze.landing.details import open_details
        from airflow_provider_braze.landing.layout import Layout
        from airflow_provider_braze.landing.spool import check_spool_folder

        with fail_fast_on_permanent_errors():
            self._check_mapping(context)
            check_spool_folder(given_text(self.spool_folder))
            self._hook = hook = BrazeHook(self.braze_conn_id, concurrency=self.concurrency)
            try:
                given = self._check_subjects(self.given_subjects())
                window = resolve_run_window(
                    context,
                    timezone=self.timezone,
                    connection_timezone=hook.settings.timezone,
                    start=self.start,
                    end=self.end,
                    lookback_days=self.lookback_days,
                )
                host = hook.settings.credentials.base_url
                layout = Layout(self.parts, self.file_format, window.timezone, host, self.series.name)
                # Before the first request: a run that may not land here need not list anything.
                store = None if self.is_dry_run else self._open_store(layout)
                plan = self._plan(context, hook, given, window, layout)
                folder = given_text(self.spool_folder)
                with open_details(plan, hook, folder, is_dry_run=self.is_dry_run) as (plan, details):
                    if store is None:
                        self.log.info("Dry run: nothing was fetched or written")
                        return plan.describe()
                    return self._land(context, plan, hook, store, details)
            finally:
                hook.close()

    def on_kill(self) -> None:
        """End the waits of :meth:`execute`. What has landed stays, and a rerun does the rest."""
        if self._hook is not None:
            self._hook.stop()

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any] | None:
        """Return the endpoints of Braze that are read, and the tables that will be written."""
        tables = tables_to_write(self.series, self.tables, has_list=self._is_listing and not self.part)
        return self._lineage(None if self.is_dry_run else Outputs(self.destination, tables))

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Return also what was written: nothing, unless the task succeeded."""
        return self._lineage(self._outputs)

    @property
    def _is_listing(self) -> bool:
        """Whether Braze's list is read, as far as known before rendering."""
        is_given = self.ids_argument is not None and getattr(self, self.ids_argument) is not None
        return self.series.listing is not None and not is_given

    def _lineage(self, outputs: Outputs | None) -> OperatorLineage[Any, Any] | None:
        endpoints = endpoints_read(
            self.series,
            self.tables,
            is_listing=self._is_listing,
            is_lookback_from_details=self.lookback_days == "auto",
            is_dry_run=self.is_dry_run,
        )
        hook = self._hook or BrazeHook(self.braze_conn_id)
        return build_lineage(hook.settings.credentials.base_url, endpoints, self.series, outputs)

    def _open_store(self, layout: Layout) -> Store:
        from airflow_provider_braze.landing.layout import validate_layout
        from airflow_provider_braze.landing.store import Store

        store = Store(self.destination, given_text(self.object_storage_conn_id))
        validate_layout(store, layout)
        return store

    def _land(
        self, context: Context, plan: Plan, hook: BrazeHook, store: Store, details: FetchedDetails | None
    ) -> dict[str, Any]:
        from airflow_provider_braze.landing.record import summarise
        from airflow_provider_braze.landing.run import land

        folder = given_text(self.spool_folder)
        landed = land(plan, hook, store, spool_folder=folder, details=details, skip_argument=self.on_error_argument)
        emit(landing_metrics(landed.record), {"dag_id": plan.run["dag_id"], "task_id": plan.run["task_id"]})
        if landed.error is not None:
            try:
                if self.do_xcom_push:
                    context["ti"].xcom_push(key="record", value=landed.uri)
            finally:
                raise landed.error
        self.landed_days = describe_days(landed.record)
        self._outputs = Outputs(store.uri, tables_written(landed.record), store.account)
        publish_asset_events(context, self.outlets, build_event_extra(landed.record, store.uri, landed.uri))
        return summarise(landed.record, landed.uri)

    def _check_subjects(self, given: list[Subject] | None) -> list[Subject] | None:
        if given is None:
            return None
        if not given:
            raise AirflowSkipException(f"No {self.series.plural} were given, so there is nothing to do.")
        table = self.series.table_from("list")
        if table and set(self.tables) == {table.name}:
            raise BrazeConfigError(
                f"`tables` is the list of {self.series.plural} alone, which does not land when they are given by id."
            )
        return given

    def _plan(
        self, context: Context, hook: BrazeHook, given: list[Subject] | None, window: Window, layout: Layout
    ) -> Plan:
        from airflow_provider_braze.landing.plan import Plan, choose_subjects, listed_ids

        listed = self._list(hook) if given is None else None
        if listed is not None:
            given = self.subjects_of(listed_ids(self.series, listed))
        tables = tuple(table for table in self.series.tables if table.name in self.tables)
        part = self.part or 0
        has_days = any(table.has_days for table in tables)
        is_auto = self.lookback_days == "auto" and has_days and may_run_look_back(context, window)
        return Plan(
            series=self.series,
            window=window,
            layout=layout,
            part=part,
            subjects=choose_subjects(given or (), part, self.parts),
            listed=listed,
            tables=tables,
            concurrency=self.concurrency,
            missing_days=self.missing_days,
            on_error=self.on_error,
            run=identify_try(context),
            requests_per_minute=hook.settings.requests_per_minute,
            is_lookback_from_details=is_auto,
        )

    def _list(self, hook: BrazeHook) -> pa.Table:
        from airflow_provider_braze.landing.memory import load_arrow

        load_arrow()
        from airflow_provider_braze.tables.lists import list_table

        listing, table = self.series.listing, self.series.table_from("list")
        assert listing is not None  # noqa: S101 - a series without a list returns its subjects from arguments
        assert table is not None  # noqa: S101
        # A table from here on: the entries of a large workspace would be much to hold while its days are landed.
        listed = list_table(table, listing, hook.list_subjects(listing))
        archived = ", including archived ones" if listing.has_archived else ""
        self.log.info("Braze lists %s%s", self.series.count(listed.num_rows), archived)
        return listed

    def _check_mapping(self, context: Context) -> None:
        has_literal = self._has_literal_destination
        if copies_collide(context, self.task_id, has_literal_destination=has_literal, part=self.part):
            raise BrazeConfigError(
                "This task is mapped, and its copies land in the same destination. Divide the "
                f"{self.series.plural} among them by partial(parts=16, ...).expand(part=list(range(16))), or give each "
                "copy a destination of its own."
            )
