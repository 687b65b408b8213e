"""How much the stored rows of a day changed when Braze returned the day again.

A row is compared if its subject was returned and the row was stored before. A row that was not stored before is a first
landing, so it is left out. The share of a figure that changed is ``abs(after - before) / abs(before)``. Both are sums
over the compared rows. A null adds nothing to a sum, and the sum of nulls alone is null: null is not 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow_provider_braze.tables.keys import join_keys

if TYPE_CHECKING:
    import pyarrow as pa

Number = int | float | None
"""A sum; None for the sum of nulls alone."""
Sums = Mapping[str, Number]
"""Sums by figure."""


@dataclass(frozen=True, slots=True)
class Restatement:
    """What changed in the stored rows of one day.

    :param rows: number of rows compared.
    :param changed: number of them that differ in any column, including rows that Braze no longer returns.
    :param figures: sums over the compared rows, before and after, by figure.
    """

    rows: int = 0
    changed: int = 0
    figures: Mapping[str, tuple[Number, Number]] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """Return the content in plain values, for the record."""
        figures = {name: list(sums) for name, sums in self.figures.items()}
        return {"rows": self.rows, "changed": self.changed, "figures": figures}


def equal_rows(rows: int, sums: Sums) -> Restatement:
    """Return the restatement of rows known to be equal.

    :param sums: sum of each figure over the rows.
    """
    return Restatement(rows, 0, {name: (total, total) for name, total in sums.items()})


def compare_rows(
    old: pa.Table, new: pa.Table, returned: pa.Table, keys: Sequence[str], figures: Sequence[str]
) -> Restatement:
    """Compare the stored rows of one day with those that Braze returned.

    :param old: stored rows, including those of other subjects.
    :param new: rows of the returned subjects. Each key occurs once.
    :param returned: key columns of the returned subjects.
    :param keys: key columns.
    :param figures: columns to sum.
    """
    import pyarrow.compute as pc

    old_keys, new_keys = join_keys(old.select(keys)), join_keys(new.select(keys))
    before, after = old, new
    # The usual case: all subjects were returned, as before.
    if not old_keys.equals(new_keys):
        is_compared = pc.is_in(old_keys, value_set=join_keys(returned.select(keys)))
        before = old.filter(is_compared)
        # A row that is missing now has a null place, which gives a row of nulls.
        after = new.take(pc.index_in(old_keys.filter(is_compared), value_set=new_keys))
    sums = {name: (_sum(before, name), _sum(after, name)) for name in figures}
    return Restatement(before.num_rows, _count_changed(before, after), sums)


def sum_days(rows: pa.Table, figures: Sequence[str]) -> dict[date, Sums]:
    """Return the sum of each figure by day.

    :param rows: rows with a column ``day``.
    """
    import pyarrow.compute as pc

    option = pc.ScalarAggregateOptions(min_count=1)
    grouped = rows.group_by("day", use_threads=False).aggregate([(name, "sum", option) for name in figures])
    totals = zip(*(grouped.column(f"{name}_sum").to_pylist() for name in figures), strict=True)
    return {
        day: {name: _finite(total) for name, total in zip(figures, each, strict=True)}
        for day, each in zip(grouped.column("day").to_pylist(), totals, strict=True)
    }


def add_sums(some: Sums, more: Sums) -> Sums:
    """Return the sums over two sets of rows.

    :param some: sums by figure; empty for no rows yet.
    """
    return {name: _add(some.get(name), total) for name, total in more.items()}


def _add(one: Number, other: Number) -> Number:
    if one is None or other is None:
        return other if one is None else one
    return _finite(one + other)


def _sum(rows: pa.Table, name: str) -> Number:
    import pyarrow.compute as pc

    return _finite(pc.sum(rows.column(name), min_count=1).as_py())


def _finite(total: Number) -> Number:
    """Return a sum, and None for one that JSON cannot hold."""
    return total if total is None or math.isfinite(total) else None


def share_changed(before: Number, after: Number) -> float | None:
    """Return the share of a figure that changed.

    :return: 1.0 if no value is left. None if there was nothing before, so that no share exists.
    """
    if not before:
        return None
    return 1.0 if after is None else abs(after - before) / abs(before)


def _count_changed(before: pa.Table, after: pa.Table) -> int:
    import pyarrow.compute as pc

    changed = None
    for old, new in zip(before.columns, after.columns, strict=True):
        if old.equals(new):
            continue
        differs = pc.coalesce(pc.not_equal(old, new), pc.xor(pc.is_null(old), pc.is_null(new)))
        changed = differs if changed is None else pc.or_(changed, differs)
    return 0 if changed is None else int(pc.sum(changed, min_count=0).as_py())
