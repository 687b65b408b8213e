from __future__ import annotations

import json
import logging
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from datetime import date, datetime, timezone
from typing import Any, ClassVar

import psutil
import pytest

from airflow_provider_braze.exceptions import (
    BrazeAuthError,
    BrazeConfigError,
    BrazeDataError,
    BrazeError,
    BrazeMissingDaysError,
    BrazePartialError,
    BrazeWindowError,
)
from airflow_provider_braze.hooks.braze import BrazeHook
from airflow_provider_braze.operators import braze as operators
from airflow_provider_braze.operators.braze import CampaignDataSeriesOperator, CampaignListOperator
from airflow_provider_braze.sandbox import Sandbox
from airflow_provider_braze.sandbox.data import campaign_details, campaign_entry, campaign_ids, day_object
from airflow_provider_braze.task.airflow import AirflowFailException, AirflowSkipException

pytestmark = pytest.mark.timeout(60)

AS_OF = "2025-03-01T17:00:00Z"
SERIES = "/campaigns/data_series"
TWO_DAYS = {"start": "2025-02-26", "end": "2025-02-28"}


@pytest.fixture(autouse=True)
def workspace(braze: Sandbox) -> Sandbox:
    braze.configure(as_of=AS_OF)
    return braze


@pytest.fixture
def ids(workspace: Sandbox) -> list[str]:
    return campaign_ids(workspace.settings)


@pytest.fixture
def fetch(make_context) -> Callable[..., Any]:
    """Return a function that runs the operator in the context of a manual run, or in a given ``context``."""

    def run(context: dict[str, Any] | None = None, **arguments: Any) -> Any:
        return CampaignDataSeriesOperator(task_id="task", **arguments).execute(context or make_context())

    return run


@pytest.fixture
def listed(make_context) -> Callable[..., list[str]]:
    return lambda **arguments: CampaignListOperator(task_id="task", **arguments).execute(make_context())


def days_of(braze: Sandbox, campaigns: Iterable[str], *days: str) -> list[dict[str, Any]]:
    return [
        {"campaign_id": campaign_id, **day_object(braze.settings, campaign_id, date.fromisoformat(day))}
        for campaign_id in campaigns
        for day in days
    ]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)


# Results


def test_data_series_of_one_campaign_returns_its_days(workspace, fetch, ids):
    assert fetch(campaign_ids=ids[0], **TWO_DAYS) == days_of(workspace, ids[:1], "2025-02-26", "2025-02-27")


def test_data_series_of_many_campaigns_are_in_given_order_then_by_day(workspace, fetch, ids):
    chosen = [ids[5], ids[0], ids[12], ids[3], ids[5]]
    result = fetch(campaign_ids=chosen, concurrency=3, **TWO_DAYS)
    assert result == days_of(workspace, chosen[:4], "2025-02-26", "2025-02-27")
    assert {next(iter(day)) for day in result} == {"campaign_id"}
    assert json.loads(json.dumps(result)) == result


@pytest.mark.parametrize("write", [str, json.dumps, tuple])
def test_data_series_of_a_rendered_list_are_the_same(workspace, fetch, ids, write):
    result = fetch(campaign_ids=write(ids[:2]), **TWO_DAYS)
    assert result == days_of(workspace, ids[:2], "2025-02-26", "2025-02-27")


def test_data_series_renders_its_templates(workspace, ids, make_context):
    operator = CampaignDataSeriesOperator(
        task_id="task",
        campaign_ids="{{ found }}",
        start="{{ first }}",
        end="{{ stop }}",
        timezone="{{ zone }}",
        braze_conn_id="{{ connection }}",
    )
    rendered = {"found": ids[:2], "first": "2025-02-26", "stop": "2025-02-27", "zone": "UTC"}
    context = make_context(connection="braze_default", **rendered)
    operator.render_template_fields(context)
    assert operator.execute(context) == days_of(workspace, ids[:2], "2025-02-26")


