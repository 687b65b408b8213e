from __future__ import annotations

import gzip
import itertools
import json
import logging
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from email.utils import formatdate
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_braze.core.endpoints import MAX_BODY_BYTES
from airflow_provider_braze.core.models import Credentials
from airflow_provider_braze.exceptions import (
    BrazeAuthError,
    BrazeConfigError,
    BrazeDataError,
    BrazeError,
    BrazeNotFoundError,
    BrazeRateLimitError,
    BrazeRequestError,
    BrazeServerError,
    BrazeTransportError,
)
from airflow_provider_braze.sandbox import Sandbox
from airflow_provider_braze.sandbox.data import campaign_ids
from airflow_provider_braze.transport.connection import ConnectionSettings
from airflow_provider_braze.transport.sync_transport import Transport

pytestmark = pytest.mark.timeout(60)

LIST = "/campaigns/list"
SERIES = "/campaigns/data_series"
KEY = 'a-key/of+the"test'
NOW = 1_795_000_000.0
DOCUMENT = b'{"message": "success"}'


def response(body: bytes = DOCUMENT, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    length = str(len(body))
    fields = {"Connection": "close", "Content-Type": "text/json", "Content-Length": length, **(headers or {})}
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in fields.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode() + body


def response_429(headers: Mapping[str, str] | None = None) -> bytes:
    return response(b'{"message": "slow down"}', 429, headers)


def reset_connection(stream: socket.socket) -> None:
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


def leaping_clock() -> Callable[[], float]:
    """Return a clock whose readings are 1,000 s apart, so that no test waits."""
    return itertools.count(0.0, 1000.0).__next__


@pytest.fixture
def transport_to() -> Iterator[Callable[..., Transport]]:
    """Return a function that makes a transport, optionally with given settings and clocks."""
    clocks = ("monotonic", "wall", "jitter", "concurrency")
    opened: list[Transport] = []

    def make(server: Any, api_key: str = KEY, **given: Any) -> Transport:
        credentials = Credentials(server.url, api_key)
        fields = {name: value for name, value in given.items() if name not in clocks}
        # Long, because the clock of most tests leaps.
        settings = ConnectionSettings(credentials, **{"read_timeout": 3600.0, **fields})
        arguments = {"monotonic": leaping_clock(), "wall": lambda: NOW, "jitter": lambda: 0.0}
        arguments.update({name: value for name, value in given.items() if name in clocks})
        opened.append(Transport(settings, **arguments))
        return opened[-1]

    yield make
    for transport in opened:
        transport.close()


@pytest.fixture
def to_sandbox(braze: Sandbox, transport_to) -> Callable[..., Transport]:
    return lambda **given: transport_to(braze, **{"api_key": braze.api_key, **given})


def header_of(request: bytes, name: str) -> str | None:
    fields = dict(line.split(": ", 1) for line in request.decode().split("\r\n")[1:] if line)
    return next((value for key, value in fields.items() if key.lower() == name.lower()), None)


def announced_waits(caplog: pytest.LogCaptureFixture) -> list[float]:
    return [record.args[2] for record in caplog.records if str(record.msg).startswith("Attempt %d of %d failed")]


# What is sent


def test_get_sends_key_version_and_parameters(raw_server, transport_to):
    server = raw_server(response())
    assert transport_to(server).get(LIST, {"page": "0", "ending_at": "2026-11-18T12:00:00+09:00"}) == {
        "message": "success"
    }
    request = server.requests[0]
    assert request.startswith(b"GET /campaigns/list?page=0&ending_at=2026-11-18T12%3A00%3A00%2B09%3A00 HTTP/1.1\r\n")
    assert header_of(request, "Authorization") == f"Bearer {KEY}"
    assert header_of(request, "User-Agent") == (
        f"airflow-provider-braze-analytics/{version('airflow-provider-braze-analytics')}"
    )
    assert header_of(request, "Accept") == "application/json"
    assert header_of(request, "Accept-Encoding") == "gzip"


def test_get_does_not_return_cookies(raw_server, transport_to):
    server = raw_server(response(headers={"Set-Cookie": "session=1; Path=/"}))
    transport = transport_to(server)
    transport.get(LIST, {})
    transport.get(LIST, {})
    assert len(server.requests) == 2
    assert header_of(server.requests[1], "Cookie") is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_get_follows_no_redirect(raw_server, transport_to, status):
    elsewhere = raw_server(response())
    server = raw_server(response(b"", status, {"Location": f"{elsewhere.url}/campaigns/list"}))
    with pytest.raises(BrazeRequestError, match="Redirects are not followed") as caught:
        transport_to(server).get(LIST, {})
    assert caught.value.status == status
    assert len(server.requests) == 1
    assert elsewhere.requests == []


def test_get_follows_no_redirect_to_its_own_host(raw_server, transport_to):
    server = raw_server(response(b"", 307, {"Location": "/campaigns/details"}), response())
    with pytest.raises(BrazeRequestError):
        transport_to(server).get(LIST, {})
    assert len(server.requests) == 1


def test_get_sends_the_key_despite_a_netrc(raw_server, transport_to, self_signed, monkeypatch, tmp_path):
    context, certificate = self_signed
    server = raw_server(response(), tls=context)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\ndefault login any password thing\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    transport_to(server, verify=str(certificate)).get(LIST, {})
    assert header_of(server.requests[0], "Authorization") == f"Bearer {KEY}"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_get_by_plain_http_bypasses_a_proxy(raw_server, transport_to, monkeypatch, name):
    proxy, server = raw_server(response()), raw_server(response())
    monkeypatch.setenv(name, proxy.url)
    transport_to(server).get(LIST, {})
    assert proxy.requests == []
    assert len(server.requests) == 1


def test_get_by_https_does_not_show_the_key_to_a_proxy(raw_server, transport_to, self_signed, monkeypatch):
    context, certificate = self_signed
    proxy, server = raw_server(response(b"", 403)), raw_server(response(), tls=context)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    with pytest.raises(BrazeTransportError):
        transport_to(server, verify=str(certificate), max_attempts=1).get(LIST, {})
    assert proxy.requests[0].startswith(b"CONNECT 127.0.0.1:")
    assert header_of(proxy.requests[0], "Authorization") is None
    assert server.requests == []


@pytest.mark.parametrize("path", ["//elsewhere.example/x", "https://elsewhere.example/x", "@elsewhere.example"])
def test_get_rejects_a_path_with_a_host(raw_server, transport_to, path):
    server = raw_server(response())
    with pytest.raises(BrazeConfigError):
        transport_to(server).get(path, {})
    assert server.requests == []


# TLS


def test_get_trusts_the_certificates_of_verify(raw_server, transport_to, self_signed, monkeypatch):
    context, certificate = self_signed
    server = raw_server(response(), tls=context)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    assert transport_to(server, verify=str(certificate)).get(LIST, {}) == {"message": "success"}


def test_get_rejects_an_untrusted_certificate(raw_server, transport_to, self_signed):
    server = raw_server(response(), tls=self_signed[0])
    with pytest.raises(BrazeTransportError, match="CERTIFICATE_VERIFY_FAILED"):
        transport_to(server, max_attempts=1).get(LIST, {})
    assert server.requests == []


# Meaning of responses, and retries


@pytest.mark.parametrize(
    ("change", "path", "status", "kind"),
    [
        ({"api_key": "another-key"}, LIST, 401, BrazeAuthError),
        ({"permissions": ["campaigns.details"]}, LIST, 403, BrazeAuthError),
        ({}, "/campagnes/list", 404, BrazeNotFoundError),
        ({}, SERIES, 400, BrazeRequestError),
    ],
)
def test_rejected_get_is_not_retried(braze, to_sandbox, change, path, status, kind):
    transport = to_sandbox()
    braze.configure(**change)
    with pytest.raises(kind) as caught:
        transport.get(path, {"campaign_id": "unknown"} if path == SERIES else {})
    assert (type(caught.value), caught.value.status, caught.value.endpoint) == (kind, status, path)
    assert braze.count(path, status) == braze.count() == 1
    assert (transport.stats.requests, transport.stats.retries) == (1, 0)


@pytest.mark.parametrize(
    ("fault", "served", "kind"),
    [
        ("rate_429", 429, BrazeRateLimitError),
        ("rate_500", 500, BrazeServerError),
        ("rate_cut", 200, BrazeTransportError),
        ("rate_html", 200, BrazeTransportError),
        ("rate_reset", 0, BrazeTransportError),
    ],
)
@pytest.mark.parametrize("max_attempts", [1, 4])
def test_get_with_a_transient_error_is_sent_up_to_max_attempts(braze, to_sandbox, fault, served, kind, max_attempts):
    braze.configure(faults={fault: 1.0})
    transport = to_sandbox(max_attempts=max_attempts, wall=time.time)
    with pytest.raises(kind) as caught:
        transport.get(LIST, {})
    assert type(caught.value) is kind
    assert braze.count(LIST, served) == braze.count() == max_attempts
    assert (transport.stats.requests, transport.stats.retries) == (max_attempts, max_attempts - 1)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 599])
