from __future__ import annotations

import pytest

from airflow_provider_braze.core.lookback import MAX_LOOKBACK_DAYS, Lookback, find_lookback

DAY = 86_400


@pytest.mark.parametrize(
    ("window", "days"),
    [
        (0, 3),
        (1, 4),
        (3_600, 4),
        (DAY, 4),
        (DAY + 1, 5),
        (7 * DAY, 10),
        (30 * DAY, 33),
        (45 * DAY, 48),
        (3_657 * DAY, MAX_LOOKBACK_DAYS),
        (3_658 * DAY, MAX_LOOKBACK_DAYS),
        (2**63 - 1, MAX_LOOKBACK_DAYS),
    ],
)
def test_find_lookback_is_the_window_in_whole_days_plus_three(window, days):
    assert find_lookback((window, "c"), unknown=0) == Lookback(days, "c", window, 0)


def test_find_lookback_without_a_window_is_the_default():
    assert find_lookback(None, unknown=0) == Lookback(30)


@pytest.mark.parametrize(("longest", "days"), [(None, 30), (7 * DAY, 30), (27 * DAY, 30), (28 * DAY, 31)])
def test_find_lookback_without_some_details_is_at_least_the_default(longest, days):
    found = find_lookback(longest and (longest, "c"), unknown=2)
    assert (found.days, found.unknown) == (days, 2)


@pytest.mark.parametrize(
    ("lookback", "text"),
    [
        (Lookback(30), "30 days: no campaign has a conversion window"),
        (Lookback(10, "c", 7 * DAY), "10 days: campaign c has the longest conversion window (7 days)"),
        (Lookback(4, "c", 3_600), "4 days: campaign c has the longest conversion window (3600 s)"),
        (
            Lookback(30, "c", DAY, 2),
            "30 days: campaign c has the longest conversion window (1 day); at least 30, because details of "
            "2 campaigns are missing",
        ),
    ],
)
def test_lookback_as_text_has_its_reason(lookback, text):
    assert str(lookback) == text
