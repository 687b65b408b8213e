"""Read what coverage is judged by: the names of the objects, each series' layout, and the journal's records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.series import may_be_qualified
from airflow_provider_braze.core.zones import load_timezone
from airflow_provider_braze.coverage.earlier import Earlier, read_earlier
from airflow_provider_braze.coverage.names import read_names
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.landing.journal import PRESUMED_DEAD, Journal, TryName
from airflow_provider_braze.landing.layout import Layout, parse_day_object, read_layout
from airflow_provider_braze.series import all_series, find_series

if TYPE_CHECKING:
    from airflow_provider_braze.core.series import Series
    from airflow_provider_braze.landing.store import Store

MOST_RECORDS: Final = 1_000
"""Records read per series, newest first. Bounds the requests: three per record on S3."""
_READERS: Final = 8

Parts = Mapping[date, frozenset[int]]
"""The parts that have an object, by day."""


@dataclass(frozen=True, slots=True)
class PastTry:
    """One try of a landing run, as its record describes it.

    :param is_dead: whether the record is unfinished, and too old for the try to be alive.
    """

    began: datetime
    part: int
    is_dead: bool
    record: Mapping[str, Any]

    @property
    def state(self) -> str:
        """``success``, ``failed``, ``running`` or ``killed``."""
        return "killed" if self.is_dead else str(self.record["state"])

    @property
    def task(self) -> tuple[str, str]:
        """The ids of the Dag and of the task."""
        run = self.record["run"]
        return run["dag_id"], run["task_id"]

    @property
    def run_id(self) -> str:
        """The run that the try belongs to, as Airflow names it."""
        return str(self.record["run"]["run_id"])

    @property
    def window(self) -> Window:
        """The days that the try fetched."""
        found = self.record["plan"]["window"]
        return Window(date.fromisoformat(found["start"]), date.fromisoformat(found["end"]))

    @property
    def fetched_on(self) -> date:
        """The date on which the try began to fetch, in the company's time zone."""
        zone = load_timezone(self.record["plan"]["timezone"])
        return datetime.fromisoformat(self.record["fetched_at"]).astimezone(zone).date()

    @property
    def lookback_days(self) -> int:
        """The days before the run's own."""
        return int(self.record["plan"]["lookback_days"])

    @property
    def failed(self) -> Mapping[str, Mapping[str, str]]:
        """The errors of the subjects that failed."""
        return self._subjects("failed")

    @property
    def rejected(self) -> Mapping[str, Mapping[str, str]]:
        """The errors of the subjects that Braze lists but rejects."""
        return self._subjects("rejected")

    @property
    def missing_days(self) -> Mapping[str, Sequence[str]]:
        """The days that Braze left out, by subject."""
        return self._subjects("missing_days")

    @property
    def given(self) -> Sequence[str] | None:
        """The subjects, if they were given; None if they are those of Braze's list."""
        found: Sequence[str] | None = self.record["given"]
        return found

    def asked_for(self, subject: str) -> bool:
        """Return whether the try asked for a subject of its part. Braze's list has no apps."""
        return not may_be_qualified(subject) if self.given is None else subject in self.given

    def _subjects(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.record["subjects"][name]
        return found

    @property
    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """The try's tables, with what it landed; nothing of that in the record of an unfinished try."""
        found: Mapping[str, Mapping[str, Any]] = self.record.get("tables", {})
        return found

    @property
    def has_landed(self) -> bool:
        """Whether everything that Braze returned has landed, although some subjects may have failed."""
        return bool(self.record["state"] != "running" and self.record["is_complete"])

    @property
    def has_landed_days(self) -> bool:
        """Whether it has landed days. A run of the list alone proves nothing about them."""
        return self.has_landed and bool(self.record["writes"])


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one series of a destination.

    :param objects: the parts that have an object, by table and day. Tables without days are left out.
    :param tries: the tries, oldest first.
    :param unread: number of older records that were not read.
    :param earlier: the earlier result of coverage.
    :param read_names: returns the names of subjects by id.
    """

    series: Series
    layout: Layout
    objects: Mapping[str, Parts]
    tries: Sequence[PastTry]
    unread: int = 0
    earlier: Earlier = field(default_factory=Earlier)
    read_names: Callable[[], Mapping[str, str]] = dict


def read_evidence(store: Store, names: Collection[str] | None, now: datetime) -> Iterator[Evidence]:
    """Read what is known about some series of a destination, one at a time to bound the memory.

    :param names: names of the series; each must have landed. Default: every series that has landed.
    :raises BrazeConfigError: nothing has landed there, or a named series has not.
    :raises BrazeDataError: a layout or a record is broken.
    """
    wanted = all_series() if names is None else [find_series(name) for name in names]
    layouts = [(series, read_layout(store, series.name)) for series in wanted]
    absent = [series.name for series, layout in layouts if layout is None]
    if len(absent) == len(layouts) or (names is not None and absent):
        raise BrazeConfigError(
            f"{store.uri} holds no data of {', '.join(absent)}. Correct the destination, or land this data first."
        )
    return (_read_series(store, series, layout, now) for series, layout in layouts if layout)


def _read_series(store: Store, series: Series, layout: Layout, now: datetime) -> Evidence:
    tables = [table.name for table in series.tables if table.has_days]
    objects = {name: parse_objects(store.find(name), layout.parts) for name in tables}
    tries, unread = read_tries(store, series, now)
    # Those of a layout that somebody removed. Its objects do not count either.
    tries = [past for past in tries if past.part < layout.parts]
    names = partial(read_names, store, series, layout)
    return Evidence(series, layout, objects, tries, unread, read_earlier(store, series.name), names)


def read_tries(store: Store, series: Series, now: datetime) -> tuple[list[PastTry], int]:
    """Read the newest records of a series.

    :return: the tries, oldest first, and the number of older records that were not read.
    :raises BrazeDataError: a record is broken.
    """
    journal = Journal(store, series.name)
    found = journal.names()
    newest = found[-MOST_RECORDS:]
    with ThreadPoolExecutor(_READERS, thread_name_prefix="braze-coverage") as pool:
        tries = [past for past in pool.map(lambda name: _read_try(journal, name, now), newest) if past]
    return tries, len(found) - len(newest)


def parse_objects(names: Iterable[str], parts: int) -> dict[date, frozenset[int]]:
    """Return the parts that have an object, by day.

    :param names: names of a table's objects. Others than those of days are ignored.
    :param parts: number of parts of the layout.
    """
    days: dict[date, set[int]] = {}
    for name in names:
        found = parse_day_object(name)
        if found and found.parts == parts:
            days.setdefault(found.day, set()).add(found.part)
    return {day: frozenset(each) for day, each in days.items()}


def _read_try(journal: Journal, name: TryName, now: datetime) -> PastTry | None:
    other = journal.read(name)
    if other is None:
        return None
    is_dead = not other.is_finished and now - name.began > PRESUMED_DEAD
    return PastTry(name.began, name.part, is_dead, other.record)
