"""Workers of other series than campaigns that are killed, or that land the same days at the same time."""

from __future__ import annotations

import signal

import pytest

from airflow_provider_braze.sandbox import data
from tests.transfers.test_crashes import changed_days, processes, run  # noqa: F401

pytestmark = pytest.mark.unmeasured

KILLS = 3
CANVASES = {
    "operator": "CanvasDataSeriesToObjectStorageOperator",
    "tables": ["canvas_days", "canvas_step_messages", "canvases"],
}
EVENTS = {"operator": "EventDataSeriesToObjectStorageOperator", "tables": ["event_days", "events"]}


@pytest.mark.any_store
@pytest.mark.parametrize("series", [CANVASES, EVENTS], ids=["canvases", "events"])
def test_rerun_after_a_kill_at_any_moment_lands_and_reports_all(series, run, braze_sandbox, destination, sample):  # noqa: F811
    assert run(**series)()[0] == 0
    before = destination.contents()
    braze_sandbox.configure(as_of="2026-11-21T06:00:00Z")
    code, steps, _ = run(**series)()
    assert code == 0
    undisturbed = destination.data()
    changed = changed_days(before, undisturbed)
    assert changed
    for die_at in sample(range(steps), KILLS):
        destination.restore(before)
        assert run(die_at, **series)()[0] == -signal.SIGKILL
        left = {name: content for name, content in destination.data().items() if not name.endswith(".tmp")}
        assert all(content in (before[name], undisturbed[name]) for name, content in left.items()), die_at
        code, _, summary = run(try_number=2, **series)()
        assert code == 0
        assert destination.data() == undisturbed, die_at
        assert summary["changed_days"] >= len(changed), die_at


@pytest.mark.any_store
def test_two_concurrent_runs_lose_nothing_of_either(run, processes, braze_sandbox, destination):  # noqa: F811
    settings = braze_sandbox.configure(canvases=10)
    ids = data.canvas_ids(settings)
    barrier = processes.Barrier(2)
    both = [run(barrier=barrier, canvas_ids=half, **CANVASES) for half in (ids[:5], ids[5:])]
    assert [finish()[0] for finish in both] == [0, 0]
    rows = destination.table("canvas_days").select(["canvas_id", "day"]).to_pylist()
    landed = {(row["canvas_id"], row["day"].day) for row in rows}
    assert landed == {(id_, day) for id_ in ids for day in range(14, 19)}
    assert len(rows) == len(landed)
