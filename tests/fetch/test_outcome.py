from __future__ import annotations

from datetime import date, timedelta

import pytest

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import (
    BrazeAuthError,
    BrazeDataError,
    BrazeMissingDaysError,
    BrazeNotFoundError,
    BrazePartialError,
    BrazeRateLimitError,
    BrazeRequestError,
    BrazeServerError,
    BrazeTransportError,
)
from airflow_provider_braze.fetch.outcome import Outcome, error_of, format_drift, format_warnings
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.series.canvases import CANVASES

NEVER_CHANCE = CAMPAIGNS.min_subjects_for_outage
FIRST = date(2026, 11, 16)
DAYS = [FIRST + timedelta(days=i) for i in range(3)]
WINDOW = Window(FIRST, FIRST + timedelta(days=3))
LAST = DAYS[-1]

BAD_ID = BrazeRequestError("Braze returned 400.", 400)
NOT_FOUND = BrazeNotFoundError("Braze returned 404.", 404)
TOO_LARGE = BrazeRequestError("Braze returned 413.", 413)
NO_RESPONSE = BrazeTransportError("No response.")
BAD_DATA = BrazeDataError("A row is not an object.", "$.data[0]")

REJECTIONS = [BAD_ID, NOT_FOUND]
FAILURES = [TOO_LARGE, NO_RESPONSE, BAD_DATA, BrazeServerError("Failed.", 500), BrazeRateLimitError("Spent.")]


def an_outcome(landed=1, lacking=0, lacks=(LAST,), failed=None, listed=True, window=WINDOW) -> Outcome:
    """Build an outcome of campaigns that landed, some of them with missing days, and of campaigns that failed."""
    outcome = Outcome(listed)
    for i in range(landed):
        outcome.add_returned(f"c{i:03d}", window, [day for day in window if i >= lacking or day not in lacks])
    for campaign_id, error in (failed or {}).items():
        outcome.add_failure(campaign_id, error)
    return outcome


def judge(outcome, on_campaign_error="fail", missing="warn"):
    return error_of(CAMPAIGNS, outcome, on_error=on_campaign_error, missing=missing, skip_argument="on_campaign_error")


def many(count: int, error: Exception = NO_RESPONSE) -> dict[str, Exception]:
    return {f"bad{i:03d}": error for i in range(count)}


def test_outcome_contains_the_missing_days():
    outcome = an_outcome(landed=2, lacking=1, lacks=DAYS[1:])
    assert outcome.landed == 2
    assert outcome.missing == {"c000": DAYS[1:]}


@pytest.mark.parametrize("error", REJECTIONS)
def test_outcome_of_a_rejected_listed_campaign_is_rejected(error):
    outcome = an_outcome(failed={"x": error}, listed=True)
    assert (outcome.rejected, outcome.failed) == ({"x": error}, {})


@pytest.mark.parametrize("error", REJECTIONS)
def test_outcome_of_a_rejected_given_campaign_is_failed(error):
    outcome = an_outcome(failed={"x": error}, listed=False)
    assert (outcome.rejected, outcome.failed) == ({}, {"x": error})


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("error", FAILURES)
def test_outcome_of_any_other_failure_is_failed(error, listed):
    outcome = an_outcome(failed={"x": error}, listed=listed)
    assert (outcome.rejected, outcome.failed) == ({}, {"x": error})


@pytest.mark.parametrize("on_campaign_error", ["fail", "skip"])
@pytest.mark.parametrize("missing", ["warn", "fail", "ignore"])
def test_error_of_is_none_when_all_landed(on_campaign_error, missing):
    assert judge(an_outcome(landed=20), on_campaign_error, missing) is None
    assert format_warnings(CAMPAIGNS, an_outcome(landed=20), missing) == []


@pytest.mark.parametrize("on_campaign_error", ["fail", "skip"])
def test_error_of_is_none_without_campaigns(on_campaign_error):
    assert judge(an_outcome(landed=0), on_campaign_error) is None


