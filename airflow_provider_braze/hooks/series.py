"""The hook's methods of single series, under the names that people look for, over two generic ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Container, Iterable, Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.listing import entries_of
from airflow_provider_braze.core.series import Listing, Series, Subject
from airflow_provider_braze.exceptions import BrazeAuthError, BrazeRequestError
from airflow_provider_braze.series import find_series
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.series.canvases import CANVASES
from airflow_provider_braze.series.events import EVENTS, event_subjects
from airflow_provider_braze.series.kpis import KPIS, kpi_subjects
from airflow_provider_braze.series.kpis import METRICS as KPI_METRICS
from airflow_provider_braze.series.purchases import METRICS as PURCHASE_METRICS
from airflow_provider_braze.series.purchases import PURCHASES, purchase_subjects
from airflow_provider_braze.series.segments import SEGMENTS
from airflow_provider_braze.series.sends import SENDS, send_subjects
from airflow_provider_braze.task.arguments import check_choice

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import JsonObject, SeriesCall, Window

T = TypeVar("T", bound=Container[date])

_NO_ID: Final = "00000000-0000-0000-0000-000000000000"


class SeriesMethods:
    """Thin methods per series. Errors are those of the generic methods."""

    @abstractmethod
    def fetch_series(
        self, series: Series, subject: Subject, window: Window, decode: Callable[[bytes, SeriesCall], T]
    ) -> list[T]:
        """Fetch a subject's days call by call, and decode each response as it arrives."""

    @abstractmethod
    def list_subjects(
        self, listing: Listing, *, include_archived: bool = True, edited_after: datetime | None = None
    ) -> Iterator[Any]:
        """List the entries of a list endpoint, each id once."""

    @abstractmethod
    def get(self, path: str, params: dict[str, str] | None = None) -> Any:
        """Call a GET endpoint."""

    def data_series(self, series: Series, subject: Subject, window: Window) -> list[JsonObject]:
        """Fetch a subject's daily analytics.

        :param window: days in the company's time zone, fetched in as few calls as the series allows.
        :return: Braze's day objects, ordered by day, at most one for each day of the window. Missing days are left out
            (see :func:`~airflow_provider_braze.core.windows.missing_days`).
        :raises BrazeDataError: a response has another shape, or contains a day twice with different content.
        """
        from airflow_provider_braze.core.payloads import read_days

        def decode(body: bytes, call: SeriesCall) -> dict[date, JsonObject]:
            return read_days(body, call, series.nested_days)

        return [day for days in self.fetch_series(series, subject, window, decode) for day in days.values()]

    def list_campaigns(
        self, *, include_archived: bool = True, edited_after: datetime | None = None
    ) -> Iterator[JsonObject]:
        """List campaigns as entries ``{id, name, is_api_campaign, last_edited, tags}``; only ``id`` is sure.

        :param include_archived: whether to list archived campaigns, which may still have analytics. Default True.
        :param edited_after: aware datetime; only campaigns edited after it, whenever they were sent. Default None.
        """
        return self.list_subjects(_listing(CAMPAIGNS), include_archived=include_archived, edited_after=edited_after)

    def campaign_details(self, campaign_id: str) -> JsonObject:
        """Fetch a campaign's details as Braze sends them: channels, message variations, conversion behaviours.

        :param campaign_id: the campaign's API identifier.
        """
        return self._details(CAMPAIGNS, campaign_id)

    def campaign_data_series(self, campaign_id: str, window: Window) -> list[JsonObject]:
        """Fetch a campaign's daily analytics; see :meth:`data_series`."""
        return self.data_series(CAMPAIGNS, CAMPAIGNS.subject(campaign_id), window)

    def list_canvases(self, *, include_archived: bool = True) -> Iterator[JsonObject]:
        """List canvases as entries ``{id, name, last_edited, tags}``; keys except ``id`` may be missing."""
        return self.list_subjects(_listing(CANVASES), include_archived=include_archived)

    def canvas_details(self, canvas_id: str) -> JsonObject:
        """Fetch a canvas's details as Braze sends them: variants, steps and their messages."""
        return self._details(CANVASES, canvas_id)

    def canvas_data_series(self, canvas_id: str, window: Window) -> list[JsonObject]:
        """Fetch a canvas's daily analytics with all breakdowns; see :meth:`data_series`."""
        return self.data_series(CANVASES, CANVASES.subject(canvas_id), window)

    def canvas_data_summary(self, canvas_id: str, *, ending_at: str, length: int) -> JsonObject:
        """Fetch a canvas's totals over a range, which cannot be proven or restated day by day.

        :param ending_at: end of the range, ISO 8601 with an offset.
        :param length: days before ``ending_at``, 1 to 14.
        """
        params = {"canvas_id": canvas_id, "ending_at": ending_at, "length": str(length), **CANVASES.params}
        summary: JsonObject = self.get("/canvas/data_summary", params)
        return summary

    def list_segments(self) -> Iterator[JsonObject]:
        """List segments as entries ``{id, name, analytics_tracking_enabled, tags}``."""
        return self.list_subjects(_listing(SEGMENTS))

    def segment_details(self, segment_id: str) -> JsonObject:
        """Fetch a segment's details as Braze sends them."""
        return self._details(SEGMENTS, segment_id)

    def segment_data_series(self, segment_id: str, window: Window) -> list[JsonObject]:
        """Fetch a tracked segment's daily size; see :meth:`data_series`."""
        return self.data_series(SEGMENTS, SEGMENTS.subject(segment_id), window)

    def kpi_data_series(self, metric: str, window: Window, *, app_id: str | None = None) -> list[JsonObject]:
        """Fetch a KPI's daily values; see :meth:`data_series`.

        :param metric: ``dau``, ``mau``, ``new_users``, ``uninstalls`` or ``sessions``.
        :param app_id: identifier of an app. Default: all apps of the workspace.
        """
        check_choice("metric", metric, KPI_METRICS)
        (subject,) = kpi_subjects([metric], [app_id])
        return self.data_series(KPIS, subject, window)

    def session_data_series(
        self, window: Window, *, app_id: str | None = None, segment_id: str | None = None
    ) -> list[JsonObject]:
        """Fetch daily sessions; see :meth:`data_series`."""
        subjects = kpi_subjects(["sessions"], [app_id], [] if segment_id is None else [segment_id])
        return self.data_series(KPIS, subjects[-1], window)

    def list_events(self) -> Iterator[str]:
        """List the names of custom events. Costs the rate limit of 1,000 requests an hour that few endpoints share."""
        return self.list_subjects(_listing(EVENTS))

    def event_data_series(self, event: str, window: Window, *, app_id: str | None = None) -> list[JsonObject]:
        """Fetch a custom event's daily count; see :meth:`data_series`."""
        (subject,) = event_subjects([event], [app_id])
        return self.data_series(EVENTS, subject, window)

    def list_products(self) -> Iterator[str]:
        """List the ids of products. Costs the rate limit of 1,000 requests an hour that few endpoints share."""
        # Whether the first page is 0 or 1 is not documented. Braze's example asks for page 1.
        endpoint = Endpoint("/purchases/product_list", records="products")
        return self.list_subjects(Listing(endpoint, id_key=None, least_pages=3))

    def purchase_data_series(
        self, metric: str, window: Window, *, product: str | None = None, app_id: str | None = None
    ) -> list[JsonObject]:
        """Fetch daily purchases; see :meth:`data_series`.

        :param metric: ``quantity`` or ``revenue``.
        :param product: id of a product. Default: all products together.
        """
        check_choice("metric", metric, PURCHASE_METRICS)
        (subject,) = purchase_subjects([metric], [product], [app_id])
        return self.data_series(PURCHASES, subject, window)

    def send_data_series(self, campaign_id: str, send_id: str, window: Window) -> list[JsonObject]:
        """Fetch a send's daily analytics, which Braze keeps for 14 days; see :meth:`data_series`."""
        (subject,) = send_subjects([(campaign_id, send_id)])
        return self.data_series(SENDS, subject, window)

    def _details(self, series: Series, id_: str) -> JsonObject:
        assert series.details is not None, f"{series.name} has no details"  # noqa: S101
        details: JsonObject = self.get(series.details.endpoint.path, {series.keys[0]: id_})
        return details


