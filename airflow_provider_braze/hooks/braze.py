"""Hooks for the Braze REST API: one for threads, one for event loops."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timezone
from functools import cached_property, partial
from itertools import chain, count
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from airflow_provider_braze.core.drivers import drive, drive_async
from airflow_provider_braze.core.endpoints import CAMPAIGNS_DATA_SERIES, list_params
from airflow_provider_braze.core.listing import entries_of, read_until_stable
from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.responses import read_object
from airflow_provider_braze.core.text import counted
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.hooks.series import SeriesMethods, try_permissions
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.task.airflow import AirflowNotFoundException, BaseHook, get_connection_async
from airflow_provider_braze.task.metrics import emit, request_metrics

if TYPE_CHECKING:
    from airflow_provider_braze.core.endpoints import Endpoint
    from airflow_provider_braze.core.models import JsonObject, SeriesCall
    from airflow_provider_braze.core.series import Listing, Series, Subject
    from airflow_provider_braze.task.airflow import Connection
    from airflow_provider_braze.transport.async_transport import AsyncTransport
    from airflow_provider_braze.transport.connection import ConnectionSettings
    from airflow_provider_braze.transport.sync_transport import Transport

__all__ = ["BrazeAsyncHook", "BrazeHook", "Window"]

T = TypeVar("T", bound=Container[date])
Content = TypeVar("Content")
log = logging.getLogger(__name__)

PROGRESS_SECONDS: Final = 15.0
"""Seconds between two log lines while a list is read."""


class BrazeHook(SeriesMethods, BaseHook):
    """Call the Braze REST API with an Airflow connection of type ``braze``.

    Threads may share a hook: they share its rate budget, its connections and its waits.

    :param braze_conn_id: connection with the REST endpoint as host, the REST API key as password, and the extra fields
        ``timezone``, ``connect_timeout``, ``read_timeout``, ``max_attempts``, ``requests_per_minute``, ``verify``,
        ``series``.
    :param concurrency: number of threads that call concurrently, > 0. Default 1.
    """

    conn_name_attr = "braze_conn_id"
    default_conn_name = "braze_default"
    conn_type = "braze"
    hook_name = "Braze"

    def __init__(self, braze_conn_id: str = default_conn_name, *, concurrency: int = 1) -> None:
        super().__init__()
        self.braze_conn_id = braze_conn_id
        self._concurrency = concurrency
        self._opening = Lock()
        self._open: Transport | None = None
        self._stopped = False

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Describe the connection form for Airflow before 3.2. Later versions read the provider's metadata."""
        return {
            "hidden_fields": ["login", "port", "schema"],
            "relabeling": {"host": "REST endpoint", "password": "REST API key"},
            "placeholders": {"host": "rest.iad-01.braze.com", "extra": '{"timezone": "America/New_York"}'},
        }

    @cached_property
    def settings(self) -> ConnectionSettings:
        """The checked connection.

        :raises BrazeConfigError: the connection is missing or wrong. The error names it and the field.
        """
        from airflow_provider_braze.transport.connection import read_settings

        try:
            conn = self.get_connection(self.braze_conn_id)
        except AirflowNotFoundException as error:
            raise _missing_connection(self.braze_conn_id) from error
        return read_settings(conn)

    def get_conn(self) -> Transport:
        """Return the transport that all threads of this hook share."""
        from airflow_provider_braze.transport.sync_transport import Transport

        with self._opening:
            if self._open is None:
                self._open = Transport(self.settings, concurrency=self._concurrency)
            if self._stopped:
                self._open.stop()
            return self._open

    def close(self) -> None:
        """Close all connections and emit the metrics of the requests. The next call opens them again."""
        transport, self._open, self._stopped = self._open, None, False
        if transport is not None:
            transport.close()
            emit(request_metrics(transport.stats))

    def stop(self) -> None:
        """End every current and future call of this hook, in all threads, by an error. Safe in a signal handler."""
        # Without the lock, which the interrupted code may hold. A transport that opens later reads the flag.
        self._stopped = True
        if self._open is not None:
            self._open.stop()

    @overload
    def get(self, path: str, params: Mapping[str, str] | None = None) -> JsonObject: ...

    @overload
    def get(self, path: str, params: Mapping[str, str] | None, decode: Callable[[bytes], Content]) -> Content: ...

    @overload
    def get(self, path: str, params: Mapping[str, str] | None, decode: Callable[[bytes], Any] | None) -> Any: ...

    def get(
        self, path: str, params: Mapping[str, str] | None = None, decode: Callable[[bytes], Content] | None = None
    ) -> Content | Any:
        """Call a GET endpoint, with authentication, retries, rate limits, and errors without the key.

        :param path: path such as ``/canvas/list``, without a host.
        :param params: text by parameter.
        :param decode: converts the body; raises ValueError when it is not JSON, which causes a retry. Default None: the
            body has to be a JSON object.
        :return: the result of ``decode``, or the JSON object.
        :raises BrazeApiError: Braze rejected the request, or the last attempt failed.
        :raises BrazeTransportError: the last attempt got no complete response.
        :raises BrazeDataError: the response is not a JSON object, has an error message, or is too large.
        """
        response = self.get_conn().get(path, params or {}, decode)
        if decode is not None:
            return response
        return read_object(response, endpoint=path, credentials=self.settings.credentials)

    def fetch_series(
        self, series: Series, subject: Subject, window: Window, decode: Callable[[bytes, SeriesCall], T]
    ) -> list[T]:
        """Fetch a subject's days call by call, and decode each response as it arrives.

        :param decode: converts a response's body and its call to a container of days; raises ValueError when the body
            is not JSON, which causes a retry.
        :return: one result for each call, oldest days first.
        """
        from airflow_provider_braze.core.calls import fetch_calls

        def fetch(call: SeriesCall) -> T:
            params = series.call_params(subject, call)
            days: T = self.get(subject.endpoint.path, params, lambda body: decode(body, call))
            return days

        return drive(fetch_calls(window, now=datetime.now(timezone.utc), max_length=series.max_length), fetch)

    def list_subjects(
        self, listing: Listing, *, include_archived: bool = True, edited_after: datetime | None = None
    ) -> Iterator[Any]:
        """List the entries of a list endpoint, oldest first, each id once. No entry is lost that stays in the list.

        Reads the list twice, see :func:`~airflow_provider_braze.core.listing.read_until_stable`.

        :param include_archived: whether to list archived entries, where Braze has them. Default True.
        :param edited_after: aware datetime; only entries edited after it, where Braze knows when. Default None.
        :return: entries as Braze sends them: objects, or strings.
        :raises BrazeDataError: an entry has no id, a response has another shape, or the list keeps changing or does not
            end.
        """
        read_page = partial(self._list_page, listing, include_archived, edited_after)
        read_pages = partial(self._pages, listing.endpoint, read_page)
        return read_until_stable(read_pages, listing.endpoint, listing.id_key, listing.least_pages)

    def _pages(
        self, endpoint: Endpoint, read_page: Callable[[int], list[Any]], concurrently: int
    ) -> Iterator[list[Any]]:
        pages = map(read_page, count(concurrently))
        if not concurrently:
            yield from _log_pages(endpoint, pages)
            return
        with ThreadPoolExecutor(self._concurrency, thread_name_prefix="braze-list") as pool:
            first = pool.map(read_page, range(concurrently))
            yield from _log_pages(endpoint, chain(first, pages))

    def _list_page(
        self, listing: Listing, include_archived: bool, edited_after: datetime | None, page: int
    ) -> list[Any]:
        params = {"page": str(page)}
        if listing.id_key is not None:
            params = list_params(page, include_archived=include_archived, edited_after=edited_after)
        if not listing.has_archived:
            params.pop("include_archived", None)
        return entries_of(self.get(listing.endpoint.path, params), listing.endpoint, page, listing.id_key)

    def test_connection(self) -> tuple[bool, str]:
        """Check that the key works, and name the missing permissions of the connection's ``series``. Never raises."""
        try:
            # One attempt per request: a person waits for the result.
            self.settings = replace(self.settings, max_attempts=1)
            return try_permissions(self.settings.series, self.get)
        except Exception as error:  # Airflow expects a result after any error
            return False, str(error)
        finally:
            self.close()
            self.__dict__.pop("settings", None)


