"""Judge each day of a series by its objects and by the tries that asked for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final, Literal

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.zones import ONE_DAY
from airflow_provider_braze.coverage.reader import parse_objects
from airflow_provider_braze.coverage.subjects import find_lacking, find_rejected
from airflow_provider_braze.landing.layout import part_of

if TYPE_CHECKING:
    from airflow_provider_braze.coverage.earlier import Earlier
    from airflow_provider_braze.coverage.reader import Attempt, Evidence

State = Literal["final", "still_read", "unproven", "early", "incomplete", "not_landed"]
STATES: Final[tuple[State, ...]] = ("final", "still_read", "unproven", "early", "incomplete", "not_landed")
"""From good to bad.

``final``: last read when its figures no longer change. ``still_read``: the next run reads it again. ``unproven``: it
has landed, but neither a kept record nor an earlier result of coverage shows a complete read. ``early``: read once or
too early, and no run reads it again. ``incomplete``: some subjects lack it. ``not_landed``: at least one object is
absent.
"""


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
    :param reads: number of tries that read a day, by day; for several parts, of the part with the fewest.
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
    landing = [attempt for attempt in evidence.attempts if attempt.record["writes"]]
    complete = [attempt for attempt in landing if attempt.has_landed]
    asked = frozenset(day for attempt in landing for day in attempt.window)
    landed = {day for parts in evidence.objects.values() for day in parts}
    lacking = find_lacking(complete, evidence.earlier, evidence.layout.parts)
    written = {each for attempt in complete for each in _written(attempt, evidence.layout.parts)}
    days = _days_to_judge(evidence, complete, landed, asked, lacking, written)
    lacking = {day: lacking[day] for day in days if day in lacking}
    expected = _Expected(evidence, landing, lacking, written)
    absent = {day: names for day in days if (names := expected.absent(day))}
    reads = _Reads.of(complete, evidence.layout.parts, evidence.earlier)
    rejected = find_rejected(complete)

    def state_of(day: date) -> State:
        if day in absent:
            return "not_landed"
        return "incomplete" if lacking.get(day, frozenset()) - rejected else reads.state(day)

    states = {day: state_of(day) for day in days}
    return Calendar(states, lacking, absent, {day: reads.count(day) for day in days}, asked)


def _days_to_judge(
    evidence: Evidence,
    complete: Sequence[Attempt],
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
        read = {day for attempt in complete for day in attempt.window}
        changed = {day for day, _ in written}
        known -= {day for day in read if day > last and day not in lacking and day not in changed}
    return list(Window(min(known), max(known) + ONE_DAY)) if known else []


def _written(attempt: Attempt, parts: int) -> Iterator[tuple[date, int]]:
    """Return the days and parts of the objects that a try wrote."""
    for table in attempt.tables.values():
        names = [each["path"].partition("/")[2] for each in table.get("objects", ())]
        yield from ((day, part) for day, found in parse_objects(names, parts).items() for part in found)


class _Expected:
    """The objects that each day should have.

    :param lacking: subjects without rows, by day.
    :param written: days and parts whose objects a kept record wrote.
    """

    def __init__(
        self,
        evidence: Evidence,
        attempts: Sequence[Attempt],
        lacking: Mapping[date, Collection[str]],
        written: Collection[tuple[date, int]],
    ) -> None:
        # A part whose subjects all lack a day has no object. Its subjects are named instead.
        parts = {(day, part_of(name, evidence.layout.parts)) for day, names in lacking.items() for name in names}
        self._not_due = parts.difference(written)
        self._parts = range(evidence.layout.parts)
        self._objects = evidence.objects
        self._ranges = {name: (min(days), max(days)) for name, days in evidence.objects.items() if days}
        self._asked: dict[date, set[str]] = defaultdict(set)
        self._newest: set[str] = set()
        for attempt in attempts:
            named = {name for name in evidence.objects if name in attempt.tables}
            self._newest = named or self._newest
            for day in attempt.window:
                self._asked[day] |= named

    def absent(self, day: date) -> tuple[tuple[str, int], ...]:
        """Return the tables and parts of the absent objects of a day."""
        tables = self._tables(day)
        return tuple(
            (table, part)
            for table in self._objects
            if table in tables
            for part in self._parts
            if part not in self._objects[table].get(day, ()) and (day, part) not in self._not_due
        )

    def _tables(self, day: date) -> set[str]:
        """Return the tables that the records asked for, else those that landed at the time."""
        then = {name for name, (first, last) in self._ranges.items() if first <= day <= last}
        return self._asked.get(day) or then or self._newest or {next(iter(self._objects))}


@dataclass(frozen=True, slots=True)
class _Reads:
    """The tries that read each day for every subject.

    :param parts: for each part and day, whether each of its reads was late enough to be the last one.
    :param newest: the newest day that was read.
    :param lookback_days: the lookback of the newest run that has one.
    """

    parts: Mapping[int, Mapping[date, Sequence[bool]]]
    newest: date | None
    lookback_days: int
    earlier: Earlier

    @classmethod
    def of(cls, attempts: Sequence[Attempt], parts: int, earlier: Earlier) -> _Reads:
        # Where runs read Braze's whole list, a run over given subjects says nothing about the others.
        attempts = [attempt for attempt in attempts if attempt.given is None] or attempts
        lookback = next((each.lookback_days for each in reversed(attempts) if each.lookback_days), 0)
        found: dict[int, dict[date, list[bool]]] = {part: defaultdict(list) for part in range(parts)}
        for attempt in attempts:
            yesterday = attempt.fetched_on - ONE_DAY
            # Of a time with another lookback, that one counts.
            needed = (attempt.lookback_days or lookback) * ONE_DAY
            for day in attempt.window:
                found[attempt.part][day].append(yesterday - day >= needed)
        newest = max((attempt.window.end - ONE_DAY for attempt in attempts), default=None)
        return cls(found, newest, lookback, earlier)

    def count(self, day: date) -> int:
        return min((len(days.get(day, ())) for days in self.parts.values()), default=0)

    def state(self, day: date) -> State:
        if self.newest is not None and self.newest - day < self.lookback_days * ONE_DAY:
            return "still_read"
        known = self.earlier.states.get(day)
        reads = [days.get(day, ()) for days in self.parts.values()]
        if known == "final" or all(any(part) for part in reads):
            return "final"
        is_early = known == "early" or any(part and not any(part) for part in reads)
        return "early" if is_early else "unproven"
