"""Land the analytics of all campaigns as soon as Braze has the day, instead of at a fixed hour.

What: at the company's midnight a sensor starts to wait for the day that has just ended. It makes no request for three
hours. Then it checks some of the newest campaigns until one has that day. After that, all campaigns land as in
``example_braze_daily``.

Why: the sensor waits in the triggerer, so it occupies no worker. It fails with a clear message if Braze does not have
the day within six hours. If you do not need the figures early, the plain schedule of ``example_braze_daily`` is
enough.

Needs: the same as ``example_braze_daily``, whose destination it shares, and a running triggerer. If the newest
campaigns are often drafts, name campaigns that send every day in ``campaign_ids``.
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
        object_storage_conn_id="{{ var.value.get('braze_object_storage_conn_id', '') }}",
    )
    wait_for_day >> land_campaigns
