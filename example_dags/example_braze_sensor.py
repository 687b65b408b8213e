"""Land the analytics of all campaigns as soon as Braze has the day, not at some safe hour.

What: at the company's midnight a sensor begins to wait for the day that has just ended: first, without a request,
until three hours have passed, then it asks a few of the newest campaigns until one has that day. Then all campaigns are
landed as by ``example_braze_daily``.

Why: the sensor waits in the triggerer, so that it takes up no worker, and fails with a clear word when Braze has not
got the day within six hours. Where nobody needs the figures early, the plain schedule of ``example_braze_daily`` will
do.

Needs: as ``example_braze_daily``, whose destination it shares, and a running triggerer. If the newest campaigns are
often drafts, name some that send every day by ``campaign_ids``.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum

from airflow_provider_braze.sensors.braze import CampaignDataSeriesSensor
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

with DAG(
    dag_id="example_braze_sensor",
    description="All Braze campaigns to object storage, once Braze has the day",
    doc_md=__doc__,
    start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
    schedule="0 0 * * *",
    catchup=True,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    tags=["example", "braze"],
):
    wait_for_day = CampaignDataSeriesSensor(
        task_id="wait_for_day",
        grace=timedelta(hours=3),
        timeout=timedelta(hours=6),
        poke_interval=timedelta(minutes=5),
        deferrable=True,
    )
    land_campaigns = CampaignDataSeriesToObjectStorageOperator(
        task_id="land_campaigns",
        destination="{{ var.value.get('braze_destination', 'file:///tmp/braze') }}",
    )
    wait_for_day >> land_campaigns
