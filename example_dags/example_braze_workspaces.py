"""Land several Braze workspaces by one Dag, each into a destination of its own.

What: one mapped task with a copy for each workspace. A copy has its own connection, and so its own key, host, time zone
and cap on requests, and its own folder below the lake's.

Why: a company with a workspace for each market wants the same tables of all of them. They may not share a destination,
since campaigns of two workspaces would look alike there, and the operator refuses it. A day is the company's own in
each workspace: this Dag runs at noon UTC, and a copy lands the last day that is over in *its* zone by then. A workspace
that fails costs the others nothing, and its copy is run again alone.

Needs: the connections ``braze_eu`` and ``braze_us``, each with its ``timezone`` in its extra, and the Airflow Variable
``braze_destination``, such as ``s3://lake/braze``: the tables go to ``s3://lake/braze/eu`` and ``s3://lake/braze/us``.
For a store that wants credentials add ``object_storage_conn_id="aws_default"`` to ``partial``.
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
        # Shown in the place of a bare number.
        map_index_template="{{ task.braze_conn_id }}",
    ).expand_kwargs(
        [
            {
                "braze_conn_id": f"braze_{market}",
                "destination": "{{ var.value.get('braze_destination', 'file:///tmp/braze') }}/" + market,
            }
            for market in MARKETS
        ]
    )
