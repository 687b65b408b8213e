"""Dags that land with an outlet, and Dags that are scheduled on it: as a whole, and by its partitions."""

from __future__ import annotations

from typing import Any

import pendulum

from airflow_provider_braze.task.airflow import DAG, Asset, task
from airflow_provider_braze.task.asset_events import changed_days_of_events
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

WHOLE, BY_PARTITION = Asset("whole"), Asset("by_partition")
SHARED = {"start_date": pendulum.datetime(2026, 11, 1), "catchup": False, "max_active_runs": 1}


def land(outlet: Asset) -> None:
    CampaignDataSeriesToObjectStorageOperator(
        task_id="land",
        destination="file://{{ var.value.lake }}/{{ dag.dag_id }}",
        start="2026-11-01",
        end="2026-11-04",
        outlets=[outlet],
    )


@task(task_id="report")
def report_days(**context: Any) -> str:
    """Return the days in the run's events, as text, because the API of Airflow 2 returns only text."""
    return " ".join(changed_days_of_events(context))


@task(task_id="report")
def report_partition(**context: Any) -> str:
    """Return the partition of the run."""
    return str(context["dag_run"].partition_key)


with DAG("landing", schedule=None, **SHARED):
    land(WHOLE)

with DAG("following", schedule=[WHOLE], **SHARED):
    report_days()

try:
    from airflow.sdk import PartitionedAssetTimetable, PartitionedAtRuntime, StartOfDayMapper
except ImportError:  # before Airflow 3.3
    PartitionedAtRuntime = None

if PartitionedAtRuntime:
    with DAG("landing_partitions", schedule=PartitionedAtRuntime(), **SHARED):
        land(BY_PARTITION)

    each_day = PartitionedAssetTimetable(assets=BY_PARTITION, default_partition_mapper=StartOfDayMapper())
    with DAG("following_partitions", schedule=each_day, **SHARED):
        report_partition()

    with DAG("following_without_partitions", schedule=[BY_PARTITION], **SHARED):
        report_days()
