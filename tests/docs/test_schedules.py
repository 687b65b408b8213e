"""The tables of days on the page of schedules, computed with Airflow's timetables and the package's window rules."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.timetables.interval import CronDataIntervalTimetable
from airflow.timetables.trigger import CronTriggerTimetable
from packaging.version import Version

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.windows import resolve_window
from airflow_provider_braze.core.zones import load_timezone
from airflow_provider_braze.coverage.days import judge_days
from airflow_provider_braze.coverage.repair import find_repairs
from airflow_provider_braze.task.airflow import DAG
from airflow_provider_braze.task.run_dates import read_run_dates
from tests.coverage.evidence import evidence, past_try
from tests.docs.pages import DOCS, blocks, read, rows, section
from tests.lines import AIRFLOW

TEXT = read("schedules.md")
NOW = pendulum.datetime(2026, 11, 20, 23, 30)
BY_SCHEDULE = [row for row in rows(section(TEXT, "What a run lands")) if len(row) == 6]
BY_KIND = [row for row in rows(section(TEXT, "What a run lands")) if len(row) == 3]


def days_in(cell: str) -> list[date]:
    found = [date.fromisoformat(day) for day in re.findall(r"\d{4}-\d\d-\d\d", cell)]
    assert found or cell == "none: the task is skipped"
    return [found[0] + timedelta(days=i) for i in range((found[-1] - found[0]).days + 1)] if found else []


def window_of(schedule: Any, company: str, run_type: str, **dates: Any) -> Window:
    dag = DAG("a_dag", schedule=schedule, start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC))
    run = SimpleNamespace(run_type=run_type, run_after=dates.pop("run_after", NOW))
    return resolve_window(read_run_dates({"dag": dag, "dag_run": run, **dates}), timezone=company)


def on_airflow_3(cron: str, zone: str, company: str, due: datetime, run_type: str = "scheduled") -> list[date]:
    """Return an empty interval at the tick."""
    timetable = CronTriggerTimetable(cron, timezone=load_timezone(zone))
    dates = dict.fromkeys(("logical_date", "data_interval_start", "data_interval_end"), due)
    return list(window_of(timetable, company, run_type, run_after=due, **dates))


def on_airflow_2(cron: str, zone: str, company: str, due: datetime, run_type: str = "scheduled") -> list[date]:
    """Return the interval that ends at the tick."""
    timetable = CronDataIntervalTimetable(cron, load_timezone(zone))
    interval = timetable.infer_manual_data_interval(run_after=pendulum.instance(due))
    dates = {"data_interval_start": interval.start, "data_interval_end": interval.end}
    return list(window_of(timetable, company, run_type, run_after=None, logical_date=interval.start, **dates))


@pytest.mark.parametrize("row", BY_SCHEDULE, ids=lambda row: " ".join(row[:4]).replace("`", ""))
def test_run_of_a_schedule_lands_the_days_of_the_table(row):
    cron, zone, company, due, on_3, on_2 = row
    tick = pendulum.parse(due[:16], tz=zone)
    arguments = (cron.strip("`"), zone, company, tick)
    assert on_airflow_3(*arguments) == days_in(on_3)
    assert on_airflow_2(*arguments) == days_in(on_2)


def test_weekdays_in_the_table_match_their_dates():
    named = [re.match(r"(\S+) \S+ \((\w+day)\)", row[3]) for row in BY_SCHEDULE]
    assert [f"{date.fromisoformat(match[1]):%A}" for match in named if match] == ["Monday", "Tuesday"]


def manual(logical_date: datetime | None) -> tuple[list[date], list[date]]:
    cron, interval = CronTriggerTimetable("@daily", timezone="UTC"), CronDataIntervalTimetable("@daily", pendulum.UTC)
    if logical_date is None:
        on_3 = window_of(cron, "UTC", "manual")
    else:
        dates = dict.fromkeys(("logical_date", "data_interval_start", "data_interval_end"), logical_date)
        on_3 = window_of(cron, "UTC", "manual", **dates)
    inferred = interval.infer_manual_data_interval(run_after=pendulum.instance(logical_date or NOW))
    on_2 = window_of(
        interval,
        "UTC",
        "manual",
        run_after=None,
        logical_date=logical_date or NOW,
        data_interval_start=inferred.start,
        data_interval_end=inferred.end,
    )
    return list(on_3), list(on_2)


def triggered() -> tuple[list[date], list[date]]:
    dates = dict.fromkeys(("logical_date", "data_interval_start", "data_interval_end"), NOW)
    on_3 = window_of(None, "UTC", "asset_triggered")
    on_2 = window_of(None, "UTC", "dataset_triggered", run_after=None, **dates)
    return list(on_3), list(on_2)


def backfilled(day: datetime) -> tuple[list[date], list[date]]:
    # Airflow 2 names a run by the start of its interval.
    on_2 = on_airflow_2("@daily", "UTC", "UTC", day + timedelta(days=1), "backfill")
    return on_airflow_3("@daily", "UTC", "UTC", day, "backfill"), on_2


@pytest.mark.parametrize("row", BY_KIND, ids=lambda row: row[0])
def test_run_of_a_kind_lands_the_days_of_the_table(row):
    kind, on_3, on_2 = row
    (moment,) = re.findall(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d)?", kind) or [None]
    at = pendulum.parse(moment) if moment else None
    if kind.startswith("scheduled"):
        landed = on_airflow_3("@daily", "UTC", "UTC", at), on_airflow_2("@daily", "UTC", "UTC", at)
    elif kind.startswith("manual"):
        landed = manual(at)
    else:
        landed = backfilled(at) if at else triggered()
    assert landed == (days_in(on_3), days_in(on_2))


def test_tables_have_all_rows():
    assert (len(BY_SCHEDULE), len(BY_KIND)) == (16, 6)


def test_page_of_upgrades_has_the_dates_of_the_same_run():
    cells = {row[0].strip("*`{} "): row[1:] for row in rows(section(read("upgrading.md"), "From Airflow 2.11 to 3"))}
    due = pendulum.datetime(2026, 11, 20)
    interval = CronDataIntervalTimetable("@daily", pendulum.UTC).infer_manual_data_interval(run_after=due)
    on_2, on_3 = interval.start.date().isoformat(), due.date().isoformat()
    assert cells["logical date"] == cells["ds"] == [on_2, on_3]
    assert cells["data interval"] == [f"{on_2} to {interval.end.date()}", f"{on_3} to {on_3}"]
    assert [days_in(cell) for cell in cells["lands"]] == [
        on_airflow_2("@daily", "UTC", "UTC", due),
        on_airflow_3("@daily", "UTC", "UTC", due),
    ]


COMMANDS = """
import json, sys
from airflow.cli.cli_parser import get_parser

