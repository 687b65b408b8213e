"""Land the analytics of all campaigns every morning: yesterday, and the 30 days before it again.

What: one task lands the figures of every campaign in ``<destination>/campaign_days``, ``campaign_messages`` and
``campaigns``, as one Parquet file per day. It fetches the 30 days before again, because Braze books a conversion on
the day of the send for up to 30 days. It writes only what changed.

Why these settings: the start date is in the company's time zone, so the run at six is after the company's midnight.
``catchup`` lands the days of an outage, oldest first. One run at a time, because runs write to the same files. Retries
are safe: a rerun lands the same days and writes the same bytes.

Needs: the connection ``braze_default`` with the company's time zone in its extra, ``{"timezone":
"America/New_York"}``. The Airflow Variable ``braze_destination`` (or the environment variable
``AIRFLOW_VAR_BRAZE_DESTINATION``), such as ``s3://lake/braze``. For a store with credentials, set the Variable
``braze_object_storage_conn_id`` to the id of its connection, such as ``aws_default``. For the years before the start
date, run ``example_braze_history``.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum

from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

with DAG(
    dag_id="example_braze_daily",
    description="All Braze campaigns to object storage, every morning, with the last 30 days restated",
    doc_md=__doc__,
    start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
    schedule="0 6 * * *",
    catchup=True,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    tags=["example", "braze"],
):
    CampaignDataSeriesToObjectStorageOperator(
        task_id="land_campaigns",
        destination="{{ var.value.get('braze_destination', 'file:///tmp/braze') }}",
        object_storage_conn_id="{{ var.value.get('braze_object_storage_conn_id', '') }}",
    )
