from __future__ import annotations

from datetime import date

import pytest

from airflow_provider_braze.core.models import SeriesCall
from airflow_provider_braze.series import all_series
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.series.canvases import CANVASES


def test_call_params_are_text():
    call = SeriesCall(date(2026, 11, 17), date(2026, 11, 19), 3, "2026-11-19T12:00:00-05:00")
    assert CAMPAIGNS.call_params(CAMPAIGNS.subject("some-id"), call) == {
        "campaign_id": "some-id",
        "length": "3",
        "ending_at": "2026-11-19T12:00:00-05:00",
    }


def test_call_params_have_those_of_every_call():
    call = SeriesCall(date(2026, 11, 17), date(2026, 11, 19), 3, "2026-11-19T12:00:00-05:00")
    params = CANVASES.call_params(CANVASES.subject("some-id"), call)
    assert params.items() >= CANVASES.params.items()
    assert params["canvas_id"] == "some-id"


@pytest.mark.parametrize("series", all_series(), ids=lambda series: series.name)
def test_declaration_is_complete(series):
    assert series.day_table.source == "figures"
    assert series.main_figures
    kinds = {column.name: column.type for column in series.day_table.columns}
    assert {kinds[name] for name in series.main_figures} <= {"int64", "double"}
    assert len({table.name for table in series.tables}) == len(series.tables)
    for table in series.tables:
        assert len(set(table.column_names)) == len(table.columns)
        assert set(table.sort_by) <= set(table.column_names)
        assert not table.has_days or {*series.keys, "day"} <= set(table.column_names)


@pytest.mark.parametrize("series", all_series(), ids=lambda series: series.name)
def test_day_table_has_one_row_per_key_and_day(series):
    assert set(series.day_table.sort_by) == {*series.keys, "day"}


@pytest.mark.parametrize(("number", "text"), [(0, "0 canvases"), (1, "1 canvas"), (2, "2 canvases")])
def test_count_has_number_and_noun(number, text):
    assert CANVASES.count(number) == text
