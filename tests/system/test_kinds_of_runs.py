"""Every kind of Airflow run lands its days, with the figures of Braze.

The company and the schedules use New York time, whose clocks change on 2026-11-01.
"""

from __future__ import annotations

import os
from datetime import date

import pytest

from tests.stores import Destination
from tests.system.braze import check_landed, day_before, days_from, records

RUN_SECONDS = 600
SCHEDULED = ("daily", "daily_s3", "weekly", "partitioned")
OTHERS = ("backfilled", "by_hand", "by_asset")


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return tmp_path_factory.mktemp("lake")


@pytest.fixture(scope="module")
def airflow(start_airflow, s3, lake):
    environment = {"AIRFLOW_VAR_LAKE": str(lake), "AIRFLOW_CONN_AWS_DEFAULT": os.environ["AIRFLOW_CONN_AWS_DEFAULT"]}
    airflow = start_airflow("local", dags="kinds_of_runs", environment=environment)
    airflow.unpause(*SCHEDULED, *OTHERS)
    return airflow


@pytest.fixture
def landed(lake):
    return lambda dag_id: Destination(f"file://{lake}/{dag_id}", None)


def test_daily_dag_lands_the_days_before_its_ticks_and_its_lookback(airflow, braze, landed):
    airflow.wait_for_runs("daily", 3, RUN_SECONDS)
    check_landed(landed("daily"), braze, days_from(date(2026, 10, 30), 4))
    assert [each["plan"]["window"] for each in records(landed("daily"))] == [
        {"start": "2026-10-30", "end": "2026-11-01"},
        {"start": "2026-10-31", "end": "2026-11-02"},
        {"start": "2026-11-01", "end": "2026-11-03"},
    ]


def test_cleared_run_lands_the_same_window_and_writes_no_object(airflow, landed):
    *_, last = airflow.wait_for_runs("daily", 3, RUN_SECONDS)
    before = landed("daily").data()
    (*_, first_record) = records(landed("daily"))
    run_id = last["dag_run_id"]
    airflow.client.clear("daily", run_id)
    airflow.wait_for_runs("daily", 3, RUN_SECONDS)
    (*_, record) = records(landed("daily"))
    assert record["run"] == {**first_record["run"], "try_number": first_record["run"]["try_number"] + 1}
    assert record["plan"]["window"] == first_record["plan"]["window"]
    assert {table["written"] for table in record["tables"].values()} == {0}
    assert landed("daily").data() == before


def test_daily_dag_lands_on_s3(airflow, braze, s3):
    airflow.wait_for_runs("daily_s3", 2, RUN_SECONDS)
    check_landed(s3("daily_s3"), braze, days_from(date(2026, 10, 31), 2))


def test_weekly_dag_lands_seven_days_a_run(airflow, braze, landed):
    airflow.wait_for_runs("weekly", 2, RUN_SECONDS)
    check_landed(landed("weekly"), braze, days_from(date(2026, 10, 25), 14))
    assert [each["plan"]["days"] for each in records(landed("weekly"))] == [7, 7]


def test_partitioned_dag_lands_the_days_of_its_partitions(airflow, braze, landed):
    runs = airflow.wait_for_runs("partitioned", 3, RUN_SECONDS)
    check_landed(landed("partitioned"), braze, days_from(date(2026, 10, 31), 3))
    assert [run["partition_key"] for run in runs] == [f"2026-{day}T00:00:00" for day in ("10-31", "11-01", "11-02")]
    assert {each["plan"]["rule"] for each in records(landed("partitioned"))} == {"partition"}


def test_backfill_of_ten_days_lands_each_once_without_lookback(airflow, braze, landed):
    dates = ["--from-date", "2026-10-25", "--to-date", "2026-11-04"]
    airflow.run("backfill", "create", "--dag-id", "backfilled", *dates, "--max-active-runs", "2")
    runs = airflow.wait_for_runs("backfilled", 10, RUN_SECONDS)
    assert {run["run_type"] for run in runs} == {"backfill"}
    check_landed(landed("backfilled"), braze, days_from(date(2026, 10, 24), 10))
    assert [each["plan"]["days"] for each in records(landed("backfilled"))] == [1] * 10


def test_manual_runs_land_the_last_ended_day(airflow, braze, landed):
    dated = airflow.client.trigger("by_hand", logical_date="2026-11-13T13:37:00Z")
    undated = airflow.client.trigger("by_hand", logical_date=None)
    runs = {run["dag_run_id"]: run for run in airflow.wait_for_runs("by_hand", 2, RUN_SECONDS)}
    yesterday = day_before(runs[undated]["run_after"])
    check_landed(landed("by_hand"), braze, [date(2026, 11, 12), yesterday])
    rules = {each["run"]["run_id"]: each["plan"]["rule"] for each in records(landed("by_hand"))}
    assert rules == {dated: "logical_date", undated: "run_after"}


def test_asset_triggered_run_lands_the_last_ended_day(airflow, braze, landed):
    (asset,) = [each for each in airflow.client.call("GET", "/assets")["assets"] if each["uri"] == "x-test://upstream"]
    airflow.client.call("POST", "/assets/events", {"asset_id": asset["id"]})
    (run,) = airflow.wait_for_runs("by_asset", 1, RUN_SECONDS)
    assert run["run_type"] == "asset_triggered"
    check_landed(landed("by_asset"), braze, [day_before(run["run_after"])])