def open_connections(braze: Sandbox) -> list[Any]:
    # Connections of the server have its port as their local port, those of a client as the remote port.
    port = int(braze.url.rsplit(":", 1)[1])
    found = psutil.Process().net_connections("tcp")
    return [each for each in found if each.raddr and each.raddr.port == port and each.status == "ESTABLISHED"]


class KeptHook(BrazeHook):
    """A hook that is still referenced after its task has ended, as by a traceback."""

    kept: ClassVar[list[BrazeHook]] = []

    def get_conn(self) -> Any:
        self.kept.append(self)
        return super().get_conn()


@pytest.mark.parametrize("permissions", [["campaigns.list", "campaigns.data_series"], []], ids=["good", "rejected"])
def test_operators_close_their_connections_after_success_and_failure(
    workspace, fetch, listed, ids, monkeypatch, permissions
):
    monkeypatch.setattr(operators, "BrazeHook", KeptHook)
    workspace.configure(permissions=permissions)
    for run in (lambda: fetch(campaign_ids=ids[:4], **TWO_DAYS), listed):
        with suppress(AirflowFailException):
            run()
    assert KeptHook.kept
    assert not open_connections(workspace)
    KeptHook.kept.clear()


# Days


def test_data_series_without_dates_returns_days_of_the_runs_interval(workspace, fetch, ids, make_context):
    context = make_context(
        run_type="scheduled", data_interval_start=utc(2025, 2, 26), data_interval_end=utc(2025, 2, 28)
    )
    result = fetch(context, campaign_ids=ids[0])
    assert result == days_of(workspace, ids[:1], "2025-02-26", "2025-02-27")


def test_data_series_with_lookback_includes_earlier_days(workspace, fetch, ids, make_context):
    context = make_context(
        run_type="scheduled", data_interval_start=utc(2025, 2, 27), data_interval_end=utc(2025, 2, 28)
    )
    result = fetch(context, campaign_ids=ids[0], lookback_days=2)
    assert result == days_of(workspace, ids[:1], "2025-02-25", "2025-02-26", "2025-02-27")


@pytest.mark.parametrize(
    ("connection", "argument", "day"),
    [
        ("UTC", None, "2025-02-27"),
        ("America/New_York", None, "2025-02-26"),
        ("UTC", "America/New_York", "2025-02-26"),
        ("America/New_York", "UTC", "2025-02-27"),
    ],
)
def test_data_series_uses_days_of_the_companys_zone(
    workspace, fetch, ids, make_context, monkeypatch, connection, argument, day
):
    workspace.configure(timezone=argument or connection)
    monkeypatch.setenv(
        "AIRFLOW_CONN_BRAZE_DEFAULT",
        json.dumps({**json.loads(workspace.connection_json()), "extra": {"timezone": connection}}),
    )
    context = make_context(
        run_type="scheduled", data_interval_start=utc(2025, 2, 27), data_interval_end=utc(2025, 2, 28)
    )
    result = fetch(context, campaign_ids=ids[0], timezone=argument)
    assert result == days_of(workspace, ids[:1], day)


def test_data_series_of_an_interval_without_an_ended_day_is_skipped(workspace, fetch, ids, make_context):
    context = make_context(
        run_type="scheduled", data_interval_start=utc(2025, 2, 27, 3), data_interval_end=utc(2025, 2, 27, 4)
    )
    with pytest.raises(AirflowSkipException, match="No day ended"):
        fetch(context, campaign_ids=ids[0])
    assert workspace.count() == 0


def test_data_series_of_days_that_have_not_ended_may_be_retried(workspace, fetch, ids):
    with pytest.raises(BrazeWindowError) as caught:
        fetch(campaign_ids=ids[0], start="2999-01-01", end="2999-01-03")
    assert not isinstance(caught.value, AirflowFailException)
    assert workspace.count() == 0


