"""The hooks: an Airflow connection made into calls of the Braze REST API, by threads or in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timezone
from functools import cached_property, partial
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_braze.core.drivers import drive, drive_async
from airflow_provider_braze.core.endpoints import (
    CAMPAIGNS_DATA_SERIES,
    CAMPAIGNS_DETAILS,
    CAMPAIGNS_LIST,
    data_series_params,
    list_params,
)
from airflow_provider_braze.core.listing import entries_of, read_until_stable
from airflow_provider_braze.core.responses import read_object
from airflow_provider_braze.exceptions import BrazeRequestError
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.task.airflow import BaseHook, get_connection_async
from airflow_provider_braze.task.metrics import emit, request_metrics

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import JsonObject, SeriesCall, Window
    from airflow_provider_braze.core.series import Series, Subject
    from airflow_provider_braze.task.airflow import Connection
    from airflow_provider_braze.transport.async_transport import AsyncTransport
    from airflow_provider_braze.transport.connection import ConnectionSettings
    from airflow_provider_braze.transport.sync_transport import Transport

T = TypeVar("T", bound=Container[date])


class BrazeHook(BaseHook):
    """Talk to the Braze REST API with an Airflow connection of type ``braze``.

    The hook may be shared by threads: they share its rate budget, its pool of connections and its waits.

    :param braze_conn_id: the connection: host = REST endpoint, password = REST API key; extra fields ``timezone``,
        ``connect_timeout``, ``read_timeout``, ``max_attempts``, ``requests_per_minute``, ``verify``.
    :param concurrency: how many threads will call at once, > 0.
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
        """Describe the connection form to Airflow before 3.2; later ones read it from the provider's metadata."""
        return {
            "hidden_fields": ["login", "port", "schema"],
            "relabeling": {"host": "REST endpoint", "password": "REST API key"},
            "placeholders": {"host": "rest.iad-01.braze.com", "extra": '{"timezone": "America/New_York"}'},
        }

    @cached_property
    def settings(self) -> ConnectionSettings:
        """The connection, checked.

        :raises BrazeConfigError: naming the field that is wrong.
        """
        from airflow_provider_braze.transport.connection import read_settings

        return read_settings(self.get_connection(self.braze_conn_id))

    def get_conn(self) -> Transport:
        """Give the transport that all calls of this hook, in all threads, go through."""
        from airflow_provider_braze.transport.sync_transport import Transport

        with self._opening:
            if self._open is None:
                self._open = Transport(self.settings, concurrency=self._concurrency)
            if self._stopped:
                self._open.stop()
            return self._open

    def close(self) -> None:
        """Close what is open, and tell Airflow's metrics what was sent; the next use opens it again."""
        transport, self._open, self._stopped = self._open, None, False
        if transport is not None:
            transport.close()
            emit(request_metrics(transport.stats))

    def stop(self) -> None:
        """End every call of this hook that waits or comes, in all threads, by an error; safe in a signal handler."""
        # Without the lock, which the interrupted code may hold: what opens after this reads the flag.
        self._stopped = True
        if self._open is not None:
            self._open.stop()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> JsonObject:
        """Call any other GET endpoint, under the same rules: auth, retries, rate limits, scrubbing.

        :param path: such as ``/canvas/list``; without a host.
        :param params: text by parameter.
        :return: the answer's JSON object.
        :raises BrazeApiError: Braze refused, or failed to the last attempt.
        :raises BrazeTransportError: no whole answer came, to the last attempt.
        :raises BrazeDataError: the answer is no JSON object, or says that it failed.
        """
        answer = self.get_conn().get(path, params or {})
        return read_object(answer, endpoint=path, credentials=self.settings.credentials)

    def campaign_data_series(self, campaign_id: str, window: Window) -> list[JsonObject]:
        """Fetch a campaign's daily analytics.

        :param campaign_id: the campaign's API identifier.
        :param window: days in the company's time zone; cut into as few calls as can be.
        :return: Braze's day objects, ordered by day, at most one for each day of the window; a day that did not come
            back is not in it (see :func:`~airflow_provider_braze.core.windows.missing_days`).
        :raises BrazeDataError: an answer is not of the documented shape, or tells one day twice with other content.
        """
        from airflow_provider_braze.core.payloads import read_days

        subject = CAMPAIGNS.subject(campaign_id)
        responses = self.fetch_series(CAMPAIGNS, subject, window, read_days)
        return [day for days in responses for day in days.values()]

    def fetch_series(
        self, series: Series, subject: Subject, window: Window, decode: Callable[[bytes, SeriesCall], T]
    ) -> list[T]:
        """Fetch a subject's days call by call, each response decoded as it comes.

        :param decode: makes the content of an answer's body and the call that it answers, which tells what days are in
            it; raises ValueError when the bytes are no JSON, which is tried again.
        :return: one for each call, oldest days first.
        """
        from airflow_provider_braze.core.calls import fetch_calls

        def fetch(call: SeriesCall) -> T:
            params = series.call_params(subject, call)
            return self.get_conn().get(subject.endpoint.path, params, lambda body: decode(body, call))

        return drive(fetch_calls(window, now=datetime.now(timezone.utc), max_length=series.max_length), fetch)

    def list_campaigns(
        self, *, include_archived: bool = True, edited_after: datetime | None = None
    ) -> Iterator[JsonObject]:
        """List the workspace's campaigns, oldest first, each id once; none is lost that is listed all the while.

        It is read twice, see :func:`~airflow_provider_braze.core.listing.read_until_stable`.

        :param include_archived: archived campaigns may still have analytics, so they are listed too by default.
        :param edited_after: aware; only campaigns edited after it. Not when they last sent.
        :return: entries ``{id, name, is_api_campaign, last_edited, tags}``; keys may be missing.
        :raises BrazeDataError: an entry without an id, an answer of another shape, or a list that keeps changing.
        """
        read_page = partial(self._campaigns_page, include_archived, edited_after)
        return read_until_stable(partial(self._pages, read_page))

    def _pages(self, read_page: Callable[[int], list[JsonObject]], at_once: int) -> Iterator[list[JsonObject]]:
        if at_once:
            with ThreadPoolExecutor(self._concurrency, thread_name_prefix="braze-list") as pool:
                yield from list(pool.map(read_page, range(at_once)))
        yield from map(read_page, count(at_once))

    def _campaigns_page(self, include_archived: bool, edited_after: datetime | None, page: int) -> list[JsonObject]:
        params = list_params(page, include_archived=include_archived, edited_after=edited_after)
        return entries_of(self.get(CAMPAIGNS_LIST.path, params), page)

    def campaign_details(self, campaign_id: str) -> JsonObject:
        """Fetch a campaign's details as Braze sends them: channels, message variations, conversion behaviours.

        :param campaign_id: the campaign's API identifier.
        """
        return self.get(CAMPAIGNS_DETAILS.path, {"campaign_id": campaign_id})

    def test_connection(self) -> tuple[bool, str]:
        """Try what landing needs, and name the permission that is missing; never raises.

        There is no endpoint that tells what a key may do. So the list is read, and the series of its first campaign
        (or of an id that does not exist: Braze checks the permission before the id, as far as is known). Each is tried
        once, for a person waits for the answer.
        """
        try:
            self.settings = replace(self.settings, max_attempts=1)
            entries = self._campaigns_page(True, None, 0)
            self._probe_series(entries[0]["id"] if entries else "00000000-0000-0000-0000-000000000000")
        except Exception as error:  # Airflow wants an answer, whatever went wrong
            return False, str(error)
        finally:
            self.close()
            self.__dict__.pop("settings", None)
        return True, "The key is good, with the permissions campaigns.list and campaigns.data_series."

    def _probe_series(self, campaign_id: str) -> None:
        try:
            self.get(CAMPAIGNS_DATA_SERIES.path, {"campaign_id": campaign_id, "length": "1"})
        except BrazeRequestError as error:
            if error.status != 400:
                raise


