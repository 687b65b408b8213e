"""Purchases: quantity and revenue, as pure functions, and their three endpoints.

Both grow for 2 days after the day. Totals are the sums over products.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache, partial
from random import Random
from typing import Final

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox import params as parse
from airflow_provider_braze.sandbox.days import flat_series
from airflow_provider_braze.sandbox.figures import arrived, busyness, draw
from airflow_provider_braze.sandbox.instants import day_of
from airflow_provider_braze.sandbox.kpis import requested_app
from airflow_provider_braze.sandbox.lists import page_of
from airflow_provider_braze.sandbox.params import Params, Respond
from airflow_provider_braze.sandbox.settings import SandboxSettings

FIGURES: Final[Mapping[str, str]] = {"quantity": "purchase_quantity", "revenue": "revenue"}
"""Key of the series by metric."""

PRODUCTS: Final = ("sku-1", "SKU-1", "sku-1 ", "shoes/red", "🎁 gift card", "a&b=c", "50% off", "日本茶", "never sold")
"""The first products of a workspace; their names are free text. The last is not bought."""


@lru_cache(maxsize=8)
def _products(count: int) -> tuple[str, ...]:
    return (*PRODUCTS[:count], *(f"product {number:05}" for number in range(len(PRODUCTS), count)))


def product_ids(settings: SandboxSettings) -> list[str]:
    """Return the ids of all products, in the order of ``/purchases/product_list``."""
    return list(_products(settings.products))


def purchase_value(
    settings: SandboxSettings,
    metric: str,
    day: date,
    product: str | None = None,
    app_id: str | None = None,
    as_of: datetime | None = None,
) -> float | None:
    """Return the quantity or revenue of a day, or None when the day has not begun.

    :param metric: ``quantity`` (int) or ``revenue`` (float; int on some days, as on Braze's page).
    :param product: one product; default all together.
    :param app_id: one app; default all together.
    :param as_of: aware time of the request; default the settings' clock.
    :raises KeyError: no such metric.
    """
    now = as_of or settings.now()
    if day > day_of(now, settings.timezone):
        return None
    elapsed, late = arrived(day, settings.timezone, now, 2)
    pace = 0.98 * elapsed + 0.02 * late
    products = _products(settings.products) if product is None else (product,)
    quantities = {each: int(_quantity(settings, each, app_id, day) * pace) for each in products}
    if FIGURES[metric] != "revenue":
        return sum(quantities.values())
    cents = sum(number * _price_cents(settings, each) for each, number in quantities.items())
    return cents // 100 if day.day % 5 == 0 else cents / 100


def _quantity(settings: SandboxSettings, product: str, app_id: str | None, day: date) -> float:
    if product == PRODUCTS[-1]:
        return 0.0
    share = 1.0 if app_id is None else 0.2 + 0.3 * draw(settings.seed, "product", product, app_id)
    base = 5 + 300 * draw(settings.seed, "product", product)
    return share * base * busyness(day, draw(settings.seed, "purchase", product, day))


def _price_cents(settings: SandboxSettings, product: str) -> int:
    return 199 + int(20_000 * draw(settings.seed, "price", product))


def _respond_list(settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    page = parse.integer(params, "page", 0, 10**9, default=0)
    if settings.product_pages == "from_1" and page == 0:
        return {"message": "success", "products": []}
    place = page if settings.product_pages == "from_0" else max(0, page - 1)
    return {"message": "success", "products": page_of({"page": str(place)}, product_ids(settings))}


def _respond_series(metric: str, settings: SandboxSettings, params: Params, dice: Random) -> JsonObject:
    product = parse.known(params, "product", _products(settings.products), required=False) or None
    app_id, now = requested_app(settings, params), settings.now()
    return flat_series(
        settings,
        params,
        dice,
        metric if product is None else product,
        FIGURES[metric],
        lambda day: purchase_value(settings, metric, day, product, app_id, now),
    )


ENDPOINTS: Final[Mapping[str, Respond]] = {
    "/purchases/product_list": _respond_list,
    **{f"/purchases/{metric}_series": partial(_respond_series, metric) for metric in FIGURES},
}
"""Response by path."""
