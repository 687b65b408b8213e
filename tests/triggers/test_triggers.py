from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent

from airflow_provider_braze.sandbox import Sandbox
from airflow_provider_braze.sandbox.data import campaign_ids
from airflow_provider_braze.task.airflow import BaseOperator  # noqa: F401 - on 2.11 the thread that loads it matters
from airflow_provider_braze.triggers import braze as triggers
from airflow_provider_braze.triggers.braze import DataSeriesTrigger
from tests.lines import AIRFLOW, Version

pytestmark = pytest.mark.timeout(120)

LIST, SERIES = "/campaigns/list", "/campaigns/data_series"
DAY = "2025-02-28"
AS_OF = "2025-03-01T17:00:00Z"
LATER = 4e9


@pytest.fixture
def _impatient(monkeypatch) -> None:
    """Let a trigger check again without a pause."""
    monkeypatch.setattr(triggers, "LEAST_POKE_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def workspace(braze: Sandbox) -> Sandbox:
    braze.configure(as_of=AS_OF)
    return braze


def a_trigger(**given: Any) -> DataSeriesTrigger:
    arguments = {"day": DAY, "timezone": "UTC", "ready_at": 0.0, "give_up_at": LATER, "poke_interval": 0.0, **given}
    return DataSeriesTrigger(**arguments)


async def events_of(trigger: DataSeriesTrigger) -> list[Any]:
    return [event.payload async for event in trigger.run()]


def event_of(**given: Any) -> Any:
    (event,) = asyncio.run(events_of(a_trigger(**given)))
    assert json.loads(json.dumps(event)) == event
    return event


def response(document: Any, status: int = 200) -> bytes:
    body = json.dumps(document).encode()
    return f"HTTP/1.1 {status} Status\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def days(*dates: str) -> bytes:
    return response({"data": [{"time": each, "messages": {}} for each in dates]})


FAILED = response({"message": "down"}, 500)


@pytest.fixture
def server_of(raw_server, monkeypatch) -> Callable[..., Any]:
    """Return a function that starts a server that sends given responses, to which ``braze_default`` points."""

    def start(*responses: Any) -> Any:
        server = raw_server(*responses)
        connection = {"conn_type": "braze", "host": server.url, "password": "a-key", "extra": {"max_attempts": 1}}
        monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))
        return server

    return start


# Events


def test_trigger_of_an_available_day_returns_the_campaign_that_has_it(workspace):
    event = event_of()
    assert event["status"] == "success"
    assert event["found"].keys() == {"day", "timezone", "campaign_id", "found_at"}
    assert (event["found"]["day"], event["found"]["timezone"]) == (DAY, "UTC")
    assert event["found"]["campaign_id"] == campaign_ids(workspace.settings)[-1]
    assert (workspace.count(LIST), workspace.count(SERIES)) == (1, 1)


def test_trigger_of_given_campaigns_requests_only_these(workspace):
    ids = campaign_ids(workspace.settings)[3:5]
    workspace.configure(faults={"missing_days": {ids[0]: [DAY]}})
    assert event_of(ids=ids)["found"]["campaign_id"] == ids[1]
    assert [request.params.get("campaign_id") for request in workspace.requests] == ids


@pytest.mark.usefixtures("_impatient")
def test_trigger_checks_until_the_day_is_available(server_of):
    server = server_of(days(), days("2025-02-27"), days("2025-02-27", DAY))
    assert event_of(ids=["a"])["found"]["campaign_id"] == "a"
    assert len(server.requests) == 3


@pytest.mark.usefixtures("_impatient")
def test_trigger_checks_again_after_a_transient_error(server_of, caplog):
    server = server_of(FAILED, FAILED[:-5], days(DAY))
    assert event_of(ids=["a"])["status"] == "success"
    assert len(server.requests) == 3
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "Could not check a for 2025-02-28: BrazeServerError: /campaigns/data_series returned status 500" in warned[0]
    assert "BrazeTransportError" in warned[1]


@pytest.mark.parametrize(
    ("change", "error_type"), [({"api_key": "another-key"}, "BrazeAuthError"), ({"permissions": []}, "BrazeAuthError")]
)
def test_trigger_with_a_wrong_key_returns_the_error_at_once(workspace, change, error_type):
    key = workspace.api_key
    workspace.configure(**change)
    event = event_of()
    assert (event["status"], event["error_type"]) == ("error", error_type)
    assert key not in json.dumps(event)
    assert workspace.count() == 1


def test_trigger_with_a_wrong_connection_returns_the_error(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps({"conn_type": "braze", "host": "", "password": "a"}))
    assert event_of()["error_type"] == "BrazeConfigError"


def test_trigger_without_a_connection_returns_the_error():
    event = event_of(braze_conn_id="no_such")
    assert event["error_type"] == "BrazeConfigError"
    assert event["message"].startswith("Connection 'no_such' does not exist. ")


