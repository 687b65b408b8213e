"""Newer data wins: a try leaves alone what a try that fetched later has landed.

Each try creates its record before it looks at the others'. So of two tries that land at the same time at least one sees
the other. The one with newer data then publishes again after the other has ended, or the one with older data fails and
is retried with fresh data.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.text import counted
from airflow_provider_braze.exceptions import BrazeConflictError
from airflow_provider_braze.landing.journal import Other
from airflow_provider_braze.landing.tries import Try

if TYPE_CHECKING:
    from airflow_provider_braze.landing.plan import Plan


class Precedence:
    """The subjects and days that belong to a later fetch.

    :param own_try: this try.
    :param plan: its plan.
    """

    def __init__(self, own_try: Try, plan: Plan) -> None:
        self.fetches: list[dict[str, str]] = []
        """The chunks published so far, and when their fetch began."""
        self._try = own_try
        self._planned_at = plan.planned_at.isoformat()
        # Tries that land other tables write none of this one's objects.
        self._tables = frozenset(table.name for table in plan.day_tables)
        self._names: Mapping[tuple[str | None, ...], str] = {subject.key: subject.name for subject in plan.subjects}
        self._subjects = frozenset(self._names.values())
        self._listed = frozenset(subject.name for subject in plan.subjects if subject.is_plain)
        self._chunk: Window | None = None
        self._fetched_at = ""
        self._newer: list[Other] = []
        self._older: set[str] = set()
        self._unresolved: set[str] = set()
        self._trusted: set[str] = set()
        self._left: set[date] = set()
        self._left_tables: list[str] = []

    def begin(self, chunk: Window, fetched_at: datetime) -> None:
        """Look at the other tries before a chunk is published.

        :raises BrazeConflictError: a try that fetched later landed a part of these days and failed.
        """
        self._chunk, self._fetched_at = chunk, fetched_at.isoformat()
        self.fetches.append({"start": chunk.start.isoformat(), "end": chunk.end.isoformat(), "at": self._fetched_at})
        self._look()

    def leaves(self, table: str, key: tuple[str | None, ...], day: date) -> bool:
        """Return whether a subject's rows of a day were left to a later fetch, which lands the same table."""
        name = self._names[key]
        asked = (other for other in self._newer if name in _asked(other, self._listed))
        owner = next((other for other in asked if _covers(other, table, name, day, self._fetched_at)), None)
        if owner is None:
            return False
        self._left.add(day)
        if not owner.is_finished:
            self._trusted.add(owner.name.id)
        return True

    def leaves_list(self, table: str) -> bool:
        """Return whether the whole list was left to a try that read it later."""
        is_left = bool(self._landed_later(table))
        if is_left:
            self._left_tables.append(table)
        return is_left

    def leaves_details(self, table: str) -> set[str]:
        """Return the subjects whose details were left to a try that fetched them later."""
        found: set[str] = set()
        for other in self._landed_later(table):
            details = other.record["details"]
            found |= {*_asked(other, self._listed)} - {*details["failed"], *details["rejected"]}
        found &= self._subjects
        if found:
            self._left_tables.append(table)
        return found

    def is_concurrent(self) -> bool:
        """Return whether a later fetch landed any of these days, so that :meth:`leaves` must be asked."""
        return bool(self._newer)

    def must_repeat(self) -> bool:
        """Return whether to publish the chunk again, because a try with older data has ended in the meantime."""
        known, older = {other.name.id for other in self._newer}, self._older
        self._look()
        # This try wrote without knowing of these.
        self._unresolved |= {other.name.id for other in self._newer} - known
        if older - self._older:
            return True
        # These may go on to write without knowing of this try.
        self._unresolved |= self._older
        return False

    def find_conflict(self, others: Sequence[Other], names: Collection[str]) -> BrazeConflictError | None:
        """Return an error when older data may have replaced newer, or newer data is missing.

        :param others: the other tries, as they are at the end of this one.
        :param names: the subjects that this try fetched.
        """
        for other in others:
            if other.name.id in self._unresolved and other.is_finished:
                return _conflict(other, "landed the same days at the same time")
            if other.name.id in self._trusted and other.has_ended and _lacks(other, names):
                return _conflict(other, "fetched the same days later, but did not land all of them")
        return None

    @property
    def is_unresolved(self) -> bool:
        """Whether a conflict may still arise after the last look."""
        return bool(self._unresolved)

    @property
    def left(self) -> list[date]:
        """The days with rows that were left to a later fetch."""
        return sorted(self._left)

    def lines(self) -> Iterator[str]:
        """Format what was left alone as log lines."""
        for table in self._left_tables:
            yield f"Left {table} alone, or rows of it, because a later fetch landed newer data"
        if days := self.left:
            span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
            yield f"Left {counted(len(days), 'day')} alone, because a later fetch landed newer data: {span}"

    def _landed_later(self, table: str) -> list[Other]:
        """Return the tries that were planned later, and have landed a table without days."""
        self._try.begin()
        return [
            other
            for other in self._try.look_after_last_write()
            if other.is_finished
            and other.record.get("planned_at", "") > self._planned_at
            and any(other.record["tables"].get(table, {}).get(count) for count in ("written", "unchanged"))
        ]

    def _overlaps(self, other: Other, chunk: Window) -> bool:
        writes = other.record["writes"]
        if not writes or self._tables.isdisjoint(other.record["tables"]):
            return False
        if self._subjects.isdisjoint(_asked(other, self._listed)):
            return False
        return bool(writes["start"] < chunk.end.isoformat() and chunk.start.isoformat() < writes["end"])

    def _look(self) -> None:
        assert self._chunk is not None  # noqa: S101 - begin() has set it
        others = [other for other in self._try.look() if self._overlaps(other, self._chunk)]
        first = self._chunk.start
        self._newer = [other for other in others if _fetched_at(other, first) > self._fetched_at]
        # A try that began to write after this one has seen this one's record, and leaves its days alone.
        self._older = {
            other.name.id
            for other in others
            if not other.has_ended and other not in self._newer and other.name < self._try.name
        }
        for other in self._newer:
            if other.has_ended and not _is_complete(other):
                raise _conflict(other, "fetched the same days later, but failed before all of them were landed")


