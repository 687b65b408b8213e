from __future__ import annotations

import asyncio
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from airflow_provider_braze.core.models import Credentials
from airflow_provider_braze.exceptions import BrazeError
from airflow_provider_braze.hooks.braze import BrazeAsyncHook, BrazeHook
from airflow_provider_braze.triggers.braze import DataSeriesTrigger

# A key with each character that a URL, JSON or Python's repr escapes.
KEY = 'k-1/2+3"4\\5&6=7'
SERIES = "/campaigns/data_series"


# Some of them are created by the first call.
LOGGERS = ("urllib3.connectionpool", "requests", "http.client", "httpx", "httpcore.connection", "httpcore.http11")


class Records(logging.Handler):
    """Keeps the records of all loggers, at any level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record) + repr(vars(record)))


@pytest.fixture
def records() -> Iterator[Records]:
    handler = Records()
    loggers = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    loggers += [logging.root, *map(logging.getLogger, LOGGERS)]
    before = [(each, each.level, each.disabled) for each in loggers]
    for each in loggers:
        each.setLevel(logging.DEBUG)
        each.disabled = False
        if each is logging.root or not each.propagate:
            each.addHandler(handler)
    yield handler
    for each, level, disabled in before:
        each.removeHandler(handler)
        each.setLevel(level)
        each.disabled = disabled


def chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        each = waiting.pop()
        if isinstance(each, BaseException) and each not in found:
            found.append(each)
            waiting += [each.__cause__, each.__context__, *each.args, *vars(each).values()]
    return found


def all_texts_of(error: BaseException) -> str:
    texts = traceback.format_exception(error)
    for each in chain(error):
        texts += [repr(each), str(each), repr(each.args), repr(vars(each)), str(getattr(each, "__notes__", ""))]
        texts.append(pickle.dumps(each, 0).decode("latin-1"))
        texts.append(pickle.dumps(each).decode("latin-1"))
    return "\n".join(texts)


def spellings() -> list[str]:
    return [KEY, json.dumps(KEY)[1:-1], repr(KEY)[1:-1], "1%2F2", "2%2B3", "1/2+3", "k-1"]


def shown(text: str) -> list[str]:
    return [spelling for spelling in spellings() if spelling in text]


def response(body: bytes, status: int = 200, headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status} Status\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


ECHO = json.dumps({"message": f"Invalid API key: {KEY}"}).encode()
ECHOES = {
    "rejected": response(ECHO, 401),
    "rejected in text": response(f"Invalid API key: {KEY}".encode(), 400),
    "rejected in a list": response(json.dumps({"errors": [KEY]}).encode(), 403),
    "failed": response(f"<h1>{KEY}</h1>".encode(), 503),
    "too many": response(ECHO, 429),
    "redirected": response(ECHO, 302, f"Location: https://elsewhere.example/?key={KEY}\r\n"),
    "no json": response(f"<h1>{KEY}</h1>".encode()),
    "no success": response(ECHO),
    "malformed header": response(ECHO, 401, f"X Broken {KEY}\r\n"),
    "no http": f"Invalid API key: {KEY}\r\n\r\n".encode(),
}


def request_by_threads() -> BrazeError:
    with closing(BrazeHook()) as hook, pytest.raises(BrazeError) as caught:
        hook.get(SERIES)
    return caught.value


def request_in_a_loop() -> BrazeError:
    async def request() -> None:
        async with BrazeAsyncHook() as hook:
            await hook.get(SERIES)

    with pytest.raises(BrazeError) as caught:
        asyncio.run(request())
    return caught.value


@pytest.fixture(params=[(request_by_threads, "urllib3"), (request_in_a_loop, "httpcore")], ids=["threads", "loop"])
def way(request) -> tuple[Callable[[], BrazeError], str]:
    """Return a function that sends a request by a hook, and a name from the HTTP library that it uses."""
    return request.param


@pytest.fixture
def fail(raw_server, monkeypatch, records, way) -> Callable[..., BrazeError]:
    """Return a function that sends a response to a hook, and returns the error that the hook raises."""

    def call(echo: bytes, max_attempts: int = 1) -> BrazeError:
        extra = {"max_attempts": max_attempts}
        connection = {"conn_type": "braze", "host": raw_server(echo).url, "password": KEY, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))
        return way[0]()

    return call


@pytest.mark.parametrize("echo", ECHOES)
def test_echoed_key_is_in_no_log_and_no_error(fail, records, way, echo):
    error = fail(ECHOES[echo])
    assert "***" in str(error)
    assert not shown(all_texts_of(error))
    assert any(way[1] in each for each in records.texts)
    assert not shown("\n".join(records.texts))


@pytest.mark.parametrize("echo", ECHOES)
def test_key_is_found_in_the_error_without_scrubbing(fail, monkeypatch, echo):
    monkeypatch.setattr(Credentials, "scrub", lambda self, text: text)
    assert shown(all_texts_of(fail(ECHOES[echo])))


@pytest.mark.usefixtures("no_backoff")
@pytest.mark.parametrize("is_scrubbed", [True, False])
def test_key_is_in_the_log_of_a_retry_only_without_scrubbing(fail, records, monkeypatch, is_scrubbed):
    if not is_scrubbed:
        monkeypatch.setattr(Credentials, "scrub", lambda self, text: text)
    fail(ECHOES["failed"], max_attempts=2)
    log = "\n".join(records.texts)
    assert "Attempt 1 of 2 failed" in log
    assert bool(shown(log)) is not is_scrubbed


def test_key_rejected_by_the_sandbox_is_in_no_log_and_no_error(braze, records):
    wrong = braze.api_key
    braze.configure(api_key="another-key")
    with closing(BrazeHook()) as hook, pytest.raises(BrazeError) as caught:
        list(hook.list_campaigns())
    texts = all_texts_of(caught.value) + "\n".join(records.texts)
    assert "Invalid API key: ***" in texts
    assert wrong not in texts


def test_key_of_an_unusable_connection_is_in_no_error(monkeypatch):
    for fields in ({"host": "dashboard-01.braze.com"}, {"host": "rest.iad-01.braze.com", "extra": {"key": "1"}}):
        connection = {"conn_type": "braze", "password": KEY, **fields}
        monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))
        with pytest.raises(BrazeError) as caught:
            BrazeHook().settings  # noqa: B018 - a property that checks
        assert not shown(all_texts_of(caught.value))


def test_test_connection_does_not_show_the_key(raw_server, monkeypatch):
    connection = {"conn_type": "braze", "host": raw_server(ECHOES["rejected"]).url, "password": KEY}
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))
    good, message = BrazeHook().test_connection()
    assert not good
    assert "***" in message
    assert not shown(message)


def test_rejected_key_is_in_no_event_of_a_trigger_and_no_log(raw_server, monkeypatch, records):
    connection = {"conn_type": "braze", "host": raw_server(ECHOES["rejected"]).url, "password": KEY}
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))
    trigger = DataSeriesTrigger(day="2026-11-18", timezone="UTC", ready_at=0.0, give_up_at=4e9, poke_interval=0)

    async def events() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    (event,) = asyncio.run(events())
    assert "***" in event["message"]
    assert not shown(json.dumps(event) + repr(trigger) + repr(vars(trigger)) + "\n".join(records.texts))
