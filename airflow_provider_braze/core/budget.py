"""How many requests may be under way: the rate limit as Braze tells it, and a cap of our own.

A pure state machine over a clock that is handed in; whoever shares one among threads holds a lock around each call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from airflow_provider_braze.core.responses import RateLimit

_RECHECK_SECONDS = 1.0

Reason = Literal["spent", "in flight", "requests_per_minute"]


@dataclass(frozen=True, slots=True)
class Wait:
    """A request may not go yet.

    :param seconds: ask again after these, or as soon as an answer has come.
    :param reason: ``spent``: nothing is left until the reset; ``in flight``: the requests under way may use up what is
        left; ``requests_per_minute``: the connection's own cap.
    """

    seconds: float
    reason: Reason


class RateBudget:
    """The budget of one rate-limit bucket.

    What Braze says is left is compared with the requests under way, for each of them may still be counted: so the
    end of a window is approached one by one, and it is never overrun by this process.

    :param requests_per_minute: at most so many, evenly spaced; None for no cap.
    """

    def __init__(self, requests_per_minute: int | None = None) -> None:
        self._spacing = 60.0 / requests_per_minute if requests_per_minute else 0.0
        self._next_slot = float("-inf")
        self._in_flight = 0
        self._window = 0
        self._resets_at = float("-inf")
        self._limit: int | None = None
        self.remaining: int | None = None
        """What Braze last said is left, None when not known."""

    def admit(self, now: float) -> Wait | None:
        """Let one request go (None: it counts as under way, :meth:`settle` it), or tell how long to hold it.

        :param now: seconds of a clock that never goes back.
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

    def record(self, told: RateLimit | None, now: float, *, refused: bool = False) -> None:
        """Take a request from those under way, and what its answer told.

        :param told: the answer's rate-limit headers, None when there was no answer or it had none.
        :param refused: it was answered 429: nothing is left in the window that its headers name.
        """
        self._in_flight -= 1
        if told is None or told.window < self._window:
            return
        remaining = 0 if refused else told.remaining
        resets_at = now + told.resets_in
        if told.window > self._window or self.remaining is None:
            self._window, self.remaining, self._resets_at = told.window, remaining, resets_at
        else:
            # Answers overtake one another: of the same window the smallest number is the latest, and the earliest
            # end is the best estimate, for the headers round it up.
            self.remaining = min(self.remaining, remaining)
            self._resets_at = min(self._resets_at, resets_at)
        self._limit = told.limit if told.limit else self._limit
