"""What still changes by age, over all kept records, and whether the lookback fits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.text import percent

if TYPE_CHECKING:
    from airflow_provider_braze.coverage.reader import Attempt

_NOTABLE: Final = 0.001
"""A figure still changes if at least this share of it changed."""
_FEWEST_RUNS: Final = 7
"""Runs that must have compared an age before it counts."""


@dataclass(slots=True)
class Age:
    """What changed in the days of one age.

    :param runs: number of tries that compared rows of that age.
    :param shares: share of each figure that changed. None when there was nothing before.
    """

    age: int
    runs: int = 0
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


def sum_by_age(attempts: Iterable[Attempt]) -> list[Age]:
    """Return what changed by age, youngest first.

    The sums of tries and parts are added before they are divided. A rise in one run does not cancel a fall in another.
    """
    ages: dict[int, Age] = {}
    sums: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for attempt in attempts:
        for text, found in attempt.record.get("restatement", {}).items():
            age = ages.setdefault(int(text), Age(int(text)))
            age.runs += 1
            age.rows += found["rows"]
            age.changed += found["changed"]
            for name, (before, after) in found["figures"].items():
                # A null is not 0: where nothing was before, no share changed.
                total = sums[int(text)][name]
                if before is not None:
                    total[0] += abs(before)
                    total[1] += abs((after or 0) - before)
    for number, age in ages.items():
        age.shares = {name: moved / before if before else None for name, (before, moved) in sums[number].items()}
    return [ages[number] for number in sorted(ages)]


def judge_lookback(ages: Sequence[Age], lookback_days: int) -> str:
    """Return a sentence on whether the lookback is too short, too long or right."""
    if not lookback_days:
        return "Runs do not look back, so later changes are not seen. Set lookback_days."
    known = [age for age in ages if age.runs >= _FEWEST_RUNS]
    if not known:
        return f"Too few runs to judge the lookback of {lookback_days} days: each age needs {_FEWEST_RUNS}."
    oldest = known[-1]
    moving = [age.age for age in known if age.is_notable]
    if moving and moving[-1] >= min(oldest.age, lookback_days):
        name, share = oldest.most or ("", 0.0)
        longer = -(-lookback_days * 3 // 2)
        return (
            f"At age {oldest.age} days, {percent(share)} of {name} still changed. "
            f"Set lookback_days={longer} to see when it ends."
        )
    if oldest.age < lookback_days:
        return f"Too few runs to judge the lookback of {lookback_days} days: the oldest compared age is {oldest.age}."
    last = moving[-1] if moving else 0
    enough = max(last + 3, 3)
    if enough >= lookback_days:
        return f"Nothing older than {last} days changed notably. lookback_days={lookback_days} fits."
    return f"Nothing older than {last} days changed notably. lookback_days={enough} would do."


def describe_ages(ages: Sequence[Age]) -> list[Mapping[str, Any]]:
    """Return what changed by age in plain values."""
    return [
        {"age": age.age, "runs": age.runs, "rows": age.rows, "changed": age.changed, "shares": dict(age.shares)}
        for age in ages
    ]
