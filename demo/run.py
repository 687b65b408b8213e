"""The demo: Airflow runs the daily example on five mornings against the sandbox, and DuckDB shows the landed tables."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import airflow_runs
from lake import Lake
from page import Page

from airflow_provider_braze.coverage.__main__ import main as write_coverage
from airflow_provider_braze.sandbox import Sandbox, SandboxSettings

ROOT = Path(__file__).resolve().parent.parent
DAGS = ROOT / "example_dags"
DEMO = ROOT / ".demo"
LOG = DEMO / "airflow.log"
CAMPAIGNS = 25
ZONE = "America/New_York"
MORNINGS = [datetime(2026, 11, day, 6, tzinfo=ZoneInfo(ZONE)) for day in range(10, 15)]
DAYS = [morning.date() - timedelta(days=1) for morning in MORNINGS]


def main() -> int:
    """Run the demo and return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--began", type=float, default=time.time(), help="start time in epoch seconds")
    began = parser.parse_args().began
    _remove_last_demo()
    with _output_to_log() as page:
        try:
            _demo(page)
        except KeyboardInterrupt:
            page.line("\nStopped. Nothing is left running.")
            return 130
        except Exception:
            traceback.print_exc()
            page.line(f"\nThe demo failed. The last lines of {_shown(LOG)}:\n")
            page.line("\n".join(LOG.read_text(errors="replace").splitlines()[-15:]))
            return 1
        page.line(f"\nDone in {time.time() - began:.0f} seconds. Nothing is left running.")
    return 0


def _remove_last_demo() -> None:
    for folder in (DEMO / "airflow", DEMO / "lake"):
        shutil.rmtree(folder, ignore_errors=True)
    DEMO.mkdir(exist_ok=True)


@contextmanager
def _output_to_log() -> Iterator[Page]:
    """Redirect Airflow's output to the log, and yield a page on the terminal."""
    terminal = os.dup(1)
    with LOG.open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    with os.fdopen(terminal, "w", encoding="utf-8", errors="replace") as stream:
        yield Page(stream)


def _demo(page: Page) -> None:
    lake = Lake(DEMO / "lake")
    page.heading("Braze analytics in Airflow: five mornings in a few seconds")
    with Sandbox(SandboxSettings(campaigns=CAMPAIGNS, timezone=ZONE)) as braze:
        page.line(f"Simulated Braze   {braze.url} with {CAMPAIGNS} campaigns, company time zone {ZONE}")
        page.line(f"The Dag           {_shown(DAGS / 'example_braze_daily.py')}: one task, every morning at six")
        page.line(f"Airflow           runs in this process and logs to {_shown(LOG)}")
        page.line("\nAirflow starts and creates its database ...")
        airflow_runs.set_up(DEMO / "airflow", DAGS, braze_destination=f"file://{lake.folder}")
        os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"] = braze.connection_json()
        run = airflow_runs.load_dag(DAGS, "example_braze_daily")
        summaries, readings = [], []
        for morning in MORNINGS:
            page.line(f"Airflow runs the morning of {morning:%A %d %B} ...")
            braze.configure(as_of=morning.isoformat())
            summaries.append(run(morning)["land_campaigns"])
            readings.append(lake.conversions(DAYS))
        records = [lake.record(summary) for summary in summaries]
        page.line(f"Airflow runs the morning of {MORNINGS[-1]:%A %d %B} once more ...")
        rerun = lake.record(run(MORNINGS[-1])["land_campaigns"])
        page.line("Airflow lands canvases, KPIs and all other series of the workspace ...")
        at_nine = MORNINGS[-1].replace(hour=9)
        braze.configure(as_of=at_nine.isoformat())
        airflow_runs.load_dag(DAGS, "example_braze_workspace")(at_nine)
    _show_runs(page, records, rerun)
    _show_rows(page, lake)
    _show_channels(page, lake)
    _show_restatement(page, readings)
    _show_workspace(page, lake)
    _show_files(page, lake)


