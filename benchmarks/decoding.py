"""Processor time from responses to sorted Arrow tables in one process, and of ``orjson.loads`` on the same bytes.

Prints one JSON object of seconds: ``orjson``, ``tables`` (all columns, ``other`` included), ``parquet``. With
``--speed DAYS`` only ``orjson``, for that number of days.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
import orjson
import pyarrow as pa

from airflow_provider_braze.landing.formats import encode
from airflow_provider_braze.landing.run import BATCH_WEIGHT
from airflow_provider_braze.sandbox import SandboxSettings, data
from airflow_provider_braze.tables.sorting import split_by
from tests.campaign_tables import build_tables, collect, decode_days

CAMPAIGNS, DAYS = 1000, 100
END = date(2026, 10, 1)
NAMES = ["campaign_days", "campaign_messages"]


def main() -> None:
    """Render the responses, then measure."""
    global DAYS
    is_speed = sys.argv[1:2] == ["--speed"]
    if is_speed:
        DAYS = int(sys.argv[2])
    settings = SandboxSettings(campaigns=CAMPAIGNS, as_of="2026-11-15T06:00:00Z")
    dates = [END - timedelta(days=back) for back in range(DAYS, 0, -1)]
    responses = [
        (
            campaign_id,
            msgspec.json.encode(
                {"message": "success", "data": [data.day_object(settings, campaign_id, day) for day in dates]}
            ),
        )
        for campaign_id in data.campaign_ids(settings)
    ]
    size = BATCH_WEIGHT // DAYS
    batches = [responses[start : start + size] for start in range(0, CAMPAIGNS, size)]
    _each(loads, responses)
    if is_speed:
        print(json.dumps({"orjson": _cpu(lambda: _each(loads, responses))}))
        return
    landed = [tables(batch) for batch in batches]  # builds what is cached
    days = [day for name in NAMES for day in days_of(name, landed)]
    print(
        json.dumps(
            {
                "orjson": _cpu(lambda: _each(loads, responses)),
                "tables": _cpu(lambda: _each(tables, batches)),
                "parquet": _cpu(lambda: _each(parquet, days)),
            }
        )
    )


def loads(response: tuple[str, bytes]) -> None:
    """Parse one response into Python objects."""
    orjson.loads(response[1])


def tables(batch: Sequence[tuple[str, bytes]]) -> dict[str, Any]:
    """Build the tables of a batch, as a run does."""
    start = END - timedelta(days=DAYS)
    rows = [collect(campaign_id, [decode_days(body, start, END)]) for campaign_id, body in batch]
    return build_tables(rows, NAMES)


def days_of(name: str, landed: Sequence[Mapping[str, pa.Table]]) -> list[pa.Table]:
    """Return the days of a table, each with the rows of all campaigns."""
    rows = pa.concat_tables(built[name] for built in landed).sort_by("day")
    return [day for _, day in split_by(rows, "day")]


def parquet(day: pa.Table) -> None:
    """Encode a day as an object."""
    encode(day, "parquet")


def _each(function: Callable[[Any], Any], items: Sequence[Any]) -> None:
    for item in items:
        function(item)


def _cpu(function: Callable[[], Any]) -> float:
    began = time.process_time()
    function()
    return time.process_time() - began


if __name__ == "__main__":
    main()
