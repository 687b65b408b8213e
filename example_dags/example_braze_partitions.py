"""Land one day per run, with the day as the run's partition.

What: the partition date of a run is the day it lands, in the company's calendar. The run lands that day of all
campaigns, and fetches the 30 days before it again. Airflow shows the day as the run's partition.

Why: with an ordinary schedule, a run is named after the time at which it was due, and lands the day before. A
partitioned run is named after the day it lands, and so is a backfill: ``airflow backfill create --dag-id
example_braze_partitions --from-date 2026-10-01 --to-date 2026-10-31`` lands October, with one run for each day. The
cron expression is midnight in the company's time zone, because a partition must be one whole day. ``run_offset=-1``
gives the run at the end of a day that day instead of the one that has just begun.

Needs: Airflow 3.2 or newer. The connection ``braze_default`` with the company's time zone in its extra, ``{"timezone":
"America/New_York"}``, which must also be the timetable's time zone. The Variables of ``example_braze_daily``, whose
tables it may share while the other Dag is paused.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG, CronPartitionTimetable

from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

with DAG(
    dag_id="example_braze_partitions",
    description="All Braze campaigns to object storage, one partition per day",
    doc_md=__doc__,
    start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
    schedule=CronPartitionTimetable("0 0 * * *", timezone="America/New_York", run_offset=-1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    tags=["example", "braze"],
):
    CampaignDataSeriesToObjectStorageOperator(
        task_id="land_partition",
        destination="{{ var.value.get('braze_destination', 'file:///tmp/braze') }}",
        object_storage_conn_id="{{ var.value.get('braze_object_storage_conn_id', '') }}",
    )
