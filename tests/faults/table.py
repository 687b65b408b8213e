"""Promises of the fault tests, as values, and ``docs/faults.md``, which is rendered from them.

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
    """The run succeeds, and every figure has landed.

    :param note: further promises.
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
    :param note: further promises.
    """

    error: type[BaseException]
    of: type[BaseException] | None = None
    permanent: bool = False
    writes_nothing: bool = False
    note: str = ""
    is_complete = False

    @property
    def errors(self) -> list[str]:
        """Return the names of the classes."""
        return [each.__name__ for each in (self.error, self.of) if each]

    def __str__(self) -> str:
        names = " of ".join(f"`{name}`" for name in self.errors)
        notes = ["nothing is written" if self.writes_nothing else "", self.note]
        return "; ".join(filter(None, [names + (", no retry" if self.permanent else ""), *notes]))


Promise = Complete | Fails


@dataclass(frozen=True)
class Case:
    """One case of a parametrised test.

    :param fault: description for the table.
    :param value: argument of the test.
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
    """Mark a test with its fault and its promise."""
    return pytest.mark.fault(words, promise)


def each_case(argument: str, cases: Mapping[str, Case]) -> pytest.MarkDecorator:
    """Parametrise a test with named cases."""
    params = [pytest.param(each.value, id=name, marks=fault(each.fault, each.promise)) for name, each in cases.items()]
    return pytest.mark.parametrize(argument, params)


def row_of(item: pytest.Item) -> Row | None:
    """Return the row of a test, None when it has no mark."""
    mark = item.get_closest_marker("fault")
    return mark and Row(*mark.args, f"{item.path.name}::{item.name}")


