"""Whether a day is there: the conversation of :mod:`~airflow_provider_braze.core.probe`, by either hook."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow_provider_braze.core.probe import Ask, Finding, ask_for_day
from airflow_provider_braze.core.steps import run_steps, run_steps_async
from airflow_provider_braze.exceptions import BrazeError

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import JsonObject, Window
    from airflow_provider_braze.hooks.braze import BrazeAsyncHook, BrazeHook

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
    finding = run_steps(ask_for_day(window, campaign_ids=campaign_ids, sample=sample, now=now), send)
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
    finding = await run_steps_async(ask_for_day(window, campaign_ids=campaign_ids, sample=sample, now=now), send)
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
