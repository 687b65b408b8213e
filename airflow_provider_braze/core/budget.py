"""How many requests may be in flight: Braze's rate limit, and the connection's own cap.

Pure state machines: the caller passes the time. Not thread-safe: hold a lock around each call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from airflow_provider_braze.core.responses import RateLimit

_RECHECK_SECONDS = 1.0

_MINUTE: Final = 60.0
_HOUR: Final = 60 * _MINUTE

Reason = Literal["spent", "in flight", "requests_per_minute"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is known about a rate limit before any response.

    :param reset_seconds: seconds between two resets. A reset further away than twice that is not believed: it would
        stop every request of the bucket because of one wrong header.
    :param request_wait_seconds: longest wait of one request, retries included.
    :param task_wait_seconds: longest time that requests of one task wait in total.
    """

    reset_seconds: float = _HOUR
    request_wait_seconds: float = 15 * _MINUTE
    task_wait_seconds: float = _HOUR


_BUCKETS: Final[Mapping[str, Bucket]] = {
    # Resets and limits: Braze docs, API rate limits (seen 2026-09).
    "campaigns.data_series": Bucket(reset_seconds=_MINUTE),
    "cdi.integrations": Bucket(reset_seconds=_MINUTE),
    "cdi.job_sync_status": Bucket(reset_seconds=_MINUTE),
    # 1,000 requests an hour for the whole workspace: a task that needs more has to wait for the next hours. These waits
    # are for what other tasks use up; a landing run adds the hours of its own plan.
    "events": Bucket(request_wait_seconds=65 * _MINUTE, task_wait_seconds=4 * 65 * _MINUTE),
}
_OTHER: Final = Bucket()


def bucket_rules(name: str) -> Bucket:
    """Return what is known about a rate limit, by the name of its bucket."""
    return _BUCKETS.get(name, _OTHER)


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait before a request may be sent.

    :param seconds: seconds after which to try again, or as soon as a response has arrived.
    :param reason: ``spent``: nothing is left until the reset; ``in flight``: the requests in flight may use up what is
        left; ``requests_per_minute``: the connection's own cap.
    """

    seconds: float
    reason: Reason


class RateBudget:
    """The budget of one rate-limit bucket.

    Every request in flight may still count against what Braze says is left. So requests are admitted only while fewer
    are in flight than are left, and this process never exceeds the limit.

    :param requests_per_minute: cap on requests, evenly spaced. Default None, no cap.
    :param reset_seconds: seconds between two resets, see :class:`Bucket`.
    """

    def __init__(self, requests_per_minute: int | None = None, reset_seconds: float = _HOUR) -> None:
        self._spacing = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._farthest_reset = 2 * reset_seconds
        self._next_slot = float("-inf")
        self._in_flight = 0
        self._reset = 0
        self._resets_at = float("-inf")
        self._limit: int | None = None
        self.remaining: int | None = None
        """Requests left by Braze's latest response, None when unknown."""

    def admit(self, now: float) -> Wait | None:
        """Admit one request, or return the wait before the next try. :meth:`record` each admitted request.

        :param now: seconds of a monotonic clock.
        """
        if now >= self._resets_at:
            self.remaining = self._limit
        if self.remaining is not None and self.remaining <= self._in_flight:
            wait = self._resets_at - now
            return Wait(wait if wait > 0 else _RECHECK_SECONDS, "in flight" if self.remaining else "spent")
        if now < self._next_slot:
            return Wait(self._next_slot - now, "requests_per_minute")
        self._next_slot = now + self._spacing
        self._in_flight += 1
        return None

    def record(self, rate_limit: RateLimit | None, now: float, *, rejected: bool = False) -> None:
        """Record the end of an admitted request.

        :param rate_limit: the response's rate limit, None without a response or without its headers.
        :param rejected: whether the status was 429: nothing is left until the reset in the headers.
        """
        self._in_flight -= 1
        if rate_limit is None or rate_limit.reset < self._reset or rate_limit.resets_in > self._farthest_reset:
            return
        remaining = 0 if rejected else rate_limit.remaining
        resets_at = now + rate_limit.resets_in
        if rate_limit.reset > self._reset or self.remaining is None:
            self._reset, self.remaining, self._resets_at = rate_limit.reset, remaining, resets_at
        else:
            # Responses overtake one another. For the same reset the smallest number is the latest, and the earliest
            # time is the best estimate, because the headers round it up.
            self.remaining = min(self.remaining, remaining)
            self._resets_at = min(self._resets_at, resets_at)
        self._limit = rate_limit.limit if rate_limit.limit else self._limit
