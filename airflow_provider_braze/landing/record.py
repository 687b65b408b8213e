"""The content of a try's record, and the summary that goes into XCom."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow_provider_braze.core.zones import ONE_DAY, end_of_day, load_timezone
from airflow_provider_braze.landing.plan import Plan

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import Window
    from airflow_provider_braze.exceptions import BrazeError
    from airflow_provider_braze.fetch.outcome import Outcome, Tally
    from airflow_provider_braze.landing.publish import LandedObject
    from airflow_provider_braze.tables.restatement import Restatement
    from airflow_provider_braze.transport.sender import TransportStats


def build_opening(plan: Plan) -> dict[str, Any]:
    """Build what a record holds until its try ends."""
    import airflow_provider_braze

    window = {"start": plan.window.start.isoformat(), "end": plan.window.end.isoformat()}
    is_of_list = plan.listed is not None and all(subject.is_plain for subject in plan.subjects)
    return {
        "provider_version": airflow_provider_braze.__version__,
        "series": plan.series.name,
        "plan": plan.describe(),
        "layout": asdict(plan.layout),
        "writes": window if plan.day_tables else None,
        "tables": {table.name: {} for table in plan.tables},
        # Listed ids are too many for a record. Listed events of some apps are not all that Braze lists.
        "given": None if is_of_list else [subject.name for subject in plan.subjects],
    }


def build_record(
    plan: Plan,
    outcome: Outcome,
    objects: Collection[LandedObject],
    changed: Collection[date],
    stats: TransportStats,
    seconds: float,
    error: BaseException | None,
    *,
    is_complete: bool = True,
) -> dict[str, Any]:
    """Build what a record holds besides its opening when its try has ended, in plain values.

    :param objects: what landed, also of a try that failed.
    :param changed: the days whose objects differ from before, or may differ.
    :param seconds: duration of the run.
    :param error: what the task fails with.
    :param is_complete: whether everything that was fetched was also published.
    """
    return {
        "state": "success" if error is None else "failed",
        "error": None if error is None else f"{type(error).__name__}: {error}",
        "is_complete": is_complete,
        "next_day_ends": end_of_day(plan.window.end, load_timezone(plan.window.timezone)).isoformat(),
        "changed_days": sorted(day.isoformat() for day in changed),
        "tables": {table.name: _table_summary(table.name, objects) for table in plan.tables},
        "subjects": {
            **_tally(outcome),
            "missing_days": _by_name(outcome.missing),
            "uncomputed_days": _by_name(outcome.uncomputed),
        },
        "details": None if outcome.details is None else _tally(outcome.details),
        "drift": dict(sorted(outcome.drift.items())),
        "requests": stats.requests,
        "retries": stats.retries,
        "waits": stats.waits,
        "waited_seconds": round(stats.waited_seconds, 1),
        "seconds": round(seconds, 1),
    }


def _table_summary(name: str, objects: Collection[LandedObject]) -> dict[str, Any]:
    mine = sorted((item for item in objects if item.table == name), key=lambda item: item.name)
    written = [item for item in mine if item.written]
    return {
        "rows": sum(item.rows for item in mine),
        "written": len(written),
        "unchanged": len(mine) - len(written),
        "objects": [{"path": item.name, "rows": item.rows, "bytes": item.bytes} for item in written],
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {"landed": tally.landed, "rejected": _messages(tally.rejected), "failed": _messages(tally.failed)}


def _by_name(days: Mapping[str, Sequence[date]]) -> dict[str, list[str]]:
    return {name: [day.isoformat() for day in found] for name, found in days.items()}


def _messages(errors: dict[str, BrazeError]) -> dict[str, dict[str, str]]:
    return {key: {"class": type(error).__name__, "message": str(error)} for key, error in errors.items()}


def restatement_by_age(window: Window, restated: Mapping[date, Restatement]) -> dict[str, Any]:
    """Return what changed in stored rows by age, in plain values. Days without compared rows are left out.

    :param window: days of the run. The age of a day is its distance to the last one, in days.
    """
    newest = window.end - ONE_DAY
    return {
        str((newest - day).days): found.describe()
        for day, found in sorted(restated.items(), reverse=True)
        if found.rows
    }


def summarise(record: dict[str, Any], uri: str) -> dict[str, Any]:
    """Return a run's counts: of the same size for any number of days and subjects.

    :param uri: the record's address.
    """
    subjects = record["subjects"]
    plan = record["plan"]
    return {
        "window": plan["window"],
        "rule": plan["rule"],
        "timezone": plan["timezone"],
        "days": plan["days"],
        "lookback_days": plan["lookback_days"],
        "changed_days": len(record["changed_days"]),
        "restatement": _short_restatement(record["restatement"]),
        record["series"]: {**_counts(subjects), "with_missing_days": len(subjects["missing_days"])},
        "details": _counts(record["details"]) if record["details"] else None,
        "rows": {name: table["rows"] for name, table in record["tables"].items()},
        "requests": record["requests"],
        "retries": record["retries"],
        "seconds": record["seconds"],
        "record": uri,
    }


def _short_restatement(ages: Mapping[str, Any]) -> dict[str, int | None]:
    return {
        "rows": sum(found["rows"] for found in ages.values()),
        "changed": sum(found["changed"] for found in ages.values()),
        "oldest_changed_age": max((int(age) for age, found in ages.items() if found["changed"]), default=None),
    }


def _counts(tally: dict[str, Any]) -> dict[str, int]:
    return {"landed": tally["landed"], "rejected": len(tally["rejected"]), "failed": len(tally["failed"])}
