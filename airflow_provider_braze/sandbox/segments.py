"""Segments: their estimated sizes, as pure functions, and their three endpoints.

A size is recorded once a day and never restated. It is missing for days on which analytics tracking was off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache, partial
from random import Random
from typing import Final

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox import params as parse
from airflow_provider_braze.sandbox.days import flat_series
from airflow_provider_braze.sandbox.figures import digest, draw, made_up_id
from airflow_provider_braze.sandbox.instants import day_of
from airflow_provider_braze.sandbox.lists import in_order, page_of
from airflow_provider_braze.sandbox.params import Params, Rejected, Respond
from airflow_provider_braze.sandbox.settings import SandboxSettings

MAX_TRACKED: Final = 25
"""Most segments with analytics tracking. Source: Braze docs, Segments (seen 2026-11)."""

_EPOCH: Final = date(2023, 1, 1)
_FIRST_CREATED: Final = datetime(2022, 3, 1, 8, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class SegmentBlueprint:
    """What segments of one kind have in common; the kinds repeat.

    :param tracked_since: first day with a size, or None when tracking is off.
    :param gap: first and last day of a time in which tracking was off.
    """

    title: str
    tracked_since: date | None = _EPOCH
    gap: tuple[date, date] | None = None
    tags: tuple[str | None, ...] = ()


BLUEPRINTS: Final = (
    SegmentBlueprint("All users", tags=("base",)),
    SegmentBlueprint("Tracked late", date(2026, 11, 1), tags=("test", None)),
    SegmentBlueprint("Untracked", None),
    SegmentBlueprint("Lapsed, 90 days"),
    SegmentBlueprint("Tracked with a gap", gap=(date(2026, 10, 10), date(2026, 10, 14))),
    SegmentBlueprint("Empty"),
    SegmentBlueprint("Untracked VIPs", None, tags=("vip", "日本")),
    SegmentBlueprint("Tracked since last week", date(2026, 11, 12)),
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of the workspace.

    :param number: its place in the workspace, from 0.
    :param tracked_since: first day with a size, or None when tracking is off.
    :param base: number of users on an average day.
    """

    id: str
    number: int
    name: str
    blueprint: SegmentBlueprint
    tracked_since: date | None
    base: int


@lru_cache(maxsize=8)
def all_segments(seed: int, count: int) -> Mapping[str, Segment]:
    """Return the segments of a workspace by id, oldest first. At most 25 are tracked."""
    found: dict[str, Segment] = {}
    tracked = 0
    for number in range(count):
        blueprint = BLUEPRINTS[number % len(BLUEPRINTS)]
        since = blueprint.tracked_since if tracked < MAX_TRACKED else None
        tracked += since is not None
        base = (
            0
            if blueprint.title == "Empty"
            else 500 + int.from_bytes(digest(seed, "segment", number)[:3], "big") % 900_000
        )
        id_ = made_up_id(seed, "segment", number)
        found[id_] = Segment(id_, number, f"{blueprint.title} #{number}", blueprint, since, base)
    return found


def segment_ids(settings: SandboxSettings) -> list[str]:
    """Return the ids of all segments, oldest first."""
    return list(all_segments(settings.seed, settings.segments))


def segment_entry(settings: SandboxSettings, number: int) -> JsonObject:
    """Return a segment as in ``/segments/list``, by its place from 0, oldest first."""
    return _entry(list(all_segments(settings.seed, settings.segments).values())[number])


def segment_details(settings: SandboxSettings, segment_id: str) -> JsonObject:
    """Return a segment as in ``/segments/details``, without the ``message`` of the envelope.

    :raises KeyError: no such segment.
    """
    segment = all_segments(settings.seed, settings.segments)[segment_id]
    created = _FIRST_CREATED + timedelta(days=segment.number)
    return {
        "created_at": created.isoformat(),
        "updated_at": (created + timedelta(days=30)).isoformat(),
        "name": segment.name,
        "description": f"Made up by the sandbox: {segment.blueprint.title}",
        "text_description": f"Users of the kind {segment.blueprint.title}",
        "tags": list(segment.blueprint.tags),
        "teams": [],
    }


def segment_size(settings: SandboxSettings, segment_id: str, day: date, as_of: datetime | None = None) -> int | None:
    """Return a segment's size on a day, or None when Braze has no value.

    :param as_of: aware time of the request; default the settings' clock. A day has its size from its beginning.
    :raises KeyError: no such segment.
    """
    segment = all_segments(settings.seed, settings.segments)[segment_id]
    since, gap = segment.tracked_since, segment.blueprint.gap
    is_tracked = since is not None and day >= since and not (gap and gap[0] <= day <= gap[1])
    if not is_tracked or day > day_of(as_of or settings.now(), settings.timezone):
        return None
    growth = 1 + (day - _EPOCH).days / 5_000
    return int(segment.base * growth * (0.95 + 0.1 * draw(settings.seed, "segment", segment.number, day)))


def _entry(segment: Segment) -> JsonObject:
    return {
        "id": segment.id,
        "name": segment.name,
        "analytics_tracking_enabled": segment.tracked_since is not None,
        "tags": list(segment.blueprint.tags),
    }


def _respond_list(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    segments = in_order(params, list(all_segments(settings.seed, settings.segments).values()))
    return {"message": "success", "segments": [_entry(segment) for segment in page_of(params, segments)]}


def _respond_details(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    parse.reject_if_bad(settings, params.get("segment_id", ""), details=True)
    segment_id = parse.known(params, "segment_id", segment_ids(settings))
    return {"message": "success", **segment_details(settings, segment_id)}


def _respond_series(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    segment_id = tracked_segment(settings, params)
    size = partial(segment_size, settings, segment_id)
    return flat_series(settings, params, dice, segment_id, "size", size)


def tracked_segment(settings: SandboxSettings, params: Params, *, required: bool = True) -> str:
    """Return the requested segment, or an empty text when it is optional and missing.

    :raises Rejected: the segment is unknown or not tracked.
    """
    segments = all_segments(settings.seed, settings.segments)
    segment_id = parse.known(params, "segment_id", segments, required=required)
    if segment_id and segments[segment_id].tracked_since is None:
        raise Rejected(400, "segment_id must be a segment with analytics tracking enabled")
    return segment_id


ENDPOINTS: Final[Mapping[str, Respond]] = {
    "/segments/list": _respond_list,
    "/segments/details": _respond_details,
    "/segments/data_series": _respond_series,
}
"""Response by path."""
