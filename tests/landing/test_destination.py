from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.landing.destination import asset_uri, is_literal, resolve_destination, resolve_literal
from airflow_provider_braze.task.airflow import ObjectStoragePath


@pytest.mark.parametrize(
    ("destination", "conn_id", "resolved"),
    [
        ("s3://lake/braze", None, ("s3://lake/braze", None)),
        ("s3://lake/braze/", "lake", ("s3://lake/braze", "lake")),
        ("S3://lake", "", ("s3://lake", None)),
        ("s3://lake/braze", "None", ("s3://lake/braze", None)),
        ("s3://lake@bucket/braze", None, ("s3://bucket/braze", "lake")),
        ("s3://lake@bucket/braze", "lake", ("s3://bucket/braze", "lake")),
        ("gs://my_bucket.example/a@b", None, ("gs://my_bucket.example/a@b", None)),
        ("abfs://container/prefix", "wasb", ("abfs://container/prefix", "wasb")),
        ("s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/x", None, None),
        ("file:///data/braze/", None, ("file:///data/braze", None)),
        ("file:///data/ü é", None, ("file:///data/ü é", None)),
        (Path("/data/braze"), None, ("file:///data/braze", None)),
        (ObjectStoragePath("s3://lake/braze", conn_id="a"), None, ("s3://lake/braze", "a")),
        (ObjectStoragePath("s3://a@lake/braze"), "a", ("s3://lake/braze", "a")),
        (ObjectStoragePath("file:///data/braze"), None, ("file:///data/braze", None)),
    ],
    ids=str,  # pytest itself would look for a name, and so open the path's store
)
@pytest.mark.parametrize("resolve", [resolve_destination, resolve_literal])
def test_destination_is_parsed(resolve, destination, conn_id, resolved):
    assert resolve(destination, conn_id) == (resolved or (destination, conn_id))


@pytest.mark.parametrize(
    ("destination", "message"),
    [
        ("lake/braze", "does not name a store"),
        ("", "does not name a store"),
        ("file:/data/braze", "does not name a store"),
        ("file://data/braze", "does not have an absolute path"),
        ("file://localhost/data/braze", "does not have an absolute path"),
        ("file://", "does not have an absolute path"),
        ("file:///", "does not have an absolute path"),
        (Path("data/braze"), "does not have an absolute path"),
        ("s3://", "does not name a bucket or container"),
        ("s3:///braze", "does not name a bucket or container"),
        ("s3://bücket/braze", "does not name a bucket or container"),
        ("s3://[bucket/braze", "does not name a bucket or container"),
        ("abfss://raw@acme.dfs.core.windows.net/a/b", r"names a storage account\. Use abfs://raw/a/b, and"),
        ("abfs://acme.blob.core.windows.net/raw/a/", r"names a storage account\. Use abfs://raw/a, and"),
        ("abfs://acme.blob.core.windows.net", r"names a storage account\. Use abfs://container, and"),
        *(
            (f"{kind}://lake/{folder}", "as the name of a folder")
            for kind in ("s3", "gs", "abfs", "file:///x")
            for folder in ("a//b", "a/../b", "./a", " /a")
        ),
        *(
            (f"{kind}://lake/a{bad}b", "not all stores read as part of a name")
            for kind in ("s3", "gs", "abfs")
            for bad in ":[]?#%*\\\n\0\ud800"
        ),
        ("s3://lake/" + "a" * 900, "is longer than 900 characters"),
        ("s3://lake/" + "ü" * 200, "is longer than 900 characters"),
        (5, "`destination` is 5"),
        (None, "`destination` is None"),
        (["s3://lake"], r"`destination` is \['s3"),
    ],
)
@pytest.mark.parametrize("resolve", [resolve_destination, resolve_literal])
def test_unusable_destination_is_rejected(resolve, destination, message):
    if isinstance(destination, str):
        destination = destination.replace("file:///x://lake", "file:///lake")
    with pytest.raises(BrazeConfigError, match=message):
        resolve(destination)


@pytest.mark.parametrize("destination", ["s3://ours@lake/x", ObjectStoragePath("s3://lake/x", conn_id="ours")], ids=str)
def test_two_connections_are_rejected(destination):
    with pytest.raises(
        BrazeConfigError, match=r"names the connection 'ours', but `object_storage_conn_id` is 'theirs'"
    ):
        resolve_destination(destination, "theirs")


def test_credentials_in_the_address_are_rejected_and_not_shown():
    with pytest.raises(BrazeConfigError, match=r"'s3://lake/x' contains credentials") as caught:
        resolve_destination("s3://KEY:SECRET@lake/x")
    assert not {"KEY", "SECRET"} & set(str(caught.value).replace(":", " ").split())


class Output:
    """Output of another task: Airflow calls this method when the task runs."""

    def resolve(self, context):
        raise AssertionError


@pytest.mark.parametrize(
    ("destination", "conn_id", "kept"),
    [
        ("{{ var.value.lake }}", None, ("{{ var.value.lake }}", None)),
        ("file://{{ params.folder }}", None, ("file://{{ params.folder }}", None)),
        ("s3://lake/{% if x %}a{% endif %}", "lake", ("s3://lake/{% if x %}a{% endif %}", "lake")),
        ("s3://lake/x", "{{ params.conn }}", ("s3://lake/x", "{{ params.conn }}")),
        (ObjectStoragePath("s3://lake/{{ ds }}", conn_id="ours"), None, ("s3://ours@lake/{{ ds }}", None)),
        (Path("/data/{{ ds }}"), None, ("file:///data/{{ ds }}", None)),
    ],
    ids=str,
)
def test_template_is_resolved_at_run_time(destination, conn_id, kept):
    assert resolve_literal(destination, conn_id) == kept
    assert not (is_literal(destination) and is_literal(conn_id))


def test_output_of_another_task_is_resolved_at_run_time():
    output = Output()
    assert resolve_literal(output, "lake") == (output, "lake")
    assert resolve_literal("s3://lake/x", output) == ("s3://lake/x", output)
    assert not is_literal(output)


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("s3://lake/braze", "s3://lake/braze"),
        ("s3://lake/env=prod/a,b", "s3://lake/env=prod/a,b"),
        ("file:///data/ü é", "file:///data/%C3%BC%20%C3%A9"),
    ],
)
def test_asset_uri_is_accepted_by_airflows_server(address, uri):
    from airflow_provider_braze.task.airflow import Asset

    assert asset_uri(address) == uri
    assert uri.isascii()
    assert Asset(uri).uri == uri
