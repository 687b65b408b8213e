"""Read a response body: its envelope, its day objects, and of these the wanted days.

The order of days, and whether each comes once, are not documented, so nothing here relies on them.

Source: Braze docs, Export campaign analytics (seen 2026-09).
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from airflow_provider_braze.core.bounds import DATE
from airflow_provider_braze.core.models import JsonObject, SeriesCall
from airflow_provider_braze.exceptions import BrazeDataError

MAX_DEPTH: Final = 100
"""Nesting of a value without a column. Braze's own values are nested three deep at most."""

MAX_UNKNOWN_KEYS: Final = 1_000
"""Distinct keys and channels without a column in one response."""

_SHOWN: Final = 20


def decode_days(body: bytes, nested: str = "") -> list[JsonObject]:
    """Return the day objects of a response, in Braze's order.

    ``message`` may be missing, as in the documented multivariate response; ``data`` may be empty.

    :param body: the whole body of a response with status 200.
    :param nested: key of ``data`` that holds the days; empty when ``data`` is their list.
    :raises ValueError: the body is truncated or not JSON. A retry may help.
    :raises BrazeDataError: the body is JSON of another shape.
    """
    response = decode_envelope(body)
    if "data" not in response:
        raise BrazeDataError(f"The response has no data among its {len(response)} keys at $.", "$")
    data, path = response["data"], "$.data"
    if nested:
        data, path = expect_object(data, path).get(nested), f"{path}.{nested}"
    return [expect_object(day, f"{path}[{index}]") for index, day in enumerate(expect_list(data, path))]


def read_days(body: bytes, call: SeriesCall, nested: str = "") -> dict[date, JsonObject]:
    """Return the day objects that a call wanted, sorted by day.

    :param nested: as of :func:`decode_days`.

    :raises ValueError: the body is truncated or not JSON. A retry may help.
    :raises BrazeDataError: the body is JSON of another shape, or has a wanted day twice with different content.
    """
    return select_days(decode_days(body, nested), call.start, call.end)


def decode_envelope(body: bytes) -> JsonObject:
    """Decode the object that every response is, and check that it does not report a failure.

    :param body: the whole body of a response with status 200.
    :raises ValueError: the body is truncated or not JSON. A retry may help.
    :raises BrazeDataError: the body is not a JSON object, or its ``message`` is not "success".
    """
    response = expect_object(_decode(body), "$")
    if response.get("message", "success") != "success":
        raise BrazeDataError(
            f"Braze returned {show(response['message'])} instead of success at $.message.", "$.message"
        )
    return response


def day_of(day: JsonObject, path: str) -> date:
    """Return the calendar day of a day object, in the company's time zone.

    :param path: where the object is in the response, such as ``$.data[3]``.
    :raises BrazeDataError: ``time`` is missing or does not begin with a date.
    """
    time = day.get("time")
    try:
        if isinstance(time, str) and DATE.match(time):
            return date.fromisoformat(time[:10])
    except ValueError:
        pass
    raise BrazeDataError(f"Expected a date YYYY-MM-DD at {path}.time, got {show(time)}.", f"{path}.time")


def select_days(days: Sequence[JsonObject], start: date, end: date) -> dict[date, JsonObject]:
    """Return the wanted days, each once, sorted by day.

    :param start: first day wanted.
    :param end: the day after the last one wanted.
    :raises BrazeDataError: an object without a day, or a wanted day twice with different content.
    """
    return {day: days[index] for day, index in select_indices(days, start, end).items()}


def select_indices(days: Sequence[JsonObject], start: date, end: date, path: str = "$.data") -> dict[date, int]:
    """Return the index of each wanted day, sorted by day; see :func:`select_days`.

    :param path: where the objects are in the response.
    """
    chosen: dict[date, int] = {}
    for day, index in _dated(days, start, end, path):
        first = chosen.setdefault(day, index)
        if first != index and _content(days[first]) != _content(days[index]):
            here = f"{path}[{index}]"
            raise BrazeDataError(
                f"Braze returned {day} twice with different content, at {path}[{first}] and {here}. "
                "Run the task again later.",
                here,
            )
    return dict(sorted(chosen.items()))


def expect_object(value: Any, path: str) -> JsonObject:
    """Return the value if it is a JSON object.

    :raises BrazeDataError: it is something else.
    """
    if isinstance(value, dict):
        return value
    raise BrazeDataError(f"Expected an object at {path}, got {show(value)}.", path)


def expect_list(value: Any, path: str) -> list[Any]:
    """Return the value if it is a JSON list.

    :raises BrazeDataError: it is something else.
    """
    if isinstance(value, list):
        return value
    raise BrazeDataError(f"Expected a list at {path}, got {show(value)}.", path)


def check_limits(*, rows: int, most_rows: int, unknown_keys: int) -> None:
    """Check what one response may cost, far above what Braze sends.

    :raises BrazeDataError: it has too many rows, or too many keys and channels without a column.
    """
    if rows > most_rows:
        raise BrazeDataError(
            f"The response has {rows} rows at $.data, more than {most_rows}. Report it to Braze.", "$.data"
        )
    if unknown_keys > MAX_UNKNOWN_KEYS:
        raise BrazeDataError(
            f"The response has {unknown_keys} keys or channels without a column at $.data, more than "
            f"{MAX_UNKNOWN_KEYS}. Report it to Braze.",
            "$.data",
        )


def check_depth(value: Any) -> None:
    """Check how deep a value is nested.

    :raises BrazeDataError: deeper than 100.
    """
    level, depth = [value], 0
    while level := [
        inner
        for each in level
        if isinstance(each, dict | list)
        for inner in (each.values() if isinstance(each, dict) else each)
    ]:
        depth += 1
        if depth > MAX_DEPTH:
            raise BrazeDataError(f"The response has a value nested more than {MAX_DEPTH} deep at $.data.", "$.data")


def show(value: Any) -> str:
    """Return a value for an error message: its type, and itself if it is short.

    No part of a long text is shown: Braze echoes a wrong key, and part of a key could not be recognised.
    """
    kind = type(value).__name__
    if isinstance(value, str | list | dict):
        return f"{kind} {value!r}" if isinstance(value, str) and len(value) <= _SHOWN else f"{kind} of {len(value)}"
    return f"{kind} {reprlib.repr(value)}"


def canonical_json(value: Any) -> str:
    """Encode a value as compact JSON with sorted keys: the same text for the same value."""
    return msgspec.json.encode(value, order="sorted").decode()


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.ValidationError as error:
        raise BrazeDataError(f"The response has a number that is out of range: {error}.") from error
    except RecursionError as error:
        raise BrazeDataError("The response is nested too deep to be read.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"The response is truncated or not JSON ({len(body)} bytes): {error}.") from error


def _dated(days: Sequence[JsonObject], start: date, end: date, path: str) -> Iterator[tuple[date, int]]:
    for index, object_ in enumerate(days):
        day = day_of(object_, f"{path}[{index}]")
        if start <= day < end:
            yield day, index


def _content(day: JsonObject) -> str:
    """Return a day's content as text, without regard to the order of keys and rows, and to the form of ``time``."""
    messages = day.get("messages")
    if isinstance(messages, dict):
        messages = {
            channel: sorted(map(canonical_json, rows)) if isinstance(rows, list) else rows
            for channel, rows in messages.items()
        }
    return canonical_json({**day, "messages": messages, "time": None})
