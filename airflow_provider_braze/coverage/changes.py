"""What still changes by age, over all kept records, and whether the lookback fits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.text import percent
from airflow_provider_braze.core.zones import ONE_DAY

if TYPE_CHECKING:
    from airflow_provider_braze.coverage.reader import PastTry

_NOTABLE: Final = 0.001
"""A figure still changes if at least this share of it changed."""
_FEWEST_RUNS: Final = 7
"""Runs that must have compared an age before it counts."""


@dataclass(slots=True)
class Age:
    """What changed in the days of one age.

    :param days: the days that were compared at that age. Each run compares one.
    :param shares: share of each figure that changed. None when there was nothing before.
    """

    age: int
    days: set[date] = field(default_factory=set)
    rows: int = 0
    changed: int = 0
    shares: dict[str, float | None] = field(default_factory=dict)

    @property
    def most(self) -> tuple[str, float] | None:
        """The figure that changed most, and its share."""
        known = [(share, name) for name, share in self.shares.items() if share is not None]
        return (max(known)[1], max(known)[0]) if known else None

    @property
    def is_notable(self) -> bool:
        """Whether a figure changed enough to matter."""
        return self.most is not None and self.most[1] >= _NOTABLE


@dataclass(slots=True)
class _Comparison:
    """What changed in one day, part and age, over the tries that compared it on the same date.

    :param figures: sum before the first of these tries, and the difference since, by figure.
    """

    rows: int = 0
    changed: int = 0
    figures: dict[str, tuple[float, float]] = field(default_factory=dict)

    def add(self, found: Mapping[str, Any]) -> None:
        self.rows = max(self.rows, found["rows"])
        self.changed = min(self.rows, self.changed + found["changed"])
        for name, (before, after) in found["figures"].items():
            first, moved = self.figures.get(name, (0.0, 0.0))
            # A null is not 0: where nothing was before, no share changed.
            if before is not None:
                # A try in which some subjects failed compared fewer rows.
                first, moved = max(first, abs(before - moved)), moved + (after or 0) - before
            self.figures[name] = (first, moved)


def sum_by_age(tries: Iterable[PastTry]) -> list[Age]:
    """Return what changed by age, youngest first.

    The age of a day counts from the day before the fetch, so a late run is as old as it is. The sums of tries and parts
    are added before they are divided. A rise in one run does not cancel a fall in another.

    :param tries: all tries, oldest first, also those that failed or were killed.
    """
    ages: dict[int, Age] = {}
    sums: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for (_, _, day, number), found in _compare(tries).items():
        age = ages.setdefault(number, Age(number))
        age.days.add(day)
        age.rows += found.rows
        age.changed += found.changed
        for name, (before, moved) in found.figures.items():
            total = sums[number][name]
            total[0] += before
            total[1] += abs(moved)
    for number, age in ages.items():
        age.shares = {name: moved / before if before else None for name, (before, moved) in sums[number].items()}
    return [ages[number] for number in sorted(ages)]


_Key = tuple[int, tuple[str, ...] | None, date, int]
"""Part, given subjects, day and age."""


def _compare(tries: Iterable[PastTry]) -> dict[_Key, _Comparison]:
    """Return what changed by part, given subjects, day and age."""
    compared: dict[_Key, _Comparison] = {}
    uncompared: set[_Key] = set()
    unknown: dict[int, set[date]] = defaultdict(set)
    for past in tries:
        if past.state in ("running", "killed"):
            # It may have landed these days, and left no record of what it changed.
            unknown[past.part].update(past.window if past.record["writes"] else ())
            continue
        found = {past.window.end - ONE_DAY * (int(age) + 1): each for age, each in past.record["restatement"].items()}
        # These landed for the first time, or their write failed. What a rerun of the same morning compares with them is
        # not restatement.
        changed = {date.fromisoformat(day) for day in past.record["changed_days"]}
        uncompared.update(_key(past, day) for day in changed - found.keys())
        for day in found.keys() - unknown[past.part]:
            if (key := _key(past, day)) not in uncompared:
                compared.setdefault(key, _Comparison()).add(found[day])
        unknown[past.part].difference_update(past.window if past.has_landed else found)
    return compared


def _key(past: PastTry, day: date) -> _Key:
    given = None if past.given is None else tuple(past.given)
    return past.part, given, day, (past.fetched_on - day).days - 1


def judge_lookback(ages: Sequence[Age], lookback_days: int | None, longest: int | None = None) -> str:
    """Return a sentence on whether the lookback is too short, too long or right.

    :param lookback_days: lookback of the newest run. None if no run is known.
    :param longest: days before yesterday that Braze keeps. Default: all.
    """
    if lookback_days is None:
        return "No kept record is of a complete run, so the lookback cannot be judged."
    if not lookback_days:
        return "Runs do not look back, so later changes are not seen. Set lookback_days."
    known = [age for age in ages if len(age.days) >= _FEWEST_RUNS]
    if not known:
        return f"Too few runs to judge the lookback of {lookback_days} days: each age needs {_FEWEST_RUNS}."
    oldest = known[-1]
    moving = [age for age in known if age.is_notable]
    if moving and moving[-1].age >= min(oldest.age, lookback_days):
        return _describe_moving(moving[-1], lookback_days, longest)
    if oldest.age < lookback_days:
        return f"Too few runs to judge the lookback of {lookback_days} days: the oldest compared age is {oldest.age}."
    last = moving[-1].age if moving else 0
    enough = max(last + 3, 3)
    if enough >= lookback_days:
        return f"Nothing older than {last} days changed notably. lookback_days={lookback_days} fits."
    return f"Nothing older than {last} days changed notably. lookback_days={enough} would do."


def _describe_moving(oldest: Age, lookback_days: int, longest: int | None) -> str:
    """Return a sentence on the oldest age that still changes, and on a longer lookback."""
    name, share = oldest.most or ("", 0.0)
    changed = f"At age {oldest.age} days, {percent(share)} of {name} still changed."
    longer = -(-max(lookback_days, oldest.age) * 3 // 2)
    if longest is None or longest > lookback_days:
        return f"{changed} Set lookback_days={longer if longest is None else min(longer, longest)} to see when it ends."
    return f"{changed} lookback_days={lookback_days} fits: Braze keeps no older days."


def describe_ages(ages: Sequence[Age]) -> list[Mapping[str, Any]]:
    """Return what changed by age in plain values."""
    return [
        {"age": age.age, "runs": len(age.days), "rows": age.rows, "changed": age.changed, "shares": dict(age.shares)}
        for age in ages
    ]