@pytest.mark.parametrize(("policy", "error"), [("warn", None), ("ignore", None), ("fail", BrazeMissingDaysError)])
def test_data_series_with_missing_days_warns_fails_or_ignores(workspace, fetch, ids, caplog, policy, error):
    workspace.configure(faults={"missing_days": {ids[0]: ["2025-02-26"]}})
    if error:
        with pytest.raises(error, match="2025-02-26"):
            fetch(campaign_ids=ids[:2], missing_days=policy, **TWO_DAYS)
        return
    result = fetch(campaign_ids=ids[:2], missing_days=policy, **TWO_DAYS)
    assert [(day["campaign_id"], day["time"]) for day in result] == [
        (ids[0], "2025-02-27"),
        (ids[1], "2025-02-26"),
        (ids[1], "2025-02-27"),
    ]
    warned = [record for record in caplog.records if "2025-02-26" in record.getMessage() and record.levelname != "INFO"]
    assert bool(warned) is (policy == "warn")


# Rejected arguments and responses


@pytest.mark.parametrize("value", [None, "", "None"])
def test_data_series_without_campaigns_fails_permanently(workspace, fetch, value):
    with pytest.raises(AirflowFailException, match=r"`campaign_ids` (is empty|was given, but rendered to)"):
        fetch(campaign_ids=value, **TWO_DAYS)


@pytest.mark.parametrize("value", [[], "[]"])
def test_data_series_of_an_empty_list_is_skipped(workspace, fetch, value):
    with pytest.raises(AirflowSkipException, match="empty list"):
        fetch(campaign_ids=value, **TWO_DAYS)
    assert workspace.count() == 0


@pytest.mark.parametrize("value", [5, "[5]", [None]])
def test_data_series_of_invalid_ids_fails_permanently(fetch, value):
    with pytest.raises(AirflowFailException, match="Give one id, or a list of ids"):
        fetch(campaign_ids=value, **TWO_DAYS)


def test_data_series_too_large_for_xcom_names_the_transfer(fetch, ids):
    size = len(json.dumps(fetch(campaign_ids=ids[0], **TWO_DAYS)))
    assert fetch(campaign_ids=ids[0], max_xcom_bytes=size, **TWO_DAYS)
    with pytest.raises(AirflowFailException, match="CampaignDataSeriesToObjectStorageOperator") as caught:
        fetch(campaign_ids=ids[0], max_xcom_bytes=size - 1, **TWO_DAYS)
    assert f"{size:,} bytes" in str(caught.value)


def test_data_series_of_an_unknown_campaign_fails_permanently_and_names_it(workspace, fetch, ids):
    with pytest.raises(AirflowFailException, match="unknown-campaign") as caught:
        fetch(campaign_ids=[ids[0], "unknown-campaign", ids[1]], **TWO_DAYS)
    cause = caught.value.__cause__
    assert isinstance(cause, BrazePartialError)
    assert list(cause.failures) == ["unknown-campaign"]
    assert workspace.count(SERIES, 200) == 2


def test_contradictory_data_series_may_be_retried(workspace, fetch, ids):
    workspace.configure(faults={"contradicting_days": 1.0, "missing_days": {"*": ["2025-02-28", "2025-02-25"]}})
    with pytest.raises(BrazePartialError) as caught:
        fetch(campaign_ids=ids[:2], **TWO_DAYS)
    assert not caught.value.is_permanent
    assert sorted(caught.value.failures) == sorted(ids[:2])
    assert all(text.startswith(BrazeDataError.__name__) for text in caught.value.failures.values())


def test_data_series_with_a_wrong_key_fails_permanently_at_once(workspace, fetch, ids):
    workspace.configure(api_key="another-key")
    with pytest.raises(AirflowFailException, match="BrazeAuthError") as caught:
        fetch(campaign_ids=ids, concurrency=1, **TWO_DAYS)
    assert isinstance(caught.value.__cause__, BrazeAuthError)
    assert workspace.count() <= 2


