from __future__ import annotations

import asyncio
import gzip

import pytest

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.sandbox.settings import SandboxSettings
from airflow_provider_braze.sandbox.state import Body, SandboxState, ServedRequest


class Renderer:
    def __init__(self, size: int = 10) -> None:
        self.calls = 0
        self.size = size

    def __call__(self) -> bytes:
        self.calls += 1
        return b"x" * self.size


def a_state(**arguments: int) -> SandboxState:
    return SandboxState(SandboxSettings(), **arguments)


def test_body_same_key_is_rendered_once():
    state, render = a_state(), Renderer()
    first, second = (state.body(state.settings, "key", render) for _ in range(2))
    assert first is second
    assert render.calls == 1


def test_body_after_configure_is_rendered_again():
    state, render = a_state(), Renderer()
    state.body(state.settings, "key", render)
    state.configure(lambda settings: settings.merged({"seed": 1}))
    state.body(state.settings, "key", render)
    assert render.calls == 2


def test_body_of_outdated_settings_is_not_cached():
    state, render = a_state(), Renderer()
    old = state.settings
    state.configure(lambda settings: settings.merged({"seed": 1}))
    state.body(old, "key", render)
    state.body(state.settings, "key", render)
    assert render.calls == 2


def test_full_body_cache_drops_the_least_recently_used():
    state, render = a_state(cache_bytes=25), Renderer(10)
    for key in ("a", "b", "a", "c", "a", "b"):
        state.body(state.settings, key, render)
    assert render.calls == 4


def test_body_of_long_text_is_compressed_too():
    body = Body.of(b"x" * 2_000)
    assert gzip.decompress(body.compressed) == body.plain
    assert Body.of(b"x" * 1_024).compressed is None


def test_served_keeps_the_last_10000_requests_and_counts_all():
    state = a_state()
    for number in range(10_001):
        state.record(ServedRequest("/a", 200, {"page": str(number)}))
    assert [each.params["page"] for each in state.served()][::9_999] == ["1", "10000"]
    assert state.counts() == {("/a", 200): 10_001}


def test_forget_requests_empties_list_and_counts():
    state = a_state()
    state.record(ServedRequest("/a", 200, {}))
    state.forget_requests()
    assert (state.served(), state.counts()) == ([], {})


def test_configure_wrong_value_changes_nothing():
    state = a_state()
    with pytest.raises(BrazeConfigError):
        state.configure(lambda settings: settings.merged({"seed": "x"}))
    assert state.settings == SandboxSettings()


def test_dice_same_seed_same_draws_until_configured():
    first, second = a_state(), a_state()
    draws = [first.dice().random() for _ in range(3)]
    assert draws == [second.dice().random() for _ in range(3)]
    assert len(set(draws)) == 3
    first.configure(lambda settings: settings)
    assert first.dice().random() == draws[0]


def test_pause_ends_when_the_server_stops():
    async def scenario() -> None:
        state = a_state()
        await state.pause(0)
        await state.pause(0.001)
        state.stopping.set()
        await state.pause(3_600)

    asyncio.run(asyncio.wait_for(scenario(), 60))
