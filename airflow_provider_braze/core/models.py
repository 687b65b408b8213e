"""The values that the parts of this package hand to one another."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, TypeAlias

from airflow_provider_braze.exceptions import BrazeConfigError

JsonObject: TypeAlias = dict[str, Any]

Rule = Literal["arguments", "partition", "interval", "schedule", "logical_date", "run_after"]
"""Which rule of :func:`~airflow_provider_braze.core.windows.resolve_window` gave a window."""


@dataclass(frozen=True, slots=True)
class Window:
    """Whole calendar days ``[start, end)`` of the company's time zone.

    :param start: first day wanted.
    :param end: the day after the last one wanted.
    :param timezone: IANA name of the zone in which Braze's days are counted.
    :param rule: which rule gave the window.
    :param lookback_days: how many days, from ``start`` on, are re-read only because Braze may have restated them.
    """

    start: date
    end: date
    timezone: str = "UTC"
    rule: Rule = "arguments"
    lookback_days: int = 0

    def __post_init__(self) -> None:
        for name, day in (("start", self.start), ("end", self.end)):
            if not isinstance(day, date) or isinstance(day, datetime):
                raise BrazeConfigError(f"A window's {name} is {day!r}. Give a date, such as date(2026, 11, 18).")

    @property
    def is_empty(self) -> bool:
        """Whether no day lies in the window."""
        return self.start >= self.end

    def __len__(self) -> int:
        return max(0, (self.end - self.start).days)

    def __iter__(self) -> Iterator[date]:
        return map(date.fromordinal, range(self.start.toordinal(), self.end.toordinal()))

    def __str__(self) -> str:
        return f"[{self.start.isoformat()}, {self.end.isoformat()})"


@dataclass(frozen=True, slots=True)
class SeriesCall:
    """One call of ``/campaigns/data_series``: the days ``[start, end)`` wanted of it, and how they are asked for.

    :param start: first day wanted of the answer.
    :param end: the day after the last one wanted.
    :param length: the parameter ``length``, 2 to 100; one more than the days wanted, or as many if these are 100.
    :param ending_at: the parameter ``ending_at``, ISO 8601 with seconds and an offset ``±HH:MM``.
    """

    start: date
    end: date
    length: int
    ending_at: str


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An HTTP answer, free of any library's types.

    :param headers: as received; look them up by :func:`~airflow_provider_braze.core.responses.header`, in any case.
    :param body: the whole body, decompressed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where to call and with which key; the key is in no ``repr`` and in no text that :meth:`scrub` has seen.

    :param base_url: such as ``https://rest.iad-01.braze.com``, without a trailing slash.
    :param api_key: the REST API key.
    """

    base_url: str
    api_key: str = field(repr=False)

    def scrub(self, text: str) -> str:
        """Replace the key in a text, also as a URL, JSON, HTML or a nested ``repr`` would spell it."""
        return re.sub("".join(map(_any_spelling, self.api_key)), "***", text)


def _any_spelling(char: str) -> str:
    code = ord(char)
    return rf"(?:\\*{re.escape(char)}|(?i:%{code:02x}|\\+u{code:04x})|{re.escape(html.escape(char))})"
