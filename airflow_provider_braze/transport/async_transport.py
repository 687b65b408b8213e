"""Sending in an event loop: one request at a time, by ``httpx``.

Nothing here blocks the loop: the client, whose TLS context takes long to make, is opened in a thread with the first
request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import AsyncRetrying

from airflow_provider_braze.core.endpoints import check_path
from airflow_provider_braze.core.models import HttpResponse
from airflow_provider_braze.transport.sender import MAX_READ_TIMEOUTS, TOO_SLOW, Sender, check_size, incomplete_response

if TYPE_CHECKING:
    import httpx

    from airflow_provider_braze.transport.connection import ConnectionSettings

T = TypeVar("T")

_LOOK_SECONDS = 0.5


class AsyncTransport(Sender):
    """Sends GET requests to one Braze workspace, from any number of tasks of one event loop.

    :param settings: the connection.
    :param pause: sleeps, seconds.
    :param clocks: as :class:`~airflow_provider_braze.transport.sender.Sender` takes them.
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
        """Close the connections that are kept alive."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def get(self, path: str, params: Mapping[str, str], decode: Callable[[bytes], T] | None = None) -> T | Any:
        """Send one GET request until it is answered, refused, or tried often enough.

        As :meth:`~airflow_provider_braze.transport.sync_transport.Transport.get`, errors included.
        """
        check_path(path)
        return await AsyncRetrying(sleep=self._sleep, **self._retry_rules())(self._attempt, path, params, decode)

    async def _attempt(self, path: str, params: Mapping[str, str], decode: Callable[[bytes], T] | None) -> T | Any:
        for hold in self._required_waits(path):
            with self._counted_wait(for_braze=hold.reason != "requests_per_minute"):
                # Never long without a look, for an answer to another request may change it.
                await self._pause(min(hold.seconds, _LOOK_SECONDS))
        reply = None
        try:
            reply = await self._send(path, params)
        finally:
            self._record(path, reply)
        return self._read(reply, path, decode)

    async def _send(self, path: str, params: Mapping[str, str]) -> HttpResponse:
        import httpx

        try:
            client = await self._open()
            return await asyncio.wait_for(self._exchange(client, path, params), self._deadline())
        except asyncio.TimeoutError:
            problem = self._problem(ConnectionAbortedError(TOO_SLOW))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, ImportError) as error:
            problem = self._problem(error)
        raise incomplete_response(path, problem)

    async def _exchange(self, client: httpx.AsyncClient, path: str, params: Mapping[str, str]) -> HttpResponse:
        from airflow_provider_braze.transport.async_session import scrubbed_logs

        with scrubbed_logs(self.credentials):
            async with client.stream("GET", self.credentials.base_url + path, params=dict(params)) as response:
                chunks, size = [], 0
                async for chunk in response.aiter_bytes():
                    chunks.append(chunk)
                    size += len(chunk)
                    check_size(size, path)
                return HttpResponse(response.status_code, dict(response.headers), b"".join(chunks))

    def _deadline(self) -> float:
        return self._settings.connect_timeout + MAX_READ_TIMEOUTS * self._settings.read_timeout

    async def _open(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(_open_client, self._settings)
            return self._client

    async def _sleep(self, seconds: float) -> None:
        with self._counted_wait(for_braze=True):
            await self._pause(seconds)


def _open_client(settings: ConnectionSettings) -> httpx.AsyncClient:
    # Imported in the thread, for it loads requests too.
    from airflow_provider_braze.transport.async_session import open_client

    return open_client(settings)
