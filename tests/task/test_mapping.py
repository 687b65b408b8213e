from __future__ import annotations

from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path

import pytest

from airflow_provider_braze.landing.destination import is_literal
from airflow_provider_braze.task.airflow import DAG, AirflowFailException
from airflow_provider_braze.task.mapping import copies_collide, is_mapped
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from tests.lines import AIRFLOW

task_group = import_module("airflow.sdk" if AIRFLOW.major >= 3 else "airflow.decorators").task_group


@pytest.mark.parametrize(("map_index", "mapped"), [(-1, False), (0, True), (7, True)])
def test_is_mapped(make_context, map_index, mapped):
    assert is_mapped(make_context(map_index=map_index)) is mapped


LITERAL = "s3://lake/braze"
TEMPLATE = "s3://lake/{{ params.name }}"


def operator(**arguments):
    return CampaignDataSeriesToObjectStorageOperator(task_id="land", **arguments)


def a_dag():
    return DAG("a_dag", schedule=None, start_date=datetime(2026, 11, 1, tzinfo=timezone.utc))


@pytest.mark.parametrize(
    ("partial", "mapped", "collide"),
    [
        ({"destination": LITERAL}, {"campaign_ids": ["a", "b"]}, True),
        ({"destination": Path("/data/braze")}, {"campaign_ids": ["a", "b"]}, True),
        ({"destination": LITERAL, "parts": 2, "part": 0}, {"campaign_ids": ["a", "b"]}, True),
        ({"destination": LITERAL, "parts": 2}, {"part": [0, 1]}, False),
        ({"destination": LITERAL, "parts": 2}, {"part": [0, 1], "braze_conn_id": ["a", "b"]}, True),
        ({"parts": 2}, {"part": [0, 1], "destination": [LITERAL, "s3://lake/other"]}, False),
        ({"destination": TEMPLATE}, {"campaign_ids": ["a", "b"]}, False),
        ({}, {"destination": [LITERAL, "s3://lake/other"]}, False),
    ],
)
def test_copies_of_a_mapped_task(make_context, partial, mapped, collide):
    with a_dag() as dag:
        CampaignDataSeriesToObjectStorageOperator.partial(task_id="land", **partial).expand(**mapped)
    context = make_context(map_index=0, dag=dag)
    part = mapped["part"][0] if "part" in mapped else partial.get("part")
    assert copies_collide(context, "land", has_literal_destination=True, part=part) is collide


@pytest.mark.parametrize(
    ("arguments", "collide"),
    [
        (lambda each: {"destination": LITERAL, "campaign_ids": each}, True),
        (lambda each: {"destination": LITERAL, "campaign_ids": each, "parts": 2, "part": 0}, True),
        (lambda each: {"destination": TEMPLATE}, False),
        (lambda each: {"destination": each}, False),
    ],
)
def test_copies_of_a_task_in_a_mapped_group(make_context, arguments, collide):
    declared = {}

    with a_dag() as dag:

        @task_group
        def group(each):
            given = declared["given"] = arguments(each)
            operator(**given)

        group.expand(each=["a", "b"])

    context = make_context(map_index=0, dag=dag)
    has_literal = is_literal(declared["given"]["destination"])
    part = declared["given"].get("part")
    assert copies_collide(context, "group.land", has_literal_destination=has_literal, part=part) is collide
    # A run that is not mapped never collides.
    assert not copies_collide(make_context(dag=dag), "group.land", has_literal_destination=has_literal, part=part)


def test_copy_in_a_mapped_group_over_one_destination_fails_before_any_request(make_context, braze_sandbox, tmp_path):
    with a_dag() as dag:

        @task_group
        def group(each):
            operator(destination=tmp_path / "lake", campaign_ids=each)

        group.expand(each=["a", "b"])

    task = dag.get_task("group.land")
    task.campaign_ids = ["a"]
    with pytest.raises(AirflowFailException, match="This task is mapped, and its copies land in the same destination"):
        type(task).execute(task, make_context(map_index=1, dag=dag))
    assert braze_sandbox.count() == 0
    assert not (tmp_path / "lake").exists()


def test_parts_mapped_with_other_arguments_do_not_collide(make_context):
    with a_dag() as dag:
        CampaignDataSeriesToObjectStorageOperator.partial(task_id="land", destination=LITERAL, parts=2).expand_kwargs(
            [{"part": 0, "spool_folder": "/a"}, {"part": 1, "spool_folder": "/b"}]
        )
    context = make_context(map_index=0, dag=dag)
    assert not copies_collide(context, "land", has_literal_destination=True, part=0)
