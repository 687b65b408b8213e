"""The plugin as Airflow finds it, on every version."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distribution

import pytest

from airflow_provider_braze.plugins.braze import PREFIX, BrazePlugin
from tests.lines import AIRFLOW, Version

HAS_PAGES = Version("3.1") <= AIRFLOW


def test_entry_point_is_the_plugin():
    (entry,) = distribution("airflow-provider-braze-analytics").entry_points.select(group="airflow.plugins")
    assert entry.load() is BrazePlugin


def test_airflow_loads_the_plugin_without_warnings():
    command = [sys.executable, "-m", "airflow", "plugins", "--output", "json"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert shown.returncode == 0, shown.stderr
    assert "braze" not in shown.stderr.lower()
    found = shown.stdout[shown.stdout.index("[{") :] if HAS_PAGES else shown.stdout
    if HAS_PAGES:
        (mine,) = [each for each in json.loads(found) if each["name"] == "braze"]
        assert [each["url_prefix"] for each in mine["fastapi_apps"]] == [PREFIX]
        assert [each["destination"] for each in mine["external_views"]] == ["task_instance"]


def test_versions_without_views_have_no_page():
    assert bool(getattr(BrazePlugin, "fastapi_apps", [])) is HAS_PAGES
    assert bool(getattr(BrazePlugin, "external_views", [])) is HAS_PAGES


@pytest.mark.since_airflow("3.1")
def test_view_is_below_the_path_of_airflow():
    (view,) = BrazePlugin.external_views
    assert view["href"].startswith(f"{PREFIX.strip('/')}/")
    assert all(f"/{{{name}}}" in view["href"] for name in ("DAG_ID", "RUN_ID", "TASK_ID", "MAP_INDEX"))
