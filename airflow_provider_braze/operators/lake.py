"""Operators that check what has landed in a destination: coverage, and an audit against Braze."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow_provider_braze.core.bounds import given_text
from airflow_provider_braze.core.lookback import MAX_LOOKBACK_DAYS
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeMissingDaysError
from airflow_provider_braze.hooks.braze import BrazeHook
from airflow_provider_braze.landing.destination import resolve_literal
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.series.canvases import CANVASES
from airflow_provider_braze.task.airflow import AirflowFailException, BaseOperator
from airflow_provider_braze.task.arguments import (
    MAX_CONCURRENCY,
    check_dates,
    check_range,
    check_series,
)
from airflow_provider_braze.task.asset_events import build_event_extra, join_records, publish_asset_events
from airflow_provider_braze.task.description import COVERAGE, describe_audit, describe_mapped
from airflow_provider_braze.task.errors import fail_fast_on_permanent_errors, naming_task
from airflow_provider_braze.task.lineage import Outputs, build_lineage, join_written
from airflow_provider_braze.task.links import CoverageLink
from airflow_provider_braze.task.run_dates import identify_try
from airflow_provider_braze.task.run_window import resolve_last_day

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_braze.core.series import Series
    from airflow_provider_braze.landing.audit import Audit
    from airflow_provider_braze.landing.layout import Layout
    from airflow_provider_braze.landing.store import Store
    from airflow_provider_braze.task.airflow import Context

__all__ = [
    "BrazeCoverageOperator",
    "CampaignDataSeriesAuditOperator",
    "CanvasDataSeriesAuditOperator",
    "DataSeriesAuditOperator",
]

_MAX_DAYS_AUDITED: Final = 99
"""Days beyond the lookback: those of one call per campaign."""


class DataSeriesAuditOperator(BaseOperator):
    """Ask Braze again for landed days that are older than the lookback, and report what differs.

    Landing tasks fetch a day until it is older than their lookback. This task compares the days before that, for a
    sample of the landed subjects: the same ones each time. It returns the differences by figure and age, and a verdict
    on the lookback. Without differences it also returns, from the records of the landing runs, whether a shorter
    lookback would do. A difference that was never landed keeps its place while it grows older. So the ages are exact
    where earlier differences have landed, by ``heal`` or by a longer lookback.

    Rows are compared if the lake and Braze both have the subject on that day. The result counts all others. A
    destination of another host or time zone is an error.

    This is the base of the audits of campaigns and of canvases; use one of those.

    :param destination: where the tables are, such as ``s3://lake/braze`` (templated).
    :param object_storage_conn_id: the store's connection; None for its default credentials (templated).
    :param sample: number of subjects, chosen by a hash of their ids. Default 50.
    :param lookback_days: lookback of the task that lands.
    :param days_beyond_lookback: number of days to compare, those just older than the lookback, 1 to 99. Default 69.
    :param max_changed_share: largest share of the compared days of subjects that may differ, 0 to 1. Above it the task
        fails, without retries. Default: any.
    :param heal: whether to land the subjects and days that differ, in the tables that have landed there. Outlets then
        report the changed days.
    :param timezone: IANA name of the company's time zone in Braze; default: the connection's, else UTC (templated).
    :param concurrency: subjects fetched at a time, > 0. Default 4.
    :param braze_conn_id: the connection to Braze (templated).
    """

    template_fields: Sequence[str] = ("destination", "object_storage_conn_id", "timezone", "braze_conn_id")
    ui_color = "#d7f2ea"
    series: ClassVar[Series]

    def __init__(
        self,
        *,
        destination: str | PathLike[str],
        object_storage_conn_id: str | None = None,
        sample: int = 50,
        lookback_days: int,
        days_beyond_lookback: int = 69,
        max_changed_share: float | None = None,
        heal: bool = False,
        timezone: str | None = None,
        concurrency: int = 4,
        braze_conn_id: str = BrazeHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sample = sample
        self.lookback_days = lookback_days
        self.days_beyond_lookback = days_beyond_lookback
        self.max_changed_share = max_changed_share
        self.heal = heal
        self.timezone = timezone
        self.concurrency = concurrency
        self.braze_conn_id = braze_conn_id
        self._hook: BrazeHook | None = None
        self._outputs: Outputs | None = None
        with naming_task(self.task_id):
            self.destination, self.object_storage_conn_id = resolve_literal(destination, object_storage_conn_id)
            check_dates(None, None, timezone)
            check_range("sample", sample, 1, 10_000)
            check_range("lookback_days", lookback_days, 0, MAX_LOOKBACK_DAYS)
            check_range("days_beyond_lookback", days_beyond_lookback, 1, _MAX_DAYS_AUDITED)
            check_range("concurrency", concurrency, 1, MAX_CONCURRENCY)
            is_share = isinstance(max_changed_share, int | float) and 0 <= max_changed_share <= 1
            if max_changed_share is not None and not is_share:
                raise BrazeConfigError(
                    f"`max_changed_share` is {max_changed_share!r}. Give a share from 0 to 1, or None."
                )
        if self.doc_md is None:
            self.doc_md = describe_audit(self.series)

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Return the task to map, with its description."""
        return describe_mapped(super().partial(**kwargs), describe_audit(cls.series))

    def execute(self, context: Context) -> dict[str, Any]:
        """Compare, land what differs if wanted, and return the result."""
        from airflow_provider_braze.landing.audit import audit, require_layout
        from airflow_provider_braze.landing.store import Store

        with fail_fast_on_permanent_errors():
            self._hook = hook = BrazeHook(self.braze_conn_id, concurrency=self.concurrency)
            try:
                zone = {"timezone": self.timezone, "connection_timezone": hook.settings.timezone}
                day = resolve_last_day(context, **zone, start=None, end=None)
                store = Store(self.destination, given_text(self.object_storage_conn_id))
                layout = require_layout(store, self.series, hook.settings.credentials.base_url, day.timezone)
                found = audit(
                    self.series,
                    hook,
                    store,
                    layout,
                    day.start,
                    lookback_days=self.lookback_days,
                    days_beyond_lookback=self.days_beyond_lookback,
                    sample=self.sample,
                    concurrency=self.concurrency,
                )
                for line in found.lines():
                    self.log.info("%s", line)
                advice = self._advise(found, store)
                result = {**found.describe(), "advice": advice}
                failure = self._check_share(result)
                result["healed"] = self._heal(context, found, hook, store, layout, failure)
            finally:
                hook.close()
        if failure is not None:
            if self.do_xcom_push:
                context["ti"].xcom_push(key="audit", value=result)
            raise failure
        return result

    def on_kill(self) -> None:
        """End the waits of :meth:`execute`."""
        if self._hook is not None:
            self._hook.stop()

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any] | None:
        """Return the endpoint of Braze that is read, for OpenLineage."""
        return self._lineage(None)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Return also what was landed: nothing, unless the task succeeded."""
        return self._lineage(self._outputs)

    def _lineage(self, outputs: Outputs | None) -> OperatorLineage[Any, Any] | None:
        hook = self._hook or BrazeHook(self.braze_conn_id)
        return build_lineage(hook.settings.credentials.base_url, self.series.endpoints, self.series, outputs)

    def _advise(self, found: Audit, store: Store) -> str | None:
        """Return whether a shorter lookback would do, as the landing runs' records show; None if days still change."""
        from airflow_provider_braze.coverage.changes import judge_lookback, sum_by_age
        from airflow_provider_braze.coverage.reader import read_tries
        from airflow_provider_braze.landing import journal

        if found.comparison.changed or not found.comparison.compared:
            return None
        tries, _ = read_tries(store, self.series, journal.now())
        ages = sum_by_age(tries)
        advice = judge_lookback(ages, self.lookback_days)
        self.log.info("Within the lookback: %s", advice)
        return advice

    def _heal(
        self,
        context: Context,
        found: Audit,
        hook: BrazeHook,
        store: Store,
        layout: Layout,
        failure: AirflowFailException | None,
    ) -> dict[str, Any]:
        """Land what differs, and return the changed days and the records.

        :param failure: what the task fails with afterwards. Its event is lost, so a later run reports the days.
        """
        from airflow_provider_braze.landing.audit import heal, healed_before

        if not self.heal:
            return {"changed_days": [], "records": []}
        run = identify_try(context)
        earlier = healed_before(store, self.series, run)
        landed = heal(found, hook, store, layout, run, self.concurrency, failure)
        if error := next((each.error for each in landed if each.error not in (None, failure)), None):
            raise error
        if failure is None:
            self._outputs = Outputs(store.uri, join_written([each.record for each in landed]), store.account)
        landed = [*earlier, *landed]
        if not landed:
            return {"changed_days": [], "records": []}
        extra = build_event_extra(join_records([each.record for each in landed]), store.uri, landed[-1].uri)
        publish_asset_events(context, self.outlets, extra)
        return {"changed_days": extra["changed_days"], "records": [each.uri for each in landed]}

    def _check_share(self, result: dict[str, Any]) -> AirflowFailException | None:
        """Return what the task fails with when too much differs."""
        limit, share = self.max_changed_share, result["changed_share"]
        if limit is None or share <= limit:
            return None
        done = "They have landed now." if self.heal else "Land them with heal=True."
        return AirflowFailException(
            f"{share:.2%} of the compared {self.series.noun} days differ, more than `max_changed_share` ({limit:.2%}): "
            f"{result['verdict']}. {done}"
        )


