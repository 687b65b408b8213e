"""Land past years of all campaigns in one run, in the same tables as ``example_braze_daily``.

What: you start the Dag with the first day and the day after the last one. The task lands all days between for every
campaign, with one request per campaign and 100 days.

Why: Braze keeps figures for years, and a new lake needs all of them. One run over the whole range makes far fewer
requests than a backfill of the daily Dag. You can repeat it, and it may overlap with landed days: rows are replaced by
campaign and day, and unchanged files are not written. Pause the daily Dag during the run. If both write the same file,
one of them starts over.

Start it with its days, such as ``-c '{"start": "2021-01-01", "end": "2026-11-01"}'``.

Needs: the same as ``example_braze_daily``, whose destination it shares. To leave some of Braze's quota to others, set
``requests_per_minute`` in the connection's extra.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum

from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

try:
    from airflow.sdk import DAG, Param
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.models import Param

with DAG(
    dag_id="example_braze_history",
    description="Past years of all Braze campaigns to object storage, in one run",
    doc_md=__doc__,
    start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
    schedule=None,
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    params={
        "start": Param(type="string", format="date", title="First day", description="In the company's time zone"),
        "end": Param(type="string", format="date", title="Day after the last one", description="Today at the latest"),
    },
    tags=["example", "braze"],
):
    CampaignDataSeriesToObjectStorageOperator(
        task_id="land_history",
        destination="{{ var.value.get('braze_destination', 'file:///tmp/braze') }}",
        object_storage_conn_id="{{ var.value.get('braze_object_storage_conn_id', '') }}",
        start="{{ params.start }}",
        end="{{ params.end }}",
    )
