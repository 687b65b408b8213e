"""Checking whether Braze has a day: which subjects to check, and what their responses mean together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.calls import split_window
from airflow_provider_braze.core.drivers import drive, drive_async
from airflow_provider_braze.core.endpoints import list_params
from airflow_provider_braze.core.listing import entries_of
from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.payloads import read_days
from airflow_provider_braze.core.responses import is_permanent, is_subject_scoped, is_transient
from airflow_provider_braze.exceptions import BrazeError, BrazeRateLimitError

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import JsonObject
    from airflow_provider_braze.core.series import Series, Subject
    from airflow_provider_braze.hooks.braze import BrazeAsyncHook, BrazeHook

GIVE_UP_AFTER: Final = 3
"""Number of transient failures, without any response, after which the remaining subjects are not checked."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    :param decode: converts the body; None for a JSON object, as :meth:`BrazeHook.get` takes it.
    """

    path: str
    params: Mapping[str, str]
    decode: Callable[[bytes], Any] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    :param subject: subject that has the day; None when the day is not there yet.
    :param checked: number of subjects checked.
    :param failures: errors by subject, or by ``the list``.
    """

    subject: str | None
    checked: int
    failures: Mapping[str, BrazeError]


def find_day(
    series: Series, window: Window, *, ids: Sequence[str] | None, sample: int, must_all: bool, now: datetime
) -> Generator[Request, Any, Finding]:
    """Check subject by subject for a day; a sequence of :mod:`~airflow_provider_braze.core.drivers`.

    Each request's result is its decoded response, or the error.

    :param window: one day.
    :param ids: ids of the subjects to check; None for the newest of the list that are not archived.
    :param sample: number of subjects from the list, 1 to 100.
    :param must_all: whether every subject must have the day; otherwise one is enough.
    :param now: time of the requests.
    :raises BrazeAuthError: at once, because the key lacks the permission.
    :raises BrazeError: Braze rejects the list or every subject, or a subject that must have the day cannot be read.
    """
    if ids is None:
        assert series.listing is not None, f"{series.name} has no list"  # noqa: S101
        endpoint = series.listing.endpoint
        listed = yield Request(endpoint.path, list_params(0, include_archived=False, newest_first=True))
        if isinstance(listed, BrazeError):
            return _without_list(listed)
        ids = [entry["id"] for entry in entries_of(listed, endpoint, 0)[:sample]]
    return (yield from _check_subjects(series, window, ids, must_all, now))


def _without_list(error: BrazeError) -> Finding:
    if not is_transient(error):
        raise error
    return Finding(None, 0, {"the list": error})


def _check_subjects(
    series: Series, window: Window, ids: Sequence[str], must_all: bool, now: datetime
) -> Generator[Request, Any, Finding]:
    (call,) = split_window(window, now=now, max_length=series.max_length)
    failures: dict[str, BrazeError] = {}

    def decode(body: bytes) -> Any:
        return read_days(body, call, series.nested_days)

    for checked, subject in enumerate(map(series.subject, ids), 1):
        days = yield Request(subject.endpoint.path, series.call_params(subject, call), decode)
        if not isinstance(days, BrazeError):
            has_day = any(_has_figure(subject, day) for day in days.values())
            if has_day != must_all:
                return Finding(subject.name if has_day else None, checked, failures)
            continue
        _raise_if_final(series, subject, days, must_all)
        failures[subject.name] = days
        if must_all or _should_give_up(failures, checked):
            return Finding(None, checked, failures)
    if failures and len(failures) == len(ids):
        _raise_if_all_rejected(series, failures)
    return Finding(ids[-1] if must_all and not failures else None, len(ids), failures)


def _raise_if_final(series: Series, subject: Subject, error: BrazeError, must_all: bool) -> None:
    """Raise the error of a subject unless another check, or another subject, may have the day."""
    if not is_subject_scoped(error):
        raise error
    if must_all and not is_transient(error):
        raise _name_subject(f"The {series.noun} {subject.name!r} cannot be checked.", error) from error


def _has_figure(subject: Subject, day: JsonObject) -> bool:
    """Return whether a day has its figure; a null is one that Braze has not computed yet."""
    return not subject.figure or day.get(subject.figure) is not None


def _should_give_up(failures: Mapping[str, BrazeError], checked: int) -> bool:
    """Return whether Braze is down or rate-limited, so that more requests would only take time."""
    transient = [error for error in failures.values() if is_transient(error)]
    if transient and isinstance(transient[-1], BrazeRateLimitError):
        return True
    return len(transient) >= GIVE_UP_AFTER and len(failures) == checked


def _raise_if_all_rejected(series: Series, failures: Mapping[str, BrazeError]) -> None:
    if any(map(is_transient, failures.values())):
        return
    # An error that a rerun may resolve comes first.
    name, error = min(failures.items(), key=lambda item: is_permanent(item[1]))
    raise _name_subject(
        f"None of the {series.plural} checked ({len(failures)}) can be used. {name!r}:", error
    ) from error


def _name_subject(beginning: str, error: BrazeError) -> BrazeError:
    """Return an error of the same class whose message begins with the subject."""
    return type(error)(f"{beginning} {error}", *error.args[1:])


log = logging.getLogger(__name__)


def probe(
    hook: BrazeHook, series: Series, window: Window, *, ids: Sequence[str] | None, sample: int, must_all: bool = False
) -> JsonObject | None:
    """Check once.

    :param window: one day.
    :param ids: ids of the subjects to check; None for the newest of the list.
    :param sample: number of subjects from the list.
    :param must_all: whether every subject must have the day.
    :return: ``{day, timezone, <first key column>, found_at}``; None when the day is not there yet, or Braze fails.
    :raises BrazeError: another check cannot help, see :func:`find_day`.
    """

    def send(request: Request) -> Any:
        try:
            return hook.get(request.path, request.params, request.decode)
        except BrazeError as error:
            return error

    now = datetime.now(timezone.utc)
    finding = drive(find_day(series, window, ids=ids, sample=sample, must_all=must_all, now=now), send)
    return _log_finding(series, finding, window)


async def probe_async(
    hook: BrazeAsyncHook, series: Series, window: Window, *, ids: Sequence[str] | None, sample: int, must_all: bool
) -> JsonObject | None:
    """Check once in an event loop; same as :func:`probe`."""

    async def send(request: Request) -> Any:
        try:
            return await hook.get(request.path, request.params, request.decode)
        except BrazeError as error:
            return error

    now = datetime.now(timezone.utc)
    finding = await drive_async(find_day(series, window, ids=ids, sample=sample, must_all=must_all, now=now), send)
    return _log_finding(series, finding, window)


def _log_finding(series: Series, finding: Finding, window: Window) -> JsonObject | None:
    day = window.start.isoformat()
    for name, error in finding.failures.items():
        log.warning("Could not check %s for %s: %s: %s", name, day, type(error).__name__, error)
    if finding.subject is None:
        log.info("Braze does not have %s yet: checked %s", day, series.count(finding.checked))
        return None
    log.info("Braze has %s: found in %s %s", day, series.noun, finding.subject)
    found_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return {"day": day, "timezone": window.timezone, series.keys[0]: finding.subject, "found_at": found_at}
