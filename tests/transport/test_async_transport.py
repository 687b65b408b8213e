"""The transports of threads and of an event loop behave alike: each test runs both, and compares them."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import logging
import socket
import ssl
import struct
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import psutil
import pytest

from airflow_provider_braze.core.endpoints import MAX_BODY_BYTES
from airflow_provider_braze.core.models import Credentials
from airflow_provider_braze.exceptions import (
    BrazeAuthError,
    BrazeConfigError,
    BrazeDataError,
    BrazeNotFoundError,
    BrazeRateLimitError,
    BrazeRequestError,
    BrazeServerError,
    BrazeTransportError,
)
from airflow_provider_braze.transport import async_session
from airflow_provider_braze.transport.async_transport import AsyncTransport
from airflow_provider_braze.transport.connection import ConnectionSettings
from airflow_provider_braze.transport.sender import Sender
from airflow_provider_braze.transport.sync_transport import Transport

pytestmark = pytest.mark.timeout(60)

LIST = "/campaigns/list"
SERIES = "/campaigns/data_series"
KEY = 'a-key/of+the"test'
NOW = 1_795_000_000.0
DOCUMENT = b'{"message": "success"}'
RESET = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW) + 30)}


def response(body: bytes = DOCUMENT, status: int = 200, headers: Mapping[str, Any] | None = None) -> bytes:
    fields = {"Connection": "close", "Content-Length": len(body), **(headers or {})}
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in fields.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode() + body


def echo(status: int, **headers: str) -> bytes:
    return response(json.dumps({"message": f"Invalid API key: {KEY}"}).encode(), status, headers)


def reset(stream: socket.socket, closing: threading.Event) -> None:
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


def stay_silent(stream: socket.socket, closing: threading.Event) -> None:
    closing.wait()


def drip_after(begin: bytes) -> Callable[[socket.socket, threading.Event], None]:
    def drip(stream: socket.socket, closing: threading.Event) -> None:
        stream.sendall(begin)
        while not closing.wait(0.02):
            stream.sendall(b" ")

    return drip


def zipped(body: bytes) -> tuple[bytes, dict[str, str]]:
    return gzip.compress(body, 1), {"Content-Encoding": "gzip"}


def a_connection(url: str, **fields: Any) -> ConnectionSettings:
    # Long, because the clock of most tests leaps.
    return ConnectionSettings(Credentials(url, KEY), **{"read_timeout": 3600.0, **fields})


def clocks() -> dict[str, Callable[[], float]]:
    # Each reading is 1,000 s later than the last, so that no test waits.
    return {"monotonic": itertools.count(0.0, 1000.0).__next__, "wall": lambda: NOW, "jitter": lambda: 0.0}


async def no_pause(seconds: float) -> None:
    await asyncio.sleep(0)


@dataclass
class Outcome:
    """Result of a request: the document or the error, and statistics."""

    document: Any = None
    error: BaseException | None = field(default=None, compare=False)
    kind: type | None = None
    stats: Any = None

    def __post_init__(self) -> None:
        self.kind = type(self.error)


def by_threads(settings: ConnectionSettings, path: str = LIST, times: int = 1, decode: Any = None) -> Outcome:
    with closing(Transport(settings, **clocks())) as transport:
        try:
            for _ in range(times):
                document = transport.get(path, {}, decode)
        except Exception as error:
            return Outcome(error=error, stats=transport.stats)
        return Outcome(document, stats=transport.stats)


def in_a_loop(settings: ConnectionSettings, path: str = LIST, times: int = 1, decode: Any = None) -> Outcome:
    async def request() -> Outcome:
        transport = AsyncTransport(settings, pause=no_pause, **clocks())
        try:
            for _ in range(times):
                document = await transport.get(path, {}, decode)
        except Exception as error:
            return Outcome(error=error, stats=transport.stats)
        finally:
            await transport.close()
        return Outcome(document, stats=transport.stats)

    return asyncio.run(request())


def announced_waits(caplog: pytest.LogCaptureFixture) -> list[float]:
    return [record.args[2] for record in caplog.records if str(record.msg).startswith("Attempt %d of %d failed")]


@pytest.fixture
def send_by_both(raw_server, caplog) -> Callable[..., tuple[Outcome, list[Any]]]:
    """Return a function that sends the same responses to both, and returns the outcome and the servers."""

    def send_all(*responses: Any, tls: Any = None, times: int = 1, decode: Any = None, **fields: Any) -> Any:
        outcomes, servers, waits = [], [], []
        for send in (by_threads, in_a_loop):
            caplog.clear()
            servers.append(raw_server(*responses, tls=tls))
            outcomes.append(send(a_connection(servers[-1].url, **fields), times=times, decode=decode))
            waits.append(announced_waits(caplog))
        threads, loop = outcomes
        assert waits[0] == waits[1]
        assert len(servers[0].requests) == len(servers[1].requests)
        assert (threads.kind, threads.document) == (loop.kind, loop.document)
        assert (threads.stats.requests, threads.stats.retries) == (loop.stats.requests, loop.stats.retries)
        assert threads.stats.waits == loop.stats.waits
        if loop.error:
            assert vars(threads.error) == vars(loop.error)
        return loop, servers

    return send_all


# What is sent


def header_of(request: bytes, name: str) -> str | None:
    fields = dict(line.split(": ", 1) for line in request.decode().split("\r\n")[1:] if line)
    return next((value for key, value in fields.items() if key.lower() == name.lower()), None)


def test_get_sends_key_version_and_parameters(raw_server):
    server = raw_server(response())

    async def request() -> Any:
        transport = AsyncTransport(a_connection(server.url))
        try:
            return await transport.get(LIST, {"page": "0", "ending_at": "2026-11-18T12:00:00+09:00"})
        finally:
            await transport.close()

    assert asyncio.run(request()) == {"message": "success"}
    request = server.requests[0]
    assert request.startswith(b"GET /campaigns/list?page=0&ending_at=2026-11-18T12%3A00%3A00%2B09%3A00 HTTP/1.1\r\n")
    assert header_of(request, "Authorization") == f"Bearer {KEY}"
    assert header_of(request, "User-Agent") == (
        f"airflow-provider-braze-analytics/{version('airflow-provider-braze-analytics')}"
    )
    assert header_of(request, "Accept") == "application/json"
    assert header_of(request, "Accept-Encoding") == "gzip"


def test_get_does_not_return_cookies(send_by_both):
    _, servers = send_by_both(response(headers={"Set-Cookie": "session=1; Path=/"}), times=2)
    for server in servers:
        assert len(server.requests) == 2
        assert header_of(server.requests[1], "Cookie") is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_get_follows_no_redirect(send_by_both, raw_server, status):
    elsewhere = raw_server(response())
    outcome, _ = send_by_both(response(b"", status, {"Location": f"{elsewhere.url}/campaigns/list"}))
    assert outcome.kind is BrazeRequestError
    assert "Redirects are not followed" in str(outcome.error)
    assert outcome.error.status == status
    assert elsewhere.requests == []


def test_get_sends_the_key_despite_a_netrc(send_by_both, monkeypatch, tmp_path, self_signed):
    context, certificate = self_signed
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\ndefault login any password thing\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    _, servers = send_by_both(response(), tls=context, verify=str(certificate))
    assert {header_of(each.requests[0], "Authorization") for each in servers} == {f"Bearer {KEY}"}


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_get_by_plain_http_bypasses_a_proxy(send_by_both, raw_server, monkeypatch, name):
    proxy = raw_server(response())
    monkeypatch.setenv(name, proxy.url)
    outcome, _ = send_by_both(response())
    assert outcome.document == {"message": "success"}
    assert proxy.requests == []


@pytest.mark.parametrize("scheme", ["http://", "", "http://user:password@", "user:password@"])
def test_get_by_https_does_not_show_the_key_to_a_proxy(send_by_both, raw_server, self_signed, monkeypatch, scheme):
    context, certificate = self_signed
    proxy = raw_server(response(b"", 403))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", scheme))
    outcome, servers = send_by_both(response(), tls=context, verify=str(certificate), max_attempts=1)
    assert outcome.kind is BrazeTransportError
    assert [each.startswith(b"CONNECT 127.0.0.1:") for each in proxy.requests] == [True, True]
    assert {header_of(each, "Authorization") for each in proxy.requests} == {None}
    assert [each.requests for each in servers] == [[], []]


def test_get_by_https_bypasses_a_proxy_excluded_by_no_proxy(send_by_both, raw_server, self_signed, monkeypatch):
    context, certificate = self_signed
    proxy = raw_server(response(b"", 403))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
    outcome, _ = send_by_both(response(), tls=context, verify=str(certificate))
    assert outcome.document == {"message": "success"}
    assert proxy.requests == []


def test_get_trusts_a_proxy_by_https_with_the_certificates_of_verify(
    send_by_both, raw_server, self_signed, monkeypatch
):
    context, certificate = self_signed
    proxy = raw_server(response(b"", 403), tls=context)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    outcome, _ = send_by_both(response(), tls=context, verify=str(certificate), max_attempts=1)
    assert "CERTIFICATE" not in str(outcome.error)
    assert [each.startswith(b"CONNECT 127.0.0.1:") for each in proxy.requests] == [True, True]


def test_error_names_the_proxy(send_by_both, self_signed, monkeypatch):
    context, certificate = self_signed
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://a-user:a-password@127.0.0.1:{port}")
    outcome, _ = send_by_both(response(), tls=context, verify=str(certificate), max_attempts=1)
    assert "Check the proxy '127.0.0.1', set by a variable such as HTTPS_PROXY" in str(outcome.error)
    assert "a-password" not in str(outcome.error)


@pytest.mark.parametrize(
    "proxy",
    [
        "user:a-secret/x@127.0.0.1:9",
        "user:99/a-secret@127.0.0.1:9",
        "user:99?a-secret@host",
        "user:a-secret@:9",
        "[::1",
    ],
)
def test_proxy_that_is_not_an_address_is_rejected_and_not_shown(raw_server, self_signed, monkeypatch, proxy):
    context, certificate = self_signed
    server = raw_server(response(), tls=context)
    connection = a_connection(server.url, verify=str(certificate))
    for scheme in ("http://", ""):
        monkeypatch.setenv("HTTPS_PROXY", scheme + proxy)
        with pytest.raises(BrazeConfigError, match="such as HTTPS_PROXY is not an address") as caught:
            Transport(connection)
        outcome = in_a_loop(connection)
        assert (outcome.kind, str(outcome.error)) == (BrazeConfigError, str(caught.value))
        assert "secret" not in str(caught.value)
    assert server.requests == []


def test_get_by_a_proxy_of_another_kind_is_a_transport_error(send_by_both, self_signed, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "gopher://127.0.0.1:9")
    outcome, _ = send_by_both(response(), tls=self_signed[0], max_attempts=2)
    assert outcome.kind is BrazeTransportError


@pytest.mark.parametrize("encoding", ["br", "gzip", "gzip, gzip"])
@pytest.mark.parametrize(
    ("status", "error", "requests"),
    [(401, BrazeAuthError, 1), (429, BrazeRateLimitError, 2), (503, BrazeServerError, 2)],
)
def test_error_status_is_kept_if_the_body_cannot_be_decoded(send_by_both, encoding, status, error, requests):
    outcome, servers = send_by_both(
        response(b"no such encoding", status, {"Content-Encoding": encoding}), max_attempts=2
    )
    assert outcome.kind is error
    assert [len(each.requests) for each in servers] == [requests, requests]


@pytest.mark.parametrize("path", ["//elsewhere.example/x", "https://elsewhere.example/x", "@elsewhere.example"])
def test_get_rejects_a_path_with_a_host(raw_server, path):
    server = raw_server(response())
    assert in_a_loop(a_connection(server.url), path).kind is BrazeConfigError
    assert server.requests == []


# TLS


def test_get_trusts_the_certificates_of_verify(send_by_both, self_signed, monkeypatch):
    context, certificate = self_signed
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    assert send_by_both(response(), tls=context, verify=str(certificate))[0].document == {"message": "success"}


def test_get_trusts_the_certificates_of_the_environment(send_by_both, self_signed, monkeypatch):
    context, certificate = self_signed
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert send_by_both(response(), tls=context)[0].document == {"message": "success"}


@pytest.mark.parametrize("bundle", ["/no/such/file", ""], ids=["none", "usual"])
def test_get_rejects_an_untrusted_certificate(send_by_both, self_signed, monkeypatch, bundle):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    outcome, servers = send_by_both(response(), tls=self_signed[0], max_attempts=2)
    assert outcome.kind is BrazeTransportError
    assert ("CERTIFICATE_VERIFY_FAILED" in str(outcome.error)) is not bool(bundle)
    assert [each.requests for each in servers] == [[], []]


def test_trust_is_loaded_once_until_the_certificates_change(self_signed, tmp_path):
    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(self_signed[1].read_bytes())
    first = async_session.trust(str(certificate))
    assert async_session.trust(str(certificate)) is first
    assert first.verify_mode is ssl.CERT_REQUIRED
    assert first.check_hostname
    certificate.write_bytes(b"nothing")
    with pytest.raises(ssl.SSLError):
        async_session.trust(str(certificate))


def test_trust_accepts_a_folder(tmp_path):
    assert async_session.trust(str(tmp_path)).verify_mode is ssl.CERT_REQUIRED


# Meaning of responses, and retries


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BrazeRequestError),
        (401, BrazeAuthError),
        (403, BrazeAuthError),
        (404, BrazeNotFoundError),
        (418, BrazeRequestError),
    ],
)
def test_rejected_get_is_not_retried(send_by_both, status, kind):
    outcome, servers = send_by_both(echo(status))
    assert outcome.kind is kind
    assert (outcome.error.status, outcome.error.endpoint) == (status, LIST)
    assert "Invalid API key: ***" in str(outcome.error)
    assert len(servers[0].requests) == 1


FAULTS = {
    "429": ([echo(429)], BrazeRateLimitError),
    "429-without-a-body": ([response(b"", 429)], BrazeRateLimitError),
    "500": ([echo(500)], BrazeServerError),
    "503-html": ([response(b"<h1>down</h1>", 503)], BrazeServerError),
    "cut": ([response(DOCUMENT[:9], headers={"Content-Length": len(DOCUMENT)})], BrazeTransportError),
    "cut-without-length": ([response(DOCUMENT[:9], headers={"Content-Length": None})], BrazeTransportError),
    "cut-chunk": (
        [response(b"ff\r\n" + DOCUMENT[:9], headers={"Content-Length": None, "Transfer-Encoding": "chunked"})],
        BrazeTransportError,
    ),
    "cut-gzip": ([response(gzip.compress(DOCUMENT)[:-12], headers={"Content-Encoding": "gzip"})], BrazeTransportError),
    "no-gzip": ([response(b"no gzip at all", headers={"Content-Encoding": "gzip"})], BrazeTransportError),
    "html": ([response(b"<h1>a proxy</h1>")], BrazeTransportError),
    "no-http": ([b"HTTP/9.9 what\r\n\r\n"], BrazeTransportError),
    "zeros": ([b"\x00" * 100], BrazeTransportError),
    "nothing": ([b""], BrazeTransportError),
    "reset": ([reset], BrazeTransportError),
}


@pytest.mark.parametrize("max_attempts", [1, 3])
@pytest.mark.parametrize("fault", FAULTS)
def test_get_with_a_transient_error_is_sent_up_to_max_attempts(send_by_both, fault, max_attempts):
    responses, kind = FAULTS[fault]
    outcome, servers = send_by_both(*responses, max_attempts=max_attempts)
    assert outcome.kind is kind
    assert (outcome.stats.requests, outcome.stats.retries) == (max_attempts, max_attempts - 1)
    assert len(servers[0].requests) == max_attempts
    assert KEY not in str(outcome.error)


@pytest.mark.parametrize("fault", FAULTS)
def test_get_that_fails_once_succeeds_at_the_second_attempt(send_by_both, fault):
    outcome, servers = send_by_both(*FAULTS[fault][0], response())
    assert outcome.document == {"message": "success"}
    assert len(servers[0].requests) == 2


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        (RESET, 30.0),
        ({"x-ratelimit-reset": str(int(NOW) + 30)}, 30.0),
        ({"X-RateLimit-Remaining": "", "X-RateLimit-Reset": "", "X-RateLimit-Limit": ""}, 0.5),
        ({"Retry-After": "20"}, 20.0),
        ({}, 0.5),
    ],
)
def test_get_of_429_waits_according_to_the_headers(send_by_both, caplog, headers, wait):
    outcome, _ = send_by_both(response(b"", 429, headers), response())
    assert outcome.document == {"message": "success"}
    assert announced_waits(caplog) == [wait]


def test_get_of_429_for_an_hour_gives_up_at_once(send_by_both):
    outcome, servers = send_by_both(response(b"", 429, {"X-RateLimit-Reset": str(int(NOW) + 3600)}))
    assert outcome.kind is BrazeRateLimitError
    assert outcome.error.retry_after_seconds == 3600.0
    assert len(servers[0].requests) == 1


def test_get_of_an_unreachable_host_is_a_transport_error(send_by_both, raw_server):
    closed = raw_server(response())
    closed.close()
    for send in (by_threads, in_a_loop):
        outcome = send(a_connection(closed.url, max_attempts=2))
        assert outcome.kind is BrazeTransportError
        assert isinstance(outcome.error.__cause__, ConnectionError)
        assert outcome.stats.requests == 2


# Bodies and time


def test_get_decompresses_and_passes_the_body_to_the_decoder(send_by_both):
    body, headers = zipped(b"12345")
    assert send_by_both(response(body, headers=headers), decode=len)[0].document == 5


@pytest.mark.parametrize("status", [200, 302, 500])
@pytest.mark.parametrize("is_bomb", [True, False], ids=["bomb", "plain"])
def test_get_of_a_huge_response_is_rejected_during_the_read(send_by_both, status, is_bomb):
    body = b" " * 20 * 1024 * 1024
    packed, headers = zipped(body) if is_bomb else (body, {})
    outcome, servers = send_by_both(response(packed, status, {**headers, "Location": "https://elsewhere.example/"}))
    assert outcome.kind is BrazeDataError
    assert "more than 16 MiB" in str(outcome.error)
    assert len(servers[0].requests) == 1


@pytest.mark.parametrize("encoding", ["gzip, gzip", "deflate", "br"])
def test_get_of_another_encoding_is_a_data_error(send_by_both, encoding):
    body = gzip.compress(gzip.compress(b" " * 20 * 1024 * 1024, 1))
    outcome, servers = send_by_both(response(body, headers={"Content-Encoding": encoding}))
    assert outcome.kind is BrazeDataError
    assert encoding in str(outcome.error)
    assert len(servers[0].requests) == 1


def test_get_decodes_one_layer_of_gzip(send_by_both):
    body = gzip.compress(gzip.compress(DOCUMENT))
    outcome, _ = send_by_both(response(body, headers={"Content-Encoding": "gzip"}), max_attempts=1)
    assert outcome.kind is BrazeTransportError
    assert "not JSON" in str(outcome.error)


@pytest.mark.parametrize("send", [by_threads, in_a_loop])
def test_get_of_a_gzip_bomb_uses_little_memory(raw_server, send):
    packer = zlib.compressobj(1, wbits=31)
    body = b"".join([*(packer.compress(bytes(MAX_BODY_BYTES)) for _ in range(16)), packer.flush()])
    server = raw_server(response(body, headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    outcome = send(a_connection(server.url))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert outcome.kind is BrazeDataError
    assert peak < 2 * MAX_BODY_BYTES


def test_get_of_the_largest_allowed_response_succeeds(send_by_both):
    assert send_by_both(response(b" " * MAX_BODY_BYTES), decode=len)[0].document == MAX_BODY_BYTES


def test_get_of_a_silent_server_ends_at_the_read_timeout(send_by_both):
    outcome, servers = send_by_both(stay_silent, read_timeout=0.1, max_attempts=2)
    assert outcome.kind is BrazeTransportError
    assert len(servers[0].requests) == 2


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nX: ", response(DOCUMENT[:1], headers={"Content-Length": 9999})])
def test_get_of_a_slow_response_ends_at_the_deadline(send_by_both, begin):
    outcome, _ = send_by_both(drip_after(begin), connect_timeout=0.1, read_timeout=0.2, max_attempts=1)
    assert outcome.kind is BrazeTransportError
    assert "not complete within" in str(outcome.error)


# Waits


class Clock:
    """A clock that advances only during waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def limits(remaining: int, seconds: int, limit: int = 100) -> dict[str, str]:
    values = {"Limit": limit, "Remaining": remaining, "Reset": int(NOW) + seconds}
    return {f"X-RateLimit-{name}": str(value) for name, value in values.items()}


