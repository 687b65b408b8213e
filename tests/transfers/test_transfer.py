"""Whole runs of the transfer against the sandbox, on local files and on a real S3 server alike."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from functools import partial
from types import SimpleNamespace

import pytest

from airflow_provider_braze.exceptions import (
    BrazeConfigError,
    BrazeError,
    BrazeMissingDaysError,
    BrazePartialError,
    BrazeServerError,
    BrazeWindowError,
)
from airflow_provider_braze.landing import run as landing_run
from airflow_provider_braze.sandbox import data
from airflow_provider_braze.task.airflow import AirflowFailException, AirflowSkipException, ObjectStoragePath
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from tests.killing import killed_once

pytestmark = [pytest.mark.any_store, pytest.mark.unmeasured]

DATA_SERIES = "/campaigns/data_series"
UTC = timezone.utc


@pytest.fixture
def land(braze_sandbox, destination, make_context):
    """Return a function that runs the task once. Its keyword arguments are the operator's, except ``context``."""
    # A stopped clock, because the figures of the last 30 days grow by the minute.
    braze_sandbox.configure(as_of="2026-11-19T06:00:00Z")

    def run(context=None, **arguments):
        arguments = {
            "destination": destination.uri,
            "object_storage_conn_id": destination.conn_id,
            "lookback_days": 6,
            **arguments,
        }
        operator = CampaignDataSeriesToObjectStorageOperator(task_id="land", **arguments)
        return operator.execute(context or make_context())

    return run


def expected_days(braze, ids, days):
    """Return the expected rows of ``campaign_days`` for some campaigns and days, computed by the sandbox."""
    return {
        (campaign_id, day): data.day_object(braze.settings, campaign_id, day)["unique_recipients"]
        for campaign_id in ids
        for day in days
    }


def landed_days(destination):
    rows = destination.table("campaign_days").select(["campaign_id", "day", "unique_recipients"]).to_pylist()
    return {(row["campaign_id"], row["day"]): row["unique_recipients"] for row in rows}


def days_until(last: date, count: int) -> list[date]:
    return [last - timedelta(days=back) for back in range(count)]


WEEK = days_until(date(2026, 11, 18), 7)  # make_context's run is due on 19 November, 06:00 UTC


def test_daily_run_with_default_lookback_makes_one_request_per_campaign(land, braze_sandbox, destination):
    land(lookback_days=30)
    assert braze_sandbox.count(DATA_SERIES) == 20
    assert {day for _, day in landed_days(destination)} == set(days_until(date(2026, 11, 18), 31))
    assert len(landed_days(destination)) == 20 * 31


def test_run_lands_the_figures_of_braze(land, braze_sandbox, destination):
    land()
    ids = data.campaign_ids(braze_sandbox.settings)
    assert landed_days(destination) == expected_days(braze_sandbox, ids, WEEK)


def test_objects_have_documented_names(land, destination):
    land(lookback_days=0)
    contents = destination.contents()
    (record,) = (name for name in contents if name.startswith("_braze/campaigns/journal/"))
    assert contents.keys() - {record} == {
        "campaign_days/dt=2026-11-18/part-00-of-01.parquet",
        "campaign_messages/dt=2026-11-18/part-00-of-01.parquet",
        "campaigns/campaigns.parquet",
        "_braze/README.txt",
        "_braze/destination.json",
        "_braze/campaigns/layout.json",
    }


def test_campaigns_table_contains_the_whole_list(land, braze_sandbox, destination):
    land(lookback_days=0)
    rows = {row["campaign_id"]: row for row in destination.table("campaigns").to_pylist()}
    settings = braze_sandbox.settings
    entries = [data.campaign_entry(settings, number) for number in range(settings.campaigns)]
    assert {key: row["name"] for key, row in rows.items()} == {entry["id"]: entry["name"] for entry in entries}
    assert {key: row["tags"] for key, row in rows.items()} == {entry["id"]: entry["tags"] for entry in entries}


