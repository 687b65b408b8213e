"""Share used of an announced rate limit: 400 calls, 16 threads, 40 calls allowed per 2 seconds.

Prints one JSON object: ``used``, the share of the allowed calls that were made, and ``rejected``, the number of calls
that the server rejected with 429.
"""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from airflow_provider_braze.sandbox import Sandbox, SandboxSettings, data

CALLS, ALLOWED, WINDOW_SECONDS = 400, 40, 2


def main() -> None:
    """Make the calls and count them by the resets that the server announced."""
    settings = SandboxSettings(campaigns=20, rate_limit=ALLOWED, rate_window_seconds=WINDOW_SECONDS)
    with Sandbox(settings) as braze:
        os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"] = braze.connection_json()
        from airflow_provider_braze.core import responses
        from airflow_provider_braze.hooks.braze import BrazeHook

        windows: list[int] = []
        lock, read = threading.Lock(), responses.rate_limit

        def watch(headers, now):
            announced = read(headers, now)
            with lock:
                windows.append(announced.reset)
            return announced

        responses.rate_limit = watch
        hook = BrazeHook(concurrency=16)
        ids = data.campaign_ids(settings)

        def call(number: int) -> None:
            params = {"campaign_id": ids[number % len(ids)], "length": "5"}
            hook.get("/campaigns/data_series", params)

        with ThreadPoolExecutor(16) as pool:
            list(pool.map(call, range(CALLS)))
        hook.close()
        rejected = braze.count("/campaigns/data_series", 429)
    # The last reset is left out: too few calls remained to use it up.
    full = sorted(windows)[: -windows.count(max(windows))]
    print(json.dumps({"used": len(full) / (ALLOWED * len(set(full))), "rejected": rejected}))


if __name__ == "__main__":
    main()
