"""Runs that land at the same time, one store operation at a time, in an order that a seed determines.

The code under test is the real one, from ``land`` to the store's conditional writes. Braze is a table of numbers that
only grow. A run may fail, be killed between any two operations, lose a response of the store, or lose its success on
the way to Airflow.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

from airflow_provider_braze.core.models import SeriesCall, Window
from airflow_provider_braze.exceptions import BrazeServerError
from airflow_provider_braze.landing.journal import Journal
from airflow_provider_braze.landing.layout import Layout
from airflow_provider_braze.landing.plan import Plan
from airflow_provider_braze.landing.run import land
from airflow_provider_braze.landing.store import Store, Stored
from airflow_provider_braze.landing.stores.objects import ANY_VERSION, VersionConflictError
from airflow_provider_braze.series.segments import SEGMENTS
from airflow_provider_braze.transport.sender import TransportStats

FIRST = date(2026, 11, 16)
DAYS = [FIRST + timedelta(days=number) for number in range(3)]
# A series of few columns: the tested code is the same for all series, and the many runs are faster.
SERIES = SEGMENTS
SUBJECTS = ("a", "b")
LAYOUT = Layout(1, "jsonl", "UTC", "https://rest.iad-01.braze.com", SERIES.name)


class Killed(BaseException):
    """Raised by each further operation of a killed process."""


class Memory:
    """Objects in memory; compare and write are one step."""

    account = None
    has_conditional_writes = True
    writers = 1  # so that the scheduler determines the order of all operations

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self._writes = 0

    def version(self, path: str) -> str | None:
        return self.objects[path][1] if path in self.objects else None

    def read(self, path: str) -> bytes:
        if path not in self.objects:
            raise FileNotFoundError(path)
        return self.objects[path][0]

    def write(self, path: str, content: bytes, expected: str | None) -> None:
        if expected not in (ANY_VERSION, self.version(path)):
            raise VersionConflictError(path)
        self._writes += 1
        self.objects[path] = (content, str(self._writes))

    def delete(self, path: str) -> None:
        self.objects.pop(path, None)

    def list(self, folder: str) -> list[str]:
        return [path.rpartition("/")[2] for path in self.objects if path.rpartition("/")[0] == folder]

    def is_refusal(self, error: Exception) -> bool:
        return False


class SteppedStore(Store):
    """A store that waits for the scheduler before each operation, and may fail or be killed there."""

    def __init__(self, destination: str, conn_id: str | None, actor: Actor) -> None:
        super().__init__(destination, conn_id)
        self._actor = actor

    def read(self, name: str) -> Stored | None:
        return self._step(f"read {name}", lambda: super(SteppedStore, self).read(name))

    def write(self, name: str, content: bytes, expected: str | None) -> None:
        self._step(f"write {name}", lambda: super(SteppedStore, self).write(name, content, expected))

    def delete(self, name: str) -> None:
        self._step(f"delete {name}", lambda: super(SteppedStore, self).delete(name))

    def list(self, folder: str) -> Any:
        return self._step("list", lambda: super(SteppedStore, self).list(folder))

    def _step(self, name: str, operation: Callable[[], Any]) -> Any:
        fault = self._actor.step(name)
        if fault == "fail":
            raise OSError("the store failed")
        result = operation()
        if fault == "lose":
            raise OSError("the response was lost")
        return result


@dataclass
class Actor:
    """A run of a task, with its tries, in a thread that the scheduler advances."""

    lake: Lake
    task: str
    run_id: str
    window: Window
    subjects: tuple[str, ...]
    is_listed: bool
    tries: int
    faults: float
    number: int = 0
    is_over: bool = False
    is_dead: bool = False
    success: dict[str, Any] | None = None
    fetched: dict[tuple[str, date], int] = field(default_factory=dict)
    fetched_at: str = ""
    rejects: frozenset[str] = frozenset()
    # Used as semaphores, and much faster.
    _go: SimpleQueue[None] = field(default_factory=SimpleQueue)
    _arrived: SimpleQueue[None] = field(default_factory=SimpleQueue)
    _fault: str | None = None
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._arrived.get()

    def advance(self, fault: str | None = None) -> None:
        """Let the run do one operation, and wait until it requests the next one or has ended."""
        self._fault = fault
        self._go.put(None)
        self._arrived.get()
        if self.is_over:
            self._thread.join()

    def step(self, operation: str = "") -> str | None:
        """Wait for the scheduler. The run calls this before each operation."""
        if self.is_dead:
            raise Killed
        self._arrived.put(None)
        self._go.get()
        self.lake.log.append(f"  {self.run_id}: {operation} {self._fault or ''}")
        if self._fault == "kill":
            self.is_dead = True
            raise Killed
        return self._fault

    def _run(self) -> None:
        while self.number < self.tries and self.success is None:
            self.number += 1
            self.is_dead = False
            try:
                self._try()
            except (Killed, Exception) as error:
                self.lake.log.append(f"{self.run_id} try {self.number}: {type(error).__name__}: {error}")
        self.is_over = True
        self._arrived.put(None)

    def _try(self) -> None:
        lake = self.lake
        lake.log.append(f"{self.run_id} try {self.number} begins")
        self.rejects = frozenset(each for each in self.subjects if lake.random.random() < self.faults)
        self.fetched = {}
        store = SteppedStore(lake.destination, lake.conn_id, self)
        store._objects = lake.objects or store._objects
        landed = land(self._plan(), self._hook(), store)
        if landed.error is not None:
            raise landed.error
        # The success is on its way to Airflow.
        if self.step("success"):
            raise OSError("the success was lost")
        self.success = landed.record
        self.fetched_at = landed.record["fetches"][0]["at"] if landed.record["fetches"] else ""
        lake.receive(landed.record)
        lake.log.append(f"{self.run_id} try {self.number} succeeded: {landed.record['changed_days']}")

    def _plan(self) -> Plan:
        return Plan(
            series=SERIES,
            window=self.window,
            layout=LAYOUT,
            part=0,
            subjects=[SERIES.subject(name) for name in self.subjects],
            listed=object() if self.is_listed else None,
            tables=(SERIES.day_table,),
            concurrency=1,
            missing_days="ignore",
            on_error="fail",
            run={
                "dag_id": "dag",
                "run_id": self.run_id,
                "task_id": self.task,
                "map_index": -1,
                "try_number": self.number,
            },
        )

    def _hook(self) -> Any:
        connection = SimpleNamespace(
            check_stopped=lambda: None, stats=TransportStats(), remaining=lambda endpoint: None
        )
        return SimpleNamespace(get_conn=lambda: connection, stop=lambda: None, fetch_series=self._fetch_series)

    def _fetch_series(self, series: Any, subject: Any, window: Window, decode: Any) -> list[Any]:
        if self.step(f"fetch {subject.name}") or subject.name in self.rejects:
            raise BrazeServerError("Braze failed", 500)
        values = {day: self.lake.braze[subject.name, day] for day in window}
        self.fetched |= {(subject.name, day): value for day, value in values.items()}
        days = [{"time": f"{day}", "size": value} for day, value in values.items()]
        body = json.dumps({"message": "success", "data": days}).encode()
        return [decode(body, SeriesCall(window.start, window.end, len(window), ""))]


class Lake:
    """A destination, Braze, and two consumers that recompute the days reported to them, and no others."""

    def __init__(self, destination: str, conn_id: str | None, seed: int, *, in_memory: bool) -> None:
        self.destination, self.conn_id = destination, conn_id
        self.objects = Memory() if in_memory else None
        self.random = random.Random(seed)
        self.braze = {(id_, day): 0 for id_ in SUBJECTS for day in DAYS}
        self.log: list[str] = []
        self.by_events: dict[date, Any] = {}
        self.by_journal: dict[date, Any] = {}
        self._cursor: str | None = None
        self._store = self._open(destination, conn_id)

    def _open(self, destination: str, conn_id: str | None = None) -> Store:
        store = Store(destination, conn_id)
        store._objects = self.objects or store._objects
        return store

    def restate(self) -> None:
        """Let Braze change some figures."""
        for key in self.random.sample(list(self.braze), 3):
            self.braze[key] += 1

    def receive(self, record: dict[str, Any]) -> None:
        """Recompute the days that an asset event names."""
        for day in record["changed_days"]:
            self.by_events[date.fromisoformat(day)] = self.content(date.fromisoformat(day))

    def poll(self) -> None:
        """Recompute the days that the journal names."""
        days, self._cursor = Journal(self._store, SERIES.name).changed_days(self._cursor)
        for day in days:
            self.by_journal[date.fromisoformat(day)] = self.content(date.fromisoformat(day))

    def content(self, day: date) -> dict[str, int]:
        from airflow_provider_braze.landing.formats import decode
        from airflow_provider_braze.tables.schemas import schema_of

        stored = self._store.read(LAYOUT.day_object(SERIES.day_table.name, day, 0))
        if stored is None:
            return {}
        rows = decode(stored.content, schema_of(SERIES.day_table), "jsonl", "the test's")[0]
        return dict(zip(rows["segment_id"].to_pylist(), rows["size"].to_pylist(), strict=True))

    def contents(self) -> dict[date, dict[str, int]]:
        return {day: content for day in DAYS if (content := self.content(day))}
