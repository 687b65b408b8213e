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

BAD_ID = BrazeRequestError("Braze answered 400.", 400)
NOT_FOUND = BrazeNotFoundError("Braze answered 404.", 404)
TOO_LARGE = BrazeRequestError("Braze answered 413.", 413)
NO_ANSWER = BrazeTransportError("No answer came.")
BAD_DATA = BrazeDataError("A row is no object.", "$.data[0]")

REFUSALS = [BAD_ID, NOT_FOUND]
FAILURES = [TOO_LARGE, NO_ANSWER, BAD_DATA, BrazeServerError("Failed.", 500), BrazeRateLimitError("Spent.")]


def an_outcome(landed=1, lacking=0, lacks=(LAST,), failed=None, listed=True, window=WINDOW) -> Outcome:
    """An outcome of some campaigns that landed, of which some lack days, and of some that failed."""
    outcome = Outcome(listed)
    for i in range(landed):
        outcome.add_returned(f"c{i:03d}", window, [day for day in window if i >= lacking or day not in lacks])
    for campaign_id, error in (failed or {}).items():
        outcome.add_failure(campaign_id, error)
    return outcome


def judge(outcome, on_campaign_error="fail", missing="warn"):
    return error_of(CAMPAIGNS, outcome, on_error=on_campaign_error, missing=missing, skip_argument="on_campaign_error")


def many(count: int, error: Exception = NO_ANSWER) -> dict[str, Exception]:
    return {f"bad{i:03d}": error for i in range(count)}


def test_outcome_notes_the_days_that_did_not_come_back():
    outcome = an_outcome(landed=2, lacking=1, lacks=DAYS[1:])
    assert outcome.landed == 2
    assert outcome.missing == {"c000": DAYS[1:]}


@pytest.mark.parametrize("error", REFUSALS)
def test_outcome_of_a_listed_campaign_that_braze_refuses_is_refused(error):
    outcome = an_outcome(failed={"x": error}, listed=True)
    assert (outcome.rejected, outcome.failed) == ({"x": error}, {})


@pytest.mark.parametrize("error", REFUSALS)
def test_outcome_of_a_given_campaign_that_braze_refuses_is_failed(error):
    outcome = an_outcome(failed={"x": error}, listed=False)
    assert (outcome.rejected, outcome.failed) == ({}, {"x": error})


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("error", FAILURES)
def test_outcome_of_any_other_failure_is_failed(error, listed):
    outcome = an_outcome(failed={"x": error}, listed=listed)
    assert (outcome.rejected, outcome.failed) == ({}, {"x": error})


@pytest.mark.parametrize("on_campaign_error", ["fail", "skip"])
@pytest.mark.parametrize("missing", ["warn", "fail", "ignore"])
def test_error_of_when_all_landed_is_success(on_campaign_error, missing):
    assert judge(an_outcome(landed=20), on_campaign_error, missing) is None
    assert format_warnings(CAMPAIGNS, an_outcome(landed=20), missing) == []


@pytest.mark.parametrize("on_campaign_error", ["fail", "skip"])
def test_error_of_when_there_was_no_campaign_is_success(on_campaign_error):
    assert judge(an_outcome(landed=0), on_campaign_error) is None


def test_error_of_with_refused_campaigns_is_success_with_a_warning():
    outcome = an_outcome(failed={"x": BAD_ID, "y": NOT_FOUND})
    assert judge(outcome) is None
    assert format_warnings(CAMPAIGNS, outcome, "warn") == [
        "Skipped 2 campaigns that Braze lists but rejects: x, y (the first: BrazeRequestError: Braze answered 400.)"
    ]


@pytest.mark.parametrize("on_campaign_error", ["fail", "skip"])
def test_error_of_when_all_were_refused_fails_for_good(on_campaign_error):
    error = judge(an_outcome(landed=0, failed=many(2, BAD_ID)), on_campaign_error)
    assert isinstance(error, BrazePartialError)
    assert str(error).startswith("No campaign was returned: bad000, bad001 (the first: ")
    assert error.is_permanent
    assert error.failures == dict.fromkeys(many(2), "BrazeRequestError: Braze answered 400.")


