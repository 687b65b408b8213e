"""Judge each day of a series by its objects and by the tries that asked for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final, Literal

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.windows import ONE_DAY

if TYPE_CHECKING:
    from airflow_provider_braze.coverage.reader import Attempt, Evidence

State = Literal["final", "still_read", "early", "incomplete", "not_landed"]
STATES: Final[tuple[State, ...]] = ("final", "still_read", "early", "incomplete", "not_landed")
"""From good to bad.

``final``: last read when its figures no longer change, or before the oldest record. ``still_read``: the next run reads
it again. ``early``: read once or too early, and no run reads it again. ``incomplete``: some subjects lack it.
``not_landed``: at least one object is absent.
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
    :param absent: absent objects by day, such as ``campaign_days part 3``.
    :param reads: number of tries that read a day, by day; for several parts, of the part with the fewest.
    :param asked: the days that a kept record asked for.
    """

    states: Mapping[date, State] = field(default_factory=dict)
    lacking: Mapping[date, frozenset[str]] = field(default_factory=dict)
    absent: Mapping[date, tuple[str, ...]] = field(default_factory=dict)
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
    lacking = find_lacking(complete)
    days = _days_to_judge(evidence, complete, landed, asked, lacking)
    expected = _Expected(evidence, landing)
    # A day that no subject returned has no object. Its subjects are missing.
    absent = {day: names for day in days if (day in landed or day not in lacking) and (names := expected.absent(day))}
    reads = _Reads.of(complete, evidence.layout.parts)
    states: dict[date, State] = {
        day: "not_landed" if day in absent else "incomplete" if day in lacking else reads.state(day) for day in days
    }
    return Calendar(states, lacking, absent, {day: reads.count(day) for day in days}, asked)


def _days_to_judge(
    evidence: Evidence,
    complete: Sequence[Attempt],
    landed: Collection[date],
    asked: Collection[date],
    lacking: Collection[date],
) -> list[date]:
    known = {*landed, *asked}
    if landed:
        first, last = min(landed), max(landed)
        if evidence.series.may_start_late:
            # Days before any subject started have no object.
            known = {day for day in known if day >= first}
        # Braze had not computed the newest days: a run read them, none has landed, and no subject lacks them.
        read = {day for attempt in complete for day in attempt.window}
        written = {name.split("/")[1] for attempt in complete for name in _written(attempt)}
        known -= {day for day in read if day > last and day not in lacking and f"dt={day.isoformat()}" not in written}
    return list(Window(min(known), max(known) + ONE_DAY)) if known else []


def _written(attempt: Attempt) -> Iterator[str]:
    """Return the names of the objects of days that a try wrote."""
    for table in attempt.tables.values():
        yield from (each["path"] for each in table.get("objects", ()) if "/dt=" in each["path"])


def find_lacking(attempts: Sequence[Attempt]) -> dict[date, frozenset[str]]:
    """Return the subjects that have no row for a day: they failed, or Braze left the day out, and no try had it.

    :param attempts: tries that published everything that Braze returned, oldest first.
    """
    names: dict[int, set[str]] = defaultdict(set)
    for attempt in attempts:
        names[attempt.part].update(attempt.record["subjects"]["failed"], attempt.record["subjects"]["missing_days"])
    # True while the subject lacks the day. Rows that an earlier try landed stay when a later one fails.
    is_lacking: dict[tuple[date, str], bool] = {}
    for attempt in attempts:
        subjects, given, window = attempt.record["subjects"], attempt.record["given"], attempt.window
        for name in names[attempt.part]:
            if (given is not None and name not in given) or name in subjects["rejected"]:
                continue
            missing = set(subjects["missing_days"].get(name, ()))
            for day in window:
                is_bad = name in subjects["failed"] or day.isoformat() in missing
                is_lacking[day, name] = is_bad and is_lacking.get((day, name), True)
    found: dict[date, set[str]] = defaultdict(set)
    for (day, name), is_bad in is_lacking.items():
        if is_bad:
            found[day].add(name)
    return {day: frozenset(lacking) for day, lacking in found.items()}


class _Expected:
    """The objects that each day should have."""

    def __init__(self, evidence: Evidence, attempts: Sequence[Attempt]) -> None:
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

    def absent(self, day: date) -> tuple[str, ...]:
        """Return the absent objects of a day, such as ``campaign_days part 3``."""
        tables = self._tables(day)
        return tuple(
            f"{table} part {part}" if len(self._parts) > 1 else table
            for table in self._objects
            if table in tables
            for part in self._parts
            if part not in self._objects[table].get(day, ())
        )

    def _tables(self, day: date) -> set[str]:
        """Return the tables that the records asked for, else those that landed at the time."""
        then = {name for name, (first, last) in self._ranges.items() if first <= day <= last}
        return self._asked.get(day) or then or self._newest or {next(iter(self._objects))}


@dataclass(frozen=True, slots=True)
class _Reads:
    """The tries that read each day.

    :param parts: for each part and day, whether each of its reads was late enough to be the last one.
    :param newest: the newest day that was read.
    :param lookback_days: the lookback of the newest run that has one.
    """

    parts: Mapping[int, Mapping[date, Sequence[bool]]]
    newest: date | None
    lookback_days: int

    @classmethod
    def of(cls, attempts: Sequence[Attempt], parts: int) -> _Reads:
        lookback = next((each.lookback_days for each in reversed(attempts) if each.lookback_days), 0)
        found: dict[int, dict[date, list[bool]]] = {part: defaultdict(list) for part in range(parts)}
        for attempt in attempts:
            yesterday = attempt.fetched_on - ONE_DAY
            # Of a time with another lookback, that one counts.
            needed = (attempt.lookback_days or lookback) * ONE_DAY
            for day in attempt.window:
                found[attempt.part][day].append(yesterday - day >= needed)
        newest = max((attempt.window.end - ONE_DAY for attempt in attempts), default=None)
        return cls(found, newest, lookback)

    def count(self, day: date) -> int:
        return min((len(days.get(day, ())) for days in self.parts.values()), default=0)

    def state(self, day: date) -> State:
        if self.newest is not None and self.newest - day < self.lookback_days * ONE_DAY:
            return "still_read"
        # A day without a kept read was read before the oldest record.
        is_early = any(day in days and not any(days[day]) for days in self.parts.values())
        return "early" if is_early else "final"
