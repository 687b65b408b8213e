"""The canvases of the made-up workspace: pure functions of the settings and the canvas's number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox.canvas_blueprints import BLUEPRINTS, CanvasBlueprint, StepPlan
from airflow_provider_braze.sandbox.figures import created_at, digest, made_up_id

STEP_DELETED_AT: Final = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
"""When the steps are deleted that a blueprint marks so."""

_FIRST_CREATED: Final = datetime(2022, 2, 7, 10, tzinfo=timezone.utc)
_ARCHIVED_AFTER: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a canvas."""

    id: str
    plan: StepPlan

    def is_deleted(self, as_of: datetime) -> bool:
        """Whether it has been deleted by some time."""
        return self.plan.is_deleted and as_of >= STEP_DELETED_AT


@dataclass(frozen=True, slots=True)
class Canvas:
    """One canvas of the workspace.

    :param number: its place in the workspace, from 0.
    :param variants: name by variant id.
    :param base: entries of an average day.
    """

    id: str
    number: int
    name: str
    blueprint: CanvasBlueprint
    created: datetime
    edited: datetime
    variants: Mapping[str, str]
    steps: tuple[Step, ...]
    base: int

    @property
    def last_day(self) -> date:
        """The last day on which users may enter."""
        return (self.created + _ARCHIVED_AFTER).date() if self.blueprint.is_archived else date.max


@lru_cache(maxsize=8)
def all_canvases(seed: int, count: int, extra_steps: int) -> Mapping[str, Canvas]:
    """Return the canvases of a workspace by id, oldest first."""
    return {canvas.id: canvas for canvas in (_canvas(seed, number, extra_steps) for number in range(count))}


def _canvas(seed: int, number: int, extra_steps: int) -> Canvas:
    blueprint = BLUEPRINTS[number % len(BLUEPRINTS)]
    noise = digest(seed, "canvas", number)
    created = created_at(_FIRST_CREATED, number)
    plans = (*blueprint.steps, *(StepPlan(f"Extra email {each + 1}", ("email",)) for each in range(extra_steps)))
    return Canvas(
        id=made_up_id(seed, "canvas", number),
        number=number,
        name=f"{blueprint.title} #{number}",
        blueprint=blueprint,
        created=created,
        edited=created + timedelta(hours=noise[0] * 16 + 1),
        variants={made_up_id(seed, "canvas", number, "variant", name): name for name in blueprint.variants},
        steps=tuple(Step(made_up_id(seed, "canvas", number, "step", i), plan) for i, plan in enumerate(plans)),
        base=1_000 + int.from_bytes(noise[1:3], "big") % 29_000,
    )


def list_entry(canvas: Canvas) -> JsonObject:
    """Return a canvas as in ``/canvas/list``."""
    return {
        "id": canvas.id,
        "last_edited": canvas.edited.isoformat(),
        "name": canvas.name,
        "tags": list(canvas.blueprint.tags),
    }


def details(canvas: Canvas, now: datetime) -> JsonObject:
    """Return a canvas as in ``/canvas/details``, without ``message``. Deleted steps are left out."""
    blueprint = canvas.blueprint
    was_entered = not blueprint.is_draft
    last_entry = min(now.date(), canvas.last_day)
    steps = [step for step in canvas.steps if not step.is_deleted(now)]
    first = [step.id for step in steps[:1]]
    return {
        "created_at": canvas.created.isoformat(),
        "updated_at": canvas.edited.isoformat(),
        "name": canvas.name,
        "description": f"Made up by the sandbox: {blueprint.title}",
        "archived": blueprint.is_archived,
        "draft": blueprint.is_draft,
        "enabled": was_entered and not blueprint.is_archived,
        "has_post_launch_draft": False,
        "schedule_type": "action_based" if blueprint.is_daily else "time_based",
        "first_entry": canvas.created.isoformat() if was_entered else None,
        "last_entry": f"{last_entry.isoformat()}T00:00:00+00:00" if was_entered else None,
        "channels": sorted({channel for step in steps for channel in step.plan.channels}),
        "variants": [
            {"name": name, "id": id_, "first_step_ids": first, "first_step_id": first[0] if first else None}
            for id_, name in canvas.variants.items()
        ],
        "tags": list(blueprint.tags),
        "teams": [],
        "steps": [_step_details(canvas, steps, place) for place in range(len(steps))],
    }


def message_id(canvas: Canvas, step: Step, channel: str, row: int) -> str:
    """Return the variation id of a step's message."""
    return made_up_id(canvas.number, step.id, channel, row)


def message_name(channel: str, row: int) -> str:
    """Return the name of a step's message."""
    return f"{channel} {row + 1}"


def _step_details(canvas: Canvas, steps: list[Step], place: int) -> JsonObject:
    step, following = steps[place], [each.id for each in steps[place + 1 : place + 2]]
    names = ("Yes", "No") if step.plan.type == "decision_split" else (None,)
    messages = {
        message_id(canvas, step, channel, row): {"channel": channel, "name": message_name(channel, row)}
        for channel in step.plan.channels
        for row in range(step.plan.rows)
    }
    return {
        "name": step.plan.name,
        "type": step.plan.type,
        "id": step.id,
        "next_step_ids": following if step.plan.type in ("message", "full") else [],
        "next_paths": [{"name": name, "next_step_id": each} for each in following for name in names],
        "channels": list(step.plan.channels),
        "messages": messages,
    }
