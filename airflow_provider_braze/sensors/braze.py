"""Sensors that wait until Braze has the last day of a run's window."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from airflow_provider_braze.core.readiness import ready_at
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeError
from airflow_provider_braze.hooks.braze import BrazeHook
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.series.canvases import CANVASES
from airflow_provider_braze.series.kpis import KPIS, METRICS
from airflow_provider_braze.task.airflow import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)
from airflow_provider_braze.task.arguments import check_choices, check_dates, check_range, read_ids
from airflow_provider_braze.task.errors import fail_fast_on_permanent_errors, naming_task, rebuild_error
from airflow_provider_braze.task.run_window import resolve_last_day
from airflow_provider_braze.triggers.braze import DataSeriesTrigger

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import JsonObject, Window
    from airflow_provider_braze.core.series import Series
    from airflow_provider_braze.task.airflow import Context

__all__ = [
    "CampaignDataSeriesSensor",
    "CanvasDataSeriesSensor",
    "DataSeriesSensor",
    "KpiDataSeriesSensor",
]

log = logging.getLogger(__name__)

MAX_SAMPLE: Final = 100
"""Subjects on one page of a list."""

MAX_GRACE: Final = timedelta(days=366)

_BACKSTOP: Final = timedelta(minutes=5)
"""Time after the trigger's own end at which Airflow ends the task, in case no triggerer is alive."""


class DataSeriesSensor(BaseSensorOperator):
    """Wait until Braze has the last day of a run's window. The base of the sensors of all series.

    It succeeds when that day is over in the company's time zone, ``grace`` has passed, and Braze has a row for the day.
    It sends no request before. The day follows from ``start`` and ``end``, or from the run's own dates, as in the
    operators. After a transient error it logs the error and checks again at the next poke. A permanent error, such as a
    wrong key, fails the task without retries.

    A subclass declares :attr:`series` and :attr:`ids_argument`.

    :param sample: number of newest subjects to check when none are given, 1 to 100. Default 5.
    :param grace: time after the end of the day in which figures may still reach Braze. Default 3 hours.
    :param deferrable: whether to wait in the triggerer, without a worker. Default: Airflow's option
        ``[operators] default_deferrable``.
    :param start: first day, or a datetime; as in the operators (templated).
    :param end: the day after the one to wait for, or a datetime by which it ends; requires ``start`` (templated).
    :param timezone: IANA name of the company's time zone in Braze. Default: the connection's, else UTC (templated).
    :param braze_conn_id: connection to Braze (templated).
    """

    series: ClassVar[Series]
    ids_argument: ClassVar[str]
    """Name of the argument that gives ids; None there checks the newest of the list."""
    must_all: ClassVar[bool] = False
    """Whether every subject must have the day; otherwise one is enough."""

    template_fields: Sequence[str] = ("start", "end", "timezone", "braze_conn_id")
    ui_color = "#d7f2ea"

    def __init__(
        self,
        *,
        sample: int = 5,
        grace: timedelta = timedelta(hours=3),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        start: str | datetime | None = None,
        end: str | datetime | None = None,
        timezone: str | None = None,
        braze_conn_id: str = BrazeHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sample = sample
        self.grace = grace
        self.deferrable = deferrable
        self.start = start
        self.end = end
        self.timezone = timezone
        self.braze_conn_id = braze_conn_id
        self._hook: BrazeHook | None = None
        self._ready_at = 0.0
        with naming_task(self.task_id):
            check_dates(start, end, timezone)
            check_range("sample", sample, 1, MAX_SAMPLE)
            if not isinstance(grace, timedelta) or not timedelta() <= grace <= MAX_GRACE:
                raise BrazeConfigError(f"`grace` is {grace!r}. Give a timedelta, 0 to {MAX_GRACE.days} days.")

    def execute(self, context: Context) -> Any:
        """Wait, in the triggerer if the sensor is deferrable."""
        if not self.deferrable:
            return super().execute(context)
        with self._skip_on_soft_fail():
            awaited, found = self._check(context)
            return found or self._defer(awaited)

    def poke(self, context: Context) -> PokeReturnValue:
        """Check once."""
        awaited, found = self._check(context)
        self._ready_at = awaited.ready_at
        return PokeReturnValue(is_done=found is not None, xcom_value=found)

    def execute_complete(self, context: Context, event: JsonObject | None = None) -> JsonObject:
        """Return the trigger's result, or raise its error."""
        with self._skip_on_soft_fail(), fail_fast_on_permanent_errors():
            return self._read_event(event or {})

    def on_kill(self) -> None:
        """End a request that waits."""
        if self._hook is not None:
            self._hook.stop()

    def _check(self, context: Context) -> tuple[_Awaited, JsonObject | None]:
        with fail_fast_on_permanent_errors():
            self._hook = hook = BrazeHook(self.braze_conn_id)
            try:
                awaited = self._read_awaited(context, hook)
                return awaited, self._probe(hook, awaited)
            finally:
                hook.close()

    def _read_awaited(self, context: Context, hook: BrazeHook) -> _Awaited:
        ids = read_ids(self.ids_argument, getattr(self, self.ids_argument))
        if ids == []:
            raise AirflowSkipException(f"No {self.series.plural} were given, so there is nothing to do.")
        window = resolve_last_day(
            context,
            timezone=self.timezone,
            connection_timezone=hook.settings.timezone,
            start=self.start,
            end=self.end,
        )
        return _Awaited(window, ids, ready_at(window, self.grace).timestamp())

    def _probe(self, hook: BrazeHook, awaited: _Awaited) -> JsonObject | None:
        if time.time() < awaited.ready_at:
            self._log_wait(awaited)
            return None
        from airflow_provider_braze.fetch.probe import probe

        return probe(hook, self.series, awaited.window, ids=awaited.ids, sample=self.sample, must_all=self.must_all)

    def _log_wait(self, awaited: _Awaited) -> None:
        if awaited.ready_at == self._ready_at:
            # Logged at an earlier poke.
            return
        ready = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(awaited.ready_at))
        log.info("Waiting for %s (%s); first request at %s UTC", *awaited.day_and_zone, ready)

    def _defer(self, awaited: _Awaited) -> NoReturn:
        day, timezone = awaited.day_and_zone
        self.defer(
            trigger=DataSeriesTrigger(
                day=day,
                timezone=timezone,
                ready_at=awaited.ready_at,
                give_up_at=time.time() + self.timeout,
                series=self.series.name,
                ids=awaited.ids,
                sample=self.sample,
                must_all=self.must_all,
                poke_interval=self.poke_interval,
                braze_conn_id=self.braze_conn_id,
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout) + _BACKSTOP,
        )

    def _read_event(self, event: JsonObject) -> JsonObject:
        status = event.get("status")
        if status == "success":
            found: JsonObject = event["found"]
            return found
        if status == "timeout":
            raise AirflowSensorTimeout(
                f"Braze did not have the day within the sensor's timeout of {self.timeout:.0f} s."
            )
        if status == "error":
            raise rebuild_error(event.get("error_type"), event.get("message"))
        raise BrazeError(f"The trigger returned the unknown event {event!r}. Run the task again.")

    @contextmanager
    def _skip_on_soft_fail(self) -> Iterator[None]:
        """Skip instead of failing by `soft_fail` or `never_fail`, as Airflow does for sensors that do not defer."""
        try:
            yield
        except AirflowSkipException:
            raise
        except Exception as error:
            is_final = isinstance(error, AirflowFailException | AirflowSensorTimeout)
            if self.never_fail or (self.soft_fail and is_final):
                raise AirflowSkipException(
                    f"Skipped instead of failed because of `soft_fail` or `never_fail`: {error}"
                ) from error
            raise

    def _get_next_poke_interval(
        self, started_at: datetime | float, run_duration: Callable[[], float], poke_count: int
    ) -> float:
        # Airflow calls this on 2.11 and 3. The sensor takes a worker's slot again when the day is ready, not before.
        usual: float = super()._get_next_poke_interval(started_at, run_duration, poke_count)
        if not self.reschedule:
            return usual
        left = self.timeout - run_duration() + 1
        return max(usual, min(self._ready_at - time.time(), left))


