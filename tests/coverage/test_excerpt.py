"""The content of XCom: bounded, renders the same page, and other content is rejected."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from datetime import date

import pytest

from airflow_provider_braze.coverage.excerpt import for_xcom, read_excerpt
from airflow_provider_braze.coverage.model import build_coverage
from airflow_provider_braze.coverage.page import render_excerpt, render_page
from airflow_provider_braze.series import all_series
from tests.coverage.evidence import days, evidence, past_try
from tests.coverage.test_page import HOSTILE, NOW, Elements, coverage

BAD = [None, "<script>alert(1)</script>", "9" * 700, -1, 10**30, math.nan, math.inf, [], {}, [[]], {"a": 1}, True]


def through_json(value):
    return json.loads(json.dumps(value))


def places(value, path=()) -> Iterator[tuple]:
    yield path
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(each, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return value


def test_xcom_renders_the_same_page_as_the_destination():
    document = coverage(failed=HOSTILE[:2])
    assert render_excerpt(read_excerpt(through_json(for_xcom(document)))) == render_page(document)


def test_figure_close_to_zero_may_grow_by_any_factor():
    change = {"2": {"rows": 5, "changed": 1, "figures": {"revenue": [0.01, 20_000.0]}}}
    every = days(date(2026, 11, 16), 10)
    found = evidence([past_try(day, restatement=change) for day in every], every)
    document = build_coverage("s3://lake/braze", [found], NOW)
    assert render_excerpt(read_excerpt(through_json(for_xcom(document)))) == render_page(document)


def test_xcom_is_bounded_for_five_years_in_which_everything_fails():
    names = [f"{number} {'é' * 300}" for number in range(3000)]
    every = days(date(2021, 11, 26), 1826)
    landed = every[::2]
    found = [
        evidence(
            [
                past_try(
                    every[-1],
                    30,
                    failed=names,
                    rejected=names,
                    drift=dict.fromkeys(names, 1),
                    run_id="r" * 250,
                    error="e" * 2000,
                    restatement={
                        str(age): {"rows": 1, "changed": 1, "figures": {"conversions": [1, 2]}} for age in range(1826)
                    },
                )
            ],
            landed,
            series=each.name,
        )
        for each in all_series()
    ]
    shown = for_xcom(build_coverage("s3://lake/braze", found, NOW))
    assert len(json.dumps(shown, ensure_ascii=False).encode()) < 100_000 * len(found)
    assert shown["series"]["campaigns"]["left_out"]["failed"] == 2980
    page = render_excerpt(read_excerpt(through_json(shown)))
    assert "2980 more in coverage.json" in page
    assert "Older days are in coverage.json." in page
    assert ">3000<" in page


def test_values_of_a_dag_author_become_neither_markup_nor_an_error():
    shown = through_json(for_xcom(coverage(number=6, failed=HOSTILE[:1])))
    for path in places(shown):
        for bad in BAD:
            changed = replaced(shown, path, bad)
            try:
                page = render_excerpt(read_excerpt(changed))
            except ValueError:
                continue
            tags = {tag for tag, _ in Elements(page).found}
            assert not tags & {"script", "img", "iframe"}, path


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("0001-01-01", "9999-12-31"),
        ("9999-12-30", "9999-12-31"),
        ("2026-11-02", "2026-11-01"),
        ("2000-01-01", "2199-01-01"),
    ],
)
def test_calendar_that_cannot_be_drawn_is_rejected(start, end):
    shown = through_json(for_xcom(coverage()))
    shown["series"]["campaigns"]["calendar"] = [{"state": "final", "start": start, "end": end}]
    with pytest.raises(ValueError, match="calendar"):
        read_excerpt(shown)


@pytest.mark.parametrize("value", [None, "s3://lake/xcom.json", 1, [], {}, {"series": {}}])
def test_other_values_are_rejected(value):
    with pytest.raises(ValueError, match=r"Expected|missing"):
        read_excerpt(value)
