"""Purchases: quantity and revenue per day, of all products together or of single ones.

Both series share a rate limit of 1,000 requests an hour with the lists of events and products.

Sources: Braze docs, Export number of purchases, Export revenue data, API rate limits (seen 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.series import Column, Series, Subject, Table, columns, qualify
from airflow_provider_braze.series.decoders import load_flat_decoder

ENDPOINTS: Final = {
    "quantity": Endpoint("/purchases/quantity_series"),
    "revenue": Endpoint("/purchases/revenue_series"),
}
METRICS: Final = tuple(ENDPOINTS)

_FIGURES: Final = {"quantity": "purchase_quantity", "revenue": "revenue"}


def purchase_subjects(
    metrics: Iterable[str], products: Iterable[str | None] = (None,), app_ids: Iterable[str | None] = (None,)
) -> list[Subject]:
    """Return a subject per metric, product and app; None means all of them together."""
    return [_subject(metric, product, app_id) for metric in metrics for product in products for app_id in app_ids]


def _subject(metric: str, product: str | None, app_id: str | None) -> Subject:
    name, params = qualify(metric, product=product, app_id=app_id)
    key = (metric, product, app_id)
    return Subject(name, key, ENDPOINTS[metric], params, figure=_FIGURES[metric])


PURCHASES: Final = Series(
    name="purchases",
    noun="metric",
    plural="metrics",
    keys=("metric", "product_id", "app_id"),
    other_endpoints=tuple(ENDPOINTS.values()),
    main_figures=("value",),
    lookback_days=30,
    load_decoder=load_flat_decoder,
    tables=(
        Table(
            name="purchase_days",
            source="figures",
            sort_by=("day", "metric", "product_id", "app_id"),
            columns=(
                *columns("string", "metric", "product_id", "app_id"),
                Column("day", "date"),
                Column("value", "double"),
                Column("other", "string"),
            ),
        ),
    ),
)
