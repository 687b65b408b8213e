"""The earlier result of coverage: what was known of days whose records have been removed since.

The coverage task writes it after each check, and the next check reads it. Reading a record twice changes nothing, so a
check that is killed at any moment, or never runs again, makes no day better than it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.landing.store import ANY_VERSION

if TYPE_CHECKING:
    from airflow_provider_braze.landing.store import Store

_READ: Final = frozenset({"final", "still_read", "early", "incomplete"})
"""The states of days that a run had read for every subject."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The earlier result for one series.

    :param states: state by day.
    :param lacking: subjects without rows, by day.
    """

    states: Mapping[date, str] = field(default_factory=dict)
    lacking: Mapping[date, frozenset[str]] = field(default_factory=dict)

    def was_read(self, day: date) -> bool:
        """Return whether a run had read the day for every subject."""
        return self.states.get(day) in _READ


def read_earlier(store: Store, series: str) -> Earlier:
    """Read the earlier result for a series.

    :raises BrazeDataError: its content is broken.
    """
    name = _name(series)
    stored = store.read(name)
    if stored is None:
        return Earlier()
    try:
        found = json.loads(stored.content)
        states = {
            day: str(each["state"])
            for each in found["calendar"]
            for day in Window(date.fromisoformat(each["start"]), date.fromisoformat(each["end"]))
        }
        lacking: dict[date, set[str]] = {}
        for subject, days in found["lacking"].items():
            for day in days:
                lacking.setdefault(date.fromisoformat(day), set()).add(subject)
    except (AttributeError, ValueError, TypeError, KeyError) as error:
        raise BrazeDataError(
            f"Cannot read {store.uri_of(name)}, the earlier result of coverage. Remove it. Days without a kept record "
            "are then shown as unproven."
        ) from error
    return Earlier(states, {day: frozenset(names) for day, names in lacking.items()})


def write_earlier(store: Store, series: str, found: Mapping[str, Any]) -> None:
    """Write the result for a series, for the next check.

    :param found: the series in the plain values of ``coverage.json``.
    """
    content = (json.dumps({"calendar": found["calendar"], "lacking": found["lacking"]}, indent=1) + "\n").encode()
    store.write(_name(series), content, ANY_VERSION)


def _name(series: str) -> str:
    return f"_braze/{series}/coverage.json"