class BrazeAsyncHook(BaseHook):
    """Talk to the Braze REST API from a trigger, under the rules of :class:`BrazeHook`; to be used by ``async with``.

    Nothing that it does blocks the event loop. It may be shared by tasks of one loop.

    :param braze_conn_id: the connection, as of :class:`BrazeHook`.
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
        """Give the transport that all calls of this hook go through.

        :raises BrazeConfigError: the connection cannot be used; naming the field that is wrong.
        """
        async with self._opening:
            if self._open is None:
                conn = await get_connection_async(self, self.braze_conn_id)
                self._open = await asyncio.to_thread(_open_async_transport, conn)
            return self._open

    async def close(self) -> None:
        """Close what is open, as :meth:`BrazeHook.close`."""
        transport, self._open = self._open, None
        if transport is not None:
            await transport.close()
            emit(request_metrics(transport.stats))

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> JsonObject:
        """Call any GET endpoint; as :meth:`BrazeHook.get`, errors included."""
        transport = await self.get_conn()
        return read_object(await transport.get(path, params or {}), endpoint=path, credentials=transport.credentials)

    async def campaign_data_series(self, campaign_id: str, window: Window) -> list[JsonObject]:
        """Fetch a campaign's daily analytics; as :meth:`BrazeHook.campaign_data_series`, errors included."""
        transport = await self.get_conn()
        from airflow_provider_braze.core.calls import fetch_calls
        from airflow_provider_braze.core.payloads import read_days

        async def fetch(call: SeriesCall) -> dict[date, JsonObject]:
            params = data_series_params(campaign_id, call)
            days: dict[date, JsonObject] = await transport.get(
                CAMPAIGNS_DATA_SERIES.path, params, lambda body: read_days(body, call)
            )
            return days

        now = datetime.now(timezone.utc)
        answers = await drive_async(fetch_calls(window, now=now), fetch)
        return [day for days in answers for day in days.values()]


def _open_async_transport(conn: Connection) -> AsyncTransport:
    # Imported here, in a thread: all that takes more than a moment to load.
    import airflow_provider_braze.core.payloads  # noqa: F401
    from airflow_provider_braze.transport.async_transport import AsyncTransport
    from airflow_provider_braze.transport.connection import read_settings

    return AsyncTransport(read_settings(conn))
