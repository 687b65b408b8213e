from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from airflow_provider_braze.core.series import Column
from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.tables.lists import list_table
from tests.campaign_tables import SCHEMAS, TABLES, campaigns_table


def an_entry(**fields):
    return {"id": "b", "name": "Sale", "is_api_campaign": False, "last_edited": "2026-11-01T10:00:00+00:00", **fields}


def row_of(entry):
    (row,) = campaigns_table([entry]).to_pylist()
    return row


def test_campaigns_table_of_a_complete_entry_fills_every_column():
    table = campaigns_table([an_entry(tags=["a", None, "日本"])])
    assert table.schema == SCHEMAS["campaigns"]
    assert table.to_pylist() == [
        {
            "campaign_id": "b",
            "name": "Sale",
            "is_api_campaign": False,
            "last_edited": datetime(2026, 11, 1, 10, tzinfo=timezone.utc),
            "tags": ["a", None, "日本"],
        }
    ]


def test_campaigns_table_of_a_minimal_entry_is_null_except_its_id():
    row = row_of({"id": "b"})
    assert row.pop("campaign_id") == "b"
    assert set(row.values()) == {None}


def test_campaigns_table_values_of_other_types_are_null():
    row = row_of(an_entry(name=5, is_api_campaign="yes", last_edited=5, tags="a"))
    assert row == {"campaign_id": "b", "name": None, "is_api_campaign": None, "last_edited": None, "tags": None}
    assert row_of(an_entry(tags=["a", 5]))["tags"] == ["a", None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01T10:00:00Z", datetime(2026, 11, 1, 10, tzinfo=timezone.utc)),
        ("2026-11-01T10:00:00.25+09:00", datetime(2026, 11, 1, 1, 0, 0, 250_000, tzinfo=timezone.utc)),
        ("2026-11-01T10:00:00", datetime(2026, 11, 1, 10, tzinfo=timezone.utc)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=timezone.utc)),
        ("0001-01-01T00:00:00+05:00", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-11-01/2026-11-02", None),
        ("10:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_campaigns_table_last_edited_is_utc_or_null(text, expected):
    assert row_of(an_entry(last_edited=text))["last_edited"] == expected


def test_campaigns_table_is_sorted_and_keeps_the_later_entry():
    entries = [an_entry(id="c"), an_entry(id="a", name="old"), an_entry(id="b"), an_entry(id="a", name="new")]
    table = campaigns_table(iter(entries))
    assert table.column("campaign_id").to_pylist() == ["a", "b", "c"]
    assert table.column("name").to_pylist()[0] == "new"


def test_campaigns_table_of_no_entries_is_empty():
    table = campaigns_table([])
    assert (table.num_rows, table.schema) == (0, SCHEMAS["campaigns"])


@pytest.mark.parametrize(
    ("entry", "path"), [({}, "$.campaigns[1].id"), ({"id": 5}, "$.campaigns[1].id"), (5, "$.campaigns[1]")]
)
def test_campaigns_table_entry_without_id_raises_data_error_with_path(entry, path):
    with pytest.raises(BrazeDataError) as caught:
        campaigns_table([an_entry(), entry])
    assert caught.value.path == path


def test_additional_last_column_of_a_list_is_filled():
    assert CAMPAIGNS.listing
    table = replace(TABLES["campaigns"], columns=(*TABLES["campaigns"].columns, Column("created_by", "string")))
    (row,) = list_table(table, CAMPAIGNS.listing, [an_entry(created_by="Ada", tags=["a"])]).to_pylist()
    assert (row["campaign_id"], row["created_by"], row["tags"]) == ("b", "Ada", ["a"])
