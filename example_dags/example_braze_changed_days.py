"""Process only the days that changed, whenever campaigns have landed.

What: one Dag lands all campaigns every morning and declares an asset. A second Dag is scheduled on this asset. Its
first task reads the changed days from the asset's events, and its second task runs once for each of them. Airflow
skips it if no day changed.

Why: most of the 30 days that a run fetches again are unchanged. The event contains those that changed, so you rebuild
a model, a report or a copy in the warehouse for these days alone. Airflow sends an event for every declared outlet of
a successful task, also when no day changed. One run can have several events as its cause: mapped tasks, a backfill, or
runs that passed while the Dag was paused. The first task therefore collects the days of all events.

Needs: the connection ``braze_default`` with the company's time zone in its extra, ``{"timezone":
"America/New_York"}``. The Airflow Variable ``braze_destination``, such as ``s3://lake/braze``. For a store with
credentials, set the Variable ``braze_object_storage_conn_id`` to the id of its connection, such as ``aws_default``.
Both Dags use it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum

from airflow_provider_braze.task.asset_events import changed_days_of_events
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

try:
    from airflow.sdk import DAG, Asset, ObjectStoragePath, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task
    from airflow.io.path import ObjectStoragePath

DESTINATION = "{{ var.value.get('braze_destination', 'file:///tmp/braze') }}"
STORE_CONN_ID = "{{ var.value.get('braze_object_storage_conn_id', '') }}"
CAMPAIGN_DAYS = Asset("braze_campaign_days")

with DAG(
    dag_id="example_braze_changed_days",
    description="All Braze campaigns to object storage, every morning, with an asset that reports the changed days",
    doc_md=__doc__,
    start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
    schedule="0 6 * * *",
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    tags=["example", "braze"],
):
    CampaignDataSeriesToObjectStorageOperator(
        task_id="land_campaigns",
        destination=DESTINATION,
        object_storage_conn_id=STORE_CONN_ID,
        outlets=[CAMPAIGN_DAYS],
    )

with DAG(
    dag_id="example_braze_changed_days_reprocess",
    description="Revenue of each day that changed",
    doc_md=__doc__,
    start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
    schedule=[CAMPAIGN_DAYS],
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    tags=["example", "braze"],
):

    @task
    def find_changed_days(**context: Any) -> list[str]:
        """Return the changed days of all events that triggered this run."""
        return changed_days_of_events(context)

    @task
    def sum_revenue(day: str, destination: str, conn_id: str = "") -> float:
        """Sum the revenue of a day from its files. Rebuild your own model here."""
        import pyarrow.parquet as pq

        revenue = 0.0
        for path in (ObjectStoragePath(destination, conn_id=conn_id or None) / "campaign_days" / f"dt={day}").iterdir():
            with path.open("rb") as file:
                revenue += sum(value or 0 for value in pq.read_table(file)["revenue"].to_pylist())
        return round(revenue, 2)

    sum_revenue.partial(destination=DESTINATION, conn_id=STORE_CONN_ID).expand(day=find_changed_days())
