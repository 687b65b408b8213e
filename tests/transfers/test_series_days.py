"""The requested days of every series land, with Braze's figures, in the fewest safe requests."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime, time, timedelta, timezone

import pyarrow.parquet as pq
import pytest

from airflow_provider_braze.sandbox import Sandbox, SandboxSettings, data
from airflow_provider_braze.transfers.braze_to_object_storage import (
    CanvasDataSeriesToObjectStorageOperator,
    EventDataSeriesToObjectStorageOperator,
    KpiDataSeriesToObjectStorageOperator,
    PurchaseDataSeriesToObjectStorageOperator,
    SegmentDataSeriesToObjectStorageOperator,
    SendDataSeriesToObjectStorageOperator,
)

pytestmark = pytest.mark.unmeasured

SPANS = (1, 13, 14, 15, 26, 27, 28, 31, 99, 100, 101, 365)
READINGS = ("inclusive", "midnight_before", "exclusive", "midnight")
# The last requested day is one on which the zone's clocks change, if they do.
LAST_DAYS = {
    "UTC": date(2026, 10, 31),
    "America/New_York": date(2026, 11, 1),
    "Asia/Seoul": date(2026, 10, 31),
    "Australia/Lord_Howe": date(2026, 10, 4),
}
# Every span under every reading, with alternating zones.
COMBINATIONS = [
    (span, reading, list(LAST_DAYS)[(place + shift) % 4])
    for place, span in enumerate(SPANS)
    for shift, reading in enumerate(READINGS)
]


@pytest.fixture(scope="module")
def shared_sandbox():
    # A stopped clock, because figures of the last 30 days grow by the minute.
    with Sandbox(SandboxSettings(as_of="2026-12-15T06:00:00Z", canvases=1, campaigns=20)) as sandbox:
        yield sandbox


@pytest.fixture
def braze(shared_sandbox, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", shared_sandbox.connection_json())
    shared_sandbox.reset_requests()
    return shared_sandbox


@pytest.fixture
def land(make_context, tmp_path):
    """Return a function that lands some days, and returns them and the folder."""

    def run(operator, span, zone, **arguments):
        end = LAST_DAYS[zone] + timedelta(days=1)
        operator(
            task_id="land",
            destination=f"file://{tmp_path}",
            timezone=zone,
            start=end - timedelta(days=span),
            end=end,
            missing_days="fail",
            **arguments,
        ).execute(make_context())
        return [end - timedelta(days=back) for back in range(span, 0, -1)], tmp_path

    return run


def calls_needed(span, reading, length):
    """Return the fewest requests. One without an extra day is followed by another if it leaves out the last day."""
    calls = -(-span // length)
    full = max(0, span - calls * (length - 1))
    return calls + (full if reading in ("exclusive", "midnight") else 0)


@pytest.mark.sampled(16)
@pytest.mark.parametrize(
    ("span", "reading", "zone", "length"),
    [
        (*case, length)
        for place, case in enumerate(COMBINATIONS)
        for length in (14, 13)
        if length == 14 or place % 5 == 0
    ],
)
def test_canvas(span, reading, zone, length, braze, land):
    settings = braze.configure(timezone=zone, ending_at_reading=reading, canvas_max_length=length)
    (canvas_id,) = data.canvas_ids(settings)
    requested, folder = land(
        CanvasDataSeriesToObjectStorageOperator,
        span,
        zone,
        canvas_ids=canvas_id,
        tables=["canvas_raw"],
        file_format="jsonl",
        days_per_call=length,
    )
    landed = {}
    for path in sorted(folder.glob("canvas_raw/dt=*/*.jsonl.gz")):
        (row,) = gzip.decompress(path.read_bytes()).splitlines()
        landed[path.parent.name.removeprefix("dt=")] = json.loads(json.loads(row)["payload"])
    assert landed == {str(day): data.canvas_day(settings, canvas_id, day) for day in requested}
    assert braze.count("/canvas/data_series") == calls_needed(span, reading, length)


def test_31_days_of_a_canvas_take_3_requests_under_any_reading():
    assert {calls_needed(31, reading, length) for reading in READINGS for length in (13, 14)} == {3}


FLAT = {
    "dau": (
        KpiDataSeriesToObjectStorageOperator,
        {"metrics": ["dau"]},
        "kpi_days",
        lambda settings, day: data.kpi_value(settings, "dau", day),
    ),
    "mau": (
        KpiDataSeriesToObjectStorageOperator,
        {"metrics": ["mau"]},
        "kpi_days",
        lambda settings, day: data.kpi_value(settings, "mau", day),
    ),
    "sessions": (
        KpiDataSeriesToObjectStorageOperator,
        {"metrics": ["sessions"]},
        "kpi_days",
        lambda settings, day: data.session_count(settings, day),
    ),
    "event": (
        EventDataSeriesToObjectStorageOperator,
        {"events": ["a/b/../c"]},
        "event_days",
        lambda settings, day: data.event_count(settings, "a/b/../c", day),
    ),
    "revenue": (
        PurchaseDataSeriesToObjectStorageOperator,
        {"metrics": ["revenue"], "products": ["50% off"]},
        "purchase_days",
        lambda settings, day: data.purchase_value(settings, "revenue", day, "50% off"),
    ),
    "segment": (
        SegmentDataSeriesToObjectStorageOperator,
        {},
        "segment_days",
        lambda settings, day: data.segment_size(settings, data.segment_ids(settings)[0], day),
    ),
}
PATHS = {
    **{metric: f"/kpi/{metric}/data_series" for metric in ("dau", "mau")},
    **{"sessions": "/sessions/data_series", "event": "/events/data_series", "segment": "/segments/data_series"},
    "revenue": "/purchases/revenue_series",
}


@pytest.mark.sampled(18)
@pytest.mark.parametrize(
    ("span", "reading", "zone", "name"),
    [(*case, list(FLAT)[(place + place // 6) % 6]) for place, case in enumerate(COMBINATIONS)],
)
def test_flat_series(span, reading, zone, name, braze, land):
    settings = braze.configure(timezone=zone, ending_at_reading=reading)
    operator, arguments, table, figure = FLAT[name]
    if name == "segment":
        arguments = {"segment_ids": data.segment_ids(settings)[0]}
    requested, folder = land(operator, span, zone, tables=[table], **arguments)
    landed = {}
    for path in sorted(folder.glob(f"{table}/dt=*/*.parquet")):
        (row,) = pq.read_table(path, partitioning=None).to_pylist()
        assert str(row["day"]) == path.parent.name.removeprefix("dt=")
        landed[row["day"]] = row["size" if name == "segment" else "count" if name == "event" else "value"]
    assert landed == {day: figure(settings, day) for day in requested}
    assert braze.count(PATHS[name]) == calls_needed(span, reading, 100)


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(("span", "zone"), [(1, "UTC"), (13, "America/New_York"), (13, "Australia/Lord_Howe")])
def test_sends(span, zone, reading, braze, land):
    as_of = datetime.combine(LAST_DAYS[zone] + timedelta(days=1), time(8), tzinfo=timezone.utc)
    settings = braze.configure(timezone=zone, ending_at_reading=reading, as_of=as_of.isoformat())
    campaign_id, send_id = next(
        (campaign_id, sends[0])
        for campaign_id in data.campaign_ids(settings)
        if (sends := data.send_ids(settings, campaign_id))
    )
    requested, folder = land(
        SendDataSeriesToObjectStorageOperator, span, zone, sends=[(campaign_id, send_id)], tables=["send_days"]
    )
    braze.configure(as_of="2026-12-15T06:00:00Z")
    rows = [
        row
        for path in sorted(folder.glob("send_days/dt=*/*"))
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]
    sent = [data.send_day(settings, campaign_id, send_id, day) for day in requested]
    assert [(row["day"], row["unique_recipients"], row["conversions"]) for row in rows] == [
        (day, each["unique_recipients"], each.get("conversions")) for day, each in zip(requested, sent, strict=True)
    ]
    assert braze.count("/sends/data_series") == 1