def test_same_run_twice_writes_no_data_object(land, destination):
    first = land()
    before = destination.data()
    second = land()
    assert destination.data() == before
    assert (first["changed_days"], second["changed_days"]) == (7, 0)
    record = destination.record(second["record"])
    assert record["changed_days"] == []
    assert not any(table["written"] for table in record["tables"].values())


@pytest.mark.parametrize("batch_days", [1, 20])
def test_run_in_small_batches_lands_the_same_bytes(batch_days, land, destination, monkeypatch):
    land()
    whole = destination.data()
    destination.restore({})
    monkeypatch.setattr(landing_run, "BATCH_WEIGHT", batch_days)
    land()
    assert destination.data() == whole


def test_shuffled_responses_change_nothing(land, braze_sandbox, destination):
    land()
    before = destination.data()
    braze_sandbox.configure(row_order="shuffled")
    assert land()["changed_days"] == 0
    assert destination.data() == before


def test_restated_days_are_landed_again_and_reported(land, braze_sandbox, destination):
    land()
    before = destination.data()
    braze_sandbox.configure(as_of="2026-11-21T06:00:00Z")
    summary = land()
    after = destination.data()
    ids = data.campaign_ids(braze_sandbox.settings)
    assert landed_days(destination) == expected_days(braze_sandbox, ids, WEEK)
    changed = {name.split("/")[1].removeprefix("dt=") for name in after if after[name] != before[name]}
    assert changed
    assert destination.record(summary["record"])["changed_days"] == sorted(changed)
    assert summary["changed_days"] == len(changed)


def test_rerun_of_few_campaigns_keeps_all_others(land, braze_sandbox, destination):
    braze_sandbox.configure(campaigns=50)
    land()
    ids = data.campaign_ids(braze_sandbox.settings)
    early = expected_days(braze_sandbox, ids, WEEK)
    braze_sandbox.configure(as_of="2026-11-21T06:00:00Z")
    messages = destination.table("campaign_messages")
    land(campaign_ids=ids[:3])
    expected = early | expected_days(braze_sandbox, ids[:3], WEEK)
    assert landed_days(destination) == expected
    import pyarrow.compute as pc

    def others(table):
        return table.filter(pc.invert(pc.is_in(table["campaign_id"], value_set=__import__("pyarrow").array(ids[:3]))))

    assert others(destination.table("campaign_messages")).equals(others(messages))


def test_rejected_listed_campaign_is_named_and_the_rest_lands(land, braze_sandbox, destination, caplog):
    ids = data.campaign_ids(braze_sandbox.settings)
    braze_sandbox.configure(faults={"bad_subjects": {ids[3]: 400, ids[5]: 404}})
    with caplog.at_level(logging.WARNING, "airflow_provider_braze"):
        summary = land()
    assert summary["campaigns"] == {"landed": 18, "rejected": 2, "failed": 0, "with_missing_days": 0}
    rejected = destination.record(summary["record"])["subjects"]["rejected"]
    assert {key: value["class"] for key, value in rejected.items()} == {
        ids[3]: "BrazeRequestError",
        ids[5]: "BrazeNotFoundError",
    }
    assert landed_days(destination) == expected_days(braze_sandbox, {*ids} - {ids[3], ids[5]}, WEEK)
    (warning,) = [record.getMessage() for record in caplog.records if "rejects" in record.getMessage()]
    assert ids[3] in warning
    assert ids[5] in warning


def test_rejected_campaign_is_not_requested_for_older_days(land, braze_sandbox, destination):
    ids = data.campaign_ids(braze_sandbox.configure(campaigns=4))
    braze_sandbox.configure(faults={"bad_subjects": {ids[3]: 400}})
    summary = land(lookback_days=100, tables=["campaign_days"])
    assert braze_sandbox.count(DATA_SERIES) == 3 * 2 + 1
    assert summary["campaigns"] == {"landed": 3, "rejected": 1, "failed": 0, "with_missing_days": 0}
    days = days_until(date(2026, 11, 18), 101)
    assert landed_days(destination) == expected_days(braze_sandbox, {*ids} - {ids[3]}, days)


