"""What Airflow shows with a task: what it lands, and afterwards the landed days."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

import pytest

from airflow_provider_braze.operators.braze import (
    BrazeCoverageOperator,
    CampaignDataSeriesAuditOperator,
    CanvasDataSeriesAuditOperator,
)
from airflow_provider_braze.series import all_series
from airflow_provider_braze.task.airflow import DAG
from airflow_provider_braze.task.description import COVERAGE, describe_audit, describe_days, describe_landing
from airflow_provider_braze.transfers.braze_to_object_storage import (
    CampaignDataSeriesToObjectStorageOperator,
    CanvasDataSeriesToObjectStorageOperator,
)

ROOT = Path(__file__).parents[2]
OPERATORS = [
    BrazeCoverageOperator,
    CampaignDataSeriesAuditOperator,
    CanvasDataSeriesAuditOperator,
    CampaignDataSeriesToObjectStorageOperator,
]


@pytest.mark.parametrize("series", all_series(), ids=lambda series: series.name)
def test_description_names_only_the_tables_that_land(series):
    text = describe_landing(series, series.default_tables, 7)
    named = {name for name in re.findall(r"`(\w+)`", text) if name in {table.name for table in series.tables}}
    assert named == set(series.default_tables)
    assert f"`_braze/{series.name}/journal`" in text
    assert "the 7 days before" in text


def test_description_depends_on_the_arguments():
    task = CanvasDataSeriesToObjectStorageOperator(
        task_id="land", destination="s3://lake/braze", tables=["canvases"], lookback_days=1
    )
    assert "One object per part: `canvases`" in task.doc_md
    assert "per day" not in task.doc_md
    assert "the 1 day before" in task.doc_md


def test_description_of_lookback_from_details_has_no_number():
    task = CampaignDataSeriesToObjectStorageOperator(
        task_id="land", destination="s3://lake/braze", lookback_days="auto"
    )
    assert "the run's own and the lookback" in task.doc_md


@pytest.mark.parametrize("kind", OPERATORS)
def test_users_description_is_kept(kind):
    assert kind(task_id="task", destination="s3://lake/braze", doc_md="Ours.").doc_md == "Ours."
    assert kind(task_id="task", destination="s3://lake/braze", doc_md="").doc_md == ""
    with DAG("dag", start_date=datetime(2026, 11, 1, tzinfo=timezone.utc), schedule=None, default_args={"doc_md": "A"}):
        assert kind(task_id="task", destination="s3://lake/braze").doc_md == "A"


@pytest.mark.parametrize("kind", OPERATORS)
def test_mapped_task_has_the_description_of_the_task(kind):
    given = {"destination": "s3://lake/braze", "object_storage_conn_id": None}
    with DAG("dag", start_date=datetime(2026, 11, 1, tzinfo=timezone.utc), schedule=None):
        mapped = kind.partial(task_id="mapped", destination="s3://lake/braze").expand(object_storage_conn_id=["a", "b"])
        own = kind.partial(task_id="own", destination="s3://lake/braze", doc_md="Ours.").expand(
            object_storage_conn_id=["a", "b"]
        )
    assert mapped.doc_md == kind(task_id="task", **given).doc_md
    assert own.doc_md == "Ours."
    with DAG("dag", start_date=datetime(2026, 11, 1, tzinfo=timezone.utc), schedule=None, default_args={"doc_md": "A"}):
        other = kind.partial(task_id="other", destination="s3://lake/braze").expand(object_storage_conn_id=["a"])
    assert other.doc_md == "A"


@pytest.mark.parametrize("kind", OPERATORS)
def test_description_links_to_existing_pages(kind):
    text = kind(task_id="task", destination="s3://lake/braze").doc_md
    pages = re.findall(r"docs/[\w-]+\.md", text)
    assert pages
    assert all((ROOT / page).exists() for page in pages)
    assert "://" not in text


def test_descriptions_contain_no_value_of_a_dag():
    series = all_series()[0]
    texts = (COVERAGE, describe_audit(series), describe_landing(series, (), 0))
    assert not [text for text in texts if "{" in text or "<" in text]


def test_landed_days_end_with_the_last_one():
    record = {"plan": {"window": {"start": "2026-10-20", "end": "2026-11-20"}}, "changed_days": ["2026-11-19"]}
    assert describe_days(record) == "2026-10-20 to 2026-11-19, 1 changed"


def test_landed_days_are_known_only_after_the_task(braze, make_context, tmp_path):
    task = CampaignDataSeriesToObjectStorageOperator(
        task_id="land", destination=f"file://{tmp_path}", start="2026-11-01", end="2026-11-03", tables=["campaign_days"]
    )
    assert task.landed_days is None
    task.execute(make_context())
    assert task.landed_days == "2026-11-01 to 2026-11-02, 2 changed"


@pytest.mark.since_airflow("3.0")
def test_landed_days_are_a_rendered_field_that_airflow_deserializes():
    assert "landed_days" in CanvasDataSeriesToObjectStorageOperator.template_fields
    assert CanvasDataSeriesToObjectStorageOperator.overwrite_rtif_after_execution
