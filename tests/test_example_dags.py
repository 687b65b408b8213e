from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pendulum
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from packaging.version import Version

from airflow_provider_braze.sandbox import Sandbox
from airflow_provider_braze.sandbox.campaigns import all_campaigns
from airflow_provider_braze.sandbox.data import campaign_ids, canvas_ids, day_object, segment_ids, segment_size
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from tests import lines
from tests.docs.pages import DOCS, blocks
from tests.stores import Destination

# The first run of a process costs seconds, and the database is the process's own.
pytestmark = [pytest.mark.xdist_group("airflow_database"), pytest.mark.unmeasured]

EXAMPLES = Path(__file__).resolve().parent.parent / "example_dags"
PARTITIONS = "example_braze_partitions"
since_partitions = pytest.mark.since_airflow("3.2")
FILES = [path.stem for path in EXAMPLES.glob("*.py") if path.stem != PARTITIONS or Version("3.2") <= lines.AIRFLOW]
NAMES = sorted([*FILES, "example_braze_changed_days_reprocess"])
EACH = [*(name for name in NAMES if name != PARTITIONS), pytest.param(PARTITIONS, marks=since_partitions)]
ZONE = "America/New_York"

LANDING = "CampaignDataSeriesToObjectStorageOperator"

# On 3.0 dag.test() cannot run a task with an outlet.
needs_outlets = pytest.mark.since_airflow("3.1", also="2.11")

RunDag = Callable[..., Any]


@pytest.fixture(scope="session")
def airflow_home(make_database: Callable[[Path], None]) -> Path:
    home = Path(os.environ["AIRFLOW_HOME"])
    # Airflow runs only Dags of its own folder of Dags.
    (home / "dags").mkdir()
    for name in FILES:
        (home / "dags" / f"{name}.py").symlink_to(EXAMPLES / f"{name}.py")
    make_database(home)
    return home


@pytest.fixture(scope="session")
def dags(airflow_home: Path) -> dict[str, Any]:
    return load_dags(airflow_home / "dags")


@pytest.fixture
def run_dag(dags: dict[str, Any]) -> RunDag:
    def run(dag_id: str, logical_date: datetime | None, conf: dict[str, Any] | None = None, **others: Any) -> Any:
        dag = dags[dag_id]
        for task in dag.tasks:
            # A failure has to fail the test at once, not after the retries.
            if hasattr(task, "partial_kwargs"):
                task.partial_kwargs["retries"] = 0
            else:
                task.retries = 0
        done = lines.dag_test(dag, logical_date, run_conf=conf, **others)
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
    return lines.load_dags(folder / f"{name}.py" for name in FILES)


def morning(day: int, hour: int = 6) -> datetime:
    return pendulum.datetime(2026, 11, day, hour, tz=ZONE)


def landed(lake: Path, day: date) -> list[dict[str, Any]]:
    files = sorted((lake / f"campaign_days/dt={day}").iterdir())
    rows: list[dict[str, Any]] = pa.concat_tables(map(pq.read_table, files)).to_pylist()
    return rows


def landed_days(lake: Path) -> list[date]:
    return sorted(date.fromisoformat(path.name.removeprefix("dt=")) for path in (lake / "campaign_days").iterdir())


def days_between(start: date, end: date) -> list[date]:
    return [start + timedelta(days=i) for i in range((end - start).days)]


def expected(braze: Sandbox, day: date) -> dict[str, tuple[int, int | None]]:
    days = {each: day_object(braze.settings, each, day) for each in campaign_ids(braze.settings)}
    return {each: (day["unique_recipients"], day.get("conversions_by_send_time")) for each, day in days.items()}


def figures(rows: list[dict[str, Any]]) -> dict[str, tuple[int, int | None]]:
    return {row["campaign_id"]: (row["unique_recipients"], row["conversions_by_send_time"]) for row in rows}


def record_of(run: Any, task_id: str) -> dict[str, Any]:
    summary = run.get_task_instance(task_id).xcom_pull(task_ids=task_id)
    content: dict[str, Any] = json.loads(Path(summary["record"].removeprefix("file://")).read_text())
    return content


def test_examples_load_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="example_braze|airflow_provider_braze|unusual_prefix_")
        assert sorted(load_dags(EXAMPLES)) == NAMES


@pytest.mark.parametrize("name", EACH)
def test_example_describes_purpose_reason_and_needs(name: str) -> None:
    text = load_dags(EXAMPLES)[name].doc_md
    assert all(f"\n{word}" in text for word in ("What: ", "Why", "Needs: "))


