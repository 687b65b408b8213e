"""All figures of the made-up workspace: what a landed table has to contain.

Each function is pure: it depends on the settings, the subject, the day and the as-of time. They need neither a running
sandbox nor its extra dependencies.

==========  =======================================================================================================
series      functions
==========  =======================================================================================================
campaigns   :func:`campaign_ids`, :func:`campaign_entry`, :func:`campaign_details`, :func:`day_object`,
            :func:`is_active`
canvases    :func:`canvas_ids`, :func:`canvas_entry`, :func:`canvas_details`, :func:`canvas_day`,
            :func:`canvas_summary`, :func:`is_canvas_active`
segments    :func:`segment_ids`, :func:`segment_entry`, :func:`segment_details`, :func:`segment_size`
KPIs        :func:`app_ids`, :func:`kpi_value`, :func:`session_count`
events      :func:`event_names`, :func:`event_count`
purchases   :func:`product_ids`, :func:`purchase_value`
sends       :func:`send_ids`, :func:`send_day`
==========  =======================================================================================================

A flat figure is None when the response has no object for that day. With the setting ``omit_inactive_days`` a response
also leaves out zeros, and days for which ``is_active`` or ``is_canvas_active`` is false.
"""

from __future__ import annotations

from airflow_provider_braze.sandbox.campaign_days import (
    campaign_by_id,
    campaign_details,
    campaign_entry,
    campaign_ids,
    day_object,
    is_active,
)
from airflow_provider_braze.sandbox.canvas_days import (
    canvas_by_id,
    canvas_day,
    canvas_details,
    canvas_entry,
    canvas_ids,
    canvas_summary,
    is_canvas_active,
)
from airflow_provider_braze.sandbox.events import event_count, event_names
from airflow_provider_braze.sandbox.kpis import app_ids, kpi_value, session_count
from airflow_provider_braze.sandbox.purchases import product_ids, purchase_value
from airflow_provider_braze.sandbox.segments import segment_details, segment_entry, segment_ids, segment_size
from airflow_provider_braze.sandbox.sends import send_day, send_ids

__all__ = [
    "app_ids",
    "campaign_by_id",
    "campaign_details",
    "campaign_entry",
    "campaign_ids",
    "canvas_by_id",
    "canvas_day",
    "canvas_details",
    "canvas_entry",
    "canvas_ids",
    "canvas_summary",
    "day_object",
    "event_count",
    "event_names",
    "is_active",
    "is_canvas_active",
    "kpi_value",
    "product_ids",
    "purchase_value",
    "segment_details",
    "segment_entry",
    "segment_ids",
    "segment_size",
    "send_day",
    "send_ids",
    "session_count",
]
