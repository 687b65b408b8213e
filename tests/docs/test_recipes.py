"""The recipes work: messages, deadlines, metrics, removals, a test of a Dag."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from airflow_provider_braze.coverage.model import find_violations
from airflow_provider_braze.coverage.report import read_coverage
from airflow_provider_braze.exceptions import BrazePartialError
from airflow_provider_braze.landing.store import Store
from airflow_provider_braze.sandbox import Sandbox
from airflow_provider_braze.sandbox.campaigns import all_campaigns
from airflow_provider_braze.sandbox.data import campaign_ids
from airflow_provider_braze.series import all_series
from airflow_provider_braze.task.airflow import ObjectStoragePath
from airflow_provider_braze.task.metrics import landing_metrics, request_metrics
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from airflow_provider_braze.transport.sender import TransportStats
from tests.docs.pages import DOCS, ROOT, blocks
from tests.lines import for_this_airflow, load_dags
from tests.stores import Destination

pytestmark = [pytest.mark.any_store, pytest.mark.unmeasured]

PAGE = DOCS / "recipes.md"
MONITORING = DOCS / "monitoring"
CODE = [for_this_airflow(block.code) for block in blocks(PAGE) if block.language == "python"]
AS_OF = datetime(2026, 11, 19, 6, tzinfo=timezone.utc)


def code_with(text: str) -> str:
    (code,) = [code for code in CODE if text in code]
    return code


def run(code: str) -> SimpleNamespace:
    space: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), space)
    return SimpleNamespace(**space)


class Slack(BaseHTTPRequestHandler):
    """A server of incoming webhooks."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, json.loads(body)["text"]))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def slack(monkeypatch) -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Slack) as server:
        server.received, server.status = [], 200
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        host = f"http://127.0.0.1:{server.server_port}/services"
        connection = {"conn_type": "slackwebhook", "host": host, "password": "T0/B0/x"}
        monkeypatch.setenv("AIRFLOW_CONN_SLACK_WEBHOOK", json.dumps(connection))
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def alerts(tmp_path, monkeypatch) -> Iterator[ModuleType]:
    """Yield the module of the page, importable by its name."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/braze_alerts.py").write_text(code_with("def report_failure"))
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    import braze_alerts

    yield braze_alerts
    del sys.modules["braze_alerts"]


def sent(slack: Any) -> str:
    ((path, text),) = slack.received
    assert path == "/services/T0/B0/x"
    return text


def context_of(operator: Any, error: BaseException, record_uri: str | None) -> dict[str, Any]:
    pulled = {"record": record_uri}
    ti = SimpleNamespace(
        task_id=operator.task_id, map_index=-1, xcom_pull=lambda *, task_ids, key, map_indexes: pulled[key]
    )
    return {"ti": ti, "task": operator, "exception": error}


class Instance:
    dag_id, run_id, task_id, map_index, try_number = "dag", "run", "land", -1, 1

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def test_slack_receives_the_names_of_failed_campaigns(alerts, slack, braze, make_context, tmp_path, monkeypatch):
    braze.configure(campaigns=4, as_of=AS_OF.isoformat())
    failing = campaign_ids(braze.settings)[2]
    braze.configure(faults={"bad_subjects": {failing: 500}})
    connection = json.loads(os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"])
    connection["extra"]["max_attempts"] = 1
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))
    operator = CampaignDataSeriesToObjectStorageOperator(
        task_id="land", destination=f"file://{tmp_path}/lake", lookback_days=1
    )
    ti = Instance()
    with pytest.raises(BrazePartialError) as caught:
        operator.execute(make_context(run_after=AS_OF) | {"ti": ti})
    alerts.report_failure(context_of(operator, caught.value, ti.pushed["record"]))
    first, *lines = sent(slack).splitlines()
    (name,) = [each.name for each in all_campaigns(0, 4).values() if each.id == failing]
    assert first.startswith("land failed: ")
    assert [line for line in lines if line.startswith("•")] == [line for line in lines if name in line]
    assert sum(line.startswith("•") for line in lines) == 1


def test_slack_receives_the_error_of_a_task_that_had_not_started_to_land(alerts, slack):
    operator = CampaignDataSeriesToObjectStorageOperator(task_id="land", destination="file:///nowhere")
    alerts.report_failure(context_of(operator, ValueError("<!channel> & more"), None))
    assert sent(slack) == "land failed: &lt;!channel&gt; &amp; more"


def test_slack_receives_at_most_twenty_names(alerts, slack, tmp_path):
    record = tmp_path / "record.json"
    failed = {f"id{number:02}": {"class": "E", "message": "m"} for number in range(23)}
    record.write_text(json.dumps({"subjects": {"failed": failed}}))
    operator = CampaignDataSeriesToObjectStorageOperator(task_id="land", destination=f"file://{tmp_path}/lake")
    alerts.report_failure(context_of(operator, ValueError("x"), f"file://{record}"))
    lines = sent(slack).splitlines()
    assert lines[1] == "• id00: m"
    assert (len(lines), lines[-1]) == (22, f"and 3 more, see file://{record}")


def test_rejected_slack_message_raises_without_the_address(alerts, slack):
    slack.status = 404
    with pytest.raises(RuntimeError, match=r"^Slack returned status 404\.$"):
        alerts.post_to_slack("text")


@pytest.mark.since_airflow("3.1")
def test_deadline_has_a_callback_that_sends_its_text(alerts, slack, tmp_path):
    path = tmp_path / "a_dag.py"
    path.write_text(code_with("DeadlineAlert("))
    (dag,) = load_dags([path]).values()
    (deadline,) = dag.deadline if isinstance(dag.deadline, list) else [dag.deadline]
    module, name = deadline.callback.path.rsplit(".", 1)
    assert module == alerts.__name__
    asyncio.run(getattr(alerts, name)(**deadline.callback.kwargs, context={}))
    assert sent(slack) == "Braze has not landed after 3 hours"


def test_timeout_fails_the_run_and_sends_the_reason(alerts, slack, tmp_path):
    path = tmp_path / "a_dag.py"
    path.write_text(code_with("dagrun_timeout="))
    (dag,) = load_dags([path]).values()
    callback = dag.on_failure_callback
    (callback,) = callback if isinstance(callback, list) else [callback]
    callback({"dag_run": SimpleNamespace(dag_id=dag.dag_id), "reason": "timed_out"})
    assert dag.dagrun_timeout.total_seconds() == 3 * 3600
    assert sent(slack) == "braze_by_nine failed: timed_out"


def test_landing_dag_has_the_callback(alerts, tmp_path):
    path = tmp_path / "a_dag.py"
    path.write_text(code_with("on_failure_callback=report_failure"))
    (dag,) = load_dags([path]).values()
    callback = dag.get_task("land_campaigns").on_failure_callback
    assert alerts.report_failure in (callback if isinstance(callback, list) else [callback])


def metric_names() -> dict[str, str]:
    """Return every metric that the package sends, with its kind."""
    record = {
        **{"state": "success", "seconds": 1.0, "changed_days": [], "restatement": {}, "plan": {"timezone": "UTC"}},
        "writes": {"start": "2026-11-01", "end": "2026-11-02"},
        "subjects": {"landed": 1, "rejected": {}, "failed": {}, "missing_days": {}},
    }
    found = dict(request_metrics(TransportStats()))
    for series in all_series():
        tables = {table.name: {"rows": 1, "written": 1} for table in series.tables}
        found |= landing_metrics({**record, "series": series.name, "tables": tables})
    kinds = {int: "counter", timedelta: "timing", datetime: "gauge"}
    return {name: kinds[type(value)] for name, value in found.items()}


def in_prometheus() -> dict[str, set[str]]:
    """Return the names of the metrics in Prometheus, with their labels."""
    mappings = yaml.safe_load((MONITORING / "statsd-exporter.yml").read_text())["mappings"]
    found = {}
    for metric, kind in metric_names().items():
        name, labels = f"airflow_braze_{metric.replace('.', '_')}", set()
        for mapping in mappings:
            if re.fullmatch(re.escape(mapping["match"]).replace(r"\*", r"[^.]+"), f"airflow.braze.{metric}"):
                name, labels = mapping["name"], set(mapping["labels"])
                break
        found[f"{name}_sum" if kind == "timing" else name] = labels
    return found


def expressions() -> list[str]:
    rules = yaml.safe_load((MONITORING / "prometheus-rules.yml").read_text())
    panels = json.loads((MONITORING / "grafana-dashboard.json").read_text())["panels"]
    return [
        *(rule["expr"] for group in rules["groups"] for rule in group["rules"]),
        *(target["expr"] for panel in panels for target in panel["targets"]),
    ]


def test_rules_and_dashboard_use_existing_metrics_and_labels():
    known = in_prometheus()
    used = set()
    for expression in expressions():
        names = re.findall(r"airflow_\w+", expression)
        labels = set(re.findall(r"by \((\w+)\)", expression))
        assert names
        assert all(labels <= known[name] for name in names), expression
        used.update(names)
    assert used == known.keys()


def test_dashboard_has_panels_side_by_side_with_unique_names():
    panels = json.loads((MONITORING / "grafana-dashboard.json").read_text())["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len({panel["id"] for panel in panels}) == len({each["title"] for each in panels})


def test_page_names_the_alert_that_replaces_a_deadline():
    rules = (MONITORING / "prometheus-rules.yml").read_text()
    assert "rule `BrazeDaysLate`" in PAGE.read_text()
    assert "alert: BrazeDaysLate" in rules


@pytest.fixture
def land(braze: Sandbox, destination: Destination, make_context: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Return a function that lands 40 days of six campaigns."""
    braze.configure(campaigns=6, as_of=AS_OF.isoformat())

    def execute(**arguments: Any) -> dict[str, Any]:
        operator = CampaignDataSeriesToObjectStorageOperator(
            task_id="land",
            destination=destination.uri,
            object_storage_conn_id=destination.conn_id,
            **{"lookback_days": 39, **arguments},
        )
        summary: dict[str, Any] = operator.execute(make_context(run_after=AS_OF))
        return summary

    return execute