def test_data_series_with_an_unusable_connection_fails_permanently(fetch, ids, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", "braze://:key-of-the-test@dashboard-01.braze.com")
    with pytest.raises(AirflowFailException, match=r"Use rest\.iad-01\.braze\.com"):
        fetch(campaign_ids=ids[0], **TWO_DAYS)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("concurrency", 0),
        ("concurrency", 257),
        ("lookback_days", -1),
        ("missing_days", "maybe"),
        ("max_xcom_bytes", "1000"),
    ],
)
def test_data_series_with_a_wrong_argument_fails_when_the_dag_is_parsed(name, wrong):
    with pytest.raises(BrazeConfigError, match=f"`{name}`"):
        CampaignDataSeriesOperator(task_id="task", campaign_ids="a", **{name: wrong})


# The list


def test_list_returns_the_ids_of_campaigns_that_are_not_archived(workspace, listed, ids):
    archived = [each for each in ids if campaign_details(workspace.settings, each)["archived"]]
    assert listed() == [each for each in ids if each not in archived]
    assert listed(include_archived=True) == ids


def entries(braze: Sandbox) -> list[dict[str, Any]]:
    return [campaign_entry(braze.settings, number) for number in range(braze.settings.campaigns)]


def test_list_by_tag_keeps_campaigns_with_that_tag(workspace, listed):
    tagged = [entry["id"] for entry in entries(workspace) if "push" in entry["tags"]]
    assert 0 < len(tagged) < 20
    assert listed(tag="push", include_archived=True) == tagged
    assert listed(tag="pus", include_archived=True) == []


@pytest.mark.parametrize("pattern", ["^Newsletter", "(?i)PUSH", r"#\d$"])
def test_list_by_name_pattern_keeps_campaigns_with_a_matching_name(workspace, listed, pattern):
    named = [entry["id"] for entry in entries(workspace) if re.search(pattern, entry["name"])]
    assert 0 < len(named) < 20
    assert listed(name_pattern=pattern, include_archived=True) == named


def test_list_by_tag_and_name_keeps_campaigns_with_both(workspace, listed):
    both = [each["id"] for each in entries(workspace) if "push" in each["tags"] and "basket" in each["name"]]
    assert both
    assert listed(tag="push", name_pattern="basket") == both


@pytest.mark.parametrize("nothing", [None, "", "None"])
def test_list_without_filter_keeps_all(listed, ids, nothing):
    found = listed(tag=nothing, name_pattern=nothing, edited_after=nothing, include_archived=True)
    assert found == ids


@pytest.mark.parametrize("write", [lambda moment: moment, datetime.isoformat, lambda moment: f"{moment:%FT%TZ}"])
def test_list_edited_after_omits_older_campaigns(workspace, listed, write):
    moments = {entry["id"]: datetime.fromisoformat(entry["last_edited"]) for entry in entries(workspace)}
    moment = sorted(moments.values())[9]
    edited = [campaign_id for campaign_id in moments if moments[campaign_id] > moment]
    assert listed(edited_after=write(moment), include_archived=True) == edited
    assert len(edited) == 10


@pytest.mark.parametrize(
    "wrong", ["soon", "2025-02-30T00:00:00Z", "2025-02-26", "2025-02-26T00:00:00", date(2025, 2, 26), 5]
)
def test_list_edited_after_an_invalid_value_fails_permanently(workspace, listed, wrong):
    with pytest.raises(AirflowFailException, match=r"`edited_after`.* Give a moment with its offset"):
        listed(edited_after=wrong)
    assert workspace.count() == 0


def test_list_with_a_wrong_pattern_fails_permanently(workspace, listed):
    with pytest.raises(AirflowFailException, match=r"`name_pattern` is '\(', which is not a regular expression"):
        listed(name_pattern="(")
    assert workspace.count() == 0


def test_list_accepts_entries_without_some_keys(raw_server, listed, monkeypatch):
    campaigns = [{"id": "a"}, {"id": "b", "name": None, "tags": None}, {"id": "c", "name": "x", "tags": [None, "t"]}]
    bodies = [json.dumps({"campaigns": page}).encode() for page in (campaigns, []) * 2]
    head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n"
    for arguments, found in [({}, ["a", "b", "c"]), ({"tag": "t"}, ["c"]), ({"name_pattern": "x"}, ["c"])]:
        server = raw_server(*(head.format(len(body)).encode() + body for body in bodies))
        connection = {"conn_type": "braze", "host": server.url, "password": "key-of-the-test"}
        monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))
        assert listed(**arguments) == found


