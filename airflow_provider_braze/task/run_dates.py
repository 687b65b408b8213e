"""The dates of an Airflow run as plain values, read from a task's context.

The ticks of a schedule come from Airflow's own timetables. Airflow is imported only when ticks are needed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, Final

import pendulum

from airflow_provider_braze.core.windows import TICK_RUN_TYPES, RunDates
from airflow_provider_braze.core.zones import load_timezone
from airflow_provider_braze.exceptions import BrazeConfigError

log = logging.getLogger(__name__)

SEARCH_SPANS: Final = tuple(timedelta(days=days) for days in (2, 8, 32, 93, 367, 1462, 2922))
"""How far back to search for a tick. 29 February comes every four years, and once in eight years around 2100."""

MAX_STEPS: Final = 3000
_LONGEST_PERIOD: Final = 366
"""Days of a year."""


def read_run_dates(context: Mapping[str, Any]) -> RunDates:
    """Return the dates of a run, on Airflow 2.11 and 3.

    :param context: context of a task. Its date keys depend on the type of run.
    :return: the dates. Those that Airflow does not give, or that a custom timetable cannot, are ``None``.
    """
    dag_run = context["dag_run"]
    run_type = str(getattr(dag_run.run_type, "value", dag_run.run_type))
    begins, ends = context.get("data_interval_start"), context.get("data_interval_end")
    timetable = getattr(context.get("dag"), "timetable", None)
    partition_key = context.get("partition_key") or getattr(dag_run, "partition_key", None)
    partition_date = context.get("partition_date") or _partition_date(dag_run, timetable, partition_key)
    is_tick = run_type in TICK_RUN_TYPES and begins == ends
    return RunDates(
        run_type=run_type,
        run_after=getattr(dag_run, "run_after", None),
        logical_date=context.get("logical_date"),
        data_interval_start=begins,
        data_interval_end=ends,
        previous_tick=_previous_tick(timetable, ends) if is_tick and ends else None,
        partition_date=partition_date,
        partition_key=partition_key,
        schedule_timezone=schedule_timezone(timetable) if partition_date else None,
        next_tick=_next_tick(timetable, partition_date) if partition_date else None,
    )


def _partition_date(dag_run: Any, timetable: Any, key: str | None) -> datetime | None:
    """Return the partition date of a run. Airflow 3.2 hands it to tasks only as a key, written in UTC."""
    key_format = getattr(timetable, "key_format", None)
    if key is None or key_format is None or hasattr(dag_run, "partition_date"):
        return getattr(dag_run, "partition_date", None)
    try:
        return datetime.strptime(key, key_format).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def _previous_tick(timetable: Any, tick: datetime) -> datetime | None:
    _check_core()
    try:
        found = _find_previous_tick(timetable, pendulum.instance(tick).in_timezone("UTC"))
    except Exception:  # a custom timetable may raise anything
        log.debug("Cannot list the ticks of timetable %r", timetable, exc_info=True)
        found = None
    if found is None:
        log.warning("Cannot find the tick before %s in timetable %r: this run lands one day only", tick, timetable)
    return found


def _find_previous_tick(timetable: Any, tick: pendulum.DateTime) -> datetime | None:
    core = core_timetable(timetable)
    for span in _search_spans(timetable):
        found = _tick_before(core, tick, tick - span)
        if found is not None:
            return found
    return None


def _tick_before(core: Any, tick: datetime, earliest: pendulum.DateTime) -> datetime | None:
    # Forwards, like the scheduler, because timetables have no public way back. The tick before counts only if the
    # timetable's own chain continues from it to exactly this tick.
    before = None
    for reached in _ticks(core, earliest):
        if reached >= tick:
            return before if reached == tick else None
        before = reached
    return None


def _search_spans(timetable: Any) -> tuple[Any, ...]:
    # A delta schedule ticks from wherever it starts, so only the delta itself leads back. Airflow's timetables before
    # the Task SDK keep it private. The search confirms each candidate with the timetable.
    scheduled = getattr(timetable, "timetable", timetable)
    delta = getattr(scheduled, "delta", None) or getattr(scheduled, "_delta", None)
    if delta is None:
        return SEARCH_SPANS
    # Months differ in length: 28 to 31 January are all one month before 28 February. The earliest of them leaves no
    # day out.
    return (
        (delta,) if isinstance(delta, timedelta) else tuple(delta + timedelta(days=days) for days in range(3, -4, -1))
    )


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
    _check_core()
    try:
        core = core_timetable(timetable)
        ticks = _ticks(core, pendulum.instance(tick).in_timezone("UTC"))
        return next((reached for reached in ticks if reached > tick), None) or _next_period(core, tick)
    except Exception:  # a custom timetable may raise anything
        log.debug("Cannot list the ticks of timetable %r", timetable, exc_info=True)
        return None


def _next_period(core: Any, begin: datetime) -> datetime | None:
    """Return when the next partition of assets begins, if a mapper of Airflow's makes days, weeks or longer of them."""
    mappers = [getattr(core, "default_partition_mapper", None), *getattr(core, "partition_mapper_config", {}).values()]
    for mapper in mappers:
        # A mapper that joins or divides partitions has another one for those of the runs.
        inner = getattr(mapper, "downstream_mapper", None) or getattr(mapper, "upstream_mapper", None) or mapper
        normalize, zone = getattr(inner, "normalize", None), getattr(inner, "_timezone", None)
        if normalize and zone:
            local = begin.astimezone(zone)
            days = (normalize(local + timedelta(days=number)) for number in range(1, _LONGEST_PERIOD + 1))
            return next((day for day in days if day > local), None)
    return None


def _check_core() -> None:
    try:
        import airflow.timetables.base  # noqa: F401
    except ImportError as error:
        raise BrazeConfigError(
            f"The schedule of this Dag cannot be computed, because a part of Airflow is missing: {error}. A worker "
            "needs the package apache-airflow-core beside the Task SDK. Install it."
        ) from error


def schedule_timezone(timetable: Any) -> tzinfo | None:
    """Return the time zone of a Dag's timetable, None if it has none."""
    zone = getattr(timetable, "timezone", None) or getattr(timetable, "_timezone", None)
    if isinstance(zone, str):
        return load_timezone(zone)
    return zone if isinstance(zone, tzinfo) else None


def core_timetable(timetable: Any) -> Any:
    """Return the scheduler's form of a Dag's timetable."""
    if hasattr(timetable, "next_dagrun_info"):
        return timetable
    # Since Airflow 3.2 a Dag holds the Task SDK's description of its timetable, which cannot compute ticks.
    from airflow.serialization.encoders import coerce_to_core_timetable

    return coerce_to_core_timetable(timetable)


def identify_try(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return the identity of a try as plain values: Dag, run, task, map index, try number."""
    ti = context["ti"]
    return {
        "dag_id": ti.dag_id,
        "run_id": ti.run_id,
        "task_id": ti.task_id,
        "map_index": ti.map_index,
        "try_number": ti.try_number,
    }
