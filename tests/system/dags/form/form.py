"""A user's first Dag."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG

from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

with DAG(
    "braze_daily",
    schedule="0 6 * * *",
    start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
    end_date=pendulum.datetime(2026, 11, 4, tz="America/New_York"),
    catchup=True,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=5)},
):
    CampaignDataSeriesToObjectStorageOperator(
        task_id="land_campaigns",
        destination="{{ var.value.lake }}",
        object_storage_conn_id="aws_default",
        tables=["campaign_days", "campaign_messages", "campaign_raw", "campaigns"],
        lookback_days=1,
    )
