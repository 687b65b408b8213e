"""What should have landed of each day: by the landing tasks, as their own tries show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from statistics import median_low
from typing import TYPE_CHECKING

from airflow_provider_braze.core.zones import ONE_DAY
from airflow_provider_braze.coverage.repair import SHIFTS
from airflow_provider_braze.landing.layout import part_of

if TYPE_CHECKING:
    from airflow_provider_braze.coverage.reader import Evidence, PastTry


@dataclass(slots=True)
class _Task:
    """One landing task.

    :param runs: tries by day and run. The last run of a day is the newest that asked for it.
    :param newest: tries of the newest run on a schedule.
    :param last_days: the last day of each run on a schedule.
    :param first: the day before the oldest of these runs. The records of the runs before it may be gone.
    """

    runs: dict[date, dict[str, list[PastTry]]] = field(default_factory=lambda: defaultdict(dict))
    newest: list[PastTry] = field(default_factory=list)
    last_days: set[date] = field(default_factory=set)
    first: date = date.max

    def add(self, past: PastTry) -> None:
        for day in past.window:
            self.runs[day].setdefault(past.run_id, []).append(past)
        if past.record["plan"]["rule"] in SHIFTS:
            is_same = bool(self.newest) and self.newest[0].run_id == past.run_id
            self.newest = [*self.newest, past] if is_same else [past]
            self.last_days.add(past.window.end - ONE_DAY)
            self.first = min(self.first, past.fetched_on - ONE_DAY)

    def due_days(self, end: date) -> tuple[date, date]:
        """Return the first and the last day that its schedule should have landed by now.

        :param end: the newest day that any task has landed.
        """
        if not self.last_days:
            return self.first, date.min
        days = sorted(self.last_days)
        steps = [(later - earlier).days for earlier, later in pairwise(days)]
        # A task that runs after others, or once a week, is not late before its next run.
        is_late = (end - days[-1]).days > (median_low(steps) if steps else 1)
        return self.first, end if is_late else days[-1]


class Tasks:
    """The landing tasks of a series.

    The newest run of a task that asked for a day shows what the task lands of it. A task on a schedule should also have
    landed the days since its oldest kept run for which none of its kept tries asked: it was paused, or never ran.

    :param tries: tries that asked for days, oldest first.
    :param end: the newest known day.
    """

    def __init__(self, tries: Sequence[PastTry], end: date) -> None:
        tasks: dict[tuple[str, str], _Task] = defaultdict(_Task)
        for past in tries:
            tasks[past.task].add(past)
        self._tasks = [(task, *task.due_days(end)) for task in tasks.values()]

    def of(self, day: date) -> Iterator[PastTry]:
        """Yield the tries that show what should have landed of a day."""
        for task, first, last in self._tasks:
            if runs := task.runs.get(day):
                yield from runs[next(reversed(runs))]
            elif first <= day <= last:
                yield from task.newest

    def subjects(self, day: date, table: str, part: int) -> set[str]:
        """Return the given subjects of a day, in one table and part."""
        mine = (past for past in self.of(day) if past.part == part and table in past.tables)
        return {name for past in mine for name in past.given or ()}


class Expected:
    """The objects that each day should have.

    :param lacking: subjects without rows, by day.
    :param written: days and parts whose objects a kept record wrote.
    """

    def __init__(
        self,
        evidence: Evidence,
        tasks: Tasks,
        lacking: Mapping[date, Collection[str]],
        written: Collection[tuple[date, int]],
    ) -> None:
        # A part whose subjects all lack a day has no object. Its subjects are named instead.
        parts = {(day, part_of(name, evidence.layout.parts)) for day, names in lacking.items() for name in names}
        self._not_due = parts.difference(written)
        self._parts = range(evidence.layout.parts)
        self._objects = evidence.objects
        self._tasks = tasks
        self._ranges = {name: (min(days), max(days)) for name, days in evidence.objects.items() if days}
        named = (self._objects.keys() & past.tables for past in reversed(evidence.tries))
        self._newest: set[str] = next(filter(None, named), set())

    def absent(self, day: date) -> tuple[tuple[str, int], ...]:
        """Return the tables and parts of the absent objects of a day."""
        return tuple(
            (table, part)
            for table in self.tables(day)
            for part in self._parts
            if part not in self._objects[table].get(day, ()) and (day, part) not in self._not_due
        )

    def tables(self, day: date) -> list[str]:
        """Return the tables that tasks should have landed, else those that landed at the time."""
        asked = {table for past in self._tasks.of(day) for table in past.tables}
        then = {name for name, (first, last) in self._ranges.items() if first <= day <= last}
        wanted = asked.intersection(self._objects) or then or self._newest
        return [table for table in self._objects if table in wanted] or [next(iter(self._objects))]