def test_error_of_is_none_with_a_warning_for_rejected_campaigns():
    outcome = an_outcome(failed={"x": BAD_ID, "y": NOT_FOUND})
    assert judge(outcome) is None
    assert format_warnings(CAMPAIGNS, outcome, "warn") == [
        "Skipped 2 campaigns that Braze lists but rejects: x, y (the first: BrazeRequestError: Braze returned 400.)"
    ]


@pytest.mark.parametrize("on_campaign_error", ["fail", "skip"])
def test_error_of_is_permanent_when_all_were_rejected(on_campaign_error):
    error = judge(an_outcome(landed=0, failed=many(2, BAD_ID)), on_campaign_error)
    assert isinstance(error, BrazePartialError)
    assert str(error).startswith("No campaign was returned: bad000, bad001 (the first: ")
    assert error.is_permanent
    assert error.failures == dict.fromkeys(many(2), "BrazeRequestError: Braze returned 400.")


@pytest.mark.parametrize("on_campaign_error", ["fail", "skip"])
def test_error_of_names_both_when_all_were_rejected_or_failed(on_campaign_error):
    error = judge(an_outcome(landed=0, failed={"x": BAD_ID, "y": NO_RESPONSE}), on_campaign_error)
    assert isinstance(error, BrazePartialError)
    assert error.failures.keys() == {"x", "y"}
    assert not error.is_permanent


def test_error_of_does_not_suggest_to_skip_when_nothing_was_returned():
    assert "skip" not in str(judge(an_outcome(landed=0, failed=many(1))))


def test_error_of_names_only_failed_campaigns():
    error = judge(an_outcome(landed=5, failed={"x": NO_RESPONSE, "y": BAD_ID}))
    assert isinstance(error, BrazePartialError)
    assert str(error).startswith("1 campaign failed, the other 5 were returned: x (BrazeTransportError: No response.).")
    assert "`on_campaign_error` to 'skip'" in str(error)
    assert error.failures == {"x": "BrazeTransportError: No response."}


def test_error_of_is_none_with_a_warning_for_failed_campaigns_to_skip():
    outcome = an_outcome(landed=5, failed={"x": NO_RESPONSE})
    assert judge(outcome, "skip") is None
    assert format_warnings(CAMPAIGNS, outcome, "warn") == [
        "Skipped 1 campaign that failed: x (BrazeTransportError: No response.)"
    ]


@pytest.mark.parametrize(
    ("errors", "is_permanent"),
    [
        ([BAD_ID], True),
        ([BAD_ID, NOT_FOUND, TOO_LARGE, BrazeAuthError("Forbidden.", 403)], True),
        ([BAD_ID, NO_RESPONSE], False),
        ([BAD_DATA], False),
        ([BrazeRateLimitError("Spent.")], False),
        ([BrazeServerError("Failed.", 500)], False),
    ],
)
def test_error_of_is_permanent_only_if_all_failures_are(errors, is_permanent):
    outcome = an_outcome(failed={f"x{i}": error for i, error in enumerate(errors)}, listed=False)
    assert judge(outcome).is_permanent is is_permanent


def test_error_of_does_not_suggest_a_rerun_for_a_permanent_failure():
    assert "again" not in str(judge(an_outcome(failed={"x": BAD_ID}, listed=False)))
    assert "Run the task again" in str(judge(an_outcome(failed={"x": NO_RESPONSE}, listed=False)))


def test_error_of_names_twenty_campaigns_and_counts_the_others():
    assert "bad018, bad019 (the first: " in str(judge(an_outcome(failed=many(20))))
    text = str(judge(an_outcome(failed=many(23))))
    assert "bad018, bad019 and 3 more (the first: " in text
    assert "bad020" not in text
    assert len(judge(an_outcome(failed=many(23))).failures) == 23


