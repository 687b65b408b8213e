from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_braze.core.budget import Bucket
from airflow_provider_braze.core.models import Rule, Window
from airflow_provider_braze.fetch import subjects
from airflow_provider_braze.landing import log
from airflow_provider_braze.landing.layout import Layout
from airflow_provider_braze.landing.plan import Plan
from airflow_provider_braze.landing.store import ATTEMPTS
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from tests.docs.messages import FILLED_IN, all_texts
from tests.docs.pages import read, rows, section, words

pytestmark = pytest.mark.unmeasured

TEXT = read("operating.md")


@pytest.fixture
def summary(braze_sandbox, make_context, tmp_path) -> dict[str, Any]:
    land = CampaignDataSeriesToObjectStorageOperator(task_id="land", destination=f"file://{tmp_path}", lookback_days=1)
    return land.execute(make_context())


def keys_in(title: str) -> set[str]:
    return {word for row in rows(section(TEXT, title)) for word in words(row[0])}


def test_all_keys_of_xcom_are_documented(summary):
    assert keys_in("XCom") == summary.keys()


def test_all_keys_of_the_record_are_documented(summary):
    record = json.loads(Path(summary["record"].removeprefix("file://")).read_text())
    assert keys_in("The record") == record.keys()


def test_nested_keys_of_the_record_are_at_their_documented_place(summary):
    record = json.loads(Path(summary["record"].removeprefix("file://")).read_text())
    nested = {key for value in record.values() if isinstance(value, dict) for key in value}
    pages = map(read, ("operating.md", "restatement.md", "coverage.md"))
    named = {name for page in pages for name in re.findall(r"`(?!braze\.)(\w+)\.(\w+)`", page) if name[1] in nested}
    assert ("subjects", "missing_days") in named
    assert {name for name in named if name[1] not in record.get(name[0], ())} == set()


def test_all_rules_are_documented():
    (cell,) = [row[1] for row in rows(section(TEXT, "XCom")) if words(row[0]) == ["rule"]]
    assert set(words(cell)) == set(Rule.__args__)


def test_limits_equal_those_of_the_code():
    text = " ".join(TEXT.split())
    assert Bucket().request_wait_seconds == 15 * 60
    assert "One request waits 15 minutes at most" in text
    assert Bucket().task_wait_seconds == 60 * 60
    assert "a task 60 in all" in text
    assert f"the first {subjects.GIVE_UP_AFTER} campaigns fail" in text
    assert CAMPAIGNS.min_subjects_for_outage == 10
    assert "for all campaigns, and there are ten or more" in text
    assert f"appears every {log.PROGRESS_SECONDS:.0f} seconds" in text
    assert ATTEMPTS == 4
    assert "After four times it gives up" in text


def test_sizes_in_scaling_equal_those_of_the_plan():
    sizes = rows(section(read("scaling.md"), "What to expect"))
    assert len(sizes) == 5
    for row in sizes:
        campaigns, days, calls, minutes, disk = (float(cell.replace(",", "")) for cell in row)
        plan = a_plan(int(campaigns), int(days)).describe()
        assert (calls, minutes, disk) == (plan["calls"], plan["expected_minutes"], plan["spool_mib"])


def a_plan(campaigns: int, days: int) -> Plan:
    end = date(2026, 11, 20)
    return Plan(
        series=CAMPAIGNS,
        window=Window(end - timedelta(days=days), end),
        layout=Layout(1, "parquet", "UTC", "https://rest.iad-01.braze.com"),
        part=0,
        subjects=[CAMPAIGNS.subject(str(number)) for number in range(campaigns)],
        listed=None,
        tables=tuple(table for table in CAMPAIGNS.tables if table.is_default),
        concurrency=16,
        missing_days="warn",
        on_error="fail",
        run={},
    )


def test_plan_in_the_log_equals_the_computed_one():
    window = Window(date(2026, 10, 20), date(2026, 11, 20), "America/New_York", "schedule", 30)
    plan = replace(a_plan(1250, 31), window=window)
    assert "\n".join(f"    {line}" for line in log.format_plan(plan)) in section(TEXT, "The log")


def test_lines_of_the_log_equal_those_of_the_code():
    texts = [text.split(FILLED_IN) for text in all_texts() if re.match(r"(::)?\w{4}", text)]
    lines = re.findall(r"^    (\S.*)$", section(TEXT, "The log"), flags=re.M)
    others = [line for line in lines if line not in result_lines()]
    assert len(lines) == len(others) + len(result_lines())
    assert [line for line in others if not any(is_filled_in(line, pieces) for pieces in texts)] == []


def is_filled_in(line: str, pieces: list[str]) -> bool:
    # The first piece excludes nearly all of the thousands of texts.
    return line.startswith(pieces[0]) and bool(re.fullmatch(".*".join(map(re.escape, pieces)), line))


def result_lines() -> list[str]:
    """Return the log lines of the run on the page: 31 days with two day tables, 13 of 63 files written."""
    rows = {"campaign_days": 38719, "campaign_messages": 96797, "campaigns": 1250}
    record = {
        "subjects": {"landed": 1249, "rejected": {"a": {}}, "failed": {}, "missing_days": {}},
        "tables": {name: {"rows": count, "written": 0, "unchanged": 0} for name, count in rows.items()},
        "changed_days": [f"2026-11-{day}" for day in range(14, 20)],
        "restatement": {"30": {"rows": 1249, "changed": 3, "figures": {"conversions_by_send_time": [10_000, 10_080]}}},
        **{"seconds": 47.3, "requests": 1251, "retries": 0, "waited_seconds": 0.0},
    }
    record["tables"]["campaign_days"] |= {"written": 13, "unchanged": 50}
    uri = "s3://lake/braze/_braze/campaigns/journal/20261120T110048120000-00-1a2b3c4d-5e6f7a8b-0123456789ab.json"
    return log.format_result(record, "campaigns", uri)


def test_layout_is_documented_completely():
    text = section(TEXT, "Moving a destination")
    for name in ("parts", "format", "zone", "host"):
        assert name in text
