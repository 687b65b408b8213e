"""A lake where days landed and were restated since, and a proxy that injects faults into the next run."""

from __future__ import annotations

import inspect
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_braze.core.channels import ROW_FIGURES
from airflow_provider_braze.exceptions import BrazePartialError
from airflow_provider_braze.sandbox import Sandbox, SandboxSettings, data
from airflow_provider_braze.task.airflow import AirflowFailException
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from tests.faults.proxy import Fault, FaultProxy, Request, Rule
from tests.faults.table import Promise, row_of
from tests.stores import Destination

LIST, SERIES = "/campaigns/list", "/campaigns/data_series"
DAYS = [date(2026, 11, 16) + timedelta(days=each) for each in range(3)]  # make_context's run is due on the 19th
KEY = "the-key-of-the-fault-tests"

Figures = dict[tuple[str, date], dict[str, Any]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("fault"):
            item.add_marker("unmeasured")


@dataclass
class Lake:
    """A destination, and runs that land in it."""

    promise: Promise
    braze: Sandbox
    proxy: FaultProxy
    destination: Destination
    old: Figures
    new: Figures
    _context: Callable[..., dict[str, Any]]
    _log: pytest.LogCaptureFixture

    @property
    def ids(self) -> list[str]:
        return data.campaign_ids(self.braze.settings)

    def connect(self, host: str | None = None, **extra: Any) -> None:
        """Set the connection's extra fields. Default: few attempts and short timeouts."""
        extra = {"max_attempts": 3, "connect_timeout": 5, "read_timeout": 20, **extra}
        connection = {"conn_type": "braze", "host": host or self.proxy.url, "password": KEY, "extra": extra}
        os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"] = json.dumps(connection)

    def run(self, run_type: str = "manual", try_number: int = 1, **arguments: Any) -> dict[str, Any]:
        """Run the task once."""
        arguments = {"destination": self.destination.uri, "lookback_days": len(DAYS) - 1, **arguments}
        operator = CampaignDataSeriesToObjectStorageOperator(task_id="land", **arguments)
        # Airflow 2 wraps it in a check that fails in a run within a run, and in any thread except the main one.
        execute = inspect.unwrap(type(operator).execute)
        return execute(operator, self._context(run_type, try_number=try_number))

    def figures(self) -> Figures:
        """Return the landed figures of ``campaign_days``."""
        rows = self.destination.table("campaign_days").to_pylist()
        return {(row["campaign_id"], row["day"]): {name: row[name] for name in ROW_FIGURES} for row in rows}

    def check_promise(
        self,
        rule: Rule,
        *,
        expected: Figures | None = None,
        left: Figures | None = None,
        broken: Mapping[str, bytes] | None = None,
        then: Callable[[], None] = lambda: None,
        instead: Callable[[], Any] | None = None,
        **arguments: Any,
    ) -> Any:
        """Run with a fault and check the promise, then check that a run without it lands all.

        :param expected: figures that have to land. Default: those of the sandbox.
        :param left: those of them that stay after a run without the fault.
        :param broken: objects that must not be overwritten, with their contents before the damage.
        :param then: function to call before the run without the fault.
        :param instead: function that runs the task. Default: the usual run.
        :return: the summary, or the error that the promise names.
        """
        self.proxy.rule = rule
        run = instead or partial(self.run, **arguments)
        outcome = self.succeeds(expected, run) if self.promise.is_complete else self.fails(run, broken or {})
        self.proxy.rule = NO_FAULT
        self.connect()
        then()
        record = self.destination.record(self.run()["record"])
        assert self.figures() == {**self.new, **(left or {})}
        if not self.promise.is_complete:
            restated = {day.isoformat() for place, day in self.new if self.new[place, day] != self.old[place, day]}
            assert set(record["changed_days"]) >= restated
        return outcome

    def succeeds(self, expected: Figures | None = None, run: Callable[[], Any] | None = None) -> Any:
        """Run the task, and check that every figure is there."""
        assert self.promise.is_complete
        summary = (run or self.run)()
        assert self.figures() == (expected or self.new)
        return summary

    def fails(self, run: Callable[[], Any] | None = None, broken: Mapping[str, bytes] | None = None) -> BaseException:
        """Run the task, and check that it fails as promised, and that nothing is lost."""
        before = self.destination.contents()
        with self._log.at_level(logging.DEBUG), pytest.raises(Exception) as caught:  # noqa: PT011 - named below
            (run or self.run)()
        error = self.check_error(caught.value)
        for name, content in (broken or {}).items():
            assert self.destination.contents()[name] == before[name]
            self.destination.put(name, content)
        if self.promise.writes_nothing:
            after = self.destination.contents()
            mine = ("/journal/", "_braze/README.txt")
            new_records = {name for name in after.keys() - before.keys() if any(each in name for each in mine)}
            assert {name: after[name] for name in after.keys() - new_records} == {**before, **(broken or {})}
        elif isinstance(error, BrazePartialError):
            lost = {place: figures for place, figures in self.old.items() if place[0] in error.failures}
            assert self.figures() == {**self.new, **lost}
        else:
            landed = self.figures()
            assert landed.keys() == self.new.keys()
            assert all(landed[place] in (self.old[place], self.new[place]) for place in landed)
        return error

    def check_error(self, raised: BaseException) -> BaseException:
        """Check that an error is the promised one and does not contain the key. Return it as this package raised it."""
        error = raised.__cause__ if isinstance(raised, AirflowFailException) else raised
        assert (error is not raised) == self.promise.permanent
        causes = [text.split(":")[0] for text in error.failures.values()] if hasattr(error, "failures") else []
        assert [type(error).__name__, *dict.fromkeys(causes)] == self.promise.errors
        assert KEY not in f"{raised!r} {error!r} {self._log.text}"
        return error


def NO_FAULT(request: Request) -> None:
    """Pass each request on."""


def figures_of(settings: SandboxSettings) -> Figures:
    """Return the figures that should land, computed by the sandbox."""
    objects = {
        (campaign_id, day): data.day_object(settings, campaign_id, day)
        for campaign_id in data.campaign_ids(settings)
        for day in DAYS
    }
    return {place: {name: each.get(name) for name in ROW_FIGURES} for place, each in objects.items()}


def on(path: str, fault: Fault) -> Rule:
    """Return a rule that applies the fault to each request of a path."""
    return lambda request: fault if request.path == path else None


def of_campaign(campaign_id: str, fault: Fault) -> Rule:
    """Return a rule that applies the fault to each request for one campaign."""
    return lambda request: fault if request.params.get("campaign_id") == campaign_id else None


def once(fault: Fault, *paths: str) -> Rule:
    """Return a rule that applies the fault to the first request for each campaign, and for the list."""
    seen: dict[tuple[str, str | None], Request] = {}

    def rule(request: Request) -> Fault | None:
        is_first = seen.setdefault((request.path, request.params.get("campaign_id")), request) is request
        return fault if is_first and request.path in (paths or (LIST, SERIES)) else None

    return rule


@pytest.fixture(scope="session")
def fault_sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxSettings(campaigns=4, as_of="2026-11-19T06:00:00Z", api_key=KEY)) as braze:
        yield braze


