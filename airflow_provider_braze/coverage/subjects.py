"""Which subjects lack which days, and which fail or are rejected, by the tries that asked for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final, Literal

from airflow_provider_braze.core.text import shorten
from airflow_provider_braze.coverage.earlier import Earlier
from airflow_provider_braze.landing.layout import part_of

if TYPE_CHECKING:
    from airflow_provider_braze.coverage.expected import Tasks
    from airflow_provider_braze.coverage.reader import PastTry

_NOTHING: Final = Earlier()
LONGEST_ERROR: Final = 300
"""Characters of a message."""

Problem = Literal["failed", "rejected"]


def find_lacking(
    tries: Sequence[PastTry], tables: Collection[str], earlier: Earlier = _NOTHING, parts: int = 1
) -> dict[date, frozenset[str]]:
    """Return the subjects that have no row for a day: they failed, or Braze left the day out, and no try had it.

    A subject that lacks the day in one of the tables is named.

    :param tries: tries that published everything that Braze returned, oldest first.
    :param tables: the tables that have days.
    """
    # Tables that the same tries landed lack the same subjects.
    groups = {tuple(number for number, each in enumerate(tries) if table in each.tables) for table in tables}
    found: dict[date, set[str]] = defaultdict(set)
    for group in groups - {()} or {()}:
        for day, name in _find_lacking([tries[number] for number in group], earlier, parts):
            found[day].add(name)
    return {day: frozenset(names) for day, names in found.items()}


def _find_lacking(tries: Sequence[PastTry], earlier: Earlier, parts: int) -> list[tuple[date, str]]:
    # True while the subject lacks the day. Rows that an earlier try landed stay when a later one fails.
    is_lacking = {(day, name): True for day, names in earlier.lacking.items() for name in names}
    named: dict[int, set[str]] = defaultdict(set)
    for _, name in is_lacking:
        named[part_of(name, parts)].add(name)
    for past in tries:
        named[past.part].update(past.failed, past.missing_days)
    for past in tries:
        for name in named[past.part]:
            if not past.asked_for(name) or name in past.rejected:
                continue
            for day, is_bad in _read_days(past, name):
                # A read of the whole list that did not name the subject had it. One of given subjects may not.
                had = past.given is None and earlier.was_read(day)
                is_lacking[day, name] = is_bad and is_lacking.get((day, name), not had)
    return [key for key, is_bad in is_lacking.items() if is_bad]


def find_unread(
    days: Iterable[date], tables: Collection[str], tasks: Tasks, tries: Sequence[PastTry]
) -> dict[date, frozenset[str]]:
    """Return the given subjects that a task should have landed of a day, and that no try asked for.

    Their object can be there: another task lands other subjects in it.

    :param tables: the tables that have days.
    :param tries: tries that published everything that Braze returned.
    """
    found: dict[date, frozenset[str]] = {}
    for day in days:
        due = [past for past in tasks.of(day) if past.given]
        done = [past for past in tries if due and past.window.start <= day < past.window.end]
        names = {
            name
            for past in due
            for table in past.tables.keys() & tables
            for name in past.given or ()
            if not any(each.part == past.part and table in each.tables and each.asked_for(name) for each in done)
        }
        if names:
            found[day] = frozenset(names)
    return found


def _read_days(past: PastTry, name: str) -> Iterator[tuple[date, bool]]:
    """Return the days of a try, and whether it did not get the subject's row of the day."""
    missing = set(past.missing_days.get(name, ()))
    return ((day, name in past.failed or day.isoformat() in missing) for day in past.window)


def find_rejected(tries: Sequence[PastTry], tables: Collection[str]) -> frozenset[str]:
    """Return the subjects that Braze rejected in the newest try that asked for them."""
    return frozenset(each["name"] for each in find_problems(tries, tables, "rejected"))


def find_problems(tries: Sequence[PastTry], tables: Collection[str], kind: Problem) -> list[dict[str, str]]:
    """Return the subjects that failed or were rejected in the newest try that asked for them, and since when.

    :param tries: tries that published everything that Braze returned, oldest first.
    :param tables: the tables that have days.
    """
    open_: dict[tuple[int, str], dict[str, str]] = {}
    touched: dict[tuple[int, str], Collection[str]] = {}
    for past in tries:
        named = past.failed if kind == "failed" else past.rejected
        mine = past.tables.keys() & tables
        for part, name in list(open_):
            # A task that lands other tables says nothing about these.
            is_same = part == past.part and past.asked_for(name) and mine.issuperset(touched[part, name])
            if is_same and name not in named:
                del open_[part, name]
        for name, error in named.items():
            since = open_.get((past.part, name), {}).get("since", past.began.isoformat(timespec="seconds"))
            touched[past.part, name] = mine
            open_[past.part, name] = {
                "name": name,
                "since": since,
                "class": error["class"],
                "message": shorten(error["message"], LONGEST_ERROR),
            }
    return sorted(open_.values(), key=lambda each: (each["since"], each["name"]))
