"""The page of one landing task."""

from __future__ import annotations

import copy

import pytest

from airflow_provider_braze.coverage.landed import render_landed, render_nothing
from tests.coverage.test_page import HOSTILE, Elements

SUMMARY = {
    "window": {"start": "2026-10-20", "end": "2026-11-20"},
    "rule": "schedule",
    "timezone": "America/New_York",
    "days": 31,
    "lookback_days": 30,
    "changed_days": 3,
    "restatement": {"rows": 40, "changed": 2, "oldest_changed_age": 12},
    "campaigns": {"landed": 11, "rejected": 1, "failed": 0, "with_missing_days": 2},
    "details": None,
    "rows": {"campaign_days": 341, "campaign_messages": 700},
    "requests": 12,
    "retries": 1,
    "seconds": 4.2,
    "record": "s3://lake/braze/_braze/campaigns/journal/1.json",
}


def test_page_has_the_days_and_the_counts():
    page = render_landed("land_campaigns", SUMMARY)
    for text in ("2026-10-20 to 2026-11-19", "2, the oldest at age 12", "341", "12 requests, 1 retry", "campaigns"):
        assert text in page
    # An address of a Dag author is text.
    assert not [tag for tag, _ in Elements(page).found if tag in ("a", "iframe", "img")]


@pytest.mark.parametrize("name", SUMMARY)
def test_values_become_neither_markup_nor_another_error(name):
    for bad in (*HOSTILE, None, -1, [], {}, {"<b>": 1}, {"start": "9999-12-31", "end": "0001-01-01"}):
        try:
            page = render_landed("land", {**copy.deepcopy(SUMMARY), name: bad})
        except ValueError:
            continue
        assert not {tag for tag, _ in Elements(page).found} & {"script", "img", "b"}


@pytest.mark.parametrize("value", [None, "text", 3, [SUMMARY], {}, {"days": 31}])
def test_other_values_are_rejected(value):
    with pytest.raises(ValueError, match=r"Expected|missing"):
        render_landed("land", value)


@pytest.mark.parametrize("task", HOSTILE)
def test_name_of_a_task_is_escaped(task):
    for page in (render_nothing(task), render_landed(task, SUMMARY)):
        assert not {tag for tag, _ in Elements(page).found} & {"script", "img"}
