"""Destinations on real stores, as fixtures: local files, and S3 by a SeaweedFS server on loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BUCKET = "lake"
SERVERS: set[int] = set()
"""Processes that serve all tests of a session, and so outlive the one that first needed them."""


@dataclass(frozen=True)
class Destination:
    """A fresh place to land in, and a plain view of what lies there."""

    uri: str
    conn_id: str | None

    @property
    def _fs(self):
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        fs = ObjectStoragePath(self.uri, conn_id=self.conn_id).fs
        fs.invalidate_cache()
        return fs

    @property
    def _root(self) -> str:
        return self.uri.removeprefix("file://").removeprefix("s3://")

    def contents(self) -> dict[str, bytes]:
        """Every object by its name, hidden and temporary ones too."""
        fs, root = self._fs, self._root
        if self.uri.startswith("file://"):
            found = [str(path) for path in Path(root).rglob("*") if path.is_file()]
        else:
            # SeaweedFS goes on to list a folder whose last object was deleted.
            found = [path for path in fs.find(root) if path != root]
        return {path.removeprefix(root).lstrip("/"): fs.cat_file(path) for path in found}

    def data(self) -> dict[str, bytes]:
        """The data objects alone."""
        return {name: content for name, content in self.contents().items() if not name.startswith("_braze/")}

    def put(self, name: str, content: bytes) -> None:
        path = f"{self._root}/{name}"
        if self.uri.startswith("file://"):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._fs.pipe_file(path, content)

    def restore(self, contents: dict[str, bytes]) -> None:
        """Make the destination hold just these objects."""
        for name in self.contents().keys() - contents.keys():
            self._fs.rm_file(f"{self._root}/{name}")
        for name, content in contents.items():
            self.put(name, content)

    def table(self, name: str):
        """All rows of a table, as Arrow."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        objects = sorted((key, value) for key, value in self.data().items() if key.startswith(f"{name}/"))
        return pa.concat_tables([pq.read_table(pa.BufferReader(content)) for _, content in objects])

    def manifest(self, uri: str) -> dict:
        return json.loads(self.contents()[uri.removeprefix(self.uri).lstrip("/")])


def connection_of_the_readme(endpoint: str, key: str, secret: str) -> str:
    """The S3 connection as README.md shows it, with this server's address and keys."""
    (text,) = re.findall(r"^export AIRFLOW_CONN_AWS_DEFAULT='(.*)'$", README.read_text(), flags=re.M)
    connection = json.loads(text)
    assert {"login", "password"} <= connection.keys()
    assert "endpoint_url" in connection["extra"]
    connection.update(login=key, password=secret)
    connection["extra"]["endpoint_url"] = endpoint
    return json.dumps(connection)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory) -> Iterator[str]:
    """An S3 server of its own, as the value of AIRFLOW_CONN_AWS_DEFAULT."""
    folder = tmp_path_factory.mktemp("seaweedfs")
    ports = _free_ports(8)
    names = ["s3.port", "master.port", "volume.port", "filer.port", "master.port.grpc", "volume.port.grpc"]
    names += ["filer.port.grpc", "s3.port.grpc"]
    command = [
        shutil.which("weed", path=os.path.dirname(sys.executable)) or "weed",
        "mini",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-admin.ui=false",
        "-webdav=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-bucket={BUCKET}",
        "-s3.autoCreateBucket=false",
        *(f"-{name}={port}" for name, port in zip(names, ports, strict=True)),
    ]
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "lakekey", "AWS_SECRET_ACCESS_KEY": "lakesecret"}
    with ExitStack() as stack:
        log = stack.enter_context(open(folder / "log", "wb"))
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
        stack.callback(server.wait)
        # Killed, for it would take half a minute to end by itself, and its data is thrown away.
        stack.callback(server.kill)
        SERVERS.add(server.pid)
        endpoint = f"http://127.0.0.1:{ports[0]}"
        _await_bucket(endpoint, server, folder / "log")
        yield connection_of_the_readme(endpoint, "lakekey", "lakesecret")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _await_bucket(endpoint: str, server: subprocess.Popen, log: Path) -> None:
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="lakekey",
        aws_secret_access_key="lakesecret",
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 30, "mode": "standard"}, connect_timeout=2, read_timeout=5),
    )
    for _ in range(300):
        try:
            client.head_bucket(Bucket=BUCKET)
            break
        except client.exceptions.ClientError:
            # It answers before it has made the bucket.
            with suppress(subprocess.TimeoutExpired):
                server.wait(0.1)
    else:
        raise RuntimeError(f"The S3 server has no bucket yet: {log.read_text()}")
    client.close()


@pytest.fixture(params=["file", "s3"])
def destination_kind(request) -> str:
    return request.param


@pytest.fixture
def make_destination(destination_kind, request, tmp_path, monkeypatch) -> Callable[[], Destination]:
    """Give fresh destinations on one kind of store."""
    if destination_kind == "file":
        return lambda: Destination(f"file://{tmp_path}/{uuid.uuid4().hex}", None)
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", request.getfixturevalue("s3_server"))
    return lambda: Destination(f"s3://{BUCKET}/{uuid.uuid4().hex}", "aws_default")


@pytest.fixture
def destination(make_destination) -> Destination:
    return make_destination()
