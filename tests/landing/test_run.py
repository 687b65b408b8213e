"""Whole runs whose tables cannot be built. A failing decoder simulates a fault that no known response causes."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import ClassVar

import pyarrow as pa
import pytest

from airflow_provider_braze.core.series import SubjectDays, Table
from airflow_provider_braze.exceptions import BrazePartialError
from airflow_provider_braze.landing.store import Store
from airflow_provider_braze.sandbox import data
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.tables.messages import MessageDecoder
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator


class FailingDecoder(MessageDecoder):
    """Fails to build the rows of some campaigns.

    :param errors: errors by campaign id. An empty id fails only batches of several campaigns.
    """

    errors: ClassVar[dict[str, Exception]] = {}

    def build(self, rows: Sequence[SubjectDays], tables: Collection[Table]) -> dict[str, pa.Table]:
        for row in rows:
            if error := self.errors.get(row.subject.name):
                raise error
        if len(rows) > 1 and "" in self.errors:
            raise self.errors[""]
        return super().build(rows, tables)


class FailingOperator(CampaignDataSeriesToObjectStorageOperator):
    series: ClassVar = replace(CAMPAIGNS, load_decoder=FailingDecoder)


@pytest.fixture
def errors(monkeypatch) -> dict[str, Exception]:
    found: dict[str, Exception] = {}
    monkeypatch.setattr(FailingDecoder, "errors", found)
    return found


@pytest.fixture
def land(braze_sandbox, make_context, tmp_path):
    braze_sandbox.configure(campaigns=5, as_of="2026-11-19T06:00:00Z")

    def run(**arguments):
        operator = FailingOperator(task_id="land", destination=f"file://{tmp_path}/lake", lookback_days=2, **arguments)
        return operator.execute(make_context())

    return run


def landed(tmp_path) -> set[str]:
    files = (tmp_path / "lake" / "campaign_days").rglob("*.parquet")
    return {each for file in files for each in pa.parquet.read_table(file).column("campaign_id").to_pylist()}


def test_journal_makes_five_calls_to_the_store(land, monkeypatch):
    land()
    calls: list[str] = []
    for method in ("read", "write", "delete", "list"):
        monkeypatch.setattr(Store, method, _noting(getattr(Store, method), calls))
    land()
    # It creates the record, lists the others before and after the days, and reads the last success in between.
    assert calls == ["write", "list", "read", "list", "write"]


def test_record_of_a_failed_run_lists_what_it_has_written(land, monkeypatch, tmp_path):
    write = Store.write

    def writing(store, name, *arguments):
        if name.startswith("campaign_messages/"):
            raise TimeoutError
        write(store, name, *arguments)

    monkeypatch.setattr(Store, "write", writing)
    with pytest.raises(TimeoutError):
        land()
    lake = tmp_path / "lake"
    (record,) = (json.loads(each.read_text()) for each in lake.glob("_braze/campaigns/journal/*.json"))
    paths = [each["path"] for each in record["tables"]["campaign_days"]["objects"]]
    assert paths
    assert paths == sorted(str(each.relative_to(lake)) for each in lake.glob("campaign_days/**/*.parquet"))
    assert record["tables"]["campaign_days"]["rows"] == 5 * len(paths)
    assert record["tables"]["campaign_messages"]["written"] == 0


def _noting(method, calls):
    def noting(store, name, *arguments):
        if name.startswith("_braze/campaigns/journal"):
            calls.append(method.__name__)
        return method(store, name, *arguments)

    return noting


@pytest.mark.parametrize("error", [RecursionError("deep"), pa.ArrowInvalid("a cell"), OverflowError("x" * 5000)])
def test_rows_that_cannot_be_built_fail_only_their_subject(land, errors, braze_sandbox, tmp_path, error):
    bad, *good = data.campaign_ids(braze_sandbox.settings)
    errors[bad] = error
    with pytest.raises(BrazePartialError) as caught:
        land()
    assert landed(tmp_path) == set(good)
    (text,) = caught.value.failures.values()
    assert caught.value.failures.keys() == {bad}
    assert text.startswith(f"BrazeDataError: The rows of {bad} cannot be built: {type(error).__name__}: ")
    assert len(text) < 400
    errors.clear()
    land()
    assert landed(tmp_path) == {bad, *good}


def test_subject_whose_rows_cannot_be_built_keeps_its_landed_rows(land, errors, braze_sandbox, tmp_path):
    land()
    bad, *_ = ids = data.campaign_ids(braze_sandbox.settings)
    errors[bad] = RecursionError("deep")
    with pytest.raises(BrazePartialError):
        land()
    assert landed(tmp_path) == set(ids)


def test_rows_that_can_never_be_built_fail_each_subject(land, errors, braze_sandbox, tmp_path):
    ids = data.campaign_ids(braze_sandbox.settings)
    errors.update(dict.fromkeys(ids, ValueError("no")))
    with pytest.raises(BrazePartialError) as caught:
        land()
    assert caught.value.failures.keys() == set(ids)
    assert landed(tmp_path) == set()


def test_batch_that_fails_although_each_subject_can_be_built_raises(land, errors, tmp_path):
    errors[""] = RuntimeError("a bug")
    with pytest.raises(RuntimeError, match="a bug"):
        land()
    assert landed(tmp_path) == set()
