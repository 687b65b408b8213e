"""Tasks that have a page inside Airflow: landing with a gap, coverage, mapped landing, and hostile values."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_braze.operators.braze import BrazeCoverageOperator
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

TODAY = pendulum.today("America/New_York")
SHARED = {"destination": "{{ var.value.lake }}", "object_storage_conn_id": "aws_default"}
MARKUP = '"><script>document.title = "changed"</script><img src="/airflow/leak" onerror="document.title = \'changed\'">'


def day(ago: int) -> str:
    return TODAY.subtract(days=ago).to_date_string()


@task
def hostile(ti: Any) -> None:
    """Push the content of a coverage page, with markup in all texts."""
    series = {
        "newest_day": day(1),
        "age_days": 0,
        "days": dict.fromkeys(("final", "still_read", "unproven", "early", "incomplete", "not_landed"), 1),
        "calendar": [],
        "repairs": [
            {
                "state": "early",
                "start": day(2),
                "end": day(1),
                "text": MARKUP,
                "is_asked": True,
                "commands": [MARKUP],
            }
        ],
        "unproven": MARKUP,
        "lacking": [],
        "verdict": MARKUP,
        "restatement": [{"age": 1, "shares": {MARKUP: 0.5}}],
        "failed": [{"name": MARKUP, "since": MARKUP, "class": MARKUP, "message": MARKUP}],
        "rejected": [],
        "keys_without_column": {MARKUP: 1},
        "runs": [],
        "totals": {"tries": 1, "requests": 1, "retries": 0, "waited_seconds": 0.0},
        "unread_records": 0,
        "left_out": {},
    }
    value = {"destination": MARKUP, "generated_at": MARKUP, "host": MARKUP, "timezone": MARKUP}
    ti.xcom_push(key="coverage", value={**value, "series": {MARKUP: series}})


@task
def path() -> str:
    """Return the path of a file that the API server could open."""
    return "file:///etc/passwd"


START = pendulum.datetime(2026, 11, 1)

with DAG("braze_with_coverage", schedule=None, start_date=START, max_active_runs=1):
    older = CampaignDataSeriesToObjectStorageOperator(task_id="land_older", start=day(90), end=day(12), **SHARED)
    newer = CampaignDataSeriesToObjectStorageOperator(task_id="land_campaigns", start=day(9), end=day(0), **SHARED)
    parts = CampaignDataSeriesToObjectStorageOperator.partial(
        task_id="land_parts",
        destination="{{ var.value.lake }}_parts",
        object_storage_conn_id="aws_default",
        start=day(3),
        end=day(0),
        parts=2,
    ).expand(part=[0, 1])
    parts >> older >> newer >> BrazeCoverageOperator(task_id="check_coverage", **SHARED)

with DAG("hostile", schedule=None, start_date=START):
    hostile()
    path()