@pytest.mark.parametrize("on_campaign_error", ["fail", "skip"])
def test_error_of_when_all_were_refused_or_failed_fails_naming_both(on_campaign_error):
    error = judge(an_outcome(landed=0, failed={"x": BAD_ID, "y": NO_ANSWER}), on_campaign_error)
    assert isinstance(error, BrazePartialError)
    assert error.failures.keys() == {"x", "y"}
    assert not error.is_permanent


def test_error_of_when_nothing_came_back_does_not_advise_to_skip():
    assert "skip" not in str(judge(an_outcome(landed=0, failed=many(1))))


def test_error_of_with_failed_campaigns_names_them_alone():
    error = judge(an_outcome(landed=5, failed={"x": NO_ANSWER, "y": BAD_ID}))
    assert isinstance(error, BrazePartialError)
    assert str(error).startswith(
        "1 campaign failed, the other 5 were returned: x (BrazeTransportError: No answer came.)."
    )
    assert "`on_campaign_error` to 'skip'" in str(error)
    assert error.failures == {"x": "BrazeTransportError: No answer came."}


def test_error_of_with_failed_campaigns_to_skip_is_success_with_a_warning():
    outcome = an_outcome(landed=5, failed={"x": NO_ANSWER})
    assert judge(outcome, "skip") is None
    assert format_warnings(CAMPAIGNS, outcome, "warn") == [
        "Skipped 1 campaign that failed: x (BrazeTransportError: No answer came.)"
    ]


@pytest.mark.parametrize(
    ("errors", "is_permanent"),
    [
        ([BAD_ID], True),
        ([BAD_ID, NOT_FOUND, TOO_LARGE, BrazeAuthError("Forbidden.", 403)], True),
        ([BAD_ID, NO_ANSWER], False),
        ([BAD_DATA], False),
        ([BrazeRateLimitError("Spent.")], False),
        ([BrazeServerError("Failed.", 500)], False),
    ],
)
def test_error_of_is_fatal_when_no_failure_can_be_mended_by_a_retry(errors, is_permanent):
    outcome = an_outcome(failed={f"x{i}": error for i, error in enumerate(errors)}, listed=False)
    assert judge(outcome).is_permanent is is_permanent


def test_error_of_of_a_fatal_failure_does_not_advise_to_run_again():
    assert "again" not in str(judge(an_outcome(failed={"x": BAD_ID}, listed=False)))
    assert "Run the task again" in str(judge(an_outcome(failed={"x": NO_ANSWER}, listed=False)))


def test_error_of_names_twenty_campaigns_and_counts_the_others():
    assert "bad018, bad019 (the first: " in str(judge(an_outcome(failed=many(20))))
    text = str(judge(an_outcome(failed=many(23))))
    assert "bad018, bad019 and 3 more (the first: " in text
    assert "bad020" not in text
    assert len(judge(an_outcome(failed=many(23))).failures) == 23


def test_error_of_with_missing_days_to_warn_of_is_success_with_a_warning():
    outcome = an_outcome(landed=3, lacking=2, lacks=DAYS[1:])
    assert judge(outcome, missing="warn") is None
    assert format_warnings(CAMPAIGNS, outcome, "warn") == [
        "Days are missing for 2 campaigns: c000 2026-11-17, 2026-11-18; c001 2026-11-17, 2026-11-18"
    ]


def test_error_of_with_missing_days_to_ignore_is_silent_success():
    outcome = an_outcome(landed=30, lacking=30)
    assert judge(outcome, missing="ignore") is None
    assert format_warnings(CAMPAIGNS, outcome, "ignore") == []


def test_error_of_with_missing_days_to_fail_for_names_campaigns_and_days():
    error = judge(an_outcome(landed=3, lacking=1), missing="fail")
    assert isinstance(error, BrazeMissingDaysError)
    assert str(error).startswith(
        "Days are missing for 1 campaign: c000 2026-11-18. Everything else was returned. Run the task"
    )
    assert error.path == "$.data"