def _asked(other: Other, listed: frozenset[str]) -> Collection[str]:
    """Return the subjects that a try asked for; if it read Braze's list, those of `listed`."""
    given: Collection[str] | None = other.record["given"]
    return listed if given is None else given


def _fetched_at(other: Other, day: date) -> str:
    text = day.isoformat()
    chunks = (chunk for chunk in other.record.get("fetches", ()) if chunk["start"] <= text < chunk["end"])
    return str(next((chunk["at"] for chunk in chunks), other.record["fetched_at"]))


def _covers(other: Other, table: str, name: str, day: date, fetched_at: str) -> bool:
    record, text = other.record, day.isoformat()
    if table not in record["tables"]:
        return False
    if not record["writes"]["start"] <= text < record["writes"]["end"] or _fetched_at(other, day) <= fetched_at:
        return False
    return name not in _failures(record) and text not in _missing_days(record).get(name, ())


def _failures(record: Mapping[str, Any]) -> set[str]:
    subjects = record.get("subjects", {})
    return {*subjects.get("failed", ()), *subjects.get("rejected", ())}


def _missing_days(record: Mapping[str, Any]) -> Mapping[str, Collection[str]]:
    found: Mapping[str, Collection[str]] = record.get("subjects", {}).get("missing_days", {})
    return found


def _is_complete(other: Other) -> bool:
    """Whether the try published all that it fetched."""
    return other.is_finished and bool(other.record["is_complete"])


def _lacks(other: Other, names: Collection[str]) -> bool:
    if not _is_complete(other):
        return True
    missing = _missing_days(other.record)
    return any(name in missing or name in _failures(other.record) for name in names)


def _conflict(other: Other, what: str) -> BrazeConflictError:
    run = other.record["run"]
    return BrazeConflictError(
        f"Run {run['run_id']} of {run['dag_id']}.{run['task_id']} {what}. Run this task again: it fetches fresh data. "
        "Set `max_active_runs=1` to avoid this."
    )
