from __future__ import annotations

import errno
import fcntl
import importlib
import logging
import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from airflow_provider_braze.exceptions import BrazeConfigError, BrazeConflictError
from airflow_provider_braze.landing.store import ANY_VERSION, ATTEMPTS, Store, VersionConflictError
from airflow_provider_braze.landing.stores.objects import Objects
from tests.gate import Gate


@pytest.fixture
def store(destination) -> Store:
    return Store(destination.uri, destination.conn_id)


def test_uri_has_the_account_where_containers_belong_to_one(store, destination_kind):
    assert store.account == {"abfs": "devstoreaccount1"}.get(destination_kind)


def test_read_of_a_missing_object_is_none(store):
    assert store.read("a/b.txt") is None


def test_read_of_a_folder_is_none(store):
    store.write("a/b.txt", b"1", None)
    assert store.read("a") is None


def test_write_then_read_returns_the_content(store, destination):
    store.write("a/b.txt", b"one", None)
    assert store.read("a/b.txt").content == b"one"
    assert destination.contents() == {"a/b.txt": b"one"}


def test_write_with_the_version_read_replaces(store, destination):
    store.write("a", b"one", None)
    store.write("a", b"two", store.read("a").version)
    assert destination.contents() == {"a": b"two"}


def test_write_of_a_new_object_that_now_exists_conflicts(store, destination):
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


def test_delete_of_a_missing_object_succeeds(store):
    store.delete("a")


def test_read_of_an_object_deleted_during_the_read_is_none(store, monkeypatch):
    store.write("a", b"1", None)
    version_of = store._objects.version

    def version_then_deleted(path):
        version = version_of(path)
        Store.delete(store, "a")
        return version

    monkeypatch.setattr(store._objects, "version", version_then_deleted)
    assert store.read("a") is None


def test_write_of_any_bytes_under_any_name_can_be_read(store, destination):
    content = random.Random(1).randbytes(300_000) + b"\r\n--\r\n\0"
    name = "a b/ä=%25+&?#.json"
    store.write(name, content, None)
    store.write(name, content + b"!", store.read(name).version)
    assert store.read(name).content == content + b"!"
    store.delete(name)
    assert destination.contents() == {}


def test_update_returns_whether_it_wrote(store):
    assert store.update("a", lambda stored: b"1") is True
    assert store.update("a", lambda stored: None) is False


def test_update_reads_again_after_another_write(store):
    store.write("a", b"0", None)
    rival = iter([b"0+rival"])

    def change(stored):
        for content in rival:
            store.write("a", content, stored.version)
        return stored.content + b"+mine"

    store.update("a", change)
    assert store.read("a").content == b"0+rival+mine"


def test_update_while_others_never_stop_gives_up_with_the_name(store):
    store.write("a", b"", None)
    calls = []

    def change(stored):
        calls.append(stored)
        store.write("a", stored.content + b"x", stored.version)
        return b"mine"

    with pytest.raises(BrazeConflictError, match=r"^Gave up writing .*/a after 4 attempts"):
        store.update("a", change)
    assert len(calls) == ATTEMPTS
    assert store.read("a").content == b"x" * ATTEMPTS


def test_concurrent_writers_of_a_new_object_have_one_winner(store):
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


def test_concurrent_updates_lose_nothing(store, destination):
    writers = 3  # each conflicts at most twice, which is within its attempts
    barrier = threading.Barrier(writers)

    def append(i: int) -> None:
        barrier.wait()
        store.update("a", lambda stored: (stored.content if stored else b"") + bytes([i]))

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(append, range(writers)))
    assert sorted(destination.contents()["a"]) == list(range(writers))
    assert list(destination.contents()) == ["a"]


def test_write_once_keeps_what_the_first_run_wrote_and_returns_it(store, destination):
    other = Store(destination.uri, destination.conn_id)
    assert store.read_once("a") is None
    assert store.write_once("a", b"one") == b"one"
    assert other.write_once("a", b"two") == b"one"
    assert destination.contents() == {"a": b"one"}


def test_write_once_after_a_read_makes_no_request(store, monkeypatch):
    store.write("a", b"one", None)
    assert store.read_once("a") == b"one"
    monkeypatch.setattr(store, "_objects", None)
    assert store.read_once("a") == b"one"
    assert store.write_once("a", b"two") == b"one"


def test_connection_in_the_address_is_used(destination):
    Store(destination.uri.replace("://", f"://{destination.conn_id or ''}@")).write("a", b"1", None)
    assert destination.contents() == {"a": b"1"}


