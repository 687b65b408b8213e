from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from airflow_provider_braze.core.lookback import Lookback
from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.series import Table
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.landing.layout import Layout, part_of
from airflow_provider_braze.landing.log import format_plan
from airflow_provider_braze.landing.plan import (
    Plan,
    choose_subjects,
)
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.series.events import event_subjects

DEFAULT_TABLES = tuple(table for table in CAMPAIGNS.tables if table.is_default)
START = date(2026, 10, 19)


def tables_named(*names: str) -> tuple[Table, ...]:
    return tuple(table for table in CAMPAIGNS.tables if table.name in names)


def a_plan(campaigns=1200, days=31, concurrency=16, parts=1, part=0, requests_per_minute=None) -> Plan:
    return Plan(
        series=CAMPAIGNS,
        window=Window(START, START + timedelta(days=days), "Europe/Berlin", "interval", min(30, days - 1)),
        layout=Layout(parts, "parquet", "Europe/Berlin", "https://rest.fra-02.braze.eu"),
        part=part,
        subjects=[CAMPAIGNS.subject(f"c{i}") for i in range(campaigns)],
        listed=None,
        tables=DEFAULT_TABLES,
        concurrency=concurrency,
        missing_days="warn",
        on_error="fail",
        run={},
        requests_per_minute=requests_per_minute,
    )


@pytest.mark.parametrize("parts", [1, 2, 16, 100])
def test_choose_subjects_assigns_each_campaign_to_one_part(parts):
    ids = [f"campaign-{i}" for i in range(500)] + ["é", "日本", "\U0001f600", "", "campaign-0", "campaign-499"]
    chosen = [
        [each.name for each in choose_subjects(list(map(CAMPAIGNS.subject, ids)), part, parts)] for part in range(parts)
    ]
    assert sorted(campaign_id for each in chosen for campaign_id in each) == sorted(set(ids))
    assert all(each == sorted(each) for each in chosen)
    assert all(part_of(campaign_id, parts) == part for part, each in enumerate(chosen) for campaign_id in each)


def test_choose_subjects_does_not_depend_on_the_order_given():
    ids = [f"campaign-{i}" for i in range(50)]
    subjects = list(map(CAMPAIGNS.subject, ids))
    assert choose_subjects(subjects[::-1], 3, 7) == choose_subjects(subjects, 3, 7)


def test_choose_subjects_rejects_two_subjects_of_one_name():
    subjects = event_subjects(["buy", "buy app_id=x"], [None, "x"])
    with pytest.raises(BrazeConfigError, match=r"'buy app_id=x', None.* and \('buy', 'x'.* named 'buy app_id=x'"):
        choose_subjects(subjects, 0, 1)
    assert choose_subjects([*subjects[:2], *subjects[:2]], 0, 1) == subjects[:2]


def test_choose_subjects_of_none_is_empty():
    assert choose_subjects([], 0, 16) == []


def test_describe_returns_the_plan_in_plain_values():
    assert a_plan(parts=16, part=3).describe() == {
        "window": {"start": "2026-10-19", "end": "2026-11-19"},
        "rule": "interval",
        "timezone": "Europe/Berlin",
        "lookback_days": 30,
        "lookback": None,
        "days": 31,
        "subjects": 1200,
        "calls": 1200,
        "expected_minutes": 0.6,
        "spool_mib": 10.6,
        "part": 3,
        "parts": 16,
    }


@pytest.mark.parametrize(
    ("table", "mib"), [("campaign_days", 4.8), ("campaign_messages", 28.6), ("campaign_raw", 62.0)]
)
def test_describe_estimates_the_disk_of_the_tables_and_always_of_the_days(table, mib):
    plan = replace(a_plan(campaigns=1000, days=100), tables=tables_named(table, "campaigns"))
    assert plan.describe()["spool_mib"] == mib


@pytest.mark.parametrize(("days", "calls"), [(1, 10), (99, 10), (100, 10), (101, 20), (200, 20), (201, 30), (365, 40)])
def test_describe_counts_one_request_per_100_days_and_campaign(days, calls):
    assert a_plan(campaigns=10, days=days).describe()["calls"] == calls