def request_by(clock: Clock, server: Any, *paths: str, **fields: Any) -> Sender:
    async def request() -> Sender:
        settings = a_connection(server.url, **fields)
        transport = AsyncTransport(
            settings, pause=clock.pause, monotonic=clock, wall=lambda: NOW + clock.now, jitter=lambda: 0.0
        )
        try:
            for path in paths:
                await transport.get(path, {})
        finally:
            await transport.close()
        return transport

    return asyncio.run(request())


def test_get_sends_nothing_while_the_limit_is_used_up(raw_server):
    clock, server = Clock(), raw_server(response(headers=limits(0, 40)), response())
    transport = request_by(clock, server, LIST, SERIES, LIST)
    assert clock.now == pytest.approx(40.0)
    assert transport.stats.waits == 1
    assert transport.stats.waited_seconds == pytest.approx(40.0)
    assert len(server.requests) == 3


def test_get_gives_up_when_the_limit_is_used_up_for_longer_than_a_request_waits(raw_server):
    clock, server = Clock(), raw_server(response(headers=limits(0, 1200)), response())
    with pytest.raises(BrazeRateLimitError, match="used up for another 1200 s"):
        request_by(clock, server, LIST, LIST)
    assert clock.pauses == []
    assert len(server.requests) == 1


def test_get_of_the_events_pool_waits_for_the_next_hour(raw_server):
    clock, server = Clock(), raw_server(response(headers=limits(0, 3500)), response())
    transport = request_by(clock, server, "/events/list", "/purchases/quantity_series")
    assert clock.now == pytest.approx(3500.0)
    assert transport.stats.waited_seconds == pytest.approx(3500.0)


