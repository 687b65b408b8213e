"""One contender's run in its own process: imports first, then the clock runs until the last object is written.

Prints one JSON object: ``seconds`` of wall time, ``cpu`` seconds of this process, ``peak_mib`` above Airflow's imports,
and the contender's own figures.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

CONCURRENCY = 16


def main() -> None:
    """Run the contender that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=sorted(CONTENDERS))
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--days", type=int, required=True)
    parser.add_argument("--end", required=True, help="the day after the last one, YYYY-MM-DD")
    parser.add_argument("--folder", required=True, help="where objects go")
    options = parser.parse_args()
    before = _airflow_mib() if options.contender == "ours" else _peak_mib()
    run = CONTENDERS[options.contender](options)
    began, cpu = time.perf_counter(), time.process_time()
    figures = run() or {}
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mib": _peak_mib() - before, **figures}))


def _airflow_mib() -> float:
    """Return the memory of a process that has imported what every task imports."""
    import airflow.sdk
    from airflow.sdk import BaseHook, BaseOperator, ObjectStoragePath

    del airflow, BaseHook, BaseOperator, ObjectStoragePath
    return _peak_mib()


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours(options: argparse.Namespace) -> Callable[[], Any]:
    """Land with the transfer operator, as a task runs it."""
    connection = {"conn_type": "braze", "host": options.url, "password": options.key, "extra": {"timezone": "UTC"}}
    os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"] = json.dumps(connection)
    import requests
    from airflow.sdk import ObjectStoragePath

    from airflow_provider_braze.landing import run as landing_run
    from airflow_provider_braze.landing.memory import load_arrow

    load_arrow()
    import pyarrow

    pyarrow.scalar(0)  # Arrow imports pandas, where it is installed, with the first value
    import pyarrow.compute
    import pyarrow.parquet

    from airflow_provider_braze.landing import publish, spool, store
    from airflow_provider_braze.tables import messages
    from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

    del pyarrow, requests, store
    start, end = _span(options)
    operator = CampaignDataSeriesToObjectStorageOperator(
        task_id="land", destination=f"file://{options.folder}", start=start, end=end, concurrency=CONCURRENCY
    )
    ObjectStoragePath(f"file://{options.folder}").fs.exists(options.folder)
    ti = SimpleNamespace(dag_id="dag", run_id="run", task_id="land", map_index=-1, try_number=1)
    run_after = datetime.now(timezone.utc)
    context = {"ti": ti, "dag": None, "dag_run": SimpleNamespace(run_type="manual", run_after=run_after)}

    fetching = 0.0
    fetch = landing_run._fetch_into

    def timed(*arguments: Any, **named: Any) -> None:
        nonlocal fetching
        began = time.perf_counter()
        fetch(*arguments, **named)
        fetching += time.perf_counter() - began

    landing_run._fetch_into = timed
    listing = operator._list

    def timed_list(hook: Any) -> Any:
        nonlocal fetching
        began = time.perf_counter()
        found = listing(hook)
        fetching += time.perf_counter() - began
        return found

    operator._list = timed_list
    costs = dict.fromkeys(("decode", "build", "spool", "publish"), 0.0)
    _measure(messages.MessageDecoder, "decode", costs, "decode", time.thread_time)
    _measure(messages.MessageDecoder, "build", costs, "build", time.thread_time)
    _measure(spool.Spool, "add", costs, "spool", time.thread_time)
    # Publishing has threads of its own. With one chunk of days nothing else runs beside it.
    _measure(publish.Publisher, "publish_days", costs, "publish", time.process_time)

    def run() -> dict[str, Any]:
        began = time.process_time()
        summary = operator.execute(context)
        rest = time.process_time() - began - sum(costs.values())
        counts = {"calls": summary["requests"], "changed_days": summary["changed_days"]}
        return {**counts, "fetching": fetching, "transport_and_rest": rest, **costs}

    return run


def _measure(owner: type, name: str, costs: dict[str, float], part: str, clock: Callable[[], float]) -> None:
    """Add the processor time of a method to one part's costs."""
    method, lock = getattr(owner, name), threading.Lock()

    def measured(*arguments: Any, **named: Any) -> Any:
        began = clock()
        try:
            return method(*arguments, **named)
        finally:
            spent = clock() - began
            with lock:
                costs[part] += spent

    setattr(owner, name, measured)


def readers(options: argparse.Namespace) -> Callable[[], Any]:
    """Download the same responses with the same number of threads, and do nothing else."""
    get = _getter(options)
    calls = [params for campaign_id in _ids(get) for params in _calls(campaign_id, options)]
    return lambda: {"bytes": sum(_each(lambda params: len(get("/campaigns/data_series", params).content), calls))}


