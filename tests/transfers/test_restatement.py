"""Restatement that a run reports, compared with the sandbox's figures at the times of both landings."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta, timezone

import pyarrow.parquet as pq
import pytest

from airflow_provider_braze.landing.store import Store
from airflow_provider_braze.sandbox import data
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.tables.restatement import share_changed
from airflow_provider_braze.transfers.braze_to_object_storage import (
    CampaignDataSeriesToObjectStorageOperator,
    CanvasDataSeriesToObjectStorageOperator,
    EventDataSeriesToObjectStorageOperator,
)

pytestmark = [pytest.mark.stores("file"), pytest.mark.unmeasured]
LOOKBACK = 30
# The third morning has no run.
MORNINGS = [datetime(2026, 11, day, 6, tzinfo=timezone.utc) for day in (12, 13, 15, 16, 17, 18)]


@pytest.fixture
def land(braze, destination, make_context):
    """Return a function that lands a morning's days and returns the record."""
    braze.configure(campaigns=6)

    def run(now, operator=CampaignDataSeriesToObjectStorageOperator, try_number=1, **arguments):
        braze.configure(as_of=now.isoformat())
        context = make_context(run_after=now, try_number=try_number)
        arguments = {"lookback_days": LOOKBACK, **arguments}
        summary = operator(task_id="task", destination=destination.uri, timezone="UTC", **arguments).execute(context)
        record = destination.record(summary["record"])
        ages = record["restatement"].values()
        assert summary["restatement"]["rows"] == sum(found["rows"] for found in ages)
        assert summary["restatement"]["changed"] == sum(found["changed"] for found in ages)
        return record

    return run


def days_of(now: datetime) -> list[date]:
    """Return the days of a morning's run, newest first: by age."""
    return [now.date() - timedelta(days=1 + age) for age in range(LOOKBACK + 1)]


def figures_of(settings, day: date, as_of: datetime) -> list[dict]:
    """Return each campaign's figures of a day, without its messages."""
    ids = data.campaign_ids(settings)
    found = [data.day_object(settings, each, day, as_of) for each in ids]
    return [{key: value for key, value in each.items() if key != "messages"} for each in found]


def total(rows: list[dict], name: str):
    values = [row[name] for row in rows if row.get(name) is not None]
    return pytest.approx(sum(values)) if values else None


def expected(settings, now: datetime, landed_at: dict[date, datetime]) -> dict:
    """Return the changes by age, computed from the sandbox's figures.

    :param landed_at: time of the figures in the lake, by day. Missing days are first landings.
    """
    ages = {}
    for age, day in enumerate(days_of(now)):
        if day in landed_at:
            old, new = figures_of(settings, day, landed_at[day]), figures_of(settings, day, now)
            changed = sum(before != after for before, after in zip(old, new, strict=True))
            figures = {name: [total(old, name), total(new, name)] for name in CAMPAIGNS.main_figures}
            ages[str(age)] = {"rows": len(old), "changed": changed, "figures": figures}
    return ages


@pytest.mark.parametrize("file_format", ["parquet", "jsonl"])
def test_share_of_each_age_equals_the_sandbox_also_after_a_skipped_run(file_format, land, braze):
    landed_at: dict[date, datetime] = {}
    changed = []
    for now in MORNINGS:
        found = land(now, file_format=file_format)["restatement"]
        assert found == expected(braze.settings, now, landed_at)
        landed_at |= dict.fromkeys(days_of(now), now)
        changed += [age for age, each in found.items() if share_changed(*each["figures"]["conversions_by_send_time"])]
    assert len(set(changed)) > 10, "hardly any day changed, so little was shown"


def test_first_run_reports_no_restatement(land):
    assert land(MORNINGS[0])["restatement"] == {}


def test_second_try_after_the_first_landed_reports_no_restatement(land, braze):
    first, second = MORNINGS[:2]
    land(first)
    assert any(found["changed"] for found in land(second)["restatement"].values())
    again = land(second, try_number=2)
    assert again["restatement"] == expected(braze.settings, second, dict.fromkeys(days_of(second), second))
    assert len(again["restatement"]) == LOOKBACK + 1
    assert not any(found["changed"] for found in again["restatement"].values())
    # The days are reported again, but not counted as restatement again.
    assert len(again["changed_days"]) > 0


def test_days_of_a_killed_try_are_compared_with_its_landed_rows(land, braze, destination):
    first, second = MORNINGS[:2]
    land(first)
    before = destination.contents()
    land(second)
    landed = [day for day in days_of(second) if day.day % 2]
    mixed = {name: each for name, each in destination.data().items() if any(f"dt={day}" in name for day in landed)}
    destination.restore({**before, **mixed})
    landed_at = {**dict.fromkeys(days_of(first), first), **dict.fromkeys(landed, second)}
    assert land(second, try_number=2)["restatement"] == expected(braze.settings, second, landed_at)


def test_tries_of_a_run_that_failed_between_count_each_change_once(land, braze, destination, monkeypatch):
    first, second = MORNINGS[:2]
    land(first)
    known = set(destination.contents())
    fails_on = f"campaign_days/dt={days_of(second)[8]}"
    write = Store.write

    def failing(self, name, content, expected_version):
        if name.startswith(fails_on):
            raise OSError("The disk is full")
        write(self, name, content, expected_version)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", failing)
        with pytest.raises(OSError, match="The disk is full"):
            land(second)
    (failed,) = (name for name in set(destination.contents()) - known if name.startswith("_braze/campaigns/journal/"))
    one = destination.record(f"{destination.uri}/{failed}")
    assert one["state"] == "failed"
    other = land(second, try_number=2)["restatement"]
    whole = expected(braze.settings, second, dict.fromkeys(days_of(first), first))
    for age, found in whole.items():
        parts = [part[age] for part in (one["restatement"], other) if age in part]
        assert sum(part["changed"] for part in parts) == found["changed"]
        assert found in parts
    assert 0 < len(one["restatement"]) < LOOKBACK


def test_few_campaigns_compare_only_their_rows(land, braze):
    first, second = MORNINGS[:2]
    land(first)
    ids = data.campaign_ids(braze.settings)[3:5]
    record = land(second, campaign_ids=ids)
    assert {found["rows"] for found in record["restatement"].values()} == {2}


def test_rows_of_older_columns_are_not_compared(land, destination):
    first, second = MORNINGS[:2]
    land(first)
    for name, content in destination.data().items():
        if name.startswith("campaign_days/"):
            sink = io.BytesIO()
            table = pq.ParquetFile(io.BytesIO(content)).read()
            pq.write_table(table.drop_columns(["conversions3_by_send_time"]), sink)
            destination.put(name, sink.getvalue())
    assert land(second)["restatement"] == {}


def test_run_without_the_day_table_compares_nothing(land):
    for now in MORNINGS[:2]:
        assert land(now, tables=["campaign_messages"])["restatement"] == {}


@pytest.mark.parametrize("operator", [CanvasDataSeriesToObjectStorageOperator, EventDataSeriesToObjectStorageOperator])
def test_other_series_report_their_main_figures(operator, land, braze):
    braze.configure(canvases=2)
    for now in MORNINGS[:2]:
        record = land(now, operator, lookback_days=5)
    assert {age for age, found in record["restatement"].items() if found["rows"]} == {"1", "2", "3", "4", "5"}
    assert all(set(found["figures"]) == set(operator.series.main_figures) for found in record["restatement"].values())