def test_get_of_any_5xx_is_retried_and_may_succeed(raw_server, transport_to, status):
    server = raw_server(response(b"<html>down</html>", status), response())
    assert transport_to(server).get(LIST, {}) == {"message": "success"}
    assert len(server.requests) == 2


def test_get_without_a_response_is_sent_six_times_by_default(raw_server, transport_to, caplog):
    server = raw_server(lambda stream, closing: reset_connection(stream))
    with pytest.raises(BrazeTransportError, match="Request to /campaigns/list failed"):
        transport_to(server).get(LIST, {})
    assert len(server.requests) == 6
    assert announced_waits(caplog) == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_get_waits_according_to_the_given_jitter(raw_server, transport_to, caplog):
    server = raw_server(response(b"", 500))
    with pytest.raises(BrazeServerError):
        transport_to(server, max_attempts=3, jitter=lambda: 1.0).get(LIST, {})
    assert announced_waits(caplog) == [1.0, 2.0]


def test_get_of_a_refused_connection_is_a_transport_error(raw_server, transport_to):
    server = raw_server(response())
    transport = transport_to(server, max_attempts=2)
    server.close()
    with pytest.raises(BrazeTransportError, match="Check the connection's host") as caught:
        transport.get(LIST, {})
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert transport.stats.requests == 2


