"""A deferred sensor before a landing, and a crowd of deferred sensors."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.triggers.base import StartTriggerArgs

from airflow_provider_braze.sensors.braze import CampaignDataSeriesSensor
from airflow_provider_braze.task.airflow import DAG
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

ZONE = "America/New_York"
START = pendulum.datetime(2026, 10, 1, tz=ZONE)
DAYS = {"start": "2026-11-18", "end": "2026-11-19"}
DAY_ENDS = pendulum.datetime(2026, 11, 19, tz=ZONE).timestamp()
# Set by a test: the time from which the day may be requested, in epoch seconds. Each task reads this file.
READY_AT = float(Path(os.environ["SYSTEM_TESTS_READY_AT"]).read_text())
GRACE = timedelta(seconds=max(0, READY_AT - DAY_ENDS))


def triggered(ready_at: float) -> type[CampaignDataSeriesSensor]:
    """Return a sensor class that starts in the triggerer. Hundreds of tasks that only defer would take long."""
    arguments = {
        "day": DAYS["start"],
        "timezone": ZONE,
        "ready_at": ready_at,
        "give_up_at": ready_at + 366 * 86_400,
        "ids": [os.environ["SYSTEM_TESTS_CAMPAIGN"]],
        "poke_interval": 15.0,
    }

    class TriggeredSensor(CampaignDataSeriesSensor):
        start_from_trigger = True
        start_trigger_args = StartTriggerArgs(
            trigger_cls="airflow_provider_braze.triggers.braze.DataSeriesTrigger",
            trigger_kwargs=arguments,
            next_method="execute_complete",
            next_kwargs=None,
            timeout=None,
        )

    return TriggeredSensor


# Airflow fails a task that is resumed before its executor has reported it as deferred. The retry resolves that.
RETRIES = {"retries": 3, "retry_delay": timedelta(seconds=2)}

with DAG("waiting", schedule=None, start_date=START, default_args=RETRIES):
    wait = CampaignDataSeriesSensor(task_id="wait", **DAYS, grace=GRACE, poke_interval=2, deferrable=True)
    land = CampaignDataSeriesToObjectStorageOperator(
        task_id="land",
        destination="file://{{ var.value.lake }}/{{ dag_run.conf['folder'] }}",
        tables=["campaign_days", "campaign_messages", "campaign_raw", "campaigns"],
        **DAYS,
    )
    wait >> land

for name, ready_at in {"checking_crowd": DAY_ENDS, "waiting_crowd": DAY_ENDS + 366 * 86_400}.items():
    with DAG(name, schedule=None, start_date=START, max_active_runs=50) as crowd:
        for number in range(10):
            triggered(ready_at)(task_id=f"wait_{number}")
    globals()[name] = crowd
