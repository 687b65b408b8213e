from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from airflow_provider_braze.hooks.braze import BrazeHook
from airflow_provider_braze.sandbox.data import campaign_ids
from airflow_provider_braze.task.airflow import Stats
from airflow_provider_braze.task.metrics import emit, landing_metrics, request_metrics
from airflow_provider_braze.transport.sender import TransportStats

OPERATING = Path(__file__).resolve().parents[2] / "docs" / "operating.md"

TASK = """
import sys
from datetime import datetime, timezone
from types import SimpleNamespace
try:
    from airflow.sdk.observability import stats
    from airflow.sdk.observability.metrics import stats_utils
except ImportError:
    pass  # Airflow before 3.2 does it by itself
else:
    # As Airflow's task runner begins.
    if hasattr(stats, "initialize"):
        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
    else:  # Airflow 3.2
        stats.Stats.initialize(factory=stats_utils.get_stats_factory(stats.Stats))
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
operator = CampaignDataSeriesToObjectStorageOperator(
    task_id="land", destination=f"file://{sys.argv[1]}", start="2026-11-01", end="2026-11-04"
)
ti = SimpleNamespace(dag_id="dag", run_id="run", task_id="land", map_index=-1, try_number=1)
dag_run = SimpleNamespace(run_type="manual", run_after=datetime.now(timezone.utc))
operator.execute({"ti": ti, "dag": None, "dag_run": dag_run})
"""


def a_record():
    return {
        "state": "success",
        "writes": {"start": "2026-10-30", "end": "2026-11-02"},
        "plan": {"timezone": "America/New_York"},
        "seconds": 12.5,
        "changed_days": ["2026-11-01", "2026-11-02"],
        "restatement": {age: {"rows": 40, "changed": 2, "figures": {}} for age in ("1", "2")},
        "series": "campaigns",
        "subjects": {
            "landed": 7,
            "rejected": {"a": {}},
            "failed": {"b": {}, "c": {}},
            "missing_days": {"d": ["2026-11-01"], "e": ["2026-11-01", "2026-11-02"]},
        },
        "tables": {
            "campaign_days": {"rows": 40, "written": 2},
            "campaigns": {"rows": 9, "written": 0},
        },
    }


def test_landing_metrics_count_the_results_in_the_record():
    assert landing_metrics(a_record()) == {
        "duration": timedelta(seconds=12.5),
        "changed_days": 2,
        "compared_rows": 80,
        "restated_rows": 4,
        "missing_days": 3,
        "campaigns.landed": 7,
        "campaigns.rejected": 1,
        "campaigns.failed": 2,
        "rows.campaign_days": 40,
        "rows.campaigns": 9,
        "objects_written.campaign_days": 2,
        "objects_written.campaigns": 0,
        # The first of November ends when standard time is back.
        "landed_until.campaigns": datetime(2026, 11, 2, 5, tzinfo=timezone.utc),
    }


@pytest.mark.parametrize("change", [{"state": "failed"}, {"writes": None}])
def test_landed_until_is_set_only_by_a_successful_run_of_days(change):
    assert not [name for name in landing_metrics(a_record() | change) if name.startswith("landed_until")]


def test_request_metrics_equal_those_of_the_transport():
    stats = TransportStats(requests=5, retries=2, waits=3, waited_seconds=1.5)
    expected = {"requests": 5, "retries": 2, "waits": 3, "waited": timedelta(seconds=1.5)}
    assert request_metrics(stats) == expected


def test_documentation_lists_every_metric():
    sent = {*request_metrics(TransportStats()), *landing_metrics(a_record())}
    documented = set(re.findall(r"^\| `braze\.([^`]+)` \|", OPERATING.read_text(), re.MULTILINE))
    sent = {re.sub(r"^landed_until\.campaigns$", "landed_until.<series>", name) for name in sent}
    assert {name.replace("campaign_days", "<table>") for name in sent if not name.endswith(".campaigns")} == documented


@pytest.fixture
def statsd():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        yield server


def received(server):
    """Return the sum of each of the package's metrics by its kind."""
    sums = {"c": Counter(), "ms": Counter(), "g": Counter()}
    while True:
        try:
            lines = server.recv(65536).decode().split("\n")
        except BlockingIOError:
            return sums
        for name, value, kind in (re.split("[:|]", line)[:3] for line in lines):
            if name.startswith("airflow.braze."):
                sums[kind][name.removeprefix("airflow.braze.")] += float(value)


@pytest.fixture
def run_task(statsd, tmp_path):
    """Return a function that runs a landing task in its own process, and returns the ended process."""

    def run():
        environment = {
            **os.environ,
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(statsd.getsockname()[1]),
        }
        command = [sys.executable, "-c", TASK, str(tmp_path)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    return run


def record_in(folder):
    (path,) = folder.glob("_braze/campaigns/journal/*.json")
    return json.loads(path.read_text())


def test_task_sends_its_results_to_a_statsd_server(run_task, statsd, braze, tmp_path):
    # Long enough that its rounded seconds are not zero.
    braze.configure(campaigns=4, latency_seconds=0.2)
    done = run_task()
    assert done.returncode == 0, done.stderr
    sums = received(statsd)
    assert sums["c"].pop("rows.campaign_messages") > 0
    assert sums["c"] == {
        "requests": braze.count(),
        "retries": 0,
        "waits": 0,
        "changed_days": 3,
        "compared_rows": 0,
        "restated_rows": 0,
        "missing_days": 0,
        "campaigns.landed": 4,
        "campaigns.rejected": 0,
        "campaigns.failed": 0,
        "rows.campaign_days": 12,
        "rows.campaigns": 4,
        "objects_written.campaign_days": 3,
        "objects_written.campaign_messages": 3,
        "objects_written.campaigns": 1,
    }
    assert sums["g"] == {"landed_until.campaigns": datetime(2026, 11, 4, tzinfo=timezone.utc).timestamp()}
    assert sums["ms"].keys() == {"duration", "waited"}
    assert sums["ms"]["duration"] == pytest.approx(1000 * record_in(tmp_path)["seconds"]) != 0


def test_task_that_fails_because_of_a_campaign_sends_its_results(run_task, statsd, braze, tmp_path, monkeypatch):
    braze.configure(campaigns=4, faults={"bad_subjects": {campaign_ids(braze.settings)[3]: 500}})
    connection = json.loads(os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"])
    connection["extra"]["max_attempts"] = 1
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))
    done = run_task()
    assert done.returncode != 0
    assert "BrazePartialError" in done.stderr
    sums = received(statsd)
    counts = {name: sums["c"][name] for name in ("campaigns.landed", "campaigns.failed", "rows.campaign_days")}
    assert counts == {"campaigns.landed": 3, "campaigns.failed": 1, "rows.campaign_days": 9}
    assert sums["c"]["requests"] == braze.count()
    assert not sums["g"]
    assert sums["ms"]["duration"] == pytest.approx(1000 * record_in(tmp_path)["seconds"])


def test_emit_to_a_failing_backend_logs_one_warning(monkeypatch, caplog):
    def fail(*arguments, **others):
        raise OSError("no such host")

    monkeypatch.setattr(Stats, "incr", fail)
    emit({"requests": 1, "retries": 2})
    assert [record.getMessage() for record in caplog.records] == [
        "The metrics of this run could not be sent: OSError: no such host"
    ]


def test_unused_hook_sends_no_metrics(monkeypatch):
    sent = []
    monkeypatch.setattr(Stats, "incr", lambda *arguments, **others: sent.append(arguments))
    BrazeHook().close()
    assert sent == []
