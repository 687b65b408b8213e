from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from random import Random

import pytest

from airflow_provider_braze.sandbox.data import app_ids, product_ids, purchase_value
from airflow_provider_braze.sandbox.endpoints import ENDPOINTS
from airflow_provider_braze.sandbox.params import Rejected
from airflow_provider_braze.sandbox.purchases import FIGURES, PRODUCTS
from airflow_provider_braze.sandbox.settings import SandboxSettings

SETTINGS = SandboxSettings(as_of="2026-11-19T06:00:00Z")
MONDAY = date(2026, 11, 16)
APP = app_ids(SETTINGS)[0]


def series(metric: str, settings: SandboxSettings = SETTINGS, **params: str) -> list[dict]:
    return ENDPOINTS[f"/purchases/{metric}_series"](settings, {"length": "10", **params}, Random(0))["data"]


def listed(settings: SandboxSettings, page: int) -> list[str]:
    return list(ENDPOINTS["/purchases/product_list"](settings, {"page": str(page)}, Random(0))["products"])


@pytest.mark.parametrize("params", [{}, {"app_id": APP}, *({"product": each} for each in product_ids(SETTINGS))])
@pytest.mark.parametrize("metric", FIGURES)
def test_series_sends_exactly_the_values(metric, params):
    days = [date(2026, 11, 19) - timedelta(days=back) for back in reversed(range(10))]
    assert series(metric, **params) == [
        {"time": day.isoformat(), FIGURES[metric]: purchase_value(SETTINGS, metric, day, **params)} for day in days
    ]


@pytest.mark.parametrize("metric", FIGURES)
def test_purchase_value_total_is_the_sum_of_products(metric):
    each = [purchase_value(SETTINGS, metric, MONDAY, product) for product in product_ids(SETTINGS)]
    assert purchase_value(SETTINGS, metric, MONDAY) == pytest.approx(sum(each))
    assert purchase_value(SETTINGS, metric, MONDAY) > purchase_value(SETTINGS, metric, MONDAY, app_id=APP) > 0


@pytest.mark.parametrize("metric", FIGURES)
def test_purchase_value_grows(metric):
    values = [
        purchase_value(SETTINGS, metric, MONDAY, as_of=datetime(2026, 11, day, tzinfo=timezone.utc))
        for day in (16, 17, 18, 19, 30)
    ]
    assert values[0] == 0 < values[1] < values[2] < values[3] == values[4]


def test_purchase_value_revenue_is_integral_on_some_days():
    kinds = {type(purchase_value(SETTINGS, "revenue", date(2026, 11, day))) for day in range(1, 19)}
    assert kinds == {int, float}
    assert type(purchase_value(SETTINGS, "quantity", MONDAY)) is int


def test_purchase_value_tomorrow_is_missing():
    assert purchase_value(SETTINGS, "quantity", date(2026, 11, 20)) is None


def test_purchase_value_product_never_sold_is_zero():
    assert purchase_value(SETTINGS, "revenue", MONDAY, PRODUCTS[-1]) == 0


def test_product_list_has_pages():
    many = replace(SETTINGS, products=250)
    pages = [listed(many, page) for page in range(4)]
    assert [len(page) for page in pages] == [100, 100, 50, 0]
    assert [name for page in pages for name in page] == product_ids(many)


@pytest.mark.parametrize(("pages", "sizes"), [("from_1", [0, 100, 50, 0]), ("from_1_and_0", [100, 100, 50, 0])])
def test_product_list_pages_may_start_at_1(pages, sizes):
    many = replace(SETTINGS, products=150, product_pages=pages)
    found = [listed(many, page) for page in range(4)]
    assert [len(page) for page in found] == sizes
    assert [*found[1], *found[2]] == product_ids(many)


@pytest.mark.parametrize("params", [{"product": "unknown"}, {"product": ""}, {"app_id": "unknown"}, {"length": "101"}])
def test_series_wrong_parameter_is_rejected_by_name(params):
    with pytest.raises(Rejected, match=next(iter(params))):
        series("quantity", **params)


def test_bad_subject_is_the_metric_or_the_product():
    settings = SETTINGS.merged({"faults": {"bad_subjects": {"revenue": 500, "sku-1": 400}}})
    with pytest.raises(Rejected):
        series("revenue", settings)
    with pytest.raises(Rejected):
        series("quantity", settings, product="sku-1")
    assert series("quantity", settings)
