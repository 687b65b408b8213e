"""Land all analytics of a workspace every morning: one task per series, all in one destination.

What: campaigns, canvases, KPIs and sessions, segments, custom events and purchases land side by side, each with the 30
days before it again. Each task writes its own tables, so a failure of one leaves the others alone.

Why a group: the tasks share nothing but the destination, and run in any order. The list of events and all purchases
share a rate limit of 1,000 requests an hour, so purchases land as totals of all products.

Needs: the connection ``braze_default`` with the company's time zone in its extra, ``{"timezone":
"America/New_York"}``, and a key with the permissions of all six series. The Airflow Variable ``braze_destination``,
such as ``s3://lake/braze``. For a store with credentials, set the Variable ``braze_object_storage_conn_id``.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum

from airflow_provider_braze.transfers import braze_to_object_storage as braze

try:
    from airflow.sdk import DAG, TaskGroup
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.utils.task_group import TaskGroup

with (
    DAG(
        dag_id="example_braze_workspace",
        description="All Braze analytics of one workspace to object storage, every morning",
        doc_md=__doc__,
        start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
        schedule="0 9 * * *",
        catchup=True,
        max_active_runs=1,
        default_args={
            "retries": 3,
            "retry_delay": timedelta(minutes=5),
            "destination": "{{ var.value.get('braze_destination', 'file:///tmp/braze') }}",
            "object_storage_conn_id": "{{ var.value.get('braze_object_storage_conn_id', '') }}",
        },
        tags=["example", "braze"],
    ),
    TaskGroup("land"),
):
    braze.CampaignDataSeriesToObjectStorageOperator(task_id="campaigns")
    braze.CanvasDataSeriesToObjectStorageOperator(task_id="canvases")
    braze.KpiDataSeriesToObjectStorageOperator(task_id="kpis")
    braze.SegmentDataSeriesToObjectStorageOperator(task_id="segments")
    braze.EventDataSeriesToObjectStorageOperator(task_id="events")
    braze.PurchaseDataSeriesToObjectStorageOperator(task_id="purchases")
