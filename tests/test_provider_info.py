from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import distribution
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from airflow_provider_braze import get_provider_info as module
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.get_provider_info import get_provider_info
from airflow_provider_braze.series import all_series
from airflow_provider_braze.transport.connection import parse_connection

INFO = get_provider_info()
DISTRIBUTION = "airflow-provider-braze-analytics"
(CONNECTION_TYPE,) = INFO["connection-types"]
# On 3.0 and 3.1 the forms of Airflow need flask-appbuilder, which they do not install.
needs_forms = pytest.mark.since_airflow("3.2", also="2.11")


def a_schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(files("airflow").joinpath(name).read_text())
    return schema


def python_modules() -> list[str]:
    roles = ("hooks", "operators", "sensors", "triggers")
    listed = [name for role in roles for entry in INFO[role] for name in entry["python-modules"]]
    return listed + [entry["python-module"] for entry in INFO["transfers"]]


def test_info_is_valid_by_airflows_runtime_schema() -> None:
    jsonschema.validate(INFO, a_schema("provider_info.schema.json"))


@pytest.mark.parametrize(
    "key",
    [
        "integrations",
        "hooks",
        "operators",
        "sensors",
        "triggers",
        pytest.param("connection-types", marks=pytest.mark.since_airflow("3.2")),
    ],
)
def test_info_is_valid_by_the_strict_schema_of_airflows_own_providers(key: str) -> None:
    strict = a_schema("provider.yaml.schema.json")
    jsonschema.validate(INFO[key], {**strict["properties"][key], "definitions": strict.get("definitions", {})})


def test_package_name_equals_the_installed_distribution() -> None:
    assert INFO["package-name"] == distribution(DISTRIBUTION).name


def test_versions_begin_with_the_installed_version() -> None:
    assert INFO["versions"][0] == distribution(DISTRIBUTION).version


def test_entry_point_is_the_function() -> None:
    (entry,) = distribution(DISTRIBUTION).entry_points.select(group="apache_airflow_provider")
    assert entry.load() is get_provider_info


@pytest.mark.parametrize("name", python_modules())
def test_named_module_can_be_imported(name: str) -> None:
    assert import_module(name).__doc__


def test_all_role_modules_are_named() -> None:
    package = files("airflow_provider_braze")
    found = {
        f"airflow_provider_braze.{role}.{path.name.removesuffix('.py')}"
        for role in ("hooks", "operators", "sensors", "transfers", "triggers")
        if package.joinpath(role).is_dir()
        for path in package.joinpath(role).iterdir()
        if path.name.endswith(".py") and path.name != "__init__.py"
    }
    # Without exports a module is internal.
    assert {name for name in found if hasattr(import_module(name), "__all__")} == {*python_modules()}


def test_hook_class_agrees_with_the_connection_type() -> None:
    module_name, _, class_name = CONNECTION_TYPE["hook-class-name"].rpartition(".")
    hook = getattr(import_module(module_name), class_name)
    assert (hook.conn_type, hook.hook_name) == (CONNECTION_TYPE["connection-type"], CONNECTION_TYPE["hook-name"])


def test_form_of_older_airflow_equals_that_of_newer() -> None:
    from airflow_provider_braze.hooks.braze import BrazeHook

    newer, older = CONNECTION_TYPE["ui-field-behaviour"], BrazeHook.get_ui_field_behaviour()
    assert older["hidden_fields"] == newer["hidden-fields"]
    assert older["relabeling"] == newer["relabeling"]
    assert older["placeholders"]["host"] == newer["placeholders"]["host"]


def a_value(schema: dict[str, Any], which: str) -> Any:
    return schema.get(which, "America/New_York")


@pytest.mark.parametrize("which", ["minimum", "maximum", "default"])
@pytest.mark.parametrize("name", CONNECTION_TYPE["conn-fields"])
def test_field_accepts_all_values_that_its_form_allows(name: str, which: str) -> None:
    value = a_value(CONNECTION_TYPE["conn-fields"][name]["schema"], which)
    assert parse_connection(host="rest.iad-01.braze.com", password="key", extra={name: value})


