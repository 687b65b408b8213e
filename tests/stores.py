"""Destinations on real stores, as fixtures, and the option ``--stores`` that selects the kinds.

Without it, tests that land something do so on local files and on S3. With it, as in ``--stores abfs,gs``, only these
tests run, on the stores named; if one of these is not available, the run fails and reports it at its end.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.emulators import BUCKET, EMULATORS, SERVERS, started

__all__ = ["SERVERS", "Destination"]

DEFAULT = "file,s3"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stores", help=f"run the tests that land something, and these only, on such stores; not: {DEFAULT}"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "stores(*kinds): the only kinds of store that a test is about")
    unknown = set(_chosen(config)) - {"file", *EMULATORS}
    if unknown:
        raise pytest.UsageError(f"--stores: {', '.join(sorted(unknown))}: known are file, {', '.join(EMULATORS)}")


def _chosen(config: pytest.Config) -> list[str]:
    return (config.getoption("--stores") or DEFAULT).split(",")


def _missing(config: pytest.Config) -> dict[str, str]:
    """Return why chosen stores are not available."""
    reasons = {kind: EMULATORS[kind].missing() for kind in _chosen(config) if kind in EMULATORS}
    return {kind: reason for kind, reason in reasons.items() if reason}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "destination_kind" not in metafunc.fixturenames:
        return
    missing = _missing(metafunc.config)
    kinds = [
        pytest.param(kind, marks=pytest.mark.skip(f"NOT RUN: {missing[kind]}") if kind in missing else ())
        for kind in _chosen(metafunc.config)
        if all(kind in mark.args for mark in metafunc.definition.iter_markers("stores"))
    ]
    metafunc.parametrize("destination_kind", kinds, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = set(_chosen(config))
    all_kinds = not config.getoption("--stores")

    def is_wanted(item: pytest.Item) -> bool:
        if "destination_kind" not in getattr(item, "fixturenames", ()):
            return all_kinds
        return all(chosen.intersection(mark.args) for mark in item.iter_markers("stores"))

    unwanted = [item for item in items if not is_wanted(item)]
    config.hook.pytest_deselected(items=unwanted)
    items[:] = [item for item in items if is_wanted(item)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for kind, reason in _missing(config).items():
        terminalreporter.write_line(
            f"NOT RUN: all tests on {kind}, for {reason}. This run has failed.", red=True, bold=True
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _missing(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@dataclass(frozen=True)
class Destination:
    """A fresh place to land in, and a plain view of its objects."""

    uri: str
    conn_id: str | None

    @property
    def _fs(self):
        from airflow_provider_braze.task.airflow import ObjectStoragePath

        fs = ObjectStoragePath(self.uri, conn_id=self.conn_id).fs
        fs.invalidate_cache()
        return fs

    @property
    def _root(self) -> str:
        return self.uri.partition("://")[2]

    def contents(self) -> dict[str, bytes]:
        """Return every object by its name, including hidden and temporary ones."""
        fs, root = self._fs, self._root
        if self.uri.startswith("file://"):
            found = [str(path) for path in Path(root).rglob("*") if path.is_file()]
        else:
            # SeaweedFS still lists a folder whose last object was deleted.
            found = [path for path in fs.find(root) if path != root]
        with ThreadPoolExecutor(8) as pool:
            return {
                path.removeprefix(root).lstrip("/"): content
                for path, content in zip(found, pool.map(fs.cat_file, found), strict=True)
            }

    def data(self) -> dict[str, bytes]:
        """Return the data objects alone."""
        return {name: content for name, content in self.contents().items() if not name.startswith("_braze/")}

    def put(self, name: str, content: bytes) -> None:
        path = f"{self._root}/{name}"
        if self.uri.startswith("file://"):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._fs.pipe_file(path, content)

    def restore(self, contents: dict[str, bytes]) -> None:
        """Make the destination contain exactly these objects."""
        found = self.contents()
        for name in found.keys() - contents.keys():
            self._fs.rm_file(f"{self._root}/{name}")
        for name, content in contents.items():
            if found.get(name) != content:
                self.put(name, content)

    def table(self, name: str):
        """Return all rows of a table, as Arrow."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        objects = sorted((key, value) for key, value in self.data().items() if key.startswith(f"{name}/"))
        return pa.concat_tables([pq.read_table(pa.BufferReader(content)) for _, content in objects])

    def record(self, uri: str) -> dict:
        return json.loads(self.contents()[uri.removeprefix(self.uri).lstrip("/")])


@pytest.fixture(scope="session")
def endpoint_of(tmp_path_factory) -> Iterator[Callable[[str], str]]:
    """Return a function that returns the address of a kind's store. Each store starts when it is first needed."""
    endpoints: dict[str, str] = {}
    with ExitStack() as stack:

        def endpoint(kind: str) -> str:
            if kind not in endpoints:
                folder = tmp_path_factory.mktemp(kind)
                endpoints[kind] = stack.enter_context(started(EMULATORS[kind], folder))
            return endpoints[kind]

        yield endpoint


@pytest.fixture
def destination_kind(request) -> str:
    return request.param


@pytest.fixture
def connect(destination_kind, endpoint_of, monkeypatch) -> Callable[..., str]:
    """Return a function that makes further connections to the store, by address or secret, and returns their ids."""
    emulator = EMULATORS[destination_kind]

    def make(endpoint: str | None = None, secret: str = emulator.secret, conn_id: str = "") -> str:
        # Airflow keeps the file system of a connection until the process ends.
        conn_id = conn_id or f"store_{uuid.uuid4().hex}"
        connection = emulator.connection(endpoint or endpoint_of(destination_kind), secret)
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
        return conn_id

    return make


@pytest.fixture
def make_destination(destination_kind, request, tmp_path) -> Callable[[], Destination]:
    """Return a function that makes fresh destinations on one kind of store."""
    if destination_kind == "file":
        return lambda: Destination(f"file://{tmp_path}/{uuid.uuid4().hex}", None)
    conn_id = request.getfixturevalue("connect")(conn_id=EMULATORS[destination_kind].conn_id)
    return lambda: Destination(f"{destination_kind}://{BUCKET}/{uuid.uuid4().hex}", conn_id)


@pytest.fixture
def destination(make_destination) -> Destination:
    return make_destination()
