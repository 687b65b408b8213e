"""The values that the parts of this package exchange."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Literal, TypeAlias

from airflow_provider_braze.exceptions import BrazeConfigError

JsonObject: TypeAlias = dict[str, Any]

Rule = Literal["arguments", "partition", "interval", "schedule", "logical_date", "run_after"]
"""The rule of :func:`~airflow_provider_braze.core.windows.resolve_window` that gave a window."""


@dataclass(frozen=True, slots=True)
class Window:
    """Whole calendar days ``[start, end)`` of the company's time zone.

    :param start: first day wanted.
    :param end: the day after the last one wanted.
    :param timezone: IANA name of the zone in which Braze's days are counted.
    :param rule: rule that gave the window.
    :param lookback_days: number of days, from ``start`` on, that are fetched again in case Braze restated them.
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
    """One call of a series endpoint: the wanted days ``[start, end)`` and its parameters.

    :param start: first day wanted.
    :param end: the day after the last one wanted.
    :param length: the parameter ``length``, 2 to 100: the number of wanted days plus one, at most 100.
    :param ending_at: the parameter ``ending_at``, ISO 8601 with seconds and an offset ``±HH:MM``.
    """

    start: date
    end: date
    length: int
    ending_at: str


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An HTTP response without any library's types.

    :param headers: headers as received. :func:`~airflow_provider_braze.core.responses.header` ignores their case.
    :param body: the whole body, decompressed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Credentials:
    """Host and API key. No ``repr`` and no text returned by :meth:`scrub` contains the key.

    :param base_url: URL such as ``https://rest.iad-01.braze.com``, without a trailing slash.
    :param api_key: the REST API key.
    """

    base_url: str
    api_key: str = field(repr=False)

    def scrub(self, text: str) -> str:
        """Return a text without the key, also where a URL, JSON, HTML or a nested ``repr`` escapes it.

        Where the key is escaped, the whole text is returned unescaped. Takes time linear in the text's length.
        """
        text = text.replace(self.api_key, "***")
        key, unescaped = _unescape(self.api_key), _unescape(text)
        return unescaped.replace(key, "***") if key and key in unescaped else text


_ESCAPE: Final = re.compile(r"\\+(?:u00([2-7][0-9a-f]))?|%([2-7][0-9a-f])|&#?[0-9a-z]{1,6};", re.IGNORECASE)
_MAX_NESTING: Final = 4


def _unescape(text: str) -> str:
    """Undo the escapes of printable ASCII, nested up to four times, and drop all backslashes."""
    for _ in range(_MAX_NESTING):
        text, count = _ESCAPE.subn(_unescape_one, text)
        if not count:
            break
    return text


def _unescape_one(match: re.Match[str]) -> str:
    digits = match[1] or match[2]
    if digits:
        return chr(int(digits, 16))
    return html.unescape(match[0]) if match[0].startswith("&") else ""
