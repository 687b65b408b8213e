from __future__ import annotations

import io
import itertools
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_braze.exceptions import BrazeConfigError, BrazeConflictError, BrazeDataError
from airflow_provider_braze.landing import publish
from airflow_provider_braze.landing.formats import decode, encode
from airflow_provider_braze.landing.journal import Journal
from airflow_provider_braze.landing.layout import Layout
from airflow_provider_braze.landing.publish import LandedObject, Publisher
from airflow_provider_braze.landing.spool import Spool
from airflow_provider_braze.landing.store import ATTEMPTS, Store, VersionConflictError
from airflow_provider_braze.landing.tries import Try
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.tables.fingerprints import Fingerprint
from tests.campaign_tables import SCHEMAS
from tests.campaign_tables import TABLES as BY_NAME
from tests.landing.tables import DAY, days_of, table_of

NEXT = DAY + timedelta(days=1)
RUN = {"dag_id": "dag", "run_id": "run", "task_id": "land", "map_index": -1, "try_number": 1}
TABLES = ["campaign_days", "campaign_messages"]
JOURNAL = "_braze/campaigns/journal/"
WRITES = {"start": str(DAY), "end": str(NEXT + timedelta(days=1))}
LAYOUT = ("_braze/destination.json", "_braze/campaigns/layout.json")
READ = Spool.read


def name_of(table: str, day: date = DAY, extension: str = "parquet") -> str:
    return f"{table}/dt={day}/part-00-of-01.{extension}"


