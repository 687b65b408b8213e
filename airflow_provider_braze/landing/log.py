"""What a run logs: the plan, its progress, and the result. Lines fit Airflow's log page."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_braze.core.text import counted, percent
from airflow_provider_braze.core.windows import format_days
from airflow_provider_braze.fetch.subjects import Failed
from airflow_provider_braze.landing.plan import Plan
from airflow_provider_braze.tables.restatement import share_changed

if TYPE_CHECKING:
    from airflow_provider_braze.core.endpoints import Endpoint
    from airflow_provider_braze.core.models import Window
    from airflow_provider_braze.core.series import Series
    from airflow_provider_braze.hooks.braze import BrazeHook

log = logging.getLogger(__name__)
T = TypeVar("T")

PROGRESS_SECONDS: Final = 15.0


def log_plan(plan: Plan) -> None:
    """Log the plan as a collapsible group."""
    for line in format_plan(plan):
        log.info("%s", line)


def format_plan(plan: Plan) -> list[str]:
    """Format the plan as log lines in a collapsible group."""
    described, window = plan.describe(), plan.window
    minutes = round(described["expected_minutes"])
    duration = f"about {counted(minutes, 'minute')}" if minutes else "less than a minute"
    part = f" of part {plan.part} (of 0 to {plan.layout.parts - 1})" if plan.layout.parts > 1 else ""
    cap = f", at most {counted(plan.requests_per_minute, 'request')} per minute" if plan.requests_per_minute else ""
    lookback = f", including {counted(window.lookback_days, 'lookback day')}" if window.lookback_days else ""
    subjects, days = plan.series.count(described["subjects"]), counted(described["days"], "day")
    return [
        f"::group::Plan{part}: {subjects}, {days}, {counted(described['calls'], 'call')}, {duration}",
        f"Days: {format_days(window)} ({window.timezone}){lookback}",
        f"Tables: {', '.join(table.name for table in plan.tables)}; format: {plan.layout.file_format}",
        f"Source: {plan.layout.host}, {plan.series.count(plan.concurrency)} at a time{cap}",
        *_format_rate_limit(described.get("rate_limit_hours", 0)),
        f"Local disk: at most {described['spool_mib']} MiB",
        f"Missing days: {plan.missing_days}; failing {plan.series.plural}: {plan.on_error}",
        "::endgroup::",
    ]


def _format_rate_limit(hours: float) -> list[str]:
    if not hours:
        return []
    extent = f"{hours:.1f} hours'" if hours > 1 else f"{hours:.1%} of an hour's"
    return [f"Rate limit: {extent} requests, shared with the lists of events and products"]


def with_progress(
    fetched: Iterator[T], series: Series, total: int, what: str, hook: BrazeHook, endpoint: Endpoint
) -> Iterator[T]:
    """Pass subjects on, with a log line every 15 seconds and one at the end.

    :param total: number of subjects to come.
    :param what: what is fetched: the days of a chunk, or details.
    :param endpoint: the endpoint whose rate limit is logged.
    """
    began = last = time.monotonic()
    failed = 0
    for done, item in enumerate(fetched, 1):
        yield item
        failed += isinstance(item, Failed)
        now = time.monotonic()
        if now - last >= PROGRESS_SECONDS or done == total:
            last = now
            remaining = hook.get_conn().remaining(endpoint.path)
            count = f"{done} of {series.count(total)}"
            log.info("%s", format_progress(what, count, done / total, failed, seconds=now - began, remaining=remaining))


def name_chunk(chunk: Window, number: int, total: int) -> str:
    """Return a chunk's days, with its number if the window has several chunks."""
    return f"{format_days(chunk)}, chunk {number} of {total}" if total > 1 else format_days(chunk)


def format_progress(what: str, count: str, share: float, failed: int, *, seconds: float, remaining: int | None) -> str:
    """Format the progress of fetching.

    :param count: such as ``3 of 10 campaigns``.
    :param share: share of subjects done, > 0 to 1.
    :param failed: number of them that failed.
    :param remaining: requests that the rate limit still allows; None when unknown.
    """
    failures = f", {failed} failed" if failed else ""
    when = f"about {seconds * (1 - share) / share:.0f} s left" if share < 1 else f"in {seconds:.0f} s"
    limit = "" if remaining is None else f"; rate limit: {counted(remaining, 'request')} left"
    return f"Fetched {count} ({what}){failures}, {when}{limit}"


def format_result(record: dict[str, Any], series_plural: str, uri: str) -> list[str]:
    """Format a run's result as log lines, also of a run that fails.

    :param uri: the record's address.
    """
    subjects, tables = record["subjects"], record["tables"]
    counts = {
        "landed": subjects["landed"],
        "rejected": len(subjects["rejected"]),
        "failed": len(subjects["failed"]),
        "with missing days": len(subjects["missing_days"]),
    }
    written = sum(table["written"] for table in tables.values())
    unchanged = sum(table["unchanged"] for table in tables.values())
    rows = ", ".join(f"{name} {table['rows']}" for name, table in tables.items())
    return [
        f"{series_plural.capitalize()}: {', '.join(f'{number} {name}' for name, number in counts.items())}",
        f"Files: {written} written, {unchanged} unchanged. Rows: {rows}",
        f"Changed days: {format_changed(record['changed_days'])}",
        *format_restatement(record["restatement"]),
        f"Took {record['seconds']} s: {counted(record['requests'], 'request')}, "
        f"{counted(record['retries'], 'retry', 'retries')}, {record['waited_seconds']} s of waiting for Braze",
        f"Record: {uri}",
    ]


def format_restatement(ages: Mapping[str, Any]) -> list[str]:
    """Return a log line for the oldest compared age, with the figure that changed most; none without compared rows.

    :param ages: restatement by age, from a record.
    """
    if not ages:
        return []
    age = max(ages, key=int)
    found = ages[age]
    shares = {name: share_changed(*sums) or 0.0 for name, sums in found["figures"].items()}
    name = max(shares, key=lambda each: shares[each])
    if shares[name]:
        return [f"At age {counted(int(age), 'day')}, {percent(shares[name])} of {name} still changed"]
    return [f"At age {counted(int(age), 'day')}, {found['changed']} of {counted(found['rows'], 'row')} still changed"]


def format_changed(days: list[str]) -> str:
    """Return the number of changed days, with the first and the last."""
    if len(days) < 2:
        return days[0] if days else "none"
    return f"{len(days)}, {days[0]} to {days[-1]}"
