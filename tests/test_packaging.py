from __future__ import annotations

import subprocess
import sys
import tarfile
from collections.abc import Iterator
from configparser import ConfigParser
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "airflow_provider_braze"


def build(kind: str, folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    # Uses the build tool of the test group, so that it needs no network.
    code = "import os, sys, hatchling.build as b; os.chdir(sys.argv[1]); getattr(b, sys.argv[2])(sys.argv[3])"
    command = [sys.executable, "-I", "-c", code, str(ROOT), f"build_{kind}", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return list(folder.iterdir())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    (path,) = build("wheel", tmp_path_factory.mktemp("dist"))
    with ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    (path,) = build("sdist", tmp_path_factory.mktemp("dist"))
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.fixture(scope="module")
def info(wheel: ZipFile) -> str:
    (name,) = {each.split("/")[0] for each in wheel.namelist() if ".dist-info/" in each}
    return name


@pytest.fixture(scope="module")
def metadata(wheel: ZipFile, info: str) -> Message:
    return Parser().parsestr(wheel.read(f"{info}/METADATA").decode())


def requirements(metadata: Message) -> list[str]:
    return [value.replace(" ", "") for value in metadata.get_all("Requires-Dist", [])]


def test_wheel_contains_only_the_package(wheel: ZipFile, info: str) -> None:
    assert {name.split("/")[0] for name in wheel.namelist()} == {PACKAGE, info}


def test_sdist_contains_only_the_package_and_its_pages(sdist: set[str]) -> None:
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*") if path.is_file()}
    assert {name for name in sdist if name.startswith("docs/")} == pages
    files = {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "PKG-INFO", ".gitignore"}
    assert {name.split("/")[0] for name in sdist} == {PACKAGE, "docs", *files}


def test_wheel_contains_every_module(wheel: ZipFile) -> None:
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / PACKAGE).rglob("*.py")}
    packed = {name for name in wheel.namelist() if name.startswith(f"{PACKAGE}/")}
    assert packed == {*sources, f"{PACKAGE}/py.typed"}


def test_wheel_build_is_reproducible(tmp_path: Path) -> None:
    (first,), (second,) = (build("wheel", tmp_path / each) for each in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_wheel_has_an_empty_typing_marker(wheel: ZipFile) -> None:
    assert wheel.read(f"{PACKAGE}/py.typed").strip() == b""


def test_wheel_contains_the_licence(wheel: ZipFile, info: str, metadata: Message) -> None:
    assert wheel.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert metadata["License-Expression"] == "Apache-2.0"


def test_metadata_names_supported_versions(metadata: Message) -> None:
    assert metadata["Name"] == "airflow-provider-braze-analytics"
    assert metadata["Requires-Python"] == ">=3.10"
    assert "apache-airflow>=2.11.0" in requirements(metadata)


def test_metadata_has_lower_bounds_only(metadata: Message) -> None:
    own = [requirement.partition(";")[0] for requirement in requirements(metadata)]
    assert [each for each in own if "<" in each or "==" in each or "~=" in each] == []


def test_metadata_names_the_extras(metadata: Message) -> None:
    assert set(metadata.get_all("Provides-Extra", [])) >= {"amazon", "google", "microsoft-azure", "sandbox"}


def test_wheel_has_the_entry_points_that_airflow_loads(wheel: ZipFile, info: str) -> None:
    points = ConfigParser()
    points.read_string(wheel.read(f"{info}/entry_points.txt").decode())
    assert {name: dict(points[name]) for name in points.sections()} == {
        "apache_airflow_provider": {"provider_info": f"{PACKAGE}.get_provider_info:get_provider_info"},
        "airflow.plugins": {"braze": f"{PACKAGE}.plugins.braze:BrazePlugin"},
    }