def test_error_of_is_none_with_a_warning_for_missing_days_to_warn_of():
    outcome = an_outcome(landed=3, lacking=2, lacks=DAYS[1:])
    assert judge(outcome, missing="warn") is None
    assert format_warnings(CAMPAIGNS, outcome, "warn") == [
        "Days are missing for 2 campaigns: c000 2026-11-17, 2026-11-18; c001 2026-11-17, 2026-11-18"
    ]


def test_error_of_is_none_without_a_warning_for_missing_days_to_ignore():
    outcome = an_outcome(landed=30, lacking=30)
    assert judge(outcome, missing="ignore") is None
    assert format_warnings(CAMPAIGNS, outcome, "ignore") == []


def test_error_of_names_campaigns_and_days_for_missing_days_to_fail():
    error = judge(an_outcome(landed=3, lacking=1), missing="fail")
    assert isinstance(error, BrazeMissingDaysError)
    assert str(error).startswith(
        "Days are missing for 1 campaign: c000 2026-11-18. Everything else was returned. Run the task"
    )
    assert error.path == "$.data"


def test_error_of_names_twenty_of_many_missing_days_and_campaigns():
    window = Window(FIRST, FIRST + timedelta(days=25))
    outcome = an_outcome(landed=24, lacking=23, lacks=list(window), window=window)
    text = str(judge(outcome, missing="fail"))
    assert "2026-12-04, 2026-12-05 and 5 more days; c001" in text
    assert "2026-12-06" not in text
    assert "and 3 more. Everything" in text
    assert "c019" in text
    assert "c020" not in text


@pytest.mark.parametrize("missing", ["warn", "fail"])
def test_error_of_is_an_error_for_a_day_that_ten_campaigns_all_lack(missing):
    error = judge(an_outcome(landed=NEVER_CHANCE, lacking=NEVER_CHANCE), missing=missing)
    assert isinstance(error, BrazeMissingDaysError)
    assert str(error).startswith("None of the 10 campaigns returned data for 2026-11-18. All other days were returned.")
    assert "`timezone`" in str(error)


def test_error_of_is_none_for_a_day_that_nine_campaigns_all_lack():
    outcome = an_outcome(landed=9, lacking=9)
    assert judge(outcome) is None
    assert outcome.missing_for_all(NEVER_CHANCE) == []


def test_error_of_is_none_for_a_day_that_all_except_one_lack():
    assert judge(an_outcome(landed=11, lacking=10)) is None


def test_error_of_is_none_when_all_lack_different_days():
    outcome = Outcome(is_listed=True)
    for i in range(12):
        outcome.add_returned(f"c{i}", WINDOW, [day for day in DAYS if day != DAYS[i % 3]])
    assert outcome.missing_for_all(NEVER_CHANCE) == []
    assert judge(outcome) is None


def test_missing_for_all_returns_the_days_that_no_campaign_returned_sorted():
    outcome = an_outcome(landed=10, lacking=10, lacks=[DAYS[2], DAYS[0]])
    outcome.add_returned("more", WINDOW, [])
    assert outcome.missing_for_all(NEVER_CHANCE) == [DAYS[0], DAYS[2]]


def test_missing_for_all_does_not_count_campaigns_that_failed():
    outcome = an_outcome(landed=9, lacking=9, failed=many(5))
    assert outcome.missing_for_all(NEVER_CHANCE) == []


def test_missing_for_all_does_not_count_days_before_the_first_one_of_a_subject():
    outcome = Outcome(is_listed=True, may_start_late=True)
    for i in range(12):
        outcome.add_returned(f"c{i}", WINDOW, DAYS[1:])
    assert outcome.missing_for_all(NEVER_CHANCE) == []
    assert error_of(CANVASES, outcome, missing="fail") is None


