from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone

import pytest

from airflow_provider_braze.exceptions import BrazeConfigError, BrazeConflictError, BrazeDataError
from airflow_provider_braze.landing import journal as journal_module
from airflow_provider_braze.landing.journal import Journal, changed_days, digest
from airflow_provider_braze.landing.store import Store, VersionConflictError
from airflow_provider_braze.landing.tries import Try

MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (16, 17, 18))
NOW = datetime(2026, 11, 19, 6, tzinfo=timezone.utc)
PLAN = {"window": {"start": "2026-11-16", "end": "2026-11-19"}, "rule": "", "lookback_days": 2, "timezone": "UTC"}
OPENING = {"plan": PLAN, "tables": {}, "given": None}
FINAL = {
    "is_complete": True,
    "subjects": {"failed": {}, "rejected": {}, "missing_days": {}},
    "details": None,
    "restatement": {},
    "drift": {},
    "fetches": [],
}


@pytest.fixture
def clock(monkeypatch):
    """Return a list whose only item is the journal's current time."""
    now = [NOW]

    def tick():
        now[0] += timedelta(milliseconds=1)
        return now[0]

    monkeypatch.setattr(journal_module, "now", tick)
    return now


@pytest.fixture
def store(destination) -> Store:
    return Store(destination.uri, destination.conn_id)


@pytest.fixture
def begin(store, clock):
    """Return a function that begins a try that lands Monday to Wednesday."""

    def start(run_id="one", try_number=1, *, task="land", part=0, days=(MONDAY, WEDNESDAY), store=store) -> Try:
        run = {"dag_id": "dag", "run_id": run_id, "task_id": task, "map_index": -1, "try_number": try_number}
        writes = {"start": str(days[0]), "end": str(days[1] + timedelta(days=1))} if days else None
        own_try = Try(Journal(store, "campaigns"), part, run, clock[0], clock[0], {**OPENING, "writes": writes})
        own_try.begin()
        return own_try

    return start


def succeed(own_try: Try, *changed: date) -> list[str]:
    """Finish a try successfully, and return the days that it reports."""
    report = own_try.report(own_try.look())
    days = sorted(f"{day}" for day in {*changed, *report.all_days})
    own_try.finish({**FINAL, "state": "success", "changed_days": days, "settled": report.settled})
    own_try.prune(of_all_tasks=True)
    return days


def fail(own_try: Try, *changed: date) -> None:
    own_try.finish({**FINAL, "state": "failed", "changed_days": [f"{day}" for day in changed]})


ALL = ["2026-11-16", "2026-11-17", "2026-11-18"]


def test_runs_over_one_window_have_separate_records(begin, store):
    first = begin(task="a")
    assert succeed(first, MONDAY) == ["2026-11-16"]
    assert succeed(begin(task="b")) == []
    read = Journal(store, "campaigns").read
    assert read(first.name).record["changed_days"] == ["2026-11-16"]


def test_days_of_a_killed_try_are_reported(begin):
    begin("killed")
    assert succeed(begin("next")) == ALL


def test_try_that_may_still_run_is_reported_by_each_run_until_it_ends(begin, clock):
    slow = begin("slow")
    assert succeed(begin("two")) == ALL
    assert succeed(begin("three")) == ALL
    fail(slow, TUESDAY)
    assert succeed(begin("four")) == ["2026-11-17"]
    assert succeed(begin("five")) == []


def test_killed_try_is_no_longer_reported_once_it_cannot_be_running(begin, clock):
    begin("killed")
    assert succeed(begin("two")) == ALL
    clock[0] += timedelta(hours=37)
    assert succeed(begin("three")) == ALL
    assert succeed(begin("four")) == []


def test_killed_second_try_is_not_settled_with_the_first(begin):
    fail(begin("a", 1), MONDAY)
    other = begin("b")
    begin("a", 2)
    assert succeed(other) == ALL
    assert succeed(begin("c")) == ALL


def test_try_over_another_window_is_reported(begin):
    begin("one", 1, days=(MONDAY, TUESDAY))
    assert succeed(begin("one", 2, days=(WEDNESDAY, WEDNESDAY))) == ["2026-11-16", "2026-11-17"]


def test_retry_reports_the_days_of_a_success_that_airflow_did_not_record(begin):
    assert succeed(begin("one", 1), MONDAY) == ["2026-11-16"]
    assert succeed(begin("other"), TUESDAY) == ["2026-11-17"]
    assert succeed(begin("one", 2)) == ["2026-11-16"]
    assert succeed(begin("two", 2)) == []


def test_each_task_reports_a_failed_try(begin):
    succeed(begin("one", task="a"))
    succeed(begin("one", task="b"))
    fail(begin("two", task="a"), MONDAY)
    assert succeed(begin("two", task="b")) == ["2026-11-16"]
    assert succeed(begin("three", task="a")) == ["2026-11-16"]
    assert succeed(begin("four", task="a")) == []


def test_parts_report_their_own_tries(begin):
    begin("killed", part=1)
    assert succeed(begin("next", part=0)) == []
    assert succeed(begin("next", part=1)) == ALL