@dataclass(frozen=True)
class Section:
    """A part of the page.

    :param module: file of its tests.
    :param elsewhere: rows with tests of other folders.
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
        elsewhere=(
            Row(
                "a key in the host field",
                "`BrazeConfigError`, no retry; the key is not quoted",
                "transport/test_connection.py::test_connection_host_with_the_key_is_rejected_without_showing_it",
            ),
            Row(
                "a header line without a colon that echoes the key",
                "the logs of all HTTP libraries do not contain the key",
                "test_key_stays_secret.py::test_echoed_key_is_in_no_log_and_no_error",
            ),
            Row(
                "an error body of backslashes",
                "the key is removed in linear time",
                "core/test_models.py::test_scrub_takes_linear_time",
            ),
            Row(
                "a task is stopped while it connects",
                "the task ends within two seconds",
                "transport/test_sync_transport.py::test_stop_ends_the_connection_attempt",
            ),
            Row(
                "a trigger with `poke_interval=0`",
                "at most one check every ten seconds",
                "triggers/test_triggers.py::test_trigger_never_checks_more_often_than_every_ten_seconds",
            ),
            Row(
                "a trigger with a day that is not a date",
                "an event with the class of the error",
                "triggers/test_triggers.py::test_trigger_with_an_invalid_date_returns_the_error",
            ),
            Row(
                "a trigger whose connection does not exist",
                "an event with the class of the error",
                "triggers/test_triggers.py::test_trigger_without_a_connection_returns_the_error",
            ),
        ),
    ),
    Section(
        "In the responses",
        "test_responses.py",
        elsewhere=(
            Row(
                "a day missing for all of ten or more campaigns",
                "`BrazeMissingDaysError`; all other days land",
                "transfers/test_transfer.py::test_day_that_no_campaign_returned_is_an_error",
            ),
            Row(
                "a day missing for all campaigns of a part that has at least three",
                "`BrazeMissingDaysError`; all other days land",
                "fetch/test_outcome.py::test_error_of_a_part_requires_its_share_of_campaigns_and_at_least_three",
            ),
        ),
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
                "landing/test_first_use.py::test_store_without_conditional_writes_is_rejected_with_the_setting_that_allows_it",
            ),
            Row(
                "a store that rejects checksum headers",
                "`OSError` that names the object; a setting of the connection helps",
                "landing/test_first_use.py::test_store_that_rejects_checksum_headers_works_with_the_documented_setting",
            ),
            Row(
                "a destination that no store could use",
                "`BrazeConfigError`, when the Dag is parsed or before the first request",
                "landing/test_destination.py::test_unusable_destination_is_rejected",
            ),
            Row(
                "an `object_storage_conn_id` that does not exist",
                "`BrazeConfigError`, no retry; nothing is written",
                "landing/test_store.py::test_missing_connection_is_rejected_by_name",
            ),
            Row(
                "a `spool_folder` that does not exist",
                "`BrazeConfigError`, no retry; no request is made",
                "landing/test_spool.py::test_check_of_a_missing_folder_names_the_argument",
            ),
            Row(
                "a first run that fails before any data is written",
                "its own error; the destination is not claimed, so another time zone may follow",
                "transfers/test_transfer.py::test_run_that_fails_before_any_data_writes_no_layout",
            ),
            Row(
                "credentials that the store does not accept, or that lack a permission",
                "`PermissionError` that names the connection and all permissions",
                "landing/test_store.py::test_denied_write_loses_nothing_and_names_the_remedy",
            ),
            Row(
                "an address that names another connection than `object_storage_conn_id`",
                "`BrazeConfigError` that names both",
                "landing/test_destination.py::test_two_connections_are_rejected",
            ),
            Row(
                "a store without its package",
                "`BrazeConfigError`, no retry; the error names the extra",
                "landing/test_store.py::test_destination_whose_package_is_missing_names_what_to_install",
            ),
            Row(
                "a destination with characters that are not ASCII, and an `AssetAlias`",
                "complete; the URI of the asset is percent-encoded",
                "task/test_asset_events.py::test_alias_becomes_an_asset_that_airflow_accepts",
            ),
            Row(
                "a `spool_folder` on a full disk",
                "`OSError` that names the argument; no request is made",
                "landing/test_spool.py::test_check_of_a_full_disk_fails_and_may_be_retried",
            ),
            Row(
                "copies of a task in a mapped group over one destination",
                "`BrazeConfigError`, no retry; no request is made",
                "task/test_mapping.py::test_copy_in_a_mapped_group_over_one_destination_fails_before_any_request",
            ),
            Row(
                "two tasks land over one window, or a rerun ends before the consumer reads",
                "each try has its own record, with its own changed days",
                "landing/test_journal.py::test_runs_over_one_window_have_separate_records",
            ),
            Row(
                "a run is killed while another one ends",
                "the next runs report its days",
                "landing/test_journal.py::test_killed_try_is_no_longer_reported_once_it_cannot_be_running",
            ),
            Row(
                "a slow run fails after a faster run over other days succeeded",
                "the next run reports its days",
                "landing/test_journal.py::test_try_that_may_still_run_is_reported_by_each_run_until_it_ends",
            ),
            Row(
                "a second try is killed after another run saw the first one end",
                "the next run reports its days",
                "landing/test_journal.py::test_killed_second_try_is_not_settled_with_the_first",
            ),
            Row(
                "a retry has another window, because a conversion window was edited",
                "it also reports the days of the first try",
                "landing/test_journal.py::test_try_over_another_window_is_reported",
            ),
            Row(
                "a task fails after it landed, because its result does not reach Airflow",
                "its retry reports the days again; `changed_days()` returns them without a retry",
                "landing/test_journal.py::test_retry_reports_the_days_of_a_success_that_airflow_did_not_record",
            ),
            Row(
                "any order of runs, tries, failures, kills and lost responses",
                "a consumer of the events, and one of the journal, recompute every changed day",
                "landing/test_journal_model.py::test_interleavings_report_every_change_and_keep_newer_data",
            ),
            Row(
                "a slow run publishes after a run that fetched later",
                "complete; the rows of the later fetch stay, and the log says so",
                "transfers/test_newer_data.py::test_slow_run_keeps_the_days_that_a_later_fetch_landed",
            ),
            Row(
                "the same, when the later fetch landed fewer tables",
                "complete; the other tables have the rows of the slow run",
                "transfers/test_newer_data.py::test_slow_run_lands_tables_that_the_later_fetch_did_not_land",
            ),
            Row(
                "a slow run lands list and details after a run that read them later",
                "complete; those of the later run stay, and the log says so",
                "transfers/test_newer_data.py::test_slow_run_leaves_the_list_and_the_details_that_a_later_run_landed",
            ),
            Row(
                "two tasks land different tables of the same days at once",
                "complete; neither fails",
                "transfers/test_newer_data.py::test_runs_of_different_tables_at_the_same_time_do_not_conflict",
            ),
            Row(
                "a list object that is broken",
                "complete; the next list replaces it",
                "landing/test_publish.py::test_publish_whole_over_a_broken_object_replaces_it",
            ),
            Row(
                "two workers land the same days at once",
                "complete; the rows of both are there",
                "transfers/test_crashes.py::test_two_concurrent_runs_lose_nothing_of_either",
            ),
            Row(
                "a worker is killed, at any moment",
                "each object is whole, old or new; a rerun is complete, and reports all changed days",
                "transfers/test_crashes.py::test_rerun_after_a_kill_at_any_moment_completes_the_days",
            ),
            Row(
                "a worker is killed in the very first run",
                "a rerun is complete",
                "transfers/test_crashes.py::test_rerun_after_a_killed_first_run_lands_all",
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
    """Keeps the rows of the collected tests."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.rows = [row for item in session.items if (row := row_of(item))]


def main() -> int:
    """Write the page, or check whether it is current."""
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
