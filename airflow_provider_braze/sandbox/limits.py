"""Rate limits: one counter per bucket, reset at fixed times of the real clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

BRAZE_LIMITS: Final[Mapping[str, tuple[int, float]]] = {
    # Source: Braze docs, API rate limits (seen 2026-09).
    "campaigns.data_series": (50_000, 60),
    "events": (1_000, 3_600),
    "default": (250_000, 3_600),
}
"""Braze's limits by bucket: requests, and seconds until they reset."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate limit.

    :param seconds: seconds until it resets.
    :param is_enforced: whether requests above it are rejected.
    """

    bucket: str
    requests: int
    seconds: float
    is_enforced: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """State of a bucket after a request.

    :param reset: UTC epoch second at which the limit resets, rounded up.
    :param is_spent: whether the request was above the limit.
    """

    limit: int
    remaining: int
    reset: int
    is_spent: bool = False

    def headers(self) -> dict[str, str]:
        """Return the rate-limit headers, in lower case as over HTTP/2."""
        values = (str(self.limit), str(self.remaining), str(self.reset))
        return dict(zip(HEADERS, values, strict=True))


HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


class RateWindows:
    """Counts requests by bucket.

    :param clock: returns the epoch second.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._used: dict[str, tuple[float, int]] = {}

    def take(self, bucket: str, limit: int, seconds: float) -> Standing:
        """Count a request and return the state of its bucket."""
        now = self._clock()
        end = (math.floor(now / seconds) + 1) * seconds
        known_end, used = self._used.get(bucket, (end, 0))
        used = used + 1 if known_end == end else 1
        self._used[bucket] = (end, used)
        return Standing(limit, max(0, limit - used), math.ceil(end), used > limit)

    def clear(self) -> None:
        """Reset all limits."""
        self._used.clear()

    def spent(self, limit: int, seconds: float) -> Standing:
        """Return the state of a bucket that is used up for some seconds, without counting."""
        return Standing(limit, 0, math.ceil(self._clock() + seconds), True)
