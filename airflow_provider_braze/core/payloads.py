"""Read an answer of ``/campaigns/data_series``: its envelope, the day of each object, the days that are wanted.

Source: Braze docs, Export campaign analytics (seen 2026-09). The order of days, and whether each comes once, are not
documented, so nothing here relies on them.
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

_SHOWN: Final = 20


def decode_days(body: bytes) -> list[JsonObject]:
    """Decode an answer and give its day objects as Braze sent them, in Braze's order.

    ``message`` may be missing, as in the documented multivariate answer; ``data`` may be empty.

    :param body: the whole body of an answer with status 200.
    :return: the objects under ``data``.
    :raises ValueError: the body is cut or no JSON; asking again may mend it.
    :raises BrazeDataError: the body is JSON, but not of the agreed shape.
    """
    answer = decode_envelope(body)
    if "data" not in answer:
        raise BrazeDataError(f"The answer has no data among its {len(answer)} keys at $.", "$")
    days = expect_list(answer["data"], "$.data")
    return [expect_object(day, f"$.data[{index}]") for index, day in enumerate(days)]


def read_days(body: bytes, call: SeriesCall) -> dict[date, JsonObject]:
    """Decode an answer, and keep the days that its call wanted.

    :return: the object of each wanted day that came, sorted by day.
    :raises ValueError: the body is cut or no JSON; asking again may mend it.
    :raises BrazeDataError: the body is JSON, but not of the agreed shape, or tells a wanted day twice with different
        content.
    """
    return select_days(decode_days(body), call.start, call.end)


def decode_envelope(body: bytes) -> JsonObject:
    """Decode the object that every answer is, and see that it tells no failure.

    :param body: the whole body of an answer with status 200.
    :raises ValueError: the body is cut or no JSON; asking again may mend it.
    :raises BrazeDataError: the body is JSON, but no object, or its ``message`` is another than success.
    """
    answer = expect_object(_decode(body), "$")
    if answer.get("message", "success") != "success":
        raise BrazeDataError(f"Braze reports {show(answer['message'])} instead of success at $.message.", "$.message")
    return answer


def day_of(day: JsonObject, path: str) -> date:
    """Tell which calendar day an object is about, by the first ten characters of its ``time``.

    :param day: an object of ``data``.
    :param path: where it stands in the answer, such as ``$.data[3]``.
    :return: the day, in the company's time zone.
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
    """Keep the wanted days of an answer, each once, in order.

    :param days: the objects under ``data``, as :func:`decode_days` gives them.
    :param start: first day wanted.
    :param end: the day after the last one wanted.
    :return: the object of each wanted day that came, sorted by day.
    :raises BrazeDataError: an object without a day, or a wanted day twice with different content.
    """
    return {day: days[index] for day, index in select_indices(days, start, end).items()}


def select_indices(days: Sequence[JsonObject], start: date, end: date) -> dict[date, int]:
    """Tell where in ``data`` each wanted day stands; see :func:`select_days`.

    :return: the index of each wanted day that came, sorted by day.
    :raises BrazeDataError: an object without a day, or a wanted day twice with different content.
    """
    chosen: dict[date, int] = {}
    for day, index in _dated(days, start, end):
        first = chosen.setdefault(day, index)
        if first != index and _content(days[first]) != _content(days[index]):
            path = f"$.data[{index}]"
            raise BrazeDataError(
                f"Day {day} came twice with different content, at $.data[{first}] and {path}; ask again later.", path
            )
    return dict(sorted(chosen.items()))


def expect_object(value: Any, path: str) -> JsonObject:
    """Give the value back if it is a JSON object.

    :raises BrazeDataError: it is something else.
    """
    if isinstance(value, dict):
        return value
    raise BrazeDataError(f"Expected an object at {path}, got {show(value)}.", path)


def expect_list(value: Any, path: str) -> list[Any]:
    """Give the value back if it is a JSON list.

    :raises BrazeDataError: it is something else.
    """
    if isinstance(value, list):
        return value
    raise BrazeDataError(f"Expected a list at {path}, got {show(value)}.", path)


def show(value: Any) -> str:
    """Show a value in an error message: its type, and itself if it is short.

    No part of a long text is shown, for Braze echoes a wrong key, and part of one could not be recognised any more.
    """
    kind = type(value).__name__
    if isinstance(value, str | list | dict):
        return f"{kind} {value!r}" if isinstance(value, str) and len(value) <= _SHOWN else f"{kind} of {len(value)}"
    return f"{kind} {reprlib.repr(value)}"


def canonical_json(value: Any) -> str:
    """Encode a value as compact JSON with sorted keys: the same text for the same value.

    :return: JSON text; no character is escaped without need.
    """
    return msgspec.json.encode(value, order="sorted").decode()


def _decode(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.ValidationError as error:
        raise BrazeDataError(f"The answer holds a number that is out of range: {error}.") from error
    except RecursionError as error:
        raise BrazeDataError("The answer is nested too deeply to be read.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"The answer is cut or no JSON ({len(body)} bytes): {error}.") from error


def _dated(days: Sequence[JsonObject], start: date, end: date) -> Iterator[tuple[date, int]]:
    for index, object_ in enumerate(days):
        day = day_of(object_, f"$.data[{index}]")
        if start <= day < end:
            yield day, index


def _content(day: JsonObject) -> str:
    """The content of a day as text, blind to the order of keys and of a channel's rows, and to the form of ``time``."""
    messages = day.get("messages")
    if isinstance(messages, dict):
        messages = {
            channel: sorted(map(canonical_json, rows)) if isinstance(rows, list) else rows
            for channel, rows in messages.items()
        }
    return canonical_json({**day, "messages": messages, "time": None})