def test_run_where_all_campaigns_are_rejected_fails_permanently(land, braze_sandbox):
    braze_sandbox.configure(faults={"bad_subjects": dict.fromkeys(data.campaign_ids(braze_sandbox.settings), 400)})
    with pytest.raises(AirflowFailException, match="No campaign was returned"):
        land()


def test_rejected_given_campaign_fails_by_name_after_the_rest_landed(land, braze_sandbox, destination):
    ids = data.campaign_ids(braze_sandbox.settings)
    with pytest.raises(AirflowFailException, match="no-such-campaign") as raised:
        land(campaign_ids=[*ids[:4], "no-such-campaign"])
    assert isinstance(raised.value.__cause__, BrazePartialError)
    assert set(raised.value.__cause__.failures) == {"no-such-campaign"}
    assert landed_days(destination) == expected_days(braze_sandbox, ids[:4], WEEK)


@pytest.fixture
def two_attempts(braze_sandbox, no_backoff, monkeypatch):
    """Limit the connection to two attempts, so that no test waits half a minute to retry."""
    connection = json.loads(os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"])
    connection["extra"]["max_attempts"] = 2
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))


@pytest.mark.usefixtures("two_attempts")
@pytest.mark.parametrize("listed", [True, False])
def test_campaign_that_always_fails_is_named_after_the_rest_landed(land, braze_sandbox, destination, listed):
    ids = data.campaign_ids(braze_sandbox.settings)
    braze_sandbox.configure(faults={"bad_subjects": {ids[3]: 500}})
    with pytest.raises(BrazePartialError, match=ids[3]) as raised:
        land(campaign_ids=None if listed else ids)
    assert not raised.value.is_permanent
    assert landed_days(destination) == expected_days(braze_sandbox, {*ids} - {ids[3]}, WEEK)
    (record,) = [v for k, v in destination.contents().items() if k.startswith("_braze/campaigns/journal/")]
    assert json.loads(record)["state"] == "failed"
    assert json.loads(record)["subjects"]["failed"][ids[3]]["class"] == "BrazeServerError"


@pytest.mark.usefixtures("two_attempts")
def test_days_that_a_failed_run_changed_are_reported_by_the_next_success(land, braze_sandbox, destination):
    ids = data.campaign_ids(braze_sandbox.settings)
    braze_sandbox.configure(faults={"bad_subjects": {ids[3]: 500}})
    with pytest.raises(BrazePartialError):
        land()
    braze_sandbox.configure(faults={"bad_subjects": {}})
    assert land(campaign_ids=ids[3:4])["changed_days"] == 7
    assert land(campaign_ids=ids[3:4])["changed_days"] == 0


@pytest.mark.usefixtures("two_attempts")
@pytest.mark.parametrize("do_xcom_push", [True, False])
def test_failed_task_pushes_the_address_of_its_record_to_xcom(
    land, make_context, braze_sandbox, destination, do_xcom_push
):
    ids = data.campaign_ids(braze_sandbox.settings)
    braze_sandbox.configure(faults={"bad_subjects": {ids[3]: 500}})
    context, pushed = make_context(), {}
    context["ti"].xcom_push = lambda key, value: pushed.update({key: value})
    with pytest.raises(BrazePartialError):
        land(context, do_xcom_push=do_xcom_push)
    assert pushed.keys() == ({"record"} if do_xcom_push else set())
    assert all(destination.record(uri)["state"] == "failed" for uri in pushed.values())


def test_retry_reports_the_changes_of_a_try_that_was_killed_at_its_end(land, make_context, destination):
    assert land()["changed_days"] == 7
    # Its record was written, but its success did not reach Airflow.
    assert land(make_context(try_number=2))["changed_days"] == 7
    assert land(make_context("scheduled", try_number=2))["changed_days"] == 0


@pytest.mark.usefixtures("two_attempts")
def test_failing_campaign_may_be_skipped(land, braze_sandbox, destination):
    ids = data.campaign_ids(braze_sandbox.settings)
    braze_sandbox.configure(faults={"bad_subjects": {ids[3]: 500}})
    assert land(campaign_ids=ids, on_campaign_error="skip")["campaigns"]["failed"] == 1


