"""The sensors of canvases and KPIs, also with the real trigger."""

from __future__ import annotations

import asyncio
import json

import pytest

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.sandbox.data import canvas_ids
from airflow_provider_braze.sensors.braze import CanvasDataSeriesSensor, KpiDataSeriesSensor
from airflow_provider_braze.task.airflow import AirflowFailException, TaskDeferred
from airflow_provider_braze.triggers.braze import DataSeriesTrigger

pytestmark = pytest.mark.timeout(60)

DAY = "2026-10-28"
PAST = {"start": DAY, "end": "2026-10-29", "poke_interval": 0.0}
SENSORS = {
    "canvases": (CanvasDataSeriesSensor, {}, "canvas_id"),
    "kpis": (KpiDataSeriesSensor, {"metrics": ["dau", "sessions", "mau"]}, "metric"),
}


@pytest.fixture
def workspace(braze):
    braze.configure(as_of="2026-10-29T17:00:00Z")
    return braze


def trigger_of(deferred):
    """Return the trigger as a triggerer makes it."""
    path, arguments = deferred.trigger.serialize()
    assert path == "airflow_provider_braze.triggers.braze.DataSeriesTrigger"
    return DataSeriesTrigger(**json.loads(json.dumps(arguments)))


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("series", SENSORS)
def test_sensor_finds_an_available_day(series, deferrable, workspace, make_context):
    sensor, arguments, key = SENSORS[series]
    found = sensor(task_id="wait", deferrable=deferrable, **PAST, **arguments).execute(make_context())
    assert (found["day"], found["timezone"]) == (DAY, "UTC")
    assert found[key] in ([*canvas_ids(workspace.settings)] if key == "canvas_id" else ["mau"])


@pytest.mark.parametrize("series", SENSORS)
def test_deferrable_sensor_waits_in_the_trigger_until_the_day_is_available(series, workspace, make_context):
    sensor, arguments, key = SENSORS[series]
    wait = sensor(task_id="wait", deferrable=True, **PAST, **arguments)
    hidden = "mau" if series == "kpis" else "*"
    workspace.configure(faults={"missing_days": {hidden: [DAY]}})
    with pytest.raises(TaskDeferred) as deferred:
        wait.execute(make_context())

    async def first():
        checked = workspace.count()
        run = asyncio.create_task(anext(trigger_of(deferred.value).run()))
        while workspace.count() == checked:  # noqa: ASYNC110 - the sandbox counts in its own thread
            await asyncio.sleep(0)
        assert not run.done()
        workspace.configure(faults=None)
        return (await run).payload

    found = wait.execute_complete(make_context(), asyncio.run(first()))
    assert found["day"] == DAY
    assert found[key]


def test_kpi_sensor_names_the_missing_permission(workspace, make_context):
    workspace.configure(missing_permissions=["kpi.dau.data_series"])
    with pytest.raises(AirflowFailException, match=r"kpi\.dau\.data_series"):
        KpiDataSeriesSensor(task_id="wait", deferrable=False, **PAST).execute(make_context())


@pytest.mark.parametrize("deferrable", [False, True])
def test_kpi_sensor_fails_when_braze_rejects_a_metric(deferrable, workspace, make_context):
    workspace.configure(faults={"bad_subjects": {"dau": 404}})
    with pytest.raises(
        AirflowFailException, match=r"The metric 'dau' cannot be checked\. /kpi/dau/data_series returned status 404"
    ):
        KpiDataSeriesSensor(task_id="wait", deferrable=deferrable, **PAST).execute(make_context())


@pytest.mark.parametrize("metrics", [["wau"], "wau", [], None, 5])
def test_kpi_sensor_rejects_unknown_metrics(metrics):
    with pytest.raises(BrazeConfigError, match="Task 'wait': `metrics`"):
        KpiDataSeriesSensor(task_id="wait", metrics=metrics)
