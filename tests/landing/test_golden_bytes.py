"""Landed objects keep their contents: to the byte where digests of the pyarrow version are recorded, else by row."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.campaign_tables import SCHEMAS
from tests.landing.golden.cases import NAMES, columns_of, digest_tables, land, objects_below
from tests.landing.golden.record import COLUMNS_FILE, DIGESTS_FILE

pytestmark = pytest.mark.unmeasured

DIGESTS = json.loads(DIGESTS_FILE.read_bytes())
COLUMNS = json.loads(COLUMNS_FILE.read_bytes())


def changed_tables(name: str, objects: Mapping[str, bytes]) -> dict[str, set[str]]:
    """Return the tables that differ from their recorded digests, by what was compared: rows, bytes."""
    recorded = {"rows": DIGESTS["rows"][name], "bytes": DIGESTS["bytes"].get(pa.__version__, {}).get(name)}
    return {
        kind: {table for table, _ in digests.items() ^ digest_tables(objects, of_bytes=kind == "bytes").items()}
        for kind, digests in recorded.items()
        if digests is not None
    }


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("case", "file_format", "parts"), [name.rsplit(", ", 2) for name in NAMES])
def test_landed_objects_equal_the_recorded_ones(case, file_format, parts, braze, tmp_path):
    name = f"{case}, {file_format}, {parts}"
    land(name, braze, f"file://{tmp_path}")
    assert not any(changed_tables(name, objects_below(tmp_path)).values())


@pytest.mark.stores("s3")
@pytest.mark.parametrize("name", ["all tables, parquet, 1", "no campaigns, jsonl, 4"])
def test_objects_in_a_store_equal_the_recorded_ones(name, braze, destination):
    land(name, braze, destination.uri, destination.conn_id)
    assert not any(changed_tables(name, destination.data()).values())


def digests_of(rows: pa.Table, **options: str) -> list[dict[str, str]]:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, **options)
    lines = gzip.compress(json.dumps(rows.to_pylist()).encode())
    objects = [{"days/0.parquet": sink.getvalue().to_pybytes()}, {"days/0.jsonl.gz": lines}]
    return [digest_tables(each, of_bytes=False) for each in objects]


def test_digest_of_rows_depends_on_values_and_order_and_not_on_the_encoding():
    rows = pa.table({"campaign_id": ["a", "b"], "sent": [1, None]})
    others = [
        rows.set_column(1, "sent", pa.array([1, 0])),
        rows.rename_columns(["campaign_id", "read"]),
        rows.select([1, 0]),
        rows.take([1, 0]),
        rows.slice(1),
    ]
    recorded = digests_of(rows)
    assert recorded == digests_of(rows, compression="zstd")
    for other in others:
        assert all(old != new for old, new in zip(recorded, digests_of(other), strict=True))
    assert digests_of(rows.set_column(1, "sent", pa.array([1, None], pa.int32())))[0] != recorded[0]


@pytest.mark.parametrize("table", COLUMNS)
def test_columns_are_the_recorded_ones_followed_by_new_ones(table):
    recorded = COLUMNS[table]
    assert columns_of(SCHEMAS[table])[: len(recorded)] == recorded
