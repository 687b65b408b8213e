"""Processor time of one process from answers' bytes to sorted Arrow tables, beside ``orjson.loads`` on the same bytes.

Prints one JSON object of seconds: ``orjson``, ``tables`` (all columns, ``other`` included), ``parquet``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
import orjson
import pyarrow as pa

from airflow_provider_braze.landing.formats import encode
from airflow_provider_braze.landing.run import BATCH_DAYS
from airflow_provider_braze.landing.spool import split_days
from airflow_provider_braze.sandbox import SandboxSettings, data
from tests.campaign_tables import build_tables, collect, decode_days

CAMPAIGNS, DAYS = 1000, 100
END = date(2026, 10, 1)
NAMES = ["campaign_days", "campaign_messages"]


def main() -> None:
    """Render the answers, then take the times."""
    settings = SandboxSettings(campaigns=CAMPAIGNS, as_of="2026-11-15T06:00:00Z")
    dates = [END - timedelta(days=back) for back in range(DAYS, 0, -1)]
    answers = [
        (
            campaign_id,
            msgspec.json.encode(
                {"message": "success", "data": [data.day_object(settings, campaign_id, day) for day in dates]}
            ),
        )
        for campaign_id in data.campaign_ids(settings)
    ]
    size = BATCH_DAYS // DAYS
    batches = [answers[start : start + size] for start in range(0, CAMPAIGNS, size)]
    _each(loads, answers)
    landed = [tables(batch) for batch in batches]  # warms up what is made once
    days = [day for name in NAMES for day in days_of(name, landed)]
    print(
        json.dumps(
            {
                "orjson": _cpu(lambda: _each(loads, answers)),
                "tables": _cpu(lambda: _each(tables, batches)),
                "parquet": _cpu(lambda: _each(parquet, days)),
            }
        )
    )


def loads(answer: tuple[str, bytes]) -> None:
    """What is compared with: only JSON made into objects."""
    orjson.loads(answer[1])


def tables(batch: Sequence[tuple[str, bytes]]) -> dict[str, Any]:
    """A batch as a run makes it."""
    start = END - timedelta(days=DAYS)
    rows = [collect(campaign_id, [decode_days(body, start, END)]) for campaign_id, body in batch]
    return build_tables(rows, NAMES)


def days_of(name: str, landed: Sequence[Mapping[str, pa.Table]]) -> list[pa.Table]:
    """The days of a table, each with the rows of all campaigns."""
    rows = pa.concat_tables(built[name] for built in landed).sort_by("day")
    return [day for _, day in split_days(rows)]


def parquet(day: pa.Table) -> None:
    """A day as an object."""
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
