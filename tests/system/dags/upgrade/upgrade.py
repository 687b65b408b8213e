"""A daily Dag of a user of 2.11. The same file runs on 3.3."""

from __future__ import annotations

import os
from datetime import timedelta

import pendulum

from airflow_provider_braze.task.airflow import DAG
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

with DAG(
    "upgrade",
    schedule="@daily",
    start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
    end_date=pendulum.parse(os.environ["SYSTEM_TESTS_LAST_DAY"], tz="America/New_York"),
    catchup=True,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=5)},
):
    CampaignDataSeriesToObjectStorageOperator(
        task_id="land",
        destination="file://" + os.environ["SYSTEM_TESTS_LAKE"],
        tables=["campaign_days", "campaign_messages", "campaign_raw", "campaigns"],
        lookback_days=int(os.environ["SYSTEM_TESTS_LOOKBACK"]),
    )
