"""A run that fetched earlier does not replace days that a run landed that fetched later."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_braze.landing import details as landing_details
from airflow_provider_braze.landing import run as landing_run
from airflow_provider_braze.landing.publish import Publisher
from airflow_provider_braze.sandbox import SandboxSettings, data
from airflow_provider_braze.transfers.braze_to_object_storage import (
    CampaignDataSeriesToObjectStorageOperator,
    EventDataSeriesToObjectStorageOperator,
)

pytestmark = pytest.mark.any_store


@pytest.fixture
def land(braze_sandbox, destination, make_context):
    braze_sandbox.configure(campaigns=4, as_of="2026-11-19T06:00:00Z")

    def run(run_type, tables=None):
        operator = CampaignDataSeriesToObjectStorageOperator(
            task_id="land",
            destination=destination.uri,
            object_storage_conn_id=destination.conn_id,
            lookback_days=2,
            tables=tables,
        )
        # Without Airflow's check of who calls it, which 2.11 makes in its main thread only.
        return type(operator).execute.__wrapped__(operator, make_context(run_type))

    return run


def test_slow_run_keeps_the_days_that_a_later_fetch_landed(land, braze_sandbox, destination, monkeypatch, caplog):
    fetch, newer = landing_run._fetch_into, []

    def fetch_and_wait(*args, **others):
        fetch(*args, **others)
        # The slow run has fetched. Before it publishes, Braze restates the days, and a faster run lands all of them.
        if not newer:
            newer.append(None)
            braze_sandbox.configure(as_of="2026-11-24T06:00:00Z")
            land("scheduled")
            newer[:] = [destination.data()]

    monkeypatch.setattr(landing_run, "_fetch_into", fetch_and_wait)
    caplog.set_level(logging.INFO, "airflow_provider_braze")
    summary = land("manual")
    days = {name: content for name, content in destination.data().items() if "dt=" in name}
    assert days == {name: content for name, content in newer[0].items() if "dt=" in name}
    assert "Left 3 days alone, because a later fetch landed newer data: 2026-11-16 to 2026-11-18" in caplog.messages
    assert destination.record(summary["record"])["left_days"] == ["2026-11-16", "2026-11-17", "2026-11-18"]


@pytest.fixture
def land_events(braze_sandbox, destination, make_context):
    braze_sandbox.configure(as_of="2026-11-19T06:00:00Z")

    def run(run_type, **arguments):
        operator = EventDataSeriesToObjectStorageOperator(
            task_id="land",
            destination=destination.uri,
            object_storage_conn_id=destination.conn_id,
            start="2026-11-12",
            end="2026-11-15",
            **arguments,
        )
        return operator.execute(make_context(run_type))

    return run


@pytest.fixture
def after_first_fetch(monkeypatch):
    """Return a function that runs another one once, between fetch and publication of the next run."""

    def arrange(then):
        fetch, waits = landing_run._fetch_into, [True]

        def fetch_and_wait(*args, **others):
            fetch(*args, **others)
            if waits and waits.pop():
                then()

        monkeypatch.setattr(landing_run, "_fetch_into", fetch_and_wait)

    return arrange


def days_of(objects):
    return {name for name in objects if name.startswith("event_days/")}


def event_days(destination):
    rows = destination.table("event_days").select(["event_name", "app_id", "day"]).to_pylist()
    return {tuple(row.values()) for row in rows}


APP = data.app_ids(SandboxSettings())[0]


@pytest.mark.parametrize(("slow", "later"), [([None], [APP]), ([APP], [None])], ids=["all apps", "one app"])
def test_slow_run_lands_subjects_that_the_later_fetch_did_not_request(
    slow, later, land_events, braze_sandbox, destination, after_first_fetch
):
    braze_sandbox.configure(as_of="2026-11-15T06:00:00Z")
    land_events("backfill", app_ids=[None, APP])
    before = destination.data()
    braze_sandbox.configure(as_of="2026-11-19T06:00:00Z")
    after_first_fetch(lambda: land_events("scheduled", app_ids=later))
    record = destination.record(land_events("manual", app_ids=slow)["record"])
    assert record["left_days"] == []
    both = destination.data()
    assert any(before[name] != both[name] for name in days_of(both))
    # Run in sequence, they land the same.
    land_events("scheduled", app_ids=later)
    land_events("manual", app_ids=slow)
    again = destination.data()
    assert {name: both[name] for name in days_of(both)} == {name: again[name] for name in days_of(again)}


def test_slow_run_lands_events_that_the_later_fetch_did_not_request(
    land_events, braze_sandbox, destination, after_first_fetch
):
    first, other = data.event_names(braze_sandbox.settings)[:2]
    braze_sandbox.configure(as_of="2026-11-15T06:00:00Z")
    land_events("backfill", events=[first, other])
    before = destination.data()
    braze_sandbox.configure(as_of="2026-11-19T06:00:00Z")
    after_first_fetch(lambda: land_events("scheduled", events=[first]))
    summary = land_events("manual", events=[first, other])
    assert destination.record(summary["record"])["left_days"] == ["2026-11-12", "2026-11-13", "2026-11-14"]
    both = destination.data()
    assert all(before[name] != both[name] for name in days_of(both))
    # Run in sequence, they land the same.
    land_events("manual", events=[other])
    land_events("scheduled", events=[first])
    assert destination.data() == both


def test_slow_run_lands_days_that_were_not_returned_to_the_later_fetch(
    land_events, braze_sandbox, destination, after_first_fetch
):
    first, other = data.event_names(braze_sandbox.settings)[:2]

    def land_later():
        braze_sandbox.configure(faults={"missing_days": {first: ["2026-11-12", "2026-11-13"]}})
        land_events("scheduled", events=[first, other])

    land_events("backfill", events=[other])
    after_first_fetch(land_later)
    summary = land_events("manual", events=[first, other], missing_days="fail")
    days = {day.day for name, _, day in event_days(destination) if name == first}
    assert days == {12, 13, 14}
    # The other event's rows of these days belong to the later fetch; the third day is the same in both.
    assert destination.record(summary["record"])["left_days"] == ["2026-11-12", "2026-11-13"]


def test_slow_run_lands_tables_that_the_later_fetch_did_not_land(land, braze_sandbox, destination, monkeypatch):
    both = ["campaign_days", "campaign_messages"]
    land("manual", tables=both)
    fetch, waits = landing_run._fetch_into, [True]

    def fetch_and_wait(*args, **others):
        fetch(*args, **others)
        if waits and waits.pop():
            braze_sandbox.configure(as_of="2026-11-24T06:00:00Z")
            land("scheduled", tables=["campaign_days"])

    monkeypatch.setattr(landing_run, "_fetch_into", fetch_and_wait)
    braze_sandbox.configure(as_of="2026-11-21T06:00:00Z")
    record = destination.record(land("manual", tables=both)["record"])
    assert record["left_days"] == ["2026-11-16", "2026-11-17", "2026-11-18"]
    messages = {name: content for name, content in destination.data().items() if name.startswith("campaign_messages/")}
    braze_sandbox.configure(as_of="2026-11-21T06:00:00Z")
    land("manual", tables=["campaign_messages"])
    assert messages.items() <= destination.data().items()


def test_runs_of_different_tables_at_the_same_time_do_not_conflict(land, destination, monkeypatch):
    """Neither writes an object of the other, so there is no order between them."""
    publish, waits = Publisher.publish_days, [True]

    def publish_and_wait(*args):
        landed = publish(*args)
        if waits and waits.pop():
            land("scheduled", tables=["campaign_messages"])
        return landed

    monkeypatch.setattr(Publisher, "publish_days", publish_and_wait)
    summary = land("manual", tables=["campaign_days"])
    assert destination.record(summary["record"])["state"] == "success"
    assert {name.partition("/")[0] for name in destination.data()} == {"campaign_days", "campaign_messages"}


def test_failed_run_of_other_tables_fails_no_slower_run(land, destination, monkeypatch, after_first_fetch):
    def fail(*args):
        raise TimeoutError

    def land_later():
        with monkeypatch.context() as patch:
            patch.setattr(Publisher, "publish_days", fail)
            with pytest.raises(TimeoutError):
                land("scheduled", tables=["campaign_messages"])

    after_first_fetch(land_later)
    assert land("manual", tables=["campaign_days"])["rows"]["campaign_days"]


def test_slow_run_leaves_the_list_and_the_details_that_a_later_run_landed(
    land, braze_sandbox, destination, after_first_fetch, caplog
):
    tables = ["campaign_days", "campaigns", "campaign_details"]

    def land_later():
        braze_sandbox.configure(campaigns=5, as_of="2026-11-24T06:00:00Z")
        land("scheduled", tables=tables)
        newer.update(whole_tables(destination))

    newer: dict[str, bytes] = {}
    caplog.set_level(logging.INFO, "airflow_provider_braze")
    after_first_fetch(land_later)
    record = destination.record(land("manual", tables=tables)["record"])
    assert whole_tables(destination) == newer
    assert destination.table("campaigns").num_rows == destination.table("campaign_details").num_rows == 5
    assert record["tables"]["campaigns"]["written"] == record["tables"]["campaigns"]["rows"] == 0
    for table in ("campaigns", "campaign_details"):
        assert f"Left {table} alone, or rows of it, because a later fetch landed newer data" in caplog.messages


def test_details_that_the_later_run_did_not_get_are_landed(land, braze_sandbox, destination, monkeypatch):
    """The later run has ended before this one, which fetches details for long, fetches any day."""
    first, *others = data.campaign_ids(braze_sandbox.settings)
    tables, fetch, waits = ["campaign_details"], landing_details._fetch_into, [True]

    def fetch_and_wait(*args):
        fetch(*args)
        if waits and waits.pop():
            braze_sandbox.configure(faults={"bad_subjects": {first: 400}})
            land("scheduled", tables=tables)

    monkeypatch.setattr(landing_details, "_fetch_into", fetch_and_wait)
    summary = land("manual", tables=tables)
    assert destination.table("campaign_details").column("campaign_id").to_pylist() == sorted([first, *others])
    assert destination.record(summary["record"])["tables"]["campaign_details"]["written"] == 1


def whole_tables(destination):
    return {name: content for name, content in destination.data().items() if "dt=" not in name}
