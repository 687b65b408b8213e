"""Faults of the network, of proxies and of Braze's servers, in whole runs."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from airflow_provider_braze.exceptions import (
    BrazeDataError,
    BrazeError,
    BrazePartialError,
    BrazeRateLimitError,
    BrazeServerError,
    BrazeTransportError,
)
from tests.faults.conftest import LIST, SERIES, of_campaign, on, once
from tests.faults.proxy import Call, Fault, Response
from tests.faults.table import Case, Complete, Fails, Promise, each_case, fault

MIB = 2**20
SOON = {"read_timeout": 0.5, "connect_timeout": 0.5}


def respond(status: int, body: bytes = b'{"message": "no"}', **headers: str) -> Fault:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda call: call.send(Response(status, body, fields))


def rate_limited(remaining: str, reset: Callable[[], str]) -> Fault:
    """Return a fault that sends a 429 with the given headers."""

    def fault(call: Call) -> None:
        headers = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset()}
        call.send(Response(429, b'{"message": "slow down"}', headers))

    return fault


def in_seconds(seconds: int) -> Callable[[], str]:
    return lambda: str(int(time.time()) + seconds)


def cut_json(call: Call) -> None:
    whole = call.fetch()
    call.send(replace(whole, body=whole.body[: len(whole.body) // 2]))


def cut_body(call: Call) -> None:
    call.stream.sendall(call.fetch().render()[:-20])


def cut_chunks(call: Call) -> None:
    whole = call.fetch()
    chunk = f"{len(whole.body):x}\r\n".encode() + whole.body + b"\r\n"
    call.stream.sendall(Response(200, chunk, {"content-length": None, "transfer-encoding": "chunked"}).render())


def cut_gzip(call: Call) -> None:
    whole = call.fetch()
    call.send(replace(whole, body=gzip.compress(whole.body)[:-12], headers={"content-encoding": "gzip"}))


def reset_inside(call: Call) -> None:
    call.stream.sendall(call.fetch().render()[:-20])
    call.reset()


def drip(call: Call, start: int) -> None:
    """Send the beginning at once, and then single bytes with pauses."""
    whole = call.fetch().render()
    call.stream.sendall(whole[:start])
    for place in range(start, len(whole)):
        if call.closing.wait(0.05):
            return
        call.stream.sendall(whole[place : place + 1])


@cache
def bomb() -> bytes:
    """Return 70 MiB as gzip. Made when it is first needed, because each process of tests imports this file."""
    return gzip.compress(b" " * 70 * MIB, 1)


def explode(call: Call) -> None:
    call.send(Response(200, bomb(), {"content-encoding": "gzip"}))


def explode_twice(call: Call) -> None:
    call.send(Response(200, gzip.compress(bomb()), {"content-encoding": "gzip, gzip"}))


def giant(call: Call) -> None:
    call.stream.sendall(Response(200, headers={"content-length": str(70 * MIB)}).render())
    for _ in range(70):
        call.stream.sendall(b" " * MIB)


@dataclass(frozen=True)
class WireFault:
    """A fault of the network or a server.

    :param words: description for the table.
    :param cause: class of the error when it is persistent.
    :param note: further promise in that case.
    :param is_final: whether the request is not retried, so that the fault cannot be transient.
    :param is_slow: whether the connection's timeouts have to be short.
    """

    words: str
    do: Fault
    cause: type[BrazeError]
    note: str = ""
    is_final: bool = False
    is_slow: bool = False

    def when(self, where: str, promise: Promise) -> Case:
        return Case(f"{self.words}, {where}", promise, self)


LIMITED, DOWN, BROKEN, DATA = BrazeRateLimitError, BrazeServerError, BrazeTransportError, BrazeDataError
NO_WAIT = "soon, without waiting for the hour"
DEADLINE = "after the deadline"

FAULTS = {
    "429-bare": WireFault("429 without headers", respond(429), LIMITED),
    "429-headers-empty": WireFault("429 with empty rate-limit headers", rate_limited("", lambda: ""), LIMITED),
    "429-headers-of-text": WireFault(
        "429 with words in the rate-limit headers", rate_limited("none", lambda: "in a while"), LIMITED
    ),
    "429-reset-in-the-past": WireFault("429 whose reset has passed", rate_limited("0", in_seconds(-30)), LIMITED),
    "429-reset-in-a-second": WireFault("429 with a reset a second ahead", rate_limited("0", in_seconds(1)), LIMITED),
    "429-reset-in-an-hour": WireFault(
        "429 with a reset an hour ahead", rate_limited("0", in_seconds(3600)), LIMITED, NO_WAIT, is_final=True
    ),
    "429-retry-after-an-hour": WireFault(
        "429 with `Retry-After` of an hour", respond(429, retry_after="3600"), LIMITED, NO_WAIT, is_final=True
    ),
    "500": WireFault("500 with JSON", respond(500), DOWN),
    "502": WireFault(
        "502 with HTML", respond(502, b"<html><h1>Bad gateway</h1></html>", content_type="text/html"), DOWN
    ),
    "503": WireFault("503 without a body", respond(503, b""), DOWN),
    "504": WireFault("504 with bytes that are not text", respond(504, b"\xff\xfe"), DOWN),
    "html": WireFault(
        "200 with a page of HTML",
        respond(200, b"<!DOCTYPE html><title>Back soon</title>", content_type="text/html"),
        BROKEN,
    ),
    "empty": WireFault("200 with an empty body", respond(200, b""), BROKEN),
    "cut-json": WireFault("half of the JSON, with its right length", cut_json, BROKEN),
    "cut-body": WireFault("the connection ends inside the body", cut_body, BROKEN),
    "cut-chunks": WireFault("the connection ends between two chunks", cut_chunks, BROKEN),
    "cut-gzip": WireFault("a truncated gzip stream", cut_gzip, BROKEN),
    "reset-before": WireFault("a reset before the response", lambda call: call.reset(), BROKEN),
    "reset-inside": WireFault("a reset inside the body", reset_inside, BROKEN),
    "closed-before": WireFault("the connection is closed before the response", lambda call: None, BROKEN),
    "no-http": WireFault("bytes that are not HTTP", lambda call: call.stream.sendall(b"\x00" * 100), BROKEN),
    "black-hole": WireFault(
        "a server that never responds",
        lambda call: call.wait_for_client(),
        BROKEN,
        "after the read timeout",
        is_slow=True,
    ),
    "drip": WireFault("a body that arrives byte by byte", lambda call: drip(call, 200), BROKEN, DEADLINE, is_slow=True),
    "drip-of-headers": WireFault(
        "headers that arrive byte by byte", lambda call: drip(call, 5), BROKEN, DEADLINE, is_slow=True
    ),
    "gzip-bomb": WireFault(
        "a gzip bomb of 70 MiB",
        explode,
        DATA,
        "as soon as 16 MiB are read",
        is_final=True,
    ),
    "gzip-in-gzip": WireFault(
        "gzip within gzip",
        explode_twice,
        DATA,
        "without decoding",
        is_final=True,
    ),
    "70-MiB": WireFault("a body of 70 MiB", giant, DATA, "as soon as 16 MiB are read", is_final=True),
}


TRANSIENT = {name: each.when("transient", Complete()) for name, each in FAULTS.items() if not each.is_final}
OF_A_CAMPAIGN = {
    name: each.when("persistent for a campaign", Fails(BrazePartialError, each.cause, note=each.note))
    for name, each in FAULTS.items()
    if name != "429-reset-in-a-second"
}
OF_THE_LIST = {
    name: FAULTS[name].when("persistent for the list", Fails(FAULTS[name].cause, writes_nothing=True))
    for name in ("429-bare", "429-reset-in-an-hour", "503", "html", "reset-before", "70-MiB")
}
OF_ALL = {
    name: FAULTS[name].when("persistent for all campaigns", Fails(BrazePartialError, FAULTS[name].cause))
    for name in ("429-reset-in-an-hour", "503", "cut-body")
}


@each_case("fault", TRANSIENT)
def test_transient_fault(lake, fault):
    lake.connect(**SOON if fault.is_slow else {})
    paths = [SERIES] if fault is FAULTS["429-reset-in-a-second"] else []
    summary = lake.check_promise(once(fault.do, *paths))
    assert summary["retries"] > 0


@each_case("fault", OF_A_CAMPAIGN)
def test_persistent_fault_of_a_campaign(lake, fault):
    lake.connect(max_attempts=2, **SOON if fault.is_slow else {})
    error = lake.check_promise(of_campaign(lake.ids[0], fault.do))
    assert lake.ids[0] in error.failures


@each_case("fault", OF_THE_LIST)
def test_persistent_fault_of_the_list(lake, fault):
    lake.connect(max_attempts=2)
    lake.check_promise(on(LIST, fault.do))


@each_case("fault", OF_ALL)
def test_persistent_fault_of_all(lake, fault):
    lake.connect(max_attempts=2)
    error = lake.check_promise(on(SERIES, fault.do))
    assert set(error.failures) == set(lake.ids)


def far_reset(call: Call) -> None:
    """Send the sandbox's response with a limit that is used up for 20 hours."""
    whole = call.fetch()
    reset = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "0", "x-ratelimit-reset": in_seconds(72_000)()}
    call.send(replace(whole, headers={**whole.headers, **reset}))


@fault("a used-up rate limit with a reset 20 hours ahead, once per campaign", Complete("without a wait"))
def test_implausible_reset(lake):
    summary = lake.check_promise(once(far_reset))
    assert summary["retries"] == 0
