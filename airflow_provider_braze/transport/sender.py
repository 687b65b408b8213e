"""What both senders, by threads and by an event loop, have in common: budgets, retries, patience, and what they count.

The rules of one response are in :mod:`~airflow_provider_braze.core.responses`; this module applies them to a task that
sends many requests. Subclasses decide how to wait and how to send:
:class:`~airflow_provider_braze.transport.sync_transport.Transport` and
:class:`~airflow_provider_braze.transport.async_transport.AsyncTransport`.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_braze.core import responses
from airflow_provider_braze.core.budget import RateBudget, Reason, Wait
from airflow_provider_braze.core.endpoints import bucket_of
from airflow_provider_braze.exceptions import BrazeDataError, BrazeRateLimitError, BrazeTransportError

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from airflow_provider_braze.core.models import HttpResponse
    from airflow_provider_braze.transport.connection import ConnectionSettings

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""An answer that is larger after decompression is refused while it is read: 100 days of a campaign are far smaller."""

MAX_READ_TIMEOUTS: Final = 2
"""Read time-outs that a whole answer may take."""

TOO_SLOW: Final = "the answer was still dripping in when its time was over"

_QUIET_SECONDS: Final = 60.0
"""A reason to wait that comes again and again is told so often."""

_WAITS: Final[Mapping[Reason, str]] = {
    "spent": "Rate limit of %s is spent: waiting %.0f s, until %s UTC",
    "in flight": "Requests under way may use up the rate limit of %s: waiting for their answers %.0f s, until %s UTC",
    "requests_per_minute": "`requests_per_minute` spaces out requests of %s: waiting %.1f s, until %s UTC",
}

REQUEST_WAIT_SECONDS: Final = 15 * 60.0
TASK_WAIT_SECONDS: Final = 60 * 60.0


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


