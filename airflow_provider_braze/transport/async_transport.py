"""Sending in an event loop: one request at a time, by ``httpx``.

Nothing here blocks the loop. The first request opens the client in a thread: building its TLS context takes long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import AsyncRetrying

from airflow_provider_braze.core.endpoints import check_path
from airflow_provider_braze.core.models import HttpResponse
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.transport.bodies import BodyReader
from airflow_provider_braze.transport.failures import too_slow
from airflow_provider_braze.transport.library_logs import scrubbed_logs
from airflow_provider_braze.transport.sender import MAX_READ_TIMEOUTS, Sender

if TYPE_CHECKING:
    import httpx

    from airflow_provider_braze.transport.connection import ConnectionSettings

T = TypeVar("T")

_STEP_SECONDS = 0.5


class AsyncTransport(Sender):
    """Sends GET requests to one Braze workspace, from any number of tasks of one event loop.

    :param settings: the connection.
    :param pause: sleeps for a number of seconds.
    :param clocks: clocks of :class:`~airflow_provider_braze.transport.sender.Sender`.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        **clocks: Callable[[], float],
    ) -> None:
        super().__init__(settings, **clocks)
        self._pause = pause
        self._opening = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close all idle connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def get(self, path: str, params: Mapping[str, str], decode: Callable[[bytes], T] | None = None) -> T | Any:
        """Send one GET request, with retries.

        Same as :meth:`~airflow_provider_braze.transport.sync_transport.Transport.get`, including its errors.
        """
        check_path(path)

        async def sleep(seconds: float) -> None:
            with self._counted_wait(path):
                await self._pause(seconds)

        return await AsyncRetrying(sleep=sleep, **self._retry_rules(path))(self._attempt, path, params, decode)

    async def _attempt(self, path: str, params: Mapping[str, str], decode: Callable[[bytes], T] | None) -> T | Any:
        for wait in self._required_waits(path):
            with self._counted_wait(path, wait):
                # In short steps: the response to another request may end the wait.
                await self._pause(min(wait.seconds, _STEP_SECONDS))
        response = None
        try:
            response = await self._send(path, params)
        finally:
            self._record(path, response)
        return self._read(response, path, decode)

    async def _send(self, path: str, params: Mapping[str, str]) -> HttpResponse:
        import httpx

        limit = self._settings.connect_timeout + MAX_READ_TIMEOUTS * self._settings.read_timeout
        try:
            client = await self._open()
            return await asyncio.wait_for(self._exchange(client, path, params), limit)
        except asyncio.TimeoutError:
            failure = self._incomplete(path, too_slow(limit))
        except BrazeConfigError:
            raise
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, ImportError) as error:
            failure = self._incomplete(path, error)
        raise failure

    async def _exchange(self, client: httpx.AsyncClient, path: str, params: Mapping[str, str]) -> HttpResponse:
        url = self.credentials.base_url + path
        with scrubbed_logs(self.credentials):
            async with client.stream("GET", url, params=dict(params)) as response:
                body = BodyReader(path, response.headers.get("Content-Encoding"), response.status_code)
                async for piece in response.aiter_raw():
                    body.feed(piece)
                return HttpResponse(response.status_code, dict(response.headers), body.finish())

    async def _open(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._open_client)
            return self._client

    def _open_client(self) -> httpx.AsyncClient:
        # Imported in the thread because it also loads requests.
        from airflow_provider_braze.transport.async_session import open_client
        from airflow_provider_braze.transport.sync_session import environment_of

        self._proxy, certificates = environment_of(self._settings)
        return open_client(self._settings, self._proxy, certificates)