def test_list_with_a_wrong_key_fails_permanently(workspace, listed):
    workspace.configure(api_key="another-key")
    with pytest.raises(AirflowFailException, match="BrazeAuthError"):
        listed()


def test_list_renders_its_templates(workspace, make_context):
    operator = CampaignListOperator(task_id="task", tag="{{ kind }}", name_pattern="{{ kind }}", include_archived=True)
    context = make_context(kind="push")
    operator.render_template_fields(context)
    assert (operator.tag, operator.name_pattern) == ("push", "push")


# Kill signals


@pytest.mark.parametrize("operator", [CampaignListOperator, CampaignDataSeriesOperator])
def test_on_kill_before_execute_does_nothing(operator):
    arguments = {"campaign_ids": "a"} if operator is CampaignDataSeriesOperator else {}
    operator(task_id="task", **arguments).on_kill()


class KillingHandler(logging.Handler):
    """Kills a task as soon as it waits."""

    def __init__(self, kill: Callable[[], None]) -> None:
        super().__init__()
        self.kill = kill

    def emit(self, record: logging.LogRecord) -> None:
        if "next in" in record.msg:
            self.kill()


@pytest.mark.parametrize("kind", [CampaignListOperator, CampaignDataSeriesOperator])
def test_on_kill_stops_a_waiting_task_with_an_error(workspace, ids, make_context, kind):
    workspace.configure(faults={"rate_429": 1.0, "retry_after_reset_seconds": 60})
    arguments = {"campaign_ids": ids, **TWO_DAYS} if kind is CampaignDataSeriesOperator else {}
    operator = kind(task_id="task", **arguments)
    handler, log = KillingHandler(operator.on_kill), logging.getLogger("airflow_provider_braze.transport.sender")
    log.addHandler(handler)
    try:
        with pytest.raises(BrazeError, match="Task stopped"):
            operator.execute(make_context())
    finally:
        log.removeHandler(handler)


SCRIPT = """
import json, logging, os, signal, sys
from datetime import datetime, timezone
from types import SimpleNamespace

from airflow_provider_braze.operators import braze

# As Airflow's task runner does since 3.0: the handler calls `on_kill` and the task continues.
name, arguments = json.loads(sys.argv[1])
operator = getattr(braze, name)(task_id="task", **arguments)
signal.signal(signal.SIGTERM, lambda signum, frame: operator.on_kill())


class PrintWaits(logging.Handler):
    def emit(self, record):
        if "next in" in record.msg:
            print("waiting", flush=True)


log = logging.getLogger("airflow_provider_braze.transport.sender")
log.addHandler(PrintWaits())
run = SimpleNamespace(run_type="manual", run_after=datetime(2025, 3, 1, tzinfo=timezone.utc))
try:
    operator.execute({"dag_run": run})
except Exception as error:
    print(type(error).__name__, error, flush=True)
    # Only the task has to end in time. An interpreter with all of Airflow takes longer to exit.
    os._exit(0)
"""


@pytest.fixture
def start_task() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that runs an operator in its own process, which ends with the test."""
    with ExitStack() as stack:

        def start(name: str, **arguments: Any) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", SCRIPT, json.dumps([name, arguments])]
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(process.kill)
            return process

        yield start


def test_sigterm_stops_a_waiting_task_within_two_seconds(workspace, ids, start_task):
    workspace.configure(faults={"rate_429": 1.0, "retry_after_reset_seconds": 60})
    in_the_main_thread = start_task("CampaignListOperator")
    in_other_threads = start_task("CampaignDataSeriesOperator", campaign_ids=ids, **TWO_DAYS)
    for task in (in_the_main_thread, in_other_threads):
        assert any(line == "waiting\n" for line in task.stdout)
        task.send_signal(signal.SIGTERM)
        task.wait(timeout=2)
        assert f"{BrazeError.__name__} Task stopped during a request" in task.stdout.read()
        assert task.returncode == 0
