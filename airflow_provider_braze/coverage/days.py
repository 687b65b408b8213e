"""Judge each day of a series by its objects and by the tries that asked for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.zones import ONE_DAY
from airflow_provider_braze.coverage.expected import Expected, Tasks
from airflow_provider_braze.coverage.reader import parse_objects
from airflow_provider_braze.coverage.reads import STATES, Reads, State
from airflow_provider_braze.coverage.subjects import find_lacking, find_rejected, find_unread

if TYPE_CHECKING:
    from airflow_provider_braze.coverage.reader import Evidence, PastTry


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive days in one state.

    :param end: the day after the last one.
    :param is_asked: whether a kept record asked for all of these days.
    """

    state: State
    start: date
    end: date
    is_asked: bool = True

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.end - self.start).days


@dataclass(frozen=True, slots=True)
class Calendar:
    """All days of a series, judged.

    :param states: state by day, oldest first, without holes.
    :param lacking: subjects without rows, by day.
    :param absent: tables and parts of the absent objects, by day.
    :param reads: number of tries that read a day, by day; of the table and part with the fewest.
    :param asked: the days that a kept record asked for.
    """

    states: Mapping[date, State] = field(default_factory=dict)
    lacking: Mapping[date, frozenset[str]] = field(default_factory=dict)
    absent: Mapping[date, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    reads: Mapping[date, int] = field(default_factory=dict)
    asked: frozenset[date] = frozenset()

    @property
    def newest(self) -> date | None:
        """The newest day with all of its objects."""
        return max((day for day, state in self.states.items() if state != "not_landed"), default=None)

    def counts(self) -> dict[str, int]:
        """Return the number of days by state."""
        counted = Counter(self.states.values())
        return {state: counted[state] for state in STATES}

    def windows(self, *states: State) -> list[Span]:
        """Return consecutive days in one of some states. A window never mixes states."""
        found: list[Span] = []
        for day, state in self.states.items():
            is_asked = day in self.asked
            last = found[-1] if found else None
            if state not in states:
                continue
            if last and last.end == day and (last.state, last.is_asked) == (state, is_asked):
                found[-1] = Span(state, last.start, day + ONE_DAY, is_asked)
            else:
                found.append(Span(state, day, day + ONE_DAY, is_asked))
        return found


def judge_days(evidence: Evidence) -> Calendar:
    """Judge every day from the first that has landed, or that a record asked for, to the last."""
    landing = [past for past in evidence.tries if past.record["writes"]]
    complete = [past for past in landing if past.has_landed]
    asked = frozenset(day for past in landing for day in past.window)
    landed = {day for parts in evidence.objects.values() for day in parts}
    tables = list(evidence.objects)
    tasks = Tasks(landing, max(asked | landed, default=date.min))
    missed = find_lacking(complete, tables, evidence.earlier, evidence.layout.parts)
    written = {each for past in complete for each in _written(past, evidence.layout.parts)}
    days = _days_to_judge(evidence, complete, landed, asked, missed, written)
    missed = {day: missed[day] for day in days if day in missed}
    unread = find_unread(days, tables, tasks, complete)
    lacking = {day: missed.get(day, frozenset()) | unread.get(day, frozenset()) for day in [*missed, *unread]}
    expected = Expected(evidence, tasks, missed, written)
    absent = {day: names for day in days if (names := expected.absent(day))}
    reads = {table: Reads.of(table, complete, evidence) for table in tables}
    rejected = find_rejected(complete, tables)

    def state_of(day: date) -> State:
        if day in absent:
            return "not_landed"
        if lacking.get(day, frozenset()) - rejected:
            return "incomplete"
        # A day is as good as its worst table.
        return max((reads[table].state(day, tasks) for table in expected.tables(day)), key=STATES.index)

    states = {day: state_of(day) for day in days}
    counts = {day: min(reads[table].count(day) for table in expected.tables(day)) for day in days}
    return Calendar(states, lacking, absent, counts, asked)


def _days_to_judge(
    evidence: Evidence,
    complete: Sequence[PastTry],
    landed: Collection[date],
    asked: Collection[date],
    lacking: Collection[date],
    written: Collection[tuple[date, int]],
) -> list[date]:
    known = {*landed, *asked}
    if landed:
        first, last = min(landed), max(landed)
        if evidence.series.may_start_late:
            # Days before any subject started have no object.
            known = {day for day in known if day >= first}
        # Braze had not computed the newest days: a run read them, none has landed, and no subject lacks them.
        read = {day for past in complete for day in past.window}
        changed = {day for day, _ in written}
        known -= {day for day in read if day > last and day not in lacking and day not in changed}
    return list(Window(min(known), max(known) + ONE_DAY)) if known else []


def _written(past: PastTry, parts: int) -> Iterator[tuple[date, int]]:
    """Return the days and parts of the objects that a try wrote."""
    for table in past.tables.values():
        names = [each["path"].partition("/")[2] for each in table.get("objects", ())]
        yield from ((day, part) for day, found in parse_objects(names, parts).items() for part in found)
