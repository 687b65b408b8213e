"""The four endpoints of canvases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from random import Random
from typing import Final

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox import params as parse
from airflow_provider_braze.sandbox.canvas_days import (
    canvas_day,
    canvas_details,
    canvas_summary,
    canvases_of,
    is_canvas_active,
)
from airflow_provider_braze.sandbox.canvases import list_entry
from airflow_provider_braze.sandbox.days import day_objects, requested_days
from airflow_provider_braze.sandbox.lists import listed
from airflow_provider_braze.sandbox.params import Params, Respond
from airflow_provider_braze.sandbox.settings import SandboxSettings

_BREAKDOWNS: Final[Mapping[str, str]] = {
    "variant_stats": "include_variant_breakdown",
    "step_stats": "include_step_breakdown",
}


def _respond_list(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    canvases = listed(params, canvases_of(settings).values())
    return {"message": "success", "canvases": [list_entry(canvas) for canvas in canvases]}


def _respond_details(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    canvas_id = _requested(settings, params, details=True)
    return {"message": "success", **canvas_details(settings, canvas_id)}


def _respond_series(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    canvas_id = _requested(settings, params)
    days, keys = _requested_days(settings, params), _left_out(params)
    with_deleted_steps = parse.flag(params, "include_deleted_step_data")
    now = settings.now()

    def make_day(day: date) -> JsonObject | None:
        if settings.omit_inactive_days and not is_canvas_active(settings, canvas_id, day):
            return None
        made = canvas_day(settings, canvas_id, day, now, with_deleted_steps=with_deleted_steps)
        return {key: value for key, value in made.items() if key not in keys}

    stats = day_objects(settings, canvas_id, days, make_day, dice)
    return {"data": {"name": canvases_of(settings)[canvas_id].name, "stats": stats}, "message": "success"}


def _respond_summary(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    canvas_id = _requested(settings, params)
    days, keys = _requested_days(settings, params), _left_out(params)
    with_deleted_steps = parse.flag(params, "include_deleted_step_data")
    summary = canvas_summary(settings, canvas_id, days, with_deleted_steps=with_deleted_steps)
    return {"data": {key: value for key, value in summary.items() if key not in keys}, "message": "success"}


def _requested_days(settings: SandboxSettings, params: Params) -> list[date]:
    if "starting_at" in params:
        raise parse.Rejected(400, "The sandbox serves length only, without starting_at")
    return requested_days(settings, params, settings.canvas_max_length)


def _left_out(params: Params) -> set[str]:
    """Return the breakdowns that a request does not ask for."""
    return {key for key, name in _BREAKDOWNS.items() if not parse.flag(params, name)}


def _requested(settings: SandboxSettings, params: Params, *, details: bool = False) -> str:
    parse.reject_if_bad(settings, params.get("canvas_id", ""), details=details)
    return parse.known(params, "canvas_id", canvases_of(settings))


ENDPOINTS: Final[Mapping[str, Respond]] = {
    "/canvas/list": _respond_list,
    "/canvas/details": _respond_details,
    "/canvas/data_series": _respond_series,
    "/canvas/data_summary": _respond_summary,
}
"""Response by path."""
