"""The SQL on the page of warehouses: each replaces one day by its objects, and names all columns."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from jinja2 import Environment, StrictUndefined

from airflow_provider_braze.series.campaigns import CAMPAIGN_DAYS
from airflow_provider_braze.task.airflow import DAG
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from tests.docs.pages import DOCS, blocks, read
from tests.lines import for_this_airflow, load_dags

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
def test_sql_replaces_the_day_with_its_objects(name):
    found = statements(name)
    removing = [each for each in found if re.match(r"DELETE FROM|ALTER TABLE .* REPLACE|INSERT .* REPLACE WHERE", each)]
    reading = [each for each in found if f"campaign_days/dt={DAY}" in each]
    assert len(removing) == len(reading) == 1
    assert f"'{DAY}'" in removing[0]
    # Either one statement, or a transaction around deleting and inserting.
    inside = [place for place, each in enumerate(found) if re.match("BEGIN|COMMIT", each)]
    assert inside in ([], [inside and inside[0], len(found) - 1])
    assert not inside or inside[0] < found.index(removing[0])


def operator_of(name: str, folder: Path, **arguments: Any) -> Any:
    """Return the operator of the page's Dag, in a Dag that finds the SQL of a warehouse."""
    (folder / "load_day.sql").write_text(TEMPLATES[name])
    with DAG("load", start_date=datetime(2026, 11, 1, tzinfo=timezone.utc), schedule=None) as dag:
        dag.template_searchpath = [str(folder)]
        load = SQLExecuteQueryOperator(
            task_id="load", conn_id="warehouse", sql="load_day.sql", params={"day": DAY}, **arguments
        )
    load.resolve_template_files()
    load.render_template_fields({"params": {"day": DAY}})
    return load


@pytest.mark.parametrize("name", WAREHOUSES)
def test_operator_sends_one_statement_after_the_other(name, tmp_path):
    operator = operator_of(name, tmp_path, split_statements=True)
    sent = DbApiHook.split_sql_string(operator.sql)
    assert [" ".join(each.rstrip(";").split()) for each in sent] == statements(name)
    assert "params" not in operator.sql


def test_bigquery_receives_its_transaction_as_one_query(tmp_path):
    operator = operator_of("BigQuery", tmp_path, split_statements=False)
    assert operator.sql.count(";") == len(statements("BigQuery"))
    assert "`split_statements=False`" in PAGE.read_text()


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


# On 3.0 only a running task can read a Variable.
@pytest.mark.since_airflow("3.1", also="2.11")
def test_dag_finds_all_days_first_and_then_those_that_changed(braze, make_context, tmp_path, monkeypatch):
    def land(day: int, **arguments: Any) -> None:
        braze.configure(campaigns=3, as_of=f"2026-11-{day}T06:00:00+00:00")
        operator = CampaignDataSeriesToObjectStorageOperator(task_id="land", destination=lake, **arguments)
        operator.execute(make_context(run_after=datetime(2026, 11, day, 6, tzinfo=timezone.utc)))

    lake = f"file://{tmp_path}/lake"
    (code,) = [block.code for block in blocks(PAGE) if block.language == "python"]
    path = tmp_path / "a_dag.py"
    path.write_text(
        for_this_airflow(code).replace("s3://lake/braze", lake).replace('conn_id="aws_default"', "conn_id=None")
    )
    (dag,) = load_dags([path]).values()
    find_changes = dag.get_task("find_changes").python_callable
    list_days = dag.get_task("list_days").python_callable
    land(19, lookback_days=3)
    days, cursor = find_changes()
    assert days == ["2026-11-15", "2026-11-16", "2026-11-17", "2026-11-18"]
    monkeypatch.setenv("AIRFLOW_VAR_BRAZE_CURSOR", cursor)
    assert find_changes()[0] == []
    land(20, lookback_days=0)
    days, cursor = find_changes()
    assert days == ["2026-11-19"]
    assert list_days([days, cursor]) == [{"day": "2026-11-19"}]
    # The cursor is stored even if there was no day to load.
    assert dag.get_task("store_cursor").trigger_rule == "none_failed"
