from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import airflow_provider_braze

PACKAGE = "airflow_provider_braze"
FOLDER = Path(airflow_provider_braze.__file__).parent
ROLES = ("hooks", "operators", "sensors", "transfers", "triggers")
# Where each release of Airflow keeps its names: a leaf, in the lowest layer.
NAMES_OF_AIRFLOW = f"{PACKAGE}.task.airflow"
# From the lowest to the highest: a module imports only its own folder and lower ones.
LAYERS = (
    ("exceptions",),
    ("core",),
    ("tables",),
    ("series",),
    ("transport",),
    ("fetch",),
    ("landing",),
    ("coverage",),
    ("task",),
    ("hooks",),
    ("triggers",),
    ("operators", "plugins", "sensors", "transfers"),
)
# The sandbox is separate: it serves what the declarations name.
SANDBOX_MAY_IMPORT = ("core", "exceptions", "sandbox", "series")
LIBRARIES = {
    "airflow": ("plugins.pages", "task.airflow", "task.lineage", "task.run_dates", "triggers"),
    NAMES_OF_AIRFLOW: (*ROLES, "plugins.braze", "task", "landing.store"),
    "pyarrow": ("tables", "series", "landing"),
    "requests": ("transport",),
    "urllib3": ("transport",),
    "httpx": ("transport",),
    "msgspec": ("core", "tables", "series", "landing", "coverage", "sandbox"),
    "tenacity": ("transport",),
    "fastapi": ("plugins.pages",),
    "sqlalchemy": ("plugins.pages",),
    "starlette": ("sandbox",),
    "uvicorn": ("sandbox",),
}

# The modules that check an operator's arguments when a Dag file is parsed.
LOADED_WITH_ROLES = (
    "fetch",
    "fetch.outcome",
    "landing",
    "landing.destination",
    "landing.formats",
    "landing.jsonl",
    "landing.parquet",
)


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


@cache
def tree_of(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text())


@cache
def imports_of(name: str) -> set[str]:
    found: set[str] = set()
    for node in running_nodes(tree_of(name)):
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


def loaded_modules() -> set[str]:
    code = f"""
import importlib, json, sys
for name in {within(*ROLES)!r}:
    importlib.import_module(name)
print(json.dumps([name for name in sys.modules if name.startswith({PACKAGE!r})]))
"""
    return set(json.loads(run_python(code)))


def test_role_modules_load_nothing_beyond_airflow() -> None:
    airflow = "from airflow_provider_braze.task.airflow import AirflowSkipException, BaseHook, BaseOperator, conf"
    # Airflow itself may load the package, to read its metadata.
    assert newly_loaded(within(*ROLES), before=airflow) <= {PACKAGE}


def test_role_modules_load_neither_requests_nor_pyarrow() -> None:
    # Airflow 2 itself loads requests.
    loaded = newly_loaded(within(*ROLES), before="import airflow")
    assert not loaded & {"requests", "pyarrow", "duckdb", "s3fs", "starlette", "uvicorn"}


def test_role_modules_load_the_landing_code_only_in_a_task() -> None:
    loaded = set(within("fetch", "landing", "tables", "transport")) & loaded_modules()
    assert loaded == {f"{PACKAGE}.{name}" for name in LOADED_WITH_ROLES}


def test_plugin_loads_nothing_because_every_airflow_process_imports_it() -> None:
    airflow = "from airflow_provider_braze.task.airflow import AirflowPlugin"
    assert newly_loaded([f"{PACKAGE}.plugins.braze"], before=airflow) <= {PACKAGE}


def test_core_loads_without_airflow() -> None:
    loaded = newly_loaded(within("core", "series", "sandbox.data", "exceptions"))
    assert PACKAGE in loaded
    assert not loaded & {"airflow", "requests", "httpx", "fsspec"}


def test_package_itself_loads_nothing() -> None:
    assert newly_loaded([PACKAGE, f"{PACKAGE}.get_provider_info"]) == {PACKAGE}


def layer_of(name: str) -> int:
    if name == NAMES_OF_AIRFLOW:
        return 0
    folder = name.split(".")[1] if "." in name else ""
    return next((place for place, folders in enumerate(LAYERS) if folder in folders), -1)


@pytest.mark.parametrize("name", [name for name in MODULES if layer_of(name) >= 0])
def test_module_imports_nothing_above_its_layer(name: str) -> None:
    above = {each for each in imports_of(name) if each.startswith(PACKAGE) and layer_of(each) > layer_of(name)}
    assert above == set()
    siblings = {each.split(".")[1] for each in imports_of(name) if layer_of(each) == layer_of(name) and "." in each}
    assert siblings <= {name.split(".")[1]}


@pytest.mark.parametrize("name", within("sandbox"))
def test_sandbox_module_imports_only_allowed_modules(name: str) -> None:
    mine = {each for each in imports_of(name) if each.startswith(f"{PACKAGE}.")}
    assert {each for each in mine if not is_of(each, *(f"{PACKAGE}.{part}" for part in SANDBOX_MAY_IMPORT))} == set()


@pytest.mark.parametrize("library", LIBRARIES)
def test_library_is_imported_only_where_allowed(library: str) -> None:
    users = {name for name in MODULES if any(is_of(each, library) for each in imports_of(name))}
    allowed = [f"{PACKAGE}.{part}" for part in LIBRARIES[library]]
    assert {name for name in users if not is_of(name, *allowed)} == set()
    assert users, f"no module imports {library}: remove its rule"


def test_package_root_contains_only_modules_without_a_folder() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.is_file()} == {
        "__init__.py",
        "exceptions.py",
        "get_provider_info.py",
        "py.typed",
    }


@pytest.mark.parametrize("name", MODULES)
def test_module_has_a_docstring(name: str) -> None:
    assert ast.get_docstring(tree_of(name))


def test_all_modules_load_without_warnings() -> None:
    code = f"""
import importlib, warnings
warnings.filterwarnings("error", module={PACKAGE!r})
for name in {list(MODULES)!r}:
    importlib.import_module(name)
print("all")
"""
    assert run_python(code) == "all"
