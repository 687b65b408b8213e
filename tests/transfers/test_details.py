"""The table of campaign details, and the lookback computed from them: whole runs, on local files and on S3."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from functools import partial
from types import SimpleNamespace

import pytest

from airflow_provider_braze.exceptions import BrazeAuthError, BrazeDataError, BrazeError, BrazePartialError
from airflow_provider_braze.sandbox import data
from airflow_provider_braze.task.airflow import AirflowFailException
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from tests.killing import killed_once

DETAILS, SERIES = "/campaigns/details", "/campaigns/data_series"
pytestmark = pytest.mark.any_store

UNFINISHED = "20261119T060000000000-00-1a2b3c4d-5e6f7a8b-0123456789ab.json"
A_KILLED_TRY = json.dumps(
    {
        "state": "running",
        "run": {"dag_id": "other", "run_id": "run", "task_id": "land", "map_index": -1, "try_number": 1},
        "planned_at": "2026-11-19T05:59:00+00:00",
        "fetched_at": "2026-11-19T05:59:00+00:00",
        "plan": {
            "window": {"start": "2026-11-17", "end": "2026-11-18"},
            **{"rule": "schedule", "lookback_days": 0, "timezone": "UTC"},
        },
        "tables": {},
        "writes": {"start": "2026-11-17", "end": "2026-11-18"},
        "given": None,
        "settled": None,
    }
).encode()
OBJECT = "campaign_details/part-00-of-01.parquet"
WITH_DETAILS = ["campaign_days", "campaign_details"]
# Indexes of campaigns in the sandbox, by their conversion window.
NO_WINDOW, ONE_DAY, SEVEN_DAYS, THIRTY_DAYS = 4, 1, 0, 2


@pytest.fixture
def land(braze, destination, make_context):
    """Return a function that runs the task once. Its keyword arguments are the operator's, except ``context``."""
    braze.configure(as_of="2026-11-19T06:00:00Z")

    def run(context=None, **arguments):
        arguments = {
            "destination": destination.uri,
            "object_storage_conn_id": destination.conn_id,
            "lookback_days": 0,
            "tables": WITH_DETAILS,
            **arguments,
        }
        operator = CampaignDataSeriesToObjectStorageOperator(task_id="land", **arguments)
        return operator.execute(context or make_context())

    return run


@pytest.fixture
def ids(braze):
    return data.campaign_ids(braze.settings)


@pytest.fixture
def two_attempts(no_backoff, monkeypatch, braze):
    """Limit the connection to two attempts, so that no test waits half a minute to retry."""
    connection = json.loads(os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"])
    connection["extra"]["max_attempts"] = 2
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))


def landed(destination):
    return {row["campaign_id"]: row for row in destination.table("campaign_details").to_pylist()}


def with_days(destination):
    return set(destination.table("campaign_days").column("campaign_id").to_pylist())


def test_details_land_with_the_days_by_one_request_per_campaign(land, braze, destination, ids):
    summary = land()
    rows = landed(destination)
    assert list(rows) == sorted(ids)
    for campaign_id, row in rows.items():
        expected = data.campaign_details(braze.settings, campaign_id)
        assert {each["variation_api_id"]: each["name"] for each in row["messages"]} == {
            key: message.get("name") for key, message in expected["messages"].items()
        }
        assert [(each["type"], each["window_seconds"]) for each in row["conversion_behaviors"]] == [
            (each["type"], each["window"]) for each in expected["conversion_behaviors"]
        ]
        assert (row["tags"], row["archived"]) == (expected["tags"], expected["archived"])
    assert with_days(destination) == set(ids)
    assert braze.count(DETAILS) == braze.count(SERIES) == 20
    assert summary["rows"] == {"campaign_days": 20, "campaign_details": 20}
    assert summary["details"] == {"landed": 20, "rejected": 0, "failed": 0}
    record = destination.record(summary["record"])
    (landed_object,) = record["tables"]["campaign_details"]["objects"]
    assert landed_object == {"path": OBJECT, "rows": 20, "bytes": len(destination.data()[OBJECT])}
    assert record["changed_days"] == ["2026-11-18"]
    assert not [name for name in record["drift"] if name.startswith("details")]


def test_details_are_not_among_the_default_tables(land, braze):
    summary = land(tables=["campaign_days", "campaign_messages", "campaigns"])
    assert braze.count(DETAILS) == 0
    assert summary["details"] is None


def test_unchanged_details_are_not_written(land, destination):
    land()
    before = destination.data()
    summary = land()
    assert destination.data() == before
    table = destination.record(summary["record"])["tables"]["campaign_details"]
    assert (table["written"], table["unchanged"], table["objects"]) == (0, 1, [])


