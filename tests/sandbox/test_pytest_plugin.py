from __future__ import annotations

import json
import os

import httpx

from airflow_provider_braze.sandbox import SandboxSettings

pytest_plugins = ["airflow_provider_braze.sandbox.pytest_plugin"]


def test_braze_sandbox_is_fresh_and_the_connection_points_to_it(braze_sandbox):
    assert braze_sandbox.settings == SandboxSettings()
    connection = json.loads(os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"])
    assert connection["host"] == braze_sandbox.url
    headers = {"authorization": f"Bearer {connection['password']}"}
    assert httpx.get(f"{connection['host']}/campaigns/list", headers=headers, trust_env=False).status_code == 200
    assert braze_sandbox.count() == 1


def test_braze_sandbox_factory_makes_several_workspaces(braze_sandbox_factory):
    europe = braze_sandbox_factory(conn_id="braze_eu", timezone="Europe/Berlin")
    america = braze_sandbox_factory(conn_id="braze_us", campaigns=3)
    assert json.loads(os.environ["AIRFLOW_CONN_BRAZE_EU"])["extra"] == {"timezone": "Europe/Berlin"}
    assert json.loads(os.environ["AIRFLOW_CONN_BRAZE_US"])["host"] == america.url != europe.url
    assert america.settings.campaigns == 3


def test_braze_sandbox_connection_follows_the_time_zone(braze_sandbox, monkeypatch):
    braze_sandbox.configure(timezone="America/New_York")
    assert json.loads(os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"])["extra"] == {"timezone": "America/New_York"}
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", "braze://of-the-test")
    braze_sandbox.configure(campaigns=3)
    assert os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"] == "braze://of-the-test"


def test_braze_sandbox_connection_is_removed_after_a_test():
    assert "AIRFLOW_CONN_BRAZE_EU" not in os.environ
