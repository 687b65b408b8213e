"""What the sync and the async transport share: rate budgets, retries, limits on waiting, and counts.

The rules of one response are in :mod:`~airflow_provider_braze.core.responses`; this module applies them to a task that
sends many requests. Subclasses decide how to wait and how to send:
:class:`~airflow_provider_braze.transport.sync_transport.Transport` and
:class:`~airflow_provider_braze.transport.async_transport.AsyncTransport`.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_braze.core import responses
from airflow_provider_braze.core.budget import Bucket, RateBudget, Reason, Wait, bucket_rules
from airflow_provider_braze.core.endpoints import bucket_of
from airflow_provider_braze.exceptions import BrazeRateLimitError, BrazeTransportError
from airflow_provider_braze.transport.failures import describe_failure, host_of, incomplete_response

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from airflow_provider_braze.core.models import HttpResponse
    from airflow_provider_braze.transport.connection import ConnectionSettings

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_READ_TIMEOUTS: Final = 2
"""A whole response may take this many read timeouts."""

_QUIET_SECONDS: Final = 60.0
"""Seconds between two log lines about the same reason to wait."""

_WAITS: Final[Mapping[Reason, str]] = {
    "spent": "Rate limit for %s is used up; waiting %.0f s, until %s UTC",
    "in flight": "Rate limit for %s is nearly used up; waiting up to %.0f s for in-flight requests, until %s UTC",
    "requests_per_minute": "`requests_per_minute` spaces out requests to %s; waiting %.1f s, until %s UTC",
}


@dataclass(slots=True)
class TransportStats:
    """Counts since the transport was opened.

    :param requests: requests sent, including retries.
    :param retries: requests sent again.
    :param waits: number of times that a request waited for a reset, a retry or its slot.
    :param waited_seconds: wall time in which at least one request waited for Braze. The spacing of
        ``requests_per_minute`` does not count: a long backfill would use up the waits allowed to a task.
    """

    requests: int = 0
    retries: int = 0
    waits: int = 0
    waited_seconds: float = 0.0


class _WaitClock:
    """Wall time in which at least one request waits."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._waiting = 0
        self._since = 0.0
        self._finished = 0.0

    def begin(self) -> None:
        if not self._waiting:
            self._since = self._monotonic()
        self._waiting += 1

    def end(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._finished += self._monotonic() - self._since

    @property
    def seconds(self) -> float:
        return self._finished + (self._monotonic() - self._since if self._waiting else 0.0)


class _BucketState:
    """One rate limit: its rules, its budget, and how long requests have waited for it."""

    def __init__(self, rules: Bucket, requests_per_minute: int | None, monotonic: Callable[[], float]) -> None:
        self.rules = rules
        self.budget = RateBudget(requests_per_minute, rules.reset_seconds)
        self.waited = _WaitClock(monotonic)

    def exceeds(self, waited: float, upcoming: float) -> bool:
        """Return whether one more wait is longer than the request, or the task, may wait."""
        total = self.waited.seconds + upcoming
        return waited + upcoming > self.rules.request_wait_seconds or total > self.rules.task_wait_seconds


class Sender:
    """Applies the rules to GET requests to one Braze workspace; a subclass sends and waits.

    :param settings: the connection.
    :param monotonic: clock of waits, in seconds.
    :param wall: clock to compare Braze's resets with, in epoch seconds.
    :param jitter: returns a random number in 0..1.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,  # noqa: S311 - spreads waits, guards nothing
    ) -> None:
        self.stats = TransportStats()
        self._settings = settings
        self._proxy: str | None = None
        self.credentials = settings.credentials
        self._monotonic, self._wall, self._jitter = monotonic, wall, jitter
        self._waited = _WaitClock(monotonic)
        self._quiet_until: dict[Reason, float] = {}
        self._buckets: dict[str, _BucketState] = {}

    def remaining(self, path: str) -> int | None:
        """Return the requests left of a path's rate limit, None when unknown."""
        state = self._buckets.get(bucket_of(path))
        return state.budget.remaining if state else None

    def allow_hours(self, bucket: str, hours: float) -> None:
        """Let requests wait also for the hours of a rate limit that a run's own plan takes.

        :param bucket: name of the rate limit.
        """
        state = self._state(bucket)
        planned = math.ceil(hours) * state.rules.request_wait_seconds
        state.rules = replace(state.rules, task_wait_seconds=state.rules.task_wait_seconds + planned)

    def _bucket(self, path: str) -> _BucketState:
        return self._state(bucket_of(path))

    def _state(self, name: str) -> _BucketState:
        if name not in self._buckets:
            cap = self._settings.requests_per_minute
            self._buckets[name] = _BucketState(bucket_rules(name), cap, self._monotonic)
        return self._buckets[name]

    def _retry_rules(self, path: str) -> dict[str, Any]:
        """Return the arguments of ``Retrying`` and ``AsyncRetrying``, except how to sleep."""
        from tenacity import retry_if_exception

        return {
            "retry": retry_if_exception(responses.is_transient),
            "wait": lambda state: responses.wait_seconds(_error_of(state), state.attempt_number, self._jitter()),
            "stop": lambda state: self._should_stop(state, self._bucket(path)),
            "before_sleep": self._note_retry,
            "reraise": True,
        }

    def _required_waits(self, path: str) -> Iterator[Wait]:
        """Yield each wait before a request may be sent; then the request counts as in flight.

        :raises BrazeRateLimitError: the rate limit is used up for longer than a request may wait.
        """
        bucket = self._bucket(path)
        is_counted, waited = False, 0.0
        while wait := bucket.budget.admit(self._monotonic()):
            self.stats.waits += not is_counted
            is_counted = True
            if wait.reason == "spent" and bucket.exceeds(waited, wait.seconds):
                raise BrazeRateLimitError(
                    f"The rate limit for {path} is used up for another {wait.seconds:.0f} s, longer than a task waits. "
                    "Run the task again later, or set `requests_per_minute` on the connection.",
                    429,
                    path,
                    wait.seconds,
                )
            self._log_wait(wait, path)
            began = self._monotonic()
            yield wait
            waited += self._monotonic() - began if wait.reason == "spent" else 0.0
        self.stats.requests += 1

    def _record(self, path: str, response: HttpResponse | None) -> None:
        """Record the end of a request, and the rate limit in its response, if there is one."""
        rate_limit = responses.rate_limit(response.headers, self._wall()) if response else None
        rejected = response is not None and response.status == 429
        self._bucket(path).budget.record(rate_limit, self._monotonic(), rejected=rejected)

    def _read(self, response: HttpResponse, path: str, decode: Callable[[bytes], T] | None) -> T | Any:
        return responses.read(response, endpoint=path, credentials=self.credentials, now=self._wall(), decode=decode)

    def _incomplete(self, path: str, error: BaseException) -> BrazeTransportError:
        proxy = host_of(self._proxy) if self._proxy else None
        return incomplete_response(path, describe_failure(error, self.credentials, proxy), proxy)

    @contextmanager
    def _counted_wait(self, path: str, wait: Wait | None = None) -> Iterator[None]:
        """Count the time of a wait, unless the connection's own cap causes it."""
        if wait is not None and wait.reason == "requests_per_minute":
            yield
            return
        clocks = (self._waited, self._bucket(path).waited)
        for clock in clocks:
            clock.begin()
        try:
            yield
        finally:
            for clock in clocks:
                clock.end()
            self.stats.waited_seconds = self._waited.seconds

    def _log_wait(self, wait: Wait, path: str) -> None:
        now = self._monotonic()
        if now < self._quiet_until.get(wait.reason, now):
            return
        self._quiet_until[wait.reason] = now + (wait.seconds if wait.reason == "spent" else _QUIET_SECONDS)
        until = time.strftime("%H:%M:%S", time.gmtime(self._wall() + wait.seconds))
        log.info(_WAITS[wait.reason], path, wait.seconds, until)

    def _should_stop(self, state: RetryCallState, bucket: _BucketState) -> bool:
        is_last = state.attempt_number >= self._settings.max_attempts
        return is_last or bucket.exceeds(state.idle_for, state.upcoming_sleep)

    def _note_retry(self, state: RetryCallState) -> None:
        self._count_retry()
        attempts = (state.attempt_number, self._settings.max_attempts)
        log.warning("Attempt %d of %d failed, next in %.1f s: %s", *attempts, state.upcoming_sleep, _error_of(state))

    def _count_retry(self) -> None:
        self.stats.retries += 1
        self.stats.waits += 1


def request_headers() -> dict[str, str]:
    """Return the headers of every request, without the key."""
    import airflow_provider_braze

    return {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": f"airflow-provider-braze-analytics/{airflow_provider_braze.__version__}",
    }


def _error_of(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error or BrazeTransportError("no attempt was made")
