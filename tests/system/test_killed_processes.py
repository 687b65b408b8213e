"""Processes of a deployment with Celery's executor are killed during a landing, and nothing is lost."""

from __future__ import annotations

import os
from datetime import date

import pytest

from tests.system.braze import CAMPAIGNS, check_landed, days_from

RUN_SECONDS = 600
WORKERS = ("w1", "w2")
PARTS = 16
DAYS = days_from(date(2026, 11, 13), 5)
# Detect a killed process within seconds. Airflow's defaults are minutes.
IMPATIENCE = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
}


@pytest.fixture(scope="module")
def marks(tmp_path_factory):
    return tmp_path_factory.mktemp("marks")


@pytest.fixture(scope="module")
def airflow(start_airflow, redis_server, s3, marks):
    environment = {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CELERY__BROKER_URL": f"{redis_server}/0",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"{redis_server}/1",
        "AIRFLOW_CONN_AWS_DEFAULT": os.environ["AIRFLOW_CONN_AWS_DEFAULT"],
        "SYSTEM_TESTS_MARKS": str(marks),
        **IMPATIENCE,
    }
    airflow = start_airflow("celery", dags="parts", environment=environment)
    for name in WORKERS:
        airflow.start_worker(name)
    airflow.unpause("parts")
    return airflow


@pytest.fixture
def braze(braze):
    braze.configure(campaigns=48, latency_seconds=0.3)
    yield braze
    braze.configure(campaigns=CAMPAIGNS)


@pytest.fixture
def land(airflow, marks):
    """Return a function that lands in parts, and kills a process when a third of them have landed.

    Its arguments are the folder to land in, and a function of the name of a worker that is landing a part.
    """

    def land(folder, disturb):
        hour = len(airflow.client.runs("parts"))
        run_id = airflow.client.trigger("parts", logical_date=f"2026-11-18T{12 + hour}:00:00Z", conf={"folder": folder})
        disturb(airflow.wait("a worker is landing", lambda: busy_worker(run_id, marks / folder), RUN_SECONDS))
        airflow.wait_for_run("parts", run_id, RUN_SECONDS)
        return run_id

    def busy_worker(run_id, begun):
        ended = {each["map_index"] for each in airflow.client.tasks("parts", run_id) if each["state"] == "success"}
        started = [each.name.split("-") for each in begun.glob("*")]
        busy = (worker for worker, part, _ in started if int(part) not in ended)
        return next(busy, None) if len(ended) > PARTS / 3 else None

    return land


def test_landing_in_parts_survives_a_killed_worker(airflow, land, braze, s3):
    killed = []

    def kill(worker):
        airflow.processes[worker].kill()
        killed.append(worker)

    run_id = land("disturbed", kill)
    tasks = airflow.client.tasks("parts", run_id)
    assert len(tasks) == PARTS
    begun_twice = {each["map_index"] for each in tasks if each["try_number"] > 1}
    workers = {index: airflow.client.result("parts", run_id, "land", index)["worker"] for index in range(PARTS)}
    assert {workers[index] for index in begun_twice} == set(WORKERS) - set(killed)
    assert set(workers.values()) == set(WORKERS)
    check_landed(s3("disturbed"), braze, DAYS)

    airflow.start(*killed)
    land("undisturbed", lambda worker: None)
    assert s3("disturbed").data() == s3("undisturbed").data()


@pytest.mark.parametrize("name", ["worker", "scheduler"])
def test_landing_survives_a_restart_of_a_killed_process(name, airflow, land, braze, s3):
    def restart(worker):
        process = worker if name == "worker" else name
        airflow.processes[process].kill()
        airflow.start(process)

    land(name, restart)
    check_landed(s3(name), braze, DAYS)
