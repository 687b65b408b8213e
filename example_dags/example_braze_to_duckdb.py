"""Load into DuckDB only the days that changed.

What: whenever campaigns have landed, one task asks the journal which days changed since its last load. It deletes
each of these days in DuckDB and inserts the day's objects. All of it is one transaction, together with the cursor that
says how far the journal is read. The first load takes every day of the lake.

Why: after each load DuckDB equals the lake. A load that is killed leaves no trace, and the next one does its work.
A rerun changes nothing. A lost event costs nothing either: the days come from the journal, and the event only starts
the Dag.

Needs: the lake and the asset of ``example_braze_changed_days``, with the same Variables. The package ``duckdb``. The
Airflow Variable ``braze_duckdb``: the path of a database on a disk that the worker keeps. If the Dag was paused for
more than 35 days, trigger it with ``{"reload": true}``: this loads everything again.
"""

from __future__ import annotations

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
TYPES = {"string": "TEXT", "date32[day]": "DATE", "int64": "BIGINT", "int32": "INTEGER", "double": "DOUBLE"}


def load(connection: Any, destination: str, conn_id: str | None = None, *, reload: bool = False) -> int:
    """Make the tables of DuckDB equal to those of the lake, and return the number of loaded days."""
    connection.begin()
    try:
        loaded = load_changed_days(connection, destination, conn_id, reload=reload)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return loaded


def load_changed_days(connection: Any, destination: str, conn_id: str | None, *, reload: bool) -> int:
    """Load the days that changed since the stored cursor, and store the next one."""
    connection.execute("CREATE TABLE IF NOT EXISTS braze_cursors (destination TEXT PRIMARY KEY, cursor TEXT)")
    found = connection.execute("SELECT cursor FROM braze_cursors WHERE destination = ?", [destination]).fetchone()
    cursor = found[0] if found and not reload else None
    # Before any object is read: what lands from here on belongs to the next load.
    days, next_cursor = changed_days(destination, cursor, object_storage_conn_id=conn_id)
    for table in TABLES:
        folder = ObjectStoragePath(destination, conn_id=conn_id) / table
        if cursor is None:
            # The journal forgets after 40 days, the lake does not.
            connection.execute(f"DROP TABLE IF EXISTS {table}")
            days = sorted(path.name.removeprefix("dt=") for path in list_folder(folder))
        for day in days:
            replace_day(connection, table, day, list_folder(folder / f"dt={day}"))
    connection.execute("INSERT OR REPLACE INTO braze_cursors VALUES (?, ?)", [destination, next_cursor])
    return len(days)


def replace_day(connection: Any, table: str, day: str, paths: list[Any]) -> None:
    """Delete a day's rows and insert those of its objects: one per part."""
    import pyarrow.parquet as pq

    for number, path in enumerate(paths):
        with path.open("rb") as file:
            rows = pq.read_table(file)
        columns = [f"{field.name} {TYPES[str(field.type)]}" for field in rows.schema]
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(columns)})")
        for column in columns:  # a later version may have more of them
            connection.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}")
        if number == 0:
            connection.execute(f"DELETE FROM {table} WHERE day = ?", [day])
        connection.register("incoming", rows)
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")


def list_folder(folder: Any) -> list[Any]:
    """Return what lies in a folder; nothing when the folder does not exist."""
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


with DAG(
    dag_id="example_braze_to_duckdb",
    description="The changed days of all Braze campaigns into DuckDB",
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
    def load_into_duckdb(path: str, destination: str, conn_id: str, **context: Any) -> int:
        """Load the changed days."""
        import duckdb

        with duckdb.connect(path) as connection:
            return load(connection, destination, conn_id or None, reload=context["params"]["reload"])

    load_into_duckdb(
        "{{ var.value.get('braze_duckdb', '/tmp/braze.duckdb') }}",
        "{{ var.value.get('braze_destination', 'file:///tmp/braze') }}",
        "{{ var.value.get('braze_object_storage_conn_id', '') }}",
    )