@pytest.fixture(scope="session")
def fault_proxy(fault_sandbox: Sandbox) -> Iterator[FaultProxy]:
    with closing(FaultProxy(port_of(fault_sandbox))) as proxy:
        yield proxy


def port_of(braze: Sandbox) -> int:
    return int(braze.url.rsplit(":", 1)[1])


@pytest.fixture(scope="session")
def landed_before(fault_sandbox: Sandbox, fault_proxy: FaultProxy) -> dict[str, Any]:
    """Return the objects that the first test lands, with which the other tests begin."""
    return {}


@pytest.fixture
def lake(
    request: pytest.FixtureRequest,
    fault_sandbox: Sandbox,
    fault_proxy: FaultProxy,
    landed_before: dict[str, Any],
    make_context: Callable[..., dict[str, Any]],
    no_backoff: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Lake]:
    """Return the lake of a test with a mark ``fault``: three days of four campaigns, all of them restated since."""
    row = row_of(request.node)
    assert row, "The test has no mark for its fault and its promise"
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", "")
    fault_proxy.rule = NO_FAULT
    early = fault_sandbox.configure(as_of="2026-11-19T06:00:00Z")
    old = figures_of(early)
    destination = Destination(f"file://{tmp_path}/lake", None)
    lake = Lake(row.promise, fault_sandbox, fault_proxy, destination, old, {}, make_context, caplog)
    lake.connect()
    if not landed_before:
        lake.run()
        assert lake.figures() == old
        landed_before.update(destination.contents())
    destination.restore(landed_before)
    fault_proxy.requests.clear()
    fault_proxy.mistakes.clear()
    lake.new = figures_of(fault_sandbox.configure(as_of="2026-11-21T06:00:00Z"))
    assert all(lake.old[lake.ids[0], day] != lake.new[lake.ids[0], day] for day in DAYS)
    yield lake
    assert fault_proxy.mistakes == []
