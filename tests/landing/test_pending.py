from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.landing.manifest import Pending
from airflow_provider_braze.landing.store import Store

NAME = "_braze/campaigns/pending/part-00-of-01.json"


def a_run(name="one", **others):
    return {"dag_id": "dag", "run_id": name, "task_id": "land", "map_index": -1, "try_number": 1, **others}


MONDAY, TUESDAY, WEDNESDAY = (date(2026, 11, day) for day in (16, 17, 18))


class Counting(Store):
    """A store that counts its writes."""

    writes = 0

    def write(self, name, content, expected):
        self.writes += 1
        super().write(name, content, expected)


@pytest.fixture
def store(destination) -> Counting:
    return Counting(destination.uri, destination.conn_id)


@pytest.fixture
def noted(destination):
    """Tell the days of the note that lies there, None when there is none."""

    def read() -> list[str] | None:
        content = destination.contents().get(NAME)
        if content is None:
            return None
        return sorted({day for days in json.loads(content)["runs"].values() for day in days})

    return read


def test_pending_that_nobody_notes_makes_no_object(store, destination):
    pending = Pending(store, NAME, a_run(), [MONDAY])
    pending.clear()
    assert pending.inherited == frozenset()
    assert destination.contents() == {}


def test_note_names_all_days_of_the_run_sorted(store, noted):
    Pending(store, NAME, a_run(), [WEDNESDAY, MONDAY]).note()
    assert noted() == ["2026-11-16", "2026-11-18"]


def test_note_by_many_threads_writes_once_and_before_any_goes_on(store, noted):
    pending = Pending(store, NAME, a_run(), [MONDAY])
    threads = 8
    barrier = threading.Barrier(threads)

    def note_and_look(_: int) -> list[str] | None:
        barrier.wait()
        pending.note()
        return noted()

    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(note_and_look, range(threads))) == [["2026-11-16"]] * threads
    assert store.writes == 1


def test_note_that_could_not_be_written_is_tried_again(destination, noted):
    class FailingOnce(Store):
        failures = 1

        def write(self, name, content, expected):
            if self.failures:
                self.failures -= 1
                raise OSError("no answer")
            super().write(name, content, expected)

    pending = Pending(FailingOnce(destination.uri, destination.conn_id), NAME, a_run(), [MONDAY])
    with pytest.raises(OSError, match="no answer"):
        pending.note()
    pending.note()
    assert noted() == ["2026-11-16"]


def test_clear_after_a_note_removes_it(store, destination):
    pending = Pending(store, NAME, a_run(), [MONDAY])
    pending.note()
    pending.clear()
    assert destination.contents() == {}


def test_clear_twice_is_no_error(store, destination):
    pending = Pending(store, NAME, a_run(), [MONDAY])
    pending.note()
    pending.clear()
    pending.clear()
    assert destination.contents() == {}


def test_pending_of_a_crashed_run_is_inherited_and_kept_until_cleared(store, noted):
    Pending(store, NAME, a_run(), [MONDAY, TUESDAY]).note()
    following = Pending(store, NAME, a_run("two"), [WEDNESDAY])
    assert following.inherited == {MONDAY, TUESDAY}
    following.note()
    assert noted() == ["2026-11-16", "2026-11-17", "2026-11-18"]
    following.clear()
    assert noted() is None


def test_pending_of_a_crashed_run_is_removed_by_one_that_changes_nothing(store, noted):
    Pending(store, NAME, a_run(), [MONDAY]).note()
    Pending(store, NAME, a_run("two"), [WEDNESDAY]).clear()
    assert noted() is None


def test_pending_of_two_crashed_runs_is_inherited_from_both(store):
    Pending(store, NAME, a_run(), [MONDAY]).note()
    Pending(store, NAME, a_run("two"), [TUESDAY]).note()
    assert Pending(store, NAME, a_run("three"), [WEDNESDAY]).inherited == {MONDAY, TUESDAY}


def test_clear_leaves_what_another_run_noted_meanwhile(store, noted):
    mine = Pending(store, NAME, a_run(), [MONDAY])
    mine.note()
    # Of the same days, too: a run that noted them and crashes must find a successor to tell them.
    theirs = Pending(store, NAME, a_run("two"), [MONDAY, TUESDAY])
    theirs.note()
    mine.clear()
    assert noted() == ["2026-11-16", "2026-11-17"]
    theirs.clear()
    assert noted() is None


def test_note_of_a_run_that_an_earlier_try_noted_has_the_days_of_both(store, noted):
    Pending(store, NAME, a_run(), [MONDAY]).note()
    again = Pending(store, NAME, a_run(try_number=2), [TUESDAY])
    again.note()
    assert again.inherited == {MONDAY}
    assert noted() == ["2026-11-16", "2026-11-17"]
    again.clear()
    assert noted() is None


def test_pending_of_another_part_is_none_of_ours(store, destination):
    Pending(store, "_braze/campaigns/pending/part-01-of-02.json", a_run(), [MONDAY]).note()
    pending = Pending(store, "_braze/campaigns/pending/part-00-of-02.json", a_run(), [MONDAY])
    assert pending.inherited == frozenset()
    pending.note()
    pending.clear()
    assert list(destination.contents()) == ["_braze/campaigns/pending/part-01-of-02.json"]


BROKEN = [b"", b"{", b"[]", b"null", b"{}", b'{"runs": 5}', b'{"runs": {"a": 5}}', b'{"runs": {"a": [5]}}', b"\xff"]
BROKEN += [b'{"runs": {"a": ["2026-02-30"]}}', b'{"runs": ["a"]}']


@pytest.mark.parametrize("content", BROKEN)
def test_pending_over_a_broken_note_is_a_data_error_and_keeps_it(store, destination, content):
    destination.put(NAME, content)
    with pytest.raises(BrazeDataError, match=r"cannot be read.*remove it") as caught:
        Pending(store, NAME, a_run(), [MONDAY])
    assert str(caught.value).startswith(f"{destination.uri}/{NAME}")
    assert destination.contents() == {NAME: content}
