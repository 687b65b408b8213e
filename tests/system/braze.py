"""The sandbox as a separate process, and checks of the days landed from it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests

from airflow_provider_braze.sandbox import SandboxSettings, data
from tests.emulators import free_ports
from tests.stores import Destination
from tests.system.processes import Process, wait_for

ZONE = "America/New_York"
CAMPAIGNS = 12
BOOT_SECONDS = 120


class Braze:
    """A running sandbox, seen from another process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def settings(self) -> SandboxSettings:
        return SandboxSettings().merged_json(self._control("GET", "settings").content)

    def configure(self, **changes: Any) -> None:
        self._control("PATCH", "settings", json=changes)

    def count(self) -> int:
        """Return the number of API requests that it has served since the last reset."""
        counts = self._control("GET", "requests").json()
        return sum(number for by_status in counts.values() for number in by_status.values())

    def reset_requests(self) -> None:
        self._control("DELETE", "requests")

    def is_ready(self) -> bool:
        try:
            return self._control("GET", "health").ok
        except requests.ConnectionError:
            return False

    def connection(self) -> str:
        settings = self.settings()
        extra = {"timezone": settings.timezone}
        return json.dumps({"conn_type": "braze", "host": self.url, "password": settings.api_key, "extra": extra})

    def _control(self, method: str, name: str, **kwargs: Any) -> requests.Response:
        return self._session.request(method, f"{self.url}/_sandbox/{name}", timeout=60, **kwargs)


@contextmanager
def sandbox(logs: Path, as_of: str) -> Iterator[Braze]:
    """Start a sandbox with a stopped clock, because the figures of the last days grow by the minute."""
    (port,) = free_ports(1)
    options = {"port": port, "campaigns": CAMPAIGNS, "timezone": ZONE, "as-of": as_of}
    command = [sys.executable, "-m", "airflow_provider_braze.sandbox"]
    command += [f"--{name}={value}" for name, value in options.items()]
    server = Process("sandbox", command, logs, {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})
    server.start()
    try:
        braze = Braze(f"http://127.0.0.1:{port}")
        wait_for("The sandbox is ready", braze.is_ready, BOOT_SECONDS, [server])
        yield braze
    finally:
        server.kill()


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


def day_before(instant: str) -> date:
    """Return the company's day before the one of an instant, as the API writes it."""
    aware = datetime.fromisoformat(instant.replace("Z", "+00:00"))
    return aware.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=1)


def check_landed(destination: Destination, braze: Braze, days: Iterable[date]) -> None:
    """Check that exactly these days of all campaigns have landed, each once, with the figures of Braze."""
    settings = braze.settings()
    expected = {
        (each, day): data.day_object(settings, each, day) for each in data.campaign_ids(settings) for day in days
    }
    raw = destination.table("campaign_raw").to_pylist()
    assert len(raw) == len(expected), f"{_days_of(raw)} landed, {len(raw)} rows"
    assert {(row["campaign_id"], row["day"]): json.loads(row["payload"]) for row in raw} == expected
    landed = destination.table("campaign_days").to_pylist()
    assert len(landed) == len(expected)
    for row in landed:
        figures = expected[row.pop("campaign_id"), row.pop("day")]
        assert row.pop("other") is None
        assert row == {name: figures.get(name) for name in row}
    assert {row["campaign_id"] for row in destination.table("campaigns").to_pylist()} == set(
        data.campaign_ids(settings)
    )


def records(destination: Destination) -> list[dict[str, Any]]:
    """Return the records of a destination, oldest first."""
    return [json.loads(content) for name, content in sorted(destination.contents().items()) if "/journal/" in name]


def _days_of(rows: Iterable[dict[str, Any]]) -> list[str]:
    return sorted({row["day"].isoformat() for row in rows})
