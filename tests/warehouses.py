"""What a warehouse contains after each kind of failure. DuckDB and PostgreSQL run the same tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest

from airflow_provider_braze.exceptions import BrazeMissingDaysError
from airflow_provider_braze.sandbox import Sandbox, data
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from tests.scripts import ROOT, load_script

TABLES = ("campaign_days", "campaign_messages")
MORNING = datetime(2026, 11, 19, 6, tzinfo=timezone.utc)
Row = tuple[Any, ...]

KILLED = """
import os, signal, sys
import pyarrow.parquet as pq
sys.path.insert(0, sys.argv[1])
from tests.warehouses import example
name, connect, destination, objects = sys.argv[2:]
read, left = pq.read_table, int(objects)
def read_table(file):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return read(file)
pq.read_table = read_table
example(name).load(eval(connect), destination)
"""
"""A load in a process that dies after it has loaded some objects."""


def example(name: str) -> ModuleType:
    """Load the example Dag of a warehouse."""
    return load_script(f"example_dags/{name}.py")


class Warehouse:
    """A warehouse and the lake that it is loaded from.

    :param name: the example Dag.
    :param connect: Python expression that makes a connection.
    """

    def __init__(self, name: str, connect: str, lake: Path) -> None:
        self.lake = lake
        self.destination = f"file://{lake}"
        self._name = name
        self._connect = connect
        self._example = example(name)

    def load(self, **options: Any) -> int:
        connection = self._open()
        try:
            loaded: int = self._example.load(connection, self.destination, **options)
        finally:
            connection.close()
        return loaded

    def load_killed_after(self, objects: int) -> None:
        command = [sys.executable, "-c", KILLED, str(ROOT), self._name, self._connect, self.destination, str(objects)]
        assert subprocess.run(command, timeout=120).returncode < 0

    def rows(self, table: str) -> list[Row]:
        connection = self._open()
        cursor = connection.cursor()
        cursor.execute(f"SELECT * FROM {table}")
        found = [tuple(row) for row in cursor.fetchall()]
        connection.close()
        return sorted(found, key=repr)

    def equals_lake(self) -> bool:
        return all(self.rows(table) == self._landed(table) for table in TABLES)

    def _landed(self, table: str) -> list[Row]:
        objects = [pq.read_table(path, partitioning=None) for path in self.lake.glob(f"{table}/dt=*/*.parquet")]
        return sorted((tuple(row.values()) for rows in objects for row in rows.to_pylist()), key=repr)

    def _open(self) -> Any:
        return eval(self._connect, {"__import__": __import__})


Land = Callable[..., None]


@pytest.fixture
def land(braze: Sandbox, make_context: Callable[..., Any], tmp_path: Path) -> Land:
    """Return a function that lands the days before a morning, including the lookback."""
    braze.configure(campaigns=4)

    def run(morning: int = 0, **arguments: Any) -> None:
        at = MORNING + timedelta(days=morning)
        braze.configure(as_of=at.isoformat())
        operator = CampaignDataSeriesToObjectStorageOperator(
            task_id="land", destination=f"file://{tmp_path}/lake", **{"lookback_days": 3, **arguments}
        )
        operator.execute(make_context(run_after=at))

    return run


def test_first_load_loads_all_days_of_the_lake(warehouse: Warehouse, land: Land) -> None:
    land()
    # As in a lake that is older than its journal.
    for record in (warehouse.lake / "_braze/campaigns/journal").iterdir():
        record.unlink()
    assert warehouse.load() == 4
    assert warehouse.equals_lake()
    assert warehouse.rows("campaign_days")


def test_restated_days_are_replaced(warehouse: Warehouse, land: Land) -> None:
    land()
    warehouse.load()
    first = warehouse.rows("campaign_days")
    land(1)
    assert not warehouse.equals_lake()
    warehouse.load()
    assert warehouse.equals_lake()
    # The new day of four campaigns, and days with figures that grew.
    assert len(set(warehouse.rows("campaign_days")) - set(first)) > 4


def test_second_load_changes_nothing(warehouse: Warehouse, land: Land) -> None:
    land()
    warehouse.load()
    assert warehouse.load() == 0
    assert warehouse.load(reload=True) == 4
    assert warehouse.equals_lake()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("objects", [1, 0, 5])
def test_killed_load_changes_nothing(warehouse: Warehouse, land: Land, objects: int) -> None:
    land()
    warehouse.load()
    before = [warehouse.rows(table) for table in TABLES]
    land(1)
    warehouse.load_killed_after(objects)
    assert [warehouse.rows(table) for table in TABLES] == before
    warehouse.load()
    assert warehouse.equals_lake()


def test_two_landings_between_two_loads_are_both_loaded(warehouse: Warehouse, land: Land) -> None:
    land()
    warehouse.load()
    land(1)
    # The second landing does not include the first day that the first one changed.
    land(3, lookback_days=0)
    warehouse.load()
    assert warehouse.equals_lake()


def test_landing_without_an_event_is_loaded(warehouse: Warehouse, land: Land, braze: Sandbox) -> None:
    land()
    warehouse.load()
    gap = {data.campaign_ids(braze.settings)[0]: ["2026-11-19"]}
    braze.configure(faults={"missing_days": gap})
    with pytest.raises(BrazeMissingDaysError):
        land(1, missing_days="fail")
    assert not warehouse.equals_lake()
    warehouse.load()
    assert warehouse.equals_lake()


def test_parts_of_a_day_are_all_loaded(warehouse: Warehouse, land: Land) -> None:
    for morning in range(2):
        for part in range(3):
            land(morning, parts=3, part=part)
        warehouse.load()
        assert warehouse.equals_lake()
