"""Load into PostgreSQL only the days that changed.

What: whenever campaigns have landed, one task asks the journal which days changed since its last load. It deletes
each of these days in PostgreSQL and inserts the day's objects. All of it is one transaction, together with the cursor
that says how far the journal is read. The first load takes every day of the lake.

Why: after each load PostgreSQL equals the lake. A load that is killed leaves no trace, and the next one does its work.
A rerun changes nothing. A lost event costs nothing either: the days come from the journal, and the event only starts
the Dag. Readers see the old days until the transaction ends, and never a part of a load.

Needs: the lake and the asset of ``example_braze_changed_days``, with the same Variables. The package
``apache-airflow-providers-postgres`` and the connection ``postgres_default``, whose user may create tables. If the Dag
was paused for more than 35 days, trigger it with ``{"reload": true}``: this loads everything again.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pendulum

from airflow_provider_braze.landing.journal import changed_days

try:
    from airflow.sdk import DAG, Asset, ObjectStoragePath, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task
    from airflow.io.path import ObjectStoragePath

TABLES = ("campaign_days", "campaign_messages")
TYPES = {"string": "TEXT", "date32[day]": "DATE", "int64": "BIGINT", "int32": "INTEGER", "double": "DOUBLE PRECISION"}


def load(connection: Any, destination: str, conn_id: str | None = None, *, reload: bool = False) -> int:
    """Make the tables of PostgreSQL equal to those of the lake, and return the number of loaded days."""
    try:
        with connection.cursor() as sql:
            loaded = load_changed_days(sql, destination, conn_id, reload=reload)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return loaded


def load_changed_days(sql: Any, destination: str, conn_id: str | None, *, reload: bool) -> int:
    """Load the days that changed since the stored cursor, and store the next one."""
    sql.execute("CREATE TABLE IF NOT EXISTS braze_cursors (destination TEXT PRIMARY KEY, cursor TEXT)")
    sql.execute("LOCK TABLE braze_cursors")  # one load at a time
    sql.execute("SELECT cursor FROM braze_cursors WHERE destination = %s", [destination])
    found = sql.fetchone()
    cursor = found[0] if found and not reload else None
    # Before any object is read: what lands from here on belongs to the next load.
    days, next_cursor = changed_days(destination, cursor, object_storage_conn_id=conn_id)
    for table in TABLES:
        folder = ObjectStoragePath(destination, conn_id=conn_id) / table
        if cursor is None:
            # The journal forgets after 40 days, the lake does not.
            sql.execute(f"DROP TABLE IF EXISTS {table}")
            days = sorted(path.name.removeprefix("dt=") for path in list_folder(folder))
        for day in days:
            replace_day(sql, table, day, list_folder(folder / f"dt={day}"))
    sql.execute("DELETE FROM braze_cursors WHERE destination = %s", [destination])
    sql.execute("INSERT INTO braze_cursors VALUES (%s, %s)", [destination, next_cursor])
    return len(days)


def replace_day(sql: Any, table: str, day: str, paths: list[Any]) -> None:
    """Delete a day's rows and insert those of its objects: one per part."""
    import pyarrow.parquet as pq

    for number, path in enumerate(paths):
        with path.open("rb") as file:
            rows = pq.read_table(file)
        columns = [f"{field.name} {TYPES[str(field.type)]}" for field in rows.schema]
        sql.execute(f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(columns)})")
        for column in columns:  # a later version may have more of them
            sql.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}")
        if number == 0:
            sql.execute(f"DELETE FROM {table} WHERE day = %s", [day])
        names = ", ".join(rows.column_names)
        # One statement per object, with the types of the table.
        sql.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s)",
            [json.dumps(rows.to_pylist(), default=str)],
        )


def list_folder(folder: Any) -> list[Any]:
    """Return what lies in a folder; nothing when the folder does not exist."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


with DAG(
    dag_id="example_braze_to_postgres",
    description="The changed days of all Braze campaigns into PostgreSQL",
    doc_md=__doc__,
    start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
    schedule=[Asset("braze_campaign_days")],
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    params={"reload": False},
    tags=["example", "braze"],
):

    @task
    def load_into_postgres(destination: str, conn_id: str, **context: Any) -> int:
        """Load the changed days."""
        from contextlib import closing

        from airflow.providers.postgres.hooks.postgres import PostgresHook

        with closing(PostgresHook("postgres_default").get_conn()) as connection:
            return load(connection, destination, conn_id or None, reload=context["params"]["reload"])

    load_into_postgres(
        "{{ var.value.get('braze_destination', 'file:///tmp/braze') }}",
        "{{ var.value.get('braze_object_storage_conn_id', '') }}",
    )