# Rate-limit headers


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 30)}, 30.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 30)}, 30.0),
        ({"X-RATELIMIT-RESET": str(int(NOW) + 30)}, 30.0),
        ({"X-RateLimit-Remaining": "", "X-RateLimit-Reset": str(int(NOW) + 30)}, 30.0),
        ({"X-RateLimit-Remaining": "", "X-RateLimit-Reset": "", "X-RateLimit-Limit": ""}, 0.5),
        ({}, 0.5),
        ({"X-RateLimit-Reset": "in a while"}, 0.5),
        ({"X-RateLimit-Reset": str(int(NOW) - 30)}, 0.5),
        ({"X-RateLimit-Reset": str(int(NOW) - 30), "Retry-After": "20"}, 20.0),
        ({"X-RateLimit-Reset": str(int(NOW) + 7230), "Date": formatdate(NOW + 7200, usegmt=True)}, 30.0),
        ({"X-RateLimit-Reset": str(int(NOW) - 7170), "Date": formatdate(NOW - 7200, usegmt=True)}, 30.0),
    ],
)
def test_get_of_429_waits_according_to_the_headers(raw_server, transport_to, caplog, headers, wait):
    server = raw_server(response_429(headers), response())
    assert transport_to(server).get(LIST, {}) == {"message": "success"}
    assert announced_waits(caplog) == [wait]


def test_get_of_429_adds_the_jitter_to_the_reset(raw_server, transport_to, caplog):
    server = raw_server(response_429({"X-RateLimit-Reset": str(int(NOW) + 30)}), response())
    transport_to(server, jitter=lambda: 0.75).get(LIST, {})
    assert announced_waits(caplog) == [30.75]


def test_get_of_429_for_an_hour_gives_up_at_once(raw_server, transport_to):
    server = raw_server(response_429({"X-RateLimit-Reset": str(int(NOW) + 3600)}))
    with pytest.raises(BrazeRateLimitError) as caught:
        transport_to(server).get(LIST, {})
    assert caught.value.retry_after_seconds == 3600.0
    assert len(server.requests) == 1