class CampaignDataSeriesSensor(DataSeriesSensor):
    """Wait until a campaign has a row for the day. The common arguments are those of the base class.

    Returns ``{day, timezone, campaign_id, found_at}``: the day, the campaign that has it, and when that was found.

    :param campaign_ids: campaigns to check, one API identifier or a list. Default: the newest of the workspace that are
        not archived (templated).
    """

    series: ClassVar = CAMPAIGNS
    ids_argument: ClassVar = "campaign_ids"
    template_fields: Sequence[str] = (*DataSeriesSensor.template_fields, "campaign_ids")

    def __init__(self, *, campaign_ids: str | Sequence[str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.campaign_ids = campaign_ids


class CanvasDataSeriesSensor(DataSeriesSensor):
    """Wait until a canvas has a row for the day. The common arguments are those of the base class.

    Returns ``{day, timezone, canvas_id, found_at}``.

    :param canvas_ids: canvases to check, one API identifier or a list. Default: the newest of the workspace that are
        not archived (templated).
    """

    series: ClassVar = CANVASES
    ids_argument: ClassVar = "canvas_ids"
    template_fields: Sequence[str] = (*DataSeriesSensor.template_fields, "canvas_ids")

    def __init__(self, *, canvas_ids: str | Sequence[str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.canvas_ids = canvas_ids


class KpiDataSeriesSensor(DataSeriesSensor):
    """Wait until every given KPI of the workspace has the day. The common arguments are those of the base class.

    Braze computes MAU once a day at 12:05 UTC, so waiting for ``mau`` takes until then.

    Returns ``{day, timezone, metric, found_at}``, with the last metric that was checked.

    :param metrics: KPIs to wait for, of ``dau``, ``mau``, ``new_users``, ``uninstalls`` and ``sessions``. Default:
        ``("dau",)``.
    """

    series: ClassVar = KPIS
    ids_argument: ClassVar = "metrics"
    must_all: ClassVar = True

    def __init__(self, *, metrics: Sequence[str] = ("dau",), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metrics = metrics
        with naming_task(self.task_id):
            check_choices("metrics", [metrics] if isinstance(metrics, str) else metrics, METRICS)


@dataclass(frozen=True, slots=True)
class _Awaited:
    """The day to wait for.

    :param window: that one day.
    :param ready_at: time of the first request, in epoch seconds.
    """

    window: Window
    ids: list[str] | None
    ready_at: float

    @property
    def day_and_zone(self) -> tuple[str, str]:
        return self.window.start.isoformat(), self.window.timezone