def test_offered_time_zones_exist() -> None:
    for zone in CONNECTION_TYPE["conn-fields"]["timezone"]["schema"]["examples"]:
        settings = parse_connection(host="rest.iad-01.braze.com", password="key", extra={"timezone": zone})
        assert settings.timezone == zone


@pytest.mark.parametrize("name", CONNECTION_TYPE["conn-fields"])
def test_field_may_be_empty(name: str) -> None:
    jsonschema.validate(None, CONNECTION_TYPE["conn-fields"][name]["schema"])


def test_form_names_all_series() -> None:
    field = CONNECTION_TYPE["conn-fields"]["series"]
    names = [series.name for series in all_series()]
    assert f": {', '.join(names)}, separated by commas." in field["description"]
    for example in field["schema"]["examples"]:
        assert set(example.split(",")) <= set(names)


def test_form_has_all_fields_of_a_connection() -> None:
    with pytest.raises(BrazeConfigError, match="unknown field") as caught:
        parse_connection(host="rest.iad-01.braze.com", password="key", extra={"other": 1})
    known = str(caught.value).partition("Known fields: ")[2].rstrip(".").split(", ")
    assert sorted(CONNECTION_TYPE["conn-fields"]) == known


def test_module_imports_nothing_but_typing() -> None:
    tree = ast.parse(files("airflow_provider_braze").joinpath("get_provider_info.py").read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"__future__", "typing"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import)]


def test_info_is_a_literal() -> None:
    tree = ast.parse(files("airflow_provider_braze").joinpath("get_provider_info.py").read_text())
    (returned,) = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    assert returned is not None
    assert ast.literal_eval(returned) == module.get_provider_info()


COMMANDS = """
import json, sys
from airflow.cli.cli_parser import get_parser

for arguments in json.loads(sys.argv[1]):
    parsed = get_parser().parse_args(["providers", *arguments, "--output", "json"])
    parsed.func(parsed)
    print("END OF COMMAND")
"""
SHOWN = {
    "list": [DISTRIBUTION],
    f"get {DISTRIBUTION} --full": [DISTRIBUTION, "BrazeHook"],
    "hooks": [DISTRIBUTION, "BrazeHook"],
    "behaviours": ['"braze"'],
}


@pytest.mark.parametrize(
    "commands",
    [["list", f"get {DISTRIBUTION} --full", "hooks"], pytest.param(["behaviours"], marks=needs_forms)],
    ids=["provider", "forms"],
)
def test_airflow_commands_show_the_provider_without_warnings(commands: list[str]) -> None:
    # In one process, because Airflow's start takes longer than all of them.
    command = [sys.executable, "-c", COMMANDS, json.dumps([each.split() for each in commands])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    *printed, _ = done.stdout.split("END OF COMMAND")
    for each, text in zip(commands, printed, strict=True):
        assert all(expected in text for expected in SHOWN[each])
    assert "braze" not in done.stderr.lower()


@needs_forms
@pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
def test_providers_manager_has_the_connection_type(caplog: pytest.LogCaptureFixture) -> None:
    from airflow.providers_manager import ProvidersManager

    hook = ProvidersManager().hooks["braze"]
    assert hook is not None
    assert (hook.connection_type, hook.hook_name, hook.package_name) == ("braze", "Braze", DISTRIBUTION)
    assert "airflow_provider_braze" not in caplog.text


@needs_forms
def test_providers_manager_returns_labels_and_help_of_the_form() -> None:
    from airflow.providers_manager import ProvidersManager

    form = ProvidersManager().field_behaviours["braze"]
    assert form["hidden_fields"] == CONNECTION_TYPE["ui-field-behaviour"]["hidden-fields"]
    assert form["relabeling"] == CONNECTION_TYPE["ui-field-behaviour"]["relabeling"]


@pytest.mark.since_airflow("3.2")
def test_providers_manager_returns_fields_of_the_form() -> None:
    from airflow.providers_manager import ProvidersManager

    widgets = ProvidersManager().connection_form_widgets
    mine = {widget.field_name for widget in widgets.values() if widget.hook_class_name.endswith(".BrazeHook")}
    assert mine == set(CONNECTION_TYPE["conn-fields"])
