"""All endpoints of the sandbox: the ``ENDPOINTS`` of each module named here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from airflow_provider_braze.sandbox import (
    campaign_days,
    canvas_endpoints,
    events,
    kpis,
    purchases,
    segments,
    sends,
)
from airflow_provider_braze.sandbox.params import Respond

ENDPOINTS: Final[Mapping[str, Respond]] = {
    path: respond
    for group in (campaign_days, canvas_endpoints, segments, kpis, events, purchases, sends)
    for path, respond in group.ENDPOINTS.items()
}
"""Response by path."""
