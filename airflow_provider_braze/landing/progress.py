"""Lines in the log while campaigns are fetched."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from airflow_provider_braze.core.endpoints import Endpoint
    from airflow_provider_braze.hooks.braze import BrazeHook

log = logging.getLogger(__name__)
T = TypeVar("T")

PROGRESS_SECONDS: Final = 15.0


def with_progress(fetched: Iterator[T], total: int, what: object, hook: BrazeHook, endpoint: Endpoint) -> Iterator[T]:
    """Pass campaigns on, with a line in the log now and then, and one at the end.

    :param total: how many campaigns will come.
    :param what: what is fetched of them.
    :param endpoint: what they are asked from, whose rate limit is told.
    """
    began = last = time.monotonic()
    for done, item in enumerate(fetched, 1):
        yield item
        now = time.monotonic()
        if now - last >= PROGRESS_SECONDS or done == total:
            last = now
            rate = done / max(now - began, 1e-9)
            remaining = hook.get_conn().remaining(endpoint.path)
            log.info(
                "Fetched %s of %d out of %d campaigns, %.1f a second, %s requests left by limit, about %.0f s to go",
                what,
                done,
                total,
                rate,
                "unknown" if remaining is None else remaining,
                (total - done) / rate,
            )