def loop(options: argparse.Namespace) -> Callable[[], Any]:
    """Land as a hand-written loop does: requests, pandas, to_parquet, threads. It checks, merges and types nothing."""
    import pandas as pd

    get = _getter(options)
    pd.DataFrame({"dt": ["x"]}).to_parquet(f"{options.folder}-warm-up", partition_cols=["dt"])

    def fetch(campaign_id: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        days, rows = [], []
        for params in _plain_calls(campaign_id, options):
            for day in get("/campaigns/data_series", params).json()["data"]:
                key = {"campaign_id": campaign_id, "dt": day["time"]}
                messages = day.pop("messages", {})
                days.append({**key, **day})
                rows += [{**key, "channel": name, **row} for name, group in messages.items() for row in group]
        return days, rows

    def run() -> None:
        fetched = _each(fetch, _ids(get))
        for name, tables in zip(("campaign_days", "campaign_messages"), zip(*fetched, strict=True), strict=True):
            frame = pd.DataFrame([row for table in tables for row in table])
            frame.to_parquet(f"{options.folder}/{name}", partition_cols=["dt"])

    return run


def dlt(options: argparse.Namespace) -> Callable[[], Any]:
    """Land with dlt's declarative rest_api source: 16 workers, Parquet on a local file system."""
    os.environ.update(
        RUNTIME__DLTHUB_TELEMETRY="false",
        RUNTIME__LOG_LEVEL="CRITICAL",
        EXTRACT__WORKERS=str(CONCURRENCY),
        NORMALIZE__WORKERS="2",
        LOAD__WORKERS=str(CONCURRENCY),
        DLT_DATA_DIR=f"{options.folder}-dlt",
    )
    import dlt as library
    from dlt.destinations import filesystem
    from dlt.sources.rest_api import rest_api_source

    get = _getter(options)

    @library.resource(name="calls", selected=False)
    def calls() -> Any:
        yield [params for campaign_id in _ids(get) for params in _plain_calls(campaign_id, options)]

    source = rest_api_source(
        {
            "client": {
                "base_url": options.url,
                "auth": {"type": "bearer", "token": options.key},
                "paginator": "single_page",
            },
            "resources": [
                {
                    "name": "campaign_days",
                    "parallelized": True,
                    "endpoint": {
                        "path": "campaigns/data_series",
                        "params": {
                            name: f"{{resources.calls.{name}}}" for name in ("campaign_id", "length", "ending_at")
                        },
                        "data_selector": "data",
                    },
                    "include_from_parent": ["campaign_id"],
                },
                calls(),
            ],
        }
    )
    pipeline = library.pipeline(
        "bench", destination=filesystem(f"file://{options.folder}"), dataset_name="lake", progress=None
    )
    return lambda: pipeline.run(source, loader_file_format="parquet") and None


CONTENDERS = {"ours": ours, "readers": readers, "loop": loop, "dlt": dlt}


def _getter(options: argparse.Namespace) -> Callable[..., Any]:
    import requests

    local = threading.local()

    def get(path: str, params: dict[str, str]) -> Any:
        if not hasattr(local, "session"):
            local.session = requests.Session()
            local.session.headers.update({"Authorization": f"Bearer {options.key}", "Accept-Encoding": "gzip"})
        response = local.session.get(options.url + path, params=params, timeout=60)
        response.raise_for_status()
        return response

    return get


def _ids(get: Callable[..., Any]) -> list[str]:
    ids, page = [], 0
    while entries := get("/campaigns/list", {"page": str(page), "include_archived": "true"}).json()["campaigns"]:
        ids += [entry["id"] for entry in entries]
        page += 1
    return ids


def _span(options: argparse.Namespace) -> tuple[str, str]:
    end = datetime.fromisoformat(options.end)
    return (end - timedelta(days=options.days)).date().isoformat(), end.date().isoformat()


def _calls(campaign_id: str, options: argparse.Namespace) -> list[dict[str, str]]:
    """Return the calls that the operator makes."""
    from airflow_provider_braze.core.calls import split_window
    from airflow_provider_braze.core.models import Window
    from airflow_provider_braze.series.campaigns import CAMPAIGNS

    start, end = (datetime.fromisoformat(day).date() for day in _span(options))
    calls = split_window(Window(start, end), now=datetime.now(timezone.utc))
    return [CAMPAIGNS.call_params(CAMPAIGNS.subject(campaign_id), call) for call in calls]


def _plain_calls(campaign_id: str, options: argparse.Namespace) -> list[dict[str, str]]:
    """Return calls of 100 days each, without the extra day by which the operator proves completeness."""
    end, calls = datetime.fromisoformat(options.end), []
    for done in range(0, options.days, 100):
        last = end - timedelta(days=done, seconds=1)
        length = min(100, options.days - done)
        calls.append({"campaign_id": campaign_id, "length": str(length), "ending_at": last.isoformat() + "Z"})
    return calls


def _each(function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        return list(pool.map(function, items))


if __name__ == "__main__":
    sys.exit(main())