def test_removed_campaign_is_in_no_object_and_does_not_land_again(land, destination, braze):
    land()
    removed, *others = campaign_ids(braze.settings)
    days = {name: destination.table(name).num_rows for name in ("campaign_days", "campaigns")}
    rewritten = run(code_with("def remove_campaigns")).remove_campaigns(destination.uri, [removed], destination.conn_id)
    assert len(rewritten) >= 41
    assert {name: destination.table(name).num_rows for name in days} == {"campaign_days": 200, "campaigns": 5}
    assert not [name for name, content in destination.data().items() if removed.encode() in content]
    choose = run(code_with("def choose_campaigns").replace("11111111-2222-3333-4444-555555555555", removed))
    chosen = choose.choose_campaigns.function()
    assert sorted(chosen) == sorted(others)
    assert land(campaign_ids=chosen)["changed_days"] == 0
    assert not [name for name, content in destination.data().items() if removed.encode() in content]


def test_removed_workspace_leaves_nothing_and_another_can_land_there(land, destination, braze):
    land()
    run(code_with("def remove_workspace")).remove_workspace(destination.uri, destination.conn_id)
    assert destination.contents() == {}
    assert land(timezone="America/New_York", lookback_days=1)["days"] == 2


def test_removed_days_are_not_missing_and_the_others_stay(land, destination):
    land(start="2026-06-01", end="2026-06-11", tables=["campaign_days", "campaigns"])
    land()
    before = destination.data()
    remove = run(code_with("def remove_days_before")).remove_days_before
    assert remove(date(2026, 6, 6), destination.uri, destination.conn_id) == 5
    removed = before.keys() - destination.data().keys()
    assert removed == {f"campaign_days/dt=2026-06-0{day}/part-00-of-01.parquet" for day in range(1, 6)}


def test_coverage_misses_removed_days_only_while_a_record_requests_them(land, destination):
    store = Store(destination.uri, destination.conn_id)
    history = land(start="2026-10-01", end="2026-10-11")
    land(lookback_days=38)
    run(code_with("def remove_days_before")).remove_days_before(
        date(2026, 10, 11), destination.uri, destination.conn_id
    )
    (violation,) = find_violations(read_coverage(store, None, AS_OF), None, 0)
    assert "2026-10-01" in violation
    # As when the record is older than 40 days.
    ObjectStoragePath(history["record"], conn_id=destination.conn_id).unlink()
    assert find_violations(read_coverage(store, None, AS_OF), None, 0) == []


@pytest.mark.since_airflow("3.2")
def test_dag_of_the_page_is_tested_with_the_sandbox(tmp_path):
    (tmp_path / "dags").mkdir()
    shutil.copy(ROOT / "example_dags/example_braze_daily.py", tmp_path / "dags")
    (tmp_path / "conftest.py").write_text(code_with("AIRFLOW__CORE__DAGS_FOLDER"))
    (tmp_path / "test_braze_daily.py").write_text(code_with("def test_daily_lands"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "1 passed" in done.stdout