def test_details_of_few_campaigns_replace_only_their_rows(land, braze, destination, ids):
    land()
    before = landed(destination)
    braze.configure(as_of="2026-11-21T06:00:00Z")
    land(campaign_ids=ids[:3])
    after = landed(destination)
    assert {key for key in after if after[key] != before[key]} == set(ids[:3])
    assert list(after) == list(before)


def test_details_of_one_run_or_many_runs_are_the_same_bytes(land, destination, ids):
    land(tables=["campaign_details"])
    whole = destination.data()
    destination.restore({})
    for campaign_id in reversed(ids):
        land(tables=["campaign_details"], campaign_ids=campaign_id)
    assert destination.data() == whole


def test_details_as_jsonl_are_the_same_rows(land, destination, ids):
    import gzip

    land(file_format="jsonl", tables=["campaign_details"])
    land(file_format="jsonl", tables=["campaign_details"], campaign_ids=ids[0])
    (content,) = destination.data().values()
    rows = [json.loads(line) for line in gzip.decompress(content).splitlines()]
    assert [row["campaign_id"] for row in rows] == sorted(ids)
    first = next(row for row in rows if row["campaign_id"] == ids[0])
    assert first["conversion_behaviors"][0]["window_seconds"] == 7 * 86_400


def a_dag_mapped_over_parts(destination):
    over = SimpleNamespace(value={"part": range(4)})
    task = SimpleNamespace(partial_kwargs={"destination": destination.uri}, expand_input=over)
    return SimpleNamespace(get_task=lambda task_id: task)


def test_details_of_all_parts_equal_those_of_one_task(land, destination, ids, make_context):
    dag = a_dag_mapped_over_parts(destination)
    for part in range(4):
        land(make_context(map_index=part, dag=dag), parts=4, part=part)
    assert sorted(landed(destination)) == sorted(ids)
    objects = {name for name in destination.data() if name.startswith("campaign_details/")}
    assert objects == {f"campaign_details/part-{part:02d}-of-04.parquet" for part in range(4)}


def test_run_of_only_details_fetches_no_series_and_changes_no_day(land, braze, destination):
    summary = land(tables=["campaign_details"], lookback_days=30)
    assert braze.count(SERIES) == 0
    assert set(destination.data()) == {OBJECT}
    assert (summary["rows"], summary["changed_days"]) == ({"campaign_details": 20}, 0)
    assert summary["details"]["landed"] == 20


@pytest.mark.parametrize("tables", [["campaign_details"], ["campaigns"]])
def test_run_without_days_keeps_objects_and_unreported_days(land, destination, tables):
    land()
    destination.put(f"_braze/campaigns/journal/{UNFINISHED}", A_KILLED_TRY)
    before = destination.contents()
    other = land(tables=tables)
    after = destination.contents()
    assert {name: after[name] for name in before} == before
    assert destination.record(other["record"])["changed_days"] == []
    assert "2026-11-17" in destination.record(land()["record"])["changed_days"]


def test_details_are_spooled_until_they_land(land, tmp_path):
    with pytest.raises(AirflowFailException, match=r"`spool_folder` .*/nowhere: No such file"):
        land(spool_folder=str(tmp_path / "nowhere"), tables=["campaign_details"])
    spool = tmp_path / "spool"
    spool.mkdir()
    land(spool_folder=str(spool), tables=["campaign_details"])
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize("lookback_days", [0, "auto"])
def test_details_of_a_failed_run_leave_no_file_open(land, destination, lookback_days):
    land()
    destination.put(f"_braze/campaigns/journal/{UNFINISHED}", b"[]")
    before = _files()
    with pytest.raises(BrazeDataError, match="journal") as caught:
        land(lookback_days=lookback_days)
    # While the error exists, its traceback references all that was open.
    assert _files() == before, caught


def _files():
    """Return the unnamed files that are open."""
    found = Counter()
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # that of this listing
            found[os.readlink(f"/proc/self/fd/{descriptor}")] += 1
    return Counter({name: count for name, count in found.items() if "(deleted)" in name})


def test_broken_details_object_does_not_prevent_landing_of_days(land, destination, ids):
    destination.put(OBJECT, b"<html>")
    with pytest.raises(BrazeDataError, match=OBJECT):
        land()
    assert with_days(destination) == set(ids)
    assert destination.contents()[OBJECT] == b"<html>"


def test_details_of_an_empty_workspace_are_an_empty_object(land, braze, destination):
    braze.configure(campaigns=0)
    assert land(tables=["campaign_details"])["rows"] == {"campaign_details": 0}
    assert destination.table("campaign_details").num_rows == 0


