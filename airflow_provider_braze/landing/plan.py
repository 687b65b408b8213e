"""What a run will do, before it does it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.calls import split_window
from airflow_provider_braze.core.lookback import Lookback
from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.text import counted
from airflow_provider_braze.fetch.outcome import MissingDays, OnCampaignError
from airflow_provider_braze.landing.layout import Layout, part_of

if TYPE_CHECKING:
    import pyarrow as pa

DAY_TABLES: Final = ("campaign_days", "campaign_messages", "campaign_raw")
DETAILS_TABLE: Final = "campaign_details"
TABLES: Final = (*DAY_TABLES, "campaigns", DETAILS_TABLE)
DEFAULT_TABLES: Final = ("campaign_days", "campaign_messages", "campaigns")

_ASSUMED_SECONDS_A_CALL: Final = 0.5
_SPOOL_BYTES: Final = {"campaign_days": 50, "campaign_messages": 250, "campaign_raw": 600}
"""What a campaign's day takes on disk, measured with the sandbox's campaigns of all channels."""
_DETAILS_BYTES: Final = 10_000
"""What a campaign's details take, compressed; assumed, for they hold the contents of its messages."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do.

    :param window: the days.
    :param campaign_ids: the campaigns of this part.
    :param campaigns: the table ``campaigns`` of Braze's whole list, when the ids came from it.
    :param tables: names of the tables to land.
    :param run: what tells this run from others: Dag, run, task, map index, try.
    :param requests_per_minute: the connection's cap.
    :param lookback: what told ``lookback_days`` of the window, if the campaigns' details did.
    """

    window: Window
    layout: Layout
    part: int
    campaign_ids: Sequence[str]
    campaigns: pa.Table | None
    tables: Collection[str]
    concurrency: int
    missing_days: MissingDays
    on_campaign_error: OnCampaignError
    run: dict[str, Any]
    requests_per_minute: int | None = None
    lookback: Lookback | None = None

    @property
    def day_tables(self) -> list[str]:
        """The wanted tables that have an object a day."""
        return [name for name in DAY_TABLES if name in self.tables]

    @property
    def spooled(self) -> list[str]:
        """The tables that go by way of the disk: the days always, for they tell which campaigns came back."""
        return [name for name in DAY_TABLES if name in self.tables or name == "campaign_days"]

    @property
    def manifest(self) -> str:
        """The manifest's name; a run that lands no days has one of its own, and leaves those of days alone."""
        return self.layout.manifest(self.window if self.day_tables else None, self.part)

    @property
    def chunks(self) -> list[Window]:
        """The window in pieces of one call a campaign, newest first."""
        calls = split_window(self.window, now=datetime.now(timezone.utc))
        return [replace(self.window, start=call.start, end=call.end) for call in calls]

    def describe(self) -> dict[str, Any]:
        """Tell the plan in plain values; minutes at half a second a call, disk for campaigns that all send."""
        chunks = self.chunks if self.day_tables else []
        needs_details = DETAILS_TABLE in self.tables or self.lookback is not None
        calls = len(self.campaign_ids) * (len(chunks) + needs_details)
        # One stretch is landed while the next one is fetched.
        spooled = len(self.campaign_ids) * sum(map(len, chunks[:2]))
        spool_bytes = spooled * sum(_SPOOL_BYTES[name] for name in self.spooled)
        if DETAILS_TABLE in self.tables:
            spool_bytes += len(self.campaign_ids) * _DETAILS_BYTES
        minutes = calls * _ASSUMED_SECONDS_A_CALL / self.concurrency / 60
        if self.requests_per_minute:
            minutes = max(minutes, calls / self.requests_per_minute)
        return {
            "window": {"start": self.window.start.isoformat(), "end": self.window.end.isoformat()},
            "rule": self.window.rule,
            "timezone": self.window.timezone,
            "lookback_days": self.window.lookback_days,
            "lookback": asdict(self.lookback) if self.lookback else None,
            "days": len(self.window),
            "campaigns": len(self.campaign_ids),
            "calls": calls,
            "expected_minutes": round(minutes, 1),
            "spool_mib": round(spool_bytes / 2**20, 1),
            "part": self.part,
            "parts": self.layout.parts,
        }


def format_plan(plan: Plan) -> list[str]:
    """Tell the plan in lines for the log: a group, of which Airflow shows only the first line until it is unfolded."""
    told = plan.describe()
    minutes = round(told["expected_minutes"])
    time = f"about {counted(minutes, 'minute')}" if minutes else "less than a minute"
    part = f" of part {plan.part} (of 0 to {plan.layout.parts - 1})" if plan.layout.parts > 1 else ""
    cap = f", {counted(plan.requests_per_minute, 'request')} a minute at most" if plan.requests_per_minute else ""
    campaigns, days = counted(told["campaigns"], "campaign"), counted(told["days"], "day")
    return [
        f"::group::Plan{part}: {campaigns}, {days}, {counted(told['calls'], 'call')}, {time}",
        f"Days: {plan.window} in {plan.window.timezone}, of which read again: {plan.window.lookback_days}",
        f"Tables: {', '.join(plan.tables)}; format: {plan.layout.file_format}",
        f"From {plan.layout.host}: {counted(plan.concurrency, 'campaign')} at once{cap}",
        f"Disk needed meanwhile: {told['spool_mib']} MiB at most",
        f"When days are missing: {plan.missing_days}; when campaigns fail: {plan.on_campaign_error}",
        "::endgroup::",
    ]


def choose_campaigns(campaign_ids: Sequence[str], part: int, parts: int) -> list[str]:
    """Keep the campaigns of a part, each once, in a fixed order."""
    return sorted({campaign_id for campaign_id in campaign_ids if part_of(campaign_id, parts) == part})