@pytest.mark.usefixtures("two_attempts")
def test_run_gives_up_soon_when_every_request_fails(land, braze_sandbox, destination):
    braze_sandbox.configure(campaigns=500, faults={"rate_500": 1.0, "endpoints": ["campaigns.data_series"]})
    with pytest.raises(BrazeServerError):
        land()
    assert braze_sandbox.count(DATA_SERIES) < 200
    assert destination.data() == {}


def test_injected_transient_faults_lose_nothing(land, braze_sandbox, destination):
    braze_sandbox.configure(
        campaigns=100,
        faults={
            "rate_429": 0.05,
            "retry_after_reset_seconds": 1,
            "rate_500": 0.02,
            "rate_cut": 0.02,
            "rate_html": 0.02,
            "rate_reset": 0.02,
            "foreign_days": 0.1,
            "double_days": 0.1,
        },
    )
    summary = land()
    ids = data.campaign_ids(braze_sandbox.settings)
    assert landed_days(destination) == expected_days(braze_sandbox, ids, WEEK)
    assert summary["retries"] > 0


def test_missing_days_are_named_and_keep_their_rows(land, braze_sandbox, destination):
    ids = data.campaign_ids(braze_sandbox.settings)
    land()
    before = landed_days(destination)
    braze_sandbox.configure(faults={"missing_days": {ids[0]: ["2026-11-16"]}})
    summary = land()
    assert summary["campaigns"]["with_missing_days"] == 1
    record = destination.record(summary["record"])
    assert record["subjects"]["missing_days"] == {ids[0]: ["2026-11-16"]}
    assert landed_days(destination) == before
    with pytest.raises(BrazeMissingDaysError, match=ids[0]):
        land(missing_days="fail")


def test_day_that_no_campaign_returned_is_an_error(land, braze_sandbox, destination):
    braze_sandbox.configure(faults={"missing_days": {"*": ["2026-11-16"]}})
    with pytest.raises(BrazeMissingDaysError, match="None of the 20 campaigns returned data for 2026-11-16"):
        land()
    assert {day for _, day in landed_days(destination)} == set(WEEK) - {date(2026, 11, 16)}
    assert not [name for name in destination.data() if "2026-11-16" in name]
    assert land(missing_days="ignore")["campaigns"]["with_missing_days"] == 20


def test_empty_workspace_lands_empty_objects(land, braze_sandbox, destination):
    braze_sandbox.configure(campaigns=0)
    assert land(lookback_days=0)["rows"] == {"campaign_days": 0, "campaign_messages": 0, "campaigns": 0}
    assert destination.table("campaign_days").num_rows == 0


def test_run_fails_when_all_campaigns_are_rejected_after_the_newest_days(land, braze_sandbox, monkeypatch):
    """The newest days land, then every campaign is rejected. A successful task would hide that years are missing."""
    ids = data.campaign_ids(braze_sandbox.settings)
    fetched = iter(range(10**6))
    served = braze_sandbox.configure

    def reject_from_the_second_chunk(message, *arguments, **others):
        if "Landed" in message and next(fetched) == 0:
            served(faults={"bad_subjects": dict.fromkeys(ids, 400)})

    from airflow_provider_braze.landing import run

    monkeypatch.setattr(run.log, "info", reject_from_the_second_chunk)
    with pytest.raises(AirflowFailException, match="No campaign was returned for all days"):
        land(lookback_days=200, tables=["campaign_days"])


@pytest.mark.parametrize("nothing", ["None", ""])
def test_arguments_that_render_to_nothing_count_as_omitted(land, nothing):
    land(timezone=nothing, spool_folder=nothing, lookback_days=0)


def test_run_of_only_the_campaign_list_makes_no_data_request(land, braze_sandbox, destination):
    summary = land(tables=["campaigns"])
    assert braze_sandbox.count(DATA_SERIES) == 0
    assert summary["rows"] == {"campaigns": 20}
    assert set(destination.data()) == {"campaigns/campaigns.parquet"}
    with pytest.raises(AirflowFailException, match="the list of campaigns alone"):
        land(tables=["campaigns"], campaign_ids="a")