def test_get_of_a_429_of_the_events_pool_waits_for_the_next_hour(raw_server):
    clock, server = Clock(), raw_server(response(b"", 429, limits(0, 3500)), response())
    request_by(clock, server, "/events/list")
    assert clock.now == pytest.approx(3500.0)
    assert len(server.requests) == 2


def test_waits_of_one_bucket_do_not_use_up_those_of_another(raw_server):
    clock = Clock()
    server = raw_server(response(headers=limits(0, 3500)), response(headers=limits(0, 800)), response())
    request_by(clock, server, "/events/list", LIST, "/events/list", LIST)
    assert clock.now == pytest.approx(3500.0)


def test_requests_per_minute_delays_without_using_up_the_waits_of_a_task(raw_server):
    clock, server = Clock(), raw_server(response())
    transport = request_by(clock, server, LIST, LIST, LIST, requests_per_minute=600)
    assert clock.now == pytest.approx(0.2)
    assert (transport.stats.waits, transport.stats.waited_seconds) == (2, 0.0)


def test_back_off_counts_as_waiting(raw_server):
    clock, server = Clock(), raw_server(response(b"", 500), response(b"", 500), response())
    transport = request_by(clock, server, LIST)
    assert clock.pauses == [0.5, 1.0]
    assert transport.stats.waited_seconds == pytest.approx(1.5)


