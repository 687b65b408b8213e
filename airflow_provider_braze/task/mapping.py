"""Copies of a mapped task, or of a task in a mapped group: which of them may land at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_braze.landing.destination import is_literal


def is_mapped(context: Mapping[str, Any]) -> bool:
    """Return whether the task instance is one of several copies, by ``expand`` on it or on a group around it."""
    return getattr(context["ti"], "map_index", -1) >= 0


def copies_collide(context: Mapping[str, Any], task_id: str, *, has_literal_destination: bool, part: object) -> bool:
    """Return whether the task's copies land the same part in the same destination.

    :param has_literal_destination: whether the destination was given as a literal. Airflow 3 renders templates in
        place, so the task that the Dag declares no longer shows it.
    :param part: the copy's part, if any.
    """
    if not is_mapped(context):
        return False
    # Only the task as the Dag declares it shows what it is mapped over. This one is a copy.
    declared = context["dag"].get_task(task_id)
    constant = getattr(declared, "partial_kwargs", None)
    if constant is None:
        # A group is mapped: what varies between copies is a template or the output of another task.
        return has_literal_destination
    varying = declared.expand_input.value
    # `expand` combines each part with each value of other arguments, so several copies have the same part.
    is_combined = isinstance(varying, Mapping) and len(varying) > 1
    is_part_mapped = part is not None and "part" not in constant and not is_combined
    return not is_part_mapped and "destination" in constant and is_literal(constant["destination"])
