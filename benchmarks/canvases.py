"""Canvases: wall time against readers, processor time against ``orjson.loads``, and peak memory.

``python -m benchmarks.canvases`` prints one table. Ratios within one run count; absolute times depend on the machine.
Each figure comes from a process of its own: ``--part`` runs one of them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONCURRENCY = 16
DAYS = 31
END = date(2026, 10, 1)
AS_OF = "2026-11-15T06:00:00Z"
EXTRA_STEPS = 8
"""Steps beyond those of the blueprints, which have two on average."""

LIMITS = {"wall": 1.5, "decode": 3.0, "memory": 250.0}


def main() -> int:
    """Run the benchmarks, or one part of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("land", "read", "decode"), help="run one part and print its figures")
    parser.add_argument("--canvases", type=int, default=1_000)
    parser.add_argument("--more", type=int, default=5_000, help="canvases of the second measure of memory")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds by which each response is delayed")
    parser.add_argument("--url", default="")
    options = parser.parse_args()
    if options.part == "decode":
        print(json.dumps(decode(options.canvases)))
    elif options.part:
        print(json.dumps((land if options.part == "land" else read)(options.url, options.canvases)))
    else:
        compare(options)
    return 0


def compare(options: argparse.Namespace) -> None:
    """Print all figures."""
    decoded = _median("decode", options.runs, canvases=min(options.canvases, 200))
    print(f"decode and tables / orjson.loads   {decoded['tables'] / decoded['orjson']:.2f}  (limit {LIMITS['decode']})")
    with _Server(options.canvases, options.latency) as url:
        _run("read", url=url, canvases=options.canvases)  # renders the responses
        reading = _median("read", options.runs, url=url, canvases=options.canvases)
        landing = _median("land", options.runs, url=url, canvases=options.canvases)
    print(f"wall time / 16 readers             {landing['seconds'] / reading['seconds']:.2f}  (limit {LIMITS['wall']})")
    print(f"peak memory, {options.canvases:,} canvases       {landing['mib']:.0f} MiB  (limit {LIMITS['memory']:.0f})")
    with _Server(options.more, 0.0) as url:
        more = _run("land", url=url, canvases=options.more)
    print(f"peak memory, {options.more:,} canvases       {more['mib']:.0f} MiB  (flat)")


class _Server:
    """A sandbox in a process of its own."""

    def __init__(self, canvases: int, latency: float) -> None:
        self._latency = latency
        command = [sys.executable, "-m", "airflow_provider_braze.sandbox", "--port", "0", "--as-of", AS_OF]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._process.stdout is not None
        (self._url,) = re.findall(r"http://[0-9.]+:[0-9]+", self._process.stdout.readline())
        self._configure(canvases=canvases, canvas_extra_steps=EXTRA_STEPS, latency_seconds=latency)

    def _configure(self, **settings: Any) -> None:
        request = urllib.request.Request(
            f"{self._url}/_sandbox/settings", json.dumps(settings).encode(), method="PATCH"
        )
        urllib.request.urlopen(request).close()

    def __enter__(self) -> str:
        return self._url

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait()


def _run(part: str, **arguments: Any) -> dict[str, float]:
    options = [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        command = [sys.executable, "-m", "benchmarks.canvases", "--part", part, *options]
        done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _median(part: str, runs: int, **arguments: Any) -> dict[str, float]:
    found = [_run(part, **arguments) for _ in range(runs)]
    return {name: statistics.median(each[name] for each in found) for name in found[0]}


def _calls(url: str, canvases: int) -> list[str]:
    """Return the addresses that a landing requests."""
    from urllib.parse import urlencode

    from airflow_provider_braze.core.calls import split_window
    from airflow_provider_braze.core.models import Window
    from airflow_provider_braze.sandbox import SandboxSettings, data
    from airflow_provider_braze.series.canvases import CANVASES

    window = Window(END - timedelta(days=DAYS), END, "UTC")
    calls = split_window(window, now=datetime.now(timezone.utc), max_length=CANVASES.max_length)
    ids = data.canvas_ids(SandboxSettings(canvases=canvases, canvas_extra_steps=EXTRA_STEPS))
    params = [CANVASES.call_params(CANVASES.subject(id_), call) for call in calls for id_ in ids]
    return [f"{url}/canvas/data_series?{urlencode(each)}" for each in params]


def read(url: str, canvases: int) -> dict[str, float]:
    """Only download the same responses by 16 threads."""
    import requests

    calls = _calls(url, canvases)
    session = requests.Session()
    session.headers["Authorization"] = "Bearer sandbox-key-that-opens-nothing"
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=CONCURRENCY))
    began = time.monotonic()
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        assert all(pool.map(lambda call: session.get(call).content, calls))
    return {"seconds": time.monotonic() - began}


