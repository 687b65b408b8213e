"""One module per analytics series of Braze: its endpoints, its subjects and its tables."""

from __future__ import annotations

from airflow_provider_braze.core.series import Series


def all_series() -> tuple[Series, ...]:
    """Return every declared series."""
    from airflow_provider_braze.series.campaigns import CAMPAIGNS
    from airflow_provider_braze.series.canvases import CANVASES
    from airflow_provider_braze.series.events import EVENTS
    from airflow_provider_braze.series.kpis import KPIS
    from airflow_provider_braze.series.purchases import PURCHASES
    from airflow_provider_braze.series.segments import SEGMENTS
    from airflow_provider_braze.series.sends import SENDS

    return (CAMPAIGNS, CANVASES, KPIS, SEGMENTS, EVENTS, PURCHASES, SENDS)
