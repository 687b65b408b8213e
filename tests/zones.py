"""Time zones with every unusual clock change, strategies over their days, and short notation for instants."""

from __future__ import annotations

from datetime import date, datetime, timezone

from hypothesis import strategies as st

ZONES = [
    "UTC",
    "Africa/Cairo",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/St_Johns",
    "America/Toronto",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Seoul",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Honolulu",
    "Pacific/Kiritimati",
    "Pacific/Kwajalein",
]

zones = st.sampled_from(ZONES)
days = st.dates(date(1918, 1, 1), date(2037, 12, 1))
instants = st.datetimes(datetime(1918, 1, 2), datetime(2037, 12, 1), timezones=st.just(timezone.utc))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
