"""What a running sandbox keeps. All methods are thread-safe."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from airflow_provider_braze.sandbox.limits import RateWindows
from airflow_provider_braze.sandbox.settings import SandboxSettings

_KEPT_REQUESTS: Final = 10_000
_GZIP_FROM: Final = 1_024


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """A served request of the API.

    :param status: sent status; 0 when the connection was reset instead.
    :param params: of the query.
    """

    path: str
    status: int
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Body:
    """A rendered body: plain, and compressed when it is long."""

    plain: bytes
    compressed: bytes | None

    @classmethod
    def of(cls, plain: bytes) -> Body:
        """Build a body from its plain bytes."""
        return cls(plain, gzip.compress(plain, 4, mtime=0) if len(plain) > _GZIP_FROM else None)

    def __len__(self) -> int:
        return len(self.plain) + len(self.compressed or b"")


class SandboxState:
    """Settings, served requests, rate limits and rendered bodies of a running sandbox.

    :param cache_bytes: most bytes of rendered bodies that are cached for repeated requests.
    """

    def __init__(self, settings: SandboxSettings, cache_bytes: int = 256 * 1024 * 1024) -> None:
        self.windows = RateWindows()
        self.stopping = asyncio.Event()
        self._lock = threading.Lock()
        self._settings = settings
        self._draws = 0
        self._served: deque[ServedRequest] = deque(maxlen=_KEPT_REQUESTS)
        self._counts: Counter[tuple[str, int]] = Counter()
        self._bodies: OrderedDict[Any, Body] = OrderedDict()
        self._cache_bytes = cache_bytes
        self._cached_bytes = 0

    @property
    def settings(self) -> SandboxSettings:
        """The current settings."""
        return self._settings

    def configure(self, change: Callable[[SandboxSettings], SandboxSettings]) -> SandboxSettings:
        """Change the settings, restart the dice and drop all cached bodies."""
        with self._lock:
            self._settings = change(self._settings)
            self._draws = 0
            self._bodies.clear()
            self._cached_bytes = 0
            return self._settings

    def dice(self) -> Random:
        """Return the dice of the next request. They depend on the seed and on the number of earlier ones."""
        with self._lock:
            self._draws += 1
            return Random(f"{self._settings.seed}/{self._draws}")

    async def pause(self, seconds: float) -> None:
        """Wait some seconds, or until the server stops."""
        if seconds:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), seconds)

    def record(self, request: ServedRequest) -> None:
        """Record a request. The last 10,000 are kept; all are counted."""
        with self._lock:
            self._served.append(request)
            self._counts[request.path, request.status] += 1

    def served(self) -> list[ServedRequest]:
        """Return the last 10,000 requests, oldest first."""
        with self._lock:
            return list(self._served)

    def counts(self) -> dict[tuple[str, int], int]:
        """Return the number of served requests by path and status."""
        with self._lock:
            return dict(self._counts)

    def forget_requests(self) -> None:
        """Drop the recorded requests and reset the rate limits."""
        with self._lock:
            self.windows.clear()
            self._served.clear()
            self._counts.clear()

    def body(self, settings: SandboxSettings, key: Any, render: Callable[[], bytes]) -> Body:
        """Return a rendered body, from the cache if an equal request was served under the same settings."""
        with self._lock:
            if settings is self._settings and key in self._bodies:
                self._bodies.move_to_end(key)
                return self._bodies[key]
        body = Body.of(render())
        with self._lock:
            if settings is self._settings and key not in self._bodies:
                self._keep(key, body)
        return body

    def _keep(self, key: Any, body: Body) -> None:
        self._bodies[key] = body
        self._cached_bytes += len(body)
        while self._cached_bytes > self._cache_bytes:
            self._cached_bytes -= len(self._bodies.popitem(last=False)[1])
