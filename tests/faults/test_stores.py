"""Stores that refuse, time out or fill up, and objects that are there but broken."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pytest

from airflow_provider_braze.landing import store as store_module
from airflow_provider_braze.landing.formats import decode, encode
from airflow_provider_braze.landing.store import Store
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from tests.campaign_tables import SCHEMAS
from tests.faults.conftest import DAYS, NO_FAULT
from tests.faults.disk import FULL

OBJECT = f"campaign_days/dt={DAYS[1]}/part-00-of-01.parquet"
DESTINATION = "_braze/destination.json"
LAYOUT = "_braze/campaigns/layout.json"
JOURNAL = "_braze/campaigns/journal/"
UNFINISHED = f"{JOURNAL}20261118T060000000000-00-1a2b3c4d-5e6f7a8b-0123456789ab.json"


@dataclass
class Trouble:
    """What a store does when it is asked for something.

    :param before: called with the operation and the object's name before it is done; raises to refuse it.
    :param after: the same, after it is done.
    """

    before: Callable[[str, str], None] = lambda operation, name: None
    after: Callable[[str, str], None] = lambda operation, name: None

    def end(self) -> None:
        """From now on the store is a good one."""
        self.before = self.after = lambda operation, name: None


@pytest.fixture
def trouble(monkeypatch) -> Trouble:
    """Return the trouble that each store of this test has."""
    found = Trouble()

    class Troubled(Store):
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

    monkeypatch.setattr(store_module, "Store", Troubled)
    return found


def refusing(operation: str, part: str, error: OSError) -> Callable[[str, str], None]:
    """Refuse an operation on objects with some text in their names."""

    def refuse(wanted: str, name: str) -> None:
        if wanted == operation and part in name:
            raise error

    return refuse


DENIED = PermissionError(errno.EACCES, "the bucket's policy denies it")
SLOW = TimeoutError("the store did not answer in time")
REFUSALS: dict[str, dict[str, Callable[[str, str], None]]] = {
    "write-of-an-object": {"before": refusing("write", OBJECT, DENIED)},
    "write-of-all-objects": {"before": refusing("write", "dt=", DENIED)},
    "write-of-the-record": {"before": refusing("write", JOURNAL, DENIED)},
    "time-out-after-the-write-of-the-record": {"after": refusing("write", JOURNAL, SLOW)},
    "list-of-the-records": {"before": refusing("list", JOURNAL.rstrip("/"), DENIED)},
    "write-of-the-details": {"before": refusing("write", "campaign_details/", DENIED)},
    "write-of-the-list": {"before": refusing("write", "campaigns/campaigns", DENIED)},
    "read-of-an-object": {"before": refusing("read", OBJECT, DENIED)},
    "read-of-the-layout": {"before": refusing("read", LAYOUT, DENIED)},
    "time-out-before-the-write": {"before": refusing("write", OBJECT, SLOW)},
    "time-out-after-the-write": {"after": refusing("write", OBJECT, SLOW)},
    "time-out-of-a-read": {"before": refusing("read", OBJECT, SLOW)},
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_refusal(lake, trouble, refusal):
    for name, function in REFUSALS[refusal].items():
        setattr(trouble, name, function)
    # Another list than before, so that its table is written too.
    lake.destination.put("campaigns/campaigns.parquet", encode(SCHEMAS["campaigns"].empty_table(), "parquet"))
    lake.keeps_its_promise(NO_FAULT, then=trouble.end, tables=[*CAMPAIGNS.default_tables, "campaign_details"])


@pytest.mark.parametrize("place", FULL)
def test_full_disk(lake, place):
    """In a process of its own, for the limit on files would be one for pytest too."""

    def run_in_child() -> None:
        command = [sys.executable, "-m", "tests.faults.disk", place, lake.destination.uri, str(len(DAYS) - 1)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        told = json.loads(done.stdout.splitlines()[-1])
        raise OSError(told["errno"], told["text"])

    error = lake.keeps_its_promise(NO_FAULT, instead=run_in_child)
    assert error.errno == errno.EFBIG
    assert not [name for name in lake.destination.contents() if name.endswith(".tmp")]


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def changed(content: bytes, change: Callable[[pa.Table], pa.Table]) -> bytes:
    table, _ = decode(content, SCHEMAS["campaign_days"], "parquet", OBJECT)
    return encode(change(table), "parquet")


def as_text(name: str, value: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.schema.get_field_index(name), name, pa.array([value] * len(table)))


OBJECTS: dict[str, Callable[[bytes], bytes]] = {
    "cut": cut,
    "empty": lambda content: b"",
    "no-parquet": lambda content: b"<html>Access denied</html>",
    "end-alone": lambda content: content[len(content) // 2 :],
    "older": lambda content: changed(content, lambda table: table.drop_columns(["conversions3", "other"])),
    "newer": lambda content: changed(content, lambda table: table.append_column("later", pa.array([1] * len(table)))),
    "other-type": lambda content: changed(content, as_text("conversions", "many")),
}


@pytest.mark.parametrize("state", OBJECTS)
def test_object(lake, state):
    good = lake.destination.contents()[OBJECT]
    bad = OBJECTS[state](good)
    lake.destination.put(OBJECT, bad)
    if lake.row.is_complete:
        lake.keeps_its_promise(NO_FAULT)
    else:
        lake.keeps_its_promise(NO_FAULT, broken={OBJECT: good})


NOTES: dict[str, tuple[str, bytes | None, int]] = {
    # The note, what stands in it (None: half of what did), and the number of the try that finds it.
    "layout-cut": (LAYOUT, None, 1),
    "layout-empty": (LAYOUT, b"", 1),
    "layout-is-a-list": (LAYOUT, b"[]", 1),
    "layout-of-another-version": (LAYOUT, b'{"schema_version": 2}', 1),
    "destination-cut": (DESTINATION, None, 1),
    "destination-of-another-host": (DESTINATION, b'{"host": "https://rest.iad-01.braze.com"}', 1),
    "record-cut": (UNFINISHED, b'{"state": "running", "run', 1),
    "record-empty": (UNFINISHED, b"", 1),
    "record-of-another-shape": (UNFINISHED, b"[]", 1),
    "record-without-dates": (
        UNFINISHED,
        b'{"state": "failed", "settled": null, "writes": null, "changed_days": ["yesterday"]}',
        1,
    ),
}


@pytest.mark.parametrize("note", NOTES)
def test_note(lake, note):
    name, content, try_number = NOTES[note]
    good = lake.destination.contents()
    lake.destination.put(name, cut(good[name]) if content is None else content)

    def mend() -> None:
        if not lake.row.is_complete:
            lake.destination.restore(good)

    lake.keeps_its_promise(NO_FAULT, then=mend, try_number=try_number)


def test_two_runs_on_overlapping_days(lake, trouble):
    ours, theirs = lake.ids[:2], lake.ids[2:]
    met: list[str] = []

    def run_another(operation: str, name: str) -> None:
        # Just after our run has read a day, another one lands it, and more.
        if operation == "read" and name == OBJECT and not met:
            met.append(name)
            lake.run(run_type="scheduled", campaign_ids=theirs, lookback_days=1)

    trouble.after = run_another
    both = {place: (lake.old if place[0] in theirs and place[1] == DAYS[0] else lake.new)[place] for place in lake.new}
    lake.keeps_its_promise(NO_FAULT, expected=both, campaign_ids=ours)
    assert met
