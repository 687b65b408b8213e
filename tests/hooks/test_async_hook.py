from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import psutil
import pytest

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import (
    BrazeAuthError,
    BrazeConfigError,
    BrazeDataError,
    BrazeRequestError,
    BrazeServerError,
)
from airflow_provider_braze.hooks.braze import BrazeAsyncHook, BrazeHook
from airflow_provider_braze.sandbox import Sandbox
from airflow_provider_braze.sandbox.data import campaign_details, campaign_ids, day_object
from airflow_provider_braze.task.airflow import BaseHook

pytestmark = pytest.mark.timeout(60)

LIST, DETAILS, SERIES = "/campaigns/list", "/campaigns/details", "/campaigns/data_series"
AS_OF = "2025-03-01T17:00:00Z"
KEY = "a-key-of-the-test"


@pytest.fixture(autouse=True)
def workspace(braze: Sandbox) -> Sandbox:
    braze.configure(as_of=AS_OF)
    return braze


def in_a_loop(use: Callable[[BrazeAsyncHook], Awaitable[Any]], conn_id: str = "braze_default") -> Any:
    async def run() -> Any:
        async with BrazeAsyncHook(conn_id) as hook:
            return await use(hook)

    return asyncio.run(run())


def by_threads(use: Callable[[BrazeHook], Any]) -> Any:
    with closing(BrazeHook()) as hook:
        return use(hook)


def connect(monkeypatch: pytest.MonkeyPatch, conn_id: str = "BRAZE_DEFAULT", **fields: Any) -> None:
    connection = {"conn_type": "braze", "password": KEY, **fields}
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id}", json.dumps(connection))


# The connection


def test_get_conn_reads_the_connection(monkeypatch):
    extra = {"timezone": "Europe/Berlin", "max_attempts": "3", "requests_per_minute": 600}
    connect(monkeypatch, host="rest.fra-01.braze.eu", port=8443, extra=extra)
    transport = in_a_loop(lambda hook: hook.get_conn())
    assert transport.credentials == BrazeHook().settings.credentials
    assert transport.credentials.base_url == "https://rest.fra-01.braze.eu:8443"


def test_get_conn_reads_the_connection_once_for_all_tasks(monkeypatch):
    read: list[str] = []
    monkeypatch.setattr(BrazeAsyncHook, "get_connection", counting(BaseHook.get_connection, read))
    if hasattr(BaseHook, "aget_connection"):
        monkeypatch.setattr(BrazeAsyncHook, "aget_connection", counting(BaseHook.aget_connection, read), raising=False)

    async def use(hook: BrazeAsyncHook) -> set[int]:
        return {id(each) for each in await asyncio.gather(*[hook.get_conn() for _ in range(5)])}

    assert len(in_a_loop(use)) == 1
    assert read == ["braze_default"]


def counting(get: Callable[..., Any], read: list[str]) -> Any:
    def count(cls: type, conn_id: str) -> Any:
        read.append(conn_id)
        return get(conn_id)

    return classmethod(count)


def test_connection_is_checked_outside_the_loops_thread(monkeypatch):
    from airflow_provider_braze.transport import connection

    threads: list[int] = []

    def note(conn: Any) -> Any:
        threads.append(threading.get_ident())
        return read(conn)

    read = connection.read_settings
    monkeypatch.setattr(connection, "read_settings", note)
    in_a_loop(lambda hook: hook.get(LIST))
    assert threads
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(
    "fields",
    [
        {"host": ""},
        {"host": "dashboard-01.braze.com"},
        {"host": "rest.iad-01.braze.com", "password": ""},
        {"host": "rest.iad-01.braze.com", "extra": {"timezone": "Mars"}},
        {"host": "rest.iad-01.braze.com", "extra": {"verify": "/no/such/file.pem"}},
        {"host": "rest.iad-01.braze.com", "extra": {"verify": __file__}},
        {"host": "rest.iad-01.braze.com", "extra": {"unheard_of": 1}},
    ],
    ids=str,
)
def test_unusable_connection_raises_the_same_error_in_both_hooks(monkeypatch, fields):
    connect(monkeypatch, **fields)
    with pytest.raises(BrazeConfigError) as by_thread:
        by_threads(lambda hook: hook.settings)
    with pytest.raises(BrazeConfigError) as in_loop:
        in_a_loop(lambda hook: hook.get(LIST))
    assert str(by_thread.value) == str(in_loop.value)
    assert KEY not in str(in_loop.value)