def test_empty_list_of_ids_is_skipped(land, destination):
    with pytest.raises(AirflowSkipException):
        land(campaign_ids=[])
    assert destination.contents() == {}


def test_hourly_run_without_an_ended_day_is_skipped(land, destination, make_context, braze_sandbox):
    begin = datetime(2026, 11, 18, 6, tzinfo=UTC)
    context = make_context("scheduled", data_interval_start=begin, data_interval_end=begin + timedelta(hours=1))
    with pytest.raises(AirflowSkipException, match="No day ended"):
        land(context)
    assert braze_sandbox.count() == 0


def test_day_that_has_not_ended_fails_and_may_be_retried(land, braze_sandbox):
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    with pytest.raises(BrazeWindowError, match="is not over"):
        land(start=tomorrow, end=tomorrow + timedelta(days=1))
    assert braze_sandbox.count(DATA_SERIES) == 0


def test_dry_run_returns_the_plan_without_a_data_request(land, braze_sandbox, destination):
    plan = land(dry_run=True, lookback_days=200)
    assert plan["window"] == {"start": "2026-05-02", "end": "2026-11-19"}
    assert (plan["rule"], plan["subjects"], plan["calls"]) == ("run_after", 20, 60)
    assert braze_sandbox.count(DATA_SERIES) == 0
    assert destination.contents() == {}


@pytest.mark.parametrize("dry_run", [True, False])
def test_log_groups_only_the_plan(land, caplog, dry_run):
    caplog.set_level(logging.INFO, "airflow_provider_braze")
    land(dry_run=dry_run)
    begin, end = (next(i for i, line in enumerate(caplog.messages) if mark in line) for mark in ("::group::", "::end"))
    assert [i for i, line in enumerate(caplog.messages) if "::" in line] == [begin, end]
    assert caplog.messages[begin].startswith("::group::Plan: 20 campaigns, ")
    after = {line.split()[0] for line in caplog.messages[end + 1 :]}
    assert after >= (set() if dry_run else {"Fetched", "Landed", "Campaigns:", "Record:"})


def test_log_of_a_failed_run_ends_with_its_record(land, braze_sandbox, caplog):
    ids = data.campaign_ids(braze_sandbox.settings)
    caplog.set_level(logging.INFO, "airflow_provider_braze")
    with pytest.raises(AirflowFailException, match="1 campaign failed, the other 4 were returned: no-such-campaign "):
        land(campaign_ids=[*ids[:4], "no-such-campaign"])
    assert "Campaigns: 4 landed, 0 rejected, 1 failed, 0 with missing days" in caplog.messages
    assert caplog.messages[-1].startswith("Record: ")


def test_all_parts_land_the_same_as_one_task(land, braze_sandbox, destination, make_context):
    braze_sandbox.configure(campaigns=20)
    dag = _dag_mapped_over("part", destination)
    for part in range(5):
        land(make_context(map_index=part, dag=dag), parts=5, part=part, lookback_days=1)
    ids = data.campaign_ids(braze_sandbox.settings)
    assert landed_days(destination) == expected_days(braze_sandbox, ids, WEEK[:2])
    assert destination.table("campaigns").num_rows == 20
    objects = Counter(name.rsplit("/", 1)[1] for name in destination.data() if name.startswith("campaign_days/"))
    assert objects == {f"part-{part:02d}-of-05.parquet": 2 for part in range(5)}


def _dag_mapped_over(name, destination):
    declared = {"destination": destination.uri}
    declared.pop(name, None)
    task = SimpleNamespace(partial_kwargs=declared, expand_input=SimpleNamespace(value={name: []}))
    return SimpleNamespace(get_task=lambda task_id: task)


def test_mapped_task_without_part_over_one_destination_is_rejected(land, destination, make_context, braze_sandbox):
    context = make_context(map_index=0, dag=_dag_mapped_over("campaign_ids", destination))
    with pytest.raises(AirflowFailException, match=r"expand\(part="):
        land(context, campaign_ids=["a"])
    assert braze_sandbox.count() == 0


