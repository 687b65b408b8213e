"""Processes of a deployment with Celery's executor are killed in the middle of a landing, which is whole all the same."""

from __future__ import annotations

import os
from datetime import date

import pytest

from airflow_provider_braze.sandbox import data
from tests.system.braze import CAMPAIGNS, check_landed, days_from

RUN_SECONDS = 600
WORKERS = ("w1", "w2")
PARTS = 16
DAYS = days_from(date(2026, 11, 13), 5)
# That a process is gone shall be seen within seconds, where Airflow's defaults are minutes.
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


def test_killed_worker_costs_nothing_of_a_landing_in_parts(airflow, braze, s3, marks):
    run_id = airflow.client.trigger("parts", logical_date="2026-11-18T12:00:00Z", conf={"folder": "disturbed"})

    def victim():
        ended = {each["map_index"] for each in airflow.client.tasks("parts", run_id) if each["state"] == "success"}
        begun = [each.name.split("-") for each in (marks / "disturbed").glob("*")]
        if len(ended) < PARTS / 3:
            return None
        return next((worker for worker, part, _ in begun if int(part) not in ended), None)

    killed = airflow.wait("a third is landed, and a worker is landing more", victim, RUN_SECONDS)
    airflow.processes[killed].kill()
    airflow.wait_for_runs("parts", 1, RUN_SECONDS)

    tasks = airflow.client.tasks("parts", run_id)
    assert len(tasks) == PARTS
    begun_twice = {each["map_index"] for each in tasks if each["try_number"] > 1}
    assert begun_twice
    workers = {index: airflow.client.result("parts", run_id, "land", index)["worker"] for index in range(PARTS)}
    assert set(workers.values()) == set(WORKERS)
    assert {workers[index] for index in begun_twice} == set(WORKERS) - {killed}
    check_landed(s3("disturbed"), braze, DAYS)

    airflow.start(killed)
    airflow.client.trigger("parts", logical_date="2026-11-18T13:00:00Z", conf={"folder": "undisturbed"})
    airflow.wait_for_runs("parts", 2, RUN_SECONDS)
    assert s3("disturbed").data() == s3("undisturbed").data()