@pytest.mark.parametrize(
    ("tables", "lookback", "calls"),
    [
        (["campaign_days"], None, 20),
        (["campaign_days", "campaigns"], None, 20),
        (["campaign_days", "campaign_details"], None, 30),
        (["campaign_days"], Lookback(33), 30),
        (["campaign_days", "campaign_details"], Lookback(33), 30),
        (["campaign_details"], None, 10),
        (["campaigns"], None, 0),
    ],
)
def test_describe_counts_one_request_for_details_of_each_campaign(tables, lookback, calls):
    plan = replace(a_plan(campaigns=10, days=150), tables=tables_named(*tables), lookback=lookback)
    assert plan.describe()["calls"] == calls


@pytest.mark.parametrize(
    ("tables", "mib"),
    [(["campaigns"], 0), (["campaign_details"], 9.5), (["campaign_days", "campaign_details"], 14.3)],
)
def test_describe_estimates_the_disk_of_details_independent_of_the_days(tables, mib):
    assert replace(a_plan(campaigns=1000, days=100), tables=tables_named(*tables)).describe()["spool_mib"] == mib


def test_describe_contains_the_campaign_that_set_the_lookback():
    lookback = Lookback(33, "c7", 2_592_000, 1)
    described = replace(a_plan(), lookback=lookback).describe()["lookback"]
    assert described == {"days": 33, "campaign_id": "c7", "window_seconds": 2_592_000, "unknown": 1}


@pytest.mark.parametrize(
    ("campaigns", "concurrency", "requests_per_minute", "minutes"),
    [
        (12_000, 16, None, 6.2),
        (12_000, 1, None, 100.0),
        (12_000, 16, 1000, 12.0),
        (12_000, 16, 50_000, 6.2),
        (12_000, 1, 1000, 100.0),
        (0, 16, None, 0.0),
        (0, 16, 100, 0.0),
    ],
)
def test_describe_expects_the_minutes_of_the_slower_of_requests_and_quota(
    campaigns, concurrency, requests_per_minute, minutes
):
    plan = a_plan(campaigns=campaigns, concurrency=concurrency, requests_per_minute=requests_per_minute)
    assert plan.describe()["expected_minutes"] == minutes


def test_describe_counts_the_disk_of_at_most_two_chunks():
    month, years = (a_plan(campaigns=1000, days=days).describe()["spool_mib"] for days in (198, 1826))
    assert month == years


def test_chunks_are_the_windows_of_one_request_newest_first():
    plan = a_plan(days=201)
    assert [len(chunk) for chunk in plan.chunks] == [99, 99, 3]
    assert [day for chunk in reversed(plan.chunks) for day in chunk] == list(plan.window)
    assert {chunk.timezone for chunk in plan.chunks} == {"Europe/Berlin"}


def test_format_plan_is_one_collapsible_group():
    assert format_plan(a_plan()) == [
        "::group::Plan: 1200 campaigns, 31 days, 1200 calls, about 1 minute",
        "Days: 2026-10-19 to 2026-11-18 (Europe/Berlin), including 30 lookback days",
        "Tables: campaign_days, campaign_messages, campaigns; format: parquet",
        "Source: https://rest.fra-02.braze.eu, 16 campaigns at a time",
        "Local disk: at most 10.6 MiB",
        "Missing days: warn; failing campaigns: fail",
        "::endgroup::",
    ]


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({"campaigns": 1, "days": 1}, "1 campaign, 1 day, 1 call, less than a minute"),
        ({"campaigns": 0}, "0 campaigns, 31 days, 0 calls, less than a minute"),
        ({"requests_per_minute": 100}, "1200 campaigns, 31 days, 1200 calls, about 12 minutes"),
    ],
)
def test_format_plan_begins_with_its_size(given, title):
    assert format_plan(a_plan(**given))[0] == f"::group::Plan: {title}"


def test_format_plan_of_a_part_names_it():
    assert format_plan(a_plan(parts=16, part=3))[0].startswith("::group::Plan of part 3 (of 0 to 15): 1200 campaigns, ")


def test_format_plan_with_a_cap_shows_it():
    assert format_plan(a_plan(concurrency=1, requests_per_minute=100))[3] == (
        "Source: https://rest.fra-02.braze.eu, 1 campaign at a time, at most 100 requests per minute"
    )