def test_mapped_task_over_destinations_is_allowed(land, destination, make_context):
    land(make_context(map_index=0, dag=_dag_mapped_over("destination", destination)), lookback_days=0)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"parts": 2, "part": 0}, "parts"),
        ({"file_format": "jsonl"}, "file_format"),
        ({"timezone": "Asia/Seoul"}, "timezone"),
    ],
)
def test_other_layout_is_rejected_before_any_data_request(land, braze_sandbox, destination, change, named):
    land(lookback_days=0)
    before = destination.contents()
    braze_sandbox.reset_requests()
    with pytest.raises(AirflowFailException, match=f"with {named}="):
        land(lookback_days=0, **change)
    assert braze_sandbox.count() == 0
    assert destination.contents() == before


def test_run_that_fails_before_any_data_writes_no_layout(land, braze_sandbox, destination):
    ids = data.campaign_ids(braze_sandbox.settings)
    braze_sandbox.configure(faults={"bad_subjects": dict.fromkeys(ids, 400)})
    with pytest.raises(AirflowFailException):
        land(campaign_ids=ids, timezone="Asia/Seoul", parts=2, part=0)
    assert destination.data() == {}
    braze_sandbox.configure(faults={"bad_subjects": {}})
    land(campaign_ids=ids, timezone="UTC")
    assert json.loads(destination.contents()["_braze/destination.json"])["timezone"] == "UTC"
    assert json.loads(destination.contents()["_braze/campaigns/layout.json"])["parts"] == 1


def test_destination_is_checked_when_the_dag_is_parsed():
    with pytest.raises(BrazeConfigError, match="does not have an absolute path"):
        CampaignDataSeriesToObjectStorageOperator(task_id="land", destination="file://data/braze")


def test_rendered_destination_is_checked_before_any_request(make_context, braze_sandbox):
    operator = CampaignDataSeriesToObjectStorageOperator(task_id="land", destination="{{ params.lake }}")
    operator.destination = "file://data/braze"  # as Airflow renders it
    with pytest.raises(AirflowFailException, match="does not have an absolute path"):
        operator.execute(make_context())
    assert braze_sandbox.count() == 0


def test_path_object_with_a_template_is_rendered(make_context, braze_sandbox, tmp_path):
    destination = tmp_path / "{{ name }}"
    operator = CampaignDataSeriesToObjectStorageOperator(task_id="land", destination=destination, lookback_days=0)
    context = make_context(name="lake")
    operator.destination = operator.render_template(operator.destination, context)
    operator.execute(context)
    assert (tmp_path / "lake" / "campaigns" / "campaigns.parquet").exists()


def test_path_object_is_a_destination(land, destination):
    path = ObjectStoragePath(destination.uri, conn_id=destination.conn_id)
    land(destination=path, object_storage_conn_id=None, lookback_days=0)
    assert "campaigns/campaigns.parquet" in destination.contents()


def test_other_host_is_rejected(land, braze_sandbox, braze_sandbox_factory):
    land(lookback_days=0)
    braze_sandbox_factory(conn_id="braze_other")
    with pytest.raises(AirflowFailException, match="with host="):
        land(lookback_days=0, braze_conn_id="braze_other")


def test_jsonl_lands_the_same_rows(land, braze_sandbox, destination):
    import gzip

    land(file_format="jsonl", tables=["campaign_days"])
    rows = [
        json.loads(line) for content in destination.data().values() for line in gzip.decompress(content).splitlines()
    ]
    found = {(row["campaign_id"], date.fromisoformat(row["day"])): row["unique_recipients"] for row in rows}
    assert found == expected_days(braze_sandbox, data.campaign_ids(braze_sandbox.settings), WEEK)
    assert land(file_format="jsonl", tables=["campaign_days"])["changed_days"] == 0


def test_raw_table_contains_the_day_objects(land, braze_sandbox, destination):
    land(tables=["campaign_raw"])
    settings = braze_sandbox.settings
    rows = destination.table("campaign_raw").to_pylist()
    assert len(rows) == 20 * 7
    for row in rows:
        assert json.loads(row["payload"]) == data.day_object(settings, row["campaign_id"], row["day"])


