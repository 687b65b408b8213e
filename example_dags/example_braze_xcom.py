"""Fetch yesterday's figures of a few campaigns, and use them in the Dag itself.

What: list the campaigns with a tag, fetch each with a mapped task, and sum their conversions. Nothing lands. The
figures go from task to task through XCom.

Why: a report, an alert or a check on a few campaigns does not need files. XCom is stored in Airflow's database, so do
not use it for all campaigns of a workspace. Use ``example_braze_daily`` for those.

Needs: the connection ``braze_default`` with the company's time zone in its extra, ``{"timezone":
"America/New_York"}``, and campaigns with the tag in the parameter ``tag``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pendulum

from airflow_provider_braze.operators.braze import CampaignDataSeriesOperator, CampaignListOperator

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

with DAG(
    dag_id="example_braze_xcom",
    description="Yesterday's conversions of the Braze campaigns with a tag",
    doc_md=__doc__,
    start_date=pendulum.datetime(2026, 11, 1, tz="America/New_York"),
    schedule="0 7 * * *",
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    params={"tag": "newsletter"},
    tags=["example", "braze"],
):
    campaigns = CampaignListOperator(task_id="list_campaigns", tag="{{ params.tag }}")
    days = CampaignDataSeriesOperator.partial(task_id="fetch_days").expand(campaign_ids=campaigns.output)

    @task
    def sum_conversions(days_by_campaign: Iterable[list[dict[str, Any]]]) -> dict[str, int]:
        """Sum the conversions of each campaign; a figure that Braze left out counts as 0."""
        return {
            campaign_days[0]["campaign_id"]: sum(day.get("conversions") or 0 for day in campaign_days)
            for campaign_days in days_by_campaign
            if campaign_days
        }

    sum_conversions(days.output)