class Recording(Store):
    """A store that records the names of written objects in order, except the layout, which other tests cover."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.written: list[str] = []

    def write(self, name, content, expected):
        super().write(name, content, expected)
        if name not in LAYOUT:
            self.written.append(name)

    @property
    def data(self) -> list[str]:
        return [name for name in self.written if not name.startswith("_braze/")]


class Rival(Recording):
    """A store where another writer changes data objects just after they were read.

    :param changes: the contents that the other writer writes, in order.
    """

    changes: Sequence[bytes] = ()

    def read(self, name):
        stored = super().read(name)
        if self.changes and not name.startswith("_braze/"):
            change, *self.changes = self.changes
            Store.write(self, name, change, stored.version if stored else None)
        return stored


def a_try(store: Store) -> Try:
    now = datetime.now(timezone.utc)
    return Try(Journal(store, "campaigns"), 0, RUN, now, now, {"writes": WRITES})


@dataclass
class Lake:
    """A destination, and functions that land runs in it."""

    destination: Any
    file_format: str = "parquet"

    def store(self, kind: type[Store] = Recording) -> Any:
        return kind(self.destination.uri, self.destination.conn_id)

    def publisher(self, store: Store | None = None, check: Callable[[], None] = lambda: None) -> Publisher:
        store = store or self.store()
        layout = Layout(1, self.file_format, "UTC", "https://rest.fra-02.braze.eu")
        return Publisher(store, CAMPAIGNS, layout, 0, a_try(store), check)

    def land(
        self,
        *runs: dict[str, pa.Table],
        tables: Sequence[str] = TABLES,
        days: Sequence[date] | None = None,
        store: Store | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> list[LandedObject]:
        with Spool(CAMPAIGNS.tables, 100, 100) as spool:
            for run in runs:
                spool.add(run)
            return self.publisher(store, check).publish_days(
                spool, [BY_NAME[name] for name in tables], spool.days if days is None else days
            )

    def read(self, table: str, day: date = DAY) -> pa.Table:
        extension = "parquet" if self.file_format == "parquet" else "jsonl.gz"
        stored = self.store().read(name_of(table, day, extension))
        found, is_current, _ = decode(stored.content, SCHEMAS[table], self.file_format, "the test's")
        assert is_current
        return found

    def versions(self) -> dict[str, str]:
        store = self.store()
        return {name: store.read(name).version for name in self.destination.data()}


@pytest.fixture
def lake(destination) -> Lake:
    return Lake(destination)


def a_run(*campaign_ids: str, days: Sequence[date] = (DAY,), conversions: int = 1, messages: bool = True) -> dict:
    """Build the tables of some campaigns: a row a day, and one of email if there are messages."""
    places = [{"campaign_id": each, "day": day} for day in sorted(days) for each in sorted(campaign_ids)]
    return {
        "campaign_days": table_of("campaign_days", *({**place, "conversions": conversions} for place in places)),
        "campaign_messages": table_of(
            "campaign_messages",
            *({**place, "channel": "email", "position": 0, "sent": conversions} for place in places if messages),
        ),
    }


def conversions_in(table: pa.Table) -> dict[str, int]:
    return dict(zip(table.column("campaign_id").to_pylist(), table.column("conversions").to_pylist(), strict=True))


def landing_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("braze-landing")]


@pytest.mark.parametrize("file_format", ["parquet", "jsonl"])
def test_publish_days_in_an_empty_destination_writes_one_object_per_day_and_table(destination, file_format):
    lake = Lake(destination, file_format)
    landed = lake.land(a_run("b", "a", days=[DAY, NEXT]), a_run("c"))
    extension = {"parquet": "parquet", "jsonl": "jsonl.gz"}[file_format]
    assert [(item.table, item.day, item.rows) for item in landed] == [
        ("campaign_days", DAY, 3),
        ("campaign_messages", DAY, 3),
        ("campaign_days", NEXT, 2),
        ("campaign_messages", NEXT, 2),
    ]
    assert all(item.name == name_of(item.table, item.day, extension) and item.written for item in landed)
    assert {item.name: item.bytes for item in landed} == {key: len(value) for key, value in destination.data().items()}
    assert lake.read("campaign_days").equals(a_run("a", "b", "c")["campaign_days"])
    assert lake.read("campaign_messages", NEXT).equals(a_run("a", "b", days=[NEXT])["campaign_messages"])


@pytest.mark.parametrize("file_format", ["parquet", "jsonl"])
def test_publish_days_again_writes_nothing_and_returns_the_stored_objects(destination, file_format):
    lake = Lake(destination, file_format)
    first = lake.land(a_run("a", "b", days=[DAY, NEXT]))
    versions = lake.versions()
    store = lake.store()
    # In another order and other runs: only the rows count.
    again = lake.land(a_run("b", days=[NEXT]), a_run("b"), a_run("a", days=[DAY, NEXT]), store=store)
    assert store.data == []
    assert lake.versions() == versions
    assert [(i.name, i.rows, i.bytes, i.written) for i in again] == [(i.name, i.rows, i.bytes, False) for i in first]


def test_publish_days_again_neither_reads_the_spool_nor_decodes_an_object(lake, monkeypatch):
    run = a_run("a", "b", days=[DAY, NEXT])
    lake.land(run)
    decoded, read = [], []
    monkeypatch.setattr(publish, "decode", lambda *arguments: decoded.append(arguments) or decode(*arguments))
    monkeypatch.setattr(Spool, "read", lambda self, *arguments: read.append(arguments) or READ(self, *arguments))
    lake.land(run)
    assert (decoded, read) == ([], [])
    lake.land(a_run("a", "b", days=[DAY, NEXT], conversions=2))
    assert len(decoded) == 4
    assert read


def test_publish_days_after_campaigns_landed_one_by_one_contains_all_of_them(lake, monkeypatch):
    lake.land(a_run("b"))
    lake.land(a_run("a"))
    monkeypatch.setattr(publish, "decode", lambda *_: pytest.fail("It was decoded."))
    assert not any(item.written for item in lake.land(a_run("a", "b")))


def test_publish_days_restores_rows_that_another_writer_removed(lake, destination):
    lake.land(a_run("a", "b"))
    for table in TABLES:
        name = name_of(table)
        source = pa.BufferReader(destination.data()[name])
        fewer = pq.read_table(source).slice(1).replace_schema_metadata(pq.read_metadata(source).metadata)
        sink = io.BytesIO()
        pq.write_table(fewer, sink)
        destination.put(name, sink.getvalue())
    assert all(item.written for item in lake.land(a_run("a", "b")))
    assert lake.read("campaign_days").equals(a_run("a", "b")["campaign_days"])
    assert lake.read("campaign_messages").equals(a_run("a", "b")["campaign_messages"])


def test_publish_days_over_equal_rows_without_a_fingerprint_writes_nothing(lake, destination):
    run = a_run("a")
    for table in TABLES:
        destination.put(name_of(table), encode(run[table], "parquet"))
    assert not any(item.written for item in lake.land(run))


def test_publish_days_with_one_different_object_writes_only_that(lake):
    lake.land(a_run("a", "b", days=[DAY, NEXT], messages=False))
    before = lake.versions()
    store = lake.store()
    landed = lake.land(a_run("a", messages=False), a_run("a", days=[NEXT], conversions=2, messages=False), store=store)
    changed = name_of("campaign_days", NEXT)
    assert store.data == [changed]
    assert [item.name for item in landed if item.written] == [changed]
    after = lake.versions()
    assert {name for name in after if after[name] != before[name]} == {changed}


def test_publish_days_keeps_the_rows_of_campaigns_that_were_not_returned(lake):
    lake.land(a_run("a", "b", "c"))
    (days, messages) = lake.land(a_run("b", conversions=5))
    assert conversions_in(lake.read("campaign_days")) == {"a": 1, "b": 5, "c": 1}
    assert lake.read("campaign_messages").column("sent").to_pylist() == [1, 5, 1]
    assert (days.rows, messages.rows) == (3, 3)


def test_publish_days_of_a_campaign_returned_without_messages_drops_its_old_ones(lake):
    lake.land(a_run("a", "b"))
    lake.land(a_run("a", messages=False))
    assert lake.read("campaign_messages").column("campaign_id").to_pylist() == ["b"]
    assert conversions_in(lake.read("campaign_days")) == {"a": 1, "b": 1}


def test_publish_days_of_messages_alone_drops_messages_of_returned_campaigns(lake):
    lake.land(a_run("a", "b"))
    lake.land(a_run("a", conversions=9, messages=False), tables=["campaign_messages"])
    assert lake.read("campaign_messages").column("campaign_id").to_pylist() == ["b"]
    assert conversions_in(lake.read("campaign_days")) == {"a": 1, "b": 1}


def test_publish_days_of_equal_rows_over_an_older_schema_rewrites_them(lake, destination):
    run = a_run("a")["campaign_days"]
    destination.put(name_of("campaign_days"), encode(run.drop_columns(["other"]), "parquet"))
    (landed,) = lake.land({"campaign_days": run}, tables=["campaign_days"])
    assert landed.written
    assert lake.read("campaign_days").equals(run)


def test_publish_days_without_rows_over_an_older_schema_rewrites_them(lake, destination):
    older = SCHEMAS["campaign_messages"].empty_table().drop_columns(["other"])
    destination.put(name_of("campaign_messages"), encode(older, "parquet", Fingerprint()))
    (landed,) = lake.land(a_run("a", messages=False), tables=["campaign_messages"])
    assert landed.written
    assert lake.read("campaign_messages").num_rows == 0


def test_publish_days_without_rows_writes_empty_objects(lake, destination):
    landed = lake.land(days=[DAY, NEXT])
    assert sorted(destination.data()) == sorted(name_of(table, day) for table in TABLES for day in (DAY, NEXT))
    assert all(item.written and item.rows == 0 and item.bytes > 0 for item in landed)
    assert lake.read("campaign_days").num_rows == 0
    store = lake.store()
    assert not any(item.written for item in lake.land(days=[DAY, NEXT], store=store))
    assert store.data == []


def test_publish_days_without_rows_keeps_stored_rows(lake):
    lake.land(a_run("a"))
    before = lake.versions()
    landed = lake.land(days=[DAY])
    assert [item.rows for item in landed] == [1, 1]
    assert lake.versions() == before


def test_publish_days_of_no_days_writes_nothing(lake, destination):
    assert lake.land() == []
    assert destination.contents() == {}


def test_publish_days_of_many_days_writes_each_with_its_own_rows(lake, destination):
    days = [DAY + timedelta(days=i) for i in range(25)]
    landed = lake.land(*({**a_run(f"c{day}", days=[day])} for day in days), a_run("all", days=days))
    assert [(item.day, item.rows) for item in landed] == [(day, 2) for day in days for _ in TABLES]
    assert len(destination.data()) == 50
    for day in days:
        assert lake.read("campaign_days", day).column("campaign_id").to_pylist() == ["all", f"c{day}"]


def test_publish_days_records_the_days_once_before_the_first_data(lake, destination):
    store = lake.store()
    lake.land(a_run("a", "b", days=[DAY, NEXT]), store=store)
    (record,) = (name for name in store.written if name.startswith(JOURNAL))
    assert store.written.index(record) < store.written.index(store.data[0])
    content = json.loads(destination.contents()[record])
    assert (content["state"], content["writes"], content["run"]) == ("running", WRITES, RUN)


def test_publish_days_writes_no_data_when_the_record_fails(lake, destination):
    class WithoutRecords(Recording):
        def write(self, name, content, expected):
            if name.startswith(JOURNAL):
                raise PermissionError(name)
            super().write(name, content, expected)

    with pytest.raises(PermissionError):
        lake.land(a_run("a", days=[DAY, NEXT]), store=lake.store(WithoutRecords))
    assert destination.data() == {}
    assert landing_threads() == []


def test_publish_days_while_another_writes_the_same_object_keeps_the_rows_of_both(lake):
    lake.land(a_run("a"), tables=["campaign_days"])
    store = lake.store(Rival)
    store.changes = [encode(days_of("a", "z", conversions=7), "parquet")]
    (landed,) = lake.land(a_run("b"), tables=["campaign_days"], store=store)
    assert conversions_in(lake.read("campaign_days")) == {"a": 7, "b": 1, "z": 7}
    assert (landed.rows, landed.bytes) == (3, len(store.read(landed.name).content))


def test_publish_days_while_another_creates_the_same_object_keeps_the_rows_of_both(lake):
    store = lake.store(Rival)
    store.changes = [encode(days_of("z", conversions=7), "parquet")]
    lake.land(a_run("b"), tables=["campaign_days"], store=store)
    assert conversions_in(lake.read("campaign_days")) == {"b": 1, "z": 7}


def test_publish_days_after_another_wrote_the_same_rows_writes_nothing_and_reports_the_day(lake):
    store = lake.store(Rival)
    theirs = encode(a_run("a")["campaign_days"], "parquet")
    store.changes = [theirs]
    (landed,) = lake.land(a_run("a"), tables=["campaign_days"], store=store)
    assert (landed.written, landed.rows, landed.bytes) == (True, 1, len(theirs))
    assert store.data == []


def test_publish_days_reports_the_day_when_the_response_to_a_write_was_lost(lake):
    class LosingResponses(Recording):
        def write(self, name, content, expected):
            super().write(name, content, expected)
            if not name.startswith(JOURNAL):
                raise VersionConflictError(name)

    store = lake.store(LosingResponses)
    (landed,) = lake.land(a_run("a"), tables=["campaign_days"], store=store)
    assert (landed.written, landed.rows) == (True, 1)
    assert store.data == [landed.name]


def restated_by(lake, *runs, store=None, times=1):
    """Land runs with one publisher, and return the conversions before and after, with rows and changed rows, by day."""
    publisher = lake.publisher(store)
    with Spool(CAMPAIGNS.tables, 100, 100, None, CAMPAIGNS.main_figures) as spool:
        for run in runs:
            spool.add(run)
        for _ in range(times):
            publisher.publish_days(spool, [BY_NAME[name] for name in TABLES], spool.days)
    return {
        day: (found.rows, found.changed, *found.figures["conversions"])
        for day, found in publisher.restated.items()
        if found.rows
    }


@pytest.mark.parametrize("file_format", ["parquet", "jsonl"])
def test_restated_counts_compared_and_changed_rows_of_each_day(destination, file_format):
    lake = Lake(destination, file_format)
    lake.land(a_run("a", "b", "z", days=[DAY, NEXT]))
    later = NEXT + timedelta(days=1)
    runs = a_run("a", "c", days=[DAY, later], conversions=4), a_run("b", days=[DAY, NEXT])
    assert restated_by(lake, *runs) == {DAY: (2, 1, 2, 5), NEXT: (1, 0, 1, 1)}


def test_restated_of_an_object_that_is_not_decoded_has_the_sums_of_all_batches(lake, monkeypatch):
    lake.land(a_run("a", "b"), a_run("c", conversions=5))
    monkeypatch.setattr(publish, "decode", None)
    assert restated_by(lake, a_run("c", conversions=5), a_run("a", "b")) == {DAY: (3, 0, 7, 7)}


def test_restated_of_a_day_published_again_equals_the_first(lake):
    lake.land(a_run("a"))
    assert restated_by(lake, a_run("a", conversions=4), times=2) == {DAY: (1, 1, 1, 4)}


def test_restated_of_a_first_landing_published_again_is_nothing(lake):
    assert restated_by(lake, a_run("a"), times=2) == {}


def test_restated_of_an_object_that_another_tool_rewrote_in_its_own_types(lake, destination):
    lake.land(a_run("a"))
    name = name_of("campaign_days")
    rows = pq.read_table(pa.BufferReader(destination.contents()[name]))
    sink = pa.BufferOutputStream()
    pq.write_table(rows.set_column(0, "campaign_id", rows.column(0).cast(pa.large_string())), sink)
    destination.put(name, sink.getvalue().to_pybytes())
    assert restated_by(lake, a_run("a", conversions=4)) == {DAY: (1, 1, 1, 4)}


def test_restated_of_a_write_whose_response_was_lost_is_that_of_the_first_attempt(lake):
    class LosingResponses(Recording):
        def write(self, name, content, expected):
            super().write(name, content, expected)
            if name.startswith("campaign_"):
                raise VersionConflictError(name)

    lake.land(a_run("a", "z"))
    store = lake.store(LosingResponses)
    assert restated_by(lake, a_run("a", conversions=4), store=store) == {DAY: (1, 1, 1, 4)}
    assert store.data == [name_of("campaign_days"), name_of("campaign_messages")]


def test_restated_after_another_writer_landed_in_between_is_against_its_rows(lake):
    lake.land(a_run("a"))
    store = lake.store(Rival)
    store.changes = [encode(days_of("a", conversions=3), "parquet")]
    assert restated_by(lake, a_run("a", conversions=4), store=store) == {DAY: (1, 1, 3, 4)}


def test_publish_days_while_another_never_stops_is_a_conflict_and_keeps_their_rows(lake):
    lake.land(a_run("a"), tables=["campaign_days"])
    store = lake.store(Rival)
    store.changes = [encode(days_of("a", conversions=100 + i), "parquet") for i in range(ATTEMPTS)]
    with pytest.raises(BrazeConflictError, match=name_of("campaign_days")):
        lake.land(a_run("b"), tables=["campaign_days"], store=store)
    assert conversions_in(lake.read("campaign_days")) == {"a": 100 + ATTEMPTS - 1}
    assert landing_threads() == []


def test_publish_days_of_two_concurrent_runs_loses_no_row(lake):
    barrier = threading.Barrier(2)

    def run(campaign_id: str) -> list[LandedObject]:
        return lake.land(a_run(campaign_id), tables=["campaign_days"], store=lake.store(), check=barrier.wait)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, ["a", "b"]))
    assert conversions_in(lake.read("campaign_days")) == {"a": 1, "b": 1}


def test_publish_days_with_a_check_that_raises_stops_between_two_objects(lake, destination):
    calls = itertools.count()

    def check() -> None:
        if next(calls) >= 3:
            raise BrazeConfigError("stopped")

    days = [DAY + timedelta(days=i) for i in range(6)]
    with pytest.raises(BrazeConfigError, match="stopped"):
        lake.land(a_run("a", "b", days=days), check=check)
    assert landing_threads() == []
    contents = destination.data()
    assert len(contents) == 3
    for name, content in contents.items():
        table = name.split("/")[0]
        assert decode(content, SCHEMAS[table], "parquet", name)[0].num_rows == 2
    assert any(name.startswith(JOURNAL) for name in destination.contents())


def test_publish_days_over_a_broken_object_names_it_and_does_not_overwrite_it(lake, destination):
    name = name_of("campaign_days", NEXT)
    destination.put(name, b"<html>")
    with pytest.raises(BrazeDataError, match="cannot be read as parquet") as caught:
        lake.land(a_run("a", days=[DAY, NEXT]))
    assert str(caught.value).startswith(f"{destination.uri}/{name}")
    assert destination.contents()[name] == b"<html>"
    assert landing_threads() == []


def test_publish_days_after_an_error_does_not_start_queued_objects(lake, destination):
    days = [DAY + timedelta(days=i) for i in range(300)]
    destination.put(name_of("campaign_days"), b"<html>")
    with pytest.raises(BrazeDataError):
        lake.land(a_run("a", days=days))
    assert len(destination.data()) < 2 * len(days)


def test_publish_days_does_not_overwrite_an_object_of_a_newer_version(lake, destination):
    newer = a_run("a")["campaign_days"].append_column("later", pa.array([1]))
    content = encode(newer, "parquet")
    destination.put(name_of("campaign_days"), content)
    with pytest.raises(BrazeConfigError, match="'later'"):
        lake.land(a_run("a", conversions=2))
    assert destination.contents()[name_of("campaign_days")] == content


def campaigns(*rows: dict[str, Any]) -> pa.Table:
    return table_of("campaigns", *rows)


@pytest.mark.parametrize("file_format", ["parquet", "jsonl"])
def test_publish_whole_replaces_the_table_and_drops_unlisted_campaigns(destination, file_format):
    lake = Lake(destination, file_format)
    extension = {"parquet": "parquet", "jsonl": "jsonl.gz"}[file_format]
    lake.publisher().publish_whole(
        BY_NAME["campaigns"], campaigns({"campaign_id": "a", "tags": ["x"]}, {"campaign_id": "b"})
    )
    current = campaigns({"campaign_id": "b", "tags": []}, {"campaign_id": "c", "tags": ["y", None]})
    landed = lake.publisher().publish_whole(BY_NAME["campaigns"], current)
    ((name, content),) = destination.data().items()
    assert landed == LandedObject("campaigns", None, f"campaigns/campaigns.{extension}", 2, len(content), True)
    assert name == landed.name
    assert decode(content, SCHEMAS["campaigns"], file_format, name) == (current, True, frozenset())


def test_publish_whole_of_the_same_table_writes_nothing(lake):
    table = campaigns({"campaign_id": "a", "tags": ["x", None]}, {"campaign_id": "b"})
    first = lake.publisher().publish_whole(BY_NAME["campaigns"], table)
    store = lake.store()
    again = lake.publisher(store).publish_whole(BY_NAME["campaigns"], table)
    assert store.data == []
    assert (again.written, again.rows, again.bytes) == (False, 2, first.bytes)


@pytest.mark.parametrize("broken", [b"", b"<html>"])
def test_publish_whole_over_a_broken_object_replaces_it(lake, destination, broken, caplog):
    """All of its rows were listed again, so nothing in it is missed."""
    destination.put("campaigns/campaigns.parquet", broken)
    table = campaigns({"campaign_id": "a"})
    assert lake.publisher().publish_whole(BY_NAME["campaigns"], table).written
    assert destination.data() == {"campaigns/campaigns.parquet": encode(table, "parquet")}
    assert f"Replacing {destination.uri}/campaigns/campaigns.parquet, which cannot be read: " in caplog.text


def test_publish_whole_over_an_object_of_a_newer_version_leaves_it(lake, destination):
    content = encode(campaigns({"campaign_id": "a"}).append_column("later", pa.array([1])), "parquet")
    destination.put("campaigns/campaigns.parquet", content)
    with pytest.raises(BrazeConfigError, match="'later'"):
        lake.publisher().publish_whole(BY_NAME["campaigns"], campaigns({"campaign_id": "b"}))
    assert destination.data() == {"campaigns/campaigns.parquet": content}


def test_publish_whole_of_an_empty_table_writes_an_empty_object(lake, destination):
    assert lake.publisher().publish_whole(BY_NAME["campaigns"], campaigns()).rows == 0
    assert list(destination.data()) == ["campaigns/campaigns.parquet"]


def test_publish_whole_overwrites_a_concurrent_write(lake):
    store = lake.store(Rival)
    store.changes = [encode(campaigns({"campaign_id": "theirs"}), "parquet")]
    lake.publisher(store).publish_whole(BY_NAME["campaigns"], campaigns({"campaign_id": "mine"}))
    assert lake.destination.table("campaigns").column("campaign_id").to_pylist() == ["mine"]


def test_publish_whole_with_a_check_that_raises_writes_nothing(lake, destination):
    def check() -> None:
        raise BrazeConfigError("stopped")

    with pytest.raises(BrazeConfigError, match="stopped"):
        lake.publisher(check=check).publish_whole(BY_NAME["campaigns"], campaigns({"campaign_id": "a"}))
    assert destination.contents() == {}


def test_write_whose_response_was_lost_is_reported_as_a_change(destination, tmp_path):
    """The store wrote the object, but the client received an error and, on its retry, a conflict with that object."""

    class LosingResponses(Store):
        def write(self, name, content, expected):
            super().write(name, content, expected)
            if "dt=" in name:
                raise VersionConflictError(name)

    store = LosingResponses(destination.uri, destination.conn_id)
    layout = Layout(1, "parquet", "UTC", "https://rest.iad-01.braze.com")
    publisher = Publisher(store, CAMPAIGNS, layout, 0, a_try(store), lambda: None)
    with Spool([BY_NAME["campaign_days"]], 1, 100, str(tmp_path)) as spool:
        spool.add({"campaign_days": days_of("a")})
        (landed,) = publisher.publish_days(spool, [BY_NAME["campaign_days"]], [DAY])
    assert landed.written
