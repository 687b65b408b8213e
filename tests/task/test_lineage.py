from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_braze.exceptions import BrazePartialError
from airflow_provider_braze.operators.braze import CampaignDataSeriesOperator
from airflow_provider_braze.sandbox import data
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.task.airflow import AirflowFailException, AirflowSkipException
from airflow_provider_braze.task.lineage import name_table
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from tests.campaign_tables import SCHEMAS

LIST, SERIES, DETAILS = "/campaigns/list", "/campaigns/data_series", "/campaigns/details"
ROOT = Path(__file__).resolve().parents[2]

DAG = """
from datetime import datetime, timezone

from airflow_provider_braze.task.airflow import DAG

from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

with DAG("lineage", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
    CampaignDataSeriesToObjectStorageOperator(
        task_id="land",
        destination="file://{{ var.value.lake }}",
        start="2026-11-17",
        end="2026-11-19",
    )
"""
RUN = """
import pathlib, sys
import pendulum
from tests import lines
dag = lines.load_dags([pathlib.Path(sys.argv[1])])["lineage"]
assert lines.dag_test(dag, pendulum.datetime(2026, 11, 19, 6)).state == "success"
"""


@pytest.fixture
def workspace(braze):
    braze.configure(campaigns=4, as_of="2026-11-19T06:00:00Z")
    return braze


@pytest.fixture
def transfer(workspace, tmp_path):
    """Return a function that makes the task. Its keyword arguments are the operator's."""

    def make(**arguments):
        arguments = {"destination": f"file://{tmp_path}/lake", "lookback_days": 1, **arguments}
        return CampaignDataSeriesToObjectStorageOperator(task_id="land", **arguments)

    return make


def names(datasets):
    return {(each.namespace, each.name) for each in datasets}


def tables_of(lineage):
    return {each.name.rpartition("/")[2]: each for each in lineage.outputs}


def endpoints_of(lineage):
    return [each.name for each in lineage.inputs]


def statistics_of(lineage):
    facets = {name: each.outputFacets["outputStatistics"] for name, each in tables_of(lineage).items()}
    return {name: (each.rowCount, each.size, each.fileCount) for name, each in facets.items()}


@pytest.mark.parametrize(
    ("destination", "account", "expected"),
    [
        ("s3://lake/braze", None, ("s3://lake", "braze/campaign_days")),
        ("s3a://lake/braze/eu/", None, ("s3://lake", "braze/eu/campaign_days")),
        ("s3://lake", None, ("s3://lake", "campaign_days")),
        ("s3://aws_default@lake/braze", None, ("s3://lake", "braze/campaign_days")),
        ("gs://lake/braze", None, ("gs://lake", "braze/campaign_days")),
        ("gcs://lake/braze", None, ("gs://lake", "braze/campaign_days")),
        ("abfs://lake/braze", "acme", ("abfss://lake@acme.dfs.core.windows.net", "braze/campaign_days")),
        ("abfs://wasb_default@lake/braze", "acme", ("abfss://lake@acme.dfs.core.windows.net", "braze/campaign_days")),
        ("abfss://lake/braze", None, None),
        ("file:///data/braze", None, ("file", "/data/braze/campaign_days")),
        ("file://nas/data/braze", None, ("file://nas", "/data/braze/campaign_days")),
        ("hdfs://name:8020/braze", None, ("hdfs://name:8020", "braze/campaign_days")),
    ],
)
def test_table_name_follows_openlineages_convention(destination, account, expected):
    assert name_table(destination, "campaign_days", account) == expected


# The client that the oldest provider of OpenLineage requires has no such module.
@pytest.mark.since_airflow("2.11.2")
def test_names_equal_those_of_openlineages_own_client():
    from openlineage.client.naming import dataset as naming

    for ours, theirs in (
        (name_table("s3://lake/braze", "t"), naming.S3("lake", "braze/t")),
        (name_table("gs://lake/braze", "t"), naming.GCS("lake", "braze/t")),
        (name_table("abfs://lake/braze", "t", "acme"), naming.ABFSS("lake", "acme", "braze/t")),
        (name_table("file:///data", "t"), naming.LocalFileSystem("/data/t")),
    ):
        assert ours == (theirs.get_namespace(), theirs.get_name())