@pytest.mark.parametrize("day", ["yesterday", "2025-02-30", "", None])
def test_trigger_with_an_invalid_date_returns_the_error(workspace, day):
    event = event_of(day=day)
    assert event["error_type"] == "BrazeConfigError"
    assert repr(day) in event["message"]
    assert workspace.count() == 0


def test_trigger_with_an_unknown_time_zone_returns_the_error(workspace):
    assert event_of(timezone="EST")["error_type"] == "BrazeConfigError"
    assert workspace.count() == 0


def test_trigger_returns_only_the_name_of_an_unexpected_error(monkeypatch, caplog):
    def fail(*given: Any) -> None:
        raise RuntimeError("something secret")

    monkeypatch.setattr(triggers, "first_probe", fail)
    assert event_of() == {
        "status": "error",
        "error_type": "BrazeError",
        "message": "RuntimeError in the trigger. See the triggerer's log.",
    }
    assert "The trigger failed" in caplog.text


@pytest.mark.usefixtures("_impatient")
def test_trigger_reads_the_connection_for_each_check(server_of, raw_server, monkeypatch):
    def change_key(stream: Any, closing: Any) -> None:
        server_of(days(DAY))
        stream.sendall(days())

    server = server_of(change_key)
    assert event_of(ids=["a"])["status"] == "success"
    assert len(server.requests) == 1


# Times of checks


def test_trigger_of_a_day_that_is_not_ready_makes_no_request_until_its_timeout(workspace):
    assert event_of(ready_at=LATER, give_up_at=time.time() + 0.05) == {"status": "timeout"}
    assert workspace.count() == 0


def test_trigger_after_its_timeout_checks_once_more(workspace):
    assert event_of(give_up_at=0.0)["status"] == "success"
    workspace.configure(faults={"missing_days": {"*": [DAY]}})
    workspace.reset_requests()
    assert event_of(give_up_at=0.0) == {"status": "timeout"}
    assert workspace.count() == 6


class Clock:
    """A clock that advances only during sleeps."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.sleeps: list[float] = []

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock(1_000_000.0)
    monkeypatch.setattr(triggers, "time", clock)
    monkeypatch.setattr(triggers, "_jitter", lambda: 0.5)
    # Only the module's own name, because other threads sleep too.
    monkeypatch.setattr(triggers, "asyncio", SimpleNamespace(sleep=clock.sleep, to_thread=asyncio.to_thread))
    return clock


class Probes(DataSeriesTrigger):
    """Records the times of its checks, and finds the day at the third."""

    async def _probe(self, window: Any) -> Any:
        self.checked_at = [*getattr(self, "checked_at", []), triggers.time.time()]
        return {"day": self.day} if len(self.checked_at) == 3 else None


def probes_of(**given: Any) -> tuple[list[float], Any]:
    trigger = Probes(**{"day": DAY, "timezone": "UTC", "give_up_at": LATER, **given})
    (event,) = asyncio.run(events_of(trigger))
    return getattr(trigger, "checked_at", []), event


@pytest.mark.parametrize("poke_interval", [0.0, -5.0, 9.9])
def test_trigger_never_checks_more_often_than_every_ten_seconds(clock, poke_interval):
    checked_at, _ = probes_of(ready_at=1_010_000.0, poke_interval=poke_interval)
    assert [later - earlier for earlier, later in itertools.pairwise(checked_at)] == pytest.approx([10.0, 10.0])


def test_trigger_spreads_its_first_check_over_an_interval_then_checks_at_each(clock):
    checked_at, event = probes_of(ready_at=1_010_000.0, poke_interval=40.0)
    assert checked_at == pytest.approx([1_010_020.0, 1_010_060.0, 1_010_100.0])
    assert event == {"status": "success", "found": {"day": DAY}}


def test_trigger_spreads_its_first_check_over_at_most_a_minute(clock):
    assert probes_of(ready_at=0.0, poke_interval=3600.0)[0][0] == pytest.approx(1_000_030.0)


def test_trigger_sleeps_at_most_ten_minutes_at_a_time(clock):
    probes_of(ready_at=1_010_000.0, poke_interval=40.0)
    assert max(clock.sleeps) == 600.0


def test_trigger_checks_a_last_time_at_its_timeout(clock):
    checked_at, event = probes_of(ready_at=0.0, poke_interval=40.0, give_up_at=1_000_050.0)
    assert checked_at == pytest.approx([1_000_020.0, 1_000_050.0])
    assert event == {"status": "timeout"}


# Serialization, and behaviour in a triggerer


def test_trigger_is_rebuilt_from_its_serialized_form():
    trigger = a_trigger(ids=("a", "b"), sample=7, braze_conn_id="braze_eu")
    path, arguments = trigger.serialize()
    assert path == "airflow_provider_braze.triggers.braze.DataSeriesTrigger"
    again = DataSeriesTrigger(**json.loads(json.dumps(arguments)))
    assert again.serialize() == (path, arguments)


@pytest.mark.since_airflow("3.2")
@pytest.mark.parametrize("ids", [None, ["a", "b"]])
def test_trigger_survives_airflows_serialization(ids):
    from airflow.sdk.module_loading import import_string
    from airflow.sdk.serde import deserialize, serialize

    path, arguments = a_trigger(ids=ids, ready_at=1.5).serialize()
    again = import_string(path)(**deserialize(serialize(arguments)))
    assert again.serialize() == (path, arguments)


def test_arguments_of_a_trigger_do_not_contain_the_key(workspace):
    trigger = a_trigger()
    asyncio.run(events_of(trigger))
    assert workspace.api_key not in f"{trigger!r} {trigger.serialize()} {vars(trigger)}"


@pytest.mark.parametrize("missing", ["ids", "sample", "poke_interval", "braze_conn_id"])
def test_trigger_has_defaults_for_arguments_that_earlier_versions_did_not_store(missing):
    _, arguments = a_trigger().serialize()
    del arguments[missing]
    assert missing in DataSeriesTrigger(**arguments).serialize()[1]


def test_cancelled_trigger_ends_without_an_event(server_of):
    requested = threading.Event()

    def stay_silent(stream: Any, closing: threading.Event) -> None:
        requested.set()
        closing.wait()

    server_of(stay_silent)
    events: list[TriggerEvent] = []

    async def collect() -> None:
        async for event in a_trigger(ids=["a"]).run():
            events.append(event)

    async def cancel() -> None:
        task = asyncio.create_task(collect())
        await asyncio.to_thread(requested.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert events == []


def test_trigger_that_runs_twice_at_once_returns_the_same():
    async def both() -> list[Any]:
        return await asyncio.gather(*[events_of(a_trigger()) for _ in range(2)])

    one, other = asyncio.run(both())
    assert one[0]["found"]["campaign_id"] == other[0]["found"]["campaign_id"]


CROWD = """
import asyncio, json, ssl, sys, threading, time
import asgiref.sync
from airflow_provider_braze.task.airflow import BaseHook
from airflow.triggers.base import BaseTrigger
from airflow_provider_braze.triggers.braze import DataSeriesTrigger

