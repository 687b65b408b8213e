"""Days out of the spool into the destination's objects: read, merged, compared and, if they differ, replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from threading import Event
from typing import TYPE_CHECKING, Final

from airflow_provider_braze.landing.formats import decode, encode
from airflow_provider_braze.landing.memory import give_back
from airflow_provider_braze.landing.spool import split_days
from airflow_provider_braze.landing.upsert import replace_campaigns

if TYPE_CHECKING:
    import pyarrow as pa

    from airflow_provider_braze.landing.layout import Layout
    from airflow_provider_braze.landing.manifest import Pending
    from airflow_provider_braze.landing.spool import Spool
    from airflow_provider_braze.landing.store import Store, Stored

_MOST_WRITERS: Final = 4
"""Objects on the way at once: enough to hide a store's latency."""
_CAMPAIGN_DAYS_IN_WORK: Final = 8_000
"""Fewer objects, if they are so large that memory would grow with them."""


@dataclass(frozen=True, slots=True)
class LandedObject:
    """An object that a run landed.

    :param day: None for a table that is not divided by day.
    :param rows: rows that it holds now, those of other runs included.
    :param written: whether it differed and was replaced.
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

    :param pending: is noted before anything is written.
    :param check: called before each object; raises to end the run between two objects.
    """

    store: Store
    layout: Layout
    part: int
    pending: Pending
    check: Callable[[], None]

    def publish_days(self, spool: Spool, tables: Sequence[str], days: Iterable[date]) -> list[LandedObject]:
        """Land the spooled rows of some days.

        :param days: each gets an object a table, without rows if it has none.
        :raises BrazeConflictError: another writer kept changing an object.
        :raises BrazeDataError: an object that is there cannot be read.
        """
        writers = max(1, min(_MOST_WRITERS, _CAMPAIGN_DAYS_IN_WORK // max(1, spool.campaigns)))
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

    def publish_whole(self, name: str, table: pa.Table) -> LandedObject:
        """Replace a table that is divided neither by day nor by part."""
        return self._publish(name, None, self.layout.whole_object(name), table, lambda _: table)

    def publish_campaigns(self, name: str, rows: pa.Table) -> LandedObject:
        """Replace the rows of some campaigns in this part's object of a table that is not divided by day.

        :param rows: of the campaigns that came back, in the table's order.
        """
        ids = rows.column("campaign_id")

        def merge(old: pa.Table) -> pa.Table:
            return replace_campaigns(name, old, rows, ids)

        return self._publish(name, None, self.layout.part_object(name, self.part), rows, merge)

    def _publish_block(
        self, spool: Spool, tables: Sequence[str], days: Sequence[date], failed: Event
    ) -> list[LandedObject]:
        from airflow_provider_braze.core.tables import sort_rows

        came = sort_rows("campaign_days", spool.read("campaign_days", days))
        returned = dict(split_days(came))
        landed = []
        for table in tables:
            rows = came if table == "campaign_days" else sort_rows(table, spool.read(table, days))
            by_day = dict(split_days(rows))
            nobody = rows.slice(0, 0)
            give_back()
            landed += [
                self._publish_day(table, day, by_day.get(day, nobody), returned.get(day, nobody))
                for day in days
                if not failed.is_set()
            ]
        return landed

    def _publish_day(self, table: str, day: date, new: pa.Table, returned: pa.Table) -> LandedObject:
        ids = returned.column("campaign_id")

        def merge(old: pa.Table) -> pa.Table:
            return replace_campaigns(table, old, new, ids)

        return self._publish(table, day, self.layout.day_object(table, day, self.part), new, merge)

    def _publish(
        self, table: str, day: date | None, name: str, new: pa.Table, merge: Callable[[pa.Table], pa.Table]
    ) -> LandedObject:
        self.check()
        rows = size = 0
        is_attempted = False

        def change(stored: Stored | None) -> bytes | None:
            nonlocal rows, size, is_attempted
            old, is_current = self._decode(stored, new, name)
            merged = merge(old)
            rows = merged.num_rows
            if stored and is_current and merged.equals(old):
                size = len(stored.content)
                return None
            content = encode(merged, self.layout.file_format)
            size = len(content)
            if day is not None:
                self.pending.note()
            is_attempted = True
            return content

        self.store.update(name, change)
        # Attempted counts as written: a write whose answer was lost shows as a conflict with an equal object.
        return LandedObject(table, day, name, rows, size, is_attempted)

    def _decode(self, stored: Stored | None, new: pa.Table, name: str) -> tuple[pa.Table, bool]:
        if stored is None:
            return new.slice(0, 0), True
        return decode(stored.content, new.schema, self.layout.file_format, self.store.uri_of(name))
