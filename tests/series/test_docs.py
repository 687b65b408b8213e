"""The page of series: its columns, permissions and queries."""

from __future__ import annotations

import re
import runpy

import pytest

from airflow_provider_braze.sandbox import data
from airflow_provider_braze.series import all_series
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.transfers.braze_to_object_storage import (
    CampaignDataSeriesToObjectStorageOperator,
    CanvasDataSeriesToObjectStorageOperator,
    KpiDataSeriesToObjectStorageOperator,
)
from tests.docs.pages import ROOT, blocks, read, rows, section

PAGE = read("series.md")


def test_default_lookback_is_documented_per_series():
    overview = rows(section(PAGE, "Overview"))
    assert [int(row[4].removesuffix(" days")) for row in overview] == [each.lookback_days for each in all_series()]


def test_documented_columns_equal_those_of_the_declarations():
    render = runpy.run_path(str(ROOT / "tools/render_columns.py"))
    assert render["render_page"](PAGE) == PAGE
    documented = set(re.findall(r"<!-- columns of (\w+) -->", PAGE))
    assert documented == {name for series in all_series() if series != CAMPAIGNS for name in series.table_names}


@pytest.mark.parametrize("series", all_series(), ids=lambda series: series.name)
def test_page_names_each_default_permission_and_table(series):
    needed = {endpoint.permission for endpoint in series.endpoints}
    optional = {series.details.endpoint.permission} if series.details else set()
    assert all(f"`{permission}`" in PAGE for permission in needed - optional)
    assert all(f"`{table.name}`" in PAGE for table in series.tables if table.has_days and table.is_default)


@pytest.fixture
def lake(braze, make_context, tmp_path):
    braze.configure(as_of="2026-11-19T06:00:00Z")
    for operator in (
        CampaignDataSeriesToObjectStorageOperator,
        CanvasDataSeriesToObjectStorageOperator,
        KpiDataSeriesToObjectStorageOperator,
    ):
        window = {"start": "2026-11-15", "end": "2026-11-17"}
        operator(task_id="land", destination=f"file://{tmp_path}", **window).execute(make_context())
    return tmp_path


def test_queries_find_the_figures_of_braze(lake, braze):
    import duckdb

    by_channel, kpis = (
        duckdb.sql(block.code.replace("s3://lake/braze", str(lake))).fetchall()
        for block in blocks(ROOT / "docs/series.md")
        if block.language == "sql"
    )
    assert {row[0] for row in by_channel} == {"campaigns", "canvases"}
    assert {(source, channel) for source, channel, *_ in by_channel} >= {("campaigns", "email"), ("canvases", "email")}
    assert [(str(day), mau) for day, mau, _ in kpis] == [
        (str(day), data.kpi_value(braze.settings, "mau", day)) for day in (kpis[0][0], kpis[1][0])
    ]


@pytest.mark.parametrize("series", all_series(), ids=lambda series: series.name)
def test_declaration_is_consistent(series):
    for table in series.tables:
        names = table.column_names
        assert len(set(names)) == len(names)
        assert set(table.sort_by) <= set(names)
        if table.has_days:
            assert {*series.keys, "day"} <= set(table.sort_by)
    assert series.day_table.source == "figures"