def test_get_gives_up_when_the_task_has_waited_an_hour(raw_server, transport_to):
    server = raw_server(response_429({"Retry-After": "10"}), response())
    transport = transport_to(server)
    transport._bucket(LIST).waited._finished = 3595.0
    with pytest.raises(BrazeRateLimitError):
        transport.get(LIST, {})
    assert len(server.requests) == 1


def used_up(seconds: int) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": "100",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(NOW) + seconds),
    }


def test_get_sends_nothing_while_the_limit_is_used_up(raw_server, transport_to, caplog):
    caplog.set_level("INFO")
    server = raw_server(response(headers=used_up(1)), response())
    transport = transport_to(server, monotonic=time.monotonic, wall=lambda: NOW + 0.9)
    transport.get(LIST, {})
    assert transport.remaining(LIST) == 0
    assert transport.stats.waits == 0
    transport.get(LIST, {})
    assert len(server.requests) == 2
    assert transport.stats.waits == 1
    assert transport.stats.waited_seconds > 0
    assert [record.args[0] for record in caplog.records if "is used up" in record.msg] == [LIST]


def test_get_gives_up_when_the_limit_is_used_up_for_longer_than_a_request_waits(raw_server, transport_to):
    server = raw_server(response(headers=used_up(1200)), response())
    transport = transport_to(server, monotonic=time.monotonic)
    transport.get(LIST, {})
    with pytest.raises(BrazeRateLimitError, match=r"used up for another 1\d{3} s") as caught:
        transport.get(LIST, {})
    assert (caught.value.status, caught.value.endpoint) == (429, LIST)
    assert caught.value.retry_after_seconds == pytest.approx(1200.0, abs=10.0)
    assert len(server.requests) == 1


def test_get_logs_once_how_long_the_limit_is_used_up(raw_server, transport_to, caplog, waiting):
    server = raw_server(response(headers=used_up(600)))
    transport = transport_to(server, monotonic=time.monotonic)
    transport.get(LIST, {})
    with ThreadPoolExecutor(4) as pool:
        pending = [pool.submit(transport.get, LIST, {}) for _ in range(4)]
        assert waiting.wait(20)
        transport.stop()
        assert {type(each.exception(timeout=20)) for each in pending} == {BrazeError}
    assert len([record for record in caplog.records if "is used up; waiting" in record.msg]) == 1


def test_get_logs_that_in_flight_requests_may_use_up_the_limit(raw_server, transport_to, caplog, waiting):
    is_released = threading.Event()

    def late(stream: socket.socket, closing: threading.Event) -> None:
        assert is_released.wait(20)
        stream.sendall(response())

    server = raw_server(response(headers={**used_up(600), "X-RateLimit-Remaining": "1"}), late)
    transport = transport_to(server, monotonic=time.monotonic, wall=lambda: NOW)
    transport.get(LIST, {})
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(transport.get, LIST, {}) for _ in range(2)]
        assert waiting.wait(20)
        is_released.set()
        assert len([each.result(20) for each in both]) == 2
    (message,) = (record.getMessage() for record in caplog.records if "waiting" in record.msg)
    assert message.startswith(f"Rate limit for {LIST} is nearly used up; waiting up to 600 s for in-flight requests")
    assert message.endswith((", until 11:16:39 UTC", ", until 11:16:40 UTC"))


def test_get_of_429_delays_the_others_despite_remaining_requests(raw_server, transport_to):
    server = raw_server(response_429({**used_up(1200), "X-RateLimit-Remaining": "50"}), response())
    transport = transport_to(server, monotonic=time.monotonic)
    for _ in range(2):
        with pytest.raises(BrazeRateLimitError):
            transport.get(LIST, {})
    assert len(server.requests) == 1


@pytest.mark.parametrize(("path", "seconds"), [(LIST, 72_000), (SERIES, 1200)])
@pytest.mark.parametrize("status", [200, 429])
def test_get_ignores_an_implausible_reset(raw_server, transport_to, path, seconds, status):
    server = raw_server(response(status=status, headers=used_up(seconds)), response())
    transport = transport_to(server, monotonic=time.monotonic)
    with nullcontext() if status == 200 else pytest.raises(BrazeRateLimitError):
        transport.get(path, {})
    assert transport.get(path, {}) == {"message": "success"}
    assert len(server.requests) == 2


