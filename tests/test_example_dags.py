from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pendulum
import pyarrow.parquet as pq
import pytest

from airflow_provider_braze.sandbox import Sandbox
from airflow_provider_braze.sandbox.campaigns import all_campaigns
from airflow_provider_braze.sandbox.data import campaign_ids, day_object

# The first run of a process costs seconds, and the database is the process's own.
pytestmark = pytest.mark.xdist_group("airflow_database")

EXAMPLES = Path(__file__).resolve().parent.parent / "example_dags"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))
ZONE = "America/New_York"

RunDag = Callable[..., Any]


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    home = Path(os.environ["AIRFLOW_HOME"])
    # Airflow runs only Dags that lie in its own folder of Dags.
    (home / "dags").symlink_to(EXAMPLES)
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True, timeout=120)
    return home


@pytest.fixture(scope="session")
def dags(airflow_home: Path) -> dict[str, Any]:
    return load_dags(airflow_home / "dags")


@pytest.fixture
def run_dag(dags: dict[str, Any]) -> RunDag:
    def run(dag_id: str, logical_date: datetime | None, conf: dict[str, Any] | None = None) -> Any:
        dag = dags[dag_id]
        for task in dag.tasks:
            # A failure shall fail the test at once, not after the retries.
            task.retries = 0
        done = dag.test(logical_date=logical_date, run_conf=conf)
        assert done.state == "success"
        return done

    return run


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW_VAR_BRAZE_DESTINATION", f"file://{tmp_path}/lake")
    return tmp_path / "lake"


@pytest.fixture
def braze(braze_sandbox_factory: Callable[..., Sandbox]) -> Sandbox:
    return braze_sandbox_factory(timezone=ZONE, campaigns=6)


def load_dags(folder: Path) -> dict[str, Any]:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(folder))
    assert bag.import_errors == {}
    assert not getattr(bag, "captured_warnings", None)
    return dict(bag.dags)


def morning(day: int, hour: int = 6) -> datetime:
    return pendulum.datetime(2026, 11, day, hour, tz=ZONE)


def landed(lake: Path, day: date) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(lake / f"campaign_days/dt={day}/part-00-of-01.parquet").to_pylist()
    return rows


def landed_days(lake: Path) -> list[date]:
    return sorted(date.fromisoformat(path.name.removeprefix("dt=")) for path in (lake / "campaign_days").iterdir())


def days_between(start: date, end: date) -> list[date]:
    return [start + timedelta(days=i) for i in range((end - start).days)]


def expected(braze: Sandbox, day: date) -> dict[str, tuple[int, int | None]]:
    days = {each: day_object(braze.settings, each, day) for each in campaign_ids(braze.settings)}
    return {each: (told["unique_recipients"], told.get("conversions_by_send_time")) for each, told in days.items()}


def figures(rows: list[dict[str, Any]]) -> dict[str, tuple[int, int | None]]:
    return {row["campaign_id"]: (row["unique_recipients"], row["conversions_by_send_time"]) for row in rows}


def manifest_of(run: Any, task_id: str) -> dict[str, Any]:
    summary = run.get_task_instance(task_id).xcom_pull(task_ids=task_id)
    content: dict[str, Any] = json.loads(Path(summary["manifest"].removeprefix("file://")).read_text())
    return content


def test_examples_load_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="example_braze|airflow_provider_braze|unusual_prefix_")
        assert sorted(load_dags(EXAMPLES)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_example_tells_what_why_and_what_it_needs(name: str) -> None:
    text = load_dags(EXAMPLES)[name].doc_md
    assert all(f"\n{word}" in text for word in ("What: ", "Why", "Needs: "))


@pytest.mark.parametrize("name", NAMES)
def test_example_retries_its_tasks(name: str) -> None:
    assert load_dags(EXAMPLES)[name].default_args["retries"] >= 2


def test_daily_lands_the_day_before_in_the_companys_zone(braze: Sandbox, lake: Path, run_dag: RunDag) -> None:
    braze.configure(as_of="2026-11-10T11:00:00Z")
    run_dag("example_braze_daily", morning(10))
    assert landed_days(lake) == days_between(date(2026, 10, 10), date(2026, 11, 10))
    assert figures(landed(lake, date(2026, 11, 9))) == expected(braze, date(2026, 11, 9))


def test_daily_restates_the_day_that_it_landed_before(braze: Sandbox, lake: Path, run_dag: RunDag) -> None:
    day = date(2026, 11, 9)
    braze.configure(as_of="2026-11-10T11:00:00Z")
    run_dag("example_braze_daily", morning(10))
    first = figures(landed(lake, day))
    braze.configure(as_of="2026-11-11T11:00:00Z")
    run_dag("example_braze_daily", morning(11))
    assert figures(landed(lake, day)) == expected(braze, day) != first
    assert landed_days(lake)[-1] == date(2026, 11, 10)


def test_daily_run_again_changes_nothing(braze: Sandbox, lake: Path, run_dag: RunDag) -> None:
    braze.configure(as_of="2026-11-10T11:00:00Z")
    first = manifest_of(run_dag("example_braze_daily", morning(10)), "land_campaigns")
    again = manifest_of(run_dag("example_braze_daily", morning(10)), "land_campaigns")
    assert (len(first["changed_days"]), again["changed_days"]) == (31, [])


def test_history_lands_a_year_beside_what_daily_landed(braze: Sandbox, lake: Path, run_dag: RunDag) -> None:
    braze.configure(as_of="2026-11-10T11:00:00Z", campaigns=3)
    run_dag("example_braze_daily", morning(10))
    run = run_dag("example_braze_history", None, {"start": "2025-11-01", "end": "2026-11-01"})
    manifest = manifest_of(run, "land_history")
    assert landed_days(lake) == days_between(date(2025, 11, 1), date(2026, 11, 10))
    # Those of October had landed, and Braze says the same of them.
    assert manifest["changed_days"][-1] == "2026-10-09"
    assert manifest["plan"]["calls"] == 3 * 4
    assert figures(landed(lake, date(2025, 11, 1))) == expected(braze, date(2025, 11, 1))


def test_xcom_sums_the_conversions_of_each_campaign_with_the_tag(braze: Sandbox, lake: Path, run_dag: RunDag) -> None:
    braze.configure(as_of="2026-11-10T12:00:00Z", campaigns=45)
    run = run_dag("example_braze_xcom", morning(10, 7))
    summed = run.get_task_instance("sum_conversions").xcom_pull(task_ids="sum_conversions")
    tagged = [each for each in all_campaigns(0, 45).values() if "newsletter" in each.blueprint.tags]
    day = date(2026, 11, 9)
    assert len(summed) == 3
    assert summed == {each.id: day_object(braze.settings, each.id, day)["conversions"] for each in tagged}


def test_xcom_takes_the_tag_from_its_parameter(braze: Sandbox, run_dag: RunDag) -> None:
    braze.configure(as_of="2026-11-10T12:00:00Z", campaigns=45)
    run = run_dag("example_braze_xcom", morning(11, 7), {"tag": "transactional"})
    assert len(run.get_task_instance("sum_conversions").xcom_pull(task_ids="sum_conversions")) == 2
