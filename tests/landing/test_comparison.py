"""Which figures differ, by how much, and which of them the verdict names."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from airflow_provider_braze.landing.comparison import Comparison, build_verdict
from airflow_provider_braze.series.campaigns import CAMPAIGNS

LAST = date(2026, 11, 19)


def days_of_ages(figures):
    """Return rows of the day table, one for each age."""
    return [
        {"campaign_id": "c", "day": LAST - timedelta(days=age), "other": None, **each} for age, each in figures.items()
    ]


def messages_of_ages(figures):
    """Return rows of the message table, one for each age."""
    keys = {"channel": "email", "variation_api_id": None, "variation_name": None, "position": 0}
    return [row | keys for row in days_of_ages(figures)]


def compare(landed, returned, *, landed_messages=None, returned_messages=None):
    """Return the comparison of one campaign, from its figures by age."""
    sides = [
        {"campaign_days": days_of_ages(days), "campaign_messages": messages_of_ages(messages or {})}
        for days, messages in ((landed, landed_messages), (returned, returned_messages))
    ]
    lacking = {LAST - timedelta(days=age): frozenset[str]() for age in landed}
    comparison = Comparison(CAMPAIGNS, LAST)
    comparison.add("c", *sides, {"campaign_days": lacking, "campaign_messages": lacking})
    return comparison


def test_share_counts_only_ages_at_which_the_figure_differs():
    # Age 31 is equal, so its large figure takes no part.
    landed = {31: {"conversions": 1000}, 32: {"conversions": 10}, 34: {"conversions": 30}}
    returned = {31: {"conversions": 1000}, 32: {"conversions": 12}, 34: {"conversions": 28}}
    comparison = compare(landed, returned)
    assert comparison.share(("campaign_days", "conversions")) == pytest.approx(4 / 40)
    found = comparison.differences["campaign_days", "conversions"]
    assert {age: (each.rows, each.landed, each.returned, each.amount) for age, each in found.items()} == {
        32: (1, 10, 12, 2),
        34: (1, 30, 28, 2),
    }


def test_share_of_texts_and_of_figures_without_a_sum_counts_rows():
    landed = {31: {"other": '{"a":1}', "revenue": 0.5}, 32: {"other": "{}", "revenue": 0.5}}
    returned = {31: {"other": '{"a":2}', "revenue": 0.0}, 32: {"other": "{}", "revenue": 0.5}}
    comparison = compare(landed, returned)
    assert comparison.share(("campaign_days", "other")) == 1.0
    assert comparison.share(("campaign_days", "revenue")) == 1.0


def test_null_differs_from_0():
    comparison = compare({31: {"conversions": None}}, {31: {"conversions": 0}})
    assert (comparison.changed_days, comparison.share(("campaign_days", "conversions"))) == (1, 1.0)


def test_verdict_names_the_figure_of_the_day_table_that_differs_in_most_rows():
    landed = {age: {"conversions": 1, "revenue": 1.0} for age in (31, 32, 33)}
    returned = {
        31: {"conversions": 2, "revenue": 2.0},
        32: {"conversions": 1, "revenue": 2.0},
        33: {"conversions": 1, "revenue": 1.0},
    }
    messages = {age: {"sent": 1} for age in landed}
    comparison = compare(
        landed, returned, landed_messages=messages, returned_messages={age: {"sent": 2} for age in landed}
    )
    assert [cell for _, cell in comparison.figures()] == ["revenue", "conversions", "sent"]
    verdict = build_verdict(comparison, lookback_days=30, oldest_age=40)
    assert verdict == "days older than 30 still change: 50.00% of revenue at age 31 to 32; set lookback_days=35"


@pytest.mark.parametrize(
    ("oldest_age", "advice"),
    [(35, "set lookback_days=35"), (34, "lookback_days=35 may still be too short, so audit older days too")],
)
def test_verdict_suggests_older_days_where_the_oldest_ones_differ(oldest_age, advice):
    comparison = compare({34: {"conversions": 1}}, {34: {"conversions": 2}})
    assert build_verdict(comparison, lookback_days=30, oldest_age=oldest_age).endswith(f"; {advice}")