def test_get_of_another_bucket_is_sent_while_one_is_used_up(raw_server, transport_to):
    server = raw_server(response(headers=used_up(1200)), response())
    transport = transport_to(server, monotonic=time.monotonic)
    transport.get(LIST, {})
    transport.get(SERIES, {})
    assert len(server.requests) == 2


def test_remaining_is_the_last_value_from_braze(raw_server, transport_to):
    server = raw_server(response(headers={**used_up(60), "X-RateLimit-Remaining": "77"}))
    transport = transport_to(server, monotonic=time.monotonic)
    assert transport.remaining(LIST) is None
    transport.get(LIST, {})
    assert transport.remaining("/campaigns/details") == 77
    assert transport.remaining(SERIES) is None


def test_requests_per_minute_delays_without_using_up_the_waits_of_a_task(raw_server, transport_to, caplog):
    caplog.set_level("INFO")
    server = raw_server(response())
    # A request reads this clock a few times, and so takes less than the tenth of a second between two.
    transport = transport_to(server, requests_per_minute=600, monotonic=itertools.count(0.0, 0.01).__next__)
    for _ in range(3):
        transport.get(LIST, {})
    assert len(server.requests) == 3
    assert transport.stats.waits == 2
    assert transport.stats.waited_seconds == 0.0
    assert [record.args[0] for record in caplog.records if "spaces out" in record.msg] == [LIST]


def test_many_threads_are_not_rate_limited(braze_sandbox, transport_to):
    braze_sandbox.configure(rate_limit=40, rate_window_seconds=2.0)
    transport = transport_to(
        braze_sandbox,
        braze_sandbox.api_key,
        concurrency=16,
        monotonic=time.monotonic,
        wall=time.time,
        jitter=lambda: 0.5,
        read_timeout=60.0,
    )
    campaign_id = campaign_ids(braze_sandbox.settings)[0]
    with ThreadPoolExecutor(16) as pool:
        pending = [pool.submit(transport.get, SERIES, {"campaign_id": campaign_id, "length": "1"}) for _ in range(100)]
        assert all(each.result()["data"] for each in pending)
    assert braze_sandbox.count(SERIES, 200) == braze_sandbox.count() == 100
    assert transport.stats.retries == 0


# Bodies


@pytest.mark.parametrize("content_type", ["text/html", "text/plain; charset=utf-16", None])
def test_get_reads_json_of_any_content_type(raw_server, transport_to, content_type):
    server = raw_server(response(headers={"Content-Type": content_type}))
    assert transport_to(server).get(LIST, {}) == {"message": "success"}


def test_get_decompresses(raw_server, transport_to):
    server = raw_server(response(gzip.compress(DOCUMENT), headers={"Content-Encoding": "gzip"}))
    assert transport_to(server).get(LIST, {}) == {"message": "success"}


def test_get_reads_a_body_that_arrives_byte_by_byte(raw_server, transport_to):
    def drip(stream: socket.socket, closing: threading.Event) -> None:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in response(gzip.compress(DOCUMENT), headers={"Content-Encoding": "gzip"}):
            stream.sendall(bytes([byte]))

    assert transport_to(raw_server(drip), monotonic=time.monotonic).get(LIST, {}) == {"message": "success"}


def test_get_passes_the_body_to_the_decoder(raw_server, transport_to):
    assert transport_to(raw_server(response(b"12345"))).get(LIST, {}, len) == 5


@pytest.mark.parametrize(
    "cut",
    [
        response(DOCUMENT[:9], headers={"Content-Length": str(len(DOCUMENT))}),
        response(b"", headers={"Content-Length": str(len(DOCUMENT))}),
        response(DOCUMENT[:9], headers={"Content-Length": None}),
        response(b"9\r\n" + DOCUMENT[:9] + b"\r\n", headers={"Content-Length": None, "Transfer-Encoding": "chunked"}),
        response(b"ff\r\n" + DOCUMENT[:9], headers={"Content-Length": None, "Transfer-Encoding": "chunked"}),
        response(gzip.compress(DOCUMENT)[:-12], headers={"Content-Encoding": "gzip"}),
        response(b"no gzip at all", headers={"Content-Encoding": "gzip"}),
        response()[:30],
        b"",
        b"HTTP/9.9 what\r\n\r\n",
        b"\x00" * 100,
    ],
    ids=range(11),
)
def test_get_of_a_truncated_response_is_retried(raw_server, transport_to, cut):
    server = raw_server(cut, response())
    transport = transport_to(server)
    assert transport.get(LIST, {}) == {"message": "success"}
    assert transport.stats.retries == 1


