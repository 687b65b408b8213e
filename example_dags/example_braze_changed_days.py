"""Reprocess the days that changed, and no others, whenever campaigns have landed.

What: one Dag lands all campaigns every morning and declares an asset. Another is scheduled on this asset: its first
task reads from the asset's events which days changed. Its second task runs once for each of them. Airflow skips it when
no day changed.

Why: most of the 30 days that a run reads again come back as they were. The event names those that did not, so a model,
a report or a copy in the warehouse is made anew for these alone. Airflow sends an event for every declared outlet of a
task that succeeds, also when no day changed, and one run may answer several events: those of mapped tasks, of a
backfill, or of mornings that passed while the Dag was paused. So the first task takes the days of all events together.

Needs: the connection ``braze_default`` with the company's time zone in its extra,
``{"timezone": "America/New_York"}``; the Airflow Variable ``braze_destination``, such as ``s3://lake/braze``. For a
store that wants credentials add ``object_storage_conn_id="aws_default"`` to the first Dag, and read with them in the
second one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum

from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

try:
    from airflow.sdk import DAG, Asset, ObjectStoragePath, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task
    from airflow.io.path import ObjectStoragePath

DESTINATION = "{{ var.value.get('braze_destination', 'file:///tmp/braze') }}"
CAMPAIGN_DAYS = Asset("braze_campaign_days")

with DAG(
    dag_id="example_braze_changed_days",
    description="All Braze campaigns to object storage, every morning, with an asset that tells which days changed",
    doc_md=__doc__,
    start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
    schedule="0 6 * * *",
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    tags=["example", "braze"],
):
    CampaignDataSeriesToObjectStorageOperator(
        task_id="land_campaigns", destination=DESTINATION, outlets=[CAMPAIGN_DAYS]
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
        """Take the days of all events that this run answers."""
        # The second name is that of Airflow 2.
        events = context.get("triggering_asset_events") or context.get("triggering_dataset_events") or {}
        extras = [event.extra for events_of_asset in events.values() for event in events_of_asset]
        days = {day for extra in extras for day in extra.get("changed_days", ())}
        return sorted(days)

    @task
    def sum_revenue(day: str, destination: str) -> float:
        """Sum a day's revenue from what has landed; here your own model would be made anew."""
        import pyarrow.parquet as pq

        revenue = 0.0
        for path in (ObjectStoragePath(destination) / "campaign_days" / f"dt={day}").iterdir():
            with path.open("rb") as file:
                revenue += sum(value or 0 for value in pq.read_table(file)["revenue"].to_pylist())
        return round(revenue, 2)

    sum_revenue.partial(destination=DESTINATION).expand(day=find_changed_days())
