"""What the sandbox is told, and how a partial update is merged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timezone
from typing import Any, Final, Literal, TypeVar, get_args

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.sandbox import checks
from airflow_provider_braze.sandbox.instants import EndingAtReading, parse_instant

RowOrder = Literal["stable", "shuffled"]

PERMISSIONS: Final = ("campaigns.list", "campaigns.details", "campaigns.data_series")
"""The permissions of a REST API key that the sandbox knows, one per endpoint."""

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
    "bad_details": checks.statuses,
    "missing_days": checks.days,
}


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong, and how often; the shares are probabilities per request, drawn from the seed.

    :param rate_429: answered with 429.
    :param retry_after_reset_seconds: how far ahead the ``X-RateLimit-Reset`` of such a 429 lies.
    :param rate_500: answered with 500.
    :param rate_cut: the body ends before its ``Content-Length``, and the connection is closed.
    :param rate_html: status 200 with a page of HTML, as a proxy may send.
    :param rate_reset: the connection is reset without an answer.
    :param rate_slow: the body drips for ``slow_seconds``.
    :param slow_seconds: how long a slow body takes.
    :param foreign_days: a day from outside the range comes too.
    :param double_days: a day comes twice with the same content.
    :param contradicting_days: a day comes twice with another content.
    :param endpoints: permissions of the endpoints at which ``rate_...`` apply.
    :param bad_campaigns: HTTP status by campaign id: what details and data series of that campaign always answer.
    :param bad_details: HTTP status by campaign id: what the details alone of that campaign always answer.
    :param missing_days: ISO dates by campaign id, or by ``*`` for all: days left out of the data series.
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

    def __post_init__(self) -> None:
        _check_all(self, _FAULT_CHECKS, "faults.")
        total = sum(share for _, share in self.wire_shares())
        if total > 1.000001:
            raise checks.wrong("faults.rate_...", total, "at most 1 in sum: a request meets one such fault at most")

    @property
    def breaks_days(self) -> bool:
        """Whether answers to the same question may differ in their days."""
        return self.foreign_days + self.double_days + self.contradicting_days > 0

    def wire_shares(self) -> list[tuple[str, float]]:
        """Return the probability of each fault of which a request meets one at most."""
        return [(name, getattr(self, name)) for name in _WIRE_FAULTS]


def _faults(name: str, value: Any) -> Any:
    if value is None:
        return Faults()
    return value if isinstance(value, Faults) else _merge(Faults(), value, name + ".")


_CHECKS: Final[Mapping[str, checks.Check]] = {
    "seed": checks.whole_number("a whole number of at most 18 digits", -(10**18), 10**18),
    "campaigns": checks.whole_number("a whole number from 0 to 100000", 0, 100_000),
    "timezone": checks.zone,
    "as_of": checks.optional(checks.instant),
    "ending_at_reading": checks.choice(get_args(EndingAtReading)),
    "latency_seconds": _SECONDS,
    "rate_limit": checks.optional(checks.whole_number("a whole number from 1, or null for no limit", 1, 10**9)),
    "rate_window_seconds": checks.number("a number of seconds from 0.01 to 86400", 0.01, 86_400),
    "omit_inactive_days": checks.flag,
    "row_order": checks.choice(get_args(RowOrder)),
    "api_key": checks.secret,
    "permissions": checks.several(PERMISSIONS),
    "faults": _faults,
}


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """How the sandbox behaves; each may be changed while it runs.

    :param seed: which made-up workspace; the same seed gives the same campaigns and figures.
    :param campaigns: how many campaigns the workspace has.
    :param timezone: IANA name of the company's zone, in which days are counted.
    :param as_of: ISO 8601 time at which the clock of the data stands, or None for the real clock. Rate-limit windows
        always go by the real clock.
    :param ending_at_reading: which day is the last of an answer, see
        :data:`~airflow_provider_braze.sandbox.instants.EndingAtReading`.
    :param latency_seconds: how long each answer of the API is held back.
    :param rate_limit: requests of ``/campaigns/data_series`` allowed in a window, or None to announce Braze's 50,000
        and refuse none.
    :param rate_window_seconds: length of that window.
    :param omit_inactive_days: whether days without activity are left out instead of sent as zeros.
    :param row_order: ``stable``, or ``shuffled``: rows of a channel and days come in another order at each request.
    :param api_key: the key that is accepted; made up.
    :param permissions: what that key may do.
    :param faults: what goes wrong; a mapping of some fields of :class:`Faults` will do.
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

    def __post_init__(self) -> None:
        _check_all(self, _CHECKS, "")

    @classmethod
    def from_json(cls, text: str | bytes) -> SandboxSettings:
        """Read settings from a JSON object; what it does not name keeps its default.

        :raises BrazeConfigError: no JSON object, or a field is unknown or wrong.
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

        :raises BrazeConfigError: no JSON object, or a field is unknown or wrong.
        """
        try:
            changes = json.loads(text)
        except ValueError as error:
            raise BrazeConfigError("The sandbox settings are not JSON. Send one JSON object of settings.") from error
        return self.merged(changes) if isinstance(changes, dict) else _merge(self, changes, "")

    def to_json(self) -> JsonObject:
        """Return the settings as a JSON object."""
        return asdict(self)

    def now(self) -> datetime:
        """Return what the data's clock shows; the real clock is cut to the minute, so that answers can be kept."""
        frozen = parse_instant(self.as_of) if self.as_of else None
        return frozen or datetime.now(timezone.utc).replace(second=0, microsecond=0)


def _merge(settings: _Settings, changes: Any, prefix: str) -> _Settings:
    if not isinstance(changes, Mapping):
        raise checks.wrong(prefix.rstrip(".") or "settings", changes, "one object of settings")
    known = [each.name for each in fields(settings)]
    for name in changes:
        if name not in known:
            raise BrazeConfigError(f"The sandbox has no setting {prefix + str(name)!r}. Known are: {', '.join(known)}.")
    return replace(settings, **changes)


def _check_all(settings: Faults | SandboxSettings, by_name: Mapping[str, checks.Check], prefix: str) -> None:
    for name, check in by_name.items():
        object.__setattr__(settings, name, check(prefix + name, getattr(settings, name)))
