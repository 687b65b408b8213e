"""How to land days again: exact windows, with the arguments and the command that do it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.windows import ONE_DAY, load_timezone

if TYPE_CHECKING:
    from airflow_provider_braze.coverage.days import Calendar, Span
    from airflow_provider_braze.coverage.reader import Evidence

_SHIFTS: Final = {"schedule": ONE_DAY, "interval": timedelta(), "partition": timedelta()}
"""From a day to the date of its run, by the rule that gave the window. Other rules do not follow a schedule."""


def find_repairs(evidence: Evidence, calendar: Calendar) -> list[dict[str, Any]]:
    """Return the windows to land again, worst first, each with what is wrong and what to do."""
    return [
        {
            "state": state,
            "start": window.start.isoformat(),
            "end": window.end.isoformat(),
            "days": window.days,
            "is_asked": window.is_asked,
            "what": _describe(calendar, window),
            "command": _command(evidence, window),
        }
        for state in ("not_landed", "incomplete", "early")
        for window in calendar.windows(state)
    ]


def _describe(calendar: Calendar, window: Span) -> list[str]:
    """Return the absent objects, or the subjects without rows, of all days of a window."""
    days = [day for day in calendar.states if window.start <= day < window.end]
    found = {name for day in days for name in calendar.absent.get(day, ())}
    if window.state == "incomplete":
        found = {name for day in days for name in calendar.lacking.get(day, ())}
    if window.state == "early":
        found = {f"read {min(calendar.reads[day] for day in days)} times, the last time too early"}
        if all(calendar.reads[day] == 1 for day in days):
            found = {"read once, too early"}
    return sorted(found)


def _command(evidence: Evidence, window: Span) -> str | None:
    """Return the command of Airflow 3 that runs the days again; None if no kept run came from a schedule."""
    scheduled = [each.record for each in evidence.attempts if each.record["plan"]["rule"] in _SHIFTS]
    if not scheduled:
        return None
    newest: Mapping[str, Any] = scheduled[-1]
    shift, zone = _SHIFTS[newest["plan"]["rule"]], newest["plan"]["timezone"]
    first = _moment(window.start + shift, time(), zone)
    last = _moment(window.end - ONE_DAY + shift, time(23, 59, 59), zone)
    dag_id = shlex.quote(str(newest["run"]["dag_id"]))
    return (
        f"airflow backfill create --dag-id {dag_id} --from-date {first} --to-date {last} --reprocess-behavior completed"
    )


def _moment(day: date, at: time, zone: str) -> str:
    return datetime.combine(day, at, tzinfo=load_timezone(zone)).isoformat()
