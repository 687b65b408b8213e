"""Operators that return campaigns, their analytics and a destination's state to other tasks, through XCom."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args

from airflow_provider_braze.core.bounds import is_given, read_bound
from airflow_provider_braze.core.endpoints import CAMPAIGNS_DATA_SERIES
from airflow_provider_braze.core.lookback import MAX_LOOKBACK_DAYS
from airflow_provider_braze.core.text import counted
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.fetch.outcome import MissingDays
from airflow_provider_braze.hooks.braze import BrazeHook
from airflow_provider_braze.operators.lake import (
    BrazeCoverageOperator,
    CampaignDataSeriesAuditOperator,
    CanvasDataSeriesAuditOperator,
)
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.task.airflow import AirflowSkipException, BaseOperator
from airflow_provider_braze.task.arguments import (
    MAX_CONCURRENCY,
    check_choice,
    check_dates,
    check_range,
    read_ids,
)
from airflow_provider_braze.task.errors import fail_fast_on_permanent_errors, naming_task
from airflow_provider_braze.task.lineage import build_lineage
from airflow_provider_braze.task.run_window import resolve_run_window

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_braze.core.models import JsonObject
    from airflow_provider_braze.task.airflow import Context

__all__ = [
    "BrazeCoverageOperator",
    "CampaignDataSeriesAuditOperator",
    "CampaignDataSeriesOperator",
    "CampaignListOperator",
    "CanvasDataSeriesAuditOperator",
]


class CampaignDataSeriesOperator(BaseOperator):
    """Fetch the daily analytics of a few campaigns, and return them.

    For many campaigns, or for the lake, use
    :class:`~airflow_provider_braze.transfers.braze_to_object_storage.CampaignDataSeriesToObjectStorageOperator`.

    Returns Braze's day objects as a list, ordered by campaign (as given) and day, each with its ``campaign_id`` added.

    :param campaign_ids: one campaign's API identifier, or a list of them (templated).
    :param start: first day, ``YYYY-MM-DD`` or a datetime after which days have to end; Default: the run's own dates
        (templated).
    :param end: the day after the last one, or a datetime by which days have to end; required with ``start``
        (templated).
    :param lookback_days: days before the run's own to fetch again, >= 0. Default 0.
    :param timezone: IANA name of the company's time zone in Braze; default: the connection's, else UTC (templated).
    :param missing_days: what to do when days are missing: ``warn``, ``fail`` or ``ignore``.
    :param max_xcom_bytes: most bytes of the result as JSON; a larger one is an error. Default 1 MiB.
    :param concurrency: campaigns fetched at a time, > 0. Default 4.
    :param braze_conn_id: the connection to Braze (templated).
    """

    template_fields: Sequence[str] = ("campaign_ids", "start", "end", "timezone", "braze_conn_id")
    ui_color = "#d7f2ea"

    def __init__(
        self,
        *,
        campaign_ids: str | Sequence[str],
        start: str | datetime | None = None,
        end: str | datetime | None = None,
        lookback_days: int = 0,
        timezone: str | None = None,
        missing_days: MissingDays = "warn",
        max_xcom_bytes: int = 1024 * 1024,
        concurrency: int = 4,
        braze_conn_id: str = BrazeHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.campaign_ids = campaign_ids
        self.start = start
        self.end = end
        self.lookback_days = lookback_days
        self.timezone = timezone
        self.missing_days = missing_days
        self.max_xcom_bytes = max_xcom_bytes
        self.concurrency = concurrency
        self.braze_conn_id = braze_conn_id
        self._hook: BrazeHook | None = None
        with naming_task(self.task_id):
            check_dates(start, end, timezone)
            check_range("concurrency", concurrency, 1, MAX_CONCURRENCY)
            check_range("lookback_days", lookback_days, 0, MAX_LOOKBACK_DAYS)
            check_range("max_xcom_bytes", max_xcom_bytes, 1, 2**40)
            check_choice("missing_days", missing_days, get_args(MissingDays))

    def execute(self, context: Context) -> list[JsonObject]:
        """Fetch and return the days, after a check that they are complete."""
        from airflow_provider_braze.fetch.days import fetch_days

        with fail_fast_on_permanent_errors():
            campaign_ids = read_ids("campaign_ids", self.campaign_ids)
            if campaign_ids is None:
                raise BrazeConfigError("`campaign_ids` is empty. Give one campaign id, or a list of them.")
            if not campaign_ids:
                raise AirflowSkipException("`campaign_ids` is an empty list, so there is nothing to do.")
            self._hook = hook = BrazeHook(self.braze_conn_id, concurrency=self.concurrency)
            try:
                window = resolve_run_window(
                    context,
                    timezone=self.timezone,
                    connection_timezone=hook.settings.timezone,
                    start=self.start,
                    end=self.end,
                    lookback_days=self.lookback_days,
                )
                days = fetch_days(hook, campaign_ids, window, missing=self.missing_days, concurrency=self.concurrency)
            finally:
                hook.close()
            self._check_size(days)
            return days

    def on_kill(self) -> None:
        """End the waits of :meth:`execute`."""
        if self._hook is not None:
            self._hook.stop()

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any] | None:
        """Return the endpoint of Braze that is read, for OpenLineage."""
        hook = self._hook or BrazeHook(self.braze_conn_id)
        return build_lineage(hook.settings.credentials.base_url, [CAMPAIGNS_DATA_SERIES], CAMPAIGNS)

    def _check_size(self, days: list[JsonObject]) -> None:
        size = len(json.dumps(days).encode())
        if size > self.max_xcom_bytes:
            raise BrazeConfigError(
                f"The result has {size:,} bytes, more than the {self.max_xcom_bytes:,} of `max_xcom_bytes`: XCom is "
                "stored in Airflow's database. Land it with CampaignDataSeriesToObjectStorageOperator, or map this "
                "operator over the campaigns, or over shorter windows."
            )


class CampaignListOperator(BaseOperator):
    """List campaigns, and return their ids, for other tasks to be mapped over.

    :param include_archived: whether archived campaigns are listed too.
    :param tag: keep campaigns with this tag (templated).
    :param name_pattern: keep campaigns whose name contains this regular expression (templated).
    :param edited_after: keep campaigns edited after this moment, ISO text with an offset or an aware datetime. It
        is not the time of the last send (templated).
    :param braze_conn_id: the connection to Braze (templated).
    """

    template_fields: Sequence[str] = ("tag", "name_pattern", "edited_after", "braze_conn_id")
    ui_color = "#d7f2ea"

    def __init__(
        self,
        *,
        include_archived: bool = False,
        tag: str | None = None,
        name_pattern: str | None = None,
        edited_after: str | datetime | None = None,
        braze_conn_id: str = BrazeHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.include_archived = include_archived
        self.tag = tag
        self.name_pattern = name_pattern
        self.edited_after = edited_after
        self.braze_conn_id = braze_conn_id
        self._hook: BrazeHook | None = None

    def execute(self, context: Context) -> list[str]:
        """Read the list's pages and return the matching ids."""
        with fail_fast_on_permanent_errors():
            pattern, edited_after = self._pattern(), self._edited_after()
            self._hook = hook = BrazeHook(self.braze_conn_id)
            try:
                entries = hook.list_campaigns(include_archived=self.include_archived, edited_after=edited_after)
                ids = [entry["id"] for entry in entries if self._is_wanted(entry, pattern)]
            finally:
                hook.close()
        self.log.info("Found %s", counted(len(ids), "campaign"))
        return ids

    def on_kill(self) -> None:
        """End the waits of :meth:`execute`."""
        if self._hook is not None:
            self._hook.stop()

    def _is_wanted(self, entry: JsonObject, pattern: re.Pattern[str]) -> bool:
        has_tag = not is_given(self.tag) or self.tag in (entry.get("tags") or ())
        return has_tag and pattern.search(str(entry.get("name") or "")) is not None

    def _pattern(self) -> re.Pattern[str]:
        try:
            return re.compile(str(self.name_pattern) if is_given(self.name_pattern) else "")
        except re.error as error:
            raise BrazeConfigError(
                f"`name_pattern` is {self.name_pattern!r}, which is not a regular expression: {error}."
            ) from error

    def _edited_after(self) -> datetime | None:
        if not is_given(self.edited_after):
            return None
        try:
            moment = read_bound("edited_after", self.edited_after)
        except BrazeConfigError:
            moment = None
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise BrazeConfigError(
                f"`edited_after` is {self.edited_after!r}. Give a moment with its offset, such as 2026-11-18T00:00:00Z."
            )
        return moment
