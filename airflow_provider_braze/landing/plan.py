"""What a run will do, before it does it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from airflow_provider_braze.core.calls import split_window
from airflow_provider_braze.core.models import JsonObject, Window
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.landing.layout import Layout, part_of
from airflow_provider_braze.landing.outcome import MissingDays, OnCampaignError

DAY_TABLES: Final = ("campaign_days", "campaign_messages", "campaign_raw")
TABLES: Final = (*DAY_TABLES, "campaigns")
DEFAULT_TABLES: Final = ("campaign_days", "campaign_messages", "campaigns")

_ASSUMED_SECONDS_A_CALL: Final = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do.

    :param window: the days.
    :param campaign_ids: the campaigns of this part.
    :param listing: Braze's whole list, when the ids came from it.
    :param tables: names of the tables to land.
    :param run: what tells this run from others: Dag, run, task, map index, try.
    """

    window: Window
    layout: Layout
    part: int
    campaign_ids: Sequence[str]
    listing: Sequence[JsonObject] | None
    tables: Collection[str]
    concurrency: int
    missing_days: MissingDays
    on_campaign_error: OnCampaignError
    run: dict[str, Any]

    def describe(self, requests_per_minute: int | None) -> dict[str, Any]:
        """Tell the plan in plain values; the minutes assume half a second a call."""
        calls = len(self.campaign_ids) * len(split_window(self.window, now=datetime.now(timezone.utc)))
        minutes = calls * _ASSUMED_SECONDS_A_CALL / self.concurrency / 60
        if requests_per_minute:
            minutes = max(minutes, calls / requests_per_minute)
        return {
            "window": {"start": self.window.start.isoformat(), "end": self.window.end.isoformat()},
            "rule": self.window.rule,
            "timezone": self.window.timezone,
            "lookback_days": self.window.lookback_days,
            "days": len(self.window),
            "campaigns": len(self.campaign_ids),
            "calls": calls,
            "expected_minutes": round(minutes, 1),
            "part": self.part,
            "parts": self.layout.parts,
        }


def choose_campaigns(campaign_ids: Sequence[str], part: int, parts: int) -> list[str]:
    """Keep the campaigns of a part, each once, in a fixed order.

    :raises BrazeConfigError: there is no such part.
    """
    if not 0 <= part < parts:
        raise BrazeConfigError(f"`part` is {part}. Give a whole number, 0 to {parts - 1}, for there are {parts} parts.")
    return sorted({campaign_id for campaign_id in campaign_ids if part_of(campaign_id, parts) == part})
