"""How the processes of pytest-xdist share the tests: a quick file goes to one as a whole, other tests one by one.

Scheduling a test takes longer than running a quick one. Long tests come first, so that none runs alone at the
end.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

_FOLDERS = (
    "core",
    "fetch",
    "hooks",
    "plugins",
    "sandbox",
    "sensors",
    "series",
    "tables",
    "task",
    "transport",
    "triggers",
)
QUICK = (*(f"tests/{folder}/" for folder in _FOLDERS), "tests/test_imports.py", "tests/test_provider_info.py")
LONG = (
    "tests/docs/test_recipes.py::test_dag_of_the_page",
    "tests/landing/test_journal_model.py",
    "tests/transfers/test_crashes.py",
    "tests/transfers/test_series_crashes.py",
    "tests/coverage/test_lake.py",
)


class _ByFile(LoadGroupScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return nodeid.partition("::")[0] if scope == nodeid and nodeid.startswith(QUICK) else scope


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return _ByFile(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
