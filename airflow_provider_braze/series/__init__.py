"""One module per analytics series of Braze: its endpoints, its subjects and its tables."""

from __future__ import annotations

from airflow_provider_braze.core.series import Series
from airflow_provider_braze.exceptions import BrazeConfigError


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


def find_series(name: str) -> Series:
    """Return the series of a name, such as ``canvases``.

    :raises BrazeConfigError: there is no such series.
    """
    known = {series.name: series for series in all_series()}
    if name not in known:
        raise BrazeConfigError(f"The series {name!r} does not exist. Use one of: {', '.join(known)}.")
    return known[name]
