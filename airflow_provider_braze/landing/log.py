"""Lines in the log: the plan, and how far the fetching is."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TypeVar

from airflow_provider_braze.core.text import counted
from airflow_provider_braze.fetch.subjects import Failed
from airflow_provider_braze.landing.plan import Plan, format_plan

if TYPE_CHECKING:
    from airflow_provider_braze.core.endpoints import Endpoint
    from airflow_provider_braze.core.models import Window
    from airflow_provider_braze.hooks.braze import BrazeHook

log = logging.getLogger(__name__)
T = TypeVar("T")

PROGRESS_SECONDS: Final = 15.0


def log_plan(plan: Plan) -> None:
    """Tell the plan, as a group that Airflow's pages fold; what comes later stays outside of it, and visible."""
    for line in format_plan(plan):
        log.info("%s", line)


def with_progress(fetched: Iterator[T], total: int, what: str, hook: BrazeHook, endpoint: Endpoint) -> Iterator[T]:
    """Pass campaigns on, with a line in the log now and then, and one at the end.

    :param total: how many campaigns will come.
    :param what: what is fetched of them.
    :param endpoint: what they are asked from, whose rate limit is told.
    """
    began = last = time.monotonic()
    failed = 0
    for done, item in enumerate(fetched, 1):
        yield item
        failed += isinstance(item, Failed)
        now = time.monotonic()
        if now - last >= PROGRESS_SECONDS or done == total:
            last = now
            remaining = hook.get_conn().remaining(endpoint.path)
            line = progress_line(what, done, total, failed=failed, seconds=now - began, remaining=remaining)
            log.info("%s", line)


def name_chunk(chunk: Window, number: int, total: int) -> str:
    """Return a chunk's days, with its number if the window has several chunks."""
    return f"{chunk}, chunk {number} of {total}" if total > 1 else str(chunk)


def progress_line(what: str, done: int, total: int, *, failed: int, seconds: float, remaining: int | None) -> str:
    """Tell how far the fetching is.

    :param failed: how many of those done did not come back.
    :param remaining: requests that the rate limit still allows; None when not known.
    """
    rate = done / max(seconds, 1e-9)
    bad = f", {failed} of them failed" if failed else ""
    when = f"about {(total - done) / rate:.0f} s to go" if done < total else f"in {seconds:.0f} s"
    limit = "" if remaining is None else f"; rate limit: {counted(remaining, 'request')} left"
    return f"Fetched {done} of {counted(total, 'campaign')}, {what}{bad}: {rate:.1f} a second, {when}{limit}"