@pytest.mark.parametrize("seen", [b"", response()[:-5]], ids=["before the response", "inside the body"])
def test_get_of_a_reset_connection_is_retried(raw_server, transport_to, seen):
    def reset(stream: socket.socket, closing: threading.Event) -> None:
        stream.sendall(seen)
        reset_connection(stream)

    server = raw_server(reset, response())
    assert transport_to(server).get(LIST, {}) == {"message": "success"}
    assert len(server.requests) == 2


def test_get_of_a_silent_server_ends_at_the_read_timeout(raw_server, transport_to):
    server = raw_server(lambda stream, closing: closing.wait() and None)
    with pytest.raises(BrazeTransportError, match=r"(?i)timed out"):
        transport_to(server, read_timeout=0.1, max_attempts=2).get(LIST, {})
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "begin", [b"HTTP/1.1 200 OK\r\nX: ", response(DOCUMENT[:1], headers={"Content-Length": "9999"})]
)
def test_get_of_a_slow_response_ends_at_the_deadline(raw_server, transport_to, begin):
    def drip(stream: socket.socket, closing: threading.Event) -> None:
        stream.sendall(begin)
        while not closing.wait(0.02):
            stream.sendall(b" ")

    with pytest.raises(BrazeTransportError, match="not complete within 0 s"):
        transport_to(raw_server(drip), read_timeout=0.2, max_attempts=1).get(LIST, {})


@pytest.mark.parametrize("compressed", [True, False], ids=["bomb", "plain"])
@pytest.mark.parametrize("status", [200, 500])
def test_get_of_a_huge_response_is_rejected_during_the_read(raw_server, transport_to, compressed, status):
    body = b" " * 20 * 1024 * 1024
    if compressed:
        body = gzip.compress(body, 1)
        assert len(body) < 1024 * 1024
    server = raw_server(response(body, status, {"Content-Encoding": "gzip"} if compressed else {}))
    with pytest.raises(BrazeDataError, match="more than 16 MiB"):
        transport_to(server, monotonic=time.monotonic).get(LIST, {})
    assert len(server.requests) == 1


def test_get_of_the_largest_allowed_response_succeeds(raw_server, transport_to):
    server = raw_server(response(b" " * MAX_BODY_BYTES))
    assert transport_to(server, monotonic=time.monotonic).get(LIST, {}, len) == MAX_BODY_BYTES


# Stopping and closing


