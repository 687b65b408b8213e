"""The sandbox's settings, and how a partial update is merged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timezone
from typing import Any, Final, Literal, TypeVar, get_args

from airflow_provider_braze.core.endpoints import bucket_of
from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.sandbox import checks
from airflow_provider_braze.sandbox.instants import EndingAtReading, parse_instant

RowOrder = Literal["stable", "shuffled"]

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
    return path.strip("/").replace("/", ".")


PERMISSIONS: Final = tuple(map(permission_of, PATHS))
"""The permissions of a REST API key that the sandbox knows, one per endpoint."""

CANVAS_MAX_LENGTH: Final = 14
"""Most days of a canvas series. Source: Braze docs, Export canvas data series analytics (seen 2026-11)."""

_BRAZE_LIMITS: Final[Mapping[str, tuple[int, float]]] = {
    # Requests and seconds by bucket. Source: Braze docs, API rate limits (seen 2026-09).
    "campaigns.data_series": (50_000, 60),
    "events": (1_000, 3_600),
    "default": (250_000, 3_600),
}

_Settings = TypeVar("_Settings", "Faults", "SandboxSettings")

_SHARE: Final = checks.number("a probability from 0 to 1", 0, 1)
_SECONDS: Final = checks.number("a number of seconds from 0 to 3600", 0, 3600)
_WIRE_FAULTS: Final = ("rate_429", "rate_500", "rate_cut", "rate_html", "rate_reset", "rate_slow")
_FAULT_CHECKS: Final[Mapping[str, checks.Check]] = {
    **dict.fromkeys(_WIRE_FAULTS, _SHARE),
    "retry_after_reset_seconds": _SECONDS,
    "slow_seconds": _SECONDS,
    "foreign_days": _SHARE,
    "double_days": _SHARE,
    "contradicting_days": _SHARE,
    "endpoints": checks.several(PERMISSIONS),
    "bad_campaigns": checks.statuses,
    "bad_subjects": checks.statuses,
    "bad_details": checks.statuses,
    "missing_days": checks.days,
}


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate limit.

    :param seconds: seconds until it resets.
    :param is_enforced: whether requests above it are rejected.
    """

    bucket: str
    requests: int
    seconds: float
    is_enforced: bool


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong, and how often. Shares are probabilities per request, drawn from the seed.

    A subject is what a request is about. Faults name it by the id of a campaign, canvas or segment, by the name of an
    event, by the metric of a KPI (``dau``, ``sessions``) or purchase (``quantity``, ``revenue``), or by a send id.

    :param rate_429: share of responses with status 429.
    :param retry_after_reset_seconds: seconds until the ``X-RateLimit-Reset`` of such a 429. Default 1.
    :param rate_500: share of responses with status 500.
    :param rate_cut: share of bodies that end before their ``Content-Length``; the connection is closed.
    :param rate_html: share of responses with status 200 and a page of HTML, as from a proxy.
    :param rate_reset: share of connections that are reset without a response.
    :param rate_slow: share of bodies that take ``slow_seconds``.
    :param slow_seconds: duration of a slow body in seconds. Default 1.
    :param foreign_days: share of series with an additional day outside the requested range.
    :param double_days: share of series that contain one day twice, with equal content.
    :param contradicting_days: share of series that contain one day twice, with different content.
    :param endpoints: permissions of the endpoints at which ``rate_...`` apply. Default all.
    :param bad_campaigns: HTTP status by campaign id, for details and data series of that campaign.
    :param bad_details: HTTP status by id, for the details alone.
    :param missing_days: ISO dates by subject, or by ``*`` for all: days that the data series leave out.
    :param bad_subjects: HTTP status by subject, for its details and data series.
    """

    rate_429: float = 0.0
    retry_after_reset_seconds: float = 1.0
    rate_500: float = 0.0
    rate_cut: float = 0.0
    rate_html: float = 0.0
    rate_reset: float = 0.0
    rate_slow: float = 0.0
    slow_seconds: float = 1.0
    foreign_days: float = 0.0
    double_days: float = 0.0
    contradicting_days: float = 0.0
    endpoints: tuple[str, ...] = PERMISSIONS
    bad_campaigns: Mapping[str, int] = field(default_factory=dict)
    bad_details: Mapping[str, int] = field(default_factory=dict)
    missing_days: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bad_subjects: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_all(self, _FAULT_CHECKS, "faults.")
        total = sum(share for _, share in self.wire_shares())
        if total > 1.000001:
            raise checks.wrong("faults.rate_...", total, "at most 1 in sum: a request has at most one such fault")

    @property
    def breaks_days(self) -> bool:
        """Whether responses to equal requests may differ in their days."""
        return self.foreign_days + self.double_days + self.contradicting_days > 0

    def wire_shares(self) -> list[tuple[str, float]]:
        """Return the probability of each fault of the connection; a request has at most one."""
        return [(name, getattr(self, name)) for name in _WIRE_FAULTS]


def _faults(name: str, value: Any) -> Any:
    if value is None:
        return Faults()
    return value if isinstance(value, Faults) else _merge(Faults(), value, name + ".")


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
    "latency_seconds": _SECONDS,
    "rate_limit": checks.optional(checks.whole_number("a whole number from 1, or null for no limit", 1, 10**9)),
    "rate_window_seconds": checks.number("a number of seconds from 0.01 to 86400", 0.01, 86_400),
    "rate_limits": checks.limits(tuple(_BRAZE_LIMITS)),
    "omit_inactive_days": checks.flag,
    "unknown_keys": checks.flag,
    "row_order": checks.choice(get_args(RowOrder)),
    "api_key": checks.secret,
    "permissions": checks.several(PERMISSIONS),
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
    :param canvases: number of canvases. Default 8.
    :param segments: number of segments. Default 8.
    :param events: number of custom events. Default 20.
    :param products: number of purchased products. Default 12.
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
    canvases: int = 8
    segments: int = 8
    events: int = 20
    products: int = 12
    apps: int = 2
    canvas_extra_steps: int = 0
    canvas_max_length: int = CANVAS_MAX_LENGTH
    rate_limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    unknown_keys: bool = False

    def __post_init__(self) -> None:
        _check_all(self, _CHECKS, "")

    @classmethod
    def from_json(cls, text: str | bytes) -> SandboxSettings:
        """Parse settings from a JSON object; a missing one keeps its default.

        :raises BrazeConfigError: the text is not a JSON object, or a field is unknown or wrong.
        """
        return cls().merged_json(text)

    def merged(self, changes: Mapping[str, Any]) -> SandboxSettings:
        """Return these settings with some fields changed; ``faults`` is merged field by field, None clears it.

        :raises BrazeConfigError: a field is unknown or its value wrong.
        """
        faults = changes.get("faults")
        if isinstance(faults, Mapping):
            changes = {**changes, "faults": _merge(self.faults, faults, "faults.")}
        return _merge(self, changes, "")

    def merged_json(self, text: str | bytes) -> SandboxSettings:
        """Return these settings with the fields of a JSON object changed, as :meth:`merged` does.

        :raises BrazeConfigError: the text is not a JSON object, or a field is unknown or wrong.
        """
        try:
            changes = json.loads(text)
        except ValueError as error:
            raise BrazeConfigError("The sandbox settings are not JSON. Send one JSON object of settings.") from error
        return self.merged(changes) if isinstance(changes, dict) else _merge(self, changes, "")

    def limit_for(self, path: str) -> Limit:
        """Return the rate limit of an endpoint."""
        bucket = bucket_of(path)
        requests, seconds = _BRAZE_LIMITS[bucket]
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


def _merge(settings: _Settings, changes: Any, prefix: str) -> _Settings:
    if not isinstance(changes, Mapping):
        raise checks.wrong(prefix.rstrip(".") or "settings", changes, "one object of settings")
    known = [each.name for each in fields(settings)]
    for name in changes:
        if name not in known:
            raise BrazeConfigError(
                f"The sandbox has no setting {prefix + str(name)!r}. Use one of: {', '.join(known)}."
            )
    return replace(settings, **changes)


def _check_all(settings: Faults | SandboxSettings, by_name: Mapping[str, checks.Check], prefix: str) -> None:
    for name, check in by_name.items():
        object.__setattr__(settings, name, check(prefix + name, getattr(settings, name)))
