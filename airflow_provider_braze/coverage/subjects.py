"""Which subjects lack which days, and which fail or are rejected, by the tries that asked for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final, Literal

from airflow_provider_braze.core.text import shorten
from airflow_provider_braze.coverage.earlier import Earlier
from airflow_provider_braze.landing.layout import part_of

if TYPE_CHECKING:
    from airflow_provider_braze.coverage.reader import Attempt

_NOTHING: Final = Earlier()
LONGEST_ERROR: Final = 300
"""Characters of a message."""

Problem = Literal["failed", "rejected"]


def find_lacking(
    attempts: Sequence[Attempt], earlier: Earlier = _NOTHING, parts: int = 1
) -> dict[date, frozenset[str]]:
    """Return the subjects that have no row for a day: they failed, or Braze left the day out, and no try had it.

    :param attempts: tries that published everything that Braze returned, oldest first.
    """
    # True while the subject lacks the day. Rows that an earlier try landed stay when a later one fails.
    is_lacking = {(day, name): True for day, names in earlier.lacking.items() for name in names}
    named: dict[int, set[str]] = defaultdict(set)
    for _, name in is_lacking:
        named[part_of(name, parts)].add(name)
    for attempt in attempts:
        named[attempt.part].update(attempt.failed, attempt.missing_days)
    for attempt in attempts:
        for name in named[attempt.part]:
            if not attempt.asked_for(name) or name in attempt.rejected:
                continue
            for day, is_bad in _read_days(attempt, name):
                # A read of the whole list that did not name the subject had it. One of given subjects may not.
                had = attempt.given is None and earlier.was_read(day)
                is_lacking[day, name] = is_bad and is_lacking.get((day, name), not had)
    found: dict[date, set[str]] = defaultdict(set)
    for day, name in (key for key, is_bad in is_lacking.items() if is_bad):
        found[day].add(name)
    return {day: frozenset(lacking) for day, lacking in found.items()}


def _read_days(attempt: Attempt, name: str) -> Iterator[tuple[date, bool]]:
    """Return the days of a try, and whether it did not get the subject's row of the day."""
    missing = set(attempt.missing_days.get(name, ()))
    return ((day, name in attempt.failed or day.isoformat() in missing) for day in attempt.window)


def find_rejected(attempts: Sequence[Attempt]) -> frozenset[str]:
    """Return the subjects that Braze rejected in the newest try that asked for them."""
    return frozenset(each["name"] for each in find_problems(attempts, "rejected"))


def find_problems(attempts: Sequence[Attempt], kind: Problem) -> list[dict[str, str]]:
    """Return the subjects that failed or were rejected in the newest try that asked for them, and since when.

    :param attempts: tries that published everything that Braze returned, oldest first.
    """
    open_: dict[tuple[int, str], dict[str, str]] = {}
    for attempt in attempts:
        named = attempt.failed if kind == "failed" else attempt.rejected
        for part, name in list(open_):
            if part == attempt.part and name not in named and attempt.asked_for(name):
                del open_[part, name]
        for name, error in named.items():
            since = open_.get((attempt.part, name), {}).get("since", attempt.began.isoformat(timespec="seconds"))
            open_[attempt.part, name] = {
                "name": name,
                "since": since,
                "class": error["class"],
                "message": shorten(error["message"], LONGEST_ERROR),
            }
    return sorted(open_.values(), key=lambda each: (each["since"], each["name"]))