def test_start_contains_endpoints_and_tables_without_statistics(transfer, workspace, tmp_path):
    lineage = transfer().get_openlineage_facets_on_start()
    assert names(lineage.inputs) == {(workspace.url, LIST), (workspace.url, SERIES)}
    assert names(lineage.outputs) == {("file", f"{tmp_path}/lake/{table}") for table in CAMPAIGNS.default_tables}
    assert not any(each.outputFacets for each in lineage.outputs)


@pytest.mark.parametrize(
    ("arguments", "endpoints", "tables"),
    [
        ({"campaign_ids": "a"}, [SERIES], {"campaign_days", "campaign_messages"}),
        ({"parts": 2, "part": 1}, [LIST, SERIES], {"campaign_days", "campaign_messages"}),
        ({"tables": ["campaigns"]}, [LIST], {"campaigns"}),
        ({"tables": ["campaign_details"]}, [LIST, DETAILS], {"campaign_details"}),
        ({"tables": ["campaign_raw"], "lookback_days": "auto"}, [LIST, SERIES, DETAILS], {"campaign_raw"}),
        ({"tables": ["campaigns"], "lookback_days": "auto"}, [LIST], {"campaigns"}),
        ({"dry_run": True}, [LIST], set()),
        ({"dry_run": True, "lookback_days": "auto"}, [LIST, DETAILS], set()),
        ({"destination": "abfs://lake/braze"}, [LIST, SERIES], set()),
    ],
)
def test_start_contains_inputs_and_outputs_of_the_arguments(transfer, arguments, endpoints, tables):
    lineage = transfer(**arguments).get_openlineage_facets_on_start()
    assert endpoints_of(lineage) == endpoints
    assert tables_of(lineage).keys() == tables


def test_schema_equals_that_of_the_table(transfer):
    lineage = transfer(tables=[*SCHEMAS]).get_openlineage_facets_on_start()
    schemas = {
        name: {field.name: field.type for field in each.facets["schema"].fields}
        for name, each in tables_of(lineage).items()
    }
    assert schemas == {name: {field.name: str(field.type) for field in schema} for name, schema in SCHEMAS.items()}
    assert schemas["campaign_days"]["day"] == "date32[day]"


def test_complete_contains_statistics_of_written_tables(transfer, make_context, tmp_path):
    task = transfer()
    record = json.loads(Path(task.execute(make_context())["record"].removeprefix("file://")).read_text())
    lineage = task.get_openlineage_facets_on_complete(None)
    assert endpoints_of(lineage) == [LIST, SERIES]
    assert statistics_of(lineage) == {
        table: (entry["rows"], sum(each["bytes"] for each in entry["objects"]), len(entry["objects"]))
        for table, entry in record["tables"].items()
    }
    assert statistics_of(lineage)["campaign_days"][::2] == (4 * 2, 2)
    assert names(lineage.outputs) == names(transfer().get_openlineage_facets_on_start().outputs)


def test_complete_of_a_run_without_changes_has_zero_statistics(transfer, make_context):
    transfer().execute(make_context())
    task = transfer()
    task.execute(make_context())
    statistics = statistics_of(task.get_openlineage_facets_on_complete(None))
    assert statistics == dict.fromkeys(CAMPAIGNS.default_tables, (0, 0, 0))


