"""DuckDB equals the lake after every kind of load."""

from __future__ import annotations

import pytest

from tests.warehouses import *  # noqa: F403 - the tests that PostgreSQL shares
from tests.warehouses import Warehouse

pytestmark = pytest.mark.unmeasured


@pytest.fixture
def warehouse(tmp_path):
    return Warehouse("example_braze_to_duckdb", f'__import__("duckdb").connect("{tmp_path}/db")', tmp_path / "lake")
