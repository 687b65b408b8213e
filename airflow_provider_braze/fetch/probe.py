"""Ask whether a day is there: which campaigns are asked, and what their answers mean together."""

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
"""Campaigns that may fail, each after all its attempts and none having answered, before the rest is not asked."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request.

    :param decode: makes the content of the body; None: the answer is a JSON object that tells of success.
    """

    path: str
    params: Mapping[str, str]
    decode: Callable[[bytes], Any] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of asking.

    :param campaign_id: the campaign that has the day; None when it is not there yet.
    :param asked: campaigns asked.
    :param failures: what went wrong, by campaign id, or by ``the list``.
    """

    campaign_id: str | None
    asked: int
    failures: Mapping[str, BrazeError]


def ask_for_day(
    window: Window, *, campaign_ids: Sequence[str] | None, sample: int, now: datetime
) -> Generator[Ask, Any, Finding]:
    """Ask campaign by campaign until one has the day; a conversation of :mod:`~airflow_provider_braze.core.drivers`.

    It is sent what came of each request: what the answer holds, or the error.

    :param window: one day.
    :param campaign_ids: the campaigns to ask; None for the newest of the list that are not archived.
    :param sample: how many of the list, 1 to 100.
    :param now: the time of the requests.
    :raises BrazeAuthError: at once, for no campaign can be asked.
    :raises BrazeError: the list, or every campaign, is refused.
    """
    if campaign_ids is None:
        listed = yield Ask(CAMPAIGNS_LIST.path, list_params(0, include_archived=False, newest_first=True))
        if isinstance(listed, BrazeError):
            return _without_list(listed)
        campaign_ids = [entry["id"] for entry in entries_of(listed, 0)[:sample]]
    return (yield from _ask_campaigns(window, campaign_ids, now))


def _without_list(error: BrazeError) -> Finding:
    if not is_transient(error):
        raise error
    return Finding(None, 0, {"the list": error})


def _ask_campaigns(window: Window, campaign_ids: Sequence[str], now: datetime) -> Generator[Ask, Any, Finding]:
    (call,) = split_window(window, now=now)
    failures: dict[str, BrazeError] = {}
    for asked, campaign_id in enumerate(campaign_ids, 1):
        params = data_series_params(campaign_id, call)
        days = yield Ask(CAMPAIGNS_DATA_SERIES.path, params, lambda body: read_days(body, call))
        if not isinstance(days, BrazeError):
            if days:
                return Finding(campaign_id, asked, failures)
            continue
        if not is_subject_scoped(days):
            raise days
        failures[campaign_id] = days
        if _is_hopeless(failures, asked):
            return Finding(None, asked, failures)
    if failures and len(failures) == len(campaign_ids):
        _check_refusals(failures)
    return Finding(None, len(campaign_ids), failures)


def _is_hopeless(failures: Mapping[str, BrazeError], asked: int) -> bool:
    """Whether Braze answers nothing at the moment, so that asking for more campaigns would only take time."""
    transient = [error for error in failures.values() if is_transient(error)]
    if transient and isinstance(transient[-1], BrazeRateLimitError):
        return True
    return len(transient) >= GIVE_UP_AFTER and len(failures) == asked


def _check_refusals(failures: Mapping[str, BrazeError]) -> None:
    if any(map(is_transient, failures.values())):
        return
    # One that may be mended by running the task again decides whether it is.
    campaign_id, error = min(failures.items(), key=lambda item: is_permanent(item[1]))
    raise type(error)(
        f"None of the campaigns asked ({len(failures)}) can be used; {campaign_id!r}: {error}", *error.args[1:]
    ) from error


log = logging.getLogger(__name__)


def probe(hook: BrazeHook, window: Window, *, campaign_ids: Sequence[str] | None, sample: int) -> JsonObject | None:
    """Ask once.

    :param window: one day.
    :param campaign_ids: the campaigns to ask; None for the newest of the list.
    :param sample: how many of the list.
    :return: ``{day, timezone, campaign_id, found_at}``; None when the day is not there yet, or Braze fails.
    :raises BrazeError: asking again will not help, see :func:`~airflow_provider_braze.core.probe.ask_for_day`.
    """

    def send(ask: Ask) -> Any:
        try:
            if ask.decode is None:
                return hook.get(ask.path, ask.params)
            return hook.get_conn().get(ask.path, ask.params, ask.decode)
        except BrazeError as error:
            return error

    now = datetime.now(timezone.utc)
    finding = drive(ask_for_day(window, campaign_ids=campaign_ids, sample=sample, now=now), send)
    return _told(finding, window)


async def probe_async(
    hook: BrazeAsyncHook, window: Window, *, campaign_ids: Sequence[str] | None, sample: int
) -> JsonObject | None:
    """Ask once, in an event loop; as :func:`probe`."""

    async def send(ask: Ask) -> Any:
        try:
            if ask.decode is None:
                return await hook.get(ask.path, ask.params)
            return await (await hook.get_conn()).get(ask.path, ask.params, ask.decode)
        except BrazeError as error:
            return error

    now = datetime.now(timezone.utc)
    finding = await drive_async(ask_for_day(window, campaign_ids=campaign_ids, sample=sample, now=now), send)
    return _told(finding, window)


def _told(finding: Finding, window: Window) -> JsonObject | None:
    day = window.start.isoformat()
    for name, error in finding.failures.items():
        log.warning("%s could not be asked for %s: %s: %s", name, day, type(error).__name__, error)
    if finding.campaign_id is None:
        log.info("%s is not there yet: none of the campaigns asked (%d) has it", day, finding.asked)
        return None
    log.info("%s is there: campaign %s has it", day, finding.campaign_id)
    found_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {"day": day, "timezone": window.timezone, "campaign_id": finding.campaign_id, "found_at": found_at}
