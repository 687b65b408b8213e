"""The outcome of a run: which subjects Braze returned, rejected or failed, which days are missing, and what follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.responses import is_permanent
from airflow_provider_braze.core.series import Series
from airflow_provider_braze.core.text import counted
from airflow_provider_braze.core.windows import missing_days
from airflow_provider_braze.exceptions import BrazeApiError, BrazeError, BrazeMissingDaysError, BrazePartialError

MissingDays = Literal["warn", "fail", "ignore"]
OnError = Literal["fail", "skip"]

_NAMED: Final = 20
"""Names in one message at most."""


@dataclass(slots=True)
class Tally:
    """Which subjects Braze returned something for, and which not.

    :param is_listed: whether the ids came from Braze's list. Then a 400 or 404 for one is Braze's own contradiction.
    """

    is_listed: bool
    returned: set[str] = field(default_factory=set)
    rejected: dict[str, BrazeError] = field(default_factory=dict)
    failed: dict[str, BrazeError] = field(default_factory=dict)

    def add_failure(self, name: str, error: BrazeError, *, is_plain: bool = True) -> None:
        """Note a subject that was not returned.

        :param is_plain: whether the subject is an id alone. An app, for example, never comes from Braze's list.
        """
        is_rejection = isinstance(error, BrazeApiError) and error.status in (400, 404)
        (self.rejected if self.is_listed and is_plain and is_rejection else self.failed)[name] = error

    @property
    def failures(self) -> dict[str, BrazeError]:
        """The subjects that were rejected or failed, for all or some of their days."""
        return {**self.rejected, **self.failed}

    @property
    def landed(self) -> int:
        """Number of subjects returned completely."""
        return len(self.returned - self.failures.keys())


@dataclass(slots=True)
class Outcome(Tally):
    """The outcome of every subject of a run.

    :param may_start_late: whether days before a subject's first returned day are not missing.
    :param may_expire: whether no subject may have any day.
    :param is_read_again: whether a later run asks for the newest days again.
    :param gaps: days that Braze did not return, by subject.
    :param first_days: each subject's first day that was returned, or had landed before.
    :param drift: number of times each key without a column was seen.
    :param totals: the subjects for which a missing day is an error.
    :param uncomputed: days that Braze has not computed yet, by subject. They are missing unless they are read again.
    :param responses: number of subjects returned, by window asked for.
    :param details: which subjects' details were returned; None when they are not landed.
    """

    may_start_late: bool = False
    may_expire: bool = False
    is_read_again: bool = True
    gaps: dict[str, list[date]] = field(default_factory=dict)
    first_days: dict[str, date] = field(default_factory=dict)
    drift: Counter[str] = field(default_factory=Counter)
    totals: set[str] = field(default_factory=set)
    uncomputed: dict[str, list[date]] = field(default_factory=dict)
    responses: Counter[Window] = field(default_factory=Counter)
    details: Tally | None = None

    def add_returned(
        self,
        name: str,
        window: Window,
        days: Collection[date],
        *,
        is_total: bool = False,
        uncomputed: Collection[date] = (),
    ) -> None:
        """Note a returned subject and its missing days.

        :param window: the days asked for: the run's, or one chunk of them.
        :param is_total: whether a missing day is an error.
        :param uncomputed: days that Braze may not have computed yet.
        """
        self.returned.add(name)
        self.responses[window] += 1
        if days:
            self.first_days[name] = min(*days, self.first_days.get(name, date.max), date.max)
        if is_total:
            self.totals.add(name)
        absent = missing_days(window, days)
        late = [day for day in absent if day in uncomputed]
        due = [day for day in absent if day not in uncomputed] if self.is_read_again else absent
        for found, gaps in ((self.gaps, due), (self.uncomputed, late)):
            if gaps:
                found[name] = sorted([*found.get(name, ()), *gaps])

    def note_landed(self, first_days: Mapping[str, date]) -> None:
        """Note days that had landed before: a subject that has one has started by then.

        :param first_days: the first such day by subject.
        """
        for name in self.returned & first_days.keys():
            self.first_days[name] = min(first_days[name], self.first_days.get(name, date.max))

    @property
    def missing(self) -> dict[str, list[date]]:
        """The days that Braze should have returned, by subject.

        A subject without any day has not started, if subjects may start late and another one has a day.
        """
        if not self.may_start_late:
            return self.gaps
        if not self.first_days:
            return {} if self.may_expire else self.gaps
        started = {
            name: [day for day in days if day >= self.first_days.get(name, date.max)]
            for name, days in self.gaps.items()
        }
        return {name: days for name, days in started.items() if days}

    @property
    def without_days(self) -> int:
        """Number of returned subjects without any day, where that is not a fault."""
        is_right = self.may_start_late and (self.may_expire or self.first_days)
        return len(self.returned - self.first_days.keys()) if is_right else 0

    def missing_for_all(self, least: int) -> list[date]:
        """Return the days that no subject has, where at least `least` subjects should have them.

        Where no subject has any day, none is known to start later, so all of them should.
        """
        lacking = Counter(day for days in self.gaps.values() for day in days)
        due = Counter(day for days in self.missing.values() for day in days)
        asked = {day: number for window, number in self.responses.items() for day in window}
        return sorted(day for day, number in asked.items() if lacking[day] == number and due[day] >= least)


@dataclass(frozen=True, slots=True)
class _Failure:
    """Subjects that lack something.

    :param is_whole: whether every subject lacks it.
    """

    what: str
    errors: dict[str, BrazeError]
    is_whole: bool = False


def format_warnings(series: Series, outcome: Outcome, missing: MissingDays) -> list[str]:
    """Return log lines about what a run lacks without failing."""
    found = []
    if outcome.rejected:
        count = series.count(len(outcome.rejected))
        found.append(f"Skipped {count} that Braze lists but rejects: {format_failures(outcome.rejected)}")
    if outcome.failed:
        found.append(f"Skipped {series.count(len(outcome.failed))} that failed: {format_failures(outcome.failed)}")
    if outcome.details and (failures := outcome.details.failures):
        count = series.count(len(failures))
        found.append(f"Kept the landed details of {count}, whose details failed: {format_failures(failures)}")
    if outcome.missing and missing != "ignore":
        found.append(f"Days are missing for {series.count(len(outcome.missing))}: {_format_missing(outcome.missing)}")
    return found


def format_uncomputed(outcome: Outcome) -> str | None:
    """Return a log line about days that Braze has not computed yet, None when there are none."""
    if not outcome.uncomputed:
        return None
    then = "The next run lands them." if outcome.is_read_again else "No later run asks for them."
    return f"Not computed by Braze yet: {_format_missing(outcome.uncomputed)}. {then}"


def format_drift(outcome: Outcome) -> str | None:
    """Return a log line about keys without a column, None when there are none."""
    if not outcome.drift:
        return None
    kinds = counted(len(outcome.drift), "key")
    names = _truncate(sorted(outcome.drift))
    return f"Braze sent {kinds} that the tables have no column for. Their values are in `other`: {names}"


def error_of(
    series: Series,
    outcome: Outcome,
    *,
    missing: MissingDays,
    parts: int = 1,
    on_error: OnError | None = None,
    skip_argument: str = "",
) -> BrazeError | None:
    """Return the error a run ends with after everything returned was landed; None for a success.

    :param parts: number of tasks that share the subjects; see :func:`least_for_outage`.
    :param on_error: the operator's argument, None when it has none: then any failure is an error.
    :param skip_argument: name of that argument, for the advice.
    """
    if failures := _failures(series, outcome, on_error):
        return _partial_error(failures, skip_argument if on_error else "")
    if missing == "ignore":
        return None
    if days := outcome.missing_for_all(least_for_outage(series, parts)):
        count = series.count(len(outcome.returned))
        return BrazeMissingDaysError(
            f"None of the {count} returned data for {_join(days)}. All other days were returned. Check the "
            "connection's `timezone`, and run the task again later.",
            "$.data",
        )
    if totals := {name: days for name, days in outcome.missing.items() if name in outcome.totals}:
        when = ", when Braze has computed them" if outcome.uncomputed.keys() & totals else ""
        return BrazeMissingDaysError(
            f"Days of the whole workspace are missing: {_format_missing(totals)}. Everything else was returned. "
            f"Run the task again later{when}.",
            "$.data",
        )
    if outcome.missing and missing == "fail":
        return BrazeMissingDaysError(
            f"Days are missing for {series.count(len(outcome.missing))}: {_format_missing(outcome.missing)}. "
            "Everything else was returned. Run the task again later, or set `missing_days` to 'warn'.",
            "$.data",
        )
    return None


def least_for_outage(series: Series, parts: int) -> int:
    """Return the number of subjects that must all lack a day before that is an error.

    One part sees its own subjects alone, so it concludes from fewer of them, but not from fewer than three.
    """
    return min(series.min_subjects_for_outage, max(3, -(-series.min_subjects_for_outage // parts)))


def _failures(series: Series, outcome: Outcome, on_error: OnError | None) -> list[_Failure]:
    """Return what is lacking that must not: days first, then details."""
    is_skipping = on_error == "skip"
    found = []
    if outcome.failures and not outcome.landed:
        extent = " for all days" if outcome.returned else ""
        found.append(_Failure(f"No {series.noun} was returned{extent}", outcome.failures, is_whole=True))
    elif outcome.failed and not is_skipping:
        what = f"{series.count(len(outcome.failed))} failed, the other {outcome.landed} were returned"
        found.append(_Failure(what, outcome.failed))
    details = outcome.details
    if details and details.failures and not details.landed:
        found.append(_Failure(f"The details of no {series.noun} were returned", details.failures, is_whole=True))
    elif details and details.failed and not is_skipping:
        count = series.count(len(details.failed))
        what = f"The details of {count} failed, those of the other {details.landed} were returned"
        found.append(_Failure(what, details.failed))
    return found


def _partial_error(failures: list[_Failure], skip_argument: str) -> BrazePartialError:
    are_permanent = all(is_permanent(error) for failure in failures for error in failure.errors.values())
    advice = "A retry cannot resolve this." if are_permanent else "Run the task again."
    if skip_argument and not any(failure.is_whole for failure in failures):
        advice += f" To go on without them, set `{skip_argument}` to 'skip'."
    what = "; ".join(f"{failure.what}: {format_failures(failure.errors)}" for failure in failures)
    # Of a subject that failed twice, the failure of its days counts.
    errors = {name: error for failure in failures[::-1] for name, error in failure.errors.items()}
    return BrazePartialError(
        f"{what}. {advice}", {name: f"{type(error).__name__}: {error}" for name, error in errors.items()}, are_permanent
    )


def format_failures(errors: dict[str, BrazeError]) -> str:
    """Return the names of failed subjects, and the error of the first."""
    first = next(iter(errors.values()))
    which = "the first: " if len(errors) > 1 else ""
    return f"{_truncate(list(errors))} ({which}{type(first).__name__}: {first})"


def _format_missing(missing: Mapping[str, Sequence[date]]) -> str:
    return _truncate([f"{name} {_join(days)}" for name, days in missing.items()], "; ")


def _truncate(names: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return separator.join(names[:_NAMED]) + more


def _join(days: Sequence[date]) -> str:
    return _truncate([day.isoformat() for day in days]) + (" days" if len(days) > _NAMED else "")
