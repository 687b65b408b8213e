"""Landings whose objects must not change by accident: workspaces, arguments, and the digests of what lands."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from hashlib import blake2b
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_braze.sandbox import Sandbox, SandboxSettings, data
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

PACKED_TABLES: Final = ("campaign_days", "campaign_messages", "campaigns", "campaign_details")
"""Without the raw table, whose days are decoded in another way: packed."""
TABLES: Final = (*PACKED_TABLES, "campaign_raw")
FORMATS: Final = ("parquet", "jsonl")
NEW_YORK: Final = ZoneInfo("America/New_York")


class Run(NamedTuple):
    """One landing.

    :param now: time of the run and of the sandbox's clock.
    :param settings: of the sandbox.
    :param campaigns: indexes of the campaigns to land. Default all, with their list.
    """

    now: datetime
    settings: Mapping[str, Any] = {}
    arguments: Mapping[str, Any] = {}
    campaigns: slice | None = None


THURSDAY: Final = datetime(2026, 11, 19, 6, tzinfo=timezone.utc)
SATURDAY: Final = datetime(2026, 11, 21, 6, tzinfo=timezone.utc)
ALL_TABLES: Final = {"tables": TABLES}
DEMO: Final = {"campaigns": 25, "timezone": "America/New_York"}
BROKEN_DAYS: Final = {"foreign_days": 0.5, "double_days": 0.5, "missing_days": {"*": ["2026-11-16"]}}

CASES: Final[Mapping[str, tuple[Run, ...]]] = {
    "all tables": (Run(THURSDAY, arguments={"lookback_days": 6, **ALL_TABLES}),),
    "other seed, restated": tuple(Run(now, {"seed": 1, "campaigns": 45}) for now in (THURSDAY, SATURDAY)),
    "restated": (Run(THURSDAY), Run(SATURDAY)),
    "some campaigns, then others": (
        Run(THURSDAY, {}, ALL_TABLES, slice(0, 12)),
        Run(SATURDAY, {}, ALL_TABLES, slice(8, 20)),
        Run(SATURDAY, {"seed": 1}, campaigns=slice(0, 5)),
    ),
    "days left out, daylight saving time": (
        Run(
            datetime(2026, 11, 3, 12, tzinfo=timezone.utc),
            {"omit_inactive_days": True, "timezone": "America/New_York", "ending_at_reading": "exclusive"},
        ),
    ),
    "shuffled rows in Berlin": (Run(THURSDAY, {"row_order": "shuffled", "timezone": "Europe/Berlin"}),),
    "days broken": (Run(THURSDAY, {"faults": BROKEN_DAYS}, {"missing_days": "ignore"}),),
    "no campaigns": (Run(THURSDAY, {"campaigns": 0}),),
}
"""Each lands in each format, by one task and by four. Where no tables are named, all but the raw one land."""

DEMO_CASE: Final = tuple(
    Run(datetime(2026, 11, day, 6, tzinfo=NEW_YORK), DEMO, {"lookback_days": 30, "tables": PACKED_TABLES[:3]})
    for day in range(10, 15)
)
"""The five mornings of ``make demo``."""

NAMES: Final = [f"{name}, {file_format}, {parts}" for name, file_format, parts in product(CASES, FORMATS, (1, 4))] + [
    "demo, parquet, 1"
]


def land(name: str, braze: Sandbox, destination: str, conn_id: str | None = None) -> None:
    """Land one of :data:`NAMES`.

    :param braze: has the connection ``braze_default``.
    """
    case, file_format, parts = name.rsplit(", ", 2)
    for run in DEMO_CASE if case == "demo" else CASES[case]:
        braze.configure(**{**SandboxSettings().to_json(), "faults": None})
        braze.configure(**{**run.settings, "as_of": run.now.isoformat()})
        arguments: dict[str, Any] = {"lookback_days": 2, "tables": PACKED_TABLES, **run.arguments}
        if run.campaigns is not None:
            arguments["campaign_ids"] = data.campaign_ids(braze.settings)[run.campaigns]
        for part in range(int(parts)):
            operator = CampaignDataSeriesToObjectStorageOperator(
                task_id="land",
                destination=destination,
                object_storage_conn_id=conn_id,
                file_format=file_format,
                timezone=braze.settings.timezone,
                parts=int(parts),
                part=part,
                **arguments,
            )
            operator.execute(_context(run.now))


def _context(now: datetime) -> Any:
    ti = SimpleNamespace(dag_id="dag", run_id="run", task_id="land", map_index=-1, try_number=1)
    return {"ti": ti, "dag": None, "dag_run": SimpleNamespace(run_type="manual", run_after=now)}


def digest_tables(objects: Mapping[str, bytes], *, of_bytes: bool) -> dict[str, str]:
    """Return a digest for each table: of the names and contents of its objects.

    :param of_bytes: digest the stored bytes, else the schema and rows, or the lines.
    """
    digests: dict[str, Any] = defaultdict(lambda: blake2b(digest_size=16))
    for name, content in sorted(objects.items()):
        digest = digests[name.partition("/")[0]]
        for piece in (name.encode(), *([content] if of_bytes else _rows(name, content))):
            digest.update(len(piece).to_bytes(8, "big") + piece)
    return {table: digest.hexdigest() for table, digest in digests.items()}


def _rows(name: str, content: bytes) -> Iterator[bytes]:
    if name.endswith(".jsonl.gz"):
        yield gzip.decompress(content)
        return
    table = pq.ParquetFile(pa.BufferReader(content)).read()
    yield "\n".join(f"{name}: {kind}" for name, kind in columns_of(table.schema)).encode()
    yield json.dumps(table.to_pylist(), default=str).encode()


def columns_of(schema: pa.Schema) -> list[list[str]]:
    """Return names and types of columns, in order. The name of a list's elements is ignored."""
    return [[field.name, str(field.type).replace("list<item: ", "list<element: ")] for field in schema]


def objects_below(folder: Path) -> dict[str, bytes]:
    """Return the data objects of a destination on local files."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_relative_to(folder / "_braze")
    }