class BrazeAsyncHook(BaseHook):
    """Call the Braze REST API in an event loop, by the rules of :class:`BrazeHook`. Use it with ``async with``.

    It does not block the event loop. Tasks of one loop may share it.

    :param braze_conn_id: connection, as for :class:`BrazeHook`.
    """

    conn_name_attr = BrazeHook.conn_name_attr
    default_conn_name = BrazeHook.default_conn_name
    conn_type = BrazeHook.conn_type
    hook_name = BrazeHook.hook_name

    def __init__(self, braze_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.braze_conn_id = braze_conn_id
        self._opening = asyncio.Lock()
        self._open: AsyncTransport | None = None

    async def __aenter__(self) -> BrazeAsyncHook:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def get_conn(self) -> AsyncTransport:
        """Return the transport that all calls of this hook share.

        :raises BrazeConfigError: the connection is missing or wrong. The error names it and the field.
        """
        async with self._opening:
            if self._open is None:
                try:
                    conn = await get_connection_async(self, self.braze_conn_id)
                except AirflowNotFoundException as error:
                    raise _missing_connection(self.braze_conn_id) from error
                self._open = await asyncio.to_thread(_open_async_transport, conn)
            return self._open

    async def close(self) -> None:
        """Close all connections; see :meth:`BrazeHook.close`."""
        transport, self._open = self._open, None
        if transport is not None:
            await transport.close()
            emit(request_metrics(transport.stats))

    @overload
    async def get(self, path: str, params: Mapping[str, str] | None = None) -> JsonObject: ...

    @overload
    async def get(self, path: str, params: Mapping[str, str] | None, decode: Callable[[bytes], Content]) -> Content: ...

    @overload
    async def get(self, path: str, params: Mapping[str, str] | None, decode: Callable[[bytes], Any] | None) -> Any: ...

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, decode: Callable[[bytes], Content] | None = None
    ) -> Content | Any:
        """Call a GET endpoint; same as :meth:`BrazeHook.get`, including its errors."""
        transport = await self.get_conn()
        response = await transport.get(path, params or {}, decode)
        if decode is not None:
            return response
        return read_object(response, endpoint=path, credentials=transport.credentials)

    async def campaign_data_series(self, campaign_id: str, window: Window) -> list[JsonObject]:
        """Fetch a campaign's daily analytics; same as :meth:`BrazeHook.campaign_data_series`, including its errors."""
        # Loads slow modules in a thread.
        await self.get_conn()
        from airflow_provider_braze.core.calls import fetch_calls
        from airflow_provider_braze.core.payloads import read_days

        async def fetch(call: SeriesCall) -> dict[date, JsonObject]:
            params = CAMPAIGNS.call_params(CAMPAIGNS.subject(campaign_id), call)
            days: dict[date, JsonObject] = await self.get(
                CAMPAIGNS_DATA_SERIES.path, params, lambda body: read_days(body, call)
            )
            return days

        now = datetime.now(timezone.utc)
        responses = await drive_async(fetch_calls(window, now=now), fetch)
        return [day for days in responses for day in days.values()]


def _log_pages(endpoint: Endpoint, pages: Iterable[list[JsonObject]]) -> Iterator[list[JsonObject]]:
    """Pass pages on, with a log line every 15 seconds."""
    entries, logged = 0, time.monotonic()
    for number, page in enumerate(pages, 1):
        yield page
        entries += len(page)
        if time.monotonic() - logged >= PROGRESS_SECONDS:
            logged = time.monotonic()
            progress = (counted(entries, "entry", "entries"), counted(number, "page"))
            log.info("Reading %s: %s on %s so far", endpoint.path, *progress)


def _missing_connection(conn_id: str) -> BrazeConfigError:
    return BrazeConfigError(
        f"Connection {conn_id!r} does not exist. Create it with type 'braze', or correct the connection id."
    )


def _open_async_transport(conn: Connection) -> AsyncTransport:
    # Imported here, in a thread: modules that are slow to load.
    import airflow_provider_braze.core.payloads  # noqa: F401
    from airflow_provider_braze.transport.async_transport import AsyncTransport
    from airflow_provider_braze.transport.connection import read_settings

    return AsyncTransport(read_settings(conn))
