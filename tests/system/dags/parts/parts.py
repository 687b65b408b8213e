"""Sixteen tasks that land a workspace together. Each reports its worker."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param

from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

PARTS = 16
WORKER = os.environ.get("SYSTEM_TESTS_WORKER", "none")


class ReportingOperator(CampaignDataSeriesToObjectStorageOperator):
    """Reports its worker: by a file as soon as it begins, and in its result."""

    def execute(self, context: Any) -> dict[str, Any]:
        begun = Path(os.environ["SYSTEM_TESTS_MARKS"]) / context["params"]["folder"]
        begun.mkdir(parents=True, exist_ok=True)
        (begun / f"{WORKER}-{self.part:02d}-{context['ti'].try_number}").touch()
        return {**super().execute(context), "worker": WORKER}


with DAG(
    "parts",
    schedule=None,
    max_active_runs=1,
    params={"folder": Param(type="string")},
    default_args={"retries": 5, "retry_delay": timedelta(seconds=1)},
):
    ReportingOperator.partial(
        task_id="land",
        destination="s3://lake/{{ params.folder }}",
        object_storage_conn_id="aws_default",
        tables=["campaign_days", "campaign_messages", "campaign_raw", "campaigns"],
        lookback_days=4,
        concurrency=1,
        parts=PARTS,
    ).expand(part=list(range(PARTS)))