def test_examples_that_land_limit_active_runs_to_one() -> None:
    landing = [dag for dag in load_dags(EXAMPLES).values() if any(task.task_type == LANDING for task in dag.tasks)]
    assert len(landing) >= 4
    assert {dag.max_active_runs for dag in landing} == {1}


@pytest.mark.parametrize("name", EACH)
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


def test_daily_rerun_changes_nothing(braze: Sandbox, lake: Path, run_dag: RunDag) -> None:
    braze.configure(as_of="2026-11-10T11:00:00Z")
    first = record_of(run_dag("example_braze_daily", morning(10)), "land_campaigns")
    again = record_of(run_dag("example_braze_daily", morning(10)), "land_campaigns")
    assert (len(first["changed_days"]), again["changed_days"]) == (31, [])


def test_history_lands_a_year_next_to_the_days_of_daily(braze: Sandbox, lake: Path, run_dag: RunDag) -> None:
    braze.configure(as_of="2026-11-10T11:00:00Z", campaigns=3)
    run_dag("example_braze_daily", morning(10))
    run = run_dag("example_braze_history", None, {"start": "2025-11-01", "end": "2026-11-01"})
    record = record_of(run, "land_history")
    assert landed_days(lake) == days_between(date(2025, 11, 1), date(2026, 11, 10))
    # The days of October had landed, and Braze returns the same values.
    assert record["changed_days"][-1] == "2026-10-09"
    assert record["plan"]["calls"] == 3 * 4
    assert figures(landed(lake, date(2025, 11, 1))) == expected(braze, date(2025, 11, 1))


def find_changed_days(dags: dict[str, Any], *runs: Any) -> list[str]:
    events = [event for run in runs for event in lines.outlet_events(run)]
    task = dags["example_braze_changed_days_reprocess"].get_task("find_changed_days")
    found: list[str] = task.python_callable(**lines.triggered_by(events))
    return found


@needs_outlets
def test_changed_days_are_found_in_the_events_of_all_runs(
    braze: Sandbox, lake: Path, run_dag: RunDag, dags: dict[str, Any]
) -> None:
    braze.configure(as_of="2026-11-10T11:00:00Z")
    first = run_dag("example_braze_changed_days", morning(10))
    braze.configure(as_of="2026-11-11T11:00:00Z")
    second = run_dag("example_braze_changed_days", morning(11))
    changed = record_of(second, "land_campaigns")["changed_days"]
    assert find_changed_days(dags, second) == changed
    assert find_changed_days(dags, first, second) == [
        f"{d}" for d in days_between(date(2026, 10, 10), date(2026, 11, 11))
    ]


@needs_outlets
def test_run_that_changed_nothing_has_no_changed_days(
    braze: Sandbox, lake: Path, run_dag: RunDag, dags: dict[str, Any]
) -> None:
    braze.configure(as_of="2026-11-10T11:00:00Z")
    run_dag("example_braze_changed_days", morning(10))
    again = run_dag("example_braze_changed_days", morning(10))
    # Airflow sends an event for every outlet of a task that succeeds.
    (event,) = lines.outlet_events(again)
    assert event.extra["changed_days"] == []
    assert find_changed_days(dags, again) == []


def test_reprocess_without_an_event_skips_its_sums(run_dag: RunDag) -> None:
    run = run_dag("example_braze_changed_days_reprocess", None)
    states = {each.task_id: each.state for each in run.get_task_instances()}
    assert states == {"find_changed_days": "success", "sum_revenue": "skipped"}


@needs_outlets
def test_reprocess_sums_the_revenue_of_a_day(braze: Sandbox, lake: Path, run_dag: RunDag, dags: dict[str, Any]) -> None:
    braze.configure(as_of="2026-11-10T11:00:00Z")
    run_dag("example_braze_changed_days", morning(10))
    day = date(2026, 11, 9)
    summed = (
        dags["example_braze_changed_days_reprocess"].get_task("sum_revenue").python_callable(f"{day}", f"file://{lake}")
    )
    revenues = [day_object(braze.settings, each, day).get("revenue", 0) for each in campaign_ids(braze.settings)]
    assert summed == pytest.approx(sum(revenues)) != 0