class CampaignDataSeriesAuditOperator(DataSeriesAuditOperator):
    """Compare landed campaign days that are older than the lookback with Braze: one call per campaign of the sample.

    :param lookback_days: lookback of the task that lands. Default 30.
    """

    series = CAMPAIGNS

    def __init__(self, *, lookback_days: int = CAMPAIGNS.lookback_days, **kwargs: Any) -> None:
        super().__init__(lookback_days=lookback_days, **kwargs)


class CanvasDataSeriesAuditOperator(DataSeriesAuditOperator):
    """Compare landed canvas days that are older than the lookback with Braze: one call per canvas and 13 days.

    :param lookback_days: lookback of the task that lands. Default 30.
    :param days_per_call: longest span of one call, as for the task that lands. Default 14.
    """

    series: ClassVar = CANVASES

    def __init__(
        self, *, lookback_days: int = CANVASES.lookback_days, days_per_call: int = CANVASES.max_length, **kwargs: Any
    ) -> None:
        super().__init__(lookback_days=lookback_days, **kwargs)
        self.series = replace(CANVASES, max_length=days_per_call)  # type: ignore[misc]
        with naming_task(self.task_id):
            check_range("days_per_call", days_per_call, 2, CANVASES.max_length)


class BrazeCoverageOperator(BaseOperator):
    """Check which days have landed at a destination, and write a page about it. Sends no request to Braze.

    Writes ``_braze/coverage/index.html`` and ``coverage.json`` below the destination, and pushes the page's content to
    XCom, also when the task fails. Returns the counts of each series and the addresses of both. Keeps each series'
    result in ``_braze/<series>/coverage.json``, so that the next check knows the days whose records are gone.

    :param destination: where the tables are, such as ``s3://lake/braze`` or ``file:///data/braze`` (templated).
    :param object_storage_conn_id: the store's connection; None for its default credentials (templated).
    :param max_age: most days between the newest day of a series and yesterday, >= 0; None for any. Default 1.
    :param max_missing_days: most days of a series that are absent or lack subjects, >= 0; None for any. Unproven days
        do not count. Default 0.
    :param series: names of the series to check, such as ``["campaigns"]``. Default: all that have landed.
    """

    template_fields: Sequence[str] = ("destination", "object_storage_conn_id")
    operator_extra_links = (CoverageLink(),)
    ui_color = "#d7f2ea"

    def __init__(
        self,
        *,
        destination: str | PathLike[str],
        object_storage_conn_id: str | None = None,
        max_age: int | None = 1,
        max_missing_days: int | None = 0,
        series: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_age = max_age
        self.max_missing_days = max_missing_days
        self.series = series
        with naming_task(self.task_id):
            self.destination, self.object_storage_conn_id = resolve_literal(destination, object_storage_conn_id)
            for name, value in (("max_age", max_age), ("max_missing_days", max_missing_days)):
                if value is not None:
                    check_range(name, value, 0, MAX_LOOKBACK_DAYS)
            if series is not None:
                check_series(series)
        if self.doc_md is None:
            self.doc_md = COVERAGE

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Return the task to map, with its description."""
        return describe_mapped(super().partial(**kwargs), COVERAGE)

    def execute(self, context: Context) -> dict[str, Any]:
        """Read the destination, write the page and return the counts."""
        from airflow_provider_braze.coverage.excerpt import XCOM_KEY, for_xcom
        from airflow_provider_braze.coverage.model import find_violations, summarise
        from airflow_provider_braze.coverage.report import DOCUMENT, PAGE, read_coverage, write_coverage
        from airflow_provider_braze.coverage.terminal import format_coverage, show_unprintable
        from airflow_provider_braze.landing import journal
        from airflow_provider_braze.landing.store import Store

        with fail_fast_on_permanent_errors():
            store = Store(self.destination, given_text(self.object_storage_conn_id))
            coverage = read_coverage(store, self.series, journal.now())
            write_coverage(store, coverage)
        if self.do_xcom_push:
            context["ti"].xcom_push(key=XCOM_KEY, value=for_xcom(coverage))
        for line in format_coverage(coverage).splitlines():
            self.log.info("%s", line)
        if violations := find_violations(coverage, self.max_age, self.max_missing_days):
            raise BrazeMissingDaysError(
                f"{show_unprintable('; '.join(violations))}. Land these days again as {store.uri_of(PAGE)} shows.", "$"
            )
        return {"series": summarise(coverage), "page": store.uri_of(PAGE), "document": store.uri_of(DOCUMENT)}
