from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.landing.first_use import README, SINGLE_WRITER, check_conditional_writes
from airflow_provider_braze.landing.layout import Layout, ensure_layout, validate_layout
from airflow_provider_braze.landing.store import Store
from tests.plain_s3 import plain_s3

LAYOUT = Layout(1, "parquet", "UTC", "https://rest.fra-02.braze.eu")


@pytest.fixture
def store(destination) -> Store:
    return Store(destination.uri, destination.conn_id)


def test_store_with_conditional_writes_passes_each_check(store, destination):
    for _ in range(2):
        check_conditional_writes(store)
    assert store.has_conditional_writes
    assert list(destination.contents()) == [README]


def test_check_by_concurrent_runs_passes_for_all(destination):
    barrier = threading.Barrier(4)

    def check(_: int) -> bool:
        store = Store(destination.uri, destination.conn_id)
        barrier.wait()
        check_conditional_writes(store)
        return store.has_conditional_writes

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(check, range(4)))


@pytest.fixture(params=[(), ("if-none-match",)], ids=["ignores", "rejects"])
def plain(request, monkeypatch):
    """Yield an S3 server without conditional writes, and its connection."""
    with plain_s3(*request.param) as server:
        conn_id = f"plain_{server.server_port}"
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(server.connection))
        yield server, conn_id


def test_store_without_conditional_writes_is_rejected_with_the_setting_that_allows_it(plain):
    server, conn_id = plain
    store = Store("s3://lake/braze", conn_id)
    with pytest.raises(BrazeConfigError) as caught:
        validate_layout(store, LAYOUT)
    assert str(caught.value).startswith("The store of s3://lake/braze does not support conditional writes (it ")
    assert f"creating the object s3://lake/braze/{SINGLE_WRITER} with any content" in str(caught.value)
    assert server.objects.keys() <= {f"/lake/braze/{README}"}


def test_accepted_store_without_conditional_writes_works_for_one_writer(plain, caplog):
    server, conn_id = plain
    server.objects[f"/lake/braze/{SINGLE_WRITER}"] = b""
    store = Store("s3://lake/braze", conn_id)
    validate_layout(store, LAYOUT)
    assert "does not support conditional writes" in caplog.text
    ensure_layout(store, LAYOUT)
    assert json.loads(server.objects["/lake/braze/_braze/destination.json"])["conditional_writes"] is False
    store.update("a", lambda stored: b"one")
    store.update("a", lambda stored: stored.content + b", two")
    assert server.objects["/lake/braze/a"] == b"one, two"


def test_later_run_on_an_accepted_store_reads_that_from_the_layout(plain):
    server, conn_id = plain
    server.objects[f"/lake/braze/{SINGLE_WRITER}"] = b""
    first = Store("s3://lake/braze", conn_id)
    validate_layout(first, LAYOUT)
    ensure_layout(first, LAYOUT)
    del server.objects[f"/lake/braze/{SINGLE_WRITER}"]
    writes = server.writes
    later = Store("s3://lake/braze", conn_id)
    validate_layout(later, LAYOUT)
    assert not later.has_conditional_writes
    ensure_layout(later, LAYOUT)
    assert server.writes == writes


def test_store_that_rejects_checksum_headers_works_with_the_documented_setting(monkeypatch):
    with plain_s3("x-amz-checksum-", "x-amz-sdk-checksum-", "x-amz-trailer") as server:
        connection = server.connection
        monkeypatch.setenv("AIRFLOW_CONN_WITH_CHECKSUMS", json.dumps(connection))
        store = Store("s3://lake/braze", "with_checksums")
        store.accept_unconditional_writes()
        with pytest.raises(OSError, match=r"The store failed on s3://lake/braze/a: .*header"):
            store.write("a", b"1", None)
        settings = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"}
        connection["extra"]["config_kwargs"] = settings
        monkeypatch.setenv("AIRFLOW_CONN_WITHOUT_CHECKSUMS", json.dumps(connection))
        store = Store("s3://lake/braze", "without_checksums")
        store.write("a", b"1", None)
        assert server.objects == {"/lake/braze/a": b"1"}
