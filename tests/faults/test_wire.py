"""Faults of the network, of proxies and of Braze's servers, met by whole runs."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.faults.conftest import LIST, SERIES, of_campaign, on, once
from tests.faults.proxy import Answer, Call, Fault

MIB = 2**20
SOON = {"read_timeout": 0.5, "connect_timeout": 0.5}


def answer(status: int, body: bytes = b'{"message": "no"}', **headers: str) -> Fault:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda call: call.send(Answer(status, body, fields))


def refusal(remaining: str, reset: Callable[[], str]) -> Fault:
    """A 429 with its headers."""

    def fault(call: Call) -> None:
        headers = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": remaining, "x-ratelimit-reset": reset()}
        call.send(Answer(429, b'{"message": "slow down"}', headers))

    return fault


def in_seconds(seconds: int) -> Callable[[], str]:
    return lambda: str(int(time.time()) + seconds)


def cut_json(call: Call) -> None:
    whole = call.ask()
    call.send(replace(whole, body=whole.body[: len(whole.body) // 2]))


def cut_body(call: Call) -> None:
    call.stream.sendall(call.ask().render()[:-20])


def cut_chunks(call: Call) -> None:
    whole = call.ask()
    chunk = f"{len(whole.body):x}\r\n".encode() + whole.body + b"\r\n"
    call.stream.sendall(Answer(200, chunk, {"content-length": None, "transfer-encoding": "chunked"}).render())


def cut_gzip(call: Call) -> None:
    whole = call.ask()
    call.send(replace(whole, body=gzip.compress(whole.body)[:-12], headers={"content-encoding": "gzip"}))


def reset_inside(call: Call) -> None:
    call.stream.sendall(call.ask().render()[:-20])
    call.reset()


def drip(call: Call, start: int) -> None:
    """Send the begin at once, and then a byte now and then."""
    whole = call.ask().render()
    call.stream.sendall(whole[:start])
    for place in range(start, len(whole)):
        if call.closing.wait(0.05):
            return
        call.stream.sendall(whole[place : place + 1])


def giant(call: Call) -> None:
    call.stream.sendall(Answer(200, headers={"content-length": str(70 * MIB)}).render())
    for _ in range(70):
        call.stream.sendall(b" " * MIB)


FAULTS: dict[str, Fault] = {
    "429-bare": answer(429),
    "429-headers-empty": refusal("", lambda: ""),
    "429-headers-of-text": refusal("none", lambda: "in a while"),
    "429-reset-in-the-past": refusal("0", in_seconds(-30)),
    "429-reset-in-a-second": refusal("0", in_seconds(1)),
    "429-reset-in-an-hour": refusal("0", in_seconds(3600)),
    "429-retry-after-an-hour": answer(429, retry_after="3600"),
    "500": answer(500),
    "502": answer(502, b"<html><h1>Bad gateway</h1></html>", content_type="text/html"),
    "503": answer(503, b""),
    "504": answer(504, b"\xff\xfe"),
    "html": answer(200, b"<!DOCTYPE html><title>Back soon</title>", content_type="text/html"),
    "empty": answer(200, b""),
    "cut-json": cut_json,
    "cut-body": cut_body,
    "cut-chunks": cut_chunks,
    "cut-gzip": cut_gzip,
    "reset-before": lambda call: call.reset(),
    "reset-inside": reset_inside,
    "closed-before": lambda call: None,
    "no-http": lambda call: call.stream.sendall(b"\x00" * 100),
    "black-hole": lambda call: call.wait_for_client(),
    "drip": lambda call: drip(call, 200),
    "drip-of-headers": lambda call: drip(call, 5),
    "gzip-bomb": answer(200, gzip.compress(b" " * 70 * MIB, 1), content_encoding="gzip"),
    "gzip-in-gzip": answer(200, gzip.compress(gzip.compress(b" " * 70 * MIB, 1)), content_encoding="gzip, gzip"),
    "70-MiB": giant,
}
SLOW = {"black-hole", "drip", "drip-of-headers"}
FOR_GOOD = {"429-reset-in-an-hour", "429-retry-after-an-hour", "gzip-bomb", "gzip-in-gzip", "70-MiB"}
"""Faults after which the same call is not sent again."""


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in FOR_GOOD])
def test_fault_that_passes(lake, fault):
    lake.connect(**SOON if fault in SLOW else {})
    summary = lake.keeps_its_promise(once(FAULTS[fault], *[SERIES] if fault == "429-reset-in-a-second" else []))
    assert summary["retries"] > 0


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "429-reset-in-a-second"])
def test_fault_that_stays_for_a_campaign(lake, fault):
    lake.connect(max_attempts=2, **SOON if fault in SLOW else {})
    error = lake.keeps_its_promise(of_campaign(lake.ids[0], FAULTS[fault]))
    assert lake.ids[0] in error.failures


@pytest.mark.parametrize("fault", ["429-bare", "429-reset-in-an-hour", "503", "html", "reset-before", "70-MiB"])
def test_fault_that_stays_for_the_list(lake, fault):
    lake.connect(max_attempts=2)
    lake.keeps_its_promise(on(LIST, FAULTS[fault]))


@pytest.mark.parametrize("fault", ["429-reset-in-an-hour", "503", "cut-body"])
def test_fault_that_stays_for_all(lake, fault):
    lake.connect(max_attempts=2)
    error = lake.keeps_its_promise(on(SERIES, FAULTS[fault]))
    assert set(error.failures) == set(lake.ids)


def far_reset(call: Call) -> None:
    """The sandbox's response, with a limit that is used up for 20 hours."""
    whole = call.ask()
    reset = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "0", "x-ratelimit-reset": in_seconds(72_000)()}
    call.send(replace(whole, headers={**whole.headers, **reset}))


def test_reset_that_is_implausible(lake):
    summary = lake.keeps_its_promise(once(far_reset))
    assert summary["retries"] == 0
