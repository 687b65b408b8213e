"""README.md and its page of tables agree with the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.lines import for_this_airflow, load_dags

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
TABLES = (ROOT / "docs/tables.md").read_text()


def section(title: str, text: str = TEXT) -> str:
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", text, flags=re.M | re.S)
    return found


def first_column(text: str) -> list[str]:
    """Return the code words in the first column of a section's tables."""
    return [word for cell in re.findall(r"^\| (`.*?) \|", text, flags=re.M) for word in re.findall(r"`([^`]+)`", cell)]


def blocks(language: str, text: str = TEXT) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.M | re.S)


def the_dag(source: str, folder: Path) -> Any:
    path = folder / "a_dag.py"
    path.write_text(for_this_airflow(source))
    (dag,) = load_dags([path]).values()
    return dag


def test_dag_of_the_readme_loads(tmp_path):
    (source,) = blocks("python", section("Land"))
    assert the_dag(source, tmp_path).task_ids == ["land_campaigns"]


def test_duckdb_query_of_the_readme_runs(braze_sandbox, make_context, tmp_path):
    import duckdb

    from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

    destination = f"file://{tmp_path}"
    CampaignDataSeriesToObjectStorageOperator(task_id="land", destination=destination, lookback_days=1).execute(
        make_context()
    )
    query, *_ = blocks("sql", section("Read it", TABLES))
    rows = duckdb.sql(query.replace("s3://lake/braze", str(tmp_path))).fetchall()
    assert {str(row[0]) for row in rows} == {"2026-11-17", "2026-11-18"}
    assert {row[1] for row in rows} > {"email", "ios_push", "sms"}


def test_duckdb_queries_of_details_run(braze_sandbox, make_context, tmp_path):
    import duckdb

    from airflow_provider_braze.sandbox import data
    from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

    CampaignDataSeriesToObjectStorageOperator(
        task_id="land",
        destination=f"file://{tmp_path}",
        lookback_days=1,
        tables=["campaign_messages", "campaign_details"],
    ).execute(make_context())
    queries = blocks("sql", section("Read it", TABLES))[1].replace("s3://lake/braze", str(tmp_path)).split(";")
    sent, counted = (duckdb.sql(query).fetchall() for query in queries[:2])

    settings = braze_sandbox.settings
    details = [data.campaign_details(settings, campaign_id) for campaign_id in data.campaign_ids(settings)]
    names = {(each["name"], message.get("name")) for each in details for message in each["messages"].values()}
    assert {(campaign, variation) for campaign, variation, _, _ in sent} < names
    assert ("Newsletter #0", "email 1", "email") in {row[:3] for row in sent}
    assert counted == sorted(
        (each["name"], "conversions1", each["conversion_behaviors"][1]["type"], window / 86_400)
        for each in details
        if len(each["conversion_behaviors"]) > 1
        for window in [each["conversion_behaviors"][1]["window"]]
    )


def test_athena_columns_equal_those_of_the_table():
    from tests.campaign_tables import SCHEMAS

    *_, query = blocks("sql", section("Read it", TABLES))
    columns = re.findall(r"(\w+) (string|date|bigint|double)", query[: query.index("PARTITIONED")])
    names = {"string": "string", "date32[day]": "date", "int64": "bigint", "double": "double"}
    assert columns == [(field.name, names[str(field.type)]) for field in SCHEMAS["campaign_days"]]


def test_connections_of_the_readme_are_valid(monkeypatch):
    from airflow_provider_braze.hooks.braze import BrazeHook

    (text,) = re.findall(r"^export AIRFLOW_CONN_BRAZE_DEFAULT='(.*)'$", TEXT, flags=re.M)
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", text)
    settings = BrazeHook().settings
    assert settings.credentials.base_url == "https://rest.iad-01.braze.com"
    assert settings.timezone == "America/New_York"


def test_tables_of_the_readme_equal_those_of_the_package():
    from tests.campaign_tables import SCHEMAS

    assert set(first_column(re.sub(r" \(on request.*?\)", "", section("What you get")))) == set(SCHEMAS)
    (query,) = blocks("sql", section("What you get"))
    assert query == blocks("sql", section("Read it", TABLES))[0]


def test_documented_columns_equal_those_of_the_tables():
    from tests.campaign_tables import SCHEMAS

    days, messages, details = re.split(r"^`campaign_(?:messages`:|details` )", section("Columns", TABLES), flags=re.M)
    assert set(first_column(days)) == set(SCHEMAS["campaign_days"].names)
    shared = set(first_column(days))
    assert set(first_column(messages)) == set(SCHEMAS["campaign_messages"].names) - shared
    lists = messages[messages.index("`campaigns`:") :]
    assert set(first_column(details)) == set(SCHEMAS["campaign_details"].names)
    for name in ("messages", "conversion_behaviors"):
        (row,) = re.findall(rf"^\| `{name}` \|.*$", details, flags=re.M)
        fields = {field.name for field in SCHEMAS["campaign_details"].field(name).type.value_type}
        assert set(re.findall(r"`(\w+)`", row)) - {name, "control"} == fields
    for table in ("campaigns", "campaign_raw"):
        assert all(f"`{name}`" in lists for name in SCHEMAS[table].names)


def test_documented_make_commands_exist():
    targets = set(re.findall(r"^([a-z0-9.-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    assert set(re.findall(r"^make ([\w.-]+)", TEXT, flags=re.M)) <= targets


def test_links_lead_to_existing_files():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", TEXT) if "://" not in link]
    assert links
    assert all((ROOT / link).exists() for link in links)


def test_readme_is_short():
    assert len(TEXT.splitlines()) <= 200
