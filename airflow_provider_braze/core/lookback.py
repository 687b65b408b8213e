"""How far back Braze may still restate: from the conversion windows of campaigns to days to read again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airflow_provider_braze.core.text import counted

DEFAULT_LOOKBACK_DAYS: Final = 30
"""The longest conversion window that can be set. Source: Braze docs, Conversion events (seen 2026-09)."""

MAX_LOOKBACK_DAYS: Final = 3660
"""More is taken for a mistake."""

_MARGIN_DAYS: Final = 3
"""For what comes in late: email, for one, is tried again for up to 72 hours (inferred)."""

_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Lookback:
    """How many days to read again, and why.

    :param days: so many.
    :param campaign_id: the campaign with the longest conversion window; None when no campaign told one.
    :param window_seconds: that window.
    :param unknown: campaigns whose details did not come.
    """

    days: int
    campaign_id: str | None = None
    window_seconds: int | None = None
    unknown: int = 0

    def __str__(self) -> str:
        if self.campaign_id is None:
            reason = "no campaign told a conversion window"
        else:
            reason = f"the longest conversion window is that of {self.campaign_id}: {self.window_seconds} seconds"
        doubt = ""
        if self.unknown:
            doubt = f"; {counted(self.unknown, 'campaign')} did not tell theirs, so at least {DEFAULT_LOOKBACK_DAYS}"
        return f"{self.days} days back, for {reason}{doubt}"


def find_lookback(longest: tuple[int, str] | None, *, unknown: int) -> Lookback:
    """Tell how many days to read again: the longest conversion window, in whole days, and three more.

    A campaign that could not be asked may have any window, so it never shortens the lookback: then it is the default at
    least, as it is when no campaign has a window.

    :param longest: the longest conversion window in seconds, and the campaign that has it; None when none was found.
    :param unknown: campaigns whose details did not come.
    """
    window, campaign_id = longest or (None, None)
    days = DEFAULT_LOOKBACK_DAYS if window is None else -(-window // _DAY_SECONDS) + _MARGIN_DAYS
    if unknown:
        days = max(days, DEFAULT_LOOKBACK_DAYS)
    return Lookback(min(days, MAX_LOOKBACK_DAYS), campaign_id, window, unknown)
