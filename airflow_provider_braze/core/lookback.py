"""The lookback that campaigns need: how long Braze may still restate a day, from their conversion windows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from airflow_provider_braze.core.text import counted
from airflow_provider_braze.core.zones import ONE_DAY

DEFAULT_LOOKBACK_DAYS: Final = 30
"""The longest conversion window that Braze allows. Source: Braze docs, Conversion events (seen 2026-09)."""

MAX_LOOKBACK_DAYS: Final = 3660
"""The highest lookback accepted. A higher one is probably a mistake."""

_MARGIN_DAYS: Final = 3
"""Added for late events. Email, for example, is retried for up to 72 hours (inferred)."""

_DAY_SECONDS: Final = ONE_DAY // timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Lookback:
    """A number of lookback days and its reason.

    :param days: days to fetch again.
    :param campaign_id: campaign with the longest conversion window. None if no campaign has one.
    :param window_seconds: that conversion window in seconds.
    :param unknown: number of campaigns without details.
    """

    days: int
    campaign_id: str | None = None
    window_seconds: int | None = None
    unknown: int = 0

    def __str__(self) -> str:
        if self.campaign_id is None or self.window_seconds is None:
            reason = "no campaign has a conversion window"
        else:
            reason = f"campaign {self.campaign_id} has the longest conversion window ({_duration(self.window_seconds)})"
        minimum = ""
        if self.unknown:
            unknown = counted(self.unknown, "campaign")
            minimum = f"; at least {DEFAULT_LOOKBACK_DAYS}, because details of {unknown} are missing"
        return f"{counted(self.days, 'day')}: {reason}{minimum}"


def find_lookback(longest: tuple[int, str] | None, *, unknown: int) -> Lookback:
    """Return the lookback for the longest conversion window: its days rounded up, plus three.

    The default is the minimum if details are missing, because those campaigns may have any conversion window. It also
    applies if no campaign has one.

    :param longest: longest conversion window in seconds and its campaign. None if there is none.
    :param unknown: number of campaigns without details.
    """
    window, campaign_id = longest or (None, None)
    days = DEFAULT_LOOKBACK_DAYS if window is None else -(-window // _DAY_SECONDS) + _MARGIN_DAYS
    if unknown:
        days = max(days, DEFAULT_LOOKBACK_DAYS)
    return Lookback(min(days, MAX_LOOKBACK_DAYS), campaign_id, window, unknown)


def _duration(seconds: int) -> str:
    days, rest = divmod(seconds, _DAY_SECONDS)
    return f"{seconds} s" if rest else counted(days, "day")
