from __future__ import annotations

import inspect
import re
from importlib import import_module
from pkgutil import iter_modules

import pytest

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.get_provider_info import get_provider_info
from airflow_provider_braze.transport.connection import ConnectionSettings, parse_connection
from tests.docs.pages import read, rows, section, words

TEXT = read("reference.md")
ROLES = ("hooks", "operators", "sensors", "transfers", "triggers")


ROLE_MODULES = [
    f"airflow_provider_braze.{role}.{module.name}"
    for role in ROLES
    for module in iter_modules(import_module(f"airflow_provider_braze.{role}").__path__)
    # Without exports a module is internal.
    if hasattr(import_module(f"airflow_provider_braze.{role}.{module.name}"), "__all__")
]


def classes() -> dict[str, type]:
    """Return the public classes of the role modules, by name."""
    modules = map(import_module, ROLE_MODULES)
    return {name: getattr(module, name) for module in modules for name in module.__all__}


def places_of(name: str) -> list[str]:
    """Return the modules that export a class."""
    return [module for module in ROLE_MODULES if name in import_module(module).__all__]


def arguments_of(kind: type) -> dict[str, str]:
    parameters = inspect.signature(kind.__init__).parameters
    named = {name: each for name, each in parameters.items() if name not in {"self", "args", "kwargs"}}
    return {name: "required" if each.default is each.empty else str(each.default) for name, each in named.items()}


def table_of(name: str) -> list[list[str]]:
    return [row for row in rows(section(TEXT, name)) if len(row) == 4]


def test_each_class_has_its_section():
    headings = re.findall(r"^## (\w+)$", TEXT, flags=re.M)
    assert set(headings) == classes().keys() | {"Errors", "Sandbox"}


@pytest.mark.parametrize("name", classes())
def test_arguments_equal_those_of_the_class(name):
    documented = {words(row[0])[0]: row[1].strip("`") for row in table_of(name)}
    assert documented == arguments_of(classes()[name])


@pytest.mark.parametrize("name", classes())
def test_templated_arguments_are_marked(name):
    arguments = {words(row[0])[0]: row[2] == "yes" for row in table_of(name)}
    templated = set(getattr(classes()[name], "template_fields", ()))
    assert {argument for argument, is_marked in arguments.items() if is_marked} == templated & arguments.keys()


@pytest.mark.parametrize("name", classes())
def test_section_names_the_module_to_import_from(name):
    assert any(f"`{place}.{name}`" in section(TEXT, name) for place in places_of(name))


def test_common_arguments_of_landing_tasks_are_documented_once():
    for each in ("SeriesToObjectStorageOperator", "DataSeriesSensor", "DataSeriesAuditOperator"):
        base = classes()[each]
        for name, kind in classes().items():
            if issubclass(kind, base) and kind is not base:
                assert set(kind.template_fields) - set(base.template_fields) <= arguments_of(kind).keys()
                assert f"(#{base.__name__.lower()})" in section(TEXT, name)


def test_exports_equal_the_public_names_of_their_modules():
    for module in map(import_module, ROLE_MODULES):
        own = {
            name
            for name, value in vars(module).items()
            if inspect.isclass(value) and value.__module__ == module.__name__ and not name.startswith("_")
        }
        assert own <= set(module.__all__), module.__name__
        assert sorted(module.__all__) == list(module.__all__)


def test_airflow_finds_the_modules():
    info = get_provider_info()
    entries = [entry for role in ROLES for entry in info[role]]
    named = {name for entry in entries for name in entry.get("python-modules") or [entry["python-module"]]}
    assert named <= set(ROLE_MODULES)


def test_all_methods_of_the_hook_are_documented():
    hook = classes()["BrazeHook"]
    documented = {word for row in rows(section(TEXT, "BrazeHook")) if len(row) == 2 for word in words(row[0])}
    methods = {
        name for kind in hook.__mro__ if kind.__module__.startswith("airflow_provider_braze") for name in vars(kind)
    }
    assert documented == {name for name in methods if not name.startswith("_")} - {
        "conn_name_attr",
        "default_conn_name",
        "conn_type",
        "hook_name",
    }


def extra_fields() -> dict[str, list[str]]:
    return {
        words(row[0])[0]: row[1:] for row in rows(section(read("connection.md"), "Fields")) if "`extra`" not in row[0]
    }


def test_all_fields_of_the_connection_are_documented():
    (form,) = get_provider_info()["connection-types"]
    signature = inspect.signature(ConnectionSettings).parameters
    own = {name for name, row in extra_fields().items() if name in signature}
    assert own == signature.keys() - {"credentials"} == form["conn-fields"].keys()
    for name in ("connect_timeout", "read_timeout", "max_attempts"):
        assert float(words(extra_fields()[name][0])[0]) == signature[name].default


@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout", "max_attempts", "requests_per_minute"])
def test_highest_documented_values_of_the_connection_are_accepted(name):
    highest = int(re.findall(r"\d+", extra_fields()[name][1])[-1])

    def parse(value):
        return parse_connection(host="rest.iad-01.braze.com", password="k" * 8, extra={name: value})

    assert getattr(parse(highest), name) == highest
    with pytest.raises(BrazeConfigError):
        parse(highest + 1)


def test_hosts_of_the_connection_are_accepted_and_suggested_for_dashboards():
    for _, dashboards, hosts in rows(section(read("connection.md"), "Which host")):
        assert len(words(dashboards)) == len(words(hosts))
        for dashboard, host in zip(words(dashboards), words(hosts), strict=True):
            assert parse_connection(host=host, password="k" * 8).credentials.base_url == f"https://{host}"
            with pytest.raises(BrazeConfigError, match=re.escape(f"Use {host}.")):
                parse_connection(host=dashboard, password="k" * 8)
