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
    """Let a trigger check again at once."""
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


def answer(document: Any, status: int = 200) -> bytes:
    body = json.dumps(document).encode()
    return f"HTTP/1.1 {status} Told\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def days(*told: str) -> bytes:
    return answer({"data": [{"time": each, "messages": {}} for each in told]})


FAILED = answer({"message": "down"}, 500)


@pytest.fixture
def server_of(raw_server, monkeypatch) -> Callable[..., Any]:
    """Return a function that starts a server with answers, at which ``braze_default`` points."""

    def start(*answers: Any) -> Any:
        server = raw_server(*answers)
        connection = {"conn_type": "braze", "host": server.url, "password": "a-key", "extra": {"max_attempts": 1}}
        monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))
        return server

    return start


# What it tells


def test_trigger_of_a_day_that_is_there_tells_which_campaign_has_it(workspace):
    event = event_of()
    assert event["status"] == "success"
    assert event["found"].keys() == {"day", "timezone", "campaign_id", "found_at"}
    assert (event["found"]["day"], event["found"]["timezone"]) == (DAY, "UTC")
    assert event["found"]["campaign_id"] == campaign_ids(workspace.settings)[-1]
    assert (workspace.count(LIST), workspace.count(SERIES)) == (1, 1)


def test_trigger_of_given_campaigns_asks_these_alone(workspace):
    ids = campaign_ids(workspace.settings)[3:5]
    workspace.configure(faults={"missing_days": {ids[0]: [DAY]}})
    assert event_of(ids=ids)["found"]["campaign_id"] == ids[1]
    assert [request.params.get("campaign_id") for request in workspace.requests] == ids


@pytest.mark.usefixtures("_impatient")
def test_trigger_asks_again_until_the_day_is_there(server_of):
    server = server_of(days(), days("2025-02-27"), days("2025-02-27", DAY))
    assert event_of(ids=["a"])["found"]["campaign_id"] == "a"
    assert len(server.requests) == 3


@pytest.mark.usefixtures("_impatient")
def test_trigger_asks_again_after_what_fails_for_a_moment(server_of, caplog):
    server = server_of(FAILED, FAILED[:-5], days(DAY))
    assert event_of(ids=["a"])["status"] == "success"
    assert len(server.requests) == 3
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "Could not check a for 2025-02-28: BrazeServerError: /campaigns/data_series returned status 500" in warned[0]
    assert "BrazeTransportError" in warned[1]


@pytest.mark.parametrize(
    ("change", "error_type"), [({"api_key": "another-key"}, "BrazeAuthError"), ({"permissions": []}, "BrazeAuthError")]
)
def test_trigger_of_a_wrong_key_tells_the_error_at_once(workspace, change, error_type):
    key = workspace.api_key
    workspace.configure(**change)
    event = event_of()
    assert (event["status"], event["error_type"]) == ("error", error_type)
    assert key not in json.dumps(event)
    assert workspace.count() == 1


def test_trigger_of_a_wrong_connection_tells_the_error(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps({"conn_type": "braze", "host": "", "password": "a"}))
    assert event_of()["error_type"] == "BrazeConfigError"


def test_trigger_without_a_connection_returns_the_error():
    event = event_of(braze_conn_id="no_such")
    assert event["error_type"] == "BrazeConfigError"
    assert event["message"].startswith("Connection 'no_such' does not exist. ")


@pytest.mark.parametrize("day", ["yesterday", "2025-02-30", "", None])
def test_trigger_of_a_day_that_is_not_a_date_returns_the_error(workspace, day):
    event = event_of(day=day)
    assert event["error_type"] == "BrazeConfigError"
    assert repr(day) in event["message"]
    assert workspace.count() == 0


def test_trigger_of_an_unknown_time_zone_returns_the_error(workspace):
    assert event_of(timezone="EST")["error_type"] == "BrazeConfigError"
    assert workspace.count() == 0


def test_trigger_returns_an_unexpected_error_by_name_alone(monkeypatch, caplog):
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
def test_trigger_reads_the_connection_anew_for_each_probe(server_of, raw_server, monkeypatch):
    def change_key(stream: Any, closing: Any) -> None:
        server_of(days(DAY))
        stream.sendall(days())

    server = server_of(change_key)
    assert event_of(ids=["a"])["status"] == "success"
    assert len(server.requests) == 1


# When it asks


def test_trigger_of_a_day_that_is_not_ready_makes_no_request_until_its_time_is_over(workspace):
    assert event_of(ready_at=LATER, give_up_at=time.time() + 0.05) == {"status": "timeout"}
    assert workspace.count() == 0


def test_trigger_whose_time_is_over_asks_once_more(workspace):
    assert event_of(give_up_at=0.0)["status"] == "success"
    workspace.configure(faults={"missing_days": {"*": [DAY]}})
    workspace.reset_requests()
    assert event_of(give_up_at=0.0) == {"status": "timeout"}
    assert workspace.count() == 6


class Clock:
    """A clock that goes on only while somebody sleeps."""

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
    # The module's own name alone: other threads sleep too.
    monkeypatch.setattr(triggers, "asyncio", SimpleNamespace(sleep=clock.sleep, to_thread=asyncio.to_thread))
    return clock


class Probes(DataSeriesTrigger):
    """Notes when it asks, and finds the day at the third time."""

    async def _probe(self, window: Any) -> Any:
        self.asked_at = [*getattr(self, "asked_at", []), triggers.time.time()]
        return {"day": self.day} if len(self.asked_at) == 3 else None


def probes_of(**given: Any) -> tuple[list[float], Any]:
    trigger = Probes(**{"day": DAY, "timezone": "UTC", "give_up_at": LATER, **given})
    (event,) = asyncio.run(events_of(trigger))
    return getattr(trigger, "asked_at", []), event


