"""Samples: a usual run takes some of the cases that check one thing many times; ``--whole`` runs these tests whole.

A test is sampled in one of four ways:

- ``@pytest.mark.sampled(12)`` keeps 12 of its cases, which contain each value of each parameter;
- ``@pytest.mark.any_store`` uses local files, and another kind of store for each fifth case, because the result
  does not depend on the store, and a run on S3 takes twice as long;
- the fixture ``sample`` selects some of the positions, or moments, that a test iterates over;
- ``@examples(20)`` is the number of examples of a property, which is ten times as large in a whole run; default 40.

Each run takes the same cases and places.

A test marked ``unmeasured`` runs without coverage, which costs a third of its time: it repeats what other tests cover.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any, TypeVar

import pytest
from hypothesis import settings

T = TypeVar("T")

_LEFT_OUT = pytest.StashKey[int]()
_is_whole = False


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true", help="run the sampled tests, and these only, with all their cases")


def pytest_configure(config: pytest.Config) -> None:
    global _is_whole
    _is_whole = config.getoption("--whole")
    config.stash[_LEFT_OUT] = 0
    settings.register_profile("ours", examples(40))
    settings.load_profile("ours")
    config.addinivalue_line(
        "markers", "sampled(count): a usual run takes that number of cases of the test, --whole takes all"
    )
    config.addinivalue_line(
        "markers", "any_store: a usual run takes one kind of store a case, mostly files, --whole takes all"
    )
    config.addinivalue_line("markers", "unmeasured: coverage leaves the test out")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _is_whole:
        unwanted = [item for item in items if not _is_sampled(item)]
    else:
        unwanted = list(_beyond_samples(items))
        if not config.getoption("--stores"):
            unwanted += _on_further_stores(items)
        config.stash[_LEFT_OUT] = len(unwanted)
    config.hook.pytest_deselected(items=unwanted)
    left_out = set(unwanted)
    items[:] = [item for item in items if item not in left_out]
    for item in items if _is_whole else ():
        item.add_marker(pytest.mark.timeout(3600))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Trace neither this thread nor those that the test starts. Threads of wider fixtures stay traced."""
    trace, trace_of_threads = sys.gettrace(), threading.gettrace()
    if item.get_closest_marker("unmeasured"):
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
    yield
    sys.settrace(trace)
    threading.settrace(trace_of_threads)  # type: ignore[arg-type]


def pytest_sessionfinish(session: pytest.Session) -> None:
    # A process of pytest-xdist reports to the one that started it, which collects nothing itself.
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["beyond_samples"] = session.config.stash[_LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[_LEFT_OUT] = getattr(node, "workeroutput", {}).get("beyond_samples", 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[_LEFT_OUT]:
        terminalreporter.write_line(f"{config.stash[_LEFT_OUT]} cases of sampled tests are left to `make system`.")


def _is_sampled(item: pytest.Item) -> bool:
    has_examples = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    is_marked = item.get_closest_marker("sampled") is not None or _kind_of_store(item) is not None
    return has_examples or is_marked or "sample" in getattr(item, "fixturenames", ())


def _beyond_samples(items: Iterable[pytest.Item]) -> Iterable[pytest.Item]:
    cases: dict[Any, list[pytest.Item]] = {}
    for item in items:
        mark = item.get_closest_marker("sampled")
        if mark is not None and mark.args:
            cases.setdefault((item.parent, item.originalname, mark.args[0]), []).append(item)
    for (_, _, count), all_cases in cases.items():
        chosen = set(_choose(all_cases, count))
        yield from (item for item in all_cases if item not in chosen)


def _on_further_stores(items: Iterable[pytest.Item]) -> Iterable[pytest.Item]:
    cases: dict[Any, list[pytest.Item]] = {}
    for item in items:
        if _kind_of_store(item) is not None:
            others = {name: value for name, value in item.callspec.params.items() if name != "destination_kind"}
            cases.setdefault((item.parent, item.originalname, repr(others)), []).append(item)
    for place, kinds in enumerate(each for each in cases.values() if len(each) > 1):
        first, *others = kinds
        taken = first if (place + 1) % 5 else others[place // 5 % len(others)]
        yield from (item for item in kinds if item is not taken)


def _kind_of_store(item: pytest.Item) -> str | None:
    """Return the kind of store of a case that could use any."""
    if item.get_closest_marker("any_store") is None or not hasattr(item, "callspec"):
        return None
    kind: str | None = item.callspec.params.get("destination_kind")
    return kind


def _choose(cases: Sequence[pytest.Item], count: int) -> list[pytest.Item]:
    """Return cases that hold all values about equally often, alone and in pairs."""
    # By the golden ratio, so that cases chosen among equals are far apart.
    spread = sorted(range(len(cases)), key=lambda place: place * 0.6180339887 % 1)
    facets = {cases[place]: _facets(cases[place]) for place in spread}
    taken: Counter[Any] = Counter()
    chosen: list[pytest.Item] = []
    while facets and len(chosen) < count:
        chosen.append(min(facets, key=lambda case: sum(taken[facet] for facet in facets[case])))
        taken.update(facets.pop(chosen[-1]))
    return chosen


def _facets(case: pytest.Item) -> list[Any]:
    values = [(name, repr(value)) for name, value in case.callspec.params.items()]
    return [*values, *combinations(values, 2)]


@pytest.fixture(scope="session")
def sample() -> Callable[[Sequence[T], int], list[T]]:
    """Return a function that selects a number of elements of a sequence: both ends and others between, or all."""

    def choose(everything: Sequence[T], count: int) -> list[T]:
        if _is_whole or count >= len(everything):
            return list(everything)
        if count == 1:
            return [everything[len(everything) // 2]]
        return [everything[place * (len(everything) - 1) // (count - 1)] for place in range(count)]

    return choose


def examples(count: int, **others: Any) -> settings:
    """Return Hypothesis' settings for a number of examples, or ten times as many in a whole run."""
    return settings(max_examples=count * (10 if _is_whole else 1), deadline=None, **others)
