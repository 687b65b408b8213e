from __future__ import annotations

import json
import os
from datetime import date, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from airflow_provider_braze.exceptions import BrazePartialError
from airflow_provider_braze.sandbox import data
from airflow_provider_braze.task.airflow import DAG, Asset, AssetAlias
from airflow_provider_braze.task.asset_events import changed_days_of_events, publish_asset_events
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from tests.lines import OutletEvents

try:
    from airflow.sdk.execution_time.context import OutletEventAccessors
except ImportError:  # Airflow 2
    from airflow.utils.context import OutletEventAccessors

since_partitions_of_events = pytest.mark.since_airflow("3.3")

ZONE = "America/New_York"
ASSET = Asset("braze_campaign_days")
DAYS = [date(2026, 11, 16) + timedelta(days=i) for i in range(3)]  # make_context's run is due on 19 November
EXTRA = {
    "changed_days": ["2026-03-07", "2026-03-08"],  # in New York, the clocks go forward on the second one
    "timezone": ZONE,
    "destination": "s3://lake/braze",
}


@pytest.fixture
def events():
    return OutletEventAccessors()


@pytest.fixture
def land(braze_sandbox, tmp_path, make_context, events, no_backoff, monkeypatch):
    """Return a function that runs the task once. Its keyword arguments are the operator's."""
    # A stopped clock, because the figures of the last 30 days grow by the minute.
    braze_sandbox.configure(campaigns=4, as_of="2026-11-19T06:00:00Z")
    connection = json.loads(os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"])
    connection["extra"]["max_attempts"] = 2
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))

    def run(outlets=(ASSET,), **arguments):
        arguments = {"destination": f"file://{tmp_path}/lake", "lookback_days": 2, **arguments}
        operator = CampaignDataSeriesToObjectStorageOperator(task_id="land", outlets=list(outlets), **arguments)
        return operator.execute(make_context(outlet_events=events))

    return run


def partitioned(kind, **options):
    from airflow.sdk import CronPartitionTimetable, PartitionedAtRuntime

    if kind == "at runtime":
        return PartitionedAtRuntime()
    return CronPartitionTimetable("0 0 * * *", timezone=ZONE, run_offset=-1, **options)


def partitions_of(event) -> set[str]:
    return getattr(event, "partition_keys", set())


def a_dag(schedule) -> DAG:
    return DAG("dag", schedule=schedule, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc))


def test_event_contains_the_changed_days_and_their_location(land, events, tmp_path):
    summary = land()
    assert events[ASSET].extra == {
        "changed_days": [f"{day}" for day in DAYS],
        "window": {"start": "2026-11-16", "end": "2026-11-19"},
        "timezone": "UTC",
        "tables": ["campaign_days", "campaign_messages", "campaigns"],
        "destination": f"file://{tmp_path}/lake",
        "record": summary["record"],
    }
    assert partitions_of(events[ASSET]) == set()


def test_changed_days_of_events_combines_all_events():
    extras = [{"changed_days": ["2026-11-18", "2026-11-16"]}, {"changed_days": ["2026-11-16"]}, {"changed_days": None}]
    events = [SimpleNamespace(extra=extra) for extra in (*extras, {}, None)]
    of_assets = {"one": events[:1], "two": events[1:]}
    for key in ("triggering_asset_events", "triggering_dataset_events"):
        assert changed_days_of_events({key: of_assets}) == ["2026-11-16", "2026-11-18"]
    assert changed_days_of_events({}) == []


def test_event_is_plain_json(land, events):
    land()
    assert json.loads(json.dumps(events[ASSET].extra)) == events[ASSET].extra


def test_event_of_a_run_without_changes_contains_no_day(land, events):
    land()
    land()
    assert events[ASSET].extra["changed_days"] == []


def test_events_of_all_outlets_are_equal(land, events):
    other = Asset("s3://lake/braze")
    land(outlets=[ASSET, other])
    assert events[other].extra == events[ASSET].extra != {}


def test_event_keeps_its_other_keys(land, events):
    events[ASSET].extra["team"] = "marketing"
    land()
    assert events[ASSET].extra["team"] == "marketing"
    assert events[ASSET].extra["changed_days"]


def test_failed_run_sends_no_event_and_the_next_one_reports_its_days(land, events, braze_sandbox):
    ids = data.campaign_ids(braze_sandbox.settings)
    braze_sandbox.configure(faults={"bad_subjects": {ids[3]: 500}})
    with pytest.raises(BrazePartialError):
        land()
    assert len(events) == 0
    braze_sandbox.configure(faults={"bad_subjects": {}})
    land(campaign_ids=ids[3:])
    assert events[ASSET].extra["changed_days"] == [f"{day}" for day in DAYS]
    land(campaign_ids=ids[3:])
    assert events[ASSET].extra["changed_days"] == []


def test_dry_run_sends_no_event(land, events):
    land(dry_run=True)
    assert len(events) == 0


@pytest.mark.since_airflow("3.0")
def test_alias_becomes_the_destination(land, events, tmp_path):
    alias = AssetAlias("braze")
    land(outlets=[alias])
    (event,) = events[alias].asset_alias_events
    assert event.dest_asset_key.uri == f"file://{tmp_path}/lake"
    assert event.extra["changed_days"] == [f"{day}" for day in DAYS]


@pytest.mark.since_airflow("3.0")
def test_alias_becomes_an_asset_that_airflow_accepts(land, events, tmp_path):
    alias = AssetAlias("braze")
    land(outlets=[alias], destination=f"file://{tmp_path}/Käse lake")
    (event,) = events[alias].asset_alias_events
    assert event.dest_asset_key.uri == f"file://{tmp_path}/K%C3%A4se%20lake"
    # Readers open the unescaped address.
    assert event.extra["destination"] == f"file://{tmp_path}/Käse lake"


