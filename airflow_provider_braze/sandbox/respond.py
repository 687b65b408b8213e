"""What a request of the API is answered: key, permission, limit and faults first, then the endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final, NamedTuple

import msgspec

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox.answers import ENDPOINTS, Refused
from airflow_provider_braze.sandbox.limits import HEADERS, Standing
from airflow_provider_braze.sandbox.settings import SandboxSettings
from airflow_provider_braze.sandbox.state import Body, SandboxState

SERIES: Final = "campaigns.data_series"
SERIES_LIMIT: Final = 50_000
"""Requests a minute of ``/campaigns/data_series``. Source: Braze docs, API rate limits (seen 2026-09)."""

DEFAULT_LIMIT: Final = 250_000
"""Requests an hour of the other two, together. Source: Braze docs, API rate limits (seen 2026-09)."""

_HTML: Final = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>Back soon</h1></body></html>"


class Query(NamedTuple):
    """A request of the API.

    :param authorization: the header of that name, or empty.
    """

    method: str
    path: str
    params: Mapping[str, str]
    authorization: str


class Answer(NamedTuple):
    """What to send.

    :param fault: name of the fault by which the sending is to be spoilt, or empty.
    """

    status: int
    headers: Mapping[str, str]
    body: Body
    fault: str = ""
    media_type: str = "application/json"


def respond(state: SandboxState, query: Query) -> Answer:
    """Answer a request of the API."""
    settings = state.settings
    permission, _ = ENDPOINTS.get(query.path, ("", None))
    standing = _take(state, settings, permission)
    try:
        _admit(settings, query, permission)
        return _admitted(state, settings, query, permission, standing)
    except Refused as refusal:
        # Recorded of the live API: the headers of a 401 are there, but empty.
        headers = dict.fromkeys(HEADERS, "") if refusal.status == 401 else standing.headers()
        return Answer(refusal.status, headers, _error(refusal.message))


def _take(state: SandboxState, settings: SandboxSettings, permission: str) -> Standing:
    if permission == SERIES:
        return state.windows.take(SERIES, settings.rate_limit or SERIES_LIMIT, settings.rate_window_seconds)
    return state.windows.take("default", DEFAULT_LIMIT, 3_600)


def _admit(settings: SandboxSettings, query: Query, permission: str) -> None:
    if not permission:
        raise Refused(404)
    if query.method != "GET":
        raise Refused(405)
    scheme, _, key = query.authorization.partition(" ")
    if scheme.lower() != "bearer" or key != settings.api_key:
        # Recorded of the live API: the body of a 401 repeats the key that was sent.
        raise Refused(401, f"Invalid API key: {key}")
    if permission not in settings.permissions:
        raise Refused(403)


def _admitted(
    state: SandboxState, settings: SandboxSettings, query: Query, permission: str, standing: Standing
) -> Answer:
    if settings.rate_limit and permission == SERIES and standing.is_spent:
        raise Refused(429)
    dice = state.dice()
    fault = _wire_fault(settings, permission, dice)
    if fault == "rate_429":
        spent = state.windows.spent(standing.limit, settings.faults.retry_after_reset_seconds)
        return Answer(429, spent.headers(), _error(Refused(429).message))
    if fault == "rate_500":
        raise Refused(500)
    if fault == "rate_html":
        return Answer(200, standing.headers(), Body.of(_HTML), media_type="text/html")
    return Answer(200, standing.headers(), _body(state, settings, query, dice), fault)


def _wire_fault(settings: SandboxSettings, permission: str, dice: Random) -> str:
    draw = dice.random()
    if permission not in settings.faults.endpoints:
        return ""
    for name, share in settings.faults.wire_shares():
        draw -= share
        if draw < 0:
            return name
    return ""


def _body(state: SandboxState, settings: SandboxSettings, query: Query, dice: Random) -> Body:
    _, endpoint = ENDPOINTS[query.path]

    def render() -> bytes:
        return msgspec.json.encode(endpoint(settings, query.params, dice))

    if settings.row_order == "shuffled" or settings.faults.breaks_days:
        return Body.of(render())
    return state.body(settings, (query.path, *sorted(query.params.items()), settings.now()), render)


def _error(message: str) -> Body:
    content: JsonObject = {"message": message}
    return Body.of(msgspec.json.encode(content))