def change_a_row(lake: Path, change: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> None:
    (path,) = (lake / "campaign_days/dt=2026-11-08").iterdir()
    rows = pq.read_table(path, partitioning=None)
    first, *others = rows.to_pylist()
    pq.write_table(pa.Table.from_pylist([*change(first), *others], schema=rows.schema), path)


def test_checks_pass_on_landed_days(braze: Sandbox, lake: Path, run_dag: RunDag) -> None:
    braze.configure(as_of="2026-11-10T11:00:00Z")
    run_dag("example_braze_daily", morning(10))
    run_dag("example_braze_checks", None)


# On 3.0 only a running task can read a Variable.
@pytest.mark.since_airflow("3.1", also="2.11")
@pytest.mark.parametrize(
    ("task_id", "change", "failed"),
    [
        ("check_columns", lambda row: [{**row, "conversions": -1}], "Column: conversions"),
        ("check_columns", lambda row: [{**row, "campaign_id": None}], "Column: campaign_id"),
        ("check_tables", lambda row: [row, row], "Check: one_row_per_campaign_and_day"),
        ("check_tables", lambda row: [{**row, "day": date(2026, 10, 1)}], "Check: days_without_gaps"),
        ("check_tables", lambda row: [{**row, "campaign_id": "other"}], "Check: messages_have_their_day"),
    ],
)
def test_checks_find_a_wrong_row(
    braze: Sandbox,
    lake: Path,
    run_dag: RunDag,
    dags: dict[str, Any],
    task_id: str,
    change: Callable[[dict[str, Any]], list[dict[str, Any]]],
    failed: str,
) -> None:
    braze.configure(as_of="2026-11-10T11:00:00Z")
    run_dag("example_braze_daily", morning(10))
    change_a_row(lake, change)
    with pytest.raises(Exception, match=failed):
        dags["example_braze_checks"].get_task(task_id).execute({})


@pytest.mark.stores("s3")
def test_checks_read_a_store_with_its_connection(
    braze: Sandbox, destination: Destination, run_dag: RunDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_BRAZE_DESTINATION", destination.uri)
    monkeypatch.setenv("AIRFLOW_VAR_BRAZE_OBJECT_STORAGE_CONN_ID", destination.conn_id or "")
    braze.configure(as_of="2026-11-10T11:00:00Z")
    run_dag("example_braze_daily", morning(10))
    run_dag("example_braze_checks", None)


LOAD_DAY = """
BEGIN;
DELETE FROM campaign_days WHERE day = '{{ params.day }}';
INSERT INTO campaign_days SELECT * FROM read_parquet('LAKE/campaign_days/dt={{ params.day }}/*.parquet',
hive_partitioning = false);
COMMIT;
"""
"""The pattern of ``docs/warehouses.md`` in the SQL of DuckDB."""


@needs_outlets
def test_dag_of_warehouses_loads_each_changed_day_once(
    braze: Sandbox,
    lake: Path,
    make_context: Callable[..., dict[str, Any]],
    airflow_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import duckdb
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

    class Hook(DbApiHook):
        conn_name_attr, supports_autocommit = "warehouse", True

        def get_conn(self) -> Any:
            return duckdb.connect(f"{tmp_path}/warehouse")

        def set_autocommit(self, conn: Any, autocommit: bool) -> None:
            pass

        def get_autocommit(self, conn: Any) -> bool:
            return True

    def query(sql: str) -> list[Any]:
        with duckdb.connect(f"{tmp_path}/warehouse") as connection:
            return connection.execute(sql).fetchall()

    monkeypatch.setattr(SQLExecuteQueryOperator, "get_db_hook", lambda self: Hook())
    (tmp_path / "load_day.sql").write_text(LOAD_DAY.replace("LAKE", str(lake)))
    (code,) = [block.code for block in blocks(DOCS / "warehouses.md") if block.language == "python"]
    code = code.replace("s3://lake/braze", f"file://{lake}").replace('conn_id="aws_default"', "conn_id=None")
    path = airflow_home / "dags/warehouse_of_the_page.py"
    path.write_text(lines.for_this_airflow(code.replace("/opt/airflow/sql", str(tmp_path))))
    (dag,) = lines.load_dags([path]).values()

    def land(day: int) -> dict[str, Any]:
        braze.configure(as_of=f"2026-11-{day}T11:00:00Z")
        operator = CampaignDataSeriesToObjectStorageOperator(
            task_id="land", destination=f"file://{lake}", lookback_days=2
        )
        summary: dict[str, Any] = operator.execute(make_context(run_after=morning(day)))
        return summary

    def load() -> list[str]:
        run = lines.dag_test(dag, None)
        assert run.state == "success"
        return [task.state for task in run.get_task_instances() if task.task_id == "load"]

    land(10)
    files = f"read_parquet('{lake}/campaign_days/*/*.parquet', hive_partitioning = false)"
    query(f"CREATE TABLE campaign_days AS SELECT * FROM {files} LIMIT 0")
    assert load() == ["success"] * 3
    changed = land(11)["changed_days"]
    assert load() == ["success"] * changed
    assert load() == ["skipped"]
    assert query("FROM campaign_days ORDER BY ALL") == query(f"FROM {files} ORDER BY ALL") != []


def test_xcom_sums_the_conversions_of_each_campaign_with_the_tag(braze: Sandbox, lake: Path, run_dag: RunDag) -> None:
    braze.configure(as_of="2026-11-10T12:00:00Z", campaigns=45)
    run = run_dag("example_braze_xcom", morning(10, 7))
    summed = run.get_task_instance("sum_conversions").xcom_pull(task_ids="sum_conversions")
    tagged = [each for each in all_campaigns(0, 45).values() if "newsletter" in each.blueprint.tags]
    day = date(2026, 11, 9)
    assert len(summed) == 3
    assert summed == {each.id: day_object(braze.settings, each.id, day)["conversions"] for each in tagged}


def test_xcom_uses_the_tag_of_its_parameter(braze: Sandbox, run_dag: RunDag) -> None:
    braze.configure(as_of="2026-11-10T12:00:00Z", campaigns=45)
    run = run_dag("example_braze_xcom", morning(11, 7), {"tag": "transactional"})
    assert len(run.get_task_instance("sum_conversions").xcom_pull(task_ids="sum_conversions")) == 2


@contextmanager
def partition_at(dag: Any, tick: datetime) -> Iterator[datetime]:
    """Set the partition of new runs as the timetable sets it for the run of a tick; ``dag.test()`` sets none."""
    from airflow.models.dagrun import DagRun
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction
    from sqlalchemy import event

    timetable = coerce_to_core_timetable(dag.timetable)
    restriction = TimeRestriction(earliest=tick, latest=None, catchup=True)
    info = timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)

    def set_partition(mapper: Any, connection: Any, run: Any) -> None:
        run.partition_date, run.partition_key = info.partition_date, info.partition_key

    event.listen(DagRun, "before_insert", set_partition)
    try:
        yield info.run_after
    finally:
        event.remove(DagRun, "before_insert", set_partition)


@since_partitions
def test_partitions_land_the_day_of_the_partition(
    braze: Sandbox, lake: Path, run_dag: RunDag, dags: dict[str, Any]
) -> None:
    braze.configure(as_of="2026-11-10T05:00:00Z", campaigns=3)
    with partition_at(dags[PARTITIONS], morning(10, 0)) as run_after:
        run = run_dag(PARTITIONS, None, run_after=run_after)
    plan = record_of(run, "land_partition")["plan"]
    # Airflow 3.2 writes keys in UTC, later ones in the timetable's zone.
    key = "2026-11-09T00:00:00" if Version("3.3") <= lines.AIRFLOW else "2026-11-09T05:00:00"
    assert (run.partition_key, run_after) == (key, morning(10, 0))
    assert (plan["rule"], plan["lookback_days"]) == ("partition", 30)
    assert landed_days(lake) == days_between(date(2026, 10, 10), date(2026, 11, 10))
    assert figures(landed(lake, date(2026, 11, 9))) == expected(braze, date(2026, 11, 9))


@since_partitions
def test_partitions_without_a_partition_land_the_last_ended_day(braze: Sandbox, lake: Path, run_dag: RunDag) -> None:
    braze.configure(as_of="2026-11-11T05:00:00Z", campaigns=1)
    run = run_dag(PARTITIONS, morning(11, 0))
    assert record_of(run, "land_partition")["plan"]["rule"] == "logical_date"
    assert landed_days(lake)[-1] == date(2026, 11, 10)


def test_parts_land_each_campaign_once(
    braze: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_dag: RunDag
) -> None:
    braze.configure(as_of="2026-11-10T11:00:00Z", campaigns=40)
    lake = tmp_path / "parts"
    monkeypatch.setenv("AIRFLOW_VAR_BRAZE_PARTS_DESTINATION", f"file://{lake}")
    run = run_dag("example_braze_parts", morning(10))
    rows = landed(lake, date(2026, 11, 9))
    tasks = run.get_task_instances()
    assert (len(tasks), {task.pool for task in tasks}) == (16, {"braze"})
    assert {task.rendered_map_index for task in tasks} == {f"part {part}" for part in range(16)}
    assert len(list((lake / "campaign_days/dt=2026-11-09").iterdir())) == 16
    assert len(rows) == 40
    assert figures(rows) == expected(braze, date(2026, 11, 9))
    assert pq.read_table(lake / "campaigns/campaigns.parquet").num_rows == 40


def test_workspace_lands_every_series_in_one_place(braze: Sandbox, lake: Path, run_dag: RunDag) -> None:
    braze.configure(as_of="2026-11-10T14:00:00Z")
    run_dag("example_braze_workspace", morning(10, 9))
    settings, day = braze.settings, date(2026, 11, 9)
    assert figures(landed(lake, day)) == expected(braze, day)
    counts = {
        "canvas_days": len(canvas_ids(settings)),
        "kpi_days": 5,
        "segment_days": sum(segment_size(settings, each, day) is not None for each in segment_ids(settings)),
        "event_days": settings.events,
        "purchase_days": 2,
    }
    found = {table: pq.read_table(lake / table / f"dt={day}/part-00-of-01.parquet").num_rows for table in counts}
    assert found == counts


def test_workspaces_land_in_separate_places_by_their_own_days(
    braze_sandbox_factory: Callable[..., Sandbox], lake: Path, run_dag: RunDag
) -> None:
    as_of = "2026-11-10T12:00:00Z"
    # At noon UTC it is the next day in Kiritimati already.
    europe = braze_sandbox_factory("braze_eu", seed=1, timezone="Pacific/Kiritimati", campaigns=3, as_of=as_of)
    america = braze_sandbox_factory("braze_us", seed=2, timezone="Pacific/Pago_Pago", campaigns=4, as_of=as_of)
    run_dag("example_braze_workspaces", pendulum.datetime(2026, 11, 10, 12))
    assert landed_days(lake / "eu")[-1] == date(2026, 11, 10)
    assert landed_days(lake / "us")[-1] == date(2026, 11, 9)
    assert figures(landed(lake / "eu", date(2026, 11, 8))) == expected(europe, date(2026, 11, 8))
    assert figures(landed(lake / "us", date(2026, 11, 8))) == expected(america, date(2026, 11, 8))


def test_workspaces_name_their_copies_by_connection(
    braze_sandbox_factory: Callable[..., Sandbox], lake: Path, run_dag: RunDag
) -> None:
    for conn_id in ("braze_eu", "braze_us"):
        braze_sandbox_factory(conn_id, campaigns=1, as_of="2026-11-11T12:00:00Z")
    run = run_dag("example_braze_workspaces", pendulum.datetime(2026, 11, 11, 12))
    names = {task.rendered_map_index for task in run.get_task_instances()}
    assert names == {"braze_eu", "braze_us"}


def test_sensor_finds_the_day_before_all_campaigns_land(braze: Sandbox, lake: Path, run_dag: RunDag) -> None:
    braze.configure(as_of="2026-11-10T11:00:00Z")
    run = run_dag("example_braze_sensor", morning(10, 0))
    found = run.get_task_instance("wait_for_day").xcom_pull(task_ids="wait_for_day")
    assert (found["day"], found["timezone"]) == ("2026-11-09", ZONE)
    assert found["campaign_id"] in campaign_ids(braze.settings)
    assert figures(landed(lake, date(2026, 11, 9))) == expected(braze, date(2026, 11, 9))


def test_sensor_waits_in_a_trigger_until_the_day_is_available(
    lake: Path, dags: dict[str, Any], run_dag: RunDag, raw_server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    a_list = {"campaigns": [{"id": "a"}]}
    responses = [a_list, series(8), a_list, series(8), a_list, series(8, 9)]
    # Little is landed then: the list is read twice, up to a page without new entries, the second time in any order.
    landing = [*[a_list] * 4, series(*range(1, 10))]
    server = raw_server(*map(response_of, responses + landing))
    connection = {"conn_type": "braze", "host": server.url, "password": "a-key", "extra": {"timezone": ZONE}}
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))
    monkeypatch.setattr(dags["example_braze_sensor"].task_dict["wait_for_day"], "poke_interval", 0.0)
    monkeypatch.setattr("airflow_provider_braze.triggers.braze.LEAST_POKE_SECONDS", 0.0)
    run = run_dag("example_braze_sensor", morning(10, 0))
    found = run.get_task_instance("wait_for_day").xcom_pull(task_ids="wait_for_day")
    assert (found["day"], found["campaign_id"]) == ("2026-11-09", "a")
    assert landed_days(lake)[-1] == date(2026, 11, 9)


def series(*days: int) -> dict[str, Any]:
    return {"data": [{"time": f"2026-11-{day:02}", "messages": {}} for day in days]}


def response_of(document: dict[str, Any]) -> bytes:
    body = json.dumps(document).encode()
    return f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
