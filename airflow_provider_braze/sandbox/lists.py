"""Pages of the list endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from airflow_provider_braze.sandbox import params as parse
from airflow_provider_braze.sandbox.params import Params

T = TypeVar("T")

PAGE_SIZE: Final = 100
"""Entries per page, except of events. Source: Braze docs, Export campaigns list (seen 2026-09)."""


class Editable(Protocol):
    """A campaign or canvas: it is edited and archived."""

    @property
    def edited(self) -> datetime: ...  # noqa: D102
    @property
    def blueprint(self) -> Any: ...  # noqa: D102


E = TypeVar("E", bound=Editable)


def page_of(params: Params, entries: Sequence[T], size: int = PAGE_SIZE) -> Sequence[T]:
    """Return the entries of the requested page; the first page is 0.

    :raises Rejected: ``page`` is wrong.
    """
    page = parse.integer(params, "page", 0, 10**9, default=0)
    return entries[page * size : (page + 1) * size]


def in_order(params: Params, entries: Sequence[T]) -> Sequence[T]:
    """Return entries in the requested ``sort_direction``.

    :param entries: the oldest first.
    :raises Rejected: the direction is wrong.
    """
    return entries[::-1] if parse.one_of(params, "sort_direction", ("asc", "desc")) == "desc" else entries


def listed(params: Params, entries: Iterable[E]) -> Sequence[E]:
    """Return the requested page of campaigns or canvases, by time of creation.

    :param entries: all, the oldest first.
    :raises Rejected: a parameter is wrong.
    """
    archived = parse.flag(params, "include_archived")
    edited_after = parse.instant(params, "last_edit.time[gt]")
    shown = [
        each
        for each in entries
        if (archived or not each.blueprint.is_archived) and (not edited_after or each.edited > edited_after)
    ]
    return page_of(params, in_order(params, shown))
