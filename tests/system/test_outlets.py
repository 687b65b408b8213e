"""A real scheduler starts Dags that are scheduled on an outlet, and passes them the changed days."""

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


def reported_days(airflow, dag_id, count):
    """Wait for a number of runs of a Dag, and return their reported days, oldest first."""
    runs = airflow.wait_for_runs(dag_id, count, RUN_SECONDS)
    return [airflow.client.result(dag_id, run["dag_run_id"], "report") for run in runs]


def test_dag_scheduled_on_an_outlet_receives_the_changed_days_or_none(airflow, braze):
    airflow.unpause("landing", "following")
    land(airflow, "landing")
    assert reported_days(airflow, "following", 1) == [" ".join(DAYS)]
    land(airflow, "landing")
    assert reported_days(airflow, "following", 2) == [" ".join(DAYS), ""]


@pytest.mark.parametrize("airflow", [NEWEST], ids=[NEWEST.name], indirect=True)
def test_partitioned_outlet_starts_one_run_per_changed_day_and_no_dag_of_the_whole_asset(airflow, braze):
    airflow.unpause("landing_partitions", "following_partitions", "following_without_partitions")
    land(airflow, "landing_partitions")
    assert sorted(reported_days(airflow, "following_partitions", len(DAYS))) == DAYS
    assert airflow.client.runs("following_without_partitions") == []
    # An event without changed days has no partition, and so starts the other Dag.
    land(airflow, "landing_partitions")
    airflow.wait_for_runs("following_without_partitions", 1, RUN_SECONDS)
    assert len(airflow.client.runs("following_partitions")) == len(DAYS)
