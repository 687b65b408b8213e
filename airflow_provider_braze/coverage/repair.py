"""How to land days again: exact windows, with the arguments and the commands that do it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.zones import ONE_DAY, load_timezone
from airflow_provider_braze.coverage.names import with_name
from airflow_provider_braze.landing.layout import part_of

if TYPE_CHECKING:
    from airflow_provider_braze.coverage.days import Calendar, Span
    from airflow_provider_braze.coverage.reader import Evidence, PastTry

SHIFTS: Final = {"schedule": ONE_DAY, "interval": timedelta(), "partition": timedelta()}
"""From a day to the date of its run, by the rule that gave the window. Other rules do not follow a schedule."""
_Need = tuple[str, int, frozenset[str] | None]
"""A table, a part, and the subjects without rows; None for all."""


def find_repairs(
    evidence: Evidence, calendar: Calendar, names: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Return the windows to land again, worst first, each with what is wrong and what to do.

    :param names: names of subjects by id.
    """
    return [
        {
            "state": state,
            "start": window.start.isoformat(),
            "end": window.end.isoformat(),
            "days": window.days,
            "is_asked": window.is_asked,
            "what": _describe(evidence, calendar, window, names),
            "commands": _commands(evidence, calendar, window),
        }
        for state in ("not_landed", "incomplete", "early")
        for window in calendar.windows(state)
    ]


def _days(window: Span) -> Window:
    return Window(window.start, window.end)


def _describe(evidence: Evidence, calendar: Calendar, window: Span, names: Mapping[str, str]) -> list[str]:
    """Return the absent objects, or the subjects without rows, of all days of a window."""
    days = list(_days(window))
    if window.state == "incomplete":
        return sorted({with_name(name, names) for day in days for name in calendar.lacking.get(day, ())})
    if window.state == "early":
        reads = [calendar.reads[day] for day in days]
        return ["read once, too early" if max(reads) == 1 == min(reads) else "read too early"]
    absent = sorted({each for day in days for each in calendar.absent.get(day, ())})
    return [f"{table} part {part}" if evidence.layout.parts > 1 else table for table, part in absent]


def _commands(evidence: Evidence, calendar: Calendar, window: Span) -> list[str]:
    """Return the commands of Airflow 3 that run the days again: one per Dag that lands what they lack."""
    days_by_need: dict[_Need, list[date]] = {}
    for day in _days(window):
        for need in _needs(evidence, calendar, day):
            days_by_need.setdefault(need, []).append(day)
    runs: dict[str, PastTry] = {}
    days_by_dag: dict[str, list[date]] = {}
    for need, days in days_by_need.items():
        for past in _owners(evidence, need):
            dag_id = str(past.record["run"]["dag_id"])
            runs.setdefault(dag_id, past)
            days_by_dag.setdefault(dag_id, []).extend(days)
    return [_format_command(dag_id, runs[dag_id], days) for dag_id, days in sorted(days_by_dag.items())]


def _needs(evidence: Evidence, calendar: Calendar, day: date) -> Iterator[_Need]:
    """Return what has to land again for a day."""
    if absent := calendar.absent.get(day):
        yield from ((table, part, None) for table, part in absent)
        return
    landed = [table for table, days in evidence.objects.items() if day in days] or [next(iter(evidence.objects))]
    names = calendar.lacking.get(day, frozenset())
    for part in range(evidence.layout.parts):
        mine = frozenset(name for name in names if part_of(name, evidence.layout.parts) == part)
        if mine or not names:
            yield from ((table, part, mine or None) for table in landed)


def _owners(evidence: Evidence, need: _Need) -> Iterator[PastTry]:
    """Return the newest scheduled try that lands what is needed; several if each of them lands given subjects."""
    table, part, names = need
    known: set[str] = set()
    for past in reversed(evidence.tries):
        if past.part != part or table not in past.tables or past.record["plan"]["rule"] not in SHIFTS:
            continue
        if past.given is None:
            yield past
            return
        found = set(past.given) if names is None else names.intersection(past.given)
        if found - known:
            known |= found
            yield past


def _format_command(dag_id: str, run: PastTry, days: Iterable[date]) -> str:
    days = sorted(days)
    shift, zone = SHIFTS[run.record["plan"]["rule"]], run.record["plan"]["timezone"]
    first = _moment(days[0] + shift, time(), zone)
    last = _moment(days[-1] + shift, time(23, 59, 59), zone)
    return (
        f"airflow backfill create --dag-id {shlex.quote(dag_id)} --from-date {first} --to-date {last} "
        "--reprocess-behavior completed"
    )


def _moment(day: date, at: time, zone: str) -> str:
    return datetime.combine(day, at, tzinfo=load_timezone(zone)).isoformat()