@pytest.mark.parametrize("status", [400, 404])
def test_rejected_details_of_a_listed_campaign_are_named_and_its_days_land(
    land, braze, destination, ids, status, caplog
):
    land()
    before = landed(destination)
    braze.configure(as_of="2026-11-21T06:00:00Z", faults={"bad_details": {ids[3]: status}})
    with caplog.at_level(logging.WARNING, "airflow_provider_braze"):
        summary = land()
    assert summary["details"] == {"landed": 19, "rejected": 1, "failed": 0}
    assert summary["campaigns"] == {"landed": 20, "rejected": 0, "failed": 0, "with_missing_days": 0}
    assert list(destination.record(summary["record"])["details"]["rejected"]) == [ids[3]]
    assert with_days(destination) == set(ids)
    assert landed(destination)[ids[3]] == before[ids[3]]
    (warning,) = [each.getMessage() for each in caplog.records if "Kept the landed details" in each.getMessage()]
    assert ids[3] in warning


@pytest.mark.usefixtures("two_attempts")
def test_failed_details_raise_with_names_after_all_else_has_landed(land, braze, destination, ids):
    braze.configure(faults={"bad_details": {ids[3]: 500}})
    with pytest.raises(BrazePartialError, match="The details of 1 campaign failed, those of the other 19") as raised:
        land()
    assert set(raised.value.failures) == {ids[3]}
    assert not raised.value.is_permanent
    assert with_days(destination) == set(ids)
    assert set(landed(destination)) == {*ids} - {ids[3]}
    summary = land(on_campaign_error="skip")
    assert summary["details"] == {"landed": 19, "rejected": 0, "failed": 1}


def test_rejected_details_of_given_campaigns_fail_permanently_after_their_days_landed(land, braze, destination, ids):
    braze.configure(faults={"bad_details": {ids[0]: 400}})
    with pytest.raises(AirflowFailException, match="The details of no campaign were returned") as raised:
        land(campaign_ids=ids[0])
    assert isinstance(raised.value.__cause__, BrazePartialError)
    assert with_days(destination) == {ids[0]}
    assert OBJECT not in destination.data()


@pytest.mark.usefixtures("two_attempts")
def test_campaign_that_fails_in_days_and_details_is_reported_once_and_may_be_retried(land, braze, ids):
    braze.configure(faults={"bad_subjects": {ids[0]: 400}, "bad_details": {ids[1]: 500}})
    with pytest.raises(BrazePartialError) as raised:
        land(campaign_ids=ids)
    assert set(raised.value.failures) == {ids[0], ids[1]}
    assert raised.value.failures[ids[0]].startswith("BrazeRequestError: /campaigns/data_series returned status 400")
    assert raised.value.failures[ids[1]].startswith("BrazeServerError: /campaigns/details returned status 500")
    assert not raised.value.is_permanent


@pytest.mark.usefixtures("two_attempts")
def test_details_that_all_fail_are_given_up_soon_and_the_days_land(land, braze, destination):
    braze.configure(campaigns=200, faults={"rate_500": 1.0, "endpoints": ["campaigns.details"]})
    with pytest.raises(BrazePartialError, match="The details of no campaign were returned") as raised:
        land()
    assert len(raised.value.failures) == 200
    assert braze.count(DETAILS) < 120
    assert len(with_days(destination)) == 200


@pytest.mark.parametrize("arguments", [{}, {"tables": ["campaign_days"], "lookback_days": "auto"}])
def test_missing_permission_for_details_fails_at_once_and_is_named(land, braze, destination, arguments):
    braze.configure(permissions=["campaigns.list", "campaigns.data_series"])
    with pytest.raises(AirflowFailException, match=r"'campaigns\.details'") as raised:
        land(**arguments)
    assert isinstance(raised.value.__cause__, BrazeAuthError)
    assert braze.count(SERIES) == 0
    assert destination.data() == {}


def test_on_kill_stops_a_task_that_waits_for_details(land, braze, destination, make_context):
    braze.configure(faults={"rate_429": 1.0, "retry_after_reset_seconds": 600, "endpoints": ["campaigns.details"]})
    operator = CampaignDataSeriesToObjectStorageOperator(
        task_id="land",
        destination=destination.uri,
        object_storage_conn_id=destination.conn_id,
        lookback_days="auto",
    )
    with killed_once(operator, partial(braze.count, DETAILS, 429)), pytest.raises(BrazeError, match="Task stopped"):
        operator.execute(make_context())
    assert destination.data() == {}


