"""A daily Dag lands the same days after an upgrade from Airflow 2.11 to 3.3, although the lines use other run dates."""

from __future__ import annotations

from datetime import date

import pytest

from tests.stores import Destination
from tests.system.braze import check_landed, days_from, records
from tests.system.deployment import OLDER

RUN_SECONDS = 600


@pytest.fixture(scope="module")
def run_daily(start_airflow):
    """Return a function that runs the Dag a number of times, stops Airflow, and returns the window of each tick.

    :param lake: folder to land in.
    :param last_day: the Dag's end date.
    """

    def run(name, lake, count, *, last_day, lookback=0, **options):
        environment = {
            "SYSTEM_TESTS_LAKE": str(lake),
            "SYSTEM_TESTS_LAST_DAY": last_day,
            "SYSTEM_TESTS_LOOKBACK": str(lookback),
        }
        airflow = start_airflow(name, dags="upgrade", environment=environment, **options)
        airflow.unpause("upgrade")
        runs = airflow.wait_for_runs("upgrade", count, RUN_SECONDS)
        airflow.stop()
        windows = {each["run"]["run_id"]: each["plan"]["window"] for each in records(landed(lake))}
        return {tick_of(each): windows[each["dag_run_id"]] for each in runs}

    return run


def landed(lake):
    return Destination(f"file://{lake}", None)


def tick_of(run):
    # 2.11 names a run by the start of the interval that ends at the tick.
    return (run.get("run_after") or run["data_interval_end"]).replace("+00:00", "Z")


def test_both_lines_land_the_same_days_at_the_same_ticks(run_daily, braze, tmp_path):
    older = run_daily("beside_2_11", tmp_path / "older", 4, line=OLDER, last_day="2026-11-04", lookback=2)
    newer = run_daily("beside_3_3", tmp_path / "newer", 4, last_day="2026-11-04", lookback=2)
    ticks = sorted(older.keys() & newer.keys())
    assert ticks == ["2026-11-02T05:00:00Z", "2026-11-03T05:00:00Z", "2026-11-04T05:00:00Z"]
    assert [older[tick] for tick in ticks] == [newer[tick] for tick in ticks]
    # The lines differ in the first and the last tick of a Dag with these dates, so there is one more day on each side.
    check_landed(landed(tmp_path / "older"), braze, days_from(date(2026, 10, 30), 6))
    check_landed(landed(tmp_path / "newer"), braze, days_from(date(2026, 10, 29), 6))


def test_upgraded_deployment_lands_each_day_exactly_once(run_daily, braze, tmp_path):
    before = run_daily("upgraded_2_11", tmp_path, 3, line=OLDER, last_day="2026-11-03")
    check_landed(landed(tmp_path), braze, days_from(date(2026, 11, 1), 3))
    after = run_daily("upgraded_3_3", tmp_path, 5, last_day="2026-11-06", database="upgraded_2_11")
    check_landed(landed(tmp_path), braze, days_from(date(2026, 11, 1), 5))
    assert before.items() <= after.items()
    starts = [window["start"] for window in after.values()]
    assert starts == [day.isoformat() for day in days_from(date(2026, 11, 1), 5)]
    assert all(len(record["changed_days"]) == 1 for record in records(landed(tmp_path)))
