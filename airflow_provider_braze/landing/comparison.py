"""Compare landed rows with those that Braze returns now: what differs, by figure and age. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from airflow_provider_braze.core.series import DAY, OTHER, Series, Table
from airflow_provider_braze.core.text import counted

Row = Mapping[str, Any]
Key = tuple[Any, ...]
Cell = tuple[str, str]
"""Names of a table and a column."""

_ROUND: Final = 5
"""A suggested lookback is a multiple of this."""


@dataclass(slots=True)
class Difference:
    """What differs in one figure at one age.

    :param rows: rows that differ.
    :param landed: sum of the landed values of these rows. Text counts as 0.
    :param returned: sum of the values that Braze returns now.
    :param amount: sum of the absolute differences.
    """

    rows: int = 0
    landed: float = 0
    returned: float = 0
    amount: float = 0

    def add(self, old: Any, new: Any) -> None:
        """Add one row's values. A missing value counts as 0 in sums, and still differs from 0."""
        landed, returned = _number(old), _number(new)
        self.rows += 1
        self.landed += landed
        self.returned += returned
        self.amount += abs(returned - landed)


@dataclass(slots=True)
class Comparison:
    """The comparison of many subjects' days.

    :param last_day: the day of age 0.
    :param compared: days of subjects that both sides have.
    :param changed: days of subjects that differ in any row of any table.
    :param not_landed: days of subjects that Braze returns and the lake does not have.
    :param not_returned: days of subjects that the lake has and Braze does not return.
    """

    series: Series
    last_day: date
    compared: int = 0
    changed: dict[str, set[date]] = field(default_factory=lambda: defaultdict(set))
    not_landed: int = 0
    not_returned: int = 0
    differences: dict[Cell, dict[int, Difference]] = field(default_factory=lambda: defaultdict(dict))
    _totals: dict[Cell, dict[int, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: [0, 0]))
    )

    def add(
        self,
        name: str,
        landed: Mapping[str, Iterable[Row]],
        returned: Mapping[str, Iterable[Row]],
        lacking: Mapping[str, Mapping[date, Collection[str]]],
    ) -> None:
        """Compare the rows of one subject.

        :param landed: rows in the lake by table; those of the day table determine the days that the lake has.
        :param returned: rows that Braze returns now, by table.
        :param lacking: by table and day, the columns that the lake's object does not have because an older version
            wrote it. Days without an object of the subject's part are absent.
        """
        days = {row[DAY] for row in landed[self.series.day_table.name]}
        now = {row[DAY] for row in returned[self.series.day_table.name]}
        self.not_landed += len(now - days)
        self.not_returned += len(days - now)
        both = days & now
        self.compared += len(both)
        for table in self.series.tables:
            if table.name in lacking:
                wanted = {day: columns for day, columns in lacking[table.name].items() if day in both}
                old, new = (_by_key(table, side[table.name], wanted) for side in (landed, returned))
                self._compare(name, table, old, new, wanted)

    def _compare(
        self,
        name: str,
        table: Table,
        landed: Mapping[Key, Row],
        returned: Mapping[Key, Row],
        lacking: Mapping[date, Collection[str]],
    ) -> None:
        columns = [column for column in table.column_names if column not in table.sort_by]
        for key in landed.keys() | returned.keys():
            old, new = landed.get(key, {}), returned.get(key, {})
            day: date = (old or new)[DAY]
            age = (self.last_day - day).days
            if bool(old) != bool(new):
                self.changed[name].add(day)
            for column in (each for each in columns if each not in lacking[day]):
                self._compare_cell(name, day, age, (table.name, column), old.get(column), new.get(column))

    def _compare_cell(self, name: str, day: date, age: int, cell: Cell, old: Any, new: Any) -> None:
        totals = self._totals[cell][age]
        totals[0] += 1
        totals[1] += abs(_number(new))
        if old != new:
            self.changed[name].add(day)
            self.differences[cell].setdefault(age, Difference()).add(old, new)

    @property
    def changed_days(self) -> int:
        """Number of days of subjects that differ."""
        return sum(map(len, self.changed.values()))

    @property
    def changed_share(self) -> float:
        """Share of the compared days of subjects that differ."""
        return self.changed_days / self.compared if self.compared else 0.0

    @property
    def ages(self) -> list[int]:
        """The ages at which anything differs, sorted."""
        return sorted({(self.last_day - day).days for days in self.changed.values() for day in days})

    def share(self, cell: Cell) -> float:
        """Return the share of a figure that changed, over the ages at which it differs.

        It is the sum of differences by the figure's sum; for texts, and where that sum is 0, the share of rows.
        """
        found = self.differences[cell]
        totals = [each for age, each in self._totals[cell].items() if min(found) <= age <= max(found)]
        amount, total = sum(each.amount for each in found.values()), sum(each[1] for each in totals)
        if amount and total:
            return amount / total
        return sum(each.rows for each in found.values()) / sum(each[0] for each in totals)

    def figures(self) -> Iterator[Cell]:
        """Yield the figures that differ: the day table's first, those with most differing rows first."""

        def rank(cell: Cell) -> tuple[bool, int]:
            rows = sum(each.rows for each in self.differences[cell].values())
            return cell[0] != self.series.day_table.name, -rows

        yield from sorted(self.differences, key=rank)


