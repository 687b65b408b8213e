from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_braze.exceptions import BrazeConfigError, BrazeConflictError
from airflow_provider_braze.landing.store import ATTEMPTS, Store, VersionConflictError


@pytest.fixture
def store(destination) -> Store:
    return Store(destination.uri, destination.conn_id)


def test_read_of_nothing_is_none(store):
    assert store.read("a/b.txt") is None


def test_read_of_a_folder_is_none(store):
    store.write("a/b.txt", b"1", None)
    assert store.read("a") is None


def test_write_then_read_gives_the_content(store, destination):
    store.write("a/b.txt", b"one", None)
    assert store.read("a/b.txt").content == b"one"
    assert destination.contents() == {"a/b.txt": b"one"}


def test_write_with_the_version_read_replaces(store, destination):
    store.write("a", b"one", None)
    store.write("a", b"two", store.read("a").version)
    assert destination.contents() == {"a": b"two"}


def test_write_of_a_new_object_that_is_there_by_now_conflicts(store, destination):
    store.write("a", b"theirs", None)
    with pytest.raises(VersionConflictError):
        store.write("a", b"mine", None)
    assert destination.contents() == {"a": b"theirs"}


def test_write_over_a_changed_object_conflicts(store, destination):
    store.write("a", b"one", None)
    version = store.read("a").version
    store.write("a", b"two", version)
    with pytest.raises(VersionConflictError):
        store.write("a", b"mine", version)
    assert destination.contents() == {"a": b"two"}


def test_write_over_a_deleted_object_conflicts(store, destination):
    store.write("a", b"one", None)
    version = store.read("a").version
    store.delete("a")
    with pytest.raises(VersionConflictError):
        store.write("a", b"mine", version)
    assert destination.contents() == {}


def test_delete_of_nothing_is_no_error(store):
    store.delete("a")


def test_update_returns_whether_it_wrote(store):
    assert store.update("a", lambda stored: b"1") is True
    assert store.update("a", lambda stored: None) is False


def test_update_when_another_writer_was_faster_reads_again(store):
    store.write("a", b"0", None)
    rival = iter([b"0+rival"])

    def change(stored):
        for content in rival:
            store.write("a", content, stored.version)
        return stored.content + b"+mine"

    store.update("a", change)
    assert store.read("a").content == b"0+rival+mine"


def test_update_when_others_never_stop_gives_up_by_name(store):
    store.write("a", b"", None)
    calls = []

    def change(stored):
        calls.append(stored)
        store.write("a", stored.content + b"x", stored.version)
        return b"mine"

    with pytest.raises(BrazeConflictError, match=r"/a was changed by another writer"):
        store.update("a", change)
    assert len(calls) == ATTEMPTS
    assert store.read("a").content == b"x" * ATTEMPTS


def test_racing_writers_of_a_new_object_have_one_winner(store):
    writers = 8
    barrier = threading.Barrier(writers)

    def write(i: int) -> int:
        barrier.wait()
        try:
            store.write("a", str(i).encode(), None)
        except VersionConflictError:
            return 0
        return 1

    with ThreadPoolExecutor(writers) as pool:
        assert sum(pool.map(write, range(writers))) == 1


def test_racing_updates_lose_nothing(store, destination):
    writers = 3  # each loses at most twice, which is within its attempts
    barrier = threading.Barrier(writers)

    def append(i: int) -> None:
        barrier.wait()
        store.update("a", lambda stored: (stored.content if stored else b"") + bytes([i]))

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(append, range(writers)))
    assert sorted(destination.contents()["a"]) == list(range(writers))
    assert list(destination.contents()) == ["a"]


def test_uri_has_no_connection(store, destination):
    assert store.uri == destination.uri
    assert store.uri_of("a/b") == f"{destination.uri}/a/b"


class TestFiles:
    @pytest.fixture
    def destination_kind(self):
        return "file"

    def test_what_a_killed_writer_left_is_taken_over(self, store, destination, tmp_path):
        store.write("a/b", b"one", None)
        folder = tmp_path.glob("*/a").__next__()
        (folder / ".b.tmp").write_bytes(b"a long half of an object")
        store.write("a/b", b"two", store.read("a/b").version)
        assert destination.contents() == {"a/b": b"two"}

    def test_failed_write_leaves_the_old_object_alone(self, store, destination, monkeypatch):
        store.write("a", b"one", None)

        def full(*args):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.write", full)
        with pytest.raises(OSError, match="No space left"):
            store.write("a", b"two", store.read("a").version)
        monkeypatch.undo()
        assert destination.contents() == {"a": b"one"}


@pytest.mark.parametrize("destination", ["lake/braze", "/data/braze", ""])
def test_destination_without_scheme_is_refused(destination):
    with pytest.raises(BrazeConfigError, match="names no store"):
        Store(destination)


def test_destination_of_an_unknown_kind_is_refused():
    with pytest.raises(BrazeConfigError, match="cannot be used"):
        Store("quux://bucket/x")


def test_destination_whose_package_is_missing_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(BrazeConfigError, match="amazon"):
        Store("s3://bucket/x", "never_used_before")


class TestS3:
    @pytest.fixture
    def destination_kind(self):
        return "s3"

    def test_write_with_wrong_credentials_is_refused(self, destination, monkeypatch):
        import json
        import os

        wrong = json.loads(os.environ["AIRFLOW_CONN_AWS_DEFAULT"])
        monkeypatch.setenv("AIRFLOW_CONN_WRONG_S3", json.dumps({**wrong, "password": "wrong"}))
        with pytest.raises(PermissionError):
            Store(destination.uri, "wrong_s3").read("a")

    def test_write_into_a_missing_bucket_is_an_error(self, destination):
        with pytest.raises(FileNotFoundError):
            Store("s3://nobucket/x", destination.conn_id).write("a", b"1", None)

    def test_version_is_never_a_remembered_one(self, store, destination):
        store.write("a", b"one", None)
        store._fs.ls(destination.uri.removeprefix("s3://"))
        Store(destination.uri, destination.conn_id).update("a", lambda stored: b"two!")
        assert store.read("a").content == b"two!"
        store.write("a", b"three", store.read("a").version)
