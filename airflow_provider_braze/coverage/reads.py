"""How often and how late each day of a table was read, and what state that gives the day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, Literal

from airflow_provider_braze.core.zones import ONE_DAY
from airflow_provider_braze.coverage.repair import SHIFTS

if TYPE_CHECKING:
    from airflow_provider_braze.coverage.earlier import Earlier
    from airflow_provider_braze.coverage.expected import Tasks
    from airflow_provider_braze.coverage.reader import Evidence, PastTry

State = Literal["final", "still_read", "unproven", "early", "incomplete", "not_landed"]
STATES: Final[tuple[State, ...]] = ("final", "still_read", "unproven", "early", "incomplete", "not_landed")
"""From good to bad.

``final``: last read when its figures no longer change. ``still_read``: the next run reads it again. ``unproven``: it
has landed, but neither a kept record nor an earlier result of coverage shows a complete read. ``early``: read once or
too early, and no run reads it again. ``incomplete``: some subjects lack it. ``not_landed``: at least one object is
absent.
"""


@dataclass(frozen=True, slots=True)
class Reads:
    """The complete tries that read each day of one table.

    :param parts: for each part and day, the tries, and whether each was late enough to be the last one.
    :param newest: the newest day that was read.
    :param lookback_days: the lookback of the newest run that has one.
    """

    table: str
    parts: Mapping[int, Mapping[date, Sequence[tuple[PastTry, bool]]]]
    newest: date | None
    lookback_days: int
    earlier: Earlier

    @classmethod
    def of(cls, table: str, tries: Sequence[PastTry], evidence: Evidence) -> Reads:
        """Sort the tries of one table by part and day.

        :param tries: tries that published everything that Braze returned, oldest first.
        """
        mine = [past for past in tries if table in past.tables]
        # Where runs read Braze's whole list, a run over given subjects says nothing about the others.
        mine = [past for past in mine if past.given is None] or mine
        lookback = next((each.lookback_days for each in reversed(mine) if each.lookback_days), 0)
        # Runs over given days do not look back, and do not make a day final at once.
        is_scheduled = any(past.record["plan"]["rule"] in SHIFTS for past in mine)
        least = lookback if is_scheduled else evidence.series.lookback_days
        parts = range(evidence.layout.parts)
        found: dict[int, dict[date, list[tuple[PastTry, bool]]]] = {part: defaultdict(list) for part in parts}
        for past in mine:
            yesterday = past.fetched_on - ONE_DAY
            # Of a time with another lookback, that one counts.
            needed = (past.lookback_days or least) * ONE_DAY
            for day in past.window:
                found[past.part][day].append((past, yesterday - day >= needed))
        newest = max((past.window.end - ONE_DAY for past in mine), default=None)
        return cls(table, found, newest, lookback, evidence.earlier)

    def count(self, day: date) -> int:
        """Return the number of reads of a day, of the part with the fewest."""
        return min((len(days.get(day, ())) for days in self.parts.values()), default=0)

    def state(self, day: date, tasks: Tasks) -> State:
        """Judge a day whose objects are all there.

        :param tasks: the tasks whose given subjects must have been read.
        """
        if self.newest is not None and self.newest - day < self.lookback_days * ONE_DAY:
            return "still_read"
        known = self.earlier.states.get(day)
        if known == "final" or all(self._is_final(day, part, tasks) for part in self.parts):
            return "final"
        is_early = known == "early" or any(
            days.get(day) and not self._is_final(day, part, tasks) for part, days in self.parts.items()
        )
        return "early" if is_early else "unproven"

    def _is_final(self, day: date, part: int, tasks: Tasks) -> bool:
        late = [past for past, is_late in self.parts[part].get(day, ()) if is_late]
        names = tasks.subjects(day, self.table, part) if late else ()
        return bool(late) and all(any(past.asked_for(name) for past in late) for name in names)