def _show_runs(page: Page, records: Sequence[dict[str, Any]], rerun: dict[str, Any]) -> None:
    page.heading("1. What each run did (from the records)")
    page.line("A run lands yesterday and fetches the 30 days before it again, because Braze still books")
    page.line("conversions on them. It writes only files whose rows changed. The rerun at the end writes none.")
    titles = ("run", "new day", "lookback", "campaigns", "requests", "changed days", "files written", "seconds")
    mornings = [f"{morning:%a %d %b %H:%M}" for morning in MORNINGS]
    page.table(
        titles, [_run_row(*row) for row in zip([*mornings, "rerun of the last"], [*records, rerun], strict=True)]
    )


def _run_row(name: str, record: dict[str, Any]) -> tuple[Any, ...]:
    plan = record["plan"]
    tables = record["tables"].values()
    written, unchanged = (sum(table[key] for table in tables) for key in ("written", "unchanged"))
    return (
        name,
        f"{date.fromisoformat(plan['window']['end']) - timedelta(days=1)}",
        f"{plan['lookback_days']} days",
        record["subjects"]["landed"],
        record["requests"],
        len(record["changed_days"]),
        f"{written} of {written + unchanged}",
        f"{record['seconds']:.1f}",
    )


def _show_rows(page: Page, lake: Lake) -> None:
    page.heading("2. Rows by table and day (from the Parquet files, with DuckDB)")
    rows = [
        (f"{first} to {last}" if days > 1 else f"{first}", days, *counts)
        for _, first, last, days, *counts in lake.rows_by_day(DAYS[0])
    ]
    page.table(("day", "days", "campaign_days", "campaign_messages"), rows)


def _show_channels(page: Page, lake: Lake) -> None:
    page.heading("3. Sends, opens and clicks by channel, all landed days")
    page.line("Empty: Braze has no such figure for the channel. A missing figure is never stored as 0.")
    page.table(("channel", "campaigns", "rows", "sent", "delivered", "opens", "clicks"), lake.channels())


def _show_restatement(page: Page, readings: Sequence[dict[date, int]]) -> None:
    page.heading("4. A day grows after it has landed: conversions by send time")
    page.line("Each column shows the files right after that morning's run. If you fetch each day only once,")
    page.line("you keep the first figure of each line. The last one is the current figure in Braze.")
    titles = ["day", *(f"{morning:%d %b}" for morning in MORNINGS), "growth"]
    page.table(
        titles, [(f"{day:%a %d %b}", *(each.get(day) for each in readings), _growth(day, readings)) for day in DAYS]
    )


def _growth(day: date, readings: Sequence[dict[date, int]]) -> str:
    figures = [each[day] for each in readings if day in each]
    return f"{figures[-1] / figures[0] - 1:+.1%}" if len(figures) > 1 and figures[0] else ""


def _show_workspace(page: Page, lake: Lake) -> None:
    page.heading("5. Canvases and KPIs (from example_braze_workspace)")
    page.line("31 days of each canvas take 3 requests. Steps and their messages have tables of their own.")
    page.table(("canvas", "steps", "entries", "conversions", "sent", "clicks"), lake.canvases())
    page.line("\nBraze computes the MAU of a day at 12:05 UTC of the next day.")
    page.table(("day", "dau", "mau", "new users", "uninstalls", "sessions"), lake.kpis(DAYS))


def _show_files(page: Page, lake: Lake) -> None:
    page.heading("6. Where the files are")
    page.line(f"{lake.folder}")
    page.table(("folder", "files", "bytes"), lake.sizes())
    page.line("\nQuery the files yourself, or run the sandbox on its own:\n")
    python = _shown(Path(sys.executable))
    query = f"SELECT * FROM '{_shown(lake.folder)}/campaign_days/*/*.parquet' LIMIT 5"
    page.line(f'  {python} -c "import duckdb; print(duckdb.sql(\\"{query}\\"))"')
    page.line(f"  {python} -m airflow_provider_braze.sandbox --help")
    coverage = lake.folder.parent / "coverage.html"
    write_coverage([f"file://{lake.folder}", "--html", str(coverage)])
    page.line(f"\nWhich days are there, which still change and by how much: open {_shown(coverage)} in a browser.")


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
