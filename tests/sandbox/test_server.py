from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import airflow_provider_braze.sandbox as package
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.sandbox import Sandbox, SandboxSettings
from airflow_provider_braze.sandbox.data import campaign_ids, day_object
from airflow_provider_braze.sandbox.instants import day_of
from airflow_provider_braze.sandbox.state import ServedRequest

SERIES = "/campaigns/data_series"


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox() as braze:
        yield braze


@pytest.fixture
def braze(shared: Sandbox) -> Sandbox:
    shared.configure(**SandboxSettings(as_of="2026-11-19T06:00:00Z").to_json())
    shared.configure(faults=None)
    shared.reset_requests()
    return shared


@pytest.fixture
def client(braze: Sandbox) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {braze.api_key}"}
    with httpx.Client(base_url=braze.url, headers=headers, trust_env=False) as client:
        yield client


def series_params(braze: Sandbox, number: int = 0, length: int = 30) -> dict[str, str]:
    return {"campaign_id": campaign_ids(braze.settings)[number], "length": str(length)}


def raw_exchange(braze: Sandbox, path: str = "/campaigns/list") -> bytes:
    request = f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {braze.api_key}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(braze.url.rsplit(":", 1)[1])), timeout=60) as connection:
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def patch(client: httpx.Client, **changes: Any) -> httpx.Response:
    return client.patch("/_sandbox/settings", json=changes)


def test_sandbox_serves_exactly_the_day_objects(braze, client):
    for number, campaign in enumerate(campaign_ids(braze.settings)):
        response = client.get(SERIES, params=series_params(braze, number)).json()
        today = day_of(braze.settings.now(), "UTC")
        assert len(response["data"]) == 30
        assert response["data"][-1] == day_object(braze.settings, campaign, today)


def test_sandbox_long_body_is_compressed_when_the_client_accepts_it(braze, client):
    packed = client.get(SERIES, params=series_params(braze))
    plain = client.get(SERIES, params=series_params(braze), headers={"accept-encoding": "identity"})
    short = client.get("/campaigns/list", params={"page": "9"})
    encodings = [each.headers.get("content-encoding") for each in (packed, plain, short)]
    assert encodings == ["gzip", None, None]
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(gzip.compress(plain.content, 1)) * 1.2


def test_sandbox_header_names_are_lower_case(braze):
    with socket.create_connection(("127.0.0.1", int(braze.url.rsplit(":", 1)[1])), timeout=60) as connection:
        connection.sendall(b"GET /campaigns/list HTTP/1.1\r\nhost: x\r\n\r\n")
        head = connection.recv(65_536).partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 401")
    assert b"\r\nx-ratelimit-remaining: \r\n" in head


def test_sandbox_keeps_connections_alive(braze, client):
    streams = {client.get("/campaigns/list").extensions["network_stream"] for _ in range(3)}
    assert len(streams) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_sandbox_other_methods_are_405_with_rate_headers(client, method):
    response = client.request(method, "/campaigns/list")
    assert response.status_code == 405
    assert response.headers["x-ratelimit-limit"] == "250000"


def test_sandbox_plus_in_ending_at_is_a_blank_unless_encoded(braze, client):
    query = f"campaign_id={campaign_ids(braze.settings)[0]}&length=1&ending_at=2026-11-18T12:00:00"
    assert client.get(f"{SERIES}?{query}+09:00").status_code == 400
    assert client.get(f"{SERIES}?{query}%2B09:00").status_code == 200


def test_sandbox_rate_cut_ends_the_body_early(braze):
    braze.configure(faults={"rate_cut": 1})
    head, _, body = raw_exchange(braze).partition(b"\r\n\r\n")
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    assert head.startswith(b"HTTP/1.1 200")
    assert len(body) == length // 2


def test_sandbox_rate_reset_resets_the_connection(braze):
    braze.configure(faults={"rate_reset": 1})
    with pytest.raises(ConnectionResetError):
        raw_exchange(braze)
    assert braze.requests == [ServedRequest("/campaigns/list", 0, {})]


def test_sandbox_rate_slow_sends_the_whole_body_in_pieces(braze, client):
    whole = client.get("/campaigns/list").content
    braze.configure(faults={"rate_slow": 1, "slow_seconds": 0.1})
    with client.stream("GET", "/campaigns/list", headers={"accept-encoding": "identity"}) as response:
        pieces = list(response.iter_raw())
    assert len(pieces) > 5
    assert b"".join(pieces) == whole


def test_sandbox_rate_html_has_its_content_type(braze, client):
    braze.configure(faults={"rate_html": 1})
    response = client.get("/campaigns/list")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_sandbox_requests_are_recorded_with_params_and_counted(braze, client):
    client.get("/campaigns/list", params={"page": "1"})
    client.get("/nowhere")
    assert braze.requests == [
        ServedRequest("/campaigns/list", 200, {"page": "1"}),
        ServedRequest("/nowhere", 404, {}),
    ]
    assert (braze.count(), braze.count("/nowhere"), braze.count(status=200), braze.count("/nowhere", 200)) == (
        2,
        1,
        1,
        0,
    )
    braze.reset_requests()
    assert (braze.requests, braze.count()) == ([], 0)