def test_remaining_is_the_last_value_from_braze(raw_server):
    transport = request_by(Clock(), raw_server(response(headers=limits(77, 60))), LIST)
    assert transport.remaining("/campaigns/details") == 77
    assert transport.remaining(SERIES) is None


def test_concurrent_tasks_are_not_rate_limited(braze_sandbox):
    braze_sandbox.configure(rate_limit=10, rate_window_seconds=1.0)

    async def request() -> Any:
        settings = ConnectionSettings(Credentials(braze_sandbox.url, braze_sandbox.api_key))
        transport = AsyncTransport(settings)
        listed = await transport.get(LIST, {})
        params = {"campaign_id": listed["campaigns"][0]["id"], "length": "1"}
        try:
            # Makes the limit known.
            await transport.get(SERIES, params)
            documents = await asyncio.gather(*[transport.get(SERIES, params) for _ in range(24)])
        finally:
            await transport.close()
        assert all(each["data"] for each in documents)
        return transport.stats

    assert asyncio.run(request()).retries == 0
    assert braze_sandbox.count(SERIES, 200) == 25
    assert braze_sandbox.count(status=429) == 0


# Ending


def open_sockets_to(server: Any) -> list[Any]:
    port = int(server.url.rsplit(":", 1)[1])
    found = psutil.Process().net_connections("tcp")
    return [each for each in found if each.raddr and each.raddr.port == port and each.status == "ESTABLISHED"]


