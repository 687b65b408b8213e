from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_braze import exceptions
from tests.faults.table import DOCUMENT, read_rows

FAULTS = Path(__file__).parent
TESTS = FAULTS.parent


def cases_of(path: Path, session: pytest.Session) -> Iterator[str]:
    """Name each case of a test module, and each test without its case."""
    module = pytest.Module.from_parent(session, path=path)
    for item in module.collect():
        yield f"{path.name}::{item.name}"


def test_table_has_one_row_for_each_case(request):
    # The table's own tests have no row.
    modules = [path for path in sorted(FAULTS.glob("test_*.py")) if path != Path(__file__)]
    cases = [case for path in modules for case in cases_of(path, request.session)]
    assert len(modules) == 6
    assert sorted(row.test for row in read_rows() if "/" not in row.test) == sorted(cases)


def test_table_names_tests_of_other_folders_that_exist(request):
    named = {row.test for row in read_rows() if "/" in row.test}
    assert named
    for test in named:
        path, name = test.split("::")
        cases = {case.split("::")[1].split("[")[0] for case in cases_of(TESTS / path, request.session)}
        assert name in cases


def test_table_promises_errors_that_exist():
    for row in read_rows():
        assert row.is_complete or row.errors or "/" in row.test, row
        for error in row.errors:
            assert hasattr(exceptions, error) or hasattr(builtins, error), row


def test_table_has_no_line_that_is_not_read():
    lines = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("|")]
    heads = [line for line in lines if line in ("| Fault | Promise | Test |", "| --- | --- | --- |")]
    assert len(lines) - len(heads) == len(read_rows())
