"""Sending: one request at a time under the rules of :mod:`~airflow_provider_braze.core.exchange`, by ``requests``.

The only code that sends. It is shared by the threads of a task: one session, one rate budget a bucket, one
switch that ends every wait.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_braze.core import exchange
from airflow_provider_braze.core.budget import Hold, RateBudget
from airflow_provider_braze.core.endpoints import bucket_of, check_path
from airflow_provider_braze.core.models import Reply
from airflow_provider_braze.exceptions import BrazeDataError, BrazeError, BrazeRateLimitError, BrazeTransportError
from airflow_provider_braze.session import close_session, open_session

if TYPE_CHECKING:
    import requests
    from tenacity import RetryCallState

    from airflow_provider_braze.core.connection import ConnectionSettings

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""An answer that is larger after decompression is refused while it is read: 100 days of a campaign are far smaller."""

REQUEST_WAIT_SECONDS: Final = 15 * 60.0
TASK_WAIT_SECONDS: Final = 60 * 60.0
_CHUNK_BYTES: Final = 64 * 1024


@dataclass(slots=True)
class TransportStats:
    """What was done so far.

    :param requests: requests sent, retries included.
    :param retries: requests sent again.
    :param waits: times that a request was held back or had to wait for a reset or a back-off.
    :param waited_seconds: wall time in which at least one request waited for Braze; what ``requests_per_minute`` spaces
        out is not counted, or a long backfill would use up the waits that a task may spend.
    """

    requests: int = 0
    retries: int = 0
    waits: int = 0
    waited_seconds: float = 0.0