@pytest.mark.parametrize("poke_interval", [0.0, -5.0, 9.9])
def test_trigger_never_checks_more_often_than_every_ten_seconds(clock, poke_interval):
    checked_at, _ = probes_of(ready_at=1_010_000.0, poke_interval=poke_interval)
    assert [later - earlier for earlier, later in itertools.pairwise(checked_at)] == pytest.approx([10.0, 10.0])


def test_trigger_spreads_its_first_probe_over_an_interval_then_asks_at_each(clock):
    asked_at, event = probes_of(ready_at=1_010_000.0, poke_interval=40.0)
    assert asked_at == pytest.approx([1_010_020.0, 1_010_060.0, 1_010_100.0])
    assert event == {"status": "success", "found": {"day": DAY}}


def test_trigger_spreads_its_first_probe_over_a_minute_at_most(clock):
    assert probes_of(ready_at=0.0, poke_interval=3600.0)[0][0] == pytest.approx(1_000_030.0)


def test_trigger_looks_at_the_clock_while_it_sleeps(clock):
    probes_of(ready_at=1_010_000.0, poke_interval=40.0)
    assert max(clock.sleeps) == 600.0


def test_trigger_asks_a_last_time_when_its_time_is_over(clock):
    asked_at, event = probes_of(ready_at=0.0, poke_interval=40.0, give_up_at=1_000_050.0)
    assert asked_at == pytest.approx([1_000_020.0, 1_000_050.0])
    assert event == {"status": "timeout"}


# Living in a triggerer


def test_trigger_is_made_again_from_what_it_serializes():
    trigger = a_trigger(ids=("a", "b"), sample=7, braze_conn_id="braze_eu")
    path, arguments = trigger.serialize()
    assert path == "airflow_provider_braze.triggers.braze.DataSeriesTrigger"
    again = DataSeriesTrigger(**json.loads(json.dumps(arguments)))
    assert again.serialize() == (path, arguments)


@pytest.mark.since_airflow("3.2")
@pytest.mark.parametrize("ids", [None, ["a", "b"]])
def test_trigger_comes_through_airflow_s_serialization(ids):
    from airflow.sdk.module_loading import import_string
    from airflow.sdk.serde import deserialize, serialize

    path, arguments = a_trigger(ids=ids, ready_at=1.5).serialize()
    again = import_string(path)(**deserialize(serialize(arguments)))
    assert again.serialize() == (path, arguments)


def test_trigger_s_arguments_hold_no_key(workspace):
    trigger = a_trigger()
    asyncio.run(events_of(trigger))
    assert workspace.api_key not in f"{trigger!r} {trigger.serialize()} {vars(trigger)}"


@pytest.mark.parametrize("missing", ["ids", "sample", "poke_interval", "braze_conn_id"])
def test_trigger_has_defaults_for_what_an_earlier_version_may_not_have_stored(missing):
    _, arguments = a_trigger().serialize()
    del arguments[missing]
    assert missing in DataSeriesTrigger(**arguments).serialize()[1]


def test_cancelled_trigger_ends_without_an_event(server_of):
    asked_for = threading.Event()

    def say_nothing(stream: Any, closing: threading.Event) -> None:
        asked_for.set()
        closing.wait()

    server_of(say_nothing)
    told: list[TriggerEvent] = []

    async def collect() -> None:
        async for event in a_trigger(ids=["a"]).run():
            told.append(event)

    async def cancel() -> None:
        task = asyncio.create_task(collect())
        await asyncio.to_thread(asked_for.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert told == []


def test_trigger_that_runs_twice_at_once_tells_the_same():
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
told = {"on the loop": [], "certificates": 0, "threads": 0}

def look(event, arguments):
    name = str(arguments[0]) if event in ("import", "open", "socket.getaddrinfo") else ""
    if threading.get_ident() == LOOP and (name in SLOW or event == "socket.getaddrinfo"):
        told["on the loop"].append(f"{event} {name}")

def load_verify_locations(context, *given, **named):
    told["certificates"] += 1
    if threading.get_ident() == LOOP:
        told["on the loop"].append("certificates")
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
    told["done"] = sum(each.done() for each in running)
    told["threads"] = threading.active_count() - 1
    if looks:
        for each in running:
            each.cancel()
    results = await asyncio.gather(*running, return_exceptions=True)
    told["found"] = results.count(["success"])
    told["errors"] = sorted({repr(each) for each in results if isinstance(each, Exception)})

sys.addaudithook(look)
asyncio.run(main())
print(json.dumps(told))
"""


def a_crowd(ready_at: float, looks: int) -> dict[str, Any]:
    # A triggerer has loaded it. Airflow 3.4 imports it with the first connection.
    loaded = "import airflow.sdk.execution_time.supervisor" if Version("3.4.0b1") <= AIRFLOW else ""
    command = [sys.executable, "-c", loaded + CROWD, json.dumps([ready_at, looks])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_five_hundred_triggers_take_up_nothing_while_the_day_is_not_ready(workspace):
    told = a_crowd(LATER, 1000)
    assert told == {"on the loop": [], "certificates": 0, "threads": 0, "done": 0, "found": 0, "errors": []}
    assert workspace.count() == 0


def test_five_hundred_triggers_that_ask_at_once_do_nothing_slow_on_the_loop(workspace):
    told = a_crowd(0.0, 0)
    assert (told["found"], told["errors"]) == (500, [])
    assert (told["on the loop"], told["certificates"]) == ([], 1)
    assert workspace.count(LIST, 200) == workspace.count(SERIES, 200) == 500
    assert workspace.count() == 1000
