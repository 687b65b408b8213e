from __future__ import annotations

import asyncio

import pytest
from starlette.responses import Response

from airflow_provider_braze.sandbox.wire import cut, reset


async def receive() -> dict:
    return {"type": "http.disconnect"}


async def send(message: dict) -> None:
    del message


@pytest.mark.parametrize("response", [cut(Response("abc"), lambda scope: None), reset(lambda scope: None)])
def test_wire_unreachable_connection_is_given_up(response):
    with pytest.raises(ConnectionAbortedError):
        asyncio.run(response({"type": "http"}, receive, send))
