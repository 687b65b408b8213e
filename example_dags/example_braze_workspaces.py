"""Land several Braze workspaces with one Dag, each in its own destination.

What: one task is mapped over the workspaces. Each has its own connection, with key, host, time zone and request cap,
and its own folder in the lake.

Why: a company with one workspace per market needs the same tables for all of them. They cannot share a destination,
because their campaigns would be mixed, and the operator rejects that. A day is the company's own in each workspace:
this Dag runs at noon UTC, and each task lands the last day that is over in *its* time zone. If one workspace fails,
the others still land, and you rerun it on its own.

Needs: the connections ``braze_eu`` and ``braze_us``, each with its ``timezone`` in its extra. The Airflow Variable
``braze_destination``, such as ``s3://lake/braze``: the tables go to ``s3://lake/braze/eu`` and ``s3://lake/braze/us``.
For a store with credentials, set the Variable ``braze_object_storage_conn_id`` to the id of its connection, such as
``aws_default``.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum

from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

MARKETS = ["eu", "us"]

with DAG(
    dag_id="example_braze_workspaces",
    description="All campaigns of several Braze workspaces to object storage",
    doc_md=__doc__,
    start_date=pendulum.datetime(2026, 11, 1, tz="UTC"),
    schedule="0 12 * * *",
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    tags=["example", "braze"],
):
    CampaignDataSeriesToObjectStorageOperator.partial(
        task_id="land_workspace",
        # Shown in place of the bare number.
        map_index_template="{{ task.braze_conn_id }}",
        object_storage_conn_id="{{ var.value.get('braze_object_storage_conn_id', '') }}",
    ).expand_kwargs(
        [
            {
                "braze_conn_id": f"braze_{market}",
                "destination": "{{ var.value.get('braze_destination', 'file:///tmp/braze') }}/" + market,
            }
            for market in MARKETS
        ]
    )
