"""The requested days land, with the figures of Braze: zones, clock changes, readings of ``ending_at``."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from airflow_provider_braze.sandbox import Sandbox, SandboxSettings, data
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

pytestmark = pytest.mark.unmeasured

SPANS = (1, 2, 98, 99, 100, 101, 198, 199, 200, 250, 365, 1826)
READINGS = ("inclusive", "midnight_before", "exclusive")
# The last requested day is one on which the zone's clocks change, if they do.
LAST_DAYS = {
    "UTC": date(2026, 10, 31),
    "Asia/Seoul": date(2026, 10, 31),
    "America/New_York": date(2026, 11, 1),
    "Australia/Lord_Howe": date(2026, 10, 4),
    "America/Havana": date(2026, 3, 8),
    "America/Santiago": date(2026, 9, 6),
}


@pytest.fixture(scope="module")
def shared_sandbox():
    # A stopped clock, because figures of the last 30 days grow by the minute.
    with Sandbox(SandboxSettings(as_of="2026-12-15T06:00:00Z")) as sandbox:
        yield sandbox


@pytest.fixture
def braze(shared_sandbox, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", shared_sandbox.connection_json())
    shared_sandbox.reset_requests()
    return shared_sandbox


@pytest.mark.sampled(24)
@pytest.mark.parametrize("zone", LAST_DAYS)
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("span", SPANS)
def test_landed_days_are_the_requested_days(span, reading, zone, braze, make_context, tmp_path):
    settings = braze.configure(campaigns=1, timezone=zone, ending_at_reading=reading)
    (campaign_id,) = data.campaign_ids(settings)
    end = LAST_DAYS[zone] + timedelta(days=1)
    requested = [end - timedelta(days=back) for back in range(span, 0, -1)]

    CampaignDataSeriesToObjectStorageOperator(
        task_id="land",
        destination=f"file://{tmp_path}",
        campaign_ids=campaign_id,
        timezone=zone,
        start=requested[0],
        end=end,
        tables=["campaign_raw"],
        file_format="jsonl",
        missing_days="fail",
    ).execute(make_context())

    landed = _payloads(tmp_path)
    assert list(landed) == [day.isoformat() for day in requested]
    assert landed == {day.isoformat(): data.day_object(settings, campaign_id, day) for day in requested}
    made_up_for = span // 100 if span in (100, 199, 200) and reading == "exclusive" else 0
    assert braze.count("/campaigns/data_series") == -(-span // 100) + made_up_for


def _payloads(folder):
    import gzip

    landed = {}
    for path in sorted(folder.glob("campaign_raw/dt=*/part-00-of-01.jsonl.gz")):
        (row,) = gzip.decompress(path.read_bytes()).splitlines()
        landed[path.parent.name.removeprefix("dt=")] = json.loads(json.loads(row)["payload"])
    return landed
