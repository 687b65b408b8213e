"""Land a large workspace by sixteen tasks, each of which takes its share of the campaigns.

What: one mapped task in sixteen copies. A campaign belongs to one copy, told by a hash of its id, the same in every
run. Each copy writes files of its own, ``part-03-of-16.parquet``, and its own manifest; the first one also the list of
campaigns. Readers see one table.

Why: one task lands some thousand campaigns in minutes, so most workspaces need no parts. With tens of thousands, or
with little memory or disk a worker, parts spread the work over workers, and a part that fails is run again alone. The
pool decides how many copies are at work at once, also next to other Dags that call Braze, whose rate limit they share.

Needs: the connection ``braze_default``, as ``example_braze_daily``. A pool: ``airflow pools set braze 4 Braze``, four
copies at once. The Airflow Variable ``braze_parts_destination`` (or the environment variable
``AIRFLOW_VAR_BRAZE_PARTS_DESTINATION``): a destination of its own, for one destination has one number of parts. The
workers need a store that all of them reach; ``file://`` is one only on a single machine.
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
    description="All Braze campaigns to object storage, by sixteen tasks",
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
        parts=PARTS,
        pool="braze",
    ).expand(part=list(range(PARTS)))