def test_error_of_with_many_missing_days_names_twenty_of_each():
    window = Window(FIRST, FIRST + timedelta(days=25))
    outcome = an_outcome(landed=24, lacking=23, lacks=list(window), window=window)
    text = str(judge(outcome, missing="fail"))
    assert "2026-12-04, 2026-12-05 and 5 more days; c001" in text
    assert "2026-12-06" not in text
    assert "and 3 more. Everything" in text
    assert "c019" in text
    assert "c020" not in text


@pytest.mark.parametrize("missing", ["warn", "fail"])
def test_error_of_of_a_day_that_ten_campaigns_all_lack_is_an_error(missing):
    error = judge(an_outcome(landed=NEVER_CHANCE, lacking=NEVER_CHANCE), missing=missing)
    assert isinstance(error, BrazeMissingDaysError)
    assert str(error).startswith("None of the 10 campaigns returned data for 2026-11-18. All other days were returned.")
    assert "`timezone`" in str(error)


def test_error_of_of_a_day_that_nine_campaigns_all_lack_is_success():
    outcome = an_outcome(landed=9, lacking=9)
    assert judge(outcome) is None
    assert outcome.missing_for_all(NEVER_CHANCE) == []


def test_error_of_of_a_day_that_all_but_one_lack_is_success():
    assert judge(an_outcome(landed=11, lacking=10)) is None


def test_error_of_when_all_lack_some_day_but_not_the_same_is_success():
    outcome = Outcome(is_listed=True)
    for i in range(12):
        outcome.add_returned(f"c{i}", WINDOW, [day for day in DAYS if day != DAYS[i % 3]])
    assert outcome.missing_for_all(NEVER_CHANCE) == []
    assert judge(outcome) is None


def test_missing_for_all_are_the_days_that_nobody_brought_sorted():
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
def test_error_of_of_a_part_needs_its_share_of_campaigns_and_at_least_three(parts, campaigns, is_error):
    outcome = an_outcome(landed=campaigns, lacking=campaigns)
    error = error_of(CAMPAIGNS, outcome, missing="warn", parts=parts)
    assert isinstance(error, BrazeMissingDaysError) is is_error


def test_error_of_of_failed_campaigns_comes_before_that_of_missing_days():
    outcome = an_outcome(landed=10, lacking=10, failed={"x": NO_ANSWER})
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


def test_drift_of_known_keys_is_no_line():
    assert format_drift(an_outcome()) is None


def test_warnings_name_twenty_keys_and_count_the_others():
    outcome = an_outcome()
    outcome.drift.update(f"day.k{i:02d}" for i in range(22))
    text = format_drift(outcome)
    assert text.startswith("Braze sent 22 keys")
    assert text.endswith("day.k18, day.k19 and 2 more")


def test_format_warnings_everything_at_once_are_one_each():
    outcome = an_outcome(landed=3, lacking=1, failed={"x": BAD_ID, "y": NO_ANSWER})
    assert len(format_warnings(CAMPAIGNS, outcome, "warn")) == 3
    assert len(format_warnings(CAMPAIGNS, outcome, "ignore")) == 2


def test_outcome_of_a_window_in_stretches_joins_them():
    earlier = Window(FIRST - timedelta(days=2), FIRST)
    outcome = an_outcome(landed=12, lacking=12)
    for i in range(11):
        outcome.add_returned(f"c{i:03d}", earlier, list(earlier)[1:])
    outcome.add_failure("c011", NO_ANSWER)
    assert outcome.landed == 11
    assert outcome.missing["c000"] == [earlier.start, LAST]
    assert outcome.missing["c011"] == [LAST]
    assert outcome.missing_for_all(NEVER_CHANCE) == [earlier.start, LAST]
    assert set(judge(outcome).failures) == {"c011"}


@pytest.mark.parametrize("on_campaign_error", ["fail", "skip"])
def test_error_of_when_each_campaign_lacks_a_stretch_is_a_failure(on_campaign_error):
    outcome = an_outcome(landed=1, failed={"c000": BAD_ID})
    assert outcome.landed == 0
    assert str(judge(outcome, on_campaign_error)).startswith("No campaign was returned for all days: c000")
