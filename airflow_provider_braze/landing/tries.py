"""One try of a landing run: its own record, and the changed days of other tries that it reports."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from airflow_provider_braze.core.text import counted
from airflow_provider_braze.exceptions import BrazeConflictError
from airflow_provider_braze.landing import journal as clock
from airflow_provider_braze.landing.journal import Journal, Other, TryName, digest
from airflow_provider_braze.landing.store import ANY_VERSION, VersionConflictError

log = logging.getLogger(__name__)

LONGEST_TRY: Final = timedelta(hours=24)
"""A try writes data for at most this long after it created its record."""
KEPT: Final = timedelta(days=40)
"""Age at which records are removed."""
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_MOST_REMOVED: Final = 20


class Try:
    """One try of a landing run: its own record, and what it reports for others.

    :param run: identity of the try: Dag, run, task, map index, try number.
    :param planned_at: when it had read the list and began to fetch details.
    :param fetched_at: when it began to fetch days.
    :param opening: what the record holds until it is finished: ``writes``, the days about to be written.
    """

    def __init__(
        self,
        journal: Journal,
        part: int,
        run: Mapping[str, Any],
        planned_at: datetime,
        fetched_at: datetime,
        opening: Mapping[str, Any],
    ) -> None:
        self.journal = journal
        self.changed: set[date] = set()
        """The days with an object that was written, or may have been."""
        self._name: TryName | None = None
        self._opening = {
            **opening,
            "run": dict(run),
            "planned_at": planned_at.isoformat(),
            "fetched_at": fetched_at.isoformat(),
            "state": "running",
            "settled": None,
        }
        self._since = planned_at - _CLOCKS_DIFFER
        self._part = part
        self._lock = threading.Lock()
        self._finished: dict[TryName, Other] = {}
        self._settled: frozenset[str] | None = None
        self._listed: list[TryName] = []
        self._seen: list[Other] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the record exists."""
        return self._name is not None

    @property
    def name(self) -> TryName:
        """The record's name."""
        assert self._name is not None, "the try has not begun"  # noqa: S101
        return self._name

    @property
    def uri(self) -> str:
        """The record's address."""
        return self.journal.store.uri_of(self.journal.path(self.name))

    def begin(self) -> None:
        """Create the record, unless it exists; called before the first data object is written."""
        if self.has_begun:
            return
        name = TryName.create(self._part, self._opening["run"])
        content = _to_json(self._opening)
        try:
            self.journal.store.write(self.journal.path(name), content, None)
        except VersionConflictError:
            # The name is unique. So the store repeated a request whose response was lost.
            log.debug("The record %s existed already", name.text)
        self._name = name

    def note_write(self, day: date | None) -> None:
        """Note that an object is about to be written.

        :raises BrazeConflictError: the try has lasted so long that others count it as killed.
        """
        with self._lock:
            self.begin()
            if day is not None:
                self.changed.add(day)
                self._seen = None
        if clock.now() - self.name.began > LONGEST_TRY:
            raise BrazeConflictError(
                f"This try has been writing for more than {LONGEST_TRY // timedelta(hours=1)} hours, so other runs may "
                "count it as killed. Run the task again; land fewer days or campaigns per run."
            )

    def look(self) -> list[Other]:
        """Return the other tries of this part that matter to this one, oldest first.

        These are the tries that no successful run of this task has settled, and those that wrote after this one began
        to fetch. Costs one listing, and one read for each of these that is not known to be finished.
        """
        names = [each for each in self.journal.names() if each.part == self._part and each != self._name]
        self._listed = names
        if self._settled is None:
            self._settled = self._find_settled(names)
        wanted = [each for each in names if each.began > self._since or not self._is_settled(each)]
        self._seen = [other for each in wanted if (other := self._read(each))]
        return self._seen

    def look_after_last_write(self) -> list[Other]:
        """Return the other tries as :meth:`look` does, from the last look if no day was written since."""
        return self.look() if self._seen is None else self._seen

    def report(self, others: Sequence[Other]) -> Report:
        """Determine the days of other tries that this try reports.

        :param others: the other tries, as they are after this one's last write.
        """
        others = [other for other in others if not self._is_settled(other.name)]
        unreported = {
            other.name: other.days
            for other in others
            if self._is_retry_of(other.name) or other.record["state"] != "success"
        }
        ended = {other.name.id for other in others if other.has_ended}
        settled = ended | {each.id for each in self._listed if self._is_settled(each)}
        runs = {other.name: other.record["run"] for other in others}
        return Report({name: days for name, days in unreported.items() if days}, runs, sorted(settled))

    def finish(self, final: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the record by its final content.

        :param final: what the record holds besides its opening.
        :return: the whole content.
        """
        record = {**self._opening, **final}
        # No other try writes this object, so no version is compared.
        self.journal.store.write(self.journal.path(self.name), _to_json(record), ANY_VERSION)
        return record

    def prune(self, *, of_all_tasks: bool) -> None:
        """Remove old records of this part, oldest first; called by a run that has just succeeded.

        :param of_all_tasks: whether also those of other tasks; a run without days has not reported them.
        """
        old = [name for name in self._listed if clock.now() - name.began > KEPT]
        try:
            for name in [name for name in old if of_all_tasks or name.task == self.name.task][:_MOST_REMOVED]:
                self.journal.store.delete(self.journal.path(name))
        except OSError as error:
            log.warning("Could not remove old records: %s", error)

    def _find_settled(self, names: Sequence[TryName]) -> frozenset[str]:
        """Return what the newest successful run of this task settled; of any task when this one has none."""
        task = digest(self._opening["run"]["dag_id"], self._opening["run"]["task_id"])
        mine = [name for name in reversed(names) if name.task == task]
        others = [name for name in reversed(names) if name.task != task]
        for name in (*mine, *others):
            other = self._read(name)
            if other and other.record["state"] == "success" and other.record["settled"] is not None:
                return frozenset([*other.record["settled"], name.id])
        return frozenset()

    def _is_settled(self, name: TryName) -> bool:
        assert self._settled is not None  # noqa: S101 - look() has set it
        return name.id in self._settled and not self._is_retry_of(name)

    def _is_retry_of(self, name: TryName) -> bool:
        """Whether both are tries of one run. Airflow may not know of a success of the other, so it does not count."""
        return self._opening["run"]["try_number"] > 1 and self.name.is_of_same_run(name)

    def _read(self, name: TryName) -> Other | None:
        other = self._finished.get(name) or self.journal.read(name)
        if other and other.is_finished:
            self._finished[name] = other
        return other


@dataclass(frozen=True, slots=True)
class Report:
    """The days of other tries that a try reports.

    :param days: by try; only tries that have some.
    :param runs: identity by try.
    :param settled: ids of the tries that have ended and are reported by now.
    """

    days: Mapping[TryName, Sequence[str]]
    runs: Mapping[TryName, Mapping[str, Any]]
    settled: Sequence[str]

    @property
    def all_days(self) -> set[date]:
        """The days of all these tries."""
        return {date.fromisoformat(day) for days in self.days.values() for day in days}

    def lines(self, run: Mapping[str, Any]) -> Iterator[str]:
        """Format what is reported again as log lines.

        :param run: identity of this try.
        """
        for name, days in self.days.items():
            other = self.runs[name]
            is_same = all(other[key] == run[key] for key in ("dag_id", "run_id", "task_id", "map_index"))
            which = f"try {other['try_number']}"
            whose = "" if is_same else f" of {other['dag_id']}.{other['task_id']}, run {other['run_id']}"
            yield f"{counted(len(days), 'day')} reported again for {which}{whose}"


def _to_json(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")
