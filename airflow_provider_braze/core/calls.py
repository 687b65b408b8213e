"""Which requests to a series endpoint return the days of a window."""

from __future__ import annotations

from collections.abc import Container, Generator
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, TypeVar

from airflow_provider_braze.core.models import SeriesCall, Window
from airflow_provider_braze.core.zones import ONE_DAY, load_timezone

T = TypeVar("T", bound=Container[date])

MAX_LENGTH: Final = 100
"""The longest ``length`` of most series. Source: Braze docs, Export campaign analytics (seen 2026-09)."""


def split_days(window: Window, max_length: int = MAX_LENGTH) -> list[Window]:
    """Split a window into the fewest chunks, newest first.

    Braze does not document whether a response includes the day of ``ending_at``. A chunk of ``max_length - 1`` days
    is safe either way, because its request asks for one day more. Chunks of ``max_length`` days are used only if that
    saves a request, and only as many as are needed.

    :param max_length: days that one request may ask for, 2 or more. Default 100.
    :return: chunks without gap or overlap; none for an empty window.
    """
    chunks: list[Window] = []
    count = -(-len(window) // max_length)
    longer = len(window) - count * (max_length - 1)
    end = window.end
    while end > window.start:
        days = max_length if len(chunks) < longer else max_length - 1
        start = max(window.start, end - timedelta(days=days))
        chunks.append(replace(window, start=start, end=end))
        end = start
    return chunks


def split_window(window: Window, *, now: datetime, max_length: int = MAX_LENGTH) -> list[SeriesCall]:
    """Return the fewest calls that cover a window, newest first.

    A call ends at noon of the day after its last day, and asks for one day more than it needs. So Braze returns all
    days of the call, whether or not it counts the day of ``ending_at`` (inferred). For days well in the past this also
    holds if the company's time zone is not the configured one.

    A call of ``max_length`` days cannot ask for one more, so it ends at noon of its last day. If Braze does not return
    that day, :func:`call_for_last_day` requests it alone.

    :param now: time of the request. No call ends later, because Braze does not document the effect.
    :param max_length: highest ``length`` of the endpoint. Default 100.
    :return: the calls; none for an empty window.
    """
    return [_call_for(chunk, now, max_length) for chunk in split_days(window, max_length)]


def call_for_last_day(
    call: SeriesCall, returned: Container[date], *, timezone: str, now: datetime
) -> SeriesCall | None:
    """Return a call for the last day of a full-length call, if that day is missing.

    :param returned: days that Braze returned.
    :param timezone: IANA name of the window's zone.
    """
    last = call.end - ONE_DAY
    if call.length > (call.end - call.start).days or last in returned:
        return None
    return _call_for(Window(last, call.end, timezone), now, MAX_LENGTH)


def fetch_calls(window: Window, *, now: datetime, max_length: int = MAX_LENGTH) -> Generator[SeriesCall, T, list[T]]:
    """Request a window's days call by call; see :mod:`~airflow_provider_braze.core.drivers`.

    :param now: time of the request, see :func:`split_window`.
    :param max_length: highest ``length`` of the endpoint. Default 100.
    :return: the result of each call, oldest days first. ``day in result`` shows whether Braze returned a day.
    """
    results: list[T] = []
    for call in split_window(window, now=now, max_length=max_length):
        result = yield call
        if alone := call_for_last_day(call, result, timezone=window.timezone, now=now):
            results.append((yield alone))
        results.append(result)
    return results[::-1]


def _call_for(chunk: Window, now: datetime, max_length: int) -> SeriesCall:
    zone = load_timezone(chunk.timezone)
    length = min(len(chunk) + 1, max_length)
    ending_at = min(_noon(chunk.start + timedelta(days=length - 1), zone), now.astimezone(zone))
    return SeriesCall(chunk.start, chunk.end, length, ending_at.isoformat(timespec="seconds"))


def _noon(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=zone)
