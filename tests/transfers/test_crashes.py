"""Workers that are killed, and workers that land the same days at once: real processes, real stores."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker

import pytest

from airflow_provider_braze.sandbox import data
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from tests import lander
from tests.gate import Gate

pytestmark = pytest.mark.unmeasured

DETAILS = "campaign_details/part-00-of-01.parquet"
# By kind of store: a process that lands on another kind takes three times as long.
KILLS = {"file": 8}
KILLS_ELSEWHERE = 5
# Modules that a run loads, preloaded for all processes. Those that are not installed are skipped.
PRELOADED = [
    "airflow_provider_braze.transfers.braze_to_object_storage",
    "airflow_provider_braze.landing.run",
    "airflow_provider_braze.landing.stores.files",
    "airflow_provider_braze.landing.stores.s3",
    "airflow_provider_braze.tables.fingerprints",
    "airflow_provider_braze.tables.messages",
    "airflow_provider_braze.transport.sync_session",
    "airflow_provider_braze.transport.sync_transport",
    "airflow.providers.amazon.aws.fs.s3",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.observability.stats",
    "pyarrow.acero",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "requests",
    "s3fs",
]


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    # Started and stopped here, not with the first process, because they serve all tests of the module.
    forkserver.ensure_running()
    yield context
    forkserver._forkserver._stop()
    resource_tracker._resource_tracker._stop()


@pytest.fixture
def run(processes, braze_sandbox, destination):
    """Return a function that starts a run in a process. It returns one that waits for exit code, steps and summary."""
    braze_sandbox.configure(campaigns=5, as_of="2026-11-19T06:00:00Z")

    def start(die_at=None, barrier=None, try_number=1, **arguments):
        arguments = {
            "destination": destination.uri,
            "object_storage_conn_id": destination.conn_id,
            "lookback_days": 4,
            "tables": [*CAMPAIGNS.default_tables, "campaign_details"],
            **arguments,
        }
        environment = {key: value for key, value in os.environ.items() if key.startswith("AIRFLOW")}
        receiver, sender = processes.Pipe(duplex=False)
        process = processes.Process(
            target=lander.land, args=(arguments, environment, try_number, die_at, sender, barrier)
        )
        process.start()
        sender.close()

        def finish():
            try:
                steps, summary = receiver.recv()
            except EOFError:
                steps, summary = 0, "null"
            receiver.close()
            process.join()
            code = process.exitcode
            process.close()
            return code, steps, json.loads(summary)

        finish.pid = process.pid
        return finish

    return start


def changed_days(before, after):
    return {name.split("/")[1].removeprefix("dt=") for name in after if "dt=" in name and after[name] != before[name]}


def test_rerun_after_a_kill_at_any_moment_completes_the_days(run, braze_sandbox, destination, destination_kind, sample):
    assert run()()[0] == 0
    before = destination.contents()
    braze_sandbox.configure(as_of="2026-11-21T06:00:00Z")
    code, steps, _ = run()()
    assert code == 0
    undisturbed = destination.data()
    changed = changed_days(before, undisturbed)
    assert len(changed) == 5
    assert before[DETAILS] != undisturbed[DETAILS]

    torn = 0
    deaths = sample(range(steps), KILLS.get(destination_kind, KILLS_ELSEWHERE))
    for die_at in deaths:
        destination.restore(before)
        assert run(die_at)()[0] == -signal.SIGKILL
        left = {name: content for name, content in destination.data().items() if not name.endswith(".tmp")}
        assert all(content in (before[name], undisturbed[name]) for name, content in left.items()), die_at
        torn += any(left[name] != before[name] for name in left) and left != undisturbed
        code, _, summary = run(try_number=2)()
        assert code == 0
        assert destination.data() == undisturbed, die_at
        assert set(destination.record(summary["record"])["changed_days"]) >= changed, die_at
    assert torn > len(deaths) / 4, "hardly any kill happened between two writes, so this run tests little"


def test_rerun_after_a_killed_first_run_lands_all(run, destination, sample):
    code, steps, _ = run()()
    assert code == 0
    undisturbed = destination.data()
    for die_at in sample(range(steps), 3):
        destination.restore({})
        assert run(die_at)()[0] == -signal.SIGKILL
        code, _, summary = run(try_number=2)()
        assert code == 0
        assert destination.data() == undisturbed
        assert summary["changed_days"] == 5


@pytest.mark.stores("s3", "abfs", "gs")
def test_kill_during_an_upload_keeps_the_old_object(
    run, processes, braze_sandbox, destination, destination_kind, endpoint_of, connect, request
):
    assert run()()[0] == 0
    before = destination.contents()
    braze_sandbox.configure(as_of="2026-11-21T06:00:00Z")
    gate = Gate(endpoint_of(destination_kind))
    request.addfinalizer(gate.close)

    victim = Future()

    def kill():
        # An earlier upload may have killed it already.
        with suppress(ProcessLookupError):
            os.kill(victim.result(60), signal.SIGKILL)
        return b""

    # Records and layout are smaller than that, so this is a data object.
    gate.cut("PUT|POST", 1_500, kill)
    finish = run(object_storage_conn_id=connect(gate.endpoint))
    victim.set_result(finish.pid)
    assert finish()[0] == -signal.SIGKILL
    assert gate.cuts
    assert destination.data() == {name: content for name, content in before.items() if not name.startswith("_braze/")}
    assert run(try_number=2)()[0] == 0
    assert changed_days(before, destination.contents())


def test_two_concurrent_runs_lose_nothing_of_either(run, processes, braze_sandbox, destination, sample):
    braze_sandbox.configure(campaigns=20)
    ids = data.campaign_ids(braze_sandbox.settings)
    for _ in sample(range(3), 1):
        destination.restore({})
        barrier = processes.Barrier(2)
        both = [run(barrier=barrier, campaign_ids=half) for half in (ids[:10], ids[10:])]
        assert [finish()[0] for finish in both] == [0, 0]
        rows = destination.table("campaign_days").select(["campaign_id", "day"]).to_pylist()
        landed = {(row["campaign_id"], row["day"].day) for row in rows}
        assert landed == {(campaign_id, day) for campaign_id in ids for day in range(14, 19)}
        assert len(rows) == len(landed)
        assert sorted(destination.table("campaign_details").column("campaign_id").to_pylist()) == sorted(ids)
        assert not [name for name in destination.contents() if name.endswith(".tmp")]
