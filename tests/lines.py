"""Airflow's lines, 2.11 and 3: what differs for tests.

A test marked ``since_airflow("3.2")`` needs something that this version added. On an older Airflow it is left out,
and the end of the run lists the number of such tests by file.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packaging.version import Version

AIRFLOW = Version(version("apache-airflow"))
LEFT_OUT = pytest.StashKey[dict[str, dict[str, int]]]()
"""Per version: the number of tests of each file."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "since_airflow(version, also): the test needs this version; `also` names an older one that supports it too",
    )
    config.stash[LEFT_OUT] = {}


def _versions_to_come(item: pytest.Item) -> list[Version]:
    line = f"{AIRFLOW.major}.{AIRFLOW.minor}"
    marks = [mark for mark in item.iter_markers("since_airflow") if mark.kwargs.get("also") != line]
    required = [Version(mark.args[0]) for mark in marks]
    return [each for each in required if each > AIRFLOW]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    to_come = {item: versions for item in items if (versions := _versions_to_come(item))}
    config.hook.pytest_deselected(items=list(to_come))
    items[:] = [item for item in items if item not in to_come]
    left_out: dict[str, Counter[str]] = {}
    for item, versions in to_come.items():
        left_out.setdefault(str(max(versions)), Counter())[item.location[0]] += 1
    config.stash[LEFT_OUT] = {came_with: dict(files) for came_with, files in left_out.items()}


def pytest_sessionfinish(session: pytest.Session) -> None:
    # A process of pytest-xdist reports to the one that started it, which collects nothing itself.
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT_OUT].update(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for came_with, files in sorted(config.stash[LEFT_OUT].items()):
        listed = ", ".join(f"{name}: {count}" for name, count in sorted(files.items()))
        terminalreporter.write_line(
            f"{sum(files.values())} tests left out on Airflow {AIRFLOW}: they need Airflow {came_with} ({listed})."
        )
    if config.stash[LEFT_OUT]:
        terminalreporter.write_line("docs/upgrading.md lists what each version of Airflow has.")


@pytest.fixture(scope="session")
def make_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Return a function that creates a database in a home of Airflow. It is migrated once for all processes."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    template = shared / "migrated"

    def make(home: Path) -> None:
        with open(shared / "migrated.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not template.exists():
                _migrate(template)
        shutil.copy(template / "airflow.db", home / "airflow.db")

    return make


def _migrate(home: Path) -> None:
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    environment = {**os.environ, "AIRFLOW_HOME": str(home)}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=240)


def for_this_airflow(source: str) -> str:
    """Return source code with the import names of older Airflows, on these versions, as the pages describe."""
    older = {
        "BaseHook": "from airflow.hooks.base import BaseHook",
        "DAG": "from airflow import DAG",
        "Asset": "from airflow.datasets import Dataset as Asset",
        "ObjectStoragePath": "from airflow.io.path import ObjectStoragePath",
        "Variable": "from airflow.models import Variable",
        "task": "from airflow.decorators import task",
    }
    if AIRFLOW.major > 2:
        older = {} if Version("3.1") <= AIRFLOW else {"BaseHook": older["BaseHook"]}
    return re.sub(
        r"from airflow\.sdk import ([\w, ]+)$",
        lambda found: "\n".join(older.get(name, f"from airflow.sdk import {name}") for name in found[1].split(", ")),
        source,
        flags=re.M,
    )


def load_dags(paths: Iterable[Path]) -> dict[str, Any]:
    """Load Dag files as Airflow does, and fail on any error or warning."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # Airflow 2
        from airflow.models.dagbag import DagBag

    bag = DagBag(dag_folder=os.devnull)
    for path in paths:
        bag.process_file(str(path))
    assert bag.import_errors == {}
    assert not getattr(bag, "captured_warnings", None)
    return dict(bag.dags)


def dag_test(dag: Any, logical_date: datetime | None, **others: Any) -> Any:
    """Run a Dag by its method ``test``."""
    if AIRFLOW.major < 3:
        # A run replaces an older one of the same date. To delete that one, the table of users has to be known.
        import_module("airflow.providers.fab.auth_manager.models")
        # Registers the datasets whose events are to be recorded.
        dag.sync_to_db()
        return dag.test(execution_date=logical_date, **others)
    return dag.test(logical_date=logical_date, **others)


def outlet_events(run: Any) -> list[Any]:
    """Return the events that Airflow recorded of a run's outlets."""
    from airflow.utils.session import create_session

    with create_session() as session:
        if AIRFLOW.major < 3:
            from airflow.models.dataset import DatasetEvent

            found = session.query(DatasetEvent).filter_by(source_dag_id=run.dag_id, source_run_id=run.run_id)
            # The events of a run that this one replaced are still there.
            latest = {each.dataset_id: each for each in found.order_by(DatasetEvent.id)}
            return [SimpleNamespace(uri=each.uri, extra=each.extra) for each in latest.values()]
        from airflow.models.asset import AssetEvent
        from airflow.sdk.execution_time.comms import AssetEventDagRunReferenceResult

        found = session.query(AssetEvent).filter_by(source_dag_id=run.dag_id, source_run_id=run.run_id)
        return [AssetEventDagRunReferenceResult.model_validate(event, from_attributes=True) for event in found]


class OutletEvents:
    """The event of one outlet. Not a dictionary: before Airflow 3.3 an asset is not hashable."""

    def __init__(self, outlet, event):
        self.outlet, self.event = outlet, event

    def __getitem__(self, outlet):
        assert outlet is self.outlet
        return self.event


def triggered_by(events: Iterable[Any]) -> dict[str, Any]:
    """Return the part of a context that contains the events that triggered the run."""
    if AIRFLOW.major < 3:
        by_uri: dict[str, list[Any]] = {}
        for event in events:
            by_uri.setdefault(event.uri, []).append(event)
        return {"triggering_dataset_events": by_uri}
    from airflow.sdk.execution_time.context import TriggeringAssetEventsAccessor

    return {"triggering_asset_events": TriggeringAssetEventsAccessor.build(events)}