def test_hook_uses_the_given_connection_id(monkeypatch):
    connect(monkeypatch, "BRAZE_EU", host="rest.fra-02.braze.eu")
    transport = in_a_loop(lambda hook: hook.get_conn(), "braze_eu")
    assert transport.credentials.base_url == "https://rest.fra-02.braze.eu"


def test_hook_has_the_attributes_that_airflow_requires():
    names = ("conn_name_attr", "default_conn_name", "conn_type", "hook_name")
    assert [getattr(BrazeAsyncHook, name) for name in names] == [getattr(BrazeHook, name) for name in names]


def test_repr_hides_the_key(workspace):
    async def use(hook: BrazeAsyncHook) -> str:
        await hook.get(LIST)
        return f"{hook!r} {vars(hook)!r} {vars(await hook.get_conn())!r}"

    assert workspace.api_key not in in_a_loop(use)


# Calls


def test_get_returns_the_same_as_the_other_hook(workspace):
    params = {"campaign_id": campaign_ids(workspace.settings)[4]}
    document = in_a_loop(lambda hook: hook.get(DETAILS, params))
    assert document == {"message": "success", **campaign_details(workspace.settings, params["campaign_id"])}
    assert document == by_threads(lambda hook: hook.get(DETAILS, params))


@pytest.mark.parametrize("days", [1, 40, 100, 150])
@pytest.mark.parametrize("reading", ["inclusive", "exclusive"])
def test_campaign_data_series_returns_the_same_by_the_same_requests_as_the_other_hook(workspace, days, reading):
    workspace.configure(ending_at_reading=reading)
    campaign_id = campaign_ids(workspace.settings)[0]
    end = date(2025, 2, 20)
    window = Window(end - timedelta(days=days), end, "America/New_York")
    fetched = in_a_loop(lambda hook: hook.campaign_data_series(campaign_id, window))
    calls = [request.params for request in workspace.requests]
    workspace.reset_requests()
    assert fetched == by_threads(lambda hook: hook.campaign_data_series(campaign_id, window))
    assert calls == [request.params for request in workspace.requests]
    assert fetched == [day_object(workspace.settings, campaign_id, day) for day in window]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"api_key": "another-key"}, BrazeAuthError),
        ({"permissions": ["campaigns.list"]}, BrazeAuthError),
        ({"faults": {"bad_subjects": {"a": 400}}}, BrazeRequestError),
        ({"faults": {"rate_500": 1.0}}, BrazeServerError),
        ({"faults": {"contradicting_days": 1.0}}, BrazeDataError),
    ],
)
def test_failing_campaign_data_series_raises_the_same_error_in_both_hooks(workspace, monkeypatch, change, error):
    connection = json.loads(workspace.connection_json())
    connect(monkeypatch, host=connection["host"], password=connection["password"], extra={"max_attempts": 1})
    workspace.configure(**change)
    campaign_id = "a" if error is BrazeRequestError else campaign_ids(workspace.settings)[0]
    window = Window(date(2025, 2, 1), date(2025, 2, 3))
    found = []
    for run in (by_threads, in_a_loop):
        workspace.reset_requests()
        with pytest.raises(error) as caught:
            run(lambda hook: hook.campaign_data_series(campaign_id, window))
        found.append((type(caught.value), workspace.count()))
    assert found[0] == found[1] == (error, 1)


@pytest.mark.parametrize("document", [[], "success", {"message": "failed"}])
def test_get_of_an_unsuccessful_document_is_a_data_error(raw_server, monkeypatch, document):
    body = json.dumps(document).encode()
    server = raw_server(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    connect(monkeypatch, host=server.url)
    with pytest.raises(BrazeDataError):
        in_a_loop(lambda hook: hook.get(LIST))


# Ending


def sockets_to(server: Any) -> list[Any]:
    port = int(server.url.rsplit(":", 1)[1])
    found = psutil.Process().net_connections("tcp")
    return [each for each in found if each.raddr and each.raddr.port == port and each.status == "ESTABLISHED"]


@pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
def test_hook_closes_its_connections_and_can_be_reused(workspace):
    async def use() -> None:
        hook = BrazeAsyncHook()
        for _ in range(2):
            async with hook:
                await hook.get(LIST)
                assert sockets_to(workspace)
            assert not sockets_to(workspace)
        await hook.close()

    asyncio.run(use())
    assert workspace.count() == 2
