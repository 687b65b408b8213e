"""The public types as mypy checks them in ``make types``. This file never runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

from typing_extensions import assert_type

from airflow_provider_braze import exceptions
from airflow_provider_braze.hooks.braze import BrazeAsyncHook, BrazeHook, Window
from airflow_provider_braze.operators.braze import CampaignDataSeriesOperator, CampaignListOperator
from airflow_provider_braze.sandbox import Sandbox, SandboxSettings
from airflow_provider_braze.sensors.braze import CampaignDataSeriesSensor
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from airflow_provider_braze.transfers.series_to_object_storage import SeriesToObjectStorageOperator
from airflow_provider_braze.triggers.braze import DataSeriesTrigger


def hooks() -> None:
    hook = BrazeHook("braze_default", concurrency=4)
    window = Window(date(2026, 11, 1), date(2026, 11, 8), "America/New_York")
    assert_type(hook.list_campaigns(include_archived=False), Iterator[dict[str, Any]])
    assert_type(hook.list_campaigns(edited_after=datetime.now(timezone.utc)), Iterator[dict[str, Any]])
    assert_type(hook.campaign_data_series("a", window), list[dict[str, Any]])
    assert_type(hook.campaign_details("a"), dict[str, Any])
    assert_type(hook.get("/canvas/list", {"page": "0"}), dict[str, Any])
    assert_type(hook.get("/canvas/list", None, len), int)
    assert_type(hook.test_connection(), tuple[bool, str])
    assert_type(list(window), list[date])
    assert_type(len(window), int)
    hook.campaign_data_series("a", (date(2026, 11, 1), date(2026, 11, 8)))  # type: ignore[arg-type]


async def async_hooks() -> None:
    window = Window(date(2026, 11, 1), date(2026, 11, 8))
    async with BrazeAsyncHook() as hook:
        assert_type(await hook.get("/canvas/list"), dict[str, Any])
        assert_type(await hook.campaign_data_series("a", window), list[dict[str, Any]])


def landing() -> None:
    land = CampaignDataSeriesToObjectStorageOperator(
        task_id="land",
        destination="s3://lake/braze",
        object_storage_conn_id="aws_default",
        campaign_ids=["a", "b"],
        start=datetime(2026, 11, 1),
        end="2026-11-08",
        lookback_days="auto",
        tables=["campaign_days"],
        file_format="jsonl",
        parts=2,
        part=0,
        missing_days="fail",
        on_campaign_error="skip",
        dry_run=True,
    )
    base: SeriesToObjectStorageOperator = land
    assert_type(base.execute({}), dict[str, Any])
    CampaignDataSeriesToObjectStorageOperator(task_id="land", destination="s3://a", on_campaign_error="none")  # type: ignore[arg-type]
    SeriesToObjectStorageOperator(task_id="land", destination="s3://a", file_format="csv")  # type: ignore[arg-type]


def other_tasks() -> None:
    CampaignDataSeriesOperator(task_id="days", campaign_ids="a", missing_days="ignore", concurrency=2)
    CampaignListOperator(task_id="list", tag="newsletter", edited_after="2026-11-18T00:00:00Z")
    CampaignDataSeriesSensor(task_id="wait", grace=timedelta(hours=3), sample=3, deferrable=True)
    DataSeriesTrigger(day="2026-11-18", timezone="UTC", ready_at=0.0, give_up_at=60.0)
    DataSeriesTrigger(day=date(2026, 11, 18), timezone="UTC", ready_at=0.0, give_up_at=60.0)  # type: ignore[arg-type]


def errors(error: exceptions.BrazePartialError, limited: exceptions.BrazeRateLimitError) -> None:
    assert_type(error.failures, dict[str, str])
    assert_type(error.is_permanent, bool)
    assert_type(limited.retry_after_seconds, float | None)
    assert_type(limited.status, int)


def sandbox() -> None:
    with Sandbox(SandboxSettings(campaigns=3)) as braze:
        assert_type(braze.url, str)
        assert_type(braze.connection_json(), str)