class Sender:
    """Conducts the GET requests to one Braze workspace; a subclass sends them and waits.

    :param settings: the connection.
    :param monotonic: the clock of waits, seconds.
    :param wall: the clock that Braze's resets are compared with, epoch seconds.
    :param jitter: gives a random number in 0..1.
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
        self.credentials = settings.credentials
        self._monotonic, self._wall, self._jitter = monotonic, wall, jitter
        self._waiting = 0
        self._waiting_since = 0.0
        self._quiet_until: dict[Reason, float] = {}
        self._budgets: dict[str, RateBudget] = {}

    def remaining(self, path: str) -> int | None:
        """What Braze last said is left of a path's rate limit, None when not known."""
        budget = self._budgets.get(bucket_of(path))
        return budget.remaining if budget else None

    def _retry_rules(self) -> dict[str, Any]:
        """What ``Retrying`` and ``AsyncRetrying`` are made with, but for how to sleep."""
        from tenacity import retry_if_exception

        return {
            "retry": retry_if_exception(responses.is_transient),
            "wait": lambda state: responses.wait_seconds(_error_of(state), state.attempt_number, self._jitter()),
            "stop": self._should_stop,
            "before_sleep": self._note_retry,
            "reraise": True,
        }

    def _required_waits(self, path: str) -> Iterator[Wait]:
        """Give each hold that has to be sat out before a request may go; then it counts as under way.

        :raises BrazeRateLimitError: the limit is spent for longer than a task waits.
        """
        budget = self._budgets.setdefault(bucket_of(path), RateBudget(self._settings.requests_per_minute))
        held, waited = False, 0.0
        while hold := budget.admit(self._monotonic()):
            self.stats.waits += not held
            held = True
            if hold.reason == "spent":
                self._check_patience(hold, path, waited)
            self._announce(hold, path)
            began = self._monotonic()
            yield hold
            waited += self._monotonic() - began if hold.reason == "spent" else 0.0
        self.stats.requests += 1

    def _record(self, path: str, reply: HttpResponse | None) -> None:
        """Take a request from those under way, and what its answer, if there was one, told of the rate limit."""
        told = responses.rate_limit(reply.headers, self._wall()) if reply else None
        refused = reply is not None and reply.status == 429
        self._budgets[bucket_of(path)].record(told, self._monotonic(), refused=refused)

    def _read(self, reply: HttpResponse, path: str, decode: Callable[[bytes], T] | None) -> T | Any:
        return responses.read(reply, endpoint=path, credentials=self.credentials, now=self._wall(), decode=decode)

    def _problem(self, error: BaseException) -> str:
        return self.credentials.scrub(f"{type(error).__name__}: {error}")[:300]

    @contextmanager
    def _counted_wait(self, *, for_braze: bool) -> Iterator[None]:
        if for_braze and not self._waiting:
            self._waiting_since = self._monotonic()
        self._waiting += for_braze
        try:
            yield
        finally:
            self._waiting -= for_braze
            if for_braze and not self._waiting:
                self.stats.waited_seconds += self._monotonic() - self._waiting_since

    def _check_patience(self, hold: Wait, path: str, waited: float) -> None:
        if waited + hold.seconds > REQUEST_WAIT_SECONDS or self._waited() + hold.seconds > TASK_WAIT_SECONDS:
            raise BrazeRateLimitError(
                f"The rate limit of {path} is spent for another {hold.seconds:.0f} s, longer than a task waits. "
                "Run the task again later, or set `requests_per_minute` on the connection.",
                429,
                path,
                hold.seconds,
            )

    def _announce(self, hold: Wait, path: str) -> None:
        now = self._monotonic()
        if now < self._quiet_until.get(hold.reason, now):
            return
        self._quiet_until[hold.reason] = now + (hold.seconds if hold.reason == "spent" else _QUIET_SECONDS)
        until = time.strftime("%H:%M:%S", time.gmtime(self._wall() + hold.seconds))
        log.info(_WAITS[hold.reason], path, hold.seconds, until)

    def _should_stop(self, state: RetryCallState) -> bool:
        upcoming = state.upcoming_sleep
        return (
            state.attempt_number >= self._settings.max_attempts
            or state.idle_for + upcoming > REQUEST_WAIT_SECONDS
            or self._waited() + upcoming > TASK_WAIT_SECONDS
        )

    def _note_retry(self, state: RetryCallState) -> None:
        self._count_retry()
        attempts = (state.attempt_number, self._settings.max_attempts)
        log.warning(
            "Attempt %d of %d failed, the next in %.1f s: %s", *attempts, state.upcoming_sleep, _error_of(state)
        )

    def _count_retry(self) -> None:
        self.stats.retries += 1
        self.stats.waits += 1

    def _waited(self) -> float:
        current = self._monotonic() - self._waiting_since if self._waiting else 0.0
        return self.stats.waited_seconds + current


def check_size(size: int, path: str) -> None:
    """Refuse an answer that has become too large.

    :param size: bytes read so far, decompressed.
    :raises BrazeDataError: they are more than 16 MiB.
    """
    if size > MAX_BODY_BYTES:
        raise BrazeDataError(
            f"{path} answered with more than {MAX_BODY_BYTES // 2**20} MiB. That is no analytics of a "
            "campaign; check the connection's host."
        )


def incomplete_response(path: str, problem: str) -> BrazeTransportError:
    """The error for a request without a whole answer.

    To be raised outside the handler of a library's error, which holds the request with its headers, and so the key.

    :param problem: what the library said, scrubbed.
    """
    error = BrazeTransportError(
        f"{path} gave no whole answer: {problem}. Check the connection's host and the network between."
    )
    error.__cause__ = ConnectionError(problem)
    return error


def request_headers() -> dict[str, str]:
    """What goes with every request, but for the key."""
    import airflow_provider_braze

    return {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": f"airflow-provider-braze-analytics/{airflow_provider_braze.__version__}",
    }


def _error_of(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    return error or BrazeTransportError("no attempt was made")
