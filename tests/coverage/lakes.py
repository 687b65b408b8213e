"""A lake of some years of all series, with the records of 40 daily runs each."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from airflow_provider_braze.landing.layout import Layout
from airflow_provider_braze.series import all_series
from tests.coverage.evidence import DAY, past_try

FIRST: Final = date(2021, 11, 20)
RECORDS: Final = 40
_LOOKBACK: Final = 30


def write_lake(root: Path, days: int) -> None:
    """Write empty data objects, layouts and records.

    :param days: number of the lake's days.
    """
    for series in all_series():
        tables = [table.name for table in series.tables if table.has_days and table.is_default]
        for number in range(days):
            for table in tables:
                folder = root / table / f"dt={FIRST + timedelta(days=number)}"
                folder.mkdir(parents=True)
                (folder / "part-00-of-01.parquet").touch()
        own = root / "_braze" / series.name
        (own / "journal").mkdir(parents=True)
        layout = Layout(1, "parquet", "UTC", "https://rest.iad-01.braze.com", series.name)
        (own / "layout.json").write_text(json.dumps(layout.own))
        for number in range(RECORDS):
            newest = FIRST + timedelta(days=days - RECORDS + number)
            name = f"{newest + DAY:%Y%m%d}T060000000000-00-00000000-{number:08x}-{number:012x}.json"
            record = _record(newest, tables, series.main_figures)
            (own / "journal" / name).write_text(json.dumps(record, indent=2))
    (root / "_braze" / "destination.json").write_text('{"host": "https://rest.iad-01.braze.com", "timezone": "UTC"}')


def _record(newest: date, tables: list[str], figures: tuple[str, ...]) -> dict[str, Any]:
    """Return a record whose run wrote every object, and whose 31 ages all changed."""
    change = {"rows": 2_000, "changed": 40, "figures": {name: [1_000_000, 1_008_000] for name in figures}}
    made = past_try(
        newest, _LOOKBACK, tables=tables, restatement={str(age): change for age in range(1, _LOOKBACK + 2)}
    ).record
    days = [newest - timedelta(days=age) for age in range(_LOOKBACK + 1)]
    for table in tables:
        paths = (f"{table}/dt={day}/part-00-of-01.parquet" for day in days)
        made["tables"][table]["objects"] = [{"path": path, "rows": 2_000, "bytes": 90_000} for path in paths]
    return {**made, "settled": [f"{number:012x}" for number in range(RECORDS)]}