def test_cancelled_get_ends_at_once_and_is_not_retried(raw_server):
    requested = threading.Event()

    def silent(stream: socket.socket, closing: threading.Event) -> None:
        requested.set()
        closing.wait()

    server = raw_server(silent)

    async def request() -> AsyncTransport:
        transport = AsyncTransport(a_connection(server.url))
        pending = asyncio.create_task(transport.get(LIST, {}))
        await asyncio.to_thread(requested.wait, 20)
        pending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pending
        assert not open_sockets_to(server)
        await transport.close()
        return transport

    assert asyncio.run(request()).stats.requests == 1
    assert len(server.requests) == 1


@pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
def test_close_leaves_no_socket_open_and_get_reconnects(braze):
    async def request() -> None:
        transport = AsyncTransport(ConnectionSettings(Credentials(braze.url, braze.api_key)))
        for _ in range(2):
            await transport.get(LIST, {})
            assert open_sockets_to(braze)
            await transport.close()
            assert not open_sockets_to(braze)
        await transport.close()

    asyncio.run(request())


def test_concurrent_first_requests_open_one_client(braze, monkeypatch):
    opened = []

    def count(*given: Any, **named: Any) -> Any:
        opened.append(given)
        return make(*given, **named)

    make = async_session.open_client
    monkeypatch.setattr(async_session, "open_client", count)

    async def request() -> None:
        transport = AsyncTransport(ConnectionSettings(Credentials(braze.url, braze.api_key)))
        await asyncio.gather(*[transport.get(LIST, {}) for _ in range(5)])
        await transport.close()

    asyncio.run(request())
    assert len(opened) == 1


def test_repr_hides_the_key(braze):
    transport = AsyncTransport(ConnectionSettings(Credentials(braze.url, braze.api_key)))
    assert braze.api_key not in f"{transport!r} {transport.stats!r} {vars(transport)!r}"


def test_logs_of_other_users_of_the_same_libraries_are_unchanged(braze, caplog):
    in_a_loop(a_connection(braze.url, max_attempts=1))
    with caplog.at_level("INFO", "httpx"):
        logging.getLogger("httpx").info("a %s of someone else's: %s", "call", KEY)
    assert caplog.messages[-1] == f"a call of someone else's: {KEY}"
    assert caplog.records[-1].args == ("call", KEY)
