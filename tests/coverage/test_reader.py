"""Records that coverage cannot use."""

from __future__ import annotations

import json
import re

import pytest

from airflow_provider_braze.coverage.__main__ import main
from tests.coverage.lakes import write_lake


@pytest.fixture
def records(tmp_path):
    """The records of a lake, oldest first."""
    write_lake(tmp_path, 40)
    return sorted((tmp_path / "_braze/campaigns/journal").iterdir())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *((name, None) for name in ("run", "plan", "fetched_at", "tables", "subjects", "restatement", "drift")),
        ("given", "c1"),
        ("is_complete", "yes"),
        ("run.dag_id", 5),
        ("plan.window", {"start": "2026-11-01"}),
        ("plan.lookback_days", "30"),
        ("subjects.failed", {"c1": {}}),
        ("subjects.missing_days", {"c1": ["yesterday"]}),
        ("restatement", {"one": {"rows": 1, "changed": 0, "figures": {}}}),
        ("restatement", {"1": {"rows": 1, "changed": 0, "figures": {"revenue": [1]}}}),
        ("tables", {"campaign_days": {"objects": [{}]}}),
    ],
)
def test_a_record_of_another_shape_is_named(records, tmp_path, capsys, place, value):
    record = json.loads(records[-1].read_text())
    *path, last = place.split(".")
    inner = record
    for key in path:
        inner = inner[key]
    inner[last] = value
    records[-1].write_text(json.dumps(record))
    assert main([f"file://{tmp_path}"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"Cannot read file://{records[-1]}, the record of an earlier try: ")
    assert re.search(rf"\$\.{place.partition('.')[0]}\b", error)


def test_a_running_record_has_no_result(records, tmp_path):
    record = json.loads(records[-1].read_text())
    for key in ("is_complete", "subjects", "restatement", "drift"):
        del record[key]
    records[-1].write_text(json.dumps({**record, "state": "running"}))
    assert main([f"file://{tmp_path}"]) == 0


def test_a_record_of_a_part_that_the_layout_lacks_does_not_count(records, tmp_path, capsys):
    records[-1].rename(records[-1].with_name(records[-1].name.replace("-00-", "-09-", 1)))
    assert main([f"file://{tmp_path}"]) == 0
    assert "  39 kept records: " in capsys.readouterr().out
