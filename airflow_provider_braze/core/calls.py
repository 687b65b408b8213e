"""Which calls of ``/campaigns/data_series`` bring the days of a window."""

from __future__ import annotations

from collections.abc import Container, Generator
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, TypeVar

from airflow_provider_braze.core.models import SeriesCall, Window
from airflow_provider_braze.core.windows import load_timezone

T = TypeVar("T", bound=Container[date])

MAX_LENGTH: Final = 100
_SAFE_DAYS: Final = MAX_LENGTH - 1
_DAY: Final = timedelta(days=1)


def split_window(window: Window, *, now: datetime) -> list[SeriesCall]:
    """Cut a window into as few calls as can be, newest first.

    Braze does not say whether the day of ``ending_at`` is the last one of the answer. So each call ends inside the day
    after the last one wanted, at noon, and asks for one day more than wanted: then the wanted days come back either way
    (inferred), and for a window well past also if the company's zone is not quite the one that was configured.

    That leaves 99 wanted days a call. Where calls of 100 are fewer, as for 100 days, they are made so: each ends inside
    the last day wanted. Should that day not come back, :func:`call_for_last_day` asks for it alone.

    :param now: the time of the call; no call ends after it, for what Braze makes of the future is not documented.
    :return: the calls; none for an empty window.

    Source: ``length`` is 1 to 100 days before ``ending_at``: Braze docs, Export campaign analytics (seen 2026-09).
    """
    zone = load_timezone(window.timezone)
    days = _SAFE_DAYS if _calls(window, _SAFE_DAYS) == _calls(window, MAX_LENGTH) else MAX_LENGTH
    calls = []
    end = window.end
    while end > window.start:
        start = max(window.start, end - timedelta(days=days))
        length = min((end - start).days + 1, MAX_LENGTH)
        ending_at = min(_noon(start + timedelta(days=length - 1), zone), now.astimezone(zone))
        calls.append(SeriesCall(start, end, length, ending_at.isoformat(timespec="seconds")))
        end = start
    return calls


def call_for_last_day(
    call: SeriesCall, returned: Container[date], *, timezone: str, now: datetime
) -> SeriesCall | None:
    """Give the call for the last day wanted of a call of 100 days, if it did not come back.

    :param returned: the days that came back.
    :param timezone: the window's.
    """
    last = call.end - _DAY
    if call.length > (call.end - call.start).days or last in returned:
        return None
    (alone,) = split_window(Window(last, call.end, timezone), now=now)
    return alone


def fetch_calls(window: Window, *, now: datetime) -> Generator[SeriesCall, T, list[T]]:
    """Ask for a window's days call by call; a conversation of :mod:`~airflow_provider_braze.core.drivers`.

    :param now: as :func:`split_window` takes it.
    :return: what came of each call, oldest days first; it tells what days are in it.
    """
    answers: list[T] = []
    for call in split_window(window, now=now):
        answer = yield call
        if alone := call_for_last_day(call, answer, timezone=window.timezone, now=now):
            answers.append((yield alone))
        answers.append(answer)
    return answers[::-1]


def _calls(window: Window, days: int) -> int:
    return -(-len(window) // days)


def _noon(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=zone)
