"""Airflow metrics: the requests of each hook, and the figures of each landing run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_braze.core.zones import ONE_DAY, end_of_day, load_timezone

if TYPE_CHECKING:
    from airflow_provider_braze.transport.sender import TransportStats

log = logging.getLogger(__name__)

Figures = Mapping[str, int | timedelta | datetime]
"""Counts, durations and times by the name of their metric, without the prefix ``braze.``."""


def request_metrics(stats: TransportStats) -> Figures:
    """Return what a hook sent, from its opening to its closing."""
    return {
        "requests": stats.requests,
        "retries": stats.retries,
        "waits": stats.waits,
        "waited": timedelta(seconds=stats.waited_seconds),
    }


def landing_metrics(record: Mapping[str, Any]) -> Figures:
    """Return what a run landed.

    :param record: the content of its record.
    """
    subjects, tables, series = record["subjects"], record["tables"], record["series"]
    return {
        "duration": timedelta(seconds=record["seconds"]),
        "changed_days": len(record["changed_days"]),
        "compared_rows": sum(found["rows"] for found in record["restatement"].values()),
        "restated_rows": sum(found["changed"] for found in record["restatement"].values()),
        "missing_days": sum(map(len, subjects["missing_days"].values())),
        f"{series}.landed": subjects["landed"],
        f"{series}.rejected": len(subjects["rejected"]),
        f"{series}.failed": len(subjects["failed"]),
        **{f"rows.{name}": table["rows"] for name, table in tables.items()},
        **{f"objects_written.{name}": table["written"] for name, table in tables.items()},
        **_landed_until(record),
    }


def _landed_until(record: Mapping[str, Any]) -> Figures:
    """Return the end of the last day of a run that succeeded; nothing for a run without day tables."""
    if record["state"] != "success" or record["writes"] is None:
        return {}
    last_day = date.fromisoformat(record["writes"]["end"]) - ONE_DAY
    return {f"landed_until.{record['series']}": end_of_day(last_day, load_timezone(record["plan"]["timezone"]))}


def emit(figures: Figures, tags: Mapping[str, str] | None = None) -> None:
    """Send figures: counts as counters, zeros included, durations as timings, and times as gauges in Unix seconds.

    A backend that fails costs a line in the log, and nothing else.

    :param tags: for backends that know tags.
    """
    from airflow_provider_braze.task.airflow import Stats

    try:
        for name, value in figures.items():
            if isinstance(value, timedelta):
                Stats.timing(f"braze.{name}", value, tags=dict(tags or {}))
            elif isinstance(value, datetime):
                Stats.gauge(f"braze.{name}", int(value.timestamp()), tags=dict(tags or {}))
            else:
                Stats.incr(f"braze.{name}", value, tags=dict(tags or {}))
    except Exception as error:  # a backend may raise anything
        log.warning("The metrics of this run could not be sent: %s: %s", type(error).__name__, error)
