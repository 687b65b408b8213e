"""The trigger that waits, without a worker, until Braze has a day."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Sequence
from datetime import date
from importlib import import_module
from typing import Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_braze.core.models import JsonObject, Window
from airflow_provider_braze.core.readiness import first_probe, next_probe
from airflow_provider_braze.core.zones import ONE_DAY, load_company_timezone
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeError
from airflow_provider_braze.hooks.braze import BrazeAsyncHook
from airflow_provider_braze.series import find_series

__all__ = ["DataSeriesTrigger"]

log = logging.getLogger(__name__)

_STEP_SECONDS: Final = 600.0
"""Longest sleep. Then the clock is read again, because it may have been set."""

LEAST_POKE_SECONDS: Final = 10.0
"""Shortest time between two checks: a triggerer runs many sensors, and Braze limits requests."""


class DataSeriesTrigger(BaseTrigger):
    """Fire when a day is over and Braze has it.

    It sends no request before the day is ready. It can be restarted at any time, on any host. Airflow stores the
    arguments in its database as JSON: they do not contain the key.

    The event is ``{"status": "success", "found": {day, timezone, <key>, found_at}}``, or
    ``{"status": "timeout"}``, or ``{"status": "error", "error_type": ..., "message": ...}``. The type is the name of a
    class of :mod:`~airflow_provider_braze.exceptions`.

    :param day: day as ``YYYY-MM-DD``.
    :param timezone: IANA name of the company's time zone, in which the day is counted.
    :param ready_at: time of the first check, in epoch seconds.
    :param give_up_at: time of the last check, in epoch seconds.
    :param series: name of the series. Default ``campaigns``.
    :param ids: ids of the subjects to check. Default None, the newest of the list.
    :param sample: number of subjects from the list. Default 5.
    :param must_all: whether every subject must have the day. Default False.
    :param poke_interval: seconds between two checks, at least 10. Default 60.
    :param braze_conn_id: connection to Braze.
    """

    def __init__(
        self,
        *,
        day: str,
        timezone: str,
        ready_at: float,
        give_up_at: float,
        series: str = "campaigns",
        ids: Sequence[str] | None = None,
        sample: int = 5,
        must_all: bool = False,
        poke_interval: float = 60.0,
        braze_conn_id: str = BrazeAsyncHook.default_conn_name,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.day = day
        self.timezone = timezone
        self.ready_at = ready_at
        self.give_up_at = give_up_at
        self.series = series
        self.ids = ids
        self.sample = sample
        self.must_all = must_all
        self.poke_interval = poke_interval
        self.braze_conn_id = braze_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and the arguments to rebuild this trigger."""
        return f"{__name__}.{type(self).__name__}", {
            "day": self.day,
            "timezone": self.timezone,
            "ready_at": self.ready_at,
            "give_up_at": self.give_up_at,
            "series": self.series,
            "ids": None if self.ids is None else list(self.ids),
            "sample": self.sample,
            "must_all": self.must_all,
            "poke_interval": self.poke_interval,
            "braze_conn_id": self.braze_conn_id,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait for the day, and yield one event."""
        yield TriggerEvent(await self._build_event())  # type: ignore[no-untyped-call]

    async def _build_event(self) -> JsonObject:
        try:
            found = await self._wait_for_day()
        except BrazeError as error:
            return {"status": "error", "error_type": type(error).__name__, "message": str(error)}
        except Exception as error:
            # Its message may hold anything, so it goes to the triggerer's log alone.
            log.exception("The trigger failed")
            message = f"{type(error).__name__} in the trigger. See the triggerer's log."
            return {"status": "error", "error_type": BrazeError.__name__, "message": message}
        return {"status": "success", "found": found} if found else {"status": "timeout"}

    async def _wait_for_day(self) -> JsonObject | None:
        window = self._read_window()
        at = first_probe(self.ready_at, time.time(), self.poke_interval, _jitter())
        while True:
            await _sleep_until(min(at, self.give_up_at))
            if time.time() >= self.ready_at and (found := await self._probe(window)):
                return found
            now = time.time()
            if now >= self.give_up_at:
                return None
            at = next_probe(now, max(LEAST_POKE_SECONDS, self.poke_interval), _jitter())

    def _read_window(self) -> Window:
        try:
            start = date.fromisoformat(self.day)
        except (TypeError, ValueError):
            raise BrazeConfigError(f"The trigger's day is {self.day!r}. Give a date as YYYY-MM-DD.") from None
        load_company_timezone(self.timezone)
        return Window(start, start + ONE_DAY, self.timezone)

    async def _probe(self, window: Window) -> JsonObject | None:
        # In a thread because it loads slow modules.
        module = await asyncio.to_thread(import_module, "airflow_provider_braze.fetch.probe")
        # A new hook each time: the key may change during hours of waiting.
        async with BrazeAsyncHook(self.braze_conn_id) as hook:
            found: JsonObject | None = await module.probe_async(
                hook, find_series(self.series), window, ids=self.ids, sample=self.sample, must_all=self.must_all
            )
            return found


async def _sleep_until(instant: float) -> None:
    while (left := instant - time.time()) > 0:  # noqa: ASYNC110 - waits for the clock, not for an event
        await asyncio.sleep(min(left, _STEP_SECONDS))


def _jitter() -> float:
    return random.random()  # noqa: S311 - spreads waits, guards nothing