def test_sandbox_configure_wrong_value_changes_nothing(braze):
    before = braze.settings
    with pytest.raises(BrazeConfigError, match="campaigns"):
        braze.configure(campaigns=-1, seed=5)
    assert braze.settings == before


def test_control_health_shows_the_clock(client):
    assert client.get("/_sandbox/health").json() == {"status": "ok", "now": "2026-11-19T06:00:00+00:00"}


def test_control_settings_are_shown_and_patched(braze, client):
    assert SandboxSettings().merged(client.get("/_sandbox/settings").json()) == braze.settings
    response = patch(client, as_of="2026-11-26T06:00:00Z", faults={"rate_500": 0.5})
    assert (response.status_code, response.json()["as_of"]) == (200, "2026-11-26T06:00:00Z")
    assert braze.settings.faults.rate_500 == 0.5


def test_control_advanced_clock_restates_a_day(braze, client):
    params = {**series_params(braze, 2, 1), "ending_at": "2026-11-17T12:00:00Z"}
    before = client.get(SERIES, params=params).json()["data"][0]
    patch(client, as_of="2026-12-24T06:00:00Z")
    after = client.get(SERIES, params=params).json()["data"][0]
    assert before["time"] == after["time"]
    assert before["conversions_by_send_time"] < after["conversions_by_send_time"]


@pytest.mark.parametrize(
    ("text", "named"),
    [('{"timezone": "Mars"}', "timezone"), ('{"faults": {"x": 1}}', "faults.x"), ("nonsense", "JSON")],
)
def test_control_wrong_settings_are_422_and_named(braze, client, text, named):
    before = braze.settings
    response = client.patch("/_sandbox/settings", content=text)
    assert response.status_code == 422
    assert named in response.json()["message"]
    assert braze.settings == before


@pytest.mark.parametrize(
    ("method", "path", "status"), [("PUT", "settings", 405), ("POST", "requests", 405), ("GET", "setting", 404)]
)
def test_control_wrong_path_or_method_is_not_a_request_of_the_api(braze, client, method, path, status):
    assert client.request(method, f"/_sandbox/{path}").status_code == status
    assert braze.count() == 0


def test_control_requests_are_counted_without_its_own(braze, client):
    for path in ("/campaigns/list", "/campaigns/list", "/nowhere"):
        client.get(path)
    assert client.get("/_sandbox/requests").json() == {"/campaigns/list": {"200": 2}, "/nowhere": {"404": 1}}
    assert client.delete("/_sandbox/requests").json() == {}
    assert braze.count() == 0


def test_connection_json_names_host_key_and_zone(braze):
    braze.configure(timezone="Asia/Seoul")
    assert json.loads(braze.connection_json()) == {
        "conn_type": "braze",
        "host": braze.url,
        "password": braze.api_key,
        "extra": {"timezone": "Asia/Seoul"},
    }


def test_sandbox_stop_leaves_no_thread_and_no_socket():
    threads = set(threading.enumerate())
    with Sandbox() as braze, httpx.Client(base_url=braze.url, trust_env=False) as client:
        assert client.get("/_sandbox/health").status_code == 200
        port = int(braze.url.rsplit(":", 1)[1])
    assert set(threading.enumerate()) == threads
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=60)


def test_sandbox_start_and_stop_are_not_logged(caplog):
    caplog.set_level("INFO")
    with Sandbox(SandboxSettings(faults={"rate_cut": 1})) as braze:
        raw_exchange(braze)
    assert [each for each in caplog.records if each.name.startswith("uvicorn")] == []


def test_sandbox_stop_ends_waiting_responses():
    responses = []
    with Sandbox(SandboxSettings(latency_seconds=3_600)) as braze:

        def send() -> None:
            responses.append(httpx.get(braze.url + "/nowhere", timeout=60, trust_env=False).status_code)

        thread = threading.Thread(target=send)
        thread.start()
        while not braze.count():
            threading.Event().wait(0.001)
        assert responses == []
    thread.join(60)
    assert responses == [404]


def test_sandbox_starts_again_after_a_stop():
    braze = Sandbox()
    for _ in range(2):
        with braze:
            assert httpx.get(braze.url + "/_sandbox/health", trust_env=False).status_code == 200
    braze.stop()


def test_sandbox_start_twice_is_rejected():
    with Sandbox() as braze, pytest.raises(BrazeConfigError, match="already running"):
        braze.start()


def test_sandbox_used_port_is_named():
    with Sandbox() as braze:
        port = int(braze.url.rsplit(":", 1)[1])
        with pytest.raises(BrazeConfigError, match=f"cannot listen on 127.0.0.1:{port} "):
            Sandbox(port=port).start()


def test_sandbox_port_out_of_range_is_rejected():
    with pytest.raises(BrazeConfigError, match="70000"):
        Sandbox(port=70_000).start()


def test_sandbox_serves_many_threads(braze):
    statuses = []

    def send(number: int) -> None:
        headers = {"authorization": f"Bearer {braze.api_key}"}
        with contextlib.closing(httpx.Client(base_url=braze.url, headers=headers, trust_env=False)) as client:
            statuses.extend(client.get(SERIES, params=series_params(braze, number)).status_code for _ in range(10))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert statuses == [200] * 160
    assert braze.count(SERIES, 200) == 160


def test_package_exports_nothing_else():
    with pytest.raises(AttributeError, match="Nothing"):
        package.Nothing  # noqa: B018
