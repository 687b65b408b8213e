"""The SQL on the page of warehouses: each replaces one day by its objects, and names all columns."""

from __future__ import annotations

import re

import pytest
from jinja2 import Environment, StrictUndefined

from airflow_provider_braze.series.campaigns import CAMPAIGN_DAYS
from tests.docs.pages import DOCS, blocks, read

PAGE = DOCS / "warehouses.md"
DAY = "2026-11-18"
WAREHOUSES = ("BigQuery", "Snowflake", "Redshift", "Databricks", "ClickHouse")
TEMPLATES = dict(zip(WAREHOUSES, [block.code for block in blocks(PAGE) if block.language == "jinja"], strict=True))
TRAPS = {
    "BigQuery": "`dt` is not in the file",
    "Snowflake": "after 64 days",
    "Redshift": "rows that vanished stay",
    "Databricks": "`COPY INTO` skips",
    "ClickHouse": "`S3Queue` reads a key once",
}


def statements(name: str) -> list[str]:
    text = Environment(undefined=StrictUndefined).from_string(TEMPLATES[name]).render(params={"day": DAY})
    return [" ".join(statement.split()) for statement in text.split(";") if statement.strip()]


@pytest.mark.parametrize("name", WAREHOUSES)
def test_section_has_its_sql_and_its_trap(name):
    (section,) = re.findall(rf"^### {name}\n(.*?)(?=^##)", read("warehouses.md"), flags=re.M | re.S)
    assert TEMPLATES[name] in section
    assert TRAPS[name] in " ".join(section.split())


@pytest.mark.parametrize("name", WAREHOUSES)
def test_sql_replaces_the_day_by_its_objects(name):
    found = statements(name)
    removing = [each for each in found if re.match(r"DELETE FROM|ALTER TABLE .* REPLACE|INSERT .* REPLACE WHERE", each)]
    reading = [each for each in found if f"campaign_days/dt={DAY}" in each]
    assert len(removing) == len(reading) == 1
    assert f"'{DAY}'" in removing[0]
    # Either one statement, or a transaction around deleting and inserting.
    inside = [place for place, each in enumerate(found) if re.match("BEGIN|COMMIT", each)]
    assert inside in ([], [inside and inside[0], len(found) - 1])
    assert not inside or inside[0] < found.index(removing[0])


def test_snowflake_and_databricks_do_not_skip_an_overwritten_object():
    assert "FORCE = TRUE" in TEMPLATES["Snowflake"]
    assert "COPY" not in TEMPLATES["Databricks"]


@pytest.mark.parametrize("name", ["Snowflake", "Trino"])
def test_external_table_declares_every_column(name):
    mark = {"Snowflake": "CREATE EXTERNAL TABLE campaign_days (", "Trino": "CREATE TABLE hive"}[name]
    (code,) = [block.code for block in blocks(PAGE) if block.code.startswith(mark)]
    body = code[code.index("(") : code.index("PARTITION BY" if name == "Snowflake" else "WITH (")]
    declared = re.findall(r"(?:^|[(,]\s*)(\w+) (?:STRING|DATE|NUMBER|DOUBLE|varchar|date|bigint|double)\b", body)
    assert [column for column in declared if column != "dt"] == list(CAMPAIGN_DAYS.column_names)
    assert "dt" in declared
