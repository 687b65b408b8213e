from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_braze.core.models import Rule, Window
from airflow_provider_braze.fetch import outcome, subjects
from airflow_provider_braze.landing import log
from airflow_provider_braze.landing.layout import Layout
from airflow_provider_braze.landing.plan import DEFAULT_TABLES, Plan, format_plan
from airflow_provider_braze.landing.store import ATTEMPTS
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from airflow_provider_braze.transport import sender
from tests.docs.messages import FILLED_IN, all_texts
from tests.docs.pages import read, rows, section, words

TEXT = read("operating.md")


@pytest.fixture
def summary(braze_sandbox, make_context, tmp_path) -> dict[str, Any]:
    land = CampaignDataSeriesToObjectStorageOperator(task_id="land", destination=f"file://{tmp_path}", lookback_days=1)
    return land.execute(make_context())


def keys_told(title: str) -> set[str]:
    return {word for row in rows(section(TEXT, title)) for word in words(row[0])}


def test_keys_of_xcom_are_all_there(summary):
    assert keys_told("XCom") == summary.keys()


def test_keys_of_the_manifest_are_all_there(summary):
    manifest = json.loads(Path(summary["manifest"].removeprefix("file://")).read_text())
    assert keys_told("The manifest") == manifest.keys()


def test_rules_are_all_there():
    (cell,) = [row[1] for row in rows(section(TEXT, "XCom")) if words(row[0]) == ["rule"]]
    assert set(words(cell)) == set(Rule.__args__)


def test_limits_are_those_of_the_code():
    text = " ".join(TEXT.split())
    assert sender.REQUEST_WAIT_SECONDS == 15 * 60
    assert "One request waits 15 minutes at most" in text
    assert sender.TASK_WAIT_SECONDS == 60 * 60
    assert "a task 60 in all" in text
    assert f"the first {subjects.GIVE_UP_AFTER} campaigns fail" in text
    assert outcome.NEVER_CHANCE == 10
    assert "none of ten or more campaigns" in text
    assert f"comes every {log.PROGRESS_SECONDS:.0f} seconds" in text
    assert ATTEMPTS == 4
    assert "After four times it gives up" in text


def test_sizes_in_scaling_are_those_of_the_plan():
    sizes = rows(section(read("scaling.md"), "What to expect"))
    assert len(sizes) == 5
    for row in sizes:
        campaigns, days, calls, minutes, disk = (float(cell.replace(",", "")) for cell in row)
        told = a_plan(int(campaigns), int(days)).describe()
        assert (calls, minutes, disk) == (told["calls"], told["expected_minutes"], told["spool_mib"])


def a_plan(campaigns: int, days: int) -> Plan:
    end = date(2026, 11, 20)
    return Plan(
        window=Window(end - timedelta(days=days), end),
        layout=Layout(1, "parquet", "UTC", "https://rest.iad-01.braze.com"),
        part=0,
        campaign_ids=[str(number) for number in range(campaigns)],
        campaigns=None,
        tables=DEFAULT_TABLES,
        concurrency=16,
        missing_days="warn",
        on_campaign_error="fail",
        run={},
    )


def test_plan_in_the_log_is_that_of_its_campaigns():
    window = Window(date(2026, 10, 20), date(2026, 11, 20), "America/New_York", "schedule", 30)
    plan = replace(a_plan(1250, 31), window=window)
    assert "\n".join(f"    {line}" for line in format_plan(plan)) in section(TEXT, "The log")


def test_lines_of_the_log_are_those_of_the_code():
    patterns = [
        ".*".join(map(re.escape, text.split(FILLED_IN))) for text in all_texts() if re.match(r"(::)?\w{4}", text)
    ]
    lines = re.findall(r"^    (\S.*)$", section(TEXT, "The log"), flags=re.M)
    assert len(lines) >= 5
    assert [line for line in lines if not any(re.fullmatch(pattern, line) for pattern in patterns)] == []


def test_layout_is_told_whole():
    text = section(TEXT, "Moving a destination")
    for name in ("parts", "format", "zone", "host"):
        assert name in text
