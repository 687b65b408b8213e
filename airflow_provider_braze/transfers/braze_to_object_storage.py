"""Landing tasks, one class per analytics series of Braze."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from airflow_provider_braze.core.series import Subject
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.fetch.outcome import OnError
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.series.canvases import CANVASES
from airflow_provider_braze.series.events import EVENTS, event_subjects
from airflow_provider_braze.series.kpis import KPIS, METRICS, kpi_subjects
from airflow_provider_braze.series.purchases import METRICS as PURCHASE_METRICS
from airflow_provider_braze.series.purchases import PURCHASES, purchase_subjects
from airflow_provider_braze.series.segments import SEGMENTS
from airflow_provider_braze.series.sends import SENDS, send_subjects
from airflow_provider_braze.task.airflow import AirflowSkipException
from airflow_provider_braze.task.arguments import (
    check_choices,
    check_range,
    read_ids,
    read_optional_ids,
    read_pairs,
)
from airflow_provider_braze.task.errors import naming_task
from airflow_provider_braze.transfers.series_to_object_storage import SeriesToObjectStorageOperator

__all__ = [
    "CampaignDataSeriesToObjectStorageOperator",
    "CanvasDataSeriesToObjectStorageOperator",
    "EventDataSeriesToObjectStorageOperator",
    "KpiDataSeriesToObjectStorageOperator",
    "PurchaseDataSeriesToObjectStorageOperator",
    "SegmentDataSeriesToObjectStorageOperator",
    "SendDataSeriesToObjectStorageOperator",
    "SeriesToObjectStorageOperator",
]


class CampaignDataSeriesToObjectStorageOperator(SeriesToObjectStorageOperator):
    """Land the daily analytics of campaigns. All common arguments are those of the base class.

    Without ``campaign_ids`` all campaigns of the workspace land, archived ones too. The default lookback is 30 days:
    Braze books conversions on the day of the send for up to 30 days. ``lookback_days="auto"`` takes the longest
    conversion window in the details of the run's campaigns, in whole days, plus three days. That costs one call per
    campaign before all others. It is 30 if no details have one, and at least 30 if some details fail. It follows the
    details at the time of the run, so a cleared run may get another number. With ``parts`` each task uses its own
    campaigns, so the first days of their windows may differ.

    Tables: ``campaign_days``, ``campaign_messages``, ``campaigns``; on request ``campaign_raw`` and
    ``campaign_details``, which costs one call per campaign and needs the permission ``campaigns.details``.

    :param campaign_ids: API identifiers to land instead of the whole list (templated).
    :param on_campaign_error: what to do when campaigns or their details fail, after all others have landed: ``fail`` or
        ``skip``.
    """

    series: ClassVar = CAMPAIGNS
    ids_argument: ClassVar = "campaign_ids"
    on_error_argument: ClassVar = "on_campaign_error"
    template_fields: Sequence[str] = (*SeriesToObjectStorageOperator.template_fields, "campaign_ids")

    def __init__(
        self,
        *,
        campaign_ids: str | Sequence[str] | None = None,
        on_campaign_error: OnError = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(on_error=on_campaign_error, **kwargs)
        self.campaign_ids = campaign_ids
        self.on_campaign_error = on_campaign_error


class CanvasDataSeriesToObjectStorageOperator(SeriesToObjectStorageOperator):
    """Land the daily analytics of canvases. All common arguments are those of the base class.

    Without ``canvas_ids`` all canvases of the workspace land, archived ones too. Deleted steps keep their rows.

    Tables: ``canvas_days``, ``canvas_variant_days``, ``canvas_step_days``, ``canvas_step_messages``, ``canvases``; on
    request ``canvas_raw`` and ``canvas_details``, which costs one call per canvas and needs the permission
    ``canvas.details``.

    :param canvas_ids: API identifiers to land instead of the whole list (templated).
    :param days_per_call: longest span of one call, 2 to 14 days. Braze documents 14; set 13 for a workspace that
        rejects 14.
    """

    series: ClassVar = CANVASES
    ids_argument: ClassVar = "canvas_ids"
    template_fields: Sequence[str] = (*SeriesToObjectStorageOperator.template_fields, "canvas_ids")

    def __init__(
        self, *, canvas_ids: str | Sequence[str] | None = None, days_per_call: int = CANVASES.max_length, **kwargs: Any
    ) -> None:
        self.series = replace(CANVASES, max_length=days_per_call)  # type: ignore[misc]
        super().__init__(**kwargs)
        self.canvas_ids = canvas_ids
        self.days_per_call = days_per_call
        with naming_task(self.task_id):
            check_range("days_per_call", days_per_call, 2, CANVASES.max_length)


class KpiDataSeriesToObjectStorageOperator(SeriesToObjectStorageOperator):
    """Land daily KPIs and sessions as one tidy table. All common arguments are those of the base class.

    A permission that the key lacks costs only its metric. Braze computes MAU at 12:05 UTC, so a run before that may
    miss its last day; the next run lands it.

    Table: ``kpi_days`` with metric, app, segment, day and value. A null app means all apps together. Never sum apps
    with it, nor unique users over apps or days.

    :param metrics: of ``dau``, ``mau``, ``new_users``, ``uninstalls`` and ``sessions``. Default: all.
    :param app_ids: identifiers of apps, from Braze's settings; None means all apps together. Default ``(None,)``
        (templated).
    :param segment_ids: segments with analytics tracking, for ``sessions`` alone (templated).
    """

    series: ClassVar = KPIS
    template_fields: Sequence[str] = (*SeriesToObjectStorageOperator.template_fields, "app_ids", "segment_ids")

    def __init__(
        self,
        *,
        metrics: Sequence[str] = METRICS,
        app_ids: Sequence[str | None] = (None,),
        segment_ids: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.metrics = metrics
        self.app_ids = app_ids
        self.segment_ids = segment_ids
        with naming_task(self.task_id):
            check_choices("metrics", metrics, METRICS)

    def given_subjects(self) -> list[Subject]:
        """Return a subject per metric, app and segment."""
        segment_ids = read_ids("segment_ids", self.segment_ids) or []
        if segment_ids and "sessions" not in self.metrics:
            raise BrazeConfigError(
                f"`segment_ids` is {segment_ids!r}, but only 'sessions' has values by segment, and `metrics` is "
                f"{self.metrics!r}. Add 'sessions' to `metrics`, or omit `segment_ids`."
            )
        return kpi_subjects(self.metrics, _read_app_ids(self.app_ids), segment_ids)


class SegmentDataSeriesToObjectStorageOperator(SeriesToObjectStorageOperator):
    """Land the daily size of segments. All common arguments are those of the base class.

    Without ``segment_ids`` all segments with analytics tracking land: at most 25 of a workspace. A segment has no
    values from before its tracking was switched on.

    Tables: ``segment_days``, ``segments``; on request ``segment_details``, which costs one call per segment and needs
    the permission ``segments.details``.

    :param segment_ids: API identifiers to land instead of all tracked segments (templated).
    """

    series: ClassVar = SEGMENTS
    ids_argument: ClassVar = "segment_ids"
    template_fields: Sequence[str] = (*SeriesToObjectStorageOperator.template_fields, "segment_ids")

    def __init__(self, *, segment_ids: str | Sequence[str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.segment_ids = segment_ids


class EventDataSeriesToObjectStorageOperator(SeriesToObjectStorageOperator):
    """Land the daily count of custom events. All common arguments are those of the base class.

    Without ``events`` all custom events of the workspace land. The list costs the rate limit of 1,000 requests an hour
    that few endpoints share; the series do not.

    Tables: ``event_days``, ``events``.

    :param events: names of events, as they are, to land instead of the whole list (templated).
    :param app_ids: identifiers of apps, for given ``events``; None means all apps together. Default ``(None,)``
        (templated).
    """

    series: ClassVar = EVENTS
    ids_argument: ClassVar = "events"
    template_fields: Sequence[str] = (*SeriesToObjectStorageOperator.template_fields, "events", "app_ids")

    def __init__(
        self,
        *,
        events: str | Sequence[str] | None = None,
        app_ids: Sequence[str | None] = (None,),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.events = events
        self.app_ids = app_ids

    def given_subjects(self) -> list[Subject] | None:
        """Return the given events for each app; None to take Braze's list."""
        # Without an app there is nothing to do for listed events either.
        _read_app_ids(self.app_ids)
        return super().given_subjects()

    def subjects_of(self, ids: list[str]) -> list[Subject]:
        """Return the events for each app."""
        return event_subjects(ids, _read_app_ids(self.app_ids))


