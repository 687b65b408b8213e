"""The dates of an Airflow run as plain values, read from a task's context.

The ticks of a schedule are Airflow's own: its timetables are asked, never imitated. Airflow is imported only then.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

import pendulum

from airflow_provider_braze.core.windows import TICK_RUN_TYPES, RunDates, load_timezone

log = logging.getLogger(__name__)

SEARCH_SPANS: Final = tuple(timedelta(days=days) for days in (2, 8, 32, 93, 367, 1462))
MAX_STEPS: Final = 3000


def read_run_dates(context: Mapping[str, Any]) -> RunDates:
    """Read what a run knows of dates, on Airflow 2.11 and 3.

    :param context: the context of a task; which of its date keys exist depends on the kind of run.
    :return: the dates; what Airflow does not tell, or what a custom timetable cannot, is ``None``.
    """
    dag_run = context["dag_run"]
    run_type = str(getattr(dag_run.run_type, "value", dag_run.run_type))
    begins, ends = context.get("data_interval_start"), context.get("data_interval_end")
    partition_date = context.get("partition_date") or getattr(dag_run, "partition_date", None)
    timetable = getattr(context.get("dag"), "timetable", None)
    is_tick = run_type in TICK_RUN_TYPES and begins == ends
    return RunDates(
        run_type=run_type,
        run_after=getattr(dag_run, "run_after", None),
        logical_date=context.get("logical_date"),
        data_interval_start=begins,
        data_interval_end=ends,
        previous_tick=_previous_tick(timetable, ends) if is_tick and ends else None,
        partition_date=partition_date,
        partition_key=context.get("partition_key") or getattr(dag_run, "partition_key", None),
        schedule_timezone=schedule_timezone(timetable) if partition_date else None,
        next_tick=_next_tick(timetable, partition_date) if partition_date else None,
    )


def _previous_tick(timetable: Any, tick: datetime) -> datetime | None:
    try:
        found = _find_previous_tick(timetable, pendulum.instance(tick).in_timezone("UTC"))
    except Exception:  # a custom timetable may raise anything
        log.debug("The timetable %r cannot be walked", timetable, exc_info=True)
        found = None
    if found is None:
        log.warning(
            "The tick before %s cannot be told from the Dag's timetable %r. The run stands for one day only.",
            tick,
            timetable,
        )
    return found


def _find_previous_tick(timetable: Any, tick: pendulum.DateTime) -> datetime | None:
    core = core_timetable(timetable)
    for span in _search_spans(timetable):
        found = _tick_before(core, tick, tick - span)
        if found is not None:
            return found
    return None


def _tick_before(core: Any, tick: datetime, earliest: pendulum.DateTime) -> datetime | None:
    # Forwards, since that is how the scheduler goes, and since its timetables have no public way back. The stop before
    # counts only if their own chain then comes to this very tick.
    before = None
    for reached in _ticks(core, earliest):
        if reached >= tick:
            return before if reached == tick else None
        before = reached
    return None


def _search_spans(timetable: Any) -> tuple[Any, ...]:
    # A delta schedule ticks from wherever it starts: only the delta itself leads back. Airflow's own timetables before
    # the Task SDK keep it private; the walk proves whatever is found here.
    scheduled = getattr(timetable, "timetable", timetable)
    delta = getattr(scheduled, "delta", None) or getattr(scheduled, "_delta", None)
    return SEARCH_SPANS if delta is None else (delta,)


def _ticks(core: Any, earliest: pendulum.DateTime) -> Iterator[datetime]:
    from airflow.timetables.base import TimeRestriction

    restriction = TimeRestriction(earliest=earliest, latest=None, catchup=True)
    interval = None
    for _ in range(MAX_STEPS):
        info = core.next_dagrun_info(last_automated_data_interval=interval, restriction=restriction)
        if info is None:
            return
        interval = info.data_interval
        yield interval.end


def _next_tick(timetable: Any, tick: datetime) -> datetime | None:
    try:
        ticks = _ticks(core_timetable(timetable), pendulum.instance(tick).in_timezone("UTC"))
        return next((reached for reached in ticks if reached > tick), None)
    except Exception:  # a custom timetable may raise anything
        log.debug("The timetable %r cannot be walked", timetable, exc_info=True)
        return None


def schedule_timezone(timetable: Any) -> tzinfo | None:
    """The time zone that a Dag's timetable reckons in, None when it has none."""
    zone = getattr(timetable, "timezone", None) or getattr(timetable, "_timezone", None)
    if isinstance(zone, str):
        return load_timezone(zone)
    return zone if isinstance(zone, tzinfo) else None


def core_timetable(timetable: Any) -> Any:
    """The scheduler's own form of a Dag's timetable."""
    if hasattr(timetable, "next_dagrun_info"):
        return timetable
    # Since 3.2 a Dag holds the Task SDK's description of its timetable, which cannot reckon.
    from airflow.serialization.encoders import coerce_to_core_timetable

    return coerce_to_core_timetable(timetable)
