"""Stores that deny access, time out or are full, and objects that are broken."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pytest

from airflow_provider_braze.exceptions import BrazeConfigError, BrazeDataError
from airflow_provider_braze.landing import store as store_module
from airflow_provider_braze.landing.formats import decode, encode
from airflow_provider_braze.landing.store import Store
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from tests.campaign_tables import SCHEMAS
from tests.faults.conftest import DAYS, NO_FAULT
from tests.faults.disk import FULL
from tests.faults.table import Case, Complete, Fails, each_case, fault

OBJECT = f"campaign_days/dt={DAYS[1]}/part-00-of-01.parquet"
DESTINATION = "_braze/destination.json"
LAYOUT = "_braze/campaigns/layout.json"
JOURNAL = "_braze/campaigns/journal/"
UNFINISHED = f"{JOURNAL}20261118T060000000000-00-1a2b3c4d-5e6f7a8b-0123456789ab.json"


@dataclass
class StoreFaults:
    """Faults of a store.

    :param before: called with operation and object name before the operation. It may raise an error.
    :param after: called with the same after the operation.
    """

    before: Callable[[str, str], None] = lambda operation, name: None
    after: Callable[[str, str], None] = lambda operation, name: None

    def end(self) -> None:
        """Make the store work again."""
        self.before = self.after = lambda operation, name: None


@pytest.fixture
def store_faults(monkeypatch) -> StoreFaults:
    """Return the faults of each store of this test."""
    found = StoreFaults()

    class FaultyStore(Store):
        def read(self, name):
            found.before("read", name)
            stored = super().read(name)
            found.after("read", name)
            return stored

        def write(self, name, content, expected):
            found.before("write", name)
            super().write(name, content, expected)
            found.after("write", name)

        def delete(self, name):
            found.before("delete", name)
            super().delete(name)
            found.after("delete", name)

        def list(self, folder):
            found.before("list", folder)
            return super().list(folder)

    monkeypatch.setattr(store_module, "Store", FaultyStore)
    return found


def failing(operation: str, part: str, error: OSError) -> Callable[[str, str], None]:
    """Return a function that fails an operation on objects with some text in their names."""

    def fail(wanted: str, name: str) -> None:
        if wanted == operation and part in name:
            raise error

    return fail


DENIED = PermissionError(errno.EACCES, "the bucket's policy denies it")
SLOW = TimeoutError("the store did not respond in time")
REJECTIONS: dict[str, Case] = {
    "write-of-an-object": Case(
        "the store rejects a request to write an object",
        Fails(PermissionError, note="the object is old, others may be new"),
        {"before": failing("write", OBJECT, DENIED)},
    ),
    "write-of-all-objects": Case(
        "the store rejects a request to write any data",
        Fails(PermissionError, note="all objects are old"),
        {"before": failing("write", "dt=", DENIED)},
    ),
    "write-of-the-record": Case(
        "the store rejects a request to write the record",
        Fails(PermissionError, writes_nothing=True),
        {"before": failing("write", JOURNAL, DENIED)},
    ),
    "time-out-after-the-write-of-the-record": Case(
        "the response to the write of the record is lost",
        Fails(TimeoutError, note="a retry lands the days, and reports them"),
        {"after": failing("write", JOURNAL, SLOW)},
    ),
    "list-of-the-records": Case(
        "the store rejects a request to list the records",
        Fails(PermissionError, writes_nothing=True),
        {"before": failing("list", JOURNAL.rstrip("/"), DENIED)},
    ),
    "write-of-the-details": Case(
        "the store rejects a request to write the details",
        Fails(PermissionError, note="the days have landed"),
        {"before": failing("write", "campaign_details/", DENIED)},
    ),
    "write-of-the-list": Case(
        "the store rejects a request to write the table of campaigns",
        Fails(PermissionError, note="the days have landed"),
        {"before": failing("write", "campaigns/campaigns", DENIED)},
    ),
    "read-of-an-object": Case(
        "the store rejects a request to read an object",
        Fails(PermissionError, note="the object is old, others may be new"),
        {"before": failing("read", OBJECT, DENIED)},
    ),
    "read-of-the-layout": Case(
        "the store rejects a request to read the layout",
        Fails(PermissionError, writes_nothing=True),
        {"before": failing("read", LAYOUT, DENIED)},
    ),
    "time-out-before-the-write": Case(
        "the store times out in an upload that is lost",
        Fails(TimeoutError, note="the object is old, others may be new"),
        {"before": failing("write", OBJECT, SLOW)},
    ),
    "time-out-after-the-write": Case(
        "the store times out in an upload that arrives nevertheless",
        Fails(TimeoutError, note="the object is new, and the next run reports its day"),
        {"after": failing("write", OBJECT, SLOW)},
    ),
    "time-out-of-a-read": Case(
        "the store times out in a read",
        Fails(TimeoutError, note="the object is old, others may be new"),
        {"before": failing("read", OBJECT, SLOW)},
    ),
}


@each_case("rejection", REJECTIONS)
def test_rejection(lake, store_faults, rejection):
    for name, function in rejection.items():
        setattr(store_faults, name, function)
    # A changed list, so that its table is written too.
    lake.destination.put("campaigns/campaigns.parquet", encode(SCHEMAS["campaigns"].empty_table(), "parquet"))
    lake.check_promise(NO_FAULT, then=store_faults.end, tables=[*CAMPAIGNS.default_tables, "campaign_details"])


FULL_DISKS = {
    "spool": Case(
        "the worker's disk is full while campaigns are fetched", Fails(OSError, writes_nothing=True), "spool"
    ),
    "destination": Case(
        "the disk of a `file://` destination is full",
        Fails(OSError, note="each object is whole, old or new"),
        "destination",
    ),
}
assert FULL_DISKS.keys() == {*FULL}


@each_case("place", FULL_DISKS)
def test_full_disk(lake, place):
    """Run in another process, because the limit on files would apply to pytest too."""

    def run_in_child() -> None:
        command = [sys.executable, "-m", "tests.faults.disk", place, lake.destination.uri, str(len(DAYS) - 1)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        reported = json.loads(done.stdout.splitlines()[-1])
        raise OSError(reported["errno"], reported["text"])

    error = lake.check_promise(NO_FAULT, instead=run_in_child)
    assert error.errno == errno.EFBIG
    assert not [name for name in lake.destination.contents() if name.endswith(".tmp")]


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def changed(content: bytes, change: Callable[[pa.Table], pa.Table]) -> bytes:
    table = decode(content, SCHEMAS["campaign_days"], "parquet", OBJECT).rows
    return encode(change(table), "parquet")


def as_text(name: str, value: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.schema.get_field_index(name), name, pa.array([value] * len(table)))


OBJECTS: dict[str, Case] = {
    "cut": Case("an object that is truncated", Fails(BrazeDataError, note="it is left as it is"), cut),
    "empty": Case("an object of 0 bytes", Fails(BrazeDataError, note="it is left as it is"), lambda content: b""),
    "no-parquet": Case(
        "an object that is not Parquet",
        Fails(BrazeDataError, note="it is left as it is"),
        lambda content: b"<html>Access denied</html>",
    ),
    "end-alone": Case(
        "an object whose beginning is missing",
        Fails(BrazeDataError, note="it is left as it is"),
        lambda content: content[len(content) // 2 :],
    ),
    "older": Case(
        "an object of an older schema",
        Complete("its missing columns are added"),
        lambda content: changed(content, lambda table: table.drop_columns(["conversions3", "other"])),
    ),
    "newer": Case(
        "an object of a newer schema",
        Fails(BrazeConfigError, permanent=True, note="it is left as it is"),
        lambda content: changed(content, lambda table: table.append_column("later", pa.array([1] * len(table)))),
    ),
    "other-type": Case(
        "an object with text instead of numbers",
        Fails(BrazeDataError, note="it is left as it is"),
        lambda content: changed(content, as_text("conversions", "many")),
    ),
}


@each_case("state", OBJECTS)
def test_object(lake, state):
    good = lake.destination.contents()[OBJECT]
    bad = state(good)
    lake.destination.put(OBJECT, bad)
    if lake.promise.is_complete:
        lake.check_promise(NO_FAULT)
    else:
        lake.check_promise(NO_FAULT, broken={OBJECT: good})


NOTES: dict[str, Case] = {
    # The metadata object, its new content (None: half of the old), and the number of the try that reads it.
    "layout-cut": Case("a layout that is truncated", Fails(BrazeDataError, writes_nothing=True), (LAYOUT, None, 1)),
    "layout-empty": Case("a layout of 0 bytes", Fails(BrazeDataError, writes_nothing=True), (LAYOUT, b"", 1)),
    "layout-is-a-list": Case(
        "a layout that is not an object", Fails(BrazeDataError, writes_nothing=True), (LAYOUT, b"[]", 1)
    ),
    "layout-of-another-version": Case(
        "a layout of another version",
        Fails(BrazeConfigError, permanent=True, writes_nothing=True),
        (LAYOUT, b'{"schema_version": 2}', 1),
    ),
    "destination-cut": Case(
        "a `destination.json` that is truncated", Fails(BrazeDataError, writes_nothing=True), (DESTINATION, None, 1)
    ),
    "destination-of-another-host": Case(
        "a destination of another host",
        Fails(BrazeConfigError, permanent=True, writes_nothing=True),
        (DESTINATION, b'{"host": "https://rest.iad-01.braze.com"}', 1),
    ),
    "record-cut": Case(
        "a record of another try that is truncated",
        Fails(BrazeDataError, writes_nothing=True),
        (UNFINISHED, b'{"state": "running", "run', 1),
    ),
    "record-empty": Case(
        "a record of another try of 0 bytes", Fails(BrazeDataError, writes_nothing=True), (UNFINISHED, b"", 1)
    ),
    "record-of-another-shape": Case(
        "a record of another try of another shape", Fails(BrazeDataError, writes_nothing=True), (UNFINISHED, b"[]", 1)
    ),
    "record-without-dates": Case(
        "a record of another try without dates",
        Fails(BrazeDataError, writes_nothing=True),
        (
            UNFINISHED,
            b'{"state": "failed", "settled": null, "writes": null, "changed_days": ["yesterday"], "run": {}, '
            b'"plan": {}, "tables": {}, "given": null, "fetched_at": "2026-11-19T05:59:00+00:00", "is_complete": true, '
            b'"subjects": {}, "restatement": {}, "drift": {}}',
            1,
        ),
    ),
}


@each_case("note", NOTES)
def test_metadata_object(lake, note):
    name, content, try_number = note
    good = lake.destination.contents()
    lake.destination.put(name, cut(good[name]) if content is None else content)

    def restore() -> None:
        if not lake.promise.is_complete:
            lake.destination.restore(good)

    lake.check_promise(NO_FAULT, then=restore, try_number=try_number)


@fault("another run lands the same days between a run's read and its write", Complete("the rows of both are there"))
def test_two_runs_on_overlapping_days(lake, store_faults):
    ours, theirs = lake.ids[:2], lake.ids[2:]
    landed: list[str] = []

    def run_another(operation: str, name: str) -> None:
        # Just after our run has read a day, another run lands this day and others.
        if operation == "read" and name == OBJECT and not landed:
            landed.append(name)
            lake.run(run_type="scheduled", campaign_ids=theirs, lookback_days=1)

    store_faults.after = run_another
    both = {place: (lake.old if place[0] in theirs and place[1] == DAYS[0] else lake.new)[place] for place in lake.new}
    lake.check_promise(NO_FAULT, expected=both, campaign_ids=ours)
    assert landed