def build_verdict(comparison: Comparison, lookback_days: int, oldest_age: int) -> str:
    """Return in one line whether the lookback is long enough.

    :param oldest_age: the greatest age that was audited.
    """
    series, ages = comparison.series, comparison.ages
    if not comparison.compared:
        return f"nothing could be compared: no day older than {lookback_days} days has landed and is still returned"
    if not ages:
        extent = f"{counted(comparison.compared, f'{series.noun} day')} compared"
        return f"nothing older than {lookback_days} days changed; {extent}"
    cell = next(comparison.figures(), None)
    what = _format_share(comparison, cell) if cell else f"{comparison.changed_share:.2%} of all {series.noun} days"
    suggested = (ages[-1] // _ROUND + 1) * _ROUND
    advice = f"set lookback_days={suggested}"
    if suggested > oldest_age:
        advice = f"lookback_days={suggested} may still be too short, so audit older days too"
    return f"days older than {lookback_days} still change: {what}; {advice}"


def format_age(ages: Iterable[int]) -> str:
    """Return ages in words: ``age 31`` or ``age 31 to 40``."""
    found: Sequence[int] = sorted(ages)
    return f"age {found[0]}" if found[0] == found[-1] else f"age {found[0]} to {found[-1]}"


def format_differences(comparison: Comparison) -> list[str]:
    """Format the differing figures as log lines."""
    return [
        f"{table}.{column}: {_format_share(comparison, (table, column))}, "
        f"{counted(sum(each.rows for each in found.values()), 'row')}, "
        f"{sum(each.landed for each in found.values()):g} landed, {sum(each.returned for each in found.values()):g} now"
        for table, column in comparison.figures()
        if (found := comparison.differences[table, column])
    ]


def _format_share(comparison: Comparison, cell: Cell) -> str:
    return f"{comparison.share(cell):.2%} of {cell[1]} at {format_age(comparison.differences[cell])}"


def _by_key(table: Table, rows: Iterable[Row], lacking: Mapping[date, Collection[str]]) -> dict[Key, Row]:
    """Return the rows of some days, by their keys.

    :param lacking: the days, and the columns that are not compared on each.
    """
    return {
        tuple(row[column] for column in table.sort_by): _without(row, lacking[row[DAY]])
        for row in rows
        if row[DAY] in lacking
    }


def _without(row: Row, columns: Collection[str]) -> Row:
    """Return a row whose ``other`` lacks keys: a version without a column kept its value there."""
    if not columns or row.get(OTHER) is None:
        return row
    other = {key: value for key, value in json.loads(row[OTHER]).items() if key not in columns}
    return {**row, OTHER: json.dumps(other, sort_keys=True) if other else None}


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) else 0
