"""All benchmarks as one table: ``make bench``.

Contenders are separate processes that take turns against one server, which has rendered its responses before. Figures
are medians. Compare ratios within one run; absolute times depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imports import LIMIT_MS, import_ms, role_modules

ROOT = Path(__file__).resolve().parent.parent
CONCURRENCY = 16
END = "2026-10-01"
AS_OF = "2026-11-15T06:00:00Z"
MIB_LIMIT = 200


def main() -> int:
    """Run the chosen benchmarks and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how often each contender runs (default 5)")
    parser.add_argument("--only", default="abcdefghi", help="letters of the benchmarks to run (default: all)")
    parser.add_argument("--quick", action="store_true", help="a, d, f, g and i, once each; under three minutes")
    options = parser.parse_args()
    if options.quick:
        options.runs, options.only = 1, "adfgi"
    with tempfile.TemporaryDirectory(prefix="braze-bench-") as folder:
        bench = Bench(Path(folder), options.runs)
        rows = [row for letters, part in PARTS.items() if set(letters) & set(options.only) for row in part(bench)]
    print()
    _table(("", "what", "figure", "limit", "aim", ""), rows)
    return 0


class Bench:
    """Runs contenders against servers.

    :param folder: where they land.
    :param runs: how often each contender runs.
    """

    def __init__(self, folder: Path, runs: int) -> None:
        self.folder = folder
        self.runs = runs
        # Without compiled files each process would compile all of Airflow again.
        self.environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        self.environment |= {"AIRFLOW_HOME": str(folder / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}

    @contextmanager
    def server(self, campaigns: int, days: int, latency: float, *, warm: bool = True) -> Iterator[list[str]]:
        """Start a server, let it render all responses, and yield a contender's arguments for it.

        :param warm: whether to render before. False where no time is measured.
        """
        command = [sys.executable, "-m", "airflow_provider_braze.sandbox", "--port", "0", "--as-of", AS_OF]
        command += ["--campaigns", str(campaigns)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self.environment)
        try:
            (url,) = re.findall(r"http://[0-9.]+:[0-9]+", process.stdout.readline())
            where = ["--url", url, "--key", "sandbox-key-that-opens-nothing", "--days", str(days), "--end", END]
            for contender in ("readers", "loop") if warm else ():
                self.run(contender, where)
            change = json.dumps({"latency_seconds": latency}).encode()
            urllib.request.urlopen(urllib.request.Request(f"{url}/_sandbox/settings", change, method="PATCH")).close()
            yield where
        finally:
            process.terminate()
            process.wait()

    def run(self, contender: str, where: Sequence[str], *, again: bool = False) -> dict[str, Any]:
        """Run a contender once, into an empty folder or over its earlier result."""
        target = self.folder / contender
        if not again:
            for leftover in self.folder.glob(f"{contender}*"):
                shutil.rmtree(leftover)
        command = [sys.executable, str(ROOT / "benchmarks/contenders.py"), contender, *where, "--folder", str(target)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, cwd=ROOT)
        try:
            # The exit code does not count: pandas sometimes crashes at exit, after the result was printed.
            figures = json.loads(done.stdout.splitlines()[-1])
        except (ValueError, IndexError):
            raise SystemExit(f"{contender} failed:\n{done.stderr[-3000:]}") from None
        print(f"  {contender + (' again' if again else ''):14} {figures['seconds']:6.2f} s", flush=True)
        return figures

    def turns(self, where: Sequence[str], contenders: Sequence[str]) -> dict[str, dict[str, float]]:
        """Let contenders take turns and return the median of each figure. ``ours again`` runs over ``ours``."""
        runs_of: dict[str, list[dict[str, Any]]] = {contender: [] for contender in contenders}
        for _ in range(self.runs):
            for contender in contenders:
                name, _, again = contender.partition(" ")
                runs_of[contender].append(self.run(name, where, again=bool(again)))
        return {
            name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            for name, runs in runs_of.items()
        }


def wire(bench: Bench) -> Iterator[tuple[str, ...]]:
    """(a) and (g): compare with readers that only download, and with a rerun in which nothing changed."""
    campaigns, days, latency = 200, 250, 0.1
    print(f"(a), (g) {campaigns} campaigns x {days} days, {latency * 1000:.0f} ms")
    with bench.server(campaigns, days, latency) as where:
        medians = bench.turns(where, ("readers", "ours", "ours again"))
    readers, ours, again = medians["readers"], medians["ours"], medians["ours again"]
    ideal = campaigns * -(-days // 100) / CONCURRENCY * latency
    yield _row("", "server alone: readers / (calls / 16 x latency)", readers["seconds"] / ideal, 1.15)
    yield _row("a", "wall: ours / readers", ours["seconds"] / readers["seconds"], 1.5, 1.3)
    rerun = (again["seconds"] - again["fetching"]) / (ours["seconds"] - ours["fetching"])
    yield _row("g", "nothing changed: rerun / first run, each less its fetching", rerun, 0.5)


def others(bench: Bench) -> Iterator[tuple[str, ...]]:
    """(b) and (c): compare with a hand-written loop and with dlt."""
    campaigns, days, latency = 1000, 100, 0.05
    print(f"(b), (c) {campaigns} campaigns x {days} days, {latency * 1000:.0f} ms")
    with bench.server(campaigns, days, latency) as where:
        medians = bench.turns(where, ("ours", "loop", "dlt"))
    loop, ours, dlt = (medians[name]["seconds"] for name in ("loop", "ours", "dlt"))
    yield _row("b", "wall: requests + pandas loop / ours", loop / ours, -1.0, -1.5)
    yield _row("c", "wall: dlt / ours", dlt / ours, -2.0, -2.5)


def decoding(bench: Bench) -> Iterator[tuple[str, ...]]:
    """(d): processor time from bytes to sorted Arrow tables, and of Parquet separately."""
    print("(d) 1000 campaigns x 100 days, in one process")
    runs = [_json_of([sys.executable, str(ROOT / "benchmarks/decoding.py")], bench) for _ in range(bench.runs)]
    medians = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    yield _row("d", "CPU: bytes to sorted Arrow / orjson.loads", medians["tables"] / medians["orjson"], 3.0, 2.0)
    yield _row("", "CPU: Parquet encoding / orjson.loads", medians["parquet"] / medians["orjson"])


def costs(bench: Bench) -> Iterator[tuple[str, ...]]:
    """(i): processor time of each part of a landing, in units of ``orjson.loads`` of the same responses."""
    campaigns, days = 1000, 31
    print(f"(i) {campaigns} campaigns x {days} days")
    speed = _json_of([sys.executable, str(ROOT / "benchmarks/decoding.py"), "--speed", str(days)], bench)
    with bench.server(campaigns, days, 0.0, warm=False) as where:
        bench.run("loop", where)
        medians = bench.turns(where, ("ours",))["ours"]
    unit = speed["orjson"]
    yield _row("i", "orjson.loads, ms per 1,000 campaign-days: the unit", unit / campaigns / days * 1e6)
    for part in COST_PARTS:
        yield _row("", f"CPU: {part.replace('_', ' ')} / orjson.loads", medians[part] / unit)


def memory(bench: Bench) -> Iterator[tuple[str, ...]]:
    """(e): peak memory above Airflow's imports, and its growth."""
    peaks = []
    for campaigns in (1000, 10_000):
        print(f"(e) {campaigns} campaigns x 100 days")
        with bench.server(campaigns, 100, 0.0, warm=False) as where:
            peaks.append(statistics.median(bench.run("ours", where)["peak_mib"] for _ in range(min(3, bench.runs))))
    yield _row("e", "peak memory above Airflow's imports, 1,000 campaigns, MiB", peaks[0], MIB_LIMIT)
    yield _row("", "the same, 10,000 campaigns, MiB", peaks[1], MIB_LIMIT)
    yield _row("", "growth from 1,000 to 10,000 campaigns", peaks[1] / peaks[0], 1.15)


def importing(bench: Bench) -> Iterator[tuple[str, ...]]:
    """(f): time that importing a role module adds to Airflow's own import."""
    print("(f) imports")
    slowest = max(map(import_ms, role_modules()))
    yield _row("f", "CPU: import of the slowest role module over airflow.sdk, ms", slowest, LIMIT_MS)


def budget(bench: Bench) -> Iterator[tuple[str, ...]]:
    """(h): share used of an announced rate limit, and number of calls beyond it."""
    print("(h) 400 calls, 40 allowed per 2 seconds")
    runs = [_json_of([sys.executable, str(ROOT / "benchmarks/budget.py")], bench) for _ in range(min(3, bench.runs))]
    yield _row("h", "rate limit: share used of what was allowed", statistics.median(run["used"] for run in runs), -0.9)
    yield _row("", "calls rejected with 429", max(run["rejected"] for run in runs), 0)


PARTS = {"ag": wire, "bc": others, "d": decoding, "e": memory, "f": importing, "h": budget, "i": costs}
COST_PARTS = ("decode", "build", "spool", "publish", "transport_and_rest")


def _json_of(command: Sequence[str], bench: Bench) -> dict[str, float]:
    done = subprocess.run(command, env=bench.environment, capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def _row(
    letter: str, what: str, figure: float, limit: float | None = None, aim: float | None = None
) -> tuple[str, ...]:
    """Return a row of the table. A negative limit is a minimum."""
    return letter, what, f"{figure:.2f}", _bound(limit), _bound(aim), _verdict(figure, limit, aim)


def _bound(value: float | None) -> str:
    return "" if value is None else f"{'at least' if value < 0 else 'at most'} {abs(value):g}"


def _verdict(figure: float, limit: float | None, aim: float | None) -> str:
    if limit is None:
        return ""
    if not _keeps(figure, limit):
        return "NOT KEPT"
    return "kept" if aim is None else "aim reached" if _keeps(figure, aim) else "kept, aim not reached"


def _keeps(figure: float, bound: float) -> bool:
    return figure >= -bound if bound < 0 else figure <= bound


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[i]) for row in (titles, *rows)) for i in range(len(titles))]
    for row in (titles, ["-" * width for width in widths], *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