class WaitingHandler(logging.Handler):
    """Sets an event when a request begins to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "next in" in record.msg or "waiting" in record.msg:
            self.waiting.set()


@pytest.fixture
def waiting(caplog: pytest.LogCaptureFixture) -> Iterator[threading.Event]:
    handler, log = WaitingHandler(), logging.getLogger("airflow_provider_braze.transport.sender")
    caplog.set_level("INFO", log.name)
    log.addHandler(handler)
    yield handler.waiting
    log.removeHandler(handler)


def test_stop_ends_a_wait_for_the_reset(braze, to_sandbox, waiting):
    braze.configure(faults={"rate_429": 1.0, "retry_after_reset_seconds": 30})
    transport = to_sandbox(monotonic=time.monotonic, wall=time.time)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(transport.get, LIST, {})
        assert waiting.wait(20)
        transport.stop()
        error = pending.exception(timeout=20)
    assert type(error) is BrazeError
    assert "Task stopped" in str(error)
    assert braze.count() == 1


def test_stop_ends_every_waiting_thread(raw_server, transport_to, waiting):
    server = raw_server(response(headers=used_up(600)))
    transport = transport_to(server, monotonic=time.monotonic)
    transport.get(LIST, {})
    with ThreadPoolExecutor(8) as pool:
        pending = [pool.submit(transport.get, LIST, {}) for _ in range(8)]
        assert waiting.wait(20)
        transport.stop()
        errors = [each.exception(timeout=20) for each in pending]
    assert {type(error) for error in errors} == {BrazeError}
    assert len(server.requests) == 1


def test_stop_ends_the_read_of_a_body(raw_server, transport_to):
    begun = threading.Event()

    def send_slowly(stream: socket.socket, closing: threading.Event) -> None:
        stream.sendall(response(DOCUMENT[:1], headers={"Content-Length": str(len(DOCUMENT))}))
        begun.set()
        stopped.wait(20)
        stream.sendall(DOCUMENT[1:])

    stopped = threading.Event()
    transport = transport_to(raw_server(send_slowly), monotonic=time.monotonic)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(transport.get, LIST, {})
        assert begun.wait(20)
        transport.stop()
        stopped.set()
        assert type(pending.exception(timeout=20)) is BrazeError


@pytest.mark.parametrize("is_secure", [False, True])
def test_stop_ends_the_wait_for_a_response(raw_server, transport_to, self_signed, is_secure):
    requested = threading.Event()

    def stay_silent(stream: socket.socket, closing: threading.Event) -> None:
        requested.set()
        closing.wait()

    context, certificate = self_signed
    server = raw_server(stay_silent, tls=context if is_secure else None)
    transport = transport_to(server, verify=str(certificate))
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(transport.get, LIST, {})
        assert requested.wait(20)
        transport.stop()
        error = pending.exception(timeout=20)
    assert type(error) is BrazeError
    assert "Task stopped" in str(error)


def test_stop_ends_the_tls_handshake(transport_to, self_signed):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        transport = transport_to(SimpleNamespace(url=url), verify=str(self_signed[1]), connect_timeout=3600.0)
        with ThreadPoolExecutor(1) as pool:
            request = pool.submit(transport.get, LIST, {})
            connection, _ = listener.accept()
            # The handshake has begun: its first message has arrived.
            assert connection.recv(1)
            transport.stop()
            error = request.exception(timeout=20)
            connection.close()
    assert type(error) is BrazeError


def test_stop_ends_the_connection_attempt(transport_to):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        # A full queue: another connection is neither accepted nor rejected.
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        transport = transport_to(SimpleNamespace(url=f"http://127.0.0.1:{address[1]}"), connect_timeout=3600.0)
        checked = threading.Event()
        check, transport.check_stopped = transport.check_stopped, lambda: (checked.set(), check())
        with ThreadPoolExecutor(1) as pool:
            request = pool.submit(transport.get, LIST, {})
            assert checked.wait(20)
            transport.stop()
            error = request.exception(timeout=20)
        for each in waiting:
            each.close()
    assert type(error) is BrazeError


def test_get_after_stop_sends_nothing(raw_server, transport_to):
    server = raw_server(response())
    transport = transport_to(server)
    transport.stop()
    with pytest.raises(BrazeError, match="Task stopped"):
        transport.get(LIST, {})
    assert server.requests == []


@pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
def test_close_leaves_no_socket_open(braze, to_sandbox):
    transport = to_sandbox()
    with closing(transport):
        transport.get(LIST, {})
    assert not open_sockets_to(braze)


def open_sockets_to(server: Any) -> list[Any]:
    import psutil

    port = int(server.url.rsplit(":", 1)[1])
    found = psutil.Process().net_connections("tcp")
    return [each for each in found if each.raddr and each.raddr.port == port and each.status == "ESTABLISHED"]


def test_repr_hides_the_key(braze, to_sandbox):
    transport = to_sandbox()
    assert braze.api_key not in f"{transport!r} {transport.stats!r} {vars(transport)!r}"


def test_get_returns_the_sandboxs_document(braze, to_sandbox):
    document = to_sandbox().get(LIST, {"page": "0"})
    assert [entry["id"] for entry in document["campaigns"]] == [
        each for each in campaign_ids(braze.settings) if each in json.dumps(document)
    ]


def test_get_of_a_redirect_with_a_huge_body_is_rejected_during_the_read(raw_server, transport_to):
    body = gzip.compress(b" " * 20 * 1024 * 1024, 1)
    server = raw_server(response(body, 302, {"Content-Encoding": "gzip", "Location": "https://elsewhere.example/"}))
    with pytest.raises(BrazeDataError, match="more than 16 MiB"):
        transport_to(server, monotonic=time.monotonic).get(LIST, {})
