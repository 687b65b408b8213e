"""What a run did: the manifest's content, and the summary that goes into XCom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow_provider_braze.core.windows import end_of_day, load_timezone
from airflow_provider_braze.landing.plan import Plan

if TYPE_CHECKING:
    from airflow_provider_braze.exceptions import BrazeError
    from airflow_provider_braze.fetch.outcome import Outcome, Tally
    from airflow_provider_braze.landing.publish import LandedObject
    from airflow_provider_braze.transport.sender import TransportStats


def build_record(
    plan: Plan,
    outcome: Outcome,
    objects: Sequence[LandedObject],
    changed: Sequence[date],
    stats: TransportStats,
    seconds: float,
    error: BrazeError | None,
) -> dict[str, Any]:
    """Tell all that a run did, in plain values.

    :param changed: the days whose objects differ from before, those of a crashed run included.
    :param seconds: how long the run took.
    :param error: what the task will fail with, although all that came back has landed.
    """
    import airflow_provider_braze

    return {
        "provider_version": airflow_provider_braze.__version__,
        "state": "success" if error is None else "failed",
        "error": None if error is None else f"{type(error).__name__}: {error}",
        "run": plan.run,
        "plan": plan.describe(),
        "layout": asdict(plan.layout),
        "next_day_ends": end_of_day(plan.window.end, load_timezone(plan.window.timezone)).isoformat(),
        "changed_days": [day.isoformat() for day in changed],
        "tables": {table.name: _table_summary(table.name, objects) for table in plan.tables},
        "series": plan.series.name,
        "subjects": {
            **_tally(outcome),
            "missing_days": {key: [day.isoformat() for day in days] for key, days in outcome.missing.items()},
        },
        "details": None if outcome.details is None else _tally(outcome.details),
        "drift": dict(sorted(outcome.drift.items())),
        "requests": stats.requests,
        "retries": stats.retries,
        "waits": stats.waits,
        "waited_seconds": round(stats.waited_seconds, 1),
        "seconds": round(seconds, 1),
    }


def _table_summary(name: str, objects: Sequence[LandedObject]) -> dict[str, Any]:
    mine = [item for item in objects if item.table == name]
    return {
        "rows": sum(item.rows for item in mine),
        "objects": [{"path": i.name, "rows": i.rows, "bytes": i.bytes, "written": i.written} for i in mine],
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {"landed": tally.landed, "rejected": _messages(tally.rejected), "failed": _messages(tally.failed)}


def _messages(errors: dict[str, BrazeError]) -> dict[str, dict[str, str]]:
    return {key: {"class": type(error).__name__, "message": str(error)} for key, error in errors.items()}


def summarise(manifest: dict[str, Any], uri: str) -> dict[str, Any]:
    """Tell a run in counts: of the same size for any number of days and campaigns.

    :param uri: the manifest's address.
    """
    subjects = manifest["subjects"]
    plan = manifest["plan"]
    return {
        "window": plan["window"],
        "rule": plan["rule"],
        "timezone": plan["timezone"],
        "days": plan["days"],
        "lookback_days": plan["lookback_days"],
        "changed_days": len(manifest["changed_days"]),
        manifest["series"]: {**_counts(subjects), "with_missing_days": len(subjects["missing_days"])},
        "details": _counts(manifest["details"]) if manifest["details"] else None,
        "rows": {name: table["rows"] for name, table in manifest["tables"].items()},
        "requests": manifest["requests"],
        "retries": manifest["retries"],
        "seconds": manifest["seconds"],
        "manifest": uri,
    }


def _counts(tally: dict[str, Any]) -> dict[str, int]:
    return {"landed": tally["landed"], "rejected": len(tally["rejected"]), "failed": len(tally["failed"])}
