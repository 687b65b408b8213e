"""All endpoints of the real server, and the requests that the package's series need."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import date, timedelta

import httpx
import pytest

from airflow_provider_braze import series as series_package
from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.series import Series
from airflow_provider_braze.sandbox import Sandbox, SandboxSettings, data
from airflow_provider_braze.sandbox.endpoints import ENDPOINTS
from airflow_provider_braze.sandbox.permissions import PERMISSIONS

SETTINGS = SandboxSettings(as_of="2026-11-19T06:00:00Z", timezone="America/New_York")
NOON = {"length": "3", "ending_at": "2026-11-17T12:00:00-05:00"}
DAYS = [date(2026, 11, 15), date(2026, 11, 16), date(2026, 11, 17)]
BREAKDOWNS = ("include_variant_breakdown", "include_step_breakdown", "include_deleted_step_data")


@pytest.fixture(scope="module")
def braze() -> Iterator[Sandbox]:
    with Sandbox(SETTINGS) as braze:
        yield braze


@pytest.fixture
def get(braze):
    braze.configure(**SETTINGS.to_json())
    braze.configure(faults=None)
    with httpx.Client(
        base_url=braze.url, headers={"authorization": f"Bearer {braze.api_key}"}, trust_env=False
    ) as client:

        def get(path: str, **params: str) -> httpx.Response:
            return client.get(path, params=params)

        yield get


def test_endpoints_equal_those_of_the_permissions():
    assert sorted(Endpoint(path).permission for path in ENDPOINTS) == sorted(PERMISSIONS)


def declared() -> list[Series]:
    modules = [
        importlib.import_module(f"{series_package.__name__}.{each.name}")
        for each in pkgutil.iter_modules(series_package.__path__)
    ]
    return [value for module in modules for value in vars(module).values() if isinstance(value, Series)]


def test_endpoints_of_all_declared_series_are_served():
    assert declared()
    assert {endpoint.path for each in declared() for endpoint in each.endpoints} <= set(ENDPOINTS)


def test_canvas_series_over_http(get):
    (first, *_) = get("/canvas/list").json()["canvases"]
    assert first == data.canvas_entry(SETTINGS, 0)
    content = get("/canvas/data_series", canvas_id=first["id"], **NOON, **dict.fromkeys(BREAKDOWNS, "true")).json()
    assert content["data"]["stats"] == [data.canvas_day(SETTINGS, first["id"], day) for day in DAYS]
    assert get("/canvas/details", canvas_id=first["id"]).json()["name"] == first["name"] == content["data"]["name"]
    assert get("/canvas/data_summary", canvas_id=first["id"], **NOON).json()["data"]["name"] == first["name"]


@pytest.mark.parametrize(("cap", "length", "status"), [(14, 14, 200), (14, 15, 400), (13, 13, 200), (13, 14, 400)])
def test_canvas_cap_over_http(braze, get, cap, length, status):
    braze.configure(canvas_max_length=cap)
    assert get("/canvas/data_series", canvas_id=data.canvas_ids(SETTINGS)[0], length=str(length)).status_code == status


@pytest.mark.parametrize("path", ["/canvas/data_series", "/canvas/data_summary"])
def test_canvas_starting_at_is_rejected_instead_of_ignored(get, path):
    canvas_id = data.canvas_ids(SETTINGS)[0]
    response = get(path, canvas_id=canvas_id, starting_at="2026-11-01T00:00:00Z", **NOON)
    assert (response.status_code, response.json()["message"]) == (
        400,
        "The sandbox serves length only, without starting_at",
    )


def test_rejected_canvas_is_not_called_a_campaign(braze, get):
    canvas_id = data.canvas_ids(SETTINGS)[0]
    braze.configure(faults={"bad_subjects": {canvas_id: 400}})
    response = get("/canvas/data_series", canvas_id=canvas_id, length="3")
    assert (response.status_code, response.json()) == (400, {"message": "Bad request"})


@pytest.mark.parametrize("ending_at", ["0001-01-05", "9999-12-31T23:59:59Z"])
def test_series_of_another_age_is_rejected(get, ending_at):
    campaign_id = data.campaign_ids(SETTINGS)[0]
    response = get("/campaigns/data_series", campaign_id=campaign_id, length="100", ending_at=ending_at)
    assert (response.status_code, response.json()["message"]) == (400, "ending_at must be an ISO 8601 datetime")


def test_canvas_clock_advanced_restates_a_day_over_http(braze, get):
    params = {"canvas_id": data.canvas_ids(SETTINGS)[0], **NOON}
    before = get("/canvas/data_series", **params).json()["data"]["stats"][0]
    braze.configure(as_of="2026-12-24T06:00:00Z")
    after = get("/canvas/data_series", **params).json()["data"]["stats"][0]
    assert before["time"] == after["time"]
    for key in ("entries", "conversions_by_entry_time"):
        assert before["total_stats"][key] < after["total_stats"][key]


def test_segment_series_over_http(get):
    (first, *_) = get("/segments/list").json()["segments"]
    found = get("/segments/data_series", segment_id=first["id"], **NOON).json()["data"]
    assert found == [{"time": day.isoformat(), "size": data.segment_size(SETTINGS, first["id"], day)} for day in DAYS]
    untracked = data.segment_ids(SETTINGS)[2]
    assert get("/segments/data_series", segment_id=untracked, **NOON).status_code == 400
    assert get("/segments/details", segment_id=untracked).status_code == 200


@pytest.mark.parametrize("metric", ["dau", "mau", "new_users", "uninstalls"])
def test_kpi_series_over_http(braze, get, metric):
    app = data.app_ids(SETTINGS)[1]
    found = get(f"/kpi/{metric}/data_series", app_id=app, **NOON).json()["data"]
    assert found == [{"time": day.isoformat(), metric: data.kpi_value(SETTINGS, metric, day, app)} for day in DAYS]
    braze.configure(missing_permissions=["kpi.mau.data_series"])
    assert get(f"/kpi/{metric}/data_series", **NOON).status_code == (403 if metric == "mau" else 200)


def test_mau_appears_when_the_clock_passes_over_http(braze, get):
    lengths = []
    for clock in ("2026-11-18T12:04:59Z", "2026-11-18T12:05:00Z"):
        braze.configure(as_of=clock)
        lengths.append(len(get("/kpi/mau/data_series", **NOON).json()["data"]))
    assert lengths == [2, 3]


def test_sessions_over_http(get):
    found = get("/sessions/data_series", **NOON).json()["data"]
    assert [each["sessions"] for each in found] == [data.session_count(SETTINGS, day) for day in DAYS]


def test_event_names_survive_the_query_over_http(get):
    names = get("/events/list").json()["events"]
    assert names == data.event_names(SETTINGS)
    for name in names:
        found = get("/events/data_series", event=name, **NOON).json()["data"]
        assert [each["count"] for each in found] == [data.event_count(SETTINGS, name, day) for day in DAYS]


def test_purchases_over_http(get):
    products = get("/purchases/product_list").json()["products"]
    assert products == data.product_ids(SETTINGS)
    for params in ({}, *({"product": product} for product in products)):
        found = get("/purchases/revenue_series", **params, **NOON).json()["data"]
        assert [each["revenue"] for each in found] == [
            data.purchase_value(SETTINGS, "revenue", day, params.get("product")) for day in DAYS
        ]


def test_sends_over_http(get):
    campaign = next(each for each in data.campaign_ids(SETTINGS) if data.send_ids(SETTINGS, each))
    send = data.send_ids(SETTINGS, campaign)[0]
    found = get("/sends/data_series", campaign_id=campaign, send_id=send, **NOON).json()["data"]
    assert found == [data.send_day(SETTINGS, campaign, send, day) for day in DAYS]


def test_used_up_pool_returns_429_until_the_requests_are_reset_over_http(braze, get):
    braze.configure(rate_limits={"events": {"requests": 2, "seconds": 3_600}})
    braze.reset_requests()
    assert [get("/events/list").status_code for _ in range(3)] == [200, 200, 429]
    assert get("/purchases/quantity_series", **NOON).status_code == 429
    braze.reset_requests()
    assert get("/purchases/quantity_series", **NOON).status_code == 200


@pytest.mark.parametrize("reading", ["inclusive", "midnight_before", "exclusive", "midnight"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Seoul", "Australia/Lord_Howe"])
def test_one_more_day_until_noon_of_the_next_day_has_all_days_under_every_reading(braze, get, reading, zone):
    braze.configure(ending_at_reading=reading, timezone=zone, as_of="2026-11-25T00:00:00Z")
    offset = {"UTC": "+00:00", "America/New_York": "-05:00", "Asia/Seoul": "+09:00", "Australia/Lord_Howe": "+11:00"}[
        zone
    ]
    params = {"length": "14", "ending_at": f"2026-11-18T12:00:00{offset}"}
    expected = {(date(2026, 11, 5) + timedelta(days=each)).isoformat() for each in range(13)}
    canvas = get("/canvas/data_series", canvas_id=data.canvas_ids(SETTINGS)[0], **params).json()["data"]["stats"]
    for days in (canvas, get("/sessions/data_series", **params).json()["data"]):
        assert expected <= {day["time"] for day in days}
        assert len(days) == 14
