"""Records that coverage cannot use."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from airflow_provider_braze.coverage.__main__ import main
from airflow_provider_braze.exceptions import BrazeMissingDaysError
from airflow_provider_braze.operators.braze import BrazeCoverageOperator
from tests.coverage.lakes import write_lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake of campaigns alone."""
    root = tmp_path_factory.mktemp("lake")
    write_lake(root, 40)
    for folder in (root / "_braze").iterdir():
        if folder.is_dir() and folder.name != "campaigns":
            shutil.rmtree(folder)
    return root


@pytest.fixture
def newest(lake):
    """The newest record, which a test may change."""
    path = max((lake / "_braze/campaigns/journal").iterdir())
    content = path.read_bytes()
    yield path
    path.write_bytes(content)


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
def test_record_of_another_shape_is_named(newest, lake, capsys, place, value):
    record = json.loads(newest.read_text())
    *path, last = place.split(".")
    inner = record
    for key in path:
        inner = inner[key]
    inner[last] = value
    newest.write_text(json.dumps(record))
    assert main([f"file://{lake}"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"Cannot read file://{newest}, the record of an earlier try: ")
    assert re.search(rf"\$\.{place.partition('.')[0]}\b", error)


def test_running_record_has_no_result(newest, lake):
    record = json.loads(newest.read_text())
    for key in ("is_complete", "subjects", "restatement", "drift"):
        del record[key]
    newest.write_text(json.dumps({**record, "state": "running"}))
    assert main([f"file://{lake}"]) == 0


def test_record_of_a_part_missing_in_the_layout_is_ignored(newest, lake, capsys):
    other = newest.rename(newest.with_name(newest.name.replace("-00-", "-09-", 1)))
    assert main([f"file://{lake}"]) == 0
    assert "  39 kept records: " in capsys.readouterr().out
    other.unlink()


def test_error_of_the_task_has_no_control_characters_of_a_terminal(newest, lake, make_context):
    record = json.loads(newest.read_text())
    named = {"class": "BrazeApiError", "message": "status 500"}
    record["subjects"]["failed"] = {"\x1b[2Jone\ntwo\u202e": named}
    newest.write_text(json.dumps(record))
    operator = BrazeCoverageOperator(task_id="check", destination=f"file://{lake}", do_xcom_push=False)
    with pytest.raises(BrazeMissingDaysError, match="one\ufffdtwo") as caught:
        operator.execute(make_context())
    assert str(caught.value).isprintable()
