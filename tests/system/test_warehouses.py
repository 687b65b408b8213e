"""PostgreSQL equals the lake after every kind of load."""

from __future__ import annotations

import uuid

import pytest

from airflow_provider_braze.sandbox import Sandbox
from tests.system.servers import create_database
from tests.warehouses import *  # noqa: F403 - the tests that DuckDB shares
from tests.warehouses import Warehouse


@pytest.fixture
def braze(monkeypatch):
    with Sandbox() as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", sandbox.connection_json())
        yield sandbox


@pytest.fixture
def warehouse(tmp_path, postgres_server):
    name = f"warehouse-{uuid.uuid4().hex[:8]}"
    create_database(postgres_server, name)
    connect = f'__import__("psycopg2").connect("postgresql://{postgres_server}/{name}")'
    return Warehouse("example_braze_to_postgres", connect, tmp_path / "lake")
