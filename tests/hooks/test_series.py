from __future__ import annotations

import json
from datetime import date, timedelta
from typing import get_args

import pytest

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.hooks.braze import BrazeHook
from airflow_provider_braze.sandbox import data
from airflow_provider_braze.sandbox.settings import ProductPages
from tests.docs.pages import read

DAY = date(2026, 11, 10)
WINDOW = Window(DAY - timedelta(days=2), DAY + timedelta(days=1), "UTC")
DAYS = list(WINDOW)
PERMISSIONS = {
    "campaigns": ["campaigns.list", "campaigns.data_series"],
    "canvases": ["canvas.list", "canvas.data_series"],
    "kpis": [
        *(f"kpi.{metric}.data_series" for metric in ("dau", "mau", "new_users", "uninstalls")),
        "sessions.data_series",
    ],
    "segments": ["segments.list", "segments.data_series"],
    "events": ["events.list", "events.data_series"],
    "purchases": ["purchases.quantity_series", "purchases.revenue_series"],
    "sends": ["sends.data_series"],
}


@pytest.fixture
def hook(braze):
    braze.configure(as_of="2026-11-19T06:00:00Z")
    with_hook = BrazeHook()
    yield with_hook
    with_hook.close()


@pytest.fixture
def connect(braze, monkeypatch):
    """Return a function that sets the field ``series`` in the connection's extra."""

    def set_series(series):
        fields = json.loads(braze.connection_json())
        fields["extra"] = {**fields.get("extra", {}), "series": series}
        monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(fields))
        return BrazeHook()

    return set_series


def test_lists_equal_those_of_braze(braze, hook):
    settings = braze.settings
    assert [entry["id"] for entry in hook.list_canvases()] == data.canvas_ids(settings)
    assert [entry["id"] for entry in hook.list_segments()] == data.segment_ids(settings)
    assert list(hook.list_events()) == data.event_names(settings)
    assert list(hook.list_products()) == data.product_ids(settings)


@pytest.mark.parametrize("products", [0, 3, 100, 150, 250])
@pytest.mark.parametrize("pages", get_args(ProductPages))
def test_list_products_does_not_depend_on_the_first_page(pages, products, braze, hook):
    settings = braze.configure(product_pages=pages, products=products)
    assert list(hook.list_products()) == data.product_ids(settings)


def test_details_equal_those_of_braze(braze, hook):
    canvas_id, segment_id = data.canvas_ids(braze.settings)[0], data.segment_ids(braze.settings)[0]
    assert {**hook.canvas_details(canvas_id), "message": None} == {
        **data.canvas_details(braze.settings, canvas_id),
        "message": None,
    }
    assert hook.segment_details(segment_id)["name"] == data.segment_details(braze.settings, segment_id)["name"]


def test_series_equal_those_of_braze(braze, hook):
    settings = braze.settings
    canvas_id, segment_id = data.canvas_ids(settings)[0], data.segment_ids(settings)[0]
    app_id = data.app_ids(settings)[0]
    send = next((id_, sends[0]) for id_ in data.campaign_ids(settings) if (sends := data.send_ids(settings, id_)))
    assert hook.canvas_data_series(canvas_id, WINDOW) == [data.canvas_day(settings, canvas_id, day) for day in DAYS]
    assert hook.send_data_series(*send, WINDOW) == [data.send_day(settings, *send, day) for day in DAYS]
    flat = [
        (
            hook.segment_data_series(segment_id, WINDOW),
            "size",
            lambda day: data.segment_size(settings, segment_id, day),
        ),
        (hook.kpi_data_series("mau", WINDOW), "mau", lambda day: data.kpi_value(settings, "mau", day)),
        (
            hook.kpi_data_series("dau", WINDOW, app_id=app_id),
            "dau",
            lambda day: data.kpi_value(settings, "dau", day, app_id),
        ),
        (
            hook.session_data_series(WINDOW, segment_id=segment_id),
            "sessions",
            lambda day: data.session_count(settings, day, segment_id=segment_id),
        ),
        (
            hook.event_data_series("q?x=1&y=2#z", WINDOW),
            "count",
            lambda day: data.event_count(settings, "q?x=1&y=2#z", day),
        ),
        (
            hook.purchase_data_series("revenue", WINDOW, product="a&b=c"),
            "revenue",
            lambda day: data.purchase_value(settings, "revenue", day, "a&b=c"),
        ),
    ]
    for found, key, figure in flat:
        assert found == [{"time": str(day), key: figure(day)} for day in DAYS], key


@pytest.mark.parametrize("method", ["kpi_data_series", "purchase_data_series"])
def test_unknown_metric_is_rejected_by_name(method, hook):
    with pytest.raises(BrazeConfigError, match=r"`metric` has the unknown value 'foo'. Use one of: "):
        getattr(hook, method)("foo", WINDOW)


def test_canvas_summary_equals_that_of_braze(braze, hook):
    canvas_id = data.canvas_ids(braze.settings)[0]
    summary = hook.canvas_data_summary(canvas_id, ending_at="2026-11-10T12:00:00+00:00", length=3)
    assert summary["data"]["total_stats"] == data.canvas_summary(braze.settings, canvas_id, DAYS)["total_stats"]


@pytest.mark.parametrize("series", PERMISSIONS)
def test_test_connection_names_the_permissions_of_a_series(series, braze, connect):
    good, message = connect(series).test_connection()
    assert good, message
    assert all(permission in message for permission in PERMISSIONS[series])
    for missing in PERMISSIONS[series]:
        braze.configure(missing_permissions=[missing])
        good, message = connect(series).test_connection()
        assert not good
        assert f"permission '{missing}'" in message


def test_test_connection_ignores_missing_permissions_of_unused_series(braze, connect):
    braze.configure(missing_permissions=["canvas.data_series", "kpi.mau.data_series"])
    assert connect("campaigns, segments").test_connection()[0]
    good, message = connect(["campaigns", "canvases", "kpis"]).test_connection()
    assert not good
    assert "'canvas.data_series'" in message
    assert "'kpi.mau.data_series'" in message


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ("campaigns", "The key works. Its permissions include campaigns.list, campaigns.data_series."),
        ("sends", "The key works. Its permissions include sends.data_series."),
    ],
)
def test_message_about_a_valid_key_is_one_sentence_with_each_permission(series, expected, braze, connect):
    assert connect(series).test_connection() == (True, expected)


def test_message_about_a_valid_key_is_documented(braze, connect):
    _, message = connect("campaigns").test_connection()
    assert f"\n    {message}\n" in read("connection.md")


@pytest.mark.parametrize("series", ["campaign", "campaigns,,events", 7, [], ","])
def test_test_connection_rejects_names_that_do_not_exist(series, connect):
    good, message = connect(series).test_connection()
    assert not good
    assert "series" in message
