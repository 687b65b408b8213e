"""The figures of canvases, as pure functions.

Entries and conversions of a day grow until the canvas's conversion window has closed, at most 30 days, and then stay.
Sends are final when the day is over. The day of the as-of time is partial.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox.canvases import (
    Canvas,
    Step,
    all_canvases,
    details,
    list_entry,
    message_id,
    message_name,
)
from airflow_provider_braze.sandbox.channels import CONVERTED, ENGAGED, STATS, Stat, stat_figures
from airflow_provider_braze.sandbox.figures import UNKNOWN_KEYS, Paces, busyness, digest, paces
from airflow_provider_braze.sandbox.instants import day_of
from airflow_provider_braze.sandbox.settings import SandboxSettings

_ENTRIES: Final = Stat("entries", 1.0, ENGAGED)
_RECIPIENTS: Final = Stat("unique_recipients", 0.9, ENGAGED)
# All opens of a push under their older name, which only the summary's page explains.
_INFLUENCED_OPENS: Final = Stat("influenced_opens", 0.09, ENGAGED)
_CONVERSION_SHARE: Final = 0.05


class _Moment(NamedTuple):
    """What all figures of a canvas's day depend on.

    :param volume: final entries of the day.
    :param unknown: keys that every object has in addition.
    """

    volume: int
    noise: bytes
    arrived: Paces
    unknown: Mapping[str, Any]


def canvases_of(settings: SandboxSettings) -> Mapping[str, Canvas]:
    """Return the canvases of the workspace by id, oldest first."""
    return all_canvases(settings.seed, settings.canvases, settings.canvas_extra_steps)


def canvas_ids(settings: SandboxSettings) -> list[str]:
    """Return the ids of all canvases, archived ones included, oldest first."""
    return list(canvases_of(settings))


def canvas_by_id(settings: SandboxSettings, canvas_id: str) -> Canvas | None:
    """Return the canvas with an id, or None when the workspace does not have it."""
    return canvases_of(settings).get(canvas_id)


def canvas_entry(settings: SandboxSettings, number: int) -> JsonObject:
    """Return a canvas as in ``/canvas/list``, by its place from 0, oldest first."""
    return list_entry(list(canvases_of(settings).values())[number])


def canvas_details(settings: SandboxSettings, canvas_id: str, as_of: datetime | None = None) -> JsonObject:
    """Return a canvas as in ``/canvas/details``, without the ``message`` of the envelope.

    :param as_of: aware time of the request; default the settings' clock.
    :raises KeyError: no such canvas.
    """
    return details(canvases_of(settings)[canvas_id], as_of or settings.now())


def is_canvas_active(settings: SandboxSettings, canvas_id: str, day: date) -> bool:
    """Return whether users enter a canvas on a day of the company's zone.

    :raises KeyError: no such canvas.
    """
    canvas = canvases_of(settings)[canvas_id]
    is_in_life = day_of(canvas.created, settings.timezone) <= day <= canvas.last_day
    runs = not canvas.blueprint.is_draft and (canvas.blueprint.is_daily or day.weekday() < 5)
    return is_in_life and runs


def canvas_day(
    settings: SandboxSettings,
    canvas_id: str,
    day: date,
    as_of: datetime | None = None,
    *,
    with_deleted_steps: bool = True,
) -> JsonObject:
    """Return a canvas's day as Braze returns it at a given time, with all breakdowns.

    :param as_of: aware time of the request; default the settings' clock.
    :param with_deleted_steps: whether steps deleted by then are included.
    :return: the day object of ``/canvas/data_series``, with its rows in stable order.
    :raises KeyError: no such canvas.
    """
    canvas, now = canvases_of(settings)[canvas_id], as_of or settings.now()
    unknown = UNKNOWN_KEYS if settings.unknown_keys else {}
    head = {"time": day.isoformat(), **unknown}
    is_active = is_canvas_active(settings, canvas_id, day)
    if canvas.blueprint.idle == "empty" and not is_active:
        return {**head, "total_stats": {}, "variant_stats": {}, "step_stats": {}}
    noise = digest(settings.seed, "canvas", canvas.number, day)
    volume = int(canvas.base * busyness(day, noise[62] / 255)) if is_active else 0
    arrived = paces(day, settings.timezone, now, canvas.blueprint.window_days)
    moment = _Moment(volume, noise, arrived, unknown)
    variants = _variant_stats(canvas, moment)
    return {
        **head,
        "total_stats": {**_total(variants.values()), **unknown},
        "variant_stats": {id_: {**stats, **unknown} for id_, stats in variants.items()},
        "step_stats": {
            step.id: {**_step_stats(canvas, place, moment), **unknown}
            for place, step in enumerate(canvas.steps)
            if with_deleted_steps or not step.is_deleted(now)
        },
    }


def canvas_summary(
    settings: SandboxSettings,
    canvas_id: str,
    days: Sequence[date],
    as_of: datetime | None = None,
    *,
    with_deleted_steps: bool = True,
) -> JsonObject:
    """Return the ``data`` of ``/canvas/data_summary``: the sums of days, with all breakdowns.

    :param days: the days of the range.
    :raises KeyError: no such canvas.
    """
    summary: JsonObject = {"total_stats": {}, "variant_stats": {}, "step_stats": {}}
    for day in days:
        summary = _sum(summary, canvas_day(settings, canvas_id, day, as_of, with_deleted_steps=with_deleted_steps))
    return {
        "name": canvases_of(settings)[canvas_id].name,
        **{key: each for key, each in summary.items() if key != "time"},
    }


@lru_cache(maxsize=8)
def _conversions(events: int) -> tuple[Stat, ...]:
    numbers = [(place, "" if place == 0 else str(place)) for place in range(events)]
    by_day = [Stat(f"conversions{text}", _CONVERSION_SHARE / (place + 1), ENGAGED) for place, text in numbers]
    by_entry = [
        Stat(f"conversions{text}_by_entry_time", _CONVERSION_SHARE * 1.1 / (place + 1), CONVERTED)
        for place, text in numbers
    ]
    return (*by_day, *by_entry)


def _revenue(volume: int, moment: _Moment) -> float:
    cents = int(volume * _CONVERSION_SHARE) * (800 + moment.noise[61] * 8)
    return int(cents * moment.arrived[ENGAGED]) / 100


def _variant_stats(canvas: Canvas, moment: _Moment) -> dict[str, JsonObject]:
    found: dict[str, JsonObject] = {}
    for place, (id_, name) in enumerate(canvas.variants.items()):
        part = int(moment.volume / len(canvas.variants) * (0.75 + moment.noise[place] / 510))
        stats = stat_figures((_ENTRIES, *_conversions(canvas.blueprint.events)), part, moment.arrived)
        if canvas.blueprint.events:
            revenue = _revenue(part, moment)
            stats["revenue"] = int(revenue) if canvas.blueprint.has_integral_revenue else revenue
        found[id_] = {"name": name, **stats}
    return found


def _total(variants: Iterable[JsonObject]) -> JsonObject:
    total: JsonObject = {}
    for variant in variants:
        total = _sum(total, {key: value for key, value in variant.items() if key != "name"})
    if "revenue" in total:
        total["revenue"] = round(float(total["revenue"]), 2)
    return total


def _step_stats(canvas: Canvas, place: int, moment: _Moment) -> JsonObject:
    step = canvas.steps[place]
    if step.plan.is_sparse:
        return {"name": step.plan.name}
    reached = int(moment.volume * 0.8 ** min(place, 10))
    stats: JsonObject = {}
    if canvas.blueprint.events:
        # A conversion counts for one step only, so the sum of the steps stays below the canvas's total.
        converting = reached // (2 * len(canvas.steps))
        stats = stat_figures(_conversions(canvas.blueprint.events), converting, moment.arrived)
        stats["revenue"] = _revenue(converting, moment)
    if canvas.blueprint.has_recipients:
        stats.update(stat_figures((_RECIPIENTS,), reached, moment.arrived))
    channels = (*step.plan.channels, *(("unknown_channel",) if moment.unknown and step.plan.channels else ()))
    messages = {channel: _rows(canvas, step, channel, reached, moment) for channel in channels}
    return {"name": step.plan.name, **stats, "messages": messages}


def _rows(canvas: Canvas, step: Step, channel: str, reached: int, moment: _Moment) -> list[JsonObject]:
    stats = STATS.get(channel, STATS["webhook"])
    if channel == "android_push":
        stats = (*stats, _INFLUENCED_OPENS)
    rows = []
    for row in range(step.plan.rows):
        part = int(reached / step.plan.rows * (0.75 + moment.noise[row % 60] / 510))
        ids = {"variation_name": message_name(channel, row), "variation_api_id": message_id(canvas, step, channel, row)}
        figures = stat_figures(stats, part, moment.arrived)
        rows.append({**(ids if step.plan.has_row_ids else {}), **figures, **moment.unknown})
    return rows


def _sum(left: Any, right: Any) -> Any:
    if isinstance(right, dict):
        return {**left, **{key: _sum(left[key], each) if key in left else each for key, each in right.items()}}
    if isinstance(right, list):
        return [a if b is None else b if a is None else _sum(a, b) for a, b in zip_longest(left, right)]
    if isinstance(right, int | float):
        return round(left + right, 2)
    return right
