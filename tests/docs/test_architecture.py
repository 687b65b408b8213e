"""The page of the architecture names the folders, layers and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import airflow_provider_braze
from airflow_provider_braze.core.series import Series
from tests.docs.pages import ROOT, read, rows, section, words
from tests.test_imports import LAYERS

PACKAGE = Path(airflow_provider_braze.__file__).parent
TEXT = read("architecture.md")
FOLDERS = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
CHANGES = rows(section(TEXT, "How a change goes"))
STEPS = rows(section(TEXT, "From the socket to a Parquet object"))
PATH = re.compile(r"^(?:[\w.]+/[\w./-]*|Makefile|\w+\.py)$|(?<=python )\S+\.py")


def text_of(paths):
    """Return the text of all files that a row names."""
    found = [PACKAGE / path for word in paths for path in PATH.findall(word)]
    return "\n".join(
        file.read_text()
        for path in found
        if path.exists()
        for file in ([path] if path.is_file() else path.glob("*.py"))
    )


def test_tree_has_every_folder_and_root_module():
    (tree,) = re.findall(r"^## The tree\n\n```text\n(.*?)```", TEXT, flags=re.M | re.S)
    named = set(re.findall(r"^  ([\w.]+)", tree, flags=re.M))
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert named == FOLDERS | modules


def test_layers_equal_those_of_the_import_rules():
    table = [tuple(words(row[1])) for row in rows(section(TEXT, "Who may import whom"))]
    assert table[::-1] == list(LAYERS)


def test_fields_of_a_series_exist():
    named = {word for row in rows(section(TEXT, "A series")) for word in words(row[0])}
    assert named <= set(Series.__dataclass_fields__)


def test_table_of_changes_has_rows():
    assert len(CHANGES) >= 10


@pytest.mark.parametrize("row", CHANGES, ids=lambda row: row[0])
def test_files_of_a_change_exist(row):
    named = [word for cell in row[1:] for word in words(cell)]
    paths = [path for word in named for path in PATH.findall(word)]
    assert paths
    for path in paths:
        assert (PACKAGE / path).exists() or (ROOT / path).exists(), path


@pytest.mark.parametrize("row", CHANGES, ids=lambda row: row[0])
def test_names_of_a_change_are_in_its_files(row):
    text = text_of(words(row[1]) + words(row[2]))
    assert [word for word in words(row[1]) if re.fullmatch(r"\w+", word) and word not in text] == []


@pytest.mark.parametrize("row", STEPS, ids=lambda row: row[0])
def test_names_on_the_way_of_a_response_are_in_their_files(row):
    assert words(row[1])
    text = text_of(words(row[1]))
    assert [name for name in words(row[2]) if not re.search(rf"\b(def|class) {name}\b", text)] == []


def test_modules_in_the_picture_exist():
    (picture,) = re.findall(r"^## The path of the data\n\n```text\n(.*?)```", TEXT, flags=re.M | re.S)
    named = re.findall(r"\b([a-z]+)/([a-z_]*)", picture)
    assert len(named) >= 8
    for folder, module in named:
        assert (PACKAGE / folder / f"{module}.py").exists() or (not module and folder in FOLDERS), module


def test_glossary_defines_each_word_once():
    defined = [word.strip(" `") for row in rows(section(TEXT, "Glossary")) for word in row[0].split(",")]
    assert len(defined) == len(set(defined)) > 20
    assert all(meaning for _, meaning, _ in rows(section(TEXT, "Glossary")))