@pytest.mark.parametrize(
    ("places", "days", "window"),
    [
        ([NO_WINDOW], 30, None),
        ([ONE_DAY, NO_WINDOW], 4, ONE_DAY),
        ([ONE_DAY, SEVEN_DAYS], 10, SEVEN_DAYS),
        ([SEVEN_DAYS, THIRTY_DAYS, ONE_DAY], 33, THIRTY_DAYS),
    ],
)
def test_lookback_auto_is_the_longest_conversion_window_plus_three_days(
    land, braze, destination, ids, places, days, window, caplog
):
    with caplog.at_level(logging.INFO, "airflow_provider_braze"):
        summary = land(lookback_days="auto", tables=["campaign_days"], campaign_ids=[ids[place] for place in places])
    assert summary["days"] == days + 1
    assert summary["details"] is None
    plan = destination.record(summary["record"])["plan"]
    seconds = (days - 3) * 86_400 if window is not None else None
    assert plan["lookback_days"] == days
    assert plan["lookback"] == {
        "days": days,
        "campaign_id": ids[window] if window is not None else None,
        "window_seconds": seconds,
        "unknown": 0,
    }
    first = date(2026, 11, 18) - timedelta(days=days)
    assert min(destination.table("campaign_days").column("day").to_pylist()) == first
    assert plan["calls"] == 2 * len(places)
    assert braze.count(DETAILS) == braze.count(SERIES) == len(places)
    assert f"Days: {first} to 2026-11-18" in caplog.text


def test_lookback_auto_with_the_table_fetches_details_once(land, braze, destination, ids):
    assert land(lookback_days="auto")["days"] == 34
    assert braze.count(DETAILS) == 20
    assert list(landed(destination)) == sorted(ids)


@pytest.mark.parametrize(
    "arguments",
    [
        {"start": "2026-11-10", "end": "2026-11-12"},
        {"tables": ["campaigns"]},
    ],
)
def test_lookback_auto_makes_no_request_without_a_lookback(land, braze, arguments):
    summary = land(**{"lookback_days": "auto", "tables": ["campaign_days"], **arguments})
    assert braze.count(DETAILS) == 0
    assert summary["days"] == (2 if "start" in arguments else 1)


def test_lookback_auto_is_not_applied_in_backfill_runs(land, braze, make_context, destination):
    begin = datetime(2026, 11, 17, tzinfo=timezone.utc)
    context = make_context("backfill", data_interval_start=begin, data_interval_end=begin + timedelta(days=1))
    summary = land(context, lookback_days="auto", tables=["campaign_days"])
    assert (braze.count(DETAILS), summary["days"]) == (0, 1)
    assert destination.record(summary["record"])["plan"]["lookback"] is None


def test_lookback_auto_of_each_part_depends_on_its_own_campaigns(land, braze, destination, make_context):
    dag = a_dag_mapped_over_parts(destination)
    braze.configure(campaigns=5)
    days = {
        land(make_context(map_index=part, dag=dag), parts=8, part=part, lookback_days="auto")["days"]
        for part in range(8)
    }
    assert len(days) > 1
    rows = destination.table("campaign_days").to_pylist()
    for campaign_id in data.campaign_ids(braze.settings):
        windows = data.campaign_details(braze.settings, campaign_id)["conversion_behaviors"]
        lookback = max((each["window"] // 86_400 + 3 for each in windows), default=30)
        assert sum(row["campaign_id"] == campaign_id for row in rows) > lookback


@pytest.mark.usefixtures("two_attempts")
def test_lookback_auto_without_some_details_is_at_least_the_default(land, braze, destination, ids, caplog):
    braze.configure(faults={"bad_details": {ids[SEVEN_DAYS]: 500}})
    with caplog.at_level(logging.WARNING, "airflow_provider_braze"):
        summary = land(lookback_days="auto", tables=["campaign_days"], campaign_ids=[ids[ONE_DAY], ids[SEVEN_DAYS]])
    assert summary["days"] == 31
    assert destination.record(summary["record"])["plan"]["lookback"]["unknown"] == 1
    (warning,) = [each.getMessage() for each in caplog.records if "Could not fetch details" in each.getMessage()]
    assert ids[SEVEN_DAYS] in warning


def test_dry_run_with_lookback_auto_returns_the_lookback_from_the_details(land, braze, destination):
    plan = land(lookback_days="auto", tables=["campaign_days"], dry_run=True)
    assert plan["window"] == {"start": "2026-10-16", "end": "2026-11-19"}
    assert (plan["calls"], plan["lookback"]["days"]) == (40, 33)
    assert braze.count(SERIES) == 0
    assert destination.data() == {}