def _listing(series: Series) -> Listing:
    assert series.listing is not None, f"{series.name} has no list"  # noqa: S101
    return series.listing


def try_permissions(names: Iterable[str], get: Callable[[str, dict[str, str]], Any]) -> tuple[bool, str]:
    """Return whether the key has the permissions of some series, and which it has or lacks.

    :param names: names of series.
    :param get: calls an endpoint with parameters.
    :raises BrazeError: a name does not exist, the key is wrong, or a request failed.
    """
    found: list[str] = []
    missing: list[str] = []
    for series in map(find_series, names):
        try:
            found += _check_permissions(series, get)
        except BrazeAuthError as error:
            if error.status == 401:
                raise
            missing.append(str(error))
    if missing:
        return False, " ".join(missing)
    return True, f"The key works. Its permissions include {', '.join(found)}."


def _check_permissions(series: Series, get: Callable[[str, dict[str, str]], Any]) -> list[str]:
    """Request a series' list, and the days of its first subject, and return the permissions that sufficed.

    Without a subject, an id that does not exist serves: as far as is known, Braze checks the permission before the id.

    :raises BrazeError: a permission is missing, or a request failed.
    """
    found, id_ = [], _NO_ID
    if series.listing:
        endpoint, flag = series.listing.endpoint, series.listing.required_flag
        entries = entries_of(get(endpoint.path, {"page": "0"}), endpoint, 0, series.listing.id_key)
        found.append(endpoint.permission)
        usable = [entry for entry in entries if flag is None or entry.get(flag)]
        if usable:
            id_ = usable[0] if series.listing.id_key is None else usable[0][series.listing.id_key]
    params = series.subject(id_).params if series.endpoint else {}
    for each in (*([series.endpoint] if series.endpoint else []), *series.other_endpoints):
        _try(each.path, params, get)
        found.append(each.permission)
    return found


def _try(path: str, params: Any, get: Callable[[str, dict[str, str]], Any]) -> None:
    try:
        get(path, {**params, "length": "1"})
    except BrazeRequestError as error:
        if error.status != 400:
            raise