def test_path_object_is_used_with_its_connection(destination):
    from airflow_provider_braze.task.airflow import ObjectStoragePath

    store = Store(ObjectStoragePath(destination.uri, conn_id=destination.conn_id))
    store.write("a", b"1", None)
    assert store.uri == destination.uri
    assert destination.contents() == {"a": b"1"}


def test_folder_name_of_any_script_is_one_folder(destination):
    store = Store(f"{destination.uri}/ü é/日本/a=b+c&d", destination.conn_id)
    store.write("a", b"1", None)
    store.write("a", b"2", store.read("a").version)
    assert destination.contents() == {"ü é/日本/a=b+c&d/a": b"2"}


def test_store_without_conditional_writes_compares_before_each_write(store, destination):
    assert store.has_conditional_writes
    store.accept_unconditional_writes()
    assert not store.has_conditional_writes
    store.write("a", b"zero", None)
    older = store.read("a").version
    store.write("a", b"one", older)
    for expected in (None, older):
        with pytest.raises(VersionConflictError):
            store.write("a", b"mine", expected)
    store.update("a", lambda stored: stored.content + b", two")
    assert destination.contents() == {"a": b"one, two"}


def test_uri_has_no_connection(store, destination):
    assert store.uri == destination.uri
    assert store.uri_of("a/b") == f"{destination.uri}/a/b"


@pytest.mark.stores("file")
class TestFiles:
    def test_temporary_file_of_a_killed_writer_is_overwritten(self, store, destination, tmp_path):
        store.write("a/b", b"one", None)
        folder = tmp_path.glob("*/a").__next__()
        (folder / ".b.tmp").write_bytes(b"a long half of an object")
        store.write("a/b", b"two", store.read("a/b").version)
        assert destination.contents() == {"a/b": b"two"}

    def test_failed_write_keeps_the_old_object(self, store, destination, monkeypatch):
        store.write("a", b"one", None)

        def full(*args):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.write", full)
        with pytest.raises(OSError, match="No space left"):
            store.write("a", b"two", store.read("a").version)
        monkeypatch.undo()
        assert destination.contents() == {"a": b"one"}

    def test_folder_without_permission_is_named(self, store, monkeypatch):
        def deny(*args, **kwargs):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(os, "open", deny)
        with pytest.raises(PermissionError, match=rf"^Access denied to {store.uri}/a using the default credentials: "):
            store.write("a", b"1", None)

    @pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP])
    def test_file_system_without_locks_is_rejected(self, store, destination, monkeypatch, code):
        monkeypatch.setattr(fcntl, "flock", _failing(OSError(code, "No locks")))
        with pytest.raises(OSError, match=r"The file system of .* has no file locks"):
            store.write("a", b"1", None)

    def test_lock_that_fails_otherwise_raises_that_error(self, store, monkeypatch):
        monkeypatch.setattr(fcntl, "flock", _failing(OSError(errno.EIO, "Broken disk")))
        with pytest.raises(OSError, match="Broken disk"):
            store.write("a", b"1", None)

    @pytest.mark.parametrize("is_recreated", [False, True])
    def test_lock_on_a_file_that_its_last_holder_removed_is_retried(
        self, store, destination, monkeypatch, is_recreated
    ):
        beside = Path(destination.uri.removeprefix("file://")) / ".a.tmp"
        lock = fcntl.flock
        holders = ["the last one"]

        def wait_for_lock(descriptor, operation):
            if holders:
                holders.pop()
                beside.unlink()
                if is_recreated:
                    beside.touch()
            lock(descriptor, operation)

        monkeypatch.setattr(fcntl, "flock", wait_for_lock)
        before = set(os.listdir("/proc/self/fd"))
        store.write("a", b"1", None)
        assert destination.contents() == {"a": b"1"}
        assert set(os.listdir("/proc/self/fd")) == before


def _failing(error):
    def fail(*args):
        raise error

    return fail


@pytest.mark.parametrize("destination", ["lake/braze", "/data/braze", ""])
def test_destination_without_scheme_is_rejected(destination):
    with pytest.raises(BrazeConfigError, match="does not name a store"):
        Store(destination)


def test_destination_of_an_unknown_kind_is_rejected():
    with pytest.raises(BrazeConfigError, match="cannot be used"):
        Store("quux://bucket/x")


