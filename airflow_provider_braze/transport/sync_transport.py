"""Sending by threads: one request at a time, by ``requests``.

The threads of a task share one session, one rate budget per bucket, and one switch that ends every wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_braze.core.endpoints import check_path
from airflow_provider_braze.core.models import HttpResponse
from airflow_provider_braze.exceptions import BrazeError
from airflow_provider_braze.transport.bodies import BodyReader
from airflow_provider_braze.transport.library_logs import scrubbed_logs
from airflow_provider_braze.transport.sender import Sender
from airflow_provider_braze.transport.sync_session import close_session, environment_of, open_session

if TYPE_CHECKING:
    import requests

    from airflow_provider_braze.core.budget import Wait
    from airflow_provider_braze.transport.connection import ConnectionSettings

T = TypeVar("T")

_PIECE_BYTES: Final = 64 * 1024
_STEP_SECONDS: Final = 0.5


class Transport(Sender):
    """Sends GET requests to one Braze workspace, from any number of threads.

    :param settings: the connection.
    :param concurrency: number of threads that send concurrently, and size of the connection pool. Default 1.
    :param clocks: clocks of :class:`~airflow_provider_braze.transport.sender.Sender`.
    """

    def __init__(self, settings: ConnectionSettings, *, concurrency: int = 1, **clocks: Callable[[], float]) -> None:
        super().__init__(settings, **clocks)
        self._proxy, self._certificates = environment_of(settings)
        self._session = open_session(settings, concurrency, self.check_stopped)
        self._changed = threading.Condition()
        self._stopped = False

    def stop(self) -> None:
        """End every current and future wait by an error. Safe in a signal handler."""
        # Without the condition's lock: a signal handler may run in the thread that holds it.
        self._stopped = True

    def close(self) -> None:
        """Close all idle connections."""
        close_session(self._session)

    def get(self, path: str, params: Mapping[str, str], decode: Callable[[bytes], T] | None = None) -> T | Any:
        """Send one GET request, with retries.

        :param path: path such as ``/campaigns/list``.
        :param params: text by parameter, not encoded.
        :param decode: converts the body; raises ValueError when it is not JSON. Default: any JSON.
        :return: the result of ``decode``.
        :raises BrazeApiError: Braze rejected the request, or the last attempt failed.
        :raises BrazeTransportError: the last attempt got no complete response.
        :raises BrazeDataError: the response is too large, or encoded in another way than by gzip.
        """
        from tenacity import Retrying

        check_path(path)
        retrying = Retrying(sleep=lambda seconds: self._sleep(path, seconds), **self._retry_rules(path))
        return retrying(self._attempt, path, params, decode)

    def _attempt(self, path: str, params: Mapping[str, str], decode: Callable[[bytes], T] | None) -> T | Any:
        self._admit(path)
        response = None
        try:
            response = self._send(path, params)
        finally:
            with self._changed:
                self._record(path, response)
                self._changed.notify_all()
        return self._read(response, path, decode)

    def _send(self, path: str, params: Mapping[str, str]) -> HttpResponse:
        import requests
        import urllib3

        try:
            with (
                scrubbed_logs(self.credentials),
                self._session.get(
                    self.credentials.base_url + path,
                    params=params,
                    timeout=(self._settings.connect_timeout, self._settings.read_timeout),
                    # With its scheme, without which requests takes a user for one.
                    proxies={"https": self._proxy} if self._proxy else None,
                    # A path, never True: REQUESTS_CA_BUNDLE would replace True in the session.
                    verify=self._certificates,
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                return HttpResponse(response.status_code, response.headers, _read_body(response, path))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            failure = self._incomplete(path, error)
        raise failure

    def _admit(self, path: str) -> None:
        with self._changed:
            self.check_stopped()
            for wait in self._required_waits(path):
                self._wait(path, wait.seconds, wait)

    def _count_retry(self) -> None:
        with self._changed:
            super()._count_retry()

    def _sleep(self, path: str, seconds: float) -> None:
        until = self._monotonic() + seconds
        with self._changed:
            while (left := until - self._monotonic()) > 0:
                self._wait(path, left)

    def _wait(self, path: str, seconds: float, wait: Wait | None = None) -> None:
        """Wait for a change, at most half a second. The caller holds the condition."""
        self.check_stopped()
        with self._counted_wait(path, wait):
            self._changed.wait(min(seconds, _STEP_SECONDS))
        self.check_stopped()

    def check_stopped(self) -> None:
        """Raise an error after :meth:`stop`.

        :raises BrazeError: the task stops.
        """
        if self._stopped:
            raise BrazeError("Task stopped during a request to Braze. It is safe to rerun.")


def _read_body(response: requests.Response, path: str) -> bytes:
    body = BodyReader(path, response.headers.get("Content-Encoding"), response.status_code)
    # One receive at a time, so that the size is checked before more arrives.
    while piece := response.raw.read1(_PIECE_BYTES, decode_content=False):
        body.feed(piece)
    return body.finish()
