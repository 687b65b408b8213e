"""Sensors wait in a real triggerer: without a request until the day is ready, many at once, and across its restart."""

from __future__ import annotations

import re
import time
from datetime import date

import pytest

from airflow_provider_braze.sandbox import data
from tests.stores import Destination
from tests.system.braze import check_landed
from tests.system.deployment import NEWEST, OLDER

RUN_SECONDS = 600
DAY = "2026-11-18"
CROWD, SENSORS_A_RUN = 500, 10
# Airflow reports 0.2 s. While hundreds start or send requests at once, and all of Airflow shares the machine, its
# garbage collector takes as long, and longer on a busy machine.
BLOCKED_SECONDS = 4
BLOCKED = re.compile(r"was blocked for ([\d.]+) seconds")


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return tmp_path_factory.mktemp("lake")


@pytest.fixture(scope="module")
def ready_at(tmp_path_factory):
    """Return the file with the time from which the Dags may request the day."""
    path = tmp_path_factory.mktemp("ready") / "at"
    path.write_text("0")
    return path


@pytest.fixture(scope="module", params=[NEWEST, OLDER], ids=lambda line: line.name)
def airflow(start_airflow, braze_server, lake, ready_at, request):
    environment = {
        "AIRFLOW_VAR_LAKE": str(lake),
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
        "SYSTEM_TESTS_READY_AT": str(ready_at),
        "SYSTEM_TESTS_CAMPAIGN": data.campaign_ids(braze_server.settings())[0],
    }
    airflow = start_airflow(
        f"deferral_{request.param.name}", line=request.param, dags="deferral", environment=environment
    )
    airflow.unpause("waiting", "waiting_crowd", "checking_crowd")
    yield airflow
    airflow.stop()


@pytest.fixture
def braze(braze):
    """Return a sandbox that does not have the day yet."""
    braze.configure(faults={"missing_days": {"*": [DAY]}})
    return braze


def test_deferred_sensor_sends_no_request_until_the_day_is_ready_then_checks_until_available(
    airflow, braze, lake, ready_at
):
    ready = time.time() + 45
    ready_at.write_text(str(ready))
    folder = f"{airflow.line.name}_waited"
    run_id = airflow.client.trigger("waiting", conf={"folder": folder})
    airflow.wait("the sensor is deferred", lambda: states(airflow, run_id)["wait"] == "deferred", RUN_SECONDS)
    airflow.wait("the day is requested", braze.count, RUN_SECONDS)
    assert time.time() >= ready
    assert states(airflow, run_id) == {"wait": "deferred", "land": None}
    braze.configure(faults=None)
    airflow.wait_for_run("waiting", run_id, RUN_SECONDS)
    check_landed(Destination(f"file://{lake}/{folder}", None), braze, [date.fromisoformat(DAY)])


def test_wait_survives_a_restart_of_a_killed_triggerer(airflow, braze, lake, ready_at):
    ready_at.write_text("0")
    folder = f"{airflow.line.name}_killed"
    run_id = airflow.client.trigger("waiting", conf={"folder": folder})
    airflow.wait("the sensor is deferred", lambda: states(airflow, run_id)["wait"] == "deferred", RUN_SECONDS)
    airflow.processes["triggerer"].kill()
    braze.reset_requests()
    airflow.start("triggerer")
    airflow.wait("the day is requested again", braze.count, RUN_SECONDS)
    braze.configure(faults=None)
    airflow.wait_for_run("waiting", run_id, RUN_SECONDS)
    check_landed(Destination(f"file://{lake}/{folder}", None), braze, [date.fromisoformat(DAY)])


def test_hundreds_of_waiting_sensors_send_no_request_and_do_not_block_the_triggerer(airflow, braze):
    log = airflow.processes["triggerer"].log

    def reports_all(since):
        counts = re.findall(r"(\d+) triggers currently running", log.read_text()[since:])
        return any(int(each) >= CROWD for each in counts)

    start_crowd(airflow, "waiting_crowd")
    airflow.wait("the triggerer reports that it runs all of them", lambda: reports_all(0), RUN_SECONDS)
    since = len(log.read_text())
    braze.reset_requests()
    airflow.wait("the triggerer reports it again, a minute later", lambda: reports_all(since), RUN_SECONDS)
    assert BLOCKED.findall(log.read_text()[since:]) == []
    assert braze.count() == 0


def test_hundreds_of_checking_sensors_do_not_block_the_triggerer(airflow, braze):
    # A request that is not awaited would block it for this long.
    braze.configure(latency_seconds=2 * BLOCKED_SECONDS)
    are_deferred = start_crowd(airflow, "checking_crowd")
    braze.reset_requests()
    airflow.wait("the sensors send two requests each", lambda: braze.count() > 2 * CROWD, RUN_SECONDS)
    assert are_deferred()
    log = airflow.processes["triggerer"].log.read_text()
    assert [each for each in BLOCKED.findall(log) if float(each) > BLOCKED_SECONDS] == []


def start_crowd(airflow, dag_id):
    """Start all sensors, wait until they are deferred, and return a function that checks whether they still are."""
    runs = [airflow.client.trigger(dag_id) for _ in range(CROWD // SENSORS_A_RUN)]

    def are_deferred():
        return all(airflow.client.count_tasks(dag_id, run, "deferred") == SENSORS_A_RUN for run in runs)

    airflow.wait(f"all sensors of {dag_id} are deferred", are_deferred, RUN_SECONDS)
    return are_deferred


def states(airflow, run_id):
    return {each["task_id"]: each["state"] for each in airflow.client.tasks("waiting", run_id)}
