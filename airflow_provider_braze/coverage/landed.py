"""What one task landed, as a page: the counts that the task returned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final

import msgspec

from airflow_provider_braze.core.text import counted
from airflow_provider_braze.core.zones import ONE_DAY
from airflow_provider_braze.coverage.excerpt import Count, Seconds, Text, convert
from airflow_provider_braze.coverage.markup import days_of, render_document, table, value_of
from airflow_provider_braze.series import all_series

_MOST_TABLES: Final = 20


class _Window(msgspec.Struct):
    start: date
    end: date


class _Subjects(msgspec.Struct):
    landed: Count
    rejected: Count
    failed: Count
    with_missing_days: Count


class _Restatement(msgspec.Struct):
    rows: Count
    changed: Count
    oldest_changed_age: Count | None


class _Landed(msgspec.Struct):
    window: _Window
    timezone: Text
    lookback_days: Count
    changed_days: Count
    restatement: _Restatement
    rows: Annotated[dict[Text, Count], msgspec.Meta(max_length=_MOST_TABLES)]
    requests: Count
    retries: Count
    seconds: Seconds
    record: Text


def render_landed(task: str, value: object) -> str:
    """Return the page of what a landing task returned.

    :param task: name of the task.
    :param value: its summary, from XCom.
    :raises ValueError: the value is something else.
    """
    found = convert(value, _Landed)
    subjects = _read_subjects(value)
    if found.window.start >= found.window.end:
        raise ValueError("The window ends before it starts.")
    last = found.window.end - ONE_DAY
    facts = [
        ["days", days_of(found.window.start.isoformat(), last.isoformat())],
        ["time zone", value_of(found.timezone)],
        ["lookback", value_of(counted(found.lookback_days, "day"))],
        ["changed days", value_of(found.changed_days)],
        ["stored rows compared", value_of(found.restatement.rows)],
        ["of these changed", value_of(_changed(found.restatement))],
        ["requests", value_of(f"{counted(found.requests, 'request')}, {counted(found.retries, 'retry', 'retries')}")],
        ["seconds", value_of(found.seconds)],
        ["record", value_of(found.record)],
    ]
    rows = [[value_of(name), value_of(number)] for name, number in found.rows.items()]
    content = table("Run", ["", ""], facts) + table("Rows by table", ["table", "rows"], rows) + _table_of(subjects)
    return render_document("Landed by", task, "As the task returned it.", content)


def _read_subjects(value: object) -> dict[str, _Subjects]:
    """Return the counts by the plural of their series."""
    given = value if isinstance(value, Mapping) else {}
    return {each.plural: convert(given[each.name], _Subjects) for each in all_series() if each.name in given}


def _table_of(subjects: Mapping[str, _Subjects]) -> str:
    rows = [
        [value_of(name), *(value_of(number) for number in msgspec.structs.astuple(each))]
        for name, each in subjects.items()
    ]
    return table("Subjects", ["", "landed", "rejected", "failed", "with missing days"], rows) if rows else ""


def _changed(found: _Restatement) -> str:
    oldest = "" if found.oldest_changed_age is None else f", the oldest at age {found.oldest_changed_age}"
    return f"{found.changed}{oldest}"


def render_nothing(task: str) -> str:
    """Return the page of a task that returned nothing to show."""
    hint = (
        "<p>This page shows what a task of the Braze provider returned through XCom: <code>BrazeCoverageOperator</code>"
        " and the landing tasks. A task that still runs has returned nothing yet. A value that a custom XCom backend"
        " keeps outside of Airflow's database is not read.</p>"
    )
    return render_document("Nothing to show for", task, "", hint)
