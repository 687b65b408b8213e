"""Respond to a request of the API: check key, permission and limit, apply faults, then call the endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final, NamedTuple

import msgspec

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox.endpoints import ENDPOINTS
from airflow_provider_braze.sandbox.limits import HEADERS, Standing
from airflow_provider_braze.sandbox.params import Rejected
from airflow_provider_braze.sandbox.settings import SandboxSettings
from airflow_provider_braze.sandbox.state import Body, SandboxState

_HTML: Final = b"<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>Back soon</h1></body></html>"


class Query(NamedTuple):
    """A request of the API.

    :param authorization: the header of that name, or empty.
    """

    method: str
    path: str
    params: Mapping[str, str]
    authorization: str


class ApiResponse(NamedTuple):
    """What to send.

    :param fault: name of the connection's fault to apply, or empty.
    """

    status: int
    headers: Mapping[str, str]
    body: Body
    fault: str = ""
    media_type: str = "application/json"


def respond(state: SandboxState, query: Query) -> ApiResponse:
    """Return the response to a request of the API."""
    settings = state.settings
    limit = settings.limit_for(query.path)
    standing = state.windows.take(limit.bucket, limit.requests, limit.seconds)
    try:
        _admit(settings, query)
        if limit.is_enforced and standing.is_spent:
            raise Rejected(429)
        return _admitted(state, settings, query, standing)
    except Rejected as rejection:
        # Recorded of the live API: the headers of a 401 are there, but empty.
        headers = dict.fromkeys(HEADERS, "") if rejection.status == 401 else standing.headers()
        return ApiResponse(rejection.status, headers, _error(rejection.message))


def _admit(settings: SandboxSettings, query: Query) -> None:
    if query.path not in ENDPOINTS:
        raise Rejected(404)
    if query.method != "GET":
        raise Rejected(405)
    scheme, _, key = query.authorization.partition(" ")
    if scheme.lower() != "bearer" or key != settings.api_key:
        # Recorded of the live API: the body of a 401 repeats the key that was sent.
        raise Rejected(401, f"Invalid API key: {key}")
    permission = Endpoint(query.path).permission
    if permission not in settings.permissions or permission in settings.missing_permissions:
        raise Rejected(403)


def _admitted(state: SandboxState, settings: SandboxSettings, query: Query, standing: Standing) -> ApiResponse:
    dice = state.dice()
    fault = _wire_fault(settings, Endpoint(query.path).permission, dice)
    if fault == "rate_429":
        spent = state.windows.spent(standing.limit, settings.faults.retry_after_reset_seconds)
        return ApiResponse(429, spent.headers(), _error(Rejected(429).message))
    if fault == "rate_500":
        raise Rejected(500)
    if fault == "rate_html":
        return ApiResponse(200, standing.headers(), Body.of(_HTML), media_type="text/html")
    return ApiResponse(200, standing.headers(), _body(state, settings, query, dice), fault)


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
    endpoint = ENDPOINTS[query.path]

    def render() -> bytes:
        return msgspec.json.encode(endpoint(settings, query.params, dice))

    if settings.row_order == "shuffled" or settings.faults.breaks_days:
        return Body.of(render())
    return state.body(settings, (query.path, *sorted(query.params.items()), settings.now()), render)


def _error(message: str) -> Body:
    content: JsonObject = {"message": message}
    return Body.of(msgspec.json.encode(content))
