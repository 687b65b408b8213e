"""Coverage in plain values: what the page, the terminal, XCom and ``coverage.json`` show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.text import counted, shorten
from airflow_provider_braze.core.zones import ONE_DAY, load_timezone
from airflow_provider_braze.coverage.changes import describe_ages, judge_lookback, sum_by_age
from airflow_provider_braze.coverage.days import judge_days
from airflow_provider_braze.coverage.reads import STATES
from airflow_provider_braze.coverage.repair import find_repairs
from airflow_provider_braze.coverage.subjects import LONGEST_ERROR, find_problems

if TYPE_CHECKING:
    from airflow_provider_braze.coverage.days import Calendar
    from airflow_provider_braze.coverage.reader import Evidence, PastTry
    from airflow_provider_braze.landing.layout import Layout

_LAST_RUNS: Final = 10


def build_coverage(destination: str, evidence: Iterable[Evidence], now: datetime) -> dict[str, Any]:
    """Build the coverage of a destination.

    :param destination: its address, without a connection id.
    :param now: aware time.
    """
    series: dict[str, Any] = {}
    layout: Layout | None = None
    for each in evidence:
        layout = each.layout
        series[each.series.name] = _build_series(each, now)
    return {
        "destination": destination,
        "generated_at": now.isoformat(timespec="seconds"),
        "host": layout.host if layout else None,
        "timezone": layout.timezone if layout else None,
        "series": series,
    }


def _build_series(evidence: Evidence, now: datetime) -> dict[str, Any]:
    calendar = judge_days(evidence)
    complete = [past for past in evidence.tries if past.has_landed_days]
    # Runs over given days do not look back.
    lookback = next((past.lookback_days for past in reversed(complete) if past.lookback_days), 0 if complete else None)
    ages = sum_by_age(evidence.tries)
    yesterday = now.astimezone(load_timezone(evidence.layout.timezone)).date() - ONE_DAY
    newest = calendar.newest
    failed, rejected = (find_problems(complete, evidence.objects, kind) for kind in ("failed", "rejected"))
    lacking = _days_by_subject(calendar.lacking)
    named = {*lacking, *(each["name"] for each in [*failed, *rejected])}
    names = evidence.read_names() if named else {}
    return {
        "noun": evidence.series.noun,
        "plural": evidence.series.plural,
        "parts": evidence.layout.parts,
        "tables": {name: len(days) for name, days in evidence.objects.items() if days},
        "first_day": min(calendar.states).isoformat() if calendar.states else None,
        "newest_day": newest.isoformat() if newest else None,
        # Yesterday has age 0: no younger day has ended.
        "age_days": (yesterday - newest).days if newest else None,
        "days": calendar.counts(),
        "calendar": _describe_windows(calendar),
        "repairs": find_repairs(evidence, calendar, names),
        "unproven": _describe_unproven(calendar, evidence.series.noun),
        "lacking": lacking,
        "names": {each: names[each] for each in sorted(named) if each in names},
        "lookback_days": lookback,
        "restatement": describe_ages(ages),
        # Of subjects that expire, Braze keeps the days of the default lookback.
        "verdict": judge_lookback(
            ages, lookback, evidence.series.lookback_days if evidence.series.may_expire else None
        ),
        "failed": failed,
        "rejected": rejected,
        "keys_without_column": _newest_drift(complete),
        "runs": [_describe_run(past) for past in reversed(evidence.tries[-_LAST_RUNS:])],
        "totals": _sum_totals(evidence.tries),
        "unread_records": evidence.unread,
    }


def _describe_windows(calendar: Calendar) -> list[dict[str, str]]:
    """Return the runs of days with one state, in plain values."""
    return [
        {"state": each.state, "start": each.start.isoformat(), "end": each.end.isoformat()}
        for each in calendar.windows(*STATES)
    ]


def _describe_unproven(calendar: Calendar, noun: str) -> str | None:
    """Return a sentence on the landed days that nothing proves complete, None if there are none."""
    windows = calendar.windows("unproven")
    if not windows:
        return None
    days = counted(sum(window.days for window in windows), "day")
    return (
        f"{days} from {windows[0].start} to {windows[-1].end - ONE_DAY} landed, but no kept record proves the rows of "
        f"every {noun}. Land them again to prove them."
    )


def summarise(coverage: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counts of each series, for XCom."""
    return {
        name: {
            "newest_day": series["newest_day"],
            "age_days": series["age_days"],
            "days": series["days"],
            "failed": len(series["failed"]),
            "rejected": len(series["rejected"]),
            "verdict": series["verdict"],
        }
        for name, series in coverage["series"].items()
    }