def test_alias_of_airflow_2_has_no_event(make_context):
    alias = AssetAlias("braze")
    event = SimpleNamespace(extra={}, dataset_alias_events=[])
    publish_asset_events(make_context(outlet_events=OutletEvents(alias, event)), [alias], EXTRA)
    assert event.dataset_alias_events == []


@pytest.mark.since_airflow("3.0")
@pytest.mark.parametrize("named", [{"name": "braze"}, {"uri": "s3://lake/braze"}])
def test_asset_reference_has_an_event(make_context, named):
    reference = Asset.ref(**named)
    event = SimpleNamespace(extra={})
    publish_asset_events(make_context(outlet_events=OutletEvents(reference, event)), [reference], EXTRA)
    assert event.extra == EXTRA


def test_outlet_that_is_not_an_asset_is_ignored(make_context, events):
    publish_asset_events(make_context(outlet_events=events), ["s3://lake/braze", None], EXTRA)
    assert len(events) == 0


@since_partitions_of_events
@pytest.mark.parametrize("kind", ["cron", "at runtime"])
def test_partitioned_dag_has_one_partition_per_changed_day(make_context, events, kind):
    publish_asset_events(make_context(dag=a_dag(partitioned(kind)), outlet_events=events), [ASSET], EXTRA)
    assert events[ASSET].partition_keys == {"2026-03-07T00:00:00", "2026-03-08T00:00:00"}
    assert events[ASSET].extra == EXTRA


@since_partitions_of_events
def test_partition_equals_that_of_the_dags_own_run(make_context, events):
    from airflow.serialization.encoders import coerce_to_core_timetable

    schedule = partitioned("cron", key_format="%Y-%m-%d %z")
    publish_asset_events(make_context(dag=a_dag(schedule), outlet_events=events), [ASSET], EXTRA)
    midnight = datetime(2026, 3, 8, tzinfo=timezone.utc)  # Airflow reads its date and time in the timetable's zone
    (run,) = coerce_to_core_timetable(schedule).iter_partition_dagrun_infos(earliest=midnight, latest=midnight)
    assert run.partition_key == "2026-03-08 -0500"
    assert events[ASSET].partition_keys == {"2026-03-07 -0500", "2026-03-08 -0500"}


@since_partitions_of_events
@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Santiago", "2026-09-06"),  # midnight is skipped
        ("Africa/Cairo", "2026-04-24"),
        ("America/Havana", "2026-11-01"),  # midnight comes twice
        ("Asia/Tokyo", "2026-11-01"),
    ],
)
def test_partition_equals_that_of_the_dags_own_run_when_clocks_change_at_midnight(make_context, events, zone, day):
    from airflow.sdk import CronPartitionTimetable
    from airflow.serialization.encoders import coerce_to_core_timetable

    schedule = CronPartitionTimetable("0 0 * * *", timezone=zone, key_format="%Y-%m-%dT%H:%M:%S%z")
    extra = {**EXTRA, "changed_days": [day], "timezone": zone}
    publish_asset_events(make_context(dag=a_dag(schedule), outlet_events=events), [ASSET], extra)
    begin = datetime.fromisoformat(day).replace(tzinfo=timezone.utc)  # read as of the timetable's zone
    latest = begin + timedelta(hours=3)
    (run,) = coerce_to_core_timetable(schedule).iter_partition_dagrun_infos(earliest=begin, latest=latest)
    assert events[ASSET].partition_keys == {run.partition_key}


@since_partitions_of_events
def test_partition_is_read_by_airflows_daily_mapper(make_context, events):
    from airflow.partition_mappers.temporal import StartOfDayMapper

    publish_asset_events(make_context(dag=a_dag(partitioned("at runtime")), outlet_events=events), [ASSET], EXTRA)
    mapper = StartOfDayMapper(timezone=ZONE)
    assert {mapper.to_downstream(key) for key in events[ASSET].partition_keys} == set(EXTRA["changed_days"])


@since_partitions_of_events
def test_run_with_a_partition_has_one_partition_per_changed_day(make_context, events):
    context = make_context(partition_key="2026-03-08T00:00:00", outlet_events=events)
    publish_asset_events(context, [ASSET], EXTRA)
    assert events[ASSET].partition_keys == {"2026-03-07T00:00:00", "2026-03-08T00:00:00"}


@pytest.mark.parametrize("schedule", [None, "@daily", [ASSET]])
def test_other_dag_has_no_partitions(make_context, events, schedule):
    publish_asset_events(make_context(dag=a_dag(schedule), outlet_events=events), [ASSET], EXTRA)
    assert partitions_of(events[ASSET]) == set()
    assert events[ASSET].extra == EXTRA


def test_dag_with_an_unknown_timetable_has_no_partitions(make_context, events):
    publish_asset_events(make_context(dag=SimpleNamespace(timetable=object()), outlet_events=events), [ASSET], EXTRA)
    assert partitions_of(events[ASSET]) == set()


def test_airflow_without_event_partitions_has_only_the_extra(make_context):
    event = SimpleNamespace(extra={})
    context = make_context(partition_key="2026-03-08T00:00:00", outlet_events=OutletEvents(ASSET, event))
    publish_asset_events(context, [ASSET], EXTRA)
    assert event.extra == EXTRA


def test_alias_in_a_partitioned_dag_has_no_partitions(make_context, events):
    alias = AssetAlias("braze")
    publish_asset_events(make_context(partition_key="2026-03-08T00:00:00", outlet_events=events), [alias], EXTRA)
    assert partitions_of(events[alias]) == set()
