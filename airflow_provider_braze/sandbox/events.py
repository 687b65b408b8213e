"""Custom events: their counts, as pure functions, and their two endpoints.

Counts grow for 4 days after the day, by events that devices report late.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from random import Random
from typing import Final

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox import params as parse
from airflow_provider_braze.sandbox.days import flat_series
from airflow_provider_braze.sandbox.figures import arrived, busyness, draw
from airflow_provider_braze.sandbox.instants import day_of
from airflow_provider_braze.sandbox.kpis import requested_app
from airflow_provider_braze.sandbox.lists import page_of
from airflow_provider_braze.sandbox.params import Params, Respond
from airflow_provider_braze.sandbox.segments import tracked_segment
from airflow_provider_braze.sandbox.settings import SandboxSettings

PAGE_SIZE: Final = 250
"""Events per page of ``/events/list``. Source: Braze docs, Export custom events list (seen 2026-11)."""

SERVER_EVENT: Final = "order/shipped"
"""An event that is sent without an app, so no app has it."""

RETIRED_EVENT: Final = "retired"
"""An event that does not happen any more."""

NAMES: Final = (
    *("added_to_cart", SERVER_EVENT, "Signup", "signup", "signup ", " signup", "SIGNUP", RETIRED_EVENT),
    *("🛒 checkout", "a/b/../c", "q?x=1&y=2#z", "100% off+more", "日本語イベント", "naïve; 'quoted' \"twice\""),
    *("null", "dt=2026-01-01", "back\\slash", "tab\tinside", "two  blanks", "e" * 255),
)
"""The first events of a workspace; their names are free text."""


@lru_cache(maxsize=8)
def _names(count: int) -> tuple[str, ...]:
    more = (f"event {number:05}" for number in range(len(NAMES), count))
    return tuple(sorted((*NAMES[:count], *more)))


def event_names(settings: SandboxSettings) -> list[str]:
    """Return the names of all events, in alphabetical order."""
    return list(_names(settings.events))


def event_count(
    settings: SandboxSettings,
    name: str,
    day: date,
    app_id: str | None = None,
    segment_id: str | None = None,
    as_of: datetime | None = None,
) -> int | None:
    """Return how often an event happened on a day, or None when the day has not begun.

    With an app or a segment it is the number of users instead.

    :param app_id: one app; default all together.
    :param segment_id: one segment; default all users.
    :param as_of: aware time of the request; default the settings' clock.
    """
    now = as_of or settings.now()
    if day > day_of(now, settings.timezone):
        return None
    if name == RETIRED_EVENT or (name == SERVER_EVENT and app_id):
        return 0
    elapsed, late = arrived(day, settings.timezone, now, 4)
    base = 20 + 8_000 * draw(settings.seed, "event", name) ** 3
    users = [0.3 + 0.3 * draw(settings.seed, "event", name, each) for each in (app_id, segment_id) if each]
    share = users[0] * (users[1] if len(users) > 1 else 1.0) if users else 1.0
    final = base * busyness(day, draw(settings.seed, "event", name, day)) * share
    return int(final * (0.96 * elapsed + 0.04 * late))


def _respond_list(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    return {"message": "success", "events": page_of(params, event_names(settings), PAGE_SIZE)}


def _respond_series(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    name = parse.known(params, "event", _names(settings.events))
    app_id, now = requested_app(settings, params), settings.now()
    segment_id = tracked_segment(settings, params, required=False) or None
    return flat_series(
        settings, params, dice, name, "count", lambda day: event_count(settings, name, day, app_id, segment_id, now)
    )


ENDPOINTS: Final[Mapping[str, Respond]] = {"/events/list": _respond_list, "/events/data_series": _respond_series}
"""Response by path."""
