"""What the fault tests promise, as values, and ``docs/faults.md``, which is rendered from them.

Write the page with ``python -m tests.faults.table --write``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"


@dataclass(frozen=True)
class Complete:
    """The run succeeds, and every figure is there.

    :param note: what else is promised.
    """

    note: str = ""
    is_complete = True
    writes_nothing = False

    def __str__(self) -> str:
        return "; ".join(filter(None, ["complete", self.note]))


@dataclass(frozen=True)
class Fails:
    """The run fails.

    :param error: class of its error.
    :param of: class of each campaign's error, for a ``BrazePartialError``.
    :param permanent: whether Airflow does not retry the task.
    :param writes_nothing: whether the destination stays as it was, byte for byte.
    :param note: what else is promised.
    """

    error: type[BaseException]
    of: type[BaseException] | None = None
    permanent: bool = False
    writes_nothing: bool = False
    note: str = ""
    is_complete = False

    @property
    def errors(self) -> list[str]:
        """Names of the classes."""
        return [each.__name__ for each in (self.error, self.of) if each]

    def __str__(self) -> str:
        names = " of ".join(f"`{name}`" for name in self.errors)
        notes = ["nothing is written" if self.writes_nothing else "", self.note]
        return "; ".join(filter(None, [names + (", no retry" if self.permanent else ""), *notes]))


Promise = Complete | Fails


@dataclass(frozen=True)
class Case:
    """One case of a parametrised test.

    :param fault: words for the table.
    :param value: what the test gets.
    """

    fault: str
    promise: Promise
    value: Any = None


@dataclass(frozen=True)
class Row:
    """A row of the table.

    :param test: file below ``tests/faults`` or ``tests``, and name, such as ``test_wire.py::test_x[503]``.
    """

    fault: str
    promise: Promise | str
    test: str


def fault(words: str, promise: Promise) -> pytest.MarkDecorator:
    """Mark a test with the fault that it is about and with what is promised."""
    return pytest.mark.fault(words, promise)


def each_case(argument: str, cases: Mapping[str, Case]) -> pytest.MarkDecorator:
    """Parametrise a test with cases by name."""
    params = [pytest.param(each.value, id=name, marks=fault(each.fault, each.promise)) for name, each in cases.items()]
    return pytest.mark.parametrize(argument, params)


def row_of(item: pytest.Item) -> Row | None:
    """Return the row of a test, None when it has no mark."""
    mark = item.get_closest_marker("fault")
    return mark and Row(*mark.args, f"{item.path.name}::{item.name}")


@dataclass(frozen=True)
class Section:
    """A part of the page.

    :param module: its tests are in this file.
    :param elsewhere: rows whose tests are in other folders.
    """

    title: str
    module: str
    intro: str = ""
    elsewhere: tuple[Row, ...] = ()


_HEAD = """# What may go wrong, and what happens then

Each row is a fault during a whole run of `CampaignDataSeriesToObjectStorageOperator`, the promised outcome, and the
test that checks it. This page is rendered from the tests below `tests/faults`: the promise of a row is the value that
its test checks.

- *Complete*: the run succeeds, and every figure of every campaign and day is there.
- An error by its name: the run ends with it. For a `BrazePartialError`, the error of each failed campaign follows. *No
  retry*: the task fails at once as `AirflowFailException`, caused by that error, because a rerun cannot help.
- *Nothing is written*: the destination stays as it was, byte for byte.

In any case **nothing is lost**: each row holds what it held before or what Braze returns now, campaigns that are not
named have landed, and the next run without the fault is complete. No error and no log contains the key.

A *transient* fault affects the first request for each campaign and the first for the list. A *persistent* fault affects
every request."""


SECTIONS = (
    Section(
        "On the wire",
        "test_wire.py",
    ),
    Section(
        "The key and the host",
        "test_identity.py",
    ),
    Section(
        "In the responses",
        "test_answers.py",
    ),
    Section(
        "In the list of campaigns",
        "test_lists.py",
    ),
    Section(
        "In the details of campaigns",
        "test_details.py",
        intro="For runs that also land `campaign_details`. *Its* refers to the campaign with the fault. The details of "
        "all others land.",
    ),
    Section(
        "At the store and on the disk",
        "test_stores.py",
        elsewhere=(
            Row(
                "a store that ignores or rejects conditional writes",
                "`BrazeConfigError`, no retry; no data is written, and the error names the way to accept it",
                "landing/test_first_use.py::test_store_without_conditions_is_rejected_with_the_way_to_accept_it",
            ),
            Row(
                "a store that rejects checksum headers",
                "`OSError` that names the object; a setting of the connection helps",
                "landing/test_first_use.py::test_store_that_rejects_checksum_headers_works_with_the_documented_setting",
            ),
            Row(
                "a destination that no store could use",
                "`BrazeConfigError`, when the Dag is parsed or before the first request",
                "landing/test_destination.py::test_destination_that_no_store_could_use_is_rejected",
            ),
            Row(
                "an `object_storage_conn_id` that does not exist",
                "`BrazeConfigError`, no retry; nothing is written",
                "landing/test_store.py::test_connection_that_does_not_exist_is_rejected_by_name",
            ),
            Row(
                "a `spool_folder` that does not exist",
                "`BrazeConfigError`, no retry; no request is made",
                "landing/test_spool.py::test_check_of_a_folder_that_is_not_there_names_the_argument",
            ),
            Row(
                "a first run that fails before any data is written",
                "its own error; the destination is not claimed, so another time zone may follow",
                "transfers/test_transfer.py::test_run_that_fails_before_any_data_claims_nothing",
            ),
            Row(
                "copies of a task in a mapped group over one destination",
                "`BrazeConfigError`, no retry; no request is made",
                "task/test_mapping.py::test_copy_in_a_mapped_group_over_one_destination_fails_before_any_request",
            ),
            Row(
                "two workers land the same days at once",
                "complete; the rows of both are there",
                "transfers/test_crashes.py::test_two_at_once_lose_nothing_of_either",
            ),
            Row(
                "a worker is killed, at any moment",
                "each object is whole, old or new; a rerun is complete, and reports all changed days",
                "transfers/test_crashes.py::test_killed_at_any_moment_a_rerun_mends_it",
            ),
            Row(
                "a worker is killed in the very first run",
                "a rerun is complete",
                "transfers/test_crashes.py::test_first_run_killed_a_rerun_lands_all",
            ),
        ),
    ),
)


def render(rows: Iterable[Row]) -> str:
    """Return the whole page.

    :param rows: of all tests below ``tests/faults``, in the order of their modules.
    """
    rows = list(rows)
    parts = [_HEAD]
    for section in SECTIONS:
        own = [row for row in rows if row.test.startswith(f"{section.module}::")]
        lines = [f"| {row.fault} | {row.promise} | `{row.test}` |" for row in (*own, *section.elsewhere)]
        table = "\n".join(["| Fault | Promise | Test |", "| --- | --- | --- |", *lines])
        parts += [f"## {section.title}", *([section.intro] if section.intro else []), table]
    return "\n\n".join(parts) + "\n"


class _Collector:
    """Keeps what pytest collects."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.rows = [row for item in session.items if (row := row_of(item))]


def main() -> int:
    """Write the page, or say whether it is current."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/faults.md")
    is_writing = parser.parse_args().write
    collector = _Collector()
    pytest.main(["--collect-only", "-qq", str(Path(__file__).parent)], plugins=[collector])
    page = render(collector.rows)
    if is_writing:
        DOCUMENT.write_text(page, "utf-8")
    return int(page != DOCUMENT.read_text("utf-8"))


if __name__ == "__main__":
    sys.exit(main())
