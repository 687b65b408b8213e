"""The trigger: waits, without a worker, until Braze has a day."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from datetime import date
from importlib import import_module
from typing import Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_braze.core.models import JsonObject, Window
from airflow_provider_braze.core.readiness import first_probe, next_probe
from airflow_provider_braze.core.windows import ONE_DAY
from airflow_provider_braze.exceptions import BrazeError
from airflow_provider_braze.hooks.braze import BrazeAsyncHook

_LOOK_SECONDS: Final = 600.0
"""So often a long sleep looks at the clock, which may have been set meanwhile."""


class CampaignDataSeriesTrigger(BaseTrigger):
    """Fire when a day is over and a campaign has a row for it.

    Until the day is ready no request is made. It may be started anew at any time, on any host. The arguments are JSON,
    and stored in Airflow's database: they hold no key.

    Its event is ``{"status": "success", "found": {day, timezone, campaign_id, found_at}}``, or
    ``{"status": "timeout"}``, or ``{"status": "error", "error_type": ..., "message": ...}``, where the type is the name
    of a class of :mod:`~airflow_provider_braze.exceptions`.

    :param day: ``YYYY-MM-DD``.
    :param timezone: IANA name of the company's time zone, in which the day is counted.
    :param ready_at: when the day may be asked for, epoch seconds.
    :param give_up_at: when to end all the same, epoch seconds.
    :param campaign_ids: the campaigns to ask; None for the newest of the list.
    :param sample: how many of the list.
    :param poke_interval: seconds between two probes.
    :param braze_conn_id: the connection to Braze.
    """

    def __init__(
        self,
        *,
        day: str,
        timezone: str,
        ready_at: float,
        give_up_at: float,
        campaign_ids: Sequence[str] | None = None,
        sample: int = 5,
        poke_interval: float = 60.0,
        braze_conn_id: str = BrazeAsyncHook.default_conn_name,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.day = day
        self.timezone = timezone
        self.ready_at = ready_at
        self.give_up_at = give_up_at
        self.campaign_ids = campaign_ids
        self.sample = sample
        self.poke_interval = poke_interval
        self.braze_conn_id = braze_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give what it takes to make this trigger again."""
        return f"{__name__}.{type(self).__name__}", {
            "day": self.day,
            "timezone": self.timezone,
            "ready_at": self.ready_at,
            "give_up_at": self.give_up_at,
            "campaign_ids": None if self.campaign_ids is None else list(self.campaign_ids),
            "sample": self.sample,
            "poke_interval": self.poke_interval,
            "braze_conn_id": self.braze_conn_id,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, ask, and tell."""
        yield TriggerEvent(await self._wait_and_tell())  # type: ignore[no-untyped-call]

    async def _wait_and_tell(self) -> JsonObject:
        try:
            found = await self._wait_for_day()
        except BrazeError as error:
            return {"status": "error", "error_type": type(error).__name__, "message": str(error)}
        return {"status": "success", "found": found} if found else {"status": "timeout"}

    async def _wait_for_day(self) -> JsonObject | None:
        at = first_probe(self.ready_at, time.time(), self.poke_interval, _jitter())
        while True:
            await _sleep_until(min(at, self.give_up_at))
            if time.time() >= self.ready_at and (found := await self._probe()):
                return found
            now = time.time()
            if now >= self.give_up_at:
                return None
            at = next_probe(now, self.poke_interval, _jitter())

    async def _probe(self) -> JsonObject | None:
        # In a thread, for with it come modules that take more than a moment to load.
        probing = await asyncio.to_thread(import_module, "airflow_provider_braze.fetch.probe")
        start = date.fromisoformat(self.day)
        window = Window(start, start + ONE_DAY, self.timezone)
        # A new hook each time: hours may lie between, in which the key may be changed.
        async with BrazeAsyncHook(self.braze_conn_id) as hook:
            found: JsonObject | None = await probing.probe_async(
                hook, window, campaign_ids=self.campaign_ids, sample=self.sample
            )
            return found


async def _sleep_until(instant: float) -> None:
    while (left := instant - time.time()) > 0:  # noqa: ASYNC110 - no event, but the clock
        await asyncio.sleep(min(left, _LOOK_SECONDS))


def _jitter() -> float:
    return random.random()  # noqa: S311 - spreads waits, guards nothing
