"""Days out of the spool into the destination's objects: read, merged, compared and, if they differ, replaced.

What is known to be there already is not even read from the spool.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, partial
from threading import Event, Lock, Semaphore
from typing import TYPE_CHECKING, Final

from airflow_provider_braze.core.series import DAY
from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.landing.formats import decode, encode, matches_fingerprint
from airflow_provider_braze.landing.layout import ensure_layout
from airflow_provider_braze.landing.memory import release_memory
from airflow_provider_braze.tables.keys import join_keys
from airflow_provider_braze.tables.restatement import Restatement, compare_rows, equal_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from airflow_provider_braze.core.series import Series, Table
    from airflow_provider_braze.landing.layout import Layout
    from airflow_provider_braze.landing.precedence import Precedence
    from airflow_provider_braze.landing.spool import Spool
    from airflow_provider_braze.landing.store import Store, Stored
    from airflow_provider_braze.landing.tries import Try
    from airflow_provider_braze.tables.fingerprints import Fingerprint
    from airflow_provider_braze.tables.restatement import Sums

    Incoming = Callable[[], tuple[pa.Table, pa.Table | None]]
    """Returns the rows of the returned subjects, and their keys; None for the keys when no other rows may stay."""

    Key = tuple[str | None, ...]

log = logging.getLogger(__name__)

_ENCODERS: Final = 1
"""Objects sorted, merged and encoded at once. More threads cost processor time and memory and gain nothing."""
_ROWS_IN_WORK: Final = 8_000
"""Fewer objects, if they are so large that memory would grow with them."""


@dataclass(frozen=True, slots=True)
class LandedObject:
    """An object that a run landed.

    :param day: None for a table that is not divided by day.
    :param rows: rows that it holds now, those of other runs included.
    :param written: whether it differed and was replaced, by this try.
    """

    table: str
    day: date | None
    name: str
    rows: int
    bytes: int
    written: bool


@dataclass(frozen=True, slots=True)
class Publisher:
    """Writes objects of one destination.

    :param own_try: this try, whose record exists before anything is written.
    :param precedence: rows that a later fetch has landed; None when nothing lands by day.
    :param check: called before each object; raises to end the run between two objects.
    """

    store: Store
    series: Series
    layout: Layout
    part: int
    own_try: Try
    check: Callable[[], None]
    precedence: Precedence | None = None
    landed: dict[str, LandedObject] = field(default_factory=dict, init=False, compare=False)
    """The objects landed so far, by name."""
    restated: dict[date, Restatement] = field(default_factory=dict, init=False, compare=False)
    """What changed in the day table, by day, against what was stored before this try."""
    _stored: dict[date, set[Key]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The subjects that the day table had before this try, by day; only days that a later fetch lands too."""
    _encoding: Semaphore = field(default_factory=lambda: Semaphore(_ENCODERS), init=False, repr=False, compare=False)
    _claiming: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)
    _has_claimed: Event = field(default_factory=Event, init=False, repr=False, compare=False)

    def publish_days(self, spool: Spool, tables: Sequence[Table], days: Iterable[date]) -> list[LandedObject]:
        """Land the spooled rows of some days.

        :param days: the days; each gets one object per table, empty if it has no rows.
        :raises BrazeConflictError: another writer kept changing an object.
        :raises BrazeDataError: an object that is there cannot be read.
        """
        writers = max(1, min(self.store.writers, _ROWS_IN_WORK // max(1, spool.rows_per_day)))
        with ThreadPoolExecutor(writers, thread_name_prefix="braze-landing") as pool:
            blocks = spool.blocks(days)
            failed = Event()
            futures = [pool.submit(self._publish_block, spool, tables, block, failed) for block in blocks]
            try:
                landed = [item for future in futures for item in future.result()]
            except BaseException:
                failed.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return sorted(landed, key=lambda item: item.day or date.min)

    def first_landed(self, days: Iterable[date]) -> dict[Key, date]:
        """Return the first of some days on which each subject has a row in the lake, by key.

        :raises BrazeDataError: an object that is there cannot be read.
        """
        table = self.series.day_table
        found: dict[Key, date] = {}
        for day in sorted(days, reverse=True):
            name = self.layout.day_object(table.name, day, self.part)
            found.update(dict.fromkeys(self._keys_in(table, name, self.store.read(name)), day))
        return found

    def publish_whole(self, table: Table, rows: pa.Table) -> LandedObject:
        """Replace a table that is divided neither by day nor by part."""
        return self._publish(table, None, self.layout.whole_object(table.name), lambda: (rows, None))

    def publish_part(self, table: Table, rows: pa.Table) -> LandedObject:
        """Replace the rows of some subjects in this part's object of a table that is not divided by day.

        :param rows: rows of the returned subjects, in the table's order.
        """
        object_name = self.layout.part_object(table.name, self.part)
        return self._publish(table, None, object_name, lambda: (rows, self._subjects(rows)))

    def _subjects(self, rows: pa.Table) -> pa.Table:
        return rows.select(self.series.keys)

    def _publish_block(
        self, spool: Spool, tables: Sequence[Table], days: Sequence[date], failed: Event
    ) -> list[LandedObject]:
        held: dict[str, Mapping[date, pa.Table]] = {}

        def rows_of(table: Table) -> Mapping[date, pa.Table]:
            from airflow_provider_braze.tables.sorting import sort_rows, split_by

            if table.name not in held:
                # One table at a time: a day of many subjects is large.
                if held:
                    held.clear()
                    release_memory()
                rows = sort_rows(table, spool.read(table, days))
                release_memory()
                held[table.name] = {**dict.fromkeys(days, rows.slice(0, 0)), **dict(split_by(rows, DAY))}
            return held[table.name]

        @cache
        def subjects() -> Mapping[date, pa.Table]:
            return {day: self._subjects(rows) for day, rows in rows_of(self.series.day_table).items()}

        def incoming(table: Table, day: date) -> tuple[pa.Table, pa.Table]:
            returned = subjects()[day]
            return rows_of(table)[day], returned

        return [
            self._publish(
                table,
                day,
                self.layout.day_object(table.name, day, self.part),
                partial(incoming, table, day),
                spool.fingerprint(table.name, day),
                partial(spool.sums, day) if table == self.series.day_table else None,
            )
            for table in tables
            for day in days
            if not failed.is_set()
        ]

    def _publish(
        self,
        table: Table,
        day: date | None,
        name: str,
        incoming: Incoming,
        fingerprint: Fingerprint | None = None,
        sums: Callable[[], Sums] | None = None,
    ) -> LandedObject:
        """Merge rows into an object.

        :param incoming: returns the rows; called only if they are needed.
        :param fingerprint: fingerprint of these rows, to skip an equal object; None to compare in any case.
        :param sums: returns the sums of the main figures; None unless restatement is measured.
        """
        self.check()
        rows = size = 0
        attempted: bytes | None = None
        restated: Restatement | None = None

        def change(stored: Stored | None) -> bytes | None:
            from airflow_provider_braze.tables.fingerprints import fingerprint_rows

            nonlocal rows, size, attempted, restated
            if stored and stored.content == attempted:
                # The store repeated a write whose response was lost.
                return None
            restated = None
            if stored and fingerprint and self._holds(table, stored, fingerprint):
                # All of its rows were just returned, so none of another subject is among them.
                rows, size = fingerprint.rows, len(stored.content)
                restated = equal_rows(rows, sums()) if sums else None
                return None
            with self._encoding:
                new, returned = fetched, _ = incoming()
                if day and returned is not None:
                    new, returned = self._without_older(table, day, name, stored, new, returned)
                merged, is_stored, old = self._merge(table, name, stored, new, returned)
                if sums and old is not None and returned is not None:
                    restated = compare_rows(old, new, returned, self.series.keys, self.series.main_figures)
                rows = merged.num_rows
                if stored and is_stored:
                    size = len(stored.content)
                    return None
                holds = fingerprint if fingerprint is None or merged is fetched else fingerprint_rows(merged)
                content = encode(merged, self.layout.file_format, holds)
            size = len(content)
            self.own_try.note_write(day)
            self._claim_destination()
            attempted = content
            return content

        self.store.update(name, change)
        if day and sums:
            # A day that is published again keeps the comparison with what was stored before, if anything was.
            self.restated.setdefault(day, restated or Restatement())
        # Attempted counts as written: a write whose response was lost shows as a conflict with an equal object.
        return self._note(LandedObject(table.name, day, name, rows, size, attempted is not None))

    def _note(self, landed: LandedObject) -> LandedObject:
        """Note an object, which stays written when it is published again."""
        before = self.landed.get(landed.name)
        if before and before.written:
            landed = replace(landed, written=True)
        self.landed[landed.name] = landed
        return landed

    def _claim_destination(self) -> None:
        """Write the layout, before the first object and not earlier: a run that fails before that claims nothing."""
        with self._claiming:
            if not self._has_claimed.is_set():
                ensure_layout(self.store, self.layout)
                self._has_claimed.set()

    def _holds(self, table: Table, stored: Stored, fingerprint: Fingerprint) -> bool:
        """Return whether an object is known to have exactly the rows of a fingerprint."""
        from airflow_provider_braze.tables.schemas import schema_of

        return matches_fingerprint(stored.content, schema_of(table), fingerprint, self.layout.file_format)

    def _without_older(
        self, table: Table, day: date, name: str, stored: Stored | None, new: pa.Table, returned: pa.Table
    ) -> tuple[pa.Table, pa.Table]:
        """Return rows and keys without those of subjects whose newer rows are stored.

        A later fetch that asked for a subject may not have got it. So a subject without stored rows is landed.
        """
        if self.precedence is None or not self.precedence.is_concurrent():
            return new, returned
        import pyarrow as pa
        import pyarrow.compute as pc

        there = self._keys_in(table, name, stored)
        if table == self.series.day_table:
            self._stored[day] = there
        # A day has one row per subject, but a subject may rightly have no row in another table.
        there = there | self._stored.get(day, set(_keys_of(returned)))
        is_left = [key in there and self.precedence.leaves(table.name, key, day) for key in _keys_of(returned)]
        kept = returned.filter(pa.array([not each for each in is_left], pa.bool_()))
        is_kept = pc.is_in(join_keys(new.select(returned.schema.names)), value_set=join_keys(kept))
        return new.filter(is_kept), kept

    def _keys_in(self, table: Table, name: str, stored: Stored | None) -> set[Key]:
        """Return the keys of the subjects that have rows in an object; none if it is absent."""
        if stored is None:
            return set()
        from airflow_provider_braze.tables.schemas import schema_of

        found = decode(stored.content, schema_of(table), self.layout.file_format, self.store.uri_of(name))
        return set(_keys_of(self._subjects(found.rows)))

    def _merge(
        self, table: Table, name: str, stored: Stored | None, new: pa.Table, returned: pa.Table | None
    ) -> tuple[pa.Table, bool, pa.Table | None]:
        """Return an object's new rows, whether it has them already, and its comparable rows.

        A broken object is an error only if rows of it would stay.
        Rows of an object that lacks columns are not comparable: values of new columns are not restatement.
        """
        if stored is None:
            return new, False, None
        try:
            old = decode(stored.content, new.schema, self.layout.file_format, self.store.uri_of(name))
        except BrazeDataError as error:
            if returned is not None:
                raise
            log.warning("Replacing %s, which cannot be read: %s", self.store.uri_of(name), error.__cause__)
            return new, False, None
        merged = new if returned is None else replace_subjects(table, old.rows, new, returned)
        return merged, old.is_current and merged.equals(old.rows), None if old.missing else old.rows


def _keys_of(subjects: pa.Table) -> Iterator[Key]:
    return zip(*(column.to_pylist() for column in subjects.columns), strict=True)


def replace_subjects(table: Table, old: pa.Table, new: pa.Table, returned: pa.Table) -> pa.Table:
    """Replace the rows of the returned subjects; every other row stays.

    :param old: the object's rows, of one day if the table has days.
    :param new: rows of the returned subjects, in the table's order; a subject may have none.
    :param returned: key columns of the returned subjects.
    :return: the object's rows, in the table's order.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from airflow_provider_braze.tables.sorting import sort_rows

    keys = old.select(returned.schema.names)
    is_kept = pc.invert(pc.is_in(join_keys(keys), value_set=join_keys(returned)))
    if not pc.any(is_kept).as_py():
        return new
    return sort_rows(table, pa.concat_tables([old.filter(is_kept), new]))
