"""Land past years of all campaigns in one run, in the same tables as ``example_braze_daily``.

What: whoever starts the Dag gives the first day and the day after the last one; the task brings all days between for
every campaign, with as few calls as can be (up to 100 days each).

Why: Braze keeps figures for years, and a new lake wants them all. One run over the whole range is far fewer calls than
a backfill of the daily Dag, and it may be repeated or overlap with days that landed before: rows are replaced by
campaign and day, and files that do not change are not written. Pause the daily Dag meanwhile; if both write the same
file, one of them starts over.

Start it with its days, such as ``-c '{"start": "2021-01-01", "end": "2026-11-01"}'``.

Needs: as ``example_braze_daily``, whose destination it shares. To leave Braze's quota to others, cap the connection by
its extra field ``requests_per_minute``.
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
        "end": Param(type="string", format="date", title="Day after the last one", description="At the latest today"),
    },
    tags=["example", "braze"],
):
    CampaignDataSeriesToObjectStorageOperator(
        task_id="land_history",
        destination="{{ var.value.get('braze_destination', 'file:///tmp/braze') }}",
        start="{{ params.start }}",
        end="{{ params.end }}",
    )
