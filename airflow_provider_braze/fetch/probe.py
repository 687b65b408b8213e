"""Checking whether Braze has a day: which campaigns to check, and what their responses mean together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.calls import split_window
from airflow_provider_braze.core.drivers import drive, drive_async
from airflow_provider_braze.core.endpoints import (
    CAMPAIGNS_DATA_SERIES,
    CAMPAIGNS_LIST,
    data_series_params,
    list_params,
)
from airflow_provider_braze.core.listing import entries_of
from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.payloads import read_days
from airflow_provider_braze.core.responses import is_permanent, is_subject_scoped, is_transient
from airflow_provider_braze.exceptions import BrazeError, BrazeRateLimitError

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import JsonObject
    from airflow_provider_braze.hooks.braze import BrazeAsyncHook, BrazeHook

GIVE_UP_AFTER: Final = 3
"""Number of transient failures, without any response, after which the remaining campaigns are not checked."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    :param decode: converts the body; None for a JSON object, as :meth:`BrazeHook.get` takes it.
    """

    path: str
    params: Mapping[str, str]
    decode: Callable[[bytes], Any] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    :param campaign_id: campaign that has the day; None when no campaign has it yet.
    :param checked: number of campaigns checked.
    :param failures: errors by campaign id, or by ``the list``.
    """

    campaign_id: str | None
    checked: int
    failures: Mapping[str, BrazeError]


def find_day(
    window: Window, *, campaign_ids: Sequence[str] | None, sample: int, now: datetime
) -> Generator[Request, Any, Finding]:
    """Check campaign by campaign until one has the day; a sequence of :mod:`~airflow_provider_braze.core.drivers`.

    Each request's result is its decoded response, or the error.

    :param window: one day.
    :param campaign_ids: campaigns to check; None for the newest of the list that are not archived.
    :param sample: number of campaigns from the list, 1 to 100.
    :param now: time of the requests.
    :raises BrazeAuthError: at once, because no campaign can be checked.
    :raises BrazeError: Braze rejects the list, or every campaign.
    """
    if campaign_ids is None:
        listed = yield Request(CAMPAIGNS_LIST.path, list_params(0, include_archived=False, newest_first=True))
        if isinstance(listed, BrazeError):
            return _without_list(listed)
        campaign_ids = [entry["id"] for entry in entries_of(listed, CAMPAIGNS_LIST, 0)[:sample]]
    return (yield from _check_campaigns(window, campaign_ids, now))


def _without_list(error: BrazeError) -> Finding:
    if not is_transient(error):
        raise error
    return Finding(None, 0, {"the list": error})


def _check_campaigns(window: Window, campaign_ids: Sequence[str], now: datetime) -> Generator[Request, Any, Finding]:
    (call,) = split_window(window, now=now)
    failures: dict[str, BrazeError] = {}
    for checked, campaign_id in enumerate(campaign_ids, 1):
        params = data_series_params(campaign_id, call)
        days = yield Request(CAMPAIGNS_DATA_SERIES.path, params, lambda body: read_days(body, call))
        if not isinstance(days, BrazeError):
            if days:
                return Finding(campaign_id, checked, failures)
            continue
        if not is_subject_scoped(days):
            raise days
        failures[campaign_id] = days
        if _should_give_up(failures, checked):
            return Finding(None, checked, failures)
    if failures and len(failures) == len(campaign_ids):
        _raise_if_all_rejected(failures)
    return Finding(None, len(campaign_ids), failures)


def _should_give_up(failures: Mapping[str, BrazeError], checked: int) -> bool:
    """Return whether Braze is down or rate-limited, so that more requests would only take time."""
    transient = [error for error in failures.values() if is_transient(error)]
    if transient and isinstance(transient[-1], BrazeRateLimitError):
        return True
    return len(transient) >= GIVE_UP_AFTER and len(failures) == checked


def _raise_if_all_rejected(failures: Mapping[str, BrazeError]) -> None:
    if any(map(is_transient, failures.values())):
        return
    # An error that a rerun may resolve comes first.
    campaign_id, error = min(failures.items(), key=lambda item: is_permanent(item[1]))
    raise type(error)(
        f"None of the campaigns checked ({len(failures)}) can be used. {campaign_id!r}: {error}", *error.args[1:]
    ) from error


log = logging.getLogger(__name__)


def probe(hook: BrazeHook, window: Window, *, campaign_ids: Sequence[str] | None, sample: int) -> JsonObject | None:
    """Check once.

    :param window: one day.
    :param campaign_ids: campaigns to check; None for the newest of the list.
    :param sample: number of campaigns from the list.
    :return: ``{day, timezone, campaign_id, found_at}``; None when no campaign has the day yet, or Braze fails.
    :raises BrazeError: another check cannot help, see :func:`find_day`.
    """

    def send(request: Request) -> Any:
        try:
            return hook.get(request.path, request.params, request.decode)
        except BrazeError as error:
            return error

    now = datetime.now(timezone.utc)
    finding = drive(find_day(window, campaign_ids=campaign_ids, sample=sample, now=now), send)
    return _log_finding(finding, window)


async def probe_async(
    hook: BrazeAsyncHook, window: Window, *, campaign_ids: Sequence[str] | None, sample: int
) -> JsonObject | None:
    """Check once in an event loop; same as :func:`probe`."""

    async def send(request: Request) -> Any:
        try:
            return await hook.get(request.path, request.params, request.decode)
        except BrazeError as error:
            return error

    now = datetime.now(timezone.utc)
    finding = await drive_async(find_day(window, campaign_ids=campaign_ids, sample=sample, now=now), send)
    return _log_finding(finding, window)


def _log_finding(finding: Finding, window: Window) -> JsonObject | None:
    day = window.start.isoformat()
    for name, error in finding.failures.items():
        log.warning("Could not check %s for %s: %s: %s", name, day, type(error).__name__, error)
    if finding.campaign_id is None:
        log.info("Braze does not have %s yet: checked %d campaigns", day, finding.checked)
        return None
    log.info("Braze has %s: found in campaign %s", day, finding.campaign_id)
    found_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {"day": day, "timezone": window.timezone, "campaign_id": finding.campaign_id, "found_at": found_at}