for arguments in json.loads(sys.argv[1]):
    parsed = get_parser().parse_args(arguments)
    parsed.func(parsed)
    print("END OF COMMAND")
"""


class Backfills:
    """Dry runs of ``airflow backfill create`` with the Dags of the page, moved to a year in the past.

    All of them run in one process, because Airflow's start takes longer than they do.
    """

    def __init__(self, home: Path, make_database: Callable[[Path], None], commands: Sequence[str]) -> None:
        (home / "dags").mkdir()
        dags = [block.code for block in blocks(DOCS / "schedules.md") if "with DAG(" in block.code]
        dags = [code for code in dags if "CronPartitionTimetable" not in code or Version("3.2") <= AIRFLOW]
        for number, code in enumerate([*dags, _on_data_intervals(dags[0])]):
            (home / "dags" / f"dag_{number}.py").write_text(_in_2025(code))
        make_database(home)
        env = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags")}
        dry_runs = [[*shlex.split(_in_2025(each))[1:], "--dry-run"] for each in commands]
        command = [sys.executable, "-c", COMMANDS, json.dumps([["dags", "reserialize"], *dry_runs])]
        done = subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=300)
        _, *printed, _ = done.stdout.split("END OF COMMAND")
        self._printed = dict(zip(commands, printed, strict=True))

    def list_dates(self, command: str) -> list[datetime]:
        """Return the dates of the runs that a command would create: partition dates or else logical dates."""
        _, _, runs = self._printed[command].partition(" to be attempted:")
        return [pendulum.parse(found) for found in re.findall(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\+00:00", runs)]


def _in_2025(text: str) -> str:
    return text.replace("2026", "2025")


def _on_data_intervals(code: str) -> str:
    timetable = 'CronDataIntervalTimetable("0 6 * * *", "America/New_York")'
    code = code.replace('"braze_every_morning"', '"braze_intervals"').replace('"0 6 * * *"', timetable)
    return f"from airflow.timetables.interval import CronDataIntervalTimetable\n{code}"


@pytest.fixture(scope="module")
def backfills(tmp_path_factory: pytest.TempPathFactory, make_database: Callable[[Path], None]) -> Backfills:
    commands = [printed_command(), on_intervals(), *(coverage_command(*each) for each in (BY_TICK, BY_INTERVAL))]
    if Version("3.3") <= AIRFLOW:
        commands += [on_partitions(), coverage_command(*BY_PARTITION)]
    return Backfills(tmp_path_factory.mktemp("airflow"), make_database, commands)


# The database and its Dags are the process's own, and take seconds to make.
in_one_process = pytest.mark.xdist_group("backfills")
OCTOBER = [date(2025, 10, 1) + timedelta(days=i) for i in range(31)]
NEW_YORK = "America/New_York"


def backfill_dates(title: str) -> str:
    (found,) = re.findall(r"`(--from-date \S+ --to-date \S+)`", section(TEXT, title))
    return f"airflow backfill create --dag-id {{}} {found}"


def printed_command() -> str:
    (command,) = re.findall(r"^airflow backfill create .*$", TEXT, flags=re.M)
    return command


def on_intervals() -> str:
    return backfill_dates("Backfills").format("braze_intervals")


def on_partitions() -> str:
    return backfill_dates("Partitions").format("braze_partitions")


@in_one_process
@pytest.mark.since_airflow("3.0")
def test_printed_backfill_of_october_lands_each_of_its_days_once(backfills):
    ticks = backfills.list_dates(printed_command())
    landed = [on_airflow_3("0 6 * * *", NEW_YORK, NEW_YORK, tick, "backfill") for tick in ticks]
    assert landed == [[day] for day in OCTOBER]


@in_one_process
@pytest.mark.since_airflow("3.0")
def test_printed_backfill_with_data_intervals_lands_each_day_of_october_once(backfills):
    starts = backfills.list_dates(on_intervals())
    ends = [
        CronDataIntervalTimetable("0 6 * * *", load_timezone(NEW_YORK))
        .infer_manual_data_interval(run_after=start.add(days=1, hours=1))
        .end
        for start in starts
    ]
    days = [on_airflow_2("0 6 * * *", NEW_YORK, NEW_YORK, end, "backfill") for end in ends]
    assert days == [[day] for day in OCTOBER]


@in_one_process
@pytest.mark.since_airflow("3.3")
def test_printed_backfill_of_partitions_lands_each_day_of_october_once(backfills):
    from airflow.sdk import CronPartitionTimetable

    schedule = CronPartitionTimetable("0 0 * * *", timezone=NEW_YORK, run_offset=-1)
    dates = backfills.list_dates(on_partitions())
    windows = [window_of(schedule, NEW_YORK, "backfill", partition_date=each, partition_key="k") for each in dates]
    assert [list(window) for window in windows] == [[day] for day in OCTOBER]


MISSING = [date(2025, 10, 11), date(2025, 10, 12)]
# The rule of the runs' windows, the Dag, and its zone.
BY_TICK = ("schedule", "braze_every_morning", NEW_YORK)
BY_INTERVAL = ("interval", "braze_intervals", NEW_YORK)
BY_PARTITION = ("partition", "braze_partitions", NEW_YORK)


def coverage_command(rule: str, dag_id: str, zone: str) -> str:
    """Return the command that coverage prints for the missing days."""
    runs = [past_try(date(2025, 10, day), 0, rule=rule, dag_id=dag_id, zone=zone) for day in range(1, 31)]
    landed = [day for day in OCTOBER[:30] if day not in MISSING]
    found = evidence(runs, landed)
    (repair,) = find_repairs(found, judge_days(found))
    (command,) = repair["commands"]
    return command


@in_one_process
@pytest.mark.since_airflow("3.0")
def test_command_of_coverage_lands_exactly_the_missing_days(backfills):
    ticks = backfills.list_dates(coverage_command(*BY_TICK))
    landed = [on_airflow_3("0 6 * * *", NEW_YORK, NEW_YORK, tick, "backfill") for tick in ticks]
    assert landed == [[day] for day in MISSING]


@in_one_process
@pytest.mark.since_airflow("3.0")
def test_command_of_coverage_with_data_intervals_lands_exactly_the_missing_days(backfills):
    starts = backfills.list_dates(coverage_command(*BY_INTERVAL))
    ends = [start.add(days=1) for start in starts]
    days = [on_airflow_2("0 6 * * *", NEW_YORK, NEW_YORK, end, "backfill") for end in ends]
    assert days == [[day] for day in MISSING]


@in_one_process
@pytest.mark.since_airflow("3.3")
def test_command_of_coverage_with_partitions_lands_exactly_the_missing_days(backfills):
    from airflow.sdk import CronPartitionTimetable

    schedule = CronPartitionTimetable("0 0 * * *", timezone=NEW_YORK, run_offset=-1)
    dates = backfills.list_dates(coverage_command(*BY_PARTITION))
    windows = [window_of(schedule, NEW_YORK, "backfill", partition_date=each, partition_key="k") for each in dates]
    assert [list(window) for window in windows] == [[day] for day in MISSING]
