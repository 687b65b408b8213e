"""Every kind of run of Airflow 2.11 lands its days, with the figures of Braze."""

from __future__ import annotations

from datetime import date

import pytest

from tests.stores import Destination
from tests.system.braze import check_landed, day_before, days_from, records
from tests.system.deployment import OLDER

RUN_SECONDS = 600


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return tmp_path_factory.mktemp("lake")


@pytest.fixture(scope="module")
def airflow(start_airflow, lake):
    airflow = start_airflow("older", line=OLDER, dags="kinds_of_runs", environment={"AIRFLOW_VAR_LAKE": str(lake)})
    airflow.unpause("daily", "weekly", "by_hand", "by_asset")
    return airflow


@pytest.fixture
def landed(lake):
    return lambda dag_id: Destination(f"file://{lake}/{dag_id}", None)


def test_daily_dag_lands_the_days_of_its_intervals_and_its_lookback(airflow, braze, landed):
    airflow.wait_for_runs("daily", 3, RUN_SECONDS)
    check_landed(landed("daily"), braze, days_from(date(2026, 10, 31), 4))
    assert {each["plan"]["rule"] for each in records(landed("daily"))} == {"interval"}


def test_cleared_run_lands_the_same_window_and_writes_no_object(airflow, landed):
    *_, last = airflow.wait_for_runs("daily", 3, RUN_SECONDS)
    before = landed("daily").data()
    (*_, first_record) = records(landed("daily"))
    airflow.client.clear("daily", last["dag_run_id"])
    airflow.wait_for_runs("daily", 3, RUN_SECONDS)
    (*_, record) = records(landed("daily"))
    assert record["run"] == {**first_record["run"], "try_number": first_record["run"]["try_number"] + 1}
    assert record["plan"]["window"] == first_record["plan"]["window"]
    assert landed("daily").data() == before


def test_weekly_dag_lands_seven_days_a_run(airflow, braze, landed):
    airflow.wait_for_runs("weekly", 2, RUN_SECONDS)
    check_landed(landed("weekly"), braze, days_from(date(2026, 11, 1), 14))


def test_backfill_of_ten_days_lands_each_once_without_lookback(airflow, braze, landed):
    # On this line the command itself runs the backfill.
    airflow.run("dags", "backfill", "--start-date", "2026-10-25", "--end-date", "2026-11-04", "backfilled")
    runs = airflow.wait_for_runs("backfilled", 10, RUN_SECONDS)
    assert {run["run_type"] for run in runs} == {"backfill"}
    check_landed(landed("backfilled"), braze, days_from(date(2026, 10, 25), 10))
    assert [each["plan"]["days"] for each in records(landed("backfilled"))] == [1] * 10


def test_manual_runs_land_the_last_ended_day(airflow, braze, landed):
    airflow.client.trigger("by_hand", logical_date="2026-11-13T13:37:00Z")
    airflow.client.trigger("by_hand")
    *_, undated = airflow.wait_for_runs("by_hand", 2, RUN_SECONDS)
    check_landed(landed("by_hand"), braze, [date(2026, 11, 12), day_before(undated["logical_date"])])


def test_dataset_triggered_run_lands_the_last_ended_day(airflow, braze, landed):
    airflow.client.call("POST", "/datasets/events", {"dataset_uri": "x-test://upstream"})
    (run,) = airflow.wait_for_runs("by_asset", 1, RUN_SECONDS)
    assert run["run_type"] == "dataset_triggered"
    check_landed(landed("by_asset"), braze, [day_before(run["logical_date"])])
