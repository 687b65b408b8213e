"""Whole deployments as fixtures. Each starts only what a test requests, and reports how long that took."""

from __future__ import annotations

import atexit
import json
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.emulators import BUCKET, EMULATORS
from tests.stores import Destination
from tests.system.braze import Braze, sandbox
from tests.system.deployment import NEWEST, ROOT, Deployment, Line
from tests.system.processes import STARTED, end_the_orphans, timed
from tests.system.servers import create_database, postgres, redis

LOGS = ROOT / ".system"
DAGS = Path(__file__).parent / "dags"
TEST_SECONDS = 1200

StartAirflow = Callable[..., Deployment]


def pytest_configure(config: pytest.Config) -> None:
    # The finalizers of fixtures run for Ctrl-C, and have to run for these signals too.
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.default_int_handler)
    atexit.register(end_the_orphans)
    shutil.rmtree(LOGS, ignore_errors=True)
    LOGS.mkdir()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("what was started, and how long each took")
    for name, seconds in STARTED:
        terminalreporter.write_line(f"{seconds:6.1f} s  {name}")
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        if report.when == "call":
            terminalreporter.write_line(f"{report.duration:6.1f} s  {Path(report.nodeid).name} ({report.outcome})")
    terminalreporter.write_line(f"Logs of all processes: {LOGS}")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with ExitStack() as stack:
        yield timed("PostgreSQL", lambda: stack.enter_context(postgres(LOGS)))


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    with ExitStack() as stack:
        yield timed("Redis", lambda: stack.enter_context(redis(LOGS)))


@pytest.fixture(scope="session")
def braze_server() -> Iterator[Braze]:
    as_of = (datetime.now(timezone.utc) + timedelta(days=1)).replace(microsecond=0)
    with ExitStack() as stack:
        yield timed("sandbox", lambda: stack.enter_context(sandbox(LOGS, as_of.isoformat())))


@pytest.fixture
def braze(braze_server: Braze) -> Iterator[Braze]:
    """Return the sandbox without faults, with its request counts reset."""
    braze_server.configure(faults=None, latency_seconds=0)
    braze_server.reset_requests()
    yield braze_server
    braze_server.configure(faults=None, latency_seconds=0)


@pytest.fixture(scope="session")
def s3_server(endpoint_of: Callable[[str], str]) -> str:
    return timed("SeaweedFS", lambda: endpoint_of("s3"))


@pytest.fixture(scope="module")
def s3(s3_server: str) -> Iterator[Callable[[str], Destination]]:
    """Return a function that returns a folder of the S3 server as a destination."""
    connection = json.dumps(EMULATORS["s3"].connection(s3_server, EMULATORS["s3"].secret))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection)
        yield lambda name: Destination(f"s3://{BUCKET}/{name}", "aws_default")


@pytest.fixture(scope="module")
def start_airflow(request: pytest.FixtureRequest, postgres_server: str, braze_server: Braze) -> Iterator[StartAirflow]:
    """Return a function that starts an Airflow and waits until it is healthy. It is stopped after the module.

    ::

        airflow = start_airflow("form", dags="none", processes=["api-server"])

    :param name: name of the deployment, its database and its folder of logs.
    :param dags: name of a folder in ``dags``.
    :param database: database of a stopped deployment to continue with. Default a new one.
    :param processes: processes to start. Default all of the line for the local executor.
    :param environment: settings, connections and variables besides those of every deployment.
    :param commands: commands of Airflow to run before its processes start.
    :param others: arguments of :class:`Deployment`.
    """
    with ExitStack() as stack:

        def start(
            name: str,
            *,
            dags: str,
            line: Line = NEWEST,
            database: str | None = None,
            processes: Sequence[str] | None = None,
            environment: Mapping[str, str] | None = None,
            commands: Sequence[Sequence[str]] = (),
            **others: Any,
        ) -> Deployment:
            if database is None:
                create_database(postgres_server, name)
            settings = {"AIRFLOW_CONN_BRAZE_DEFAULT": braze_server.connection(), **(environment or {})}
            where = (LOGS / name, f"{postgres_server}/{database or name}", DAGS / dags)
            airflow = Deployment(line, *where, settings, **others)
            stack.callback(_check_key_is_in_no_file, airflow, braze_server)
            stack.callback(airflow.stop)
            timed(f"{name}: airflow db migrate", airflow.migrate)
            for command in commands:
                airflow.run(*command)
            for process in processes or line.processes:
                airflow.start(process)
            timed(f"{name}: {', '.join(airflow.processes)}, Airflow {line.name}", airflow.wait_until_healthy)
            return airflow

        yield start


def _check_key_is_in_no_file(airflow: Deployment, braze: Braze) -> None:
    assert airflow.files_with(braze.settings().api_key) == []