def test_summary_is_flat_and_plain(land, braze_sandbox):
    short = land(lookback_days=0)
    braze_sandbox.configure(campaigns=100)
    long = land(lookback_days=30)
    assert len(json.dumps(long)) - len(json.dumps(short)) < 40
    assert "/_braze/campaigns/journal/" in long["record"]


def test_record_contains_run_plan_and_objects(land, destination):
    summary = land(lookback_days=1)
    record = destination.record(summary["record"])
    assert record["run"] == {
        "dag_id": "dag",
        "run_id": "manual__test",
        "task_id": "task",
        "map_index": -1,
        "try_number": 1,
    }
    assert record["plan"]["rule"] == "run_after"
    assert record["next_day_ends"] == "2026-11-20T00:00:00+00:00"
    sizes = {name: len(content) for name, content in destination.data().items()}
    recorded = {item["path"]: item["bytes"] for table in record["tables"].values() for item in table["objects"]}
    assert recorded == sizes
    assert record["drift"]


def test_wrong_key_fails_permanently_and_is_never_shown(land, braze_sandbox, destination, monkeypatch, caplog, capfd):
    secret = "a-very-secret-wrong-key"
    connection = json.loads(os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"])
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps({**connection, "password": secret}))
    with caplog.at_level(logging.DEBUG), pytest.raises(AirflowFailException, match="BrazeAuthError") as raised:
        land()
    assert secret not in caplog.text
    assert secret not in "".join(capfd.readouterr())
    assert secret not in repr(raised.value.__cause__.__dict__)
    assert not any(secret.encode() in content for content in destination.contents().values())


def test_no_resource_is_open_after_success_and_failure(land, braze_sandbox, tmp_path, monkeypatch, destination):
    land(lookback_days=0)  # opens what the process keeps open: the store's file system
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    before = _open_files()
    land()
    braze_sandbox.configure(faults={"missing_days": {"*": ["2026-11-16"]}})
    with pytest.raises(BrazeMissingDaysError):
        land()
    assert list(spool.iterdir()) == []
    # The S3 client keeps its sockets alive. None leads to Braze, and no file is open.
    assert Counter(_open_files()) - Counter(before) == Counter()


def _open_files():
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except FileNotFoundError:
            continue
        if target.startswith("/"):
            found.append(target)
    return found


def test_spool_folder_contains_the_spooled_rows(land, tmp_path):
    with pytest.raises(AirflowFailException, match=r"`spool_folder` .*/nowhere: No such file"):
        land(spool_folder=str(tmp_path / "nowhere"))
    land(spool_folder=str(tmp_path))


@pytest.mark.timeout(60)
def test_on_kill_stops_a_waiting_task(land, braze_sandbox, destination, make_context):
    braze_sandbox.configure(
        faults={"rate_429": 1.0, "retry_after_reset_seconds": 600, "endpoints": ["campaigns.data_series"]}
    )
    operator = CampaignDataSeriesToObjectStorageOperator(
        task_id="land", destination=destination.uri, object_storage_conn_id=destination.conn_id
    )
    is_waiting = partial(braze_sandbox.count, DATA_SERIES, 429)
    with killed_once(operator, is_waiting), pytest.raises(BrazeError, match="Task stopped"):
        operator.execute(make_context())
    assert destination.data() == {}


def test_on_kill_before_execute_does_nothing(destination):
    CampaignDataSeriesToObjectStorageOperator(task_id="land", destination=destination.uri).on_kill()


@pytest.mark.parametrize(
    "wrong",
    [
        {"parts": 0},
        {"parts": 4},
        {"part": 1},
        {"concurrency": 0},
        {"lookback_days": -1},
        {"tables": "campaign_days"},
        {"tables": []},
        {"tables": ["campaign_day"]},
        {"file_format": "csv"},
        {"missing_days": "raise"},
        {"on_campaign_error": "ignore"},
    ],
)
def test_wrong_argument_raises_when_the_dag_is_parsed(wrong):
    with pytest.raises(BrazeConfigError, match=next(iter(wrong))):
        CampaignDataSeriesToObjectStorageOperator(task_id="land", destination="file:///x", **wrong)
