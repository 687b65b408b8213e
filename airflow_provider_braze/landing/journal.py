"""The journal: one record per try of a landing run, so that no changed day goes unreported.

A record is created before the try's first data object and replaced once at its end. No other try writes it. The rules
are in ``docs/restatement.md``, "Changed days".
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final, NamedTuple

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeDataError
from airflow_provider_braze.landing.record_shape import check_record
from airflow_provider_braze.landing.store import Store
from airflow_provider_braze.series import find_series

__all__ = ["ChangedDays", "changed_days"]

PRESUMED_DEAD: Final = timedelta(hours=36)
"""Age at which an unfinished record belongs to a killed try; 12 hours more for clocks that differ."""
CURSOR_LASTS: Final = timedelta(days=35)
"""Age up to which a cursor misses nothing, with a margin for clocks that differ."""
_TIME: Final = "%Y%m%dT%H%M%S%f"
_NAME: Final = re.compile(r"(\d{8}T\d{12})-(\d+)-([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-f]{12})\.json")


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True, order=True)
class TryName:
    """A record's name: when the try began to write, its part, its task and run as digests, and an id of its own."""

    text: str
    began: datetime = field(compare=False)
    part: int = field(compare=False)
    task: str = field(compare=False)
    run: str = field(compare=False)
    id: str = field(compare=False)

    @classmethod
    def create(cls, part: int, run: Mapping[str, Any]) -> TryName:
        """Name a try that begins now."""
        task = digest(run["dag_id"], run["task_id"])
        name = cls.parse(
            f"{now().strftime(_TIME)}-{part:02d}-{task}-{digest(run['run_id'], run['map_index'])}-"
            f"{uuid.uuid4().hex[:12]}.json"
        )
        assert name is not None  # noqa: S101 - it has just been built
        return name

    @classmethod
    def parse(cls, text: str) -> TryName | None:
        """Parse an object's name; None for objects that are not records."""
        found = _NAME.fullmatch(text)
        if found is None:
            return None
        try:
            began = datetime.strptime(found[1], _TIME).replace(tzinfo=timezone.utc)
        except ValueError:  # not a time of the calendar
            return None
        return cls(text, began, int(found[2]), found[3], found[4], found[5])

    def is_of_same_run(self, other: TryName) -> bool:
        """Whether both are tries of one task instance."""
        return (self.task, self.run) == (other.task, other.run)


@dataclass(frozen=True, slots=True)
class Other:
    """Another try and its record, as last read.

    :param record: its content. That of an unfinished try has the state ``running``.
    """

    name: TryName
    record: Mapping[str, Any]

    @property
    def has_ended(self) -> bool:
        """Whether the try will write nothing more: it finished, or it is too old to be alive."""
        return self.is_finished or now() - self.name.began > PRESUMED_DEAD

    @property
    def is_finished(self) -> bool:
        """Whether the try wrote its final record."""
        return bool(self.record["state"] != "running")

    @property
    def days(self) -> list[str]:
        """The days that the try changed, or may have changed when it did not finish."""
        return list(self.record["changed_days"]) if self.is_finished else _days_of(self.record["writes"])


class Journal:
    """The records of one series at one destination."""

    def __init__(self, store: Store, series: str) -> None:
        self.store = store
        self.folder = f"_braze/{series}/journal"

    def names(self) -> list[TryName]:
        """Return the names of all records, oldest first."""
        return sorted(name for text in self.store.list(self.folder) if (name := TryName.parse(text)))

    def read(self, name: TryName) -> Other | None:
        """Read a record; None when another run has removed it.

        :raises BrazeDataError: its content is broken.
        """
        stored = self.store.read(self.path(name))
        if stored is None:
            return None
        try:
            record = json.loads(stored.content)
            if not isinstance(record, dict):
                raise ValueError("it is not an object")
            check_record(record)
        except (ValueError, RecursionError) as error:
            raise BrazeDataError(
                f"Cannot read {self.store.uri_of(self.path(name))}, the record of an earlier try: {error}. If a newer "
                "version of the provider wrote it, upgrade. Otherwise remove it, and reprocess the days that this try "
                "landed."
            ) from error
        return Other(name, record)

    def path(self, name: TryName) -> str:
        """Return a record's name below the destination."""
        return f"{self.folder}/{name.text}"

    def changed_days(self, since: str | None) -> ChangedDays:
        """Return the days of all tries that have ended since a cursor; see :func:`changed_days`."""
        seen = _parse_cursor(since) if since else frozenset()
        names = self.names()
        days: set[str] = set()
        known = {name.id for name in names} & seen
        for name in names:
            other = None if name.id in seen else self.read(name)
            if other and other.has_ended:
                days.update(other.days)
                known.add(name.id)
        return ChangedDays(sorted(days), ".".join([now().strftime(_TIME), *sorted(known)]))


class ChangedDays(NamedTuple):
    """The result of :func:`changed_days`.

    :param days: ISO dates, sorted.
    :param cursor: for the next call.
    """

    days: list[str]
    cursor: str


def changed_days(
    destination: str,
    since: str | None = None,
    *,
    object_storage_conn_id: str | None = None,
    series: str = "campaigns",
) -> ChangedDays:
    """Return the days that changed since a cursor, from the journal alone.

    Days of failed and killed tries are included. Store the cursor after the days are processed.

    :param destination: address of the tables, such as ``s3://lake/braze``.
    :param since: cursor of the call before. Default: none, for all days that the journal knows.
    :param object_storage_conn_id: connection of the store. Default: its default credentials.
    :param series: name of the series.
    :raises BrazeConfigError: the cursor is older than 35 days, or is not a cursor; or the series does not exist.
    :raises BrazeDataError: a record is broken.
    """
    journal = Journal(Store(destination, object_storage_conn_id), series)
    try:
        find_series(series)
    except BrazeConfigError:
        # A misspelt name would never report a day. A series of your own has records once it has landed.
        if not journal.names():
            raise
    return journal.changed_days(since)


def _parse_cursor(cursor: str) -> frozenset[str]:
    time, *seen = cursor.split(".")
    read = None
    with suppress(ValueError):
        read = datetime.strptime(time, _TIME).replace(tzinfo=timezone.utc)
    if read is None:
        raise BrazeConfigError(f"`since` is {cursor[:50]!r}. Give the cursor that changed_days() returned.")
    if now() - read > CURSOR_LASTS:
        raise BrazeConfigError(
            f"`since` is a cursor of {read:%Y-%m-%d}, and the journal keeps records for {CURSOR_LASTS.days} days. "
            "Reprocess all days, and start again without a cursor."
        )
    return frozenset(seen)


def _days_of(writes: Mapping[str, str] | None) -> list[str]:
    if writes is None:
        return []
    days = Window(date.fromisoformat(writes["start"]), date.fromisoformat(writes["end"]))
    return [day.isoformat() for day in days]


def digest(*parts: object) -> str:
    """Return a short text that differs for other parts."""
    return hashlib.blake2b(json.dumps([str(part) for part in parts]).encode(), digest_size=4).hexdigest()
