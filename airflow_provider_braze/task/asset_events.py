"""Asset events of a landing task: they carry the changed days to the Dags that they start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, tzinfo
from typing import Any, Final

from airflow_provider_braze.core.zones import UTC, load_timezone, local_time
from airflow_provider_braze.landing.destination import asset_uri
from airflow_provider_braze.task.run_dates import core_timetable, schedule_timezone

DAILY_KEY: Final = "%Y-%m-%dT%H:%M:%S"
"""Default key format of Airflow's partition timetables and mappers."""


def changed_days_of_events(context: Mapping[str, Any]) -> list[str]:
    """Return the changed days of all asset events that started a run, oldest first.

    One run can have several events as its cause: parts, a backfill, or runs that passed while its Dag was paused.

    :param context: Airflow's context of a task in a Dag that is scheduled on outlets of landing tasks.
    :return: ISO dates, each once.
    """
    # The second key is the one of Airflow 2.
    events = context.get("triggering_asset_events") or context.get("triggering_dataset_events") or {}
    extras = (event.extra for of_asset in events.values() for event in of_asset)
    # Events of other producers may have no extra, or null in it.
    return sorted({day for extra in extras for day in (extra or {}).get("changed_days") or ()})


def build_event_extra(record: Mapping[str, Any], destination: str, uri: str) -> dict[str, Any]:
    """Build what the Dags that an asset event starts need, in plain values.

    :param record: the content of the run's record.
    :param destination: where its tables are.
    :param uri: the record's address.
    """
    return {
        "changed_days": record["changed_days"],
        "window": record["plan"]["window"],
        "timezone": record["plan"]["timezone"],
        "tables": list(record["tables"]),
        "destination": destination,
        "record": uri,
    }


def join_records(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the last record with the days, tables and window of all of them.

    :param records: at least one, of the same series.
    """
    last, windows = records[-1], [record["plan"]["window"] for record in records]
    window = {"start": min(each["start"] for each in windows), "end": max(each["end"] for each in windows)}
    return {
        **last,
        "changed_days": sorted({day for record in records for day in record["changed_days"]}),
        "tables": list(dict.fromkeys(name for record in records for name in record["tables"])),
        "plan": {**last["plan"], "window": window},
    }


def publish_asset_events(context: Mapping[str, Any], outlets: Sequence[Any], extra: Mapping[str, Any]) -> None:
    """Put what a run did into the event of each outlet; Airflow sends them if the task succeeds.

    In a partitioned Dag (Airflow 3.3), an asset gets one event per changed day, with the day as its partition. Other
    Dags send events without a partition: one with a partition does not start a Dag scheduled on the whole asset.

    An alias becomes the destination, as an asset. Airflow 2 cannot take it: there an alias' event holds no lists.

    :param outlets: the task's; what is neither asset nor alias is left alone.
    :param extra: of :func:`build_event_extra`.
    """
    from airflow_provider_braze.task.airflow import Asset, AssetAlias

    keys = list(_partition_keys(context, extra)) if _is_partitioned(context) else []
    for outlet in outlets:
        if not isinstance(outlet, (Asset, AssetAlias, *_references())):
            continue
        event = context["outlet_events"][outlet]
        event.extra.update(extra)
        if isinstance(outlet, AssetAlias):
            if hasattr(event, "asset_alias_events"):
                event.add(Asset(asset_uri(extra["destination"])), extra=dict(extra))
        elif keys and hasattr(event, "add_partitions"):
            event.add_partitions(keys)


def _references() -> tuple[type, ...]:
    from airflow_provider_braze.task.airflow import Asset

    # Since Airflow 3 an outlet may name an asset that is defined elsewhere.
    ref = getattr(Asset, "ref", None)
    return (type(ref(name="asset")), type(ref(uri="asset"))) if ref else ()


def _is_partitioned(context: Mapping[str, Any]) -> bool:
    if getattr(context["dag_run"], "partition_key", None) is not None:
        return True
    try:
        timetable = core_timetable(context["dag"].timetable)
    except Exception:  # a custom timetable may raise anything
        return False
    return bool(getattr(timetable, "partitioned", False) or getattr(timetable, "partitioned_at_runtime", False))


def _partition_keys(context: Mapping[str, Any], extra: Mapping[str, Any]) -> Iterator[str]:
    timetable = getattr(context.get("dag"), "timetable", None)
    # The Dag's own, so that a day has one key, whether it is the run's partition or a restated day.
    key_format: str = getattr(timetable, "key_format", DAILY_KEY)
    zone: tzinfo = schedule_timezone(timetable) or load_timezone(extra["timezone"])
    for day in extra["changed_days"]:
        yield _first_tick(date.fromisoformat(day), zone).strftime(key_format)


def _first_tick(day: date, zone: tzinfo) -> datetime:
    """Return when Airflow's daily cron begins a day: at the later of two midnights, or after one that is skipped."""
    midnight = datetime.combine(day, time(), zone)
    later, usual = (local_time(midnight.replace(fold=fold).astimezone(UTC), zone) for fold in (1, 0))
    return later if later.date() == day else usual
