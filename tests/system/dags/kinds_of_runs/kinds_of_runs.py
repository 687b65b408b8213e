"""A Dag of one landing task for each kind of run; the run's own dates have to determine the landed days."""

from __future__ import annotations

from datetime import timedelta

import pendulum

from airflow_provider_braze.task.airflow import DAG, Asset
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

ZONE = "America/New_York"
TABLES = ["campaign_days", "campaign_messages", "campaign_raw", "campaigns"]
SHARED = {"max_active_runs": 1, "default_args": {"retries": 3, "retry_delay": timedelta(seconds=5)}}


def day(month: int, number: int) -> pendulum.DateTime:
    return pendulum.datetime(2026, month, number, tz=ZONE)


def land(**arguments) -> None:
    CampaignDataSeriesToObjectStorageOperator(
        task_id="land", tables=TABLES, **{"destination": "file://{{ var.value.lake }}/{{ dag.dag_id }}", **arguments}
    )


with DAG("daily", schedule="@daily", start_date=day(11, 1), end_date=day(11, 3), catchup=True, **SHARED):
    land(lookback_days=1)

with DAG("daily_s3", schedule="@daily", start_date=day(11, 1), end_date=day(11, 2), catchup=True, **SHARED):
    land(lookback_days=0, destination="s3://lake/{{ dag.dag_id }}", object_storage_conn_id="aws_default")

with DAG("weekly", schedule="@weekly", start_date=day(11, 1), end_date=day(11, 8), catchup=True, **SHARED):
    land(lookback_days=0)

with DAG("backfilled", schedule="@daily", start_date=day(10, 1), end_date=day(11, 10), catchup=False, **SHARED):
    land()

with DAG("by_hand", schedule=None, start_date=day(10, 1), **SHARED):
    land(lookback_days=0)

with DAG("by_asset", schedule=[Asset("x-test://upstream")], start_date=day(10, 1), **SHARED):
    land(lookback_days=0)

try:
    from airflow.sdk import CronPartitionTimetable
except ImportError:  # Airflow 2.11
    CronPartitionTimetable = None

if CronPartitionTimetable:
    by_partition = CronPartitionTimetable("0 0 * * *", timezone=ZONE, run_offset=-1)
    with DAG("partitioned", schedule=by_partition, start_date=day(11, 1), end_date=day(11, 3), catchup=True, **SHARED):
        land(lookback_days=0)
