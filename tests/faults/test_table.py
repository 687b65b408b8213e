from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.table import DOCUMENT, SECTIONS, render, row_of

FAULTS = Path(__file__).parent
TESTS = FAULTS.parent


def items_of(path: Path, session: pytest.Session) -> Iterator[pytest.Item]:
    yield from pytest.Module.from_parent(session, path=path).collect()


def test_each_fault_test_has_a_promise_and_a_section(request):
    # The table's own tests have no row.
    modules = [path for path in sorted(FAULTS.glob("test_*.py")) if path != Path(__file__)]
    assert sorted(section.module for section in SECTIONS) == [path.name for path in modules]
    assert [item.name for path in modules for item in items_of(path, request.session) if not row_of(item)] == []


def test_page_is_rendered_from_the_tests(request):
    items = [item for section in SECTIONS for item in items_of(FAULTS / section.module, request.session)]
    page = render(row for item in items if (row := row_of(item)))
    assert page == DOCUMENT.read_text("utf-8"), "Run `python -m tests.faults.table --write`"


def test_page_names_tests_of_other_folders_that_exist():
    named = [row.test for section in SECTIONS for row in section.elsewhere]
    assert named
    for test in named:
        path, name = test.split("::")
        lines = (TESTS / path).read_text("utf-8").splitlines()
        assert any(line.lstrip().startswith(f"def {name}(") for line in lines)
