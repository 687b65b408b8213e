"""A decoder rejects a series whose tables lack a column for what it finds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_braze.core.series import Column
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.series.canvases import CANVASES
from airflow_provider_braze.series.sends import SENDS


def with_column(series, place, name, column):
    """Return the series with one column replaced."""
    tables = list(series.tables)
    kept = [column if each.name == name else each for each in tables[place].columns]
    tables[place] = replace(tables[place], columns=tuple(each for each in kept if each))
    return replace(series, tables=tuple(tables))


@pytest.mark.parametrize("series", [CAMPAIGNS, SENDS, CANVASES], ids=lambda series: series.name)
@pytest.mark.parametrize("column", [None, Column("conversions", "double")], ids=["missing", "of-another-type"])
def test_figure_without_its_column_raises(series, column):
    with pytest.raises(ValueError, match=r"_days has no column of the type of: conversions\."):
        series.load_decoder(with_column(series, 0, "conversions", column))


@pytest.mark.parametrize(
    ("series", "place"), [(CAMPAIGNS, 1), (SENDS, 1), (CANVASES, 3)], ids=["campaigns", "sends", "canvases"]
)
def test_stat_without_its_column_raises(series, place):
    with pytest.raises(ValueError, match=r"_messages has no column of the type of: clicks\."):
        series.load_decoder(with_column(series, place, "clicks", None))
