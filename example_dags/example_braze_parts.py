"""Land a large workspace with sixteen tasks, each with its share of the campaigns.

What: one task is mapped into sixteen. A hash of its id assigns each campaign to a task, the same in every run. Each
task writes its own files, such as ``part-03-of-16.parquet``, and its own record. The first one also writes the list of
campaigns. Readers see one table.

Why: one task lands some thousand campaigns in minutes, so most workspaces need no parts. With tens of thousands of
campaigns, or little memory or disk per worker, parts spread the work. A failed part is rerun on its own. The pool
limits the tasks at work, including those of other Dags that call Braze and share its rate limit.

Needs: the connection ``braze_default``, as for ``example_braze_daily``. A pool: ``airflow pools set braze 4 Braze``
allows four tasks at a time. The Airflow Variable ``braze_parts_destination`` (or the environment variable
``AIRFLOW_VAR_BRAZE_PARTS_DESTINATION``): a destination of its own, because a destination has one number of parts. All
workers must reach its store; ``file://`` works on a single machine only. For a store with credentials, set the
Variable ``braze_object_storage_conn_id`` to the id of its connection, such as ``aws_default``.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum

from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

PARTS = 16

with DAG(
    dag_id="example_braze_parts",
    description="All Braze campaigns to object storage, with sixteen tasks",
    doc_md=__doc__,
    start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
    schedule="0 6 * * *",
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    tags=["example", "braze"],
):
    CampaignDataSeriesToObjectStorageOperator.partial(
        task_id="land_part",
        destination="{{ var.value.get('braze_parts_destination', 'file:///tmp/braze-parts') }}",
        object_storage_conn_id="{{ var.value.get('braze_object_storage_conn_id', '') }}",
        parts=PARTS,
        # Shown in place of the bare number.
        map_index_template="part {{ task.part }}",
        pool="braze",
    ).expand(part=list(range(PARTS)))