def land(url: str, canvases: int) -> dict[str, float]:
    """Land them, and return the wall time and the peak memory above Airflow's imports."""
    import logging

    from airflow_provider_braze.sandbox import SandboxSettings, data
    from airflow_provider_braze.task.airflow import BaseOperator, ObjectStoragePath
    from airflow_provider_braze.transfers.braze_to_object_storage import CanvasDataSeriesToObjectStorageOperator

    logging.disable(logging.INFO)
    assert BaseOperator
    assert ObjectStoragePath
    connection = {"conn_type": "braze", "host": url, "password": "sandbox-key-that-opens-nothing"}
    os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"] = json.dumps(connection)
    ids = data.canvas_ids(SandboxSettings(canvases=canvases, canvas_extra_steps=EXTRA_STEPS))
    ti = SimpleNamespace(dag_id="dag", run_id="run", task_id="land", map_index=-1, try_number=1)
    run_after = datetime(2026, 11, 15, tzinfo=timezone.utc)
    context = {"ti": ti, "dag": None, "dag_run": SimpleNamespace(run_type="manual", run_after=run_after)}
    with tempfile.TemporaryDirectory() as folder:
        operator = CanvasDataSeriesToObjectStorageOperator(
            task_id="land",
            destination=f"file://{folder}",
            canvas_ids=ids,
            start=END - timedelta(days=DAYS),
            end=END,
            concurrency=CONCURRENCY,
        )
        before = _peak_mib()
        began = time.monotonic()
        operator.execute(context)
        return {"seconds": time.monotonic() - began, "mib": _peak_mib() - before}


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def decode(canvases: int) -> dict[str, float]:
    """Return the processor time of ``orjson.loads``, and of decode and build, for the same responses."""
    import msgspec
    import orjson

    from airflow_provider_braze.core.models import SeriesCall
    from airflow_provider_braze.fetch.subjects import collect
    from airflow_provider_braze.landing.run import BATCH_WEIGHT
    from airflow_provider_braze.sandbox import SandboxSettings, data
    from airflow_provider_braze.series.canvases import CANVASES

    settings = SandboxSettings(canvases=canvases, canvas_extra_steps=EXTRA_STEPS, as_of=AS_OF)
    days = [END - timedelta(days=back) for back in range(14, 0, -1)]
    bodies = {
        id_: msgspec.json.encode({"data": {"name": "", "stats": [data.canvas_day(settings, id_, day) for day in days]}})
        for id_ in data.canvas_ids(settings)
    }
    decoder = CANVASES.load_decoder(CANVASES)
    call = SeriesCall(days[0], END, 14, "")
    tables = [table for table in CANVASES.tables if table.source == "figures"]

    def build() -> None:
        batch: list[Any] = []
        weight = 0
        for id_, body in bodies.items():
            subject = CANVASES.subject(id_)
            batch.append(collect(subject, [decoder.decode(body, subject, call, keep_payload=False)]))
            weight += batch[-1].weight
            if weight >= BATCH_WEIGHT:
                decoder.build(batch, tables)
                batch, weight = [], 0
        if batch:
            decoder.build(batch, tables)

    def parse() -> None:
        for body in bodies.values():
            orjson.loads(body)

    found = {}
    for name, function in (("orjson", parse), ("tables", build)):
        function()
        began = time.process_time()
        function()
        found[name] = time.process_time() - began
    return found


if __name__ == "__main__":
    sys.exit(main())