def test_destination_that_a_newer_universal_pathlib_rejects_names_the_fix(monkeypatch):
    # Its 0.3 does so to Airflow before 3.2.
    def reject(*args, **kwargs):
        raise ValueError("ObjectStoragePath(...) detected protocol file which is incompatible with ObjectStoragePath.")

    monkeypatch.setattr("airflow_provider_braze.task.airflow.ObjectStoragePath", reject)
    with pytest.raises(BrazeConfigError, match=r"\. Install universal-pathlib<0\.3\.$"):
        Store("file:///data/braze")


def test_destination_whose_package_is_missing_names_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    monkeypatch.setenv("AIRFLOW_CONN_NEVER_USED_BEFORE", '{"conn_type": "aws"}')
    with pytest.raises(BrazeConfigError, match=r"Install airflow-provider-braze-analytics\[amazon\]"):
        Store("s3://bucket/x", "never_used_before")


def test_destination_whose_provider_is_missing_names_what_to_install(monkeypatch):
    # Its module depends on Airflow's version.
    io = importlib.import_module("airflow.sdk.io" if find_spec("airflow.sdk") else "airflow.io")
    monkeypatch.setattr(importlib.import_module(io.get_fs.__module__), "_register_filesystems", dict)
    monkeypatch.setenv("AIRFLOW_CONN_ANOTHER_NEVER_USED", '{"conn_type": "google_cloud_platform"}')
    with pytest.raises(BrazeConfigError, match=r"Install airflow-provider-braze-analytics\[google\]"):
        Store("gs://bucket/x", "another_never_used")


@pytest.mark.parametrize("destination", ["s3://lake/x", "file:///data/braze", "s3://aws_defualt@lake/x"])
def test_missing_connection_is_rejected_by_name(destination):
    with pytest.raises(BrazeConfigError, match=r"^The connection 'aws_defualt' of `object_storage_conn_id` does not"):
        Store(destination, "aws_defualt")


def error_response(status: bytes, content: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, len(content), content)


FORBIDDEN = error_response(b"403 Forbidden")
UPLOADS = "PUT|POST"


@pytest.mark.stores("s3", "abfs", "gs")
class TestObjectStores:
    @pytest.fixture
    def gate(self, destination_kind, endpoint_of):
        gate = Gate(endpoint_of(destination_kind))
        yield gate
        gate.close()

    @pytest.fixture
    def gated(self, gate, connect, destination):
        """Return the same store, accessed through the gate."""
        return Store(destination.uri, connect(gate.endpoint))

    def test_interrupted_upload_keeps_the_old_object(self, gate, gated, store, destination):
        store.write("a", b"one", None)
        version = gated.read("a").version
        gate.cut(UPLOADS, 400_000, error_response(b"400 Bad Request"))
        for name, expected in [("a", version), ("b", None)]:
            with pytest.raises(
                OSError, match=rf"The store failed on {store.uri}/{name}: .*(400|Bad Request)"
            ) as caught:
                gated.write(name, bytes(1_000_000), expected)
            assert not isinstance(caught.value, PermissionError)
        assert gate.cuts == 2
        assert destination.contents() == {"a": b"one"}

    def test_denied_write_loses_nothing_and_names_the_remedy(self, gate, gated, store, destination):
        store.write("a", b"one", None)
        version = gated.read("a").version
        gate.cut(UPLOADS, 0, FORBIDDEN)
        with pytest.raises(
            PermissionError,
            match=rf"^Access denied to {store.uri}/a using the connection 'store_.*: .* list, read, write and delete",
        ):
            gated.write("a", b"two", version)
        assert destination.contents() == {"a": b"one"}

    @pytest.mark.stores("s3")
    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (b"404 Not Found", b"NoSuchKey"),
            (b"409 Conflict", b"ConditionalRequestConflict"),
            (b"412 Precondition Failed", b"PreconditionFailed"),
        ],
    )
    def test_conflict_error_of_any_s3_is_a_conflict(self, gate, gated, store, status, code):
        store.write("a", b"one", None)
        version = gated.read("a").version
        gate.cut(UPLOADS, 0, error_response(status, b"<Error><Code>%s</Code><Message>No.</Message></Error>" % code))
        with pytest.raises(VersionConflictError):
            gated.write("a", b"two", version)

    def test_denied_read_is_not_a_missing_object(self, gate, gated, store):
        store.write("a", b"one", None)
        gate.cut("GET|HEAD", 0, FORBIDDEN)
        with pytest.raises(PermissionError, match=rf"^Access denied to {store.uri}/a using"):
            gated.read("a")

    def test_denied_delete_is_not_a_success(self, gate, gated, store, destination):
        store.write("a", b"one", None)
        gate.cut("DELETE|POST", 0, FORBIDDEN)
        with pytest.raises(PermissionError, match=rf"^Access denied to {store.uri}/a using"):
            gated.delete("a")
        assert destination.contents() == {"a": b"one"}

    @pytest.mark.stores("s3", "abfs")
    def test_wrong_secret_is_rejected(self, store, destination, connect):
        store.write("a", b"one", None)
        other = Store(destination.uri, connect(secret="d3Jvbmc="))
        for act in (other.read, other.delete, lambda name: other.write(name, b"two", None)):
            with pytest.raises(PermissionError, match=rf"^Access denied to {store.uri}/a using the connection 'store_"):
                act("a")
        assert destination.contents() == {"a": b"one"}

    @pytest.mark.stores("abfs", "gs")
    def test_anonymous_access_is_rejected(self, gate, gated, store):
        gate.cut("GET|HEAD", 0, error_response(b"401 Unauthorized"))
        with pytest.raises(PermissionError, match=rf"^Access denied to {store.uri}/a using"):
            gated.read("a")

    def test_missing_bucket_is_named(self, destination_kind, destination):
        missing = Store(f"{destination_kind}://nobucket/x", destination.conn_id)
        assert missing.read("a") is None
        missing.delete("a")
        with pytest.raises(FileNotFoundError, match=r"^Could not write .*://nobucket/x/a: .*Create the bucket"):
            missing.write("a", b"1", None)
        with pytest.raises(FileNotFoundError, match=r"^Could not write .*://nobucket/x/a: .*Create the bucket"):
            missing.write("a", b"1", ANY_VERSION)

    def test_cache_of_the_file_system_is_never_used(self, store, gated, destination):
        store.write("a", b"one", None)
        fs, path = store._objects.fs, destination.uri.partition("://")[2]
        fs.ls(path)
        # Another address, and so another file system with a cache of its own.
        gated.update("a", lambda stored: stored.content + b", two")
        gated.write("b", b"new", None)
        assert [info["size"] for info in fs.ls(path, detail=True)] == [3]
        assert store.read("b").content == b"new"
        store.update("a", lambda stored: stored.content + b", three")
        assert destination.contents() == {"a": b"one, two, three", "b": b"new"}

    @pytest.mark.stores("abfs")
    def test_client_does_not_log_each_request(self, store, caplog):
        with caplog.at_level(logging.INFO):
            store.write("a", b"one", None)
        assert caplog.records == []


