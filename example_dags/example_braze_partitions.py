"""Land one day a run, where a run *is* its day: a partitioned Dag.

What: each run carries a partition date, the day of the company's calendar that it is about, and lands that day of all
campaigns, with the 30 days before it once more. Airflow shows the day as the run's partition.

Why: with an ordinary schedule a run is named by the moment at which it was due, and people have to remember that it
landed the day before. Here they need not, and a backfill is told in days:
``airflow backfill create --dag-id example_braze_partitions --from-date 2026-10-01 --to-date 2026-10-31`` lands October,
each run its own day and none else. The cron is midnight in the company's time zone, since a partition of this operator
has to be one whole day, and ``run_offset=-1`` lets the run at the end of a day take that day instead of the one that
has just begun.

Needs: Airflow 3.2 or newer, which brought partitions. The connection ``braze_default`` with the company's time zone in
its extra, ``{"timezone": "America/New_York"}``, which has to be the timetable's zone too; the Airflow Variable
``braze_destination``, as ``example_braze_daily``, whose tables it may share if the other one is paused.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG, CronPartitionTimetable

from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

with DAG(
    dag_id="example_braze_partitions",
    description="All Braze campaigns to object storage, one partition a day",
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
    )
