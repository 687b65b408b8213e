"""Check the landed tables with Airflow's SQL operators, without a warehouse.

What: whenever campaigns have landed, two tasks check the newest days of the lake. No campaign has two rows for a day,
no key is null, and no figure is negative. DuckDB runs the SQL inside the task, on the objects of the lake.

Why: a failed check stops a mistake before it reaches a report. The check operators of
``apache-airflow-providers-common-sql`` work on every database that has a hook. This Dag has a short one for the lake.

Needs: the lake and the asset of ``example_braze_changed_days``, with the same Variables. The packages ``duckdb`` and
``apache-airflow-providers-common-sql``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.providers.common.sql.operators.sql import SQLColumnCheckOperator, SQLTableCheckOperator

try:
    from airflow.sdk import DAG, Asset, ObjectStoragePath, Variable
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.io.path import ObjectStoragePath
    from airflow.models import Variable

TABLES = ("campaign_days", "campaign_messages")
NEWEST_DAYS = 31


class LakeHook(DbApiHook):
    """A DuckDB in memory that reads the newest days of the lake."""

    conn_name_attr = "lake_conn_id"

    def get_conn(self) -> Any:
        """Return a connection with one view per table."""
        import duckdb

        conn_id = Variable.get("braze_object_storage_conn_id", "") or None
        lake = ObjectStoragePath(Variable.get("braze_destination", "file:///tmp/braze"), conn_id=conn_id)
        connection = duckdb.connect()
        connection.register_filesystem(lake.fs)
        for table in TABLES:
            days = sorted((lake / table).iterdir())[-NEWEST_DAYS:]
            objects = [f"{path.protocol}://{path.path}" for day in days for path in day.iterdir()]
            connection.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet({objects})")
        connection.begin()  # the hook ends it
        return connection


class LakeColumnCheckOperator(SQLColumnCheckOperator):
    """Check columns of a table of the lake."""

    def get_db_hook(self) -> LakeHook:
        """Return the hook of the lake."""
        return LakeHook()


class LakeTableCheckOperator(SQLTableCheckOperator):
    """Check a table of the lake."""

    def get_db_hook(self) -> LakeHook:
        """Return the hook of the lake."""
        return LakeHook()


with DAG(
    dag_id="example_braze_checks",
    description="Checks of the landed campaigns, without a warehouse",
    doc_md=__doc__,
    start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
    schedule=[Asset("braze_campaign_days")],
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    tags=["example", "braze"],
):
    LakeColumnCheckOperator(
        task_id="check_columns",
        table="campaign_days",
        column_mapping={
            "campaign_id": {"null_check": {"equal_to": 0}},
            "unique_recipients": {"min": {"geq_to": 0}},
            "conversions": {"min": {"geq_to": 0}},
        },
    )
    LakeTableCheckOperator(
        task_id="check_tables",
        table="campaign_days",
        checks={
            "one_row_per_campaign_and_day": {"check_statement": "COUNT(*) = COUNT(DISTINCT (campaign_id, day))"},
            "days_without_gaps": {"check_statement": "COUNT(DISTINCT day) = MAX(day) - MIN(day) + 1"},
            "messages_have_their_day": {
                "check_statement": "(SELECT COUNT(*) FROM campaign_messages ANTI JOIN campaign_days "
                "USING (campaign_id, day)) = 0"
            },
        },
    )