def find_violations(coverage: Mapping[str, Any], max_age: int | None, max_missing_days: int | None) -> list[str]:
    """Return a sentence for each series that is staler or less complete than allowed.

    :param max_age: days that the newest day may be older than yesterday; None for any.
    :param max_missing_days: days that may be absent or incomplete; None for any.
    """
    found = []
    for name, series in coverage["series"].items():
        age = series["age_days"]
        if max_age is not None and (age is None or age > max_age):
            newest = series["newest_day"] or "none"
            old = "" if age is None else f", {counted(age, 'day')} older than yesterday"
            found.append(f"{name}: newest day {newest}{old} (max_age={max_age})")
        missing = series["days"]["not_landed"] + series["days"]["incomplete"]
        if max_missing_days is not None and missing > max_missing_days:
            bad = [each for each in series["repairs"] if each["state"] != "early"]
            days = ", ".join(format_window(each) for each in bad[:20]) + (" and more" if len(bad) > 20 else "")
            number = counted(missing, "day")
            found.append(f"{name}: {number} missing or incomplete: {days} (max_missing_days={max_missing_days})")
    return found


def format_window(window: Mapping[str, Any]) -> str:
    """Return a window's days and what they lack."""
    last = (datetime.fromisoformat(window["end"]) - ONE_DAY).date().isoformat()
    days = window["start"] if window["days"] == 1 else f"{window['start']} to {last}"
    what = window["what"]
    return f"{days} ({', '.join(what[:3])}{f' and {len(what) - 3} more' if len(what) > 3 else ''})"


def _days_by_subject(lacking: Mapping[date, frozenset[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for day, names in sorted(lacking.items()):
        for name in sorted(names):
            found.setdefault(name, []).append(day.isoformat())
    return found


def _newest_drift(tries: Sequence[PastTry]) -> dict[str, int]:
    """Return the keys without a column that the newest try of each task, mapped copy and part saw."""
    newest = {(past.part, past.task, past.record["run"]["map_index"]): past.record["drift"] for past in tries}
    total: Counter[str] = Counter()
    for drift in newest.values():
        total.update(drift)
    return dict(sorted(total.items()))


def _describe_run(past: PastTry) -> dict[str, Any]:
    record = past.record
    return {
        "began": past.began.isoformat(timespec="seconds"),
        "part": past.part,
        "state": past.state,
        "dag_id": record["run"]["dag_id"],
        "run_id": record["run"]["run_id"],
        "try_number": record["run"]["try_number"],
        "first_day": past.window.start.isoformat(),
        "last_day": (past.window.end - ONE_DAY).isoformat(),
        "error": shorten(record.get("error") or "", LONGEST_ERROR),
        "changed_days": len(record.get("changed_days", ())),
        "written": sum(table.get("written", 0) for table in past.tables.values()),
        "requests": record.get("requests"),
        "waited_seconds": record.get("waited_seconds"),
        "seconds": record.get("seconds"),
    }


def _sum_totals(tries: Iterable[PastTry]) -> dict[str, Any]:
    records = [past.record for past in tries]
    names = ("requests", "retries", "waits")
    totals: dict[str, Any] = {name: sum(record.get(name, 0) for record in records) for name in names}
    totals["waited_seconds"] = round(sum(record.get("waited_seconds", 0) for record in records), 1)
    totals["tries"] = len(records)
    return totals
