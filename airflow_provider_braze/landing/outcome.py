"""How a run went: which campaigns landed, were refused or failed, which days are missing, and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from airflow_provider_braze.core.exchange import is_fatal
from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.windows import missing_days
from airflow_provider_braze.exceptions import (
    BrazeApiError,
    BrazeError,
    BrazeMissingDaysError,
    BrazePartialError,
)

MissingDays = Literal["warn", "fail", "ignore"]
OnCampaignError = Literal["fail", "skip"]

NEVER_CHANCE: Final = 10
"""A day that is missing for all of so many campaigns was not left out for want of activity."""
_NAMED: Final = 20


@dataclass(slots=True)
class Outcome:
    """The outcome of every campaign of a run.

    :param is_listed: whether the ids came from Braze's list: then one that Braze refuses is Braze's own affair.
    """

    is_listed: bool
    came: set[str] = field(default_factory=set)
    refused: dict[str, BrazeError] = field(default_factory=dict)
    failed: dict[str, BrazeError] = field(default_factory=dict)
    missing: dict[str, list[date]] = field(default_factory=dict)
    drift: Counter[str] = field(default_factory=Counter)
    answers: Counter[Window] = field(default_factory=Counter)

    def add_landed(self, campaign_id: str, window: Window, days: Collection[date]) -> None:
        """Note a campaign that came back, and the days that did not.

        :param window: the days that were asked for: the run's, or one stretch of them.
        """
        self.came.add(campaign_id)
        self.answers[window] += 1
        if missing := missing_days(window, days):
            self.missing[campaign_id] = sorted([*self.missing.get(campaign_id, ()), *missing])

    def add_failed(self, campaign_id: str, error: BrazeError) -> None:
        """Note a campaign that did not come back."""
        is_refusal = isinstance(error, BrazeApiError) and error.status in (400, 404)
        (self.refused if self.is_listed and is_refusal else self.failed)[campaign_id] = error

    @property
    def bad(self) -> dict[str, BrazeError]:
        """The campaigns that were refused or failed, for the whole window or a stretch of it."""
        return {**self.refused, **self.failed}

    @property
    def landed(self) -> int:
        """How many campaigns came back for all that was asked."""
        return len(self.came - self.bad.keys())

    @property
    def missing_for_all(self) -> list[date]:
        """Days that no campaign brought, where that cannot be chance."""
        counts = Counter(day for days in self.missing.values() for day in days)
        asked = [(window, number) for window, number in self.answers.items() if number >= NEVER_CHANCE]
        return sorted(day for window, number in asked for day in window if counts[day] == number)


def warnings_of(outcome: Outcome, missing: MissingDays) -> list[str]:
    """What a person should know of a run that goes on."""
    found = []
    if outcome.refused:
        found.append(
            f"Braze refused {len(outcome.refused)} listed campaigns, which are left out: {_named(outcome.refused)}"
        )
    if outcome.failed:
        found.append(f"{len(outcome.failed)} campaigns failed, which are left out: {_named(outcome.failed)}")
    if outcome.missing and missing != "ignore":
        found.append(f"Days are missing for {len(outcome.missing)} campaigns: {_days_named(outcome)}")
    if outcome.drift:
        keys = _cut(sorted(outcome.drift))
        found.append(f"Braze sent {len(outcome.drift)} kinds of keys without a column, kept in `other`: {keys}")
    return found


def verdict(
    outcome: Outcome, *, missing: MissingDays, on_campaign_error: OnCampaignError | None = None
) -> BrazeError | None:
    """Tell the error that a run ends with after all that came back was dealt with; None when it is a success.

    :param on_campaign_error: the operator's argument, None when it has none: then any failure is an error.
    """
    if outcome.bad and not outcome.landed:
        return _partial(outcome.bad, f"No campaign came back{' for all days' if outcome.came else ''}")
    if outcome.failed and on_campaign_error != "skip":
        what = f"{len(outcome.failed)} campaigns failed, the other {outcome.landed} came back"
        advice = " To go on without them, set `on_campaign_error` to 'skip'." if on_campaign_error else ""
        return _partial(outcome.failed, what, advice)
    if missing == "ignore":
        return None
    if days := outcome.missing_for_all:
        return BrazeMissingDaysError(
            f"Braze brought {_listed(days)} for none of {len(outcome.came)} campaigns; all other days came back. Check "
            "the connection's `timezone`, and run the task again later.",
            "$.data",
        )
    if outcome.missing and missing == "fail":
        return BrazeMissingDaysError(
            f"Days are missing for {len(outcome.missing)} campaigns, all else came back: {_days_named(outcome)}. "
            "Run the task again later, or set `missing_days` to 'warn'.",
            "$.data",
        )
    return None


def _partial(errors: dict[str, BrazeError], what: str, advice: str = "") -> BrazePartialError:
    is_hopeless = all(is_fatal(error) for error in errors.values())
    first_advice = "No retry can mend that." if is_hopeless else "Run the task again."
    return BrazePartialError(
        f"{what}: {_named(errors)}. {first_advice}{advice}",
        {campaign_id: f"{type(error).__name__}: {error}" for campaign_id, error in errors.items()},
        is_hopeless,
    )


def _named(errors: dict[str, BrazeError]) -> str:
    first_id, first = next(iter(errors.items()))
    return f"{_cut(list(errors))} (for {first_id}: {type(first).__name__}: {first})"


def _days_named(outcome: Outcome) -> str:
    return _cut([f"{campaign_id} {_listed(days)}" for campaign_id, days in outcome.missing.items()], "; ")


def _cut(names: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return separator.join(names[:_NAMED]) + more


def _listed(days: Sequence[date]) -> str:
    return _cut([day.isoformat() for day in days]) + (" days" if len(days) > _NAMED else "")
