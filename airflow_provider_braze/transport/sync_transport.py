"""Sending by threads: one request at a time, by ``requests``.

Shared by the threads of a task: one session, one rate budget a bucket, one switch that ends every wait.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_braze.core.endpoints import check_path
from airflow_provider_braze.core.models import HttpResponse
from airflow_provider_braze.exceptions import BrazeError
from airflow_provider_braze.transport.sender import Sender, check_size, incomplete_response
from airflow_provider_braze.transport.sync_session import close_session, open_session

if TYPE_CHECKING:
    import requests

    from airflow_provider_braze.transport.connection import ConnectionSettings

T = TypeVar("T")

_CHUNK_BYTES: Final = 64 * 1024


class Transport(Sender):
    """Sends GET requests to one Braze workspace, from any number of threads.

    :param settings: the connection.
    :param concurrency: how many threads will send at once: the size of the connection pool.
    :param clocks: as :class:`~airflow_provider_braze.transport.sender.Sender` takes them.
    """

    def __init__(self, settings: ConnectionSettings, *, concurrency: int = 1, **clocks: Callable[[], float]) -> None:
        super().__init__(settings, **clocks)
        self._session = open_session(settings, concurrency, self.check_stopped)
        self._changed = threading.Condition()
        self._stopped = False

    def stop(self) -> None:
        """End every wait, now and from now on, by an error; for use from a signal handler too."""
        # Not under the condition's lock: a signal handler may run in the very thread that holds it.
        self._stopped = True

    def close(self) -> None:
        """Close the connections that are kept alive."""
        close_session(self._session)

    def get(self, path: str, params: Mapping[str, str], decode: Callable[[bytes], T] | None = None) -> T | Any:
        """Send one GET request until it is answered, refused, or tried often enough.

        :param path: such as ``/campaigns/list``.
        :param params: text by parameter; encoded here.
        :param decode: makes the content of the body; raises ValueError when the bytes are no JSON.
        :return: what ``decode`` gives, by default the JSON document.
        :raises BrazeApiError: Braze refused, or failed to the last attempt.
        :raises BrazeTransportError: no whole answer came, to the last attempt.
        :raises BrazeDataError: an answer is larger than 16 MiB.
        """
        from tenacity import Retrying

        check_path(path)
        return Retrying(sleep=self._sleep, **self._retry_rules())(self._attempt, path, params, decode)

    def _attempt(self, path: str, params: Mapping[str, str], decode: Callable[[bytes], T] | None) -> T | Any:
        self._admit(path)
        reply = None
        try:
            reply = self._send(path, params)
        finally:
            with self._changed:
                self._record(path, reply)
                self._changed.notify_all()
        return self._read(reply, path, decode)

    def _send(self, path: str, params: Mapping[str, str]) -> HttpResponse:
        import requests
        import urllib3

        try:
            with self._session.get(
                self.credentials.base_url + path,
                params=params,
                timeout=(self._settings.connect_timeout, self._settings.read_timeout),
                # Given here, not on the session alone: REQUESTS_CA_BUNDLE would replace the session's.
                verify=self._settings.verify,
                allow_redirects=False,
                stream=True,
            ) as response:
                body = _read_body(response, path)
                return HttpResponse(response.status_code, response.headers, body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            problem = self._problem(error)
        raise incomplete_response(path, problem)

    def _admit(self, path: str) -> None:
        with self._changed:
            self.check_stopped()
            for hold in self._required_waits(path):
                self._wait(hold.seconds, for_braze=hold.reason != "requests_per_minute")

    def _count_retry(self) -> None:
        with self._changed:
            super()._count_retry()

    def _sleep(self, seconds: float) -> None:
        until = self._monotonic() + seconds
        with self._changed:
            while (left := until - self._monotonic()) > 0:
                self._wait(left)

    def _wait(self, seconds: float, *, for_braze: bool = True) -> None:
        """Wait, holding the condition, until something changed, or the seconds are over; never long without a look."""
        self.check_stopped()
        with self._counted_wait(for_braze=for_braze):
            self._changed.wait(min(seconds, 0.5))
        self.check_stopped()

    def check_stopped(self) -> None:
        """Raise when :meth:`stop` was called.

        :raises BrazeError: the task was told to end.
        """
        if self._stopped:
            raise BrazeError("The task was told to end while it was talking to Braze; it can be run again at any time.")


def _read_body(response: requests.Response, path: str) -> bytes:
    chunks, size = [], 0
    # One receive at a time: the size is looked at before there is more of it.
    while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        check_size(size, path)
    return b"".join(chunks)
