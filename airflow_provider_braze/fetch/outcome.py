"""How a run went: which campaigns landed, were refused or failed, which days are missing, and what follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence, Sized
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.responses import is_permanent
from airflow_provider_braze.core.text import counted
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
class Tally:
    """Which campaigns came back with something, and which did not.

    :param is_listed: whether the ids came from Braze's list: then one that Braze refuses is Braze's own affair.
    """

    is_listed: bool
    came: set[str] = field(default_factory=set)
    refused: dict[str, BrazeError] = field(default_factory=dict)
    failed: dict[str, BrazeError] = field(default_factory=dict)

    def add_failed(self, campaign_id: str, error: BrazeError) -> None:
        """Note a campaign that did not come back."""
        is_refusal = isinstance(error, BrazeApiError) and error.status in (400, 404)
        (self.refused if self.is_listed and is_refusal else self.failed)[campaign_id] = error

    @property
    def bad(self) -> dict[str, BrazeError]:
        """The campaigns that were refused or failed, for all or a part of what was asked."""
        return {**self.refused, **self.failed}

    @property
    def landed(self) -> int:
        """How many campaigns came back for all that was asked."""
        return len(self.came - self.bad.keys())


@dataclass(slots=True)
class Outcome(Tally):
    """The outcome of every campaign of a run: which came back with its days, and with its details.

    :param details: which came back with its details; None when they are not landed.
    """

    missing: dict[str, list[date]] = field(default_factory=dict)
    drift: Counter[str] = field(default_factory=Counter)
    answers: Counter[Window] = field(default_factory=Counter)
    details: Tally | None = None

    def add_landed(self, campaign_id: str, window: Window, days: Collection[date]) -> None:
        """Note a campaign that came back, and the days that did not.

        :param window: the days that were asked for: the run's, or one stretch of them.
        """
        self.came.add(campaign_id)
        self.answers[window] += 1
        if missing := missing_days(window, days):
            self.missing[campaign_id] = sorted([*self.missing.get(campaign_id, ()), *missing])

    @property
    def missing_for_all(self) -> list[date]:
        """Days that no campaign brought, where that cannot be chance."""
        counts = Counter(day for days in self.missing.values() for day in days)
        asked = [(window, number) for window, number in self.answers.items() if number >= NEVER_CHANCE]
        return sorted(day for window, number in asked for day in window if counts[day] == number)


@dataclass(frozen=True, slots=True)
class _Failure:
    """What did not come of some campaigns.

    :param is_whole: it came of none.
    """

    what: str
    errors: dict[str, BrazeError]
    is_whole: bool = False


def warnings_of(outcome: Outcome, missing: MissingDays) -> list[str]:
    """What a person should know of a run that goes on."""
    found = []
    if outcome.refused:
        refused = counted(len(outcome.refused), "listed campaign")
        found.append(f"Braze refused {refused}, left out of this run: {named(outcome.refused)}")
    if outcome.failed:
        found.append(f"{_campaigns(outcome.failed)} failed, left out of this run: {named(outcome.failed)}")
    if outcome.details and (bad := outcome.details.bad):
        found.append(f"The details of {_campaigns(bad)} did not come, so what had landed stays: {named(bad)}")
    if outcome.missing and missing != "ignore":
        found.append(f"Days are missing for {_campaigns(outcome.missing)}: {_days_named(outcome)}")
    if outcome.drift:
        kinds = counted(len(outcome.drift), "kind of key", "kinds of keys")
        found.append(f"Braze sent {kinds} without a column, kept in `other`: {_cut(sorted(outcome.drift))}")
    return found


def verdict(
    outcome: Outcome, *, missing: MissingDays, on_campaign_error: OnCampaignError | None = None
) -> BrazeError | None:
    """Tell the error that a run ends with after all that came back was dealt with; None when it is a success.

    :param on_campaign_error: the operator's argument, None when it has none: then any failure is an error.
    """
    if failures := _failures(outcome, on_campaign_error):
        return _partial(failures, on_campaign_error)
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
            f"Days are missing for {_campaigns(outcome.missing)}, all else came back: {_days_named(outcome)}. "
            "Run the task again later, or set `missing_days` to 'warn'.",
            "$.data",
        )
    return None


def _failures(outcome: Outcome, on_campaign_error: OnCampaignError | None) -> list[_Failure]:
    """What did not come that had to: days first, then details."""
    is_skipping = on_campaign_error == "skip"
    found = []
    if outcome.bad and not outcome.landed:
        found.append(_Failure(f"No campaign came back{' for all days' if outcome.came else ''}", outcome.bad, True))
    elif outcome.failed and not is_skipping:
        what = f"{_campaigns(outcome.failed)} failed, the other {outcome.landed} came back"
        found.append(_Failure(what, outcome.failed))
    details = outcome.details
    if details and details.bad and not details.landed:
        found.append(_Failure("The details of no campaign came back", details.bad, True))
    elif details and details.failed and not is_skipping:
        what = f"The details of {_campaigns(details.failed)} failed, those of the other {details.landed} came back"
        found.append(_Failure(what, details.failed))
    return found


def _partial(failures: list[_Failure], on_campaign_error: OnCampaignError | None) -> BrazePartialError:
    is_hopeless = all(is_permanent(error) for failure in failures for error in failure.errors.values())
    advice = "No retry can mend that." if is_hopeless else "Run the task again."
    if on_campaign_error and not any(failure.is_whole for failure in failures):
        advice += " To go on without them, set `on_campaign_error` to 'skip'."
    told = "; ".join(f"{failure.what}: {named(failure.errors)}" for failure in failures)
    # Of a campaign that failed twice, the failure of its days is told.
    errors = {campaign_id: error for failure in failures[::-1] for campaign_id, error in failure.errors.items()}
    return BrazePartialError(
        f"{told}. {advice}",
        {campaign_id: f"{type(error).__name__}: {error}" for campaign_id, error in errors.items()},
        is_hopeless,
    )


def named(errors: dict[str, BrazeError]) -> str:
    """Name campaigns that did not come back, and the error of the first."""
    first = next(iter(errors.values()))
    of_first = "of the first, " if len(errors) > 1 else ""
    return f"{_cut(list(errors))} ({of_first}{type(first).__name__}: {first})"


def _campaigns(some: Sized) -> str:
    return counted(len(some), "campaign")


def _days_named(outcome: Outcome) -> str:
    return _cut([f"{campaign_id} {_listed(days)}" for campaign_id, days in outcome.missing.items()], "; ")


def _cut(names: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return separator.join(names[:_NAMED]) + more


def _listed(days: Sequence[date]) -> str:
    return _cut([day.isoformat() for day in days]) + (" days" if len(days) > _NAMED else "")