class TestOtherStores:
    """Stores that are not known to check conditions, represented by the in-memory file system of fsspec."""

    @pytest.fixture
    def store(self, monkeypatch):
        from fsspec.implementations.memory import MemoryFileSystem

        from airflow_provider_braze.task.airflow import ObjectStoragePath

        # Its module depends on Airflow's version.
        monkeypatch.setenv("AIRFLOW_CONN_MEMORY_DEFAULT", '{"conn_type": "memory"}')
        attach = importlib.import_module(ObjectStoragePath.__module__).attach
        attach(protocol="memory", conn_id="memory_default", fs=MemoryFileSystem())
        store = Store("memory://lake/braze", "memory_default")
        yield store
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]

    def test_has_no_known_kind(self, store):
        assert type(store._objects) is Objects

    def test_objects_are_written_read_and_deleted(self, store):
        assert store.read("a/b") is None
        store.write("a/b", b"one", None)
        assert store.read("a/b").content == b"one"
        assert store.read("a") is None
        store.write("a/b", b"two", store.read("a/b").version)
        assert store.read("a/b").content == b"two"
        store.delete("a/b")
        assert store.read("a/b") is None
        store.delete("a/b")

    def test_changed_object_conflicts(self, store):
        store.write("a", b"one", None)
        version = store.read("a").version
        store.write("a", b"two", version)
        for expected in (version, None):
            with pytest.raises(VersionConflictError):
                store.write("a", b"mine", expected)
        assert store.read("a").content == b"two"

    @pytest.mark.parametrize("known", [{"ETag": "1"}, {"mtime": 1.5}, {"last_modified": 1}, {}])
    def test_version_uses_what_the_file_system_reports(self, known):
        class Listing:
            def invalidate_cache(self):
                self.is_fresh = True

            def info(self, path):
                assert self.is_fresh
                return {"name": path, "type": "file", "size": 3, **known}

        assert Objects(Listing()).version("a") == f"{next(iter(known.values()), '')}-3"
