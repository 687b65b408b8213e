"""Evidence for tests of coverage: tries with records as landing writes them, and objects by day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from airflow_provider_braze.coverage.earlier import Earlier
from airflow_provider_braze.coverage.model import build_coverage
from airflow_provider_braze.coverage.reader import Evidence, PastTry
from airflow_provider_braze.landing.layout import Layout
from airflow_provider_braze.series import find_series

DAY = timedelta(days=1)


def picture() -> dict[str, Any]:
    """Build the coverage of the picture in the docs: 300 days. Three are absent, four lack a campaign."""
    zone, bad = "America/New_York", "21636369-8b52-4b4a-97b7-50923ceb3ffd"
    every = days(date(2026, 2, 2), 297)
    figures = {age: {"conversions_by_send_time": [10_000, 10_000 + 1_500 * 0.905**age]} for age in range(1, 31)}
    ages = {str(age): {"rows": 40, "changed": 31 - age, "figures": each} for age, each in figures.items()}
    tries = [
        past_try(
            newest,
            30,
            zone=zone,
            dag_id="braze_with_coverage",
            restatement=ages,
            failed=[bad] if newest > every[-5] else (),
            error="BrazePartialError: 1 of 40 campaigns failed" if newest > every[-5] else None,
            state="failed" if newest > every[-5] else "success",
        )
        for newest in every[-40:]
    ]
    absent = {every[101], every[102], every[210]}
    found = evidence(tries, [day for day in every if day not in absent])
    earlier = Earlier({day: "final" for day in every[28:-30] if day not in absent})
    names = {bad: "Welcome series, all channels"}
    layout = replace(found.layout, timezone=zone)
    found = replace(found, layout=layout, earlier=earlier, read_names=lambda: names)
    return build_coverage("s3://lake/braze", [found], datetime(2026, 11, 26, 7, tzinfo=timezone.utc))


def days(start: date, number: int) -> list[date]:
    return [start + number_ * DAY for number_ in range(number)]


def past_try(
    newest: date,
    lookback: int = 3,
    *,
    part: int = 0,
    rule: str = "schedule",
    state: str = "success",
    is_complete: bool = True,
    is_dead: bool = False,
    failed: Iterable[str] = (),
    rejected: Iterable[str] = (),
    missing: Mapping[str, Collection[date]] | None = None,
    given: list[str] | None = None,
    restatement: Mapping[str, Any] | None = None,
    drift: Mapping[str, int] | None = None,
    zone: str = "UTC",
    read_on: date | None = None,
    tables: Iterable[str] = ("campaign_days", "campaign_messages"),
    error: str | None = None,
    run_id: str | None = None,
    dag_id: str = "braze",
    try_number: int = 1,
    subjects: int = 25,
) -> PastTry:
    """Build a try of the run that lands ``newest`` and the lookback days before it, on the next morning."""
    began = datetime.combine((read_on or newest) + DAY, time(6), tzinfo=timezone.utc)
    window = {"start": (newest - lookback * DAY).isoformat(), "end": (newest + DAY).isoformat()}
    record: dict[str, Any] = {
        "run": {
            **{"dag_id": dag_id, "task_id": "land", "map_index": -1},
            **{"run_id": run_id or f"scheduled__{newest}", "try_number": try_number},
        },
        "plan": {"window": window, "rule": rule, "lookback_days": lookback, "timezone": zone, "subjects": subjects},
        "writes": window,
        "given": given,
        "planned_at": began.isoformat(),
        "fetched_at": began.isoformat(),
        "state": state,
        "settled": None,
        "tables": {name: {} for name in tables},
    }
    if state != "running":
        named = {"class": "BrazeApiError", "message": "status 500"}
        record |= {
            "is_complete": is_complete,
            "error": error,
            "tables": {name: {"written": 1, "rows": 1} for name in tables},
            "changed_days": [newest.isoformat()],
            "details": None,
            "fetches": [],
            "subjects": {
                "failed": dict.fromkeys(failed, named),
                "rejected": dict.fromkeys(rejected, named),
                "missing_days": {name: [day.isoformat() for day in found] for name, found in (missing or {}).items()},
            },
            "restatement": restatement or {},
            "drift": drift or {},
            "requests": 5,
            "retries": 1,
            "waits": 1,
            "waited_seconds": 2.5,
            "seconds": 9.0,
        }
    return PastTry(began, part, is_dead, record)


def evidence(
    tries: Iterable[PastTry], landed: Iterable[date], *, parts: int = 1, series: str = "campaigns", **absent: Any
) -> Evidence:
    """Build the evidence of a series.

    :param landed: days with an object of each part in each table.
    :param absent: for a table, pairs of a day and a part without an object.
    """
    declared = find_series(series)
    landed = list(landed)
    objects = {
        table.name: {
            day: frozenset(part for part in range(parts) if (day, part) not in absent.get(table.name, ()))
            for day in landed
        }
        for table in declared.tables
        if table.has_days and table.is_default
    }
    layout = Layout(parts, "parquet", "UTC", "https://rest.iad-01.braze.com", series)
    return Evidence(declared, layout, objects, sorted(tries, key=lambda each: each.began))