ready_at, looks = json.loads(sys.argv[1])
LOOP = threading.get_ident()
SLOW = {"airflow_provider_braze.fetch.probe", "certifi", "msgspec", "requests", "tenacity", "urllib3"}
report = {"on the loop": [], "certificates": 0, "threads": 0}

def look(event, arguments):
    name = str(arguments[0]) if event in ("import", "open", "socket.getaddrinfo") else ""
    if threading.get_ident() == LOOP and (name in SLOW or event == "socket.getaddrinfo"):
        report["on the loop"].append(f"{event} {name}")

def load_verify_locations(context, *given, **named):
    report["certificates"] += 1
    if threading.get_ident() == LOOP:
        report["on the loop"].append("certificates")
    return load(context, *given, **named)

load = ssl.SSLContext.load_verify_locations
ssl.SSLContext.load_verify_locations = load_verify_locations

async def run(trigger):
    return [event.payload["status"] async for event in trigger.run()]

async def main():
    arguments = {"day": "2025-02-28", "timezone": "UTC", "ready_at": ready_at, "give_up_at": 4e9, "poke_interval": 0.0}
    running = [asyncio.create_task(run(DataSeriesTrigger(**arguments))) for _ in range(500)]
    for _ in range(looks):
        await asyncio.sleep(0)
    report["done"] = sum(each.done() for each in running)
    report["threads"] = threading.active_count() - 1
    if looks:
        for each in running:
            each.cancel()
    results = await asyncio.gather(*running, return_exceptions=True)
    report["found"] = results.count(["success"])
    report["errors"] = sorted({repr(each) for each in results if isinstance(each, Exception)})

sys.addaudithook(look)
asyncio.run(main())
print(json.dumps(report))
"""


def a_crowd(ready_at: float, looks: int) -> dict[str, Any]:
    # A triggerer has loaded it. Airflow 3.4 imports it with the first connection.
    loaded = "import airflow.sdk.execution_time.supervisor" if Version("3.4.0b1") <= AIRFLOW else ""
    command = [sys.executable, "-c", loaded + CROWD, json.dumps([ready_at, looks])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def test_500_triggers_use_no_resources_while_the_day_is_not_ready(workspace):
    report = a_crowd(LATER, 1000)
    assert report == {"on the loop": [], "certificates": 0, "threads": 0, "done": 0, "found": 0, "errors": []}
    assert workspace.count() == 0


def test_500_triggers_that_check_at_once_do_not_block_the_loop(workspace):
    report = a_crowd(0.0, 0)
    assert (report["found"], report["errors"]) == (500, [])
    assert (report["on the loop"], report["certificates"]) == ([], 1)
    assert workspace.count(LIST, 200) == workspace.count(SERIES, 200) == 500
    assert workspace.count() == 1000