@pytest.mark.parametrize(("started", "lacks_for_all"), [(NEVER_CHANCE, [LAST]), (NEVER_CHANCE - 1, [])])
def test_missing_for_all_counts_the_subjects_that_have_started(started, lacks_for_all):
    outcome = Outcome(is_listed=True, may_start_late=True)
    for i in range(20):
        outcome.add_returned(f"c{i}", WINDOW, DAYS[1:2] if i < started else [])
    assert outcome.missing_for_all(NEVER_CHANCE) == lacks_for_all


def test_missing_for_all_of_subjects_without_any_day_is_the_window():
    outcome = Outcome(is_listed=True, may_start_late=True)
    for i in range(NEVER_CHANCE):
        outcome.add_returned(f"c{i}", WINDOW, [])
    assert outcome.missing_for_all(NEVER_CHANCE) == DAYS


@pytest.mark.parametrize(
    ("parts", "campaigns", "is_error"), [(1, 9, False), (2, 5, True), (2, 4, False), (16, 3, True), (16, 2, False)]
)
def test_error_of_a_part_requires_its_share_of_campaigns_and_at_least_three(parts, campaigns, is_error):
    outcome = an_outcome(landed=campaigns, lacking=campaigns)
    error = error_of(CAMPAIGNS, outcome, missing="warn", parts=parts)
    assert isinstance(error, BrazeMissingDaysError) is is_error


def test_error_of_failed_campaigns_takes_precedence_over_missing_days():
    outcome = an_outcome(landed=10, lacking=10, failed={"x": NO_RESPONSE})
    assert isinstance(judge(outcome, "fail", "fail"), BrazePartialError)
    assert isinstance(judge(outcome, "skip", "fail"), BrazeMissingDaysError)
    assert isinstance(judge(outcome, "skip", "warn"), BrazeMissingDaysError)
    assert judge(outcome, "skip", "ignore") is None


def test_warnings_name_keys_without_a_column():
    outcome = an_outcome()
    outcome.drift.update(["messages.email.machine_open", "day.conversions4", "day.conversions4"])
    assert format_drift(outcome) == (
        "Braze sent 2 keys that the tables have no column for. Their values are in `other`: "
        "day.conversions4, messages.email.machine_open"
    )
    assert format_warnings(CAMPAIGNS, outcome, "warn") == []


def test_drift_of_known_keys_is_not_a_warning():
    assert format_drift(an_outcome()) is None


def test_warnings_name_twenty_keys_and_count_the_others():
    outcome = an_outcome()
    outcome.drift.update(f"day.k{i:02d}" for i in range(22))
    text = format_drift(outcome)
    assert text.startswith("Braze sent 22 keys")
    assert text.endswith("day.k18, day.k19 and 2 more")


def test_format_warnings_returns_one_line_per_kind():
    outcome = an_outcome(landed=3, lacking=1, failed={"x": BAD_ID, "y": NO_RESPONSE})
    assert len(format_warnings(CAMPAIGNS, outcome, "warn")) == 3
    assert len(format_warnings(CAMPAIGNS, outcome, "ignore")) == 2


def test_outcome_joins_the_chunks_of_a_window():
    earlier = Window(FIRST - timedelta(days=2), FIRST)
    outcome = an_outcome(landed=12, lacking=12)
    for i in range(11):
        outcome.add_returned(f"c{i:03d}", earlier, list(earlier)[1:])
    outcome.add_failure("c011", NO_RESPONSE)
    assert outcome.landed == 11
    assert outcome.missing["c000"] == [earlier.start, LAST]
    assert outcome.missing["c011"] == [LAST]
    assert outcome.missing_for_all(NEVER_CHANCE) == [earlier.start, LAST]
    assert set(judge(outcome).failures) == {"c011"}


@pytest.mark.parametrize("on_campaign_error", ["fail", "skip"])
def test_error_of_fails_when_each_campaign_lacks_a_chunk(on_campaign_error):
    outcome = an_outcome(landed=1, failed={"c000": BAD_ID})
    assert outcome.landed == 0
    assert str(judge(outcome, on_campaign_error)).startswith("No campaign was returned for all days: c000")
