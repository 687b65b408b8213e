"""Paths and permissions of the endpoints that the sandbox serves."""

from __future__ import annotations

from typing import Final

from airflow_provider_braze.core.endpoints import Endpoint

PATHS: Final = (
    *("/campaigns/list", "/campaigns/details", "/campaigns/data_series"),
    *("/canvas/list", "/canvas/details", "/canvas/data_series", "/canvas/data_summary"),
    *("/kpi/dau/data_series", "/kpi/mau/data_series", "/kpi/new_users/data_series", "/kpi/uninstalls/data_series"),
    "/sessions/data_series",
    *("/segments/list", "/segments/details", "/segments/data_series"),
    *("/events/list", "/events/data_series"),
    *("/purchases/product_list", "/purchases/quantity_series", "/purchases/revenue_series"),
    "/sends/data_series",
)
"""Paths of the endpoints that the sandbox serves."""


def permission_of(path: str) -> str:
    """Return the permission that an endpoint needs, such as ``campaigns.list``."""
    return Endpoint(path).permission


PERMISSIONS: Final = tuple(map(permission_of, PATHS))
"""The permissions of a REST API key that the sandbox knows, one per endpoint."""
