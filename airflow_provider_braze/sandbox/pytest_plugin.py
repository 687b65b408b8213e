"""Fixtures for tests of Dags and of other code that calls Braze.

In the ``conftest.py`` at the root of your tests::

    pytest_plugins = ["airflow_provider_braze.sandbox.pytest_plugin"]

A test then gets a new local Braze, and the connection ``braze_default`` points at it::

    def test_campaigns_land(braze_sandbox, dag):
        braze_sandbox.configure(as_of="2026-11-19T06:00:00Z", campaigns=5)
        dag.test()
        assert braze_sandbox.count("/campaigns/data_series") == 5

Compare landed figures with :mod:`airflow_provider_braze.sandbox.data`, such as ``day_object`` and ``canvas_day``. For
other connections, or several workspaces at once, use the factory::

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


class _ConnectedSandbox(Sandbox):
    """A sandbox whose connection follows its time zone. With another one, runs would land other days.

    :param connect: writes the connection.
    """

    def __init__(self, settings: SandboxSettings, connect: Callable[[Sandbox], None]) -> None:
        super().__init__(settings)
        self._connect = connect

    def configure(self, **changes: Any) -> SandboxSettings:
        settings = super().configure(**changes)
        if "timezone" in changes:
            self._connect(self)
        return settings


@pytest.fixture
def braze_sandbox_factory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sandbox]]:
    """Return a function that starts a sandbox with given settings and points a connection at it.

    Its argument ``conn_id`` is the id of the connection; default ``braze_default``. All sandboxes stop after the test.
    """
    with ExitStack() as stack:

        def start(conn_id: str = "braze_default", **settings: Any) -> Sandbox:
            def connect(braze: Sandbox) -> None:
                monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", braze.connection_json())

            braze = stack.enter_context(_ConnectedSandbox(SandboxSettings().merged(settings), connect))
            connect(braze)
            return braze

        yield start


@pytest.fixture
def braze_sandbox(braze_sandbox_factory: Callable[..., Sandbox]) -> Sandbox:
    """Return a new sandbox with default settings; the connection ``braze_default`` points at it."""
    return braze_sandbox_factory()