class PurchaseDataSeriesToObjectStorageOperator(SeriesToObjectStorageOperator):
    """Land daily purchases: quantity and revenue. All common arguments are those of the base class.

    Every call counts against a rate limit of 1,000 requests an hour that few endpoints share, so products land on
    request only. The plan in the log says how many hours they take, and the task waits for them.

    Table: ``purchase_days`` with metric, product, app, day and value. A null product means all products together.

    :param metrics: of ``quantity`` and ``revenue``. Default: both.
    :param products: ids of products to land one by one. Default None: all together (templated).
    :param app_ids: identifiers of apps; None means all apps together. Default ``(None,)`` (templated).
    """

    series: ClassVar = PURCHASES
    template_fields: Sequence[str] = (*SeriesToObjectStorageOperator.template_fields, "products", "app_ids")

    def __init__(
        self,
        *,
        metrics: Sequence[str] = PURCHASE_METRICS,
        products: str | Sequence[str] | None = None,
        app_ids: Sequence[str | None] = (None,),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.metrics = metrics
        self.products = products
        self.app_ids = app_ids
        with naming_task(self.task_id):
            check_choices("metrics", metrics, PURCHASE_METRICS)

    def given_subjects(self) -> list[Subject]:
        """Return a subject per metric, product and app."""
        products = read_ids("products", self.products, is_free_text=True)
        if products == []:
            raise AirflowSkipException("`products` is an empty list, so there is nothing to do.")
        return purchase_subjects(self.metrics, products or [None], _read_app_ids(self.app_ids))


class SendDataSeriesToObjectStorageOperator(SeriesToObjectStorageOperator):
    """Land the daily analytics of sends of API campaigns. All common arguments are those of the base class.

    Braze keeps a send for 14 days and does not list send ids. Days that Braze no longer returns keep their rows.

    Tables: ``send_days``, ``send_messages``.

    :param sends: pairs of campaign id and send id (templated).
    """

    series: ClassVar = SENDS
    template_fields: Sequence[str] = (*SeriesToObjectStorageOperator.template_fields, "sends")

    def __init__(self, *, sends: Sequence[tuple[str, str]] | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sends = sends

    def given_subjects(self) -> list[Subject]:
        """Return a subject per pair."""
        return send_subjects(read_pairs("sends", self.sends))


def _read_app_ids(app_ids: object) -> list[str | None]:
    found = read_optional_ids("app_ids", app_ids)
    if not found:
        raise AirflowSkipException("`app_ids` is an empty list, so there is nothing to do.")
    return found