def test_complete_omits_a_table_that_the_run_did_not_land(transfer, workspace, make_context):
    task = transfer(campaign_ids=data.campaign_ids(workspace.settings)[:1])
    task.execute(make_context())
    lineage = task.get_openlineage_facets_on_complete(None)
    assert (endpoints_of(lineage), tables_of(lineage).keys()) == ([SERIES], {"campaign_days", "campaign_messages"})


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"campaign_ids": "no-such-campaign"}, BrazePartialError),
        ({"campaign_ids": []}, AirflowSkipException),
        ({"destination": "{{ params.no_store }}"}, AirflowFailException),
    ],
)
def test_complete_of_a_failed_run_contains_no_tables(transfer, make_context, arguments, error):
    task = transfer(**arguments)
    with pytest.raises((error, AirflowFailException)):
        task.execute(make_context())
    lineage = task.get_openlineage_facets_on_complete(None)
    assert lineage.inputs
    assert lineage.outputs == []


def test_complete_of_a_dry_run_contains_no_tables(transfer, make_context):
    task = transfer(dry_run=True)
    task.execute(make_context())
    lineage = task.get_openlineage_facets_on_complete(None)
    assert (endpoints_of(lineage), lineage.outputs) == ([LIST], [])


def test_lineage_of_data_series_contains_only_the_endpoint(workspace):
    task = CampaignDataSeriesOperator(task_id="task", campaign_ids="a")
    lineage = task.get_openlineage_facets_on_start()
    assert (names(lineage.inputs), lineage.outputs) == ({(workspace.url, SERIES)}, [])


def test_lineage_without_airflows_provider_of_it_is_none(transfer, make_context, monkeypatch):
    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage.extractors", None)
    task = transfer()
    assert task.get_openlineage_facets_on_start() is None
    task.execute(make_context())
    assert task.get_openlineage_facets_on_complete(None) is None


@pytest.fixture
def airflow(tmp_path, workspace, make_database):
    """Return an environment of a fresh Airflow, whose OpenLineage writes its events to a file."""
    home = tmp_path / "airflow"
    (home / "dags").mkdir(parents=True)
    (home / "dags" / "lineage.py").write_text(DAG)
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__OPENLINEAGE__DISABLED": "False",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(tmp_path / "events"), "append": True}
        ),
        "AIRFLOW_VAR_LAKE": str(tmp_path / "lake"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }

    def run(*command):
        subprocess.run([sys.executable, *command], env=environment, check=True, timeout=240, cwd=home)

    make_database(home)
    return run


def test_events_of_a_real_run_contain_its_inputs_and_outputs(airflow, workspace, tmp_path):
    airflow("-c", RUN, str(tmp_path / "airflow/dags/lineage.py"))
    text = (tmp_path / "events").read_text()
    events = [event for event in map(json.loads, text.splitlines()) if event["job"]["name"] == "lineage.land"]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"]
    for event in events:
        assert [(each["namespace"], each["name"]) for each in event["inputs"]] == [
            (workspace.url, LIST),
            (workspace.url, SERIES),
        ]
        assert {(each["namespace"], each["name"]) for each in event["outputs"]} == {
            ("file", f"{tmp_path}/lake/{table}") for table in CAMPAIGNS.default_tables
        }
    assert [written_by(event) for event in events] == [{}, landed(tmp_path / "lake")]
    (days,) = (each for each in events[1]["outputs"] if each["name"].endswith("campaign_days"))
    assert {"name": "day", "type": "date32[day]", "fields": []} in days["facets"]["schema"]["fields"]
    assert workspace.api_key not in text
    assert "braze_default" not in text


def written_by(event):
    statistics = {
        each["name"].rpartition("/")[2]: each["outputFacets"].get("outputStatistics") for each in event["outputs"]
    }
    return {name: (each["rowCount"], each["size"], each["fileCount"]) for name, each in statistics.items() if each}


def landed(lake):
    import pyarrow.parquet as pq

    files = {
        table: [path for path in (lake / table).rglob("*") if path.is_file()] for table in CAMPAIGNS.default_tables
    }
    return {
        table: (
            sum(pq.read_metadata(path).num_rows for path in paths),
            sum(path.stat().st_size for path in paths),
            len(paths),
        )
        for table, paths in files.items()
    }
