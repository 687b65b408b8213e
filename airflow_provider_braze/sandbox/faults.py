"""What goes wrong in the sandbox, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from airflow_provider_braze.sandbox import checks
from airflow_provider_braze.sandbox.permissions import PERMISSIONS

_SHARE: Final = checks.number("a probability from 0 to 1", 0, 1)
_RATE_FAULTS: Final = ("rate_429", "rate_500", "rate_cut", "rate_html", "rate_reset", "rate_slow")
_CHECKS: Final[Mapping[str, checks.Check]] = {
    **dict.fromkeys(_RATE_FAULTS, _SHARE),
    "retry_after_reset_seconds": checks.SECONDS,
    "slow_seconds": checks.SECONDS,
    "foreign_days": _SHARE,
    "double_days": _SHARE,
    "contradicting_days": _SHARE,
    "endpoints": checks.several(PERMISSIONS),
    "bad_subjects": checks.statuses,
    "bad_details": checks.statuses,
    "missing_days": checks.days,
}


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
    bad_details: Mapping[str, int] = field(default_factory=dict)
    missing_days: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bad_subjects: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checks.check_all(self, _CHECKS, "faults.")
        total = sum(share for _, share in self.wire_shares())
        if total > 1.000001:
            raise checks.wrong("faults.rate_...", total, "at most 1 in sum: a request has at most one such fault")

    @property
    def breaks_days(self) -> bool:
        """Whether responses to equal requests may differ in their days."""
        return self.foreign_days + self.double_days + self.contradicting_days > 0

    def wire_shares(self) -> list[tuple[str, float]]:
        """Return the probability of each fault of the connection; a request has at most one."""
        return [(name, getattr(self, name)) for name in _RATE_FAULTS]