class Transport:
    """Sends GET requests to one Braze workspace, from any number of threads.

    :param settings: the connection.
    :param concurrency: how many threads will send at once: the size of the connection pool.
    :param monotonic: the clock of waits, seconds.
    :param wall: the clock that Braze's resets are compared with, epoch seconds.
    :param jitter: gives a random number in 0..1.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        concurrency: int = 1,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,  # noqa: S311 - spreads waits, guards nothing
    ) -> None:
        self.stats = TransportStats()
        self._settings = settings
        self._credentials = settings.credentials
        self._session = open_session(settings, concurrency, self.check_stopped)
        self._monotonic, self._wall, self._jitter = monotonic, wall, jitter
        self._changed = threading.Condition()
        self._stopped = False
        self._waiting = 0
        self._waiting_since = 0.0
        self._announced_until = float("-inf")
        self._budgets: dict[str, RateBudget] = {}

    def remaining(self, path: str) -> int | None:
        """What Braze last said is left of a path's rate limit, None when not known."""
        budget = self._budgets.get(bucket_of(path))
        return budget.remaining if budget else None

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
        from tenacity import Retrying, retry_if_exception

        check_path(path)
        retrying = Retrying(
            retry=retry_if_exception(exchange.is_transient),
            wait=lambda state: exchange.wait_seconds(_error_of(state), state.attempt_number, self._jitter()),
            stop=self._is_enough,
            sleep=self._sleep,
            before_sleep=self._note_retry,
            reraise=True,
        )
        return retrying(self._attempt, path, params, decode)

    def _attempt(self, path: str, params: Mapping[str, str], decode: Callable[[bytes], T] | None) -> T | Any:
        budget = self._admit(path)
        told, refused = None, False
        try:
            reply = self._send(path, params)
            told, refused = exchange.rate_limit(reply.headers, self._wall()), reply.status == 429
        finally:
            with self._changed:
                budget.settle(told, self._monotonic(), refused=refused)
                self._changed.notify_all()
        return exchange.read(reply, endpoint=path, credentials=self._credentials, now=self._wall(), decode=decode)

    def _send(self, path: str, params: Mapping[str, str]) -> Reply:
        import requests
        import urllib3

        try:
            with self._session.get(
                self._credentials.base_url + path,
                params=params,
                timeout=(self._settings.connect_timeout, self._settings.read_timeout),
                # Given here, not on the session alone: REQUESTS_CA_BUNDLE would replace the session's.
                verify=self._settings.verify,
                allow_redirects=False,
                stream=True,
            ) as response:
                body = _read_body(response, path)
                return Reply(response.status_code, response.headers, body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            problem = self._credentials.scrub(f"{type(error).__name__}: {error}")[:300]
        # Raised outside the handler: the library's error holds the request with its headers, and so the key.
        raise BrazeTransportError(
            f"{path} gave no whole answer: {problem}. Check the connection's host and the network between."
        ) from ConnectionError(problem)

    def _admit(self, path: str) -> RateBudget:
        waited = 0.0
        with self._changed:
            self.check_stopped()
            budget = self._budgets.setdefault(bucket_of(path), RateBudget(self._settings.requests_per_minute))
            hold = budget.admit(self._monotonic())
            self.stats.waits += hold is not None
            while hold:
                waited += self._sit_out(hold, path, waited)
                hold = budget.admit(self._monotonic())
            self.stats.requests += 1
        return budget

    def _sit_out(self, hold: Hold, path: str, waited: float) -> float:
        if hold.reason == "spent":
            self._check_patience(hold, path, waited)
        began = self._monotonic()
        self._wait(hold.seconds, for_braze=hold.reason != "requests_per_minute")
        return self._monotonic() - began if hold.reason == "spent" else 0.0

    def _check_patience(self, hold: Hold, path: str, waited: float) -> None:
        if waited + hold.seconds > REQUEST_WAIT_SECONDS or self._waited() + hold.seconds > TASK_WAIT_SECONDS:
            raise BrazeRateLimitError(
                f"The rate limit of {path} is spent for another {hold.seconds:.0f} s, longer than a task waits. "
                "Run the task again later, or set `requests_per_minute` on the connection.",
                429,
                path,
                hold.seconds,
            )
        now = self._monotonic()
        if now >= self._announced_until:
            self._announced_until = now + hold.seconds
            until = time.strftime("%H:%M:%S", time.gmtime(self._wall() + hold.seconds))
            log.info("Rate limit of %s is spent: waiting %.0f s, until %s UTC", path, hold.seconds, until)

    def _is_enough(self, state: RetryCallState) -> bool:
        upcoming = state.upcoming_sleep
        return (
            state.attempt_number >= self._settings.max_attempts
            or state.idle_for + upcoming > REQUEST_WAIT_SECONDS
            or self._waited() + upcoming > TASK_WAIT_SECONDS
        )

    def _note_retry(self, state: RetryCallState) -> None:
        with self._changed:
            self.stats.retries += 1
        attempts = (state.attempt_number, self._settings.max_attempts)
        log.warning(
            "Attempt %d of %d failed, the next in %.1f s: %s", *attempts, state.upcoming_sleep, _error_of(state)
        )

    def _sleep(self, seconds: float) -> None:
        until = self._monotonic() + seconds
        with self._changed:
            self.stats.waits += 1
            while (left := until - self._monotonic()) > 0:
                self._wait(left)

    def _wait(self, seconds: float, *, for_braze: bool = True) -> None:
        """Wait, holding the condition, until something changed, or the seconds are over; never long without a look."""
        self.check_stopped()
        if for_braze and not self._waiting:
            self._waiting_since = self._monotonic()
        self._waiting += for_braze
        try:
            self._changed.wait(min(seconds, 0.5))
        finally:
            self._waiting -= for_braze
            if for_braze and not self._waiting:
                self.stats.waited_seconds += self._monotonic() - self._waiting_since
        self.check_stopped()

    def _waited(self) -> float:
        current = self._monotonic() - self._waiting_since if self._waiting else 0.0
        return self.stats.waited_seconds + current

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
        if size > MAX_BODY_BYTES:
            raise BrazeDataError(
                f"{path} answered with more than {MAX_BODY_BYTES // 2**20} MiB. That is no analytics of a "
                "campaign; check the connection's host."
            )
    return b"".join(chunks)


def _error_of(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error or BrazeTransportError("no attempt was made")
