from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import airflow_provider_braze

PACKAGE = "airflow_provider_braze"
FOLDER = Path(airflow_provider_braze.__file__).parent
ROLES = ("hooks", "operators", "sensors", "transfers", "triggers")
# Who may import a role's modules when they run; hooks serve all roles, triggers those that defer.
IMPORTERS = {"hooks": set(ROLES), "triggers": {"operators", "sensors", "transfers"}}
WITH_AIRFLOW = {
    *ROLES,
    "landing.store",
    "lineage",
    "metrics",
    "outlet_events",
    "run_dates",
    "run_window",
    "task_errors",
}


def name_of(path: Path) -> str:
    parts = (PACKAGE, *path.relative_to(FOLDER).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted(FOLDER.rglob("*.py"))}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def running_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not is_type_checking(child):
            yield child
            yield from running_nodes(child)


def imports_of(name: str) -> set[str]:
    found: set[str] = set()
    for node in running_nodes(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            found.update(
                each if (each := f"{node.module}.{alias.name}") in MODULES else str(node.module) for alias in node.names
            )
    return found


def within(*parts: str) -> list[str]:
    prefixes = tuple(f"{PACKAGE}.{part}." for part in parts)
    return [name for name in MODULES if f"{name}.".startswith(prefixes)]


def is_of(name: str, *parts: str) -> bool:
    return f"{name}.".startswith(tuple(f"{part}." for part in parts))


def reached_from(name: str) -> set[str]:
    found, open_ends = set[str](), [name]
    while open_ends:
        name = open_ends.pop()
        found.add(name)
        open_ends += [each for each in imports_of(name) if each in MODULES and each not in found]
    return found


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def newly_loaded(then: list[str], before: str = "") -> set[str]:
    code = [
        "import importlib, json, sys",
        before,
        "known = {name.partition('.')[0] for name in sys.modules}",
        f"for name in {then!r}: importlib.import_module(name)",
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules} - known)))",
    ]
    return {name for name in json.loads(run_python("\n".join(code))) if name not in sys.stdlib_module_names}


def test_role_modules_load_nothing_beyond_airflow() -> None:
    airflow = "from airflow.providers.common.compat.sdk import AirflowSkipException, BaseHook, BaseOperator"
    # Airflow itself may load the package, to read its metadata.
    assert newly_loaded(within(*ROLES), before=airflow) <= {PACKAGE}


def test_role_modules_load_neither_requests_nor_pyarrow() -> None:
    # Airflow 2 itself loads requests.
    loaded = newly_loaded(within(*ROLES), before="import airflow")
    assert not loaded & {"requests", "pyarrow", "duckdb", "s3fs", "starlette", "uvicorn"}


def test_core_loads_without_airflow() -> None:
    loaded = newly_loaded(within("core", "sandbox.data", "exceptions"))
    assert PACKAGE in loaded
    assert not loaded & {"airflow", "requests", "httpx", "fsspec"}


def test_package_itself_loads_nothing() -> None:
    assert newly_loaded([PACKAGE, f"{PACKAGE}.get_provider_info"]) == {PACKAGE}


@pytest.mark.parametrize("name", within("core", "exceptions"))
def test_core_module_imports_only_what_it_may(name: str) -> None:
    may = [f"{PACKAGE}.core", f"{PACKAGE}.exceptions", "pendulum"]
    # Decoding and columns, and what they are made of.
    of_columns = (f"{PACKAGE}.core.tables", f"{PACKAGE}.core.fingerprints")
    if any(name in reached_from(each) for each in of_columns):
        may += ["msgspec", "pyarrow"]
    strange = {each for each in imports_of(name) if not is_of(each, *may)}
    assert {each for each in strange if each.partition(".")[0] not in sys.stdlib_module_names} == set()


@pytest.mark.parametrize("name", within("sandbox"))
def test_sandbox_module_imports_only_what_it_may(name: str) -> None:
    may = [f"{PACKAGE}.core", f"{PACKAGE}.exceptions", f"{PACKAGE}.sandbox", "msgspec", "pytest"]
    may += ["starlette", "uvicorn"]
    strange = {each for each in imports_of(name) if not is_of(each, *may)}
    assert {each for each in strange if each.partition(".")[0] not in sys.stdlib_module_names} == set()


@pytest.mark.parametrize("name", MODULES)
def test_module_imports_only_role_modules_that_it_may(name: str) -> None:
    importer = name.split(".")[1] if "." in name else ""
    for each in imports_of(name):
        role = each.split(".")[1] if each.startswith(f"{PACKAGE}.") else ""
        if role in ROLES:
            assert importer in IMPORTERS.get(role, set()), f"{name} imports {each}"


@pytest.mark.parametrize("name", MODULES)
def test_module_without_a_word_of_airflow_imports_none(name: str) -> None:
    if not is_of(name, *(f"{PACKAGE}.{part}" for part in WITH_AIRFLOW)):
        assert not {each for each in imports_of(name) if is_of(each, "airflow")}


@pytest.mark.parametrize("name", MODULES)
def test_module_has_a_docstring(name: str) -> None:
    assert ast.get_docstring(ast.parse(MODULES[name].read_text()))


def test_all_modules_load_without_a_warning_from_them() -> None:
    code = f"""
import importlib, warnings
warnings.filterwarnings("error", module={PACKAGE!r})
for name in {list(MODULES)!r}:
    importlib.import_module(name)
print("all")
"""
    assert run_python(code) == "all"
