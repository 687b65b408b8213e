"""Many subjects at once: threads, the result of each, and when to give up on the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.responses import is_subject_scoped, is_transient
from airflow_provider_braze.core.series import Days, Subject, SubjectDays
from airflow_provider_braze.exceptions import BrazeAuthError, BrazeDataError, BrazeError

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import SeriesCall, Window
    from airflow_provider_braze.core.series import Decoder, Series
    from airflow_provider_braze.hooks.braze import BrazeHook

T = TypeVar("T")

GIVE_UP_AFTER: Final = 16
"""Subjects that may fail, each after all its attempts and none having succeeded, before the rest is not tried."""

_AHEAD: Final = 4
"""Subjects drawn but not yet consumed, for each thread."""


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """A subject that Braze returned."""

    subject: Subject
    result: T


@dataclass(frozen=True, slots=True)
class Failed:
    """A subject that Braze did not return; others may succeed."""

    subject: Subject
    error: BrazeError


def fetch_all(
    subjects: Sequence[Subject],
    fetch: Callable[[Subject], T],
    *,
    concurrency: int,
    stop: Callable[[], None],
    endpoint_of: Callable[[Subject], Endpoint] = lambda subject: subject.endpoint,
    is_needed: bool = True,
) -> Generator[Fetched[T] | Failed, None, None]:
    """Fetch subjects by threads and yield each as it completes.

    No more run than there are threads, and three times as many wait for one. So what is not yet consumed stays small,
    and the threads have work while the consumer is busy. However it ends, the threads have ended with it.

    A missing permission fails the subjects of its endpoint, without a call for the rest of them.

    :param fetch: fetches one subject; called in a thread.
    :param concurrency: number of threads, > 0.
    :param stop: makes waiting threads end soon; called when not all was consumed.
    :param endpoint_of: the endpoint that `fetch` calls for a subject.
    :param is_needed: whether it is an error when nothing succeeds; otherwise the rest is yielded as failed.
    :raises BrazeAuthError: at once, when the key lacks the permission of every endpoint.
    :raises BrazeError: the fetching was stopped, or Braze returns nothing at all.
    """
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="braze-fetch")
    try:
        verdicts = _Verdicts({endpoint_of(subject) for subject in subjects}, is_needed)
        guarded = verdicts.guard(fetch, endpoint_of)
        yield from _fetch_by(pool, iter(subjects), guarded, _AHEAD * concurrency, endpoint_of, verdicts)
    except BaseException:
        stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Verdicts:
    """Decides when the remaining subjects cannot succeed either."""

    def __init__(self, endpoints: set[Endpoint], is_needed: bool) -> None:
        self._endpoints = endpoints
        self._is_needed = is_needed
        self._failures = 0
        self._has_responses = False
        self.forbidden: dict[Endpoint, BrazeAuthError] = {}

    def guard(
        self, fetch: Callable[[Subject], T], endpoint_of: Callable[[Subject], Endpoint]
    ) -> Callable[[Subject], T]:
        """Return a function that fetches a subject unless its endpoint is known to be forbidden.

        The threads are ahead of the loop that reads their results, so they check it themselves.
        """

        def guarded(subject: Subject) -> T:
            endpoint = endpoint_of(subject)
            if error := self.forbidden.get(endpoint):
                raise error
            try:
                return fetch(subject)
            except BrazeAuthError as error:
                self.forbidden[endpoint] = error
                raise

        return guarded

    def add(self, result: Fetched[T] | Failed, endpoint: Endpoint) -> bool:
        """Note a result.

        :return: whether the remaining subjects have failed with it.
        """
        error = result.error if isinstance(result, Failed) else None
        if isinstance(error, BrazeAuthError):
            self.forbidden[endpoint] = error
            if self._endpoints <= self.forbidden.keys():
                raise error
        elif error is None or not is_transient(error):
            self._has_responses = True
        else:
            self._failures += 1
            if self._failures >= GIVE_UP_AFTER and not self._has_responses:
                if self._is_needed:
                    raise error
                return True
        return False


def _fetch_by(
    pool: ThreadPoolExecutor,
    remaining: Iterator[Subject],
    fetch: Callable[[Subject], T],
    ahead: int,
    endpoint_of: Callable[[Subject], Endpoint],
    verdicts: _Verdicts,
) -> Iterator[Fetched[T] | Failed]:
    running: dict[Future[T], Subject] = {}
    while True:
        for subject in islice(remaining, ahead - len(running)):
            if error := verdicts.forbidden.get(endpoint_of(subject)):
                yield Failed(subject, error)
            else:
                running[pool.submit(fetch, subject)] = subject
        if not running:
            if (last := next(remaining, None)) is None:
                return
            remaining = chain([last], remaining)
            continue
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            result = _result_of(running.pop(future), future)
            if verdicts.add(result, endpoint_of(result.subject)):
                assert isinstance(result, Failed)  # noqa: S101
                rest = chain([result.subject], running.values(), remaining)
                yield from (Failed(subject, result.error) for subject in rest)
                return
            yield result


def _result_of(subject: Subject, future: Future[T]) -> Fetched[T] | Failed:
    error = future.exception()
    if error is None:
        return Fetched(subject, future.result())
    if isinstance(error, BrazeError) and (is_subject_scoped(error) or isinstance(error, BrazeAuthError)):
        return Failed(subject, error)
    raise error


def fetch_subject(
    hook: BrazeHook, series: Series, decoder: Decoder, window: Window, subject: Subject, *, keep_payload: bool
) -> SubjectDays:
    """Fetch the days of one subject, and decode them for its tables.

    :param keep_payload: whether to keep each day's JSON text.
    :raises BrazeDataError: a response has another shape, or is nested too deep.
    """

    def decode(body: bytes, call: SeriesCall) -> Days:
        try:
            return decoder.decode(body, subject, call, keep_payload=keep_payload)
        except RecursionError as error:
            raise BrazeDataError(f"The response for {subject.name} is nested too deep to be read.") from error

    return collect(subject, hook.fetch_series(series, subject, window, decode))


def collect(subject: Subject, responses: Sequence[Days]) -> SubjectDays:
    """Join the responses about one subject.

    :param responses: one for each of its calls, in any order; their days do not overlap.
    :raises ValueError: a day is in two responses.
    """
    days = sorted(chain.from_iterable(response.dates for response in responses))
    if len(responses) > 1 and len(set(days)) < len(days):
        raise ValueError(f"Two calls for {subject.name} wanted the same day. Give windows that do not overlap.")
    drift: Counter[str] = Counter()
    for response in responses:
        drift.update(response.drift)
    weight = sum(response.weight for response in responses)
    return SubjectDays(subject, tuple(days), dict(sorted(drift.items())), weight, tuple(responses))
