from __future__ import annotations

import json
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest

from airflow_provider_braze.operators.lake import BrazeCoverageOperator
from airflow_provider_braze.task.airflow import DAG
from airflow_provider_braze.task.links import CoverageLink, address_of_page
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

CONSOLE = "https://console.aws.amazon.com/s3/object/lake?prefix=braze/_braze/coverage/index.html"


@pytest.fixture(autouse=True)
def _no_endpoint(monkeypatch):
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("destination", "address"),
    [
        ("gs://lake/braze", "https://storage.cloud.google.com/lake/braze/_braze/coverage/index.html"),
        ("gs://lake", "https://storage.cloud.google.com/lake/_braze/coverage/index.html"),
        ("gs://lake/a b&<c>", "https://storage.cloud.google.com/lake/a%20b%26%3Cc%3E/_braze/coverage/index.html"),
        ("s3://lake/braze", CONSOLE),
        ("abfs://lake/braze", ""),
        ("file:///data/braze", ""),
        ("s3://lake/{{ ds }}", ""),
        ("javascript://lake/braze", ""),
    ],
)
def test_only_destinations_with_a_web_page_have_a_link(destination, address):
    assert address_of_page(destination) == address


@pytest.mark.parametrize(
    ("extra", "address"),
    [
        ({}, CONSOLE),
        ({"endpoint_url": "https://minio.example.com"}, ""),
        ({"service_config": {"s3": {"endpoint_url": "https://minio.example.com"}}}, ""),
    ],
)
def test_s3_with_its_own_endpoint_has_no_console(monkeypatch, extra, address):
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps({"conn_type": "aws", "password": "secret", "extra": extra}))
    assert address_of_page("s3://lake/braze", "lake") == address
    assert address_of_page("s3://lake@lake/braze") == address


def test_an_endpoint_of_the_environment_has_no_console(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://minio.example.com")
    assert address_of_page("s3://lake/braze") == ""


def test_unreadable_connection_only_removes_the_link():
    assert address_of_page("s3://lake/braze", "unknown") == ""


@pytest.mark.parametrize("kind", [CampaignDataSeriesToObjectStorageOperator, BrazeCoverageOperator])
def test_tasks_have_the_link(kind):
    task = kind(task_id="task", destination="gs://lake/braze")
    (link,) = task.operator_extra_links
    assert link.name == "Coverage"
    assert link.get_link(task, ti_key=None).endswith("/braze/_braze/coverage/index.html")


def test_link_points_to_the_written_page():
    from airflow_provider_braze.coverage.report import PAGE

    assert address_of_page("gs://lake").endswith(f"/{PAGE}")
    assert address_of_page("s3://lake").endswith(f"?prefix={PAGE}")
    assert CoverageLink().get_link(SimpleNamespace(), ti_key=None) == ""


def test_link_is_part_of_a_serialized_dag():
    try:
        from airflow.serialization.serialized_objects import DagSerialization as serialization
    except ImportError:  # before Airflow 3.2
        from airflow.serialization.serialized_objects import SerializedDAG as serialization

    with DAG("dag", start_date=datetime(2026, 11, 1, tzinfo=timezone.utc), schedule=None) as dag:
        BrazeCoverageOperator(task_id="task", destination="gs://lake/braze")
        CampaignDataSeriesToObjectStorageOperator.partial(
            task_id="mapped", destination="gs://lake/braze", parts=2
        ).expand(part=[0, 1])
    assert json.dumps(serialization.to_dict(dag)).count("CoverageLink") >= 2


def test_provider_lists_the_link():
    from airflow_provider_braze.get_provider_info import get_provider_info

    assert get_provider_info()["extra-links"] == [f"{CoverageLink.__module__}.{CoverageLink.__name__}"]
