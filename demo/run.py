"""The demo: Airflow runs the daily example for five mornings against a made-up Braze, and DuckDB shows what landed."""

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
    """Run the demo, and tell how it ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--began", type=float, default=time.time(), help="when all began, in epoch seconds")
    began = parser.parse_args().began
    _start_afresh()
    with _output_to_log() as page:
        try:
            _demo(page)
        except KeyboardInterrupt:
            page.line("\nStopped. Nothing is left running.")
            return 130
        except Exception:
            traceback.print_exc()
            page.line(f"\nThe demo failed. The end of {_shown(LOG)}:\n")
            page.line("\n".join(LOG.read_text(errors="replace").splitlines()[-15:]))
            return 1
        page.line(f"\nDone in {time.time() - began:.0f} seconds. Nothing is left running.")
    return 0


def _start_afresh() -> None:
    for folder in (DEMO / "airflow", DEMO / "lake"):
        shutil.rmtree(folder, ignore_errors=True)
    DEMO.mkdir(exist_ok=True)


@contextmanager
def _output_to_log() -> Iterator[Page]:
    """Send what Airflow says into the log, and give a page on the terminal."""
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
        page.line(f"A made-up Braze   {braze.url}, {CAMPAIGNS} campaigns, whose company lives by {ZONE} time")
        page.line(f"The Dag           {_shown(DAGS / 'example_braze_daily.py')}: one task, every morning at six")
        page.line(f"Airflow           runs it in this process; its log is {_shown(LOG)}")
        page.line("\nAirflow starts and makes its database ...")
        airflow_runs.set_up(DEMO / "airflow", DAGS, braze_destination=f"file://{lake.folder}")
        os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"] = braze.connection_json()
        run = airflow_runs.load_dag(DAGS, "example_braze_daily")
        summaries, readings = [], []
        for morning in MORNINGS:
            page.line(f"Airflow runs the morning of {morning:%A %d %B} ...")
            braze.configure(as_of=morning.isoformat())
            summaries.append(run(morning))
            readings.append(lake.conversions(DAYS))
        manifests = [lake.manifest(summary) for summary in summaries]
        page.line(f"Airflow runs the morning of {MORNINGS[-1]:%A %d %B} once more ...")
        again = lake.manifest(run(MORNINGS[-1]))
    _show_runs(page, manifests, again)
    _show_rows(page, lake)
    _show_channels(page, lake)
    _show_restatement(page, readings)
    _show_files(page, lake)


def _show_runs(page: Page, manifests: Sequence[dict[str, Any]], again: dict[str, Any]) -> None:
    page.heading("1. What each run did (from the manifests)")
    page.line("A run lands the day that is over, and reads the 30 days before it again, for Braze still books")
    page.line("conversions on them. Only files whose rows changed are written: the rerun at the end writes none.")
    titles = ("run", "new day", "read again", "campaigns", "requests", "changed days", "files written", "seconds")
    mornings = [f"{morning:%a %d %b %H:%M}" for morning in MORNINGS]
    page.table(titles, [_run_row(*row) for row in zip([*mornings, "the last again"], [*manifests, again], strict=True)])


def _run_row(name: str, manifest: dict[str, Any]) -> tuple[Any, ...]:
    plan = manifest["plan"]
    objects = [item for table in manifest["tables"].values() for item in table["objects"]]
    return (
        name,
        f"{date.fromisoformat(plan['window']['end']) - timedelta(days=1)}",
        f"{plan['lookback_days']} days",
        manifest["campaigns"]["landed"],
        manifest["requests"],
        len(manifest["changed_days"]),
        f"{sum(item['written'] for item in objects)} of {len(objects)}",
        f"{manifest['seconds']:.1f}",
    )


def _show_rows(page: Page, lake: Lake) -> None:
    page.heading("2. Rows by table and day (read by DuckDB from the Parquet files)")
    rows = [
        (f"{first} to {last}" if days > 1 else f"{first}", days, *counts)
        for _, first, last, days, *counts in lake.rows_by_day(DAYS[0])
    ]
    page.table(("day", "days", "campaign_days", "campaign_messages"), rows)


def _show_channels(page: Page, lake: Lake) -> None:
    page.heading("3. Sends, opens and clicks by channel, all landed days")
    page.line("Empty: Braze has no such figure for the channel. It is never made a zero.")
    page.table(("channel", "campaigns", "rows", "sent", "delivered", "opens", "clicks"), lake.channels())


def _show_restatement(page: Page, readings: Sequence[dict[date, int]]) -> None:
    page.heading("4. A day grows after it has landed: conversions by send time")
    page.line("Each column is read from the files right after that morning's run. Whoever lands a day once")
    page.line("keeps the first figure of each line; the last one is what Braze says now.")
    titles = ["day", *(f"{morning:%d %b}" for morning in MORNINGS), "grown by"]
    page.table(
        titles, [(f"{day:%a %d %b}", *(each.get(day) for each in readings), _growth(day, readings)) for day in DAYS]
    )


def _growth(day: date, readings: Sequence[dict[date, int]]) -> str:
    figures = [each[day] for each in readings if day in each]
    return f"{figures[-1] / figures[0] - 1:+.1%}" if len(figures) > 1 and figures[0] else ""


def _show_files(page: Page, lake: Lake) -> None:
    page.heading("5. Where it lies")
    page.line(f"{lake.folder}")
    page.table(("folder", "files", "bytes"), lake.sizes())
    page.line("\nLook yourself, or run the made-up Braze on its own:\n")
    python = _shown(Path(sys.executable))
    query = f"SELECT * FROM '{_shown(lake.folder)}/campaign_days/*/*.parquet' LIMIT 5"
    page.line(f'  {python} -c "import duckdb; print(duckdb.sql(\\"{query}\\"))"')
    page.line(f"  {python} -m airflow_provider_braze.sandbox --help")


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
