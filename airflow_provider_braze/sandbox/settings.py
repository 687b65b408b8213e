"""The sandbox's settings, and how a partial update is merged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import Any, Final, Literal, get_args

from airflow_provider_braze.core.endpoints import bucket_of
from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.sandbox import checks
from airflow_provider_braze.sandbox.faults import Faults
from airflow_provider_braze.sandbox.instants import EndingAtReading, parse_instant
from airflow_provider_braze.sandbox.limits import BRAZE_LIMITS, Limit
from airflow_provider_braze.sandbox.permissions import PERMISSIONS

__all__ = ["PERMISSIONS", "Faults", "ProductPages", "RowOrder", "SandboxSettings"]

RowOrder = Literal["stable", "shuffled"]

ProductPages = Literal["from_0", "from_1", "from_1_and_0"]
"""Which page of products is the first: 0; 1, with an empty page 0; or 1, with the same entries on page 0.

Braze does not document it (Braze docs, Export product IDs, seen 2026-11).
"""

CANVAS_MAX_LENGTH: Final = 14
"""Most days of a canvas series. Source: Braze docs, Export canvas data series analytics (seen 2026-11)."""


def _faults(name: str, value: Any) -> Any:
    if value is None:
        return Faults()
    return value if isinstance(value, Faults) else checks.merge(Faults(), value, name + ".")


_COUNT: Final = checks.whole_number("a whole number from 0 to 100000", 0, 100_000)
_CHECKS: Final[Mapping[str, checks.Check]] = {
    "seed": checks.whole_number("a whole number of at most 18 digits", -(10**18), 10**18),
    **dict.fromkeys(("campaigns", "canvases", "events", "products"), _COUNT),
    "segments": checks.whole_number("a whole number from 0 to 1000", 0, 1_000),
    "apps": checks.whole_number("a whole number from 0 to 50", 0, 50),
    "canvas_extra_steps": checks.whole_number("a whole number from 0 to 1000", 0, 1_000),
    "canvas_max_length": checks.whole_number("a whole number from 1 to 100", 1, 100),
    "timezone": checks.zone,
    "as_of": checks.optional(checks.instant),
    "ending_at_reading": checks.choice(get_args(EndingAtReading)),
    "latency_seconds": checks.SECONDS,
    "rate_limit": checks.optional(checks.whole_number("a whole number from 1, or null for no limit", 1, 10**9)),
    "rate_window_seconds": checks.number("a number of seconds from 0.01 to 86400", 0.01, 86_400),
    "rate_limits": checks.limits(tuple(BRAZE_LIMITS)),
    "omit_inactive_days": checks.flag,
    "unknown_keys": checks.flag,
    "product_pages": checks.choice(get_args(ProductPages)),
    "row_order": checks.choice(get_args(RowOrder)),
    "api_key": checks.secret,
    "permissions": checks.several(PERMISSIONS),
    "missing_permissions": checks.several(PERMISSIONS),
    "faults": _faults,
}


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """How the sandbox behaves. Each setting can be changed while it runs.

    :param seed: which made-up workspace. The same seed gives the same subjects and figures.
    :param campaigns: number of campaigns. Default 20.
    :param timezone: IANA name of the company's zone, in which days are counted.
    :param as_of: ISO 8601 time at which the clock of the data is stopped, or None for the real clock. Rate limits
        always use the real clock.
    :param ending_at_reading: which day is the last of a series, see
        :data:`~airflow_provider_braze.sandbox.instants.EndingAtReading`.
    :param latency_seconds: seconds by which each response of the API is delayed.
    :param rate_limit: allowed requests of ``/campaigns/data_series`` per ``rate_window_seconds``. None announces
        Braze's 50,000 and rejects none.
    :param rate_window_seconds: seconds until that limit resets.
    :param omit_inactive_days: whether days without activity are left out instead of sent as zeros.
    :param row_order: ``stable``, or ``shuffled``: rows of a channel and days have another order in each response.
    :param api_key: the accepted key; made up.
    :param permissions: permissions of that key. Default all.
    :param faults: what goes wrong; a mapping of some fields of :class:`Faults` is accepted.
    :param missing_permissions: those of ``permissions`` that the key lacks. Default none.
    :param canvases: number of canvases. Default 8.
    :param segments: number of segments. Default 8.
    :param events: number of custom events. Default 20.
    :param products: number of purchased products. Default 12.
    :param product_pages: which page of the list of products is the first; see :data:`ProductPages`.
    :param apps: number of apps. Default 2.
    :param canvas_extra_steps: email steps that every canvas has in addition. Default 0.
    :param canvas_max_length: most days of a canvas series. Default 14.
    :param rate_limits: ``{"requests": …, "seconds": …}`` by bucket: ``events`` (which lists of events and products and
        the purchase series share), ``default`` or ``campaigns.data_series``. A bucket that is not named announces
        Braze's limit and rejects none.
    :param unknown_keys: whether series contain figures, objects and channels that Braze does not document. Campaigns
        always have a few.
    """

    seed: int = 0
    campaigns: int = 20
    timezone: str = "UTC"
    as_of: str | None = None
    ending_at_reading: EndingAtReading = "inclusive"
    latency_seconds: float = 0.0
    rate_limit: int | None = None
    rate_window_seconds: float = 60.0
    omit_inactive_days: bool = False
    row_order: RowOrder = "stable"
    api_key: str = field(default="sandbox-key-that-opens-nothing", repr=False)
    permissions: tuple[str, ...] = PERMISSIONS
    faults: Faults = field(default_factory=Faults)
    missing_permissions: tuple[str, ...] = ()
    canvases: int = 8
    segments: int = 8
    events: int = 20
    products: int = 12
    apps: int = 2
    canvas_extra_steps: int = 0
    canvas_max_length: int = CANVAS_MAX_LENGTH
    rate_limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    unknown_keys: bool = False
    product_pages: ProductPages = "from_0"

    def __post_init__(self) -> None:
        checks.check_all(self, _CHECKS, "")

    def merged(self, changes: Mapping[str, Any]) -> SandboxSettings:
        """Return these settings with some fields changed; ``faults`` is merged field by field, None clears it.

        :raises BrazeConfigError: a field is unknown or its value wrong.
        """
        faults = changes.get("faults")
        if isinstance(faults, Mapping):
            changes = {**changes, "faults": checks.merge(self.faults, faults, "faults.")}
        return checks.merge(self, changes, "")

    def merged_json(self, text: str | bytes) -> SandboxSettings:
        """Return these settings with the fields of a JSON object changed, as :meth:`merged` does.

        :raises BrazeConfigError: the text is not a JSON object, or a field is unknown or wrong.
        """
        try:
            changes = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BrazeConfigError("The sandbox settings are not JSON. Send one JSON object of settings.") from error
        return self.merged(changes) if isinstance(changes, dict) else checks.merge(self, changes, "")

    def limit_for(self, path: str) -> Limit:
        """Return the rate limit of an endpoint."""
        bucket = bucket_of(path)
        requests, seconds = BRAZE_LIMITS[bucket]
        if bucket in self.rate_limits:
            own = self.rate_limits[bucket]
            return Limit(bucket, int(own["requests"]), own["seconds"], is_enforced=True)
        if bucket == "campaigns.data_series":
            return Limit(bucket, self.rate_limit or requests, self.rate_window_seconds, bool(self.rate_limit))
        return Limit(bucket, requests, seconds, is_enforced=False)

    def to_json(self) -> JsonObject:
        """Return the settings as a JSON object."""
        return asdict(self)

    def now(self) -> datetime:
        """Return the time of the data's clock. The real clock is cut to the minute, so that bodies can be cached."""
        frozen = parse_instant(self.as_of) if self.as_of else None
        return frozen or datetime.now(timezone.utc).replace(second=0, microsecond=0)
