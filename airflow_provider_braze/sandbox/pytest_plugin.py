"""Fixtures for tests of Dags and of code that talks to Braze.

In the ``conftest.py`` at the root of your tests::

    pytest_plugins = ["airflow_provider_braze.sandbox.pytest_plugin"]

Then a test gets a fresh local Braze, and the connection ``braze_default`` points at it::

    def test_campaigns_land(braze_sandbox, dag):
        braze_sandbox.configure(as_of="2026-11-19T06:00:00Z", campaigns=5)
        dag.test()
        assert braze_sandbox.count("/campaigns/data_series") == 5

What should have landed is told by :func:`airflow_provider_braze.sandbox.data.day_object`. For other connections, or
several workspaces at once, take the factory::

    def test_two_workspaces(braze_sandbox_factory):
        europe = braze_sandbox_factory(conn_id="braze_eu", timezone="Europe/Berlin")
        america = braze_sandbox_factory(conn_id="braze_us", timezone="America/New_York", seed=1)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from airflow_provider_braze.sandbox.server import Sandbox
from airflow_provider_braze.sandbox.settings import SandboxSettings


@pytest.fixture
def braze_sandbox_factory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sandbox]]:
    """Return a function that starts a sandbox with the settings given and points a connection at it.

    Its argument ``conn_id`` names the connection, by default ``braze_default``. All sandboxes stop after the test.
    """
    with ExitStack() as stack:

        def start(conn_id: str = "braze_default", **settings: Any) -> Sandbox:
            braze = stack.enter_context(Sandbox(SandboxSettings().merged(settings)))
            monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", braze.connection_json())
            return braze

        yield start


@pytest.fixture
def braze_sandbox(braze_sandbox_factory: Callable[..., Sandbox]) -> Sandbox:
    """Return a fresh sandbox with default settings, at which the connection ``braze_default`` points."""
    return braze_sandbox_factory()
