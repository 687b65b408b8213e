"""The permissions that a key of the sandbox may have."""

from __future__ import annotations

from typing import Final

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.series import all_series

_UNDECLARED: Final = (Endpoint("/canvas/data_summary"), Endpoint("/purchases/product_list"))
"""Endpoints that the hook reads, but no series."""

_DECLARED: Final = tuple(endpoint for series in all_series() for endpoint in series.endpoints)

PERMISSIONS: Final = tuple(dict.fromkeys(endpoint.permission for endpoint in (*_DECLARED, *_UNDECLARED)))
"""The permissions of a REST API key that the sandbox knows, one per endpoint."""
