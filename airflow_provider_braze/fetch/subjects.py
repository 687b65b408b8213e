"""Many campaigns at once: threads, the outcome of each, and when to give up on the rest."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final, Generic, TypeVar

from airflow_provider_braze.core.responses import is_subject_scoped, is_transient
from airflow_provider_braze.exceptions import BrazeError

T = TypeVar("T")

GIVE_UP_AFTER: Final = 16
"""Campaigns that may fail, each after all its attempts and none having succeeded, before the rest is not tried."""

_AHEAD: Final = 4
"""Campaigns drawn but not yet consumed, for each thread."""


@dataclass(frozen=True, slots=True)
class Fetched(Generic[T]):
    """A campaign that came back."""

    campaign_id: str
    result: T


@dataclass(frozen=True, slots=True)
class Failed:
    """A campaign that did not come back; others may."""

    campaign_id: str
    error: BrazeError


def fetch_all(
    campaign_ids: Sequence[str],
    fetch: Callable[[str], T],
    *,
    concurrency: int,
    stop: Callable[[], None],
    is_needed: bool = True,
) -> Generator[Fetched[T] | Failed, None, None]:
    """Fetch campaigns by threads, in whatever order they come.

    No more are under way than there are threads, and three times as many wait for one: so what is not yet consumed
    stays small, and the threads have work while the consumer is busy. However it ends, the threads have ended with it.

    :param fetch: fetches one campaign; called in a thread.
    :param concurrency: how many threads, > 0.
    :param stop: makes the threads that wait end soon; called when not all was consumed.
    :param is_needed: whether it is an error when Braze answers nothing at all; else what is left comes as failed.
    :raises BrazeAuthError: at once, for no other campaign can succeed.
    :raises BrazeError: the fetching was stopped, or Braze answers nothing at all.
    """
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="braze-fetch")
    try:
        yield from _fetch_by(pool, iter(campaign_ids), fetch, _AHEAD * concurrency, is_needed)
    except BaseException:
        stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _fetch_by(
    pool: ThreadPoolExecutor, remaining: Iterator[str], fetch: Callable[[str], T], ahead: int, is_needed: bool
) -> Iterator[Fetched[T] | Failed]:
    running: dict[Future[T], str] = {}
    answers, failures = False, 0
    while True:
        for campaign_id in islice(remaining, ahead - len(running)):
            running[pool.submit(fetch, campaign_id)] = campaign_id
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            outcome = _outcome(running.pop(future), future)
            if isinstance(outcome, Fetched) or not is_transient(outcome.error):
                answers = True
            else:
                failures += 1
                if failures >= GIVE_UP_AFTER and not answers:
                    if is_needed:
                        raise outcome.error
                    rest = chain([outcome.campaign_id], running.values(), remaining)
                    yield from (Failed(campaign_id, outcome.error) for campaign_id in rest)
                    return
            yield outcome


def _outcome(campaign_id: str, future: Future[T]) -> Fetched[T] | Failed:
    error = future.exception()
    if error is None:
        return Fetched(campaign_id, future.result())
    if isinstance(error, BrazeError) and is_subject_scoped(error):
        return Failed(campaign_id, error)
    raise error