def test_try_that_lasts_too_long_stops_writing(begin, clock):
    own_try = begin()
    own_try.note_write(MONDAY)
    clock[0] += timedelta(hours=25)
    with pytest.raises(BrazeConflictError, match="24 hours"):
        own_try.note_write(TUESDAY)


def test_old_records_are_removed(begin, clock, store):
    fail(begin("old"), MONDAY)
    clock[0] += timedelta(days=41)
    assert succeed(begin("new")) == ["2026-11-16"]
    assert len(Journal(store, "campaigns").names()) == 1


def test_run_without_days_removes_old_records_of_its_own_task_alone(begin, clock, store):
    fail(begin("old", task="days"), MONDAY)
    fail(begin("old", task="list"))
    clock[0] += timedelta(days=41)
    own_try = begin("new", task="list", days=None)
    own_try.look()
    own_try.prune(of_all_tasks=False)
    assert [name.task for name in Journal(store, "campaigns").names()] == [digest("dag", "days"), own_try.name.task]
    assert succeed(begin("new", task="days")) == ["2026-11-16"]


def test_record_whose_creation_was_retried_is_created_once(begin, destination):
    class Repeating(Store):
        def write(self, name, content, expected):
            super().write(name, content, expected)
            if "/journal/" in name and expected is None:
                raise VersionConflictError(name)

    own_try = begin(store=Repeating(destination.uri, destination.conn_id))
    assert succeed(own_try, MONDAY) == ["2026-11-16"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b'{"state": "running", "writes": {}}', b"\xff"])
def test_broken_record_raises_an_error_that_names_it(begin, store, destination, content):
    own_try = begin()
    name = "_braze/campaigns/journal/20261118T060000000000-00-1a2b3c4d-5e6f7a8b-0123456789ab.json"
    destination.put(name, content)
    with pytest.raises(BrazeDataError, match=r"Cannot read .*remove it"):
        own_try.look()


@pytest.mark.parametrize("key", ["run", "plan", "tables", "given", "fetched_at", "writes", "settled", "is_complete"])
def test_record_without_a_key_that_others_read_is_an_error_that_names_it(begin, store, destination, key):
    own_try = begin()
    fail(own_try)
    name = f"_braze/campaigns/journal/{own_try.name.text}"
    record = destination.record(f"{destination.uri}/{name}")
    del record[key]
    destination.put(name, json.dumps(record).encode())
    with pytest.raises(BrazeDataError, match=rf"Cannot read .*{own_try.name.text}.*remove it"):
        begin().look()


def test_foreign_objects_are_ignored(begin, destination):
    destination.put("_braze/campaigns/journal/notes.txt", b"")
    destination.put("_braze/campaigns/journal/20269999T999999999999-00-1a2b3c4d-5e6f7a8b-0123456789ab.json", b"")
    assert succeed(begin(), MONDAY) == ["2026-11-16"]


def test_changed_days_returns_each_try_once(begin, destination, clock):
    def since(cursor=None):
        return changed_days(destination.uri, cursor, object_storage_conn_id=destination.conn_id)

    assert since().days == []
    slow = begin("slow")
    succeed(begin("one", days=(MONDAY, MONDAY)), MONDAY)
    days, cursor = since()
    assert days == ALL
    assert since(cursor).days == []
    fail(slow, TUESDAY)
    days, cursor = since(cursor)
    assert days == ["2026-11-17"]
    begin("killed")
    assert since(cursor).days == []
    clock[0] += timedelta(hours=37)
    days, cursor = since(cursor)
    assert days == ALL
    assert since(cursor).days == []


@pytest.mark.parametrize("cursor", ["x", "2026-11-18", "."])
def test_changed_days_since_an_invalid_cursor_raises(destination, cursor):
    with pytest.raises(BrazeConfigError, match="Give the cursor"):
        changed_days(destination.uri, cursor, object_storage_conn_id=destination.conn_id)


def test_changed_days_of_a_misspelt_series_raises(destination):
    options = {"object_storage_conn_id": destination.conn_id}
    with pytest.raises(BrazeConfigError, match=r"'canvas' does not exist\. Use one of: .*canvases"):
        changed_days(destination.uri, series="canvas", **options)
    assert changed_days(destination.uri, series="canvases", **options).days == []


def test_changed_days_since_an_old_cursor_raises(destination, clock):
    _, cursor = changed_days(destination.uri, object_storage_conn_id=destination.conn_id)
    clock[0] += timedelta(days=36)
    with pytest.raises(BrazeConfigError, match="35 days"):
        changed_days(destination.uri, cursor, object_storage_conn_id=destination.conn_id)


def test_record_is_indented_json(begin, destination):
    own_try = begin()
    own_try.finish({**FINAL, "state": "failed", "changed_days": [], "error": "Été \ud83d"})
    (content,) = destination.contents().values()
    assert b'"error": "\xc3\x89t\xc3\xa9 \\ud83d"' in content
    assert destination.record(own_try.uri)["error"] == "Été \ud83d"
