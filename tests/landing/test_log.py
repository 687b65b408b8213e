from __future__ import annotations

import logging
from datetime import date
from types import SimpleNamespace

import pytest

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import BrazeTransportError
from airflow_provider_braze.fetch.subjects import Failed, Fetched
from airflow_provider_braze.landing.log import (
    format_changed,
    format_days,
    format_progress,
    format_restatement,
    format_result,
    name_chunk,
    with_progress,
)
from airflow_provider_braze.series.campaigns import CAMPAIGNS


@pytest.mark.parametrize(
    ("count", "share", "failed", "remaining", "line"),
    [
        (
            "400 of 1250 campaigns",
            0.32,
            0,
            49_600,
            "Fetched 400 of 1250 campaigns (details), about 34 s left; rate limit: 49600 requests left",
        ),
        (
            "400 of 1250 campaigns",
            0.32,
            3,
            1,
            "Fetched 400 of 1250 campaigns (details), 3 failed, about 34 s left; rate limit: 1 request left",
        ),
        ("1 of 1 campaign", 1.0, 0, None, "Fetched 1 of 1 campaign (details), in 16 s"),
    ],
)
def test_format_progress_has_done_and_remaining(count, share, failed, remaining, line):
    assert format_progress("details", count, share, failed, seconds=16.0, remaining=remaining) == line


@pytest.mark.parametrize(
    ("total", "name"), [(1, "2026-11-16 to 2026-11-18"), (12, "2026-11-16 to 2026-11-18, chunk 1 of 12")]
)
def test_name_chunk_numbers_the_chunks_of_a_long_window(total, name):
    assert name_chunk(Window(date(2026, 11, 16), date(2026, 11, 19)), 1, total) == name


def test_format_days_of_one_day_is_that_day():
    assert format_days(Window(date(2026, 11, 16), date(2026, 11, 17))) == "2026-11-16"


@pytest.mark.parametrize(
    ("days", "text"),
    [
        ([], "none"),
        (["2026-11-16"], "2026-11-16"),
        (["2026-11-16", "2026-11-18"], "2, 2026-11-16 to 2026-11-18"),
    ],
)
def test_format_changed_has_number_and_first_and_last_day(days, text):
    assert format_changed(days) == text


def test_format_result_fits_the_log_page():
    record = {
        "subjects": {"landed": 2, "rejected": {"a": 1}, "failed": {}, "missing_days": {"b": ["2026-11-16"]}},
        "tables": {
            "campaign_days": {"rows": 7, "written": 1, "unchanged": 1},
            "campaigns": {"rows": 3, "written": 0, "unchanged": 1},
        },
        "changed_days": ["2026-11-16"],
        "restatement": {"6": {"rows": 2, "changed": 1, "figures": {"conversions_by_send_time": [1000, 1008]}}},
        "seconds": 3.2,
        "requests": 12,
        "retries": 1,
        "waited_seconds": 0.5,
    }
    lines = format_result(record, "campaigns", "s3://lake/braze/record.json")
    assert lines == [
        "Campaigns: 2 landed, 1 rejected, 0 failed, 1 with missing days",
        "Files: 1 written, 2 unchanged. Rows: campaign_days 7, campaigns 3",
        "Changed days: 2026-11-16",
        "At age 6 days, 0.8 % of conversions_by_send_time still changed",
        "Took 3.2 s: 12 requests, 1 retry, 0.5 s of waiting for Braze",
        "Record: s3://lake/braze/record.json",
    ]
    assert all(len(line) <= 140 for line in lines)


@pytest.mark.parametrize(
    ("ages", "lines"),
    [
        ({}, []),
        (
            {"9": [20, 3, {"revenue": [8.0, 7.0]}], "10": [20, 0, {"revenue": [8.0, 8.0]}]},
            ["0 of 20 rows still changed"],
        ),
        ({"10": [20, 2, {"revenue": [100, 101], "conversions": [100, 98]}]}, ["2.0 % of conversions still changed"]),
        ({"10": [20, 1, {"revenue": [10_000, 10_001]}]}, ["less than 0.1 % of revenue still changed"]),
        ({"10": [20, 1, {"revenue": [None, 5.0], "conversions": [0, 3]}]}, ["1 of 20 rows still changed"]),
        ({"10": [20, 1, {"revenue": [5.0, None]}]}, ["100.0 % of revenue still changed"]),
    ],
)
def test_format_restatement_names_the_oldest_age_and_the_largest_change(ages, lines):
    record = {age: dict(zip(("rows", "changed", "figures"), found, strict=True)) for age, found in ages.items()}
    assert format_restatement(record) == [f"At age 10 days, {line}" for line in lines]


def test_with_progress_yields_all_items_and_logs_the_end(caplog):
    a, b, c = map(CAMPAIGNS.subject, "abc")
    items = [Fetched(a, 1), Failed(b, BrazeTransportError("No response.")), Fetched(c, 2)]
    hook = SimpleNamespace(get_conn=lambda: SimpleNamespace(remaining=lambda path: None))
    with caplog.at_level(logging.INFO, "airflow_provider_braze"):
        assert list(with_progress(iter(items), CAMPAIGNS, 3, "all", hook, CAMPAIGNS.endpoint)) == items
    (line,) = caplog.messages
    assert line.startswith("Fetched 3 of 3 campaigns (all), 1 failed, ")
