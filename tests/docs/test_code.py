"""The blocks of code on the pages: Dags are loaded, Python is run, commands and their options exist."""

from __future__ import annotations

import ast
import json
import re
import shlex
from importlib.metadata import metadata
from typing import Any

import pytest

from tests.docs.pages import PAGES, ROOT, Block, blocks, words
from tests.lines import for_this_airflow, load_dags

BLOCKS = [block for page in PAGES for block in blocks(page)]
# None of these is part of this project. Review checks their arguments.
SYSTEM_COMMANDS = {".", "cd", "curl", "mkdir", "pre-commit", "unset"}
FIRST_VERSIONS = {
    "RetryRule": "3.3",
    "CronPartitionTimetable": "3.2",
    "airflow backfill": "3.0",
    "ObjectStoragePath, Variable": "3.0",
    "airflow.sdk import Variable": "3.0",
}


ELSEWHERE = {"README.md", "tables.md", "series.md", "recipes.md"}
"""Pages with blocks that ``test_readme.py``, ``series/test_docs.py`` and ``docs/test_recipes.py`` test."""


def of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language and block.page not in ELSEWHERE]


def as_case(block: Block) -> Any:
    """Return a block as the parameter of a test, with the first Airflow version that it supports."""
    first = next((version for text, version in FIRST_VERSIONS.items() if text in block.code), "2.11")
    return pytest.param(block, id=block.page, marks=pytest.mark.since_airflow(first))


def is_dag(block: Block) -> bool:
    return "with DAG(" in block.code


def command_lines() -> list[Any]:
    shell = [block for block in BLOCKS if block.language == "bash"]
    lines = [Block(block.page, block.language, line) for block in shell for line in block.code.splitlines()]
    return [as_case(line) for line in lines if line.code.strip() and not line.code.startswith("#")]


@pytest.mark.parametrize("block", [as_case(block) for block in of("python") if is_dag(block)])
def test_dag_loads(block, tmp_path):
    path = tmp_path / "a_dag.py"
    path.write_text(for_this_airflow(block.code))
    (dag,) = load_dags([path]).values()
    assert dag.max_active_runs == 1


@pytest.mark.parametrize("block", [as_case(block) for block in of("python") if not is_dag(block)])
def test_python_runs(block, braze_sandbox, make_context, tmp_path, monkeypatch):
    from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

    monkeypatch.chdir(tmp_path)
    land = CampaignDataSeriesToObjectStorageOperator(task_id="land", destination=f"file://{tmp_path}/lake")
    summary = land.execute(make_context())
    space: dict = {}
    exec(compile(block.code, block.page, "exec"), space)
    functions = [node.name for node in ast.parse(block.code).body if isinstance(node, ast.FunctionDef)]
    for function in functions:
        space[function](braze_sandbox if function.startswith("test_") else summary)


@pytest.mark.parametrize("block", [as_case(block) for block in of("sql") if block.page != "coverage.md"])
def test_query_runs(block, braze_sandbox, make_context, tmp_path):
    import duckdb

    from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

    land = CampaignDataSeriesToObjectStorageOperator(task_id="land", destination=f"file://{tmp_path}", lookback_days=1)
    land.execute(make_context())
    assert duckdb.sql(block.code.replace("s3://lake/braze", str(tmp_path))).fetchall()


@pytest.mark.parametrize("line", command_lines())
def test_command_and_its_options_exist(line, monkeypatch):
    command, *arguments = shlex.split(line.code, comments=True)
    if command == "export":
        return check_variable(*arguments[0].split("=", 1), monkeypatch)
    checks = {"airflow": check_airflow, "make": check_make, "pip": check_pip, "python": check_python}
    if command in checks or command in {"python3", ".venv/bin/python"}:
        return checks.get(command, check_python)(arguments)
    assert command in SYSTEM_COMMANDS


def check_airflow(arguments):
    from airflow.cli.cli_parser import get_parser

    get_parser().parse_args(arguments)


def check_make(arguments):
    targets = set(re.findall(r"^([a-z0-9.-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    assert {argument for argument in arguments if "=" not in argument} <= targets


def check_pip(arguments):
    extras = metadata("airflow-provider-braze-analytics").get_all("Provides-Extra")
    assert arguments[0] == "install"
    for argument in arguments[1:]:
        assert set(re.findall(r"\[(.*)\]", argument)) <= set(extras)
        assert not argument.startswith("constraints/") or (ROOT / argument).is_file()


def check_python(arguments):
    from airflow_provider_braze.coverage import __main__ as coverage
    from airflow_provider_braze.sandbox import __main__ as sandbox

    parsers = {
        "airflow_provider_braze.coverage": coverage.build_parser,
        "airflow_provider_braze.sandbox": sandbox._parser,
    }
    assert arguments[0] == "-m"
    assert arguments[1] in {"venv", "pytest", *parsers}
    if arguments[1] in parsers:
        parsers[arguments[1]]().parse_args(arguments[2:])


def check_variable(name, value, monkeypatch):
    from airflow_provider_braze.hooks.braze import BrazeHook

    if name == "AIRFLOW_CONN_BRAZE_DEFAULT":
        monkeypatch.setenv(name, value)
        settings = BrazeHook().settings
        assert settings.credentials.base_url == "https://rest.iad-01.braze.com"
        assert settings.credentials.api_key == "REST_API_KEY"
        assert settings.timezone == "America/New_York"
    elif name.startswith("AIRFLOW__"):
        _, part, key = name.lower().split("__")
        assert is_option(part, key), name
    else:
        assert name.startswith(("AIRFLOW_HOME", "AIRFLOW_VAR_", "AIRFLOW_CONN_")), name


def is_option(part: str, key: str) -> bool:
    from airflow.configuration import conf

    return conf.has_option(part, key)


def test_options_of_airflow_on_the_pages_exist():
    pairs = [pair for page in PAGES for pair in re.findall(r"`\[(\w+)\] (\w+)`", page.read_text("utf-8"))]
    assert pairs
    assert all(is_option(part, key) for part, key in pairs)


def test_connections_of_a_file_are_valid(tmp_path, monkeypatch):
    from airflow_provider_braze.task.airflow import Connection
    from airflow_provider_braze.transport.connection import parse_connection

    (block,) = [block for block in of("json") if block.page == "connection.md"]
    ((conn_id, fields),) = json.loads(block.code).items()
    connection = Connection(conn_id=conn_id, **{**fields, "extra": json.dumps(fields["extra"])})
    settings = parse_connection(host=connection.host, password=connection.password, extra=connection.extra_dejson)
    assert (settings.timezone, settings.requests_per_minute) == ("America/New_York", 6000)


def test_modules_that_the_pages_name_exist():
    from importlib import import_module

    named = {
        word
        for page in PAGES
        for word in words(page.read_text("utf-8"))
        if re.fullmatch(r"airflow_provider_braze(\.\w+)+", word)
    }
    assert len(named) >= 5
    for name in named:
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(module), attribute) or import_module(name), name


def test_languages_of_blocks_are_tested():
    assert {block.language for block in BLOCKS} <= {"bash", "python", "sql", "json", "jinja", "text"}
