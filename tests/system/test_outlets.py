"""A real scheduler starts what is scheduled on an outlet, and hands it the days that changed."""

from __future__ import annotations

import pytest

from tests.system.deployment import FIRST_OF_3, NEWEST, OLDER

RUN_SECONDS = 600
DAYS = ["2026-11-01", "2026-11-02", "2026-11-03"]


@pytest.fixture(scope="module", params=[NEWEST, FIRST_OF_3, OLDER], ids=lambda line: line.name)
def airflow(start_airflow, tmp_path_factory, request):
    environment = {"AIRFLOW_VAR_LAKE": str(tmp_path_factory.mktemp("lake"))}
    name = f"outlets_{request.param.name}"
    airflow = start_airflow(name, line=request.param, dags="outlets", environment=environment)
    yield airflow
    airflow.stop()


def land(airflow, dag_id):
    airflow.wait_for_run(dag_id, airflow.client.trigger(dag_id), RUN_SECONDS)


def told(airflow, dag_id, count):
    """What the runs of a Dag were told, when there are so many; oldest first."""
    runs = airflow.wait_for_runs(dag_id, count, RUN_SECONDS)
    return [airflow.client.result(dag_id, run["dag_run_id"], "tell") for run in runs]


def test_dag_that_is_scheduled_on_an_outlet_is_told_the_days_that_changed_or_that_none_did(airflow, braze):
    airflow.unpause("landing", "following")
    land(airflow, "landing")
    assert told(airflow, "following", 1) == [" ".join(DAYS)]
    land(airflow, "landing")
    assert told(airflow, "following", 2) == [" ".join(DAYS), ""]


@pytest.mark.parametrize("airflow", [NEWEST], ids=[NEWEST.name], indirect=True)
def test_partitioned_dag_starts_a_run_a_changed_day_and_no_dag_that_is_scheduled_on_the_whole_asset(airflow, braze):
    airflow.unpause("landing_partitions", "following_partitions", "following_without_partitions")
    land(airflow, "landing_partitions")
    assert sorted(told(airflow, "following_partitions", len(DAYS))) == DAYS
    assert airflow.client.runs("following_without_partitions") == []
    # An event of no changed day has no partition here, and so starts the other one.
    land(airflow, "landing_partitions")
    airflow.wait_for_runs("following_without_partitions", 1, RUN_SECONDS)
    assert len(airflow.client.runs("following_partitions")) == len(DAYS)
