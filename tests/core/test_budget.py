from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_braze.core.budget import RateBudget, Wait, bucket_rules
from airflow_provider_braze.core.responses import RateLimit
from tests.samples import examples


def limits(remaining: int, resets_in: float = 10.0, reset: int = 1, limit: int | None = 40) -> RateLimit:
    return RateLimit(remaining, limit, reset, resets_in)


def admit_all(budget: RateBudget, now: float, tries: int = 100) -> int:
    return sum(budget.admit(now) is None for _ in range(tries))


def a_budget(remaining: int, now: float = 0.0, resets_in: float = 10.0, limit: int | None = 40) -> RateBudget:
    budget = RateBudget()
    budget.admit(now)
    budget.record(limits(remaining, resets_in, limit=limit), now)
    return budget


def test_admit_before_any_response_admits_all():
    budget = RateBudget()
    assert budget.remaining is None
    assert admit_all(budget, 0.0) == 100


def test_admit_admits_at_most_the_remaining_requests():
    budget = a_budget(remaining=3)
    assert admit_all(budget, 1.0) == 3
    assert budget.admit(1.0) == Wait(9.0, "in flight")


def test_admit_without_remaining_requests_waits_until_the_reset():
    budget = a_budget(remaining=0)
    assert budget.admit(4.0) == Wait(6.0, "spent")


def test_admit_after_the_reset_admits_the_full_limit():
    budget = a_budget(remaining=0)
    assert admit_all(budget, 10.0) == 40
    assert budget.admit(10.0) == Wait(1.0, "in flight")


def test_admit_after_the_reset_of_an_unknown_limit_admits_all():
    assert admit_all(a_budget(remaining=0, limit=None), 10.0) == 100


def test_record_releases_the_slot_of_a_request_without_a_response():
    budget = a_budget(remaining=1)
    assert admit_all(budget, 1.0) == 1
    budget.record(None, 2.0)
    assert budget.remaining == 1
    assert budget.admit(2.0) is None


def test_record_of_a_429_sets_remaining_to_zero_despite_its_headers():
    budget = RateBudget()
    budget.admit(0.0)
    budget.record(limits(25), 0.0, rejected=True)
    assert budget.admit(1.0) == Wait(9.0, "spent")


def test_record_of_responses_out_of_order_keeps_the_smallest_remaining():
    budget = a_budget(remaining=5)
    admit_all(budget, 1.0, tries=2)
    budget.record(limits(3, resets_in=9.0), 1.0)
    budget.record(limits(4, resets_in=9.0), 1.0)
    assert budget.remaining == 3


def test_record_keeps_the_earliest_reset():
    budget = a_budget(remaining=2, resets_in=10.0)
    assert admit_all(budget, 0.0) == 2
    budget.record(limits(1, resets_in=8.5), 1.0)
    budget.record(limits(0, resets_in=9.0), 1.0)
    assert budget.admit(1.5) == Wait(8.0, "spent")


def test_record_of_a_newer_window_replaces_the_older():
    budget = a_budget(remaining=0)
    assert budget.admit(10.0) is None
    budget.record(limits(12, resets_in=60.0, reset=2), 11.0)
    assert admit_all(budget, 12.0) == 12


def test_record_of_an_older_window_changes_nothing():
    budget = a_budget(remaining=7)
    budget.admit(0.0)
    budget.record(limits(0, reset=0), 0.0)
    assert budget.remaining == 7


def test_record_without_a_limit_keeps_the_limit_known():
    budget = a_budget(remaining=0, limit=40)
    budget.admit(10.0)
    budget.record(limits(0, reset=2, limit=None), 10.0)
    budget.admit(25.0)
    assert budget.remaining == 40


@pytest.mark.parametrize(("cap", "spacing"), [(60, 1.0), (600, 0.1), (1, 60.0)])
def test_requests_per_minute_spaces_evenly(cap, spacing):
    budget = RateBudget(cap)
    assert budget.admit(100.0) is None
    assert budget.admit(100.0) == Wait(pytest.approx(spacing), "requests_per_minute")
    assert budget.admit(100.0 + spacing / 2) == Wait(pytest.approx(spacing / 2), "requests_per_minute")
    assert budget.admit(100.0 + spacing) is None


def test_requests_per_minute_does_not_accumulate_unused_slots():
    budget = RateBudget(60)
    budget.admit(0.0)
    assert admit_all(budget, 1000.0) == 1


@examples(30)
@given(
    cap=st.integers(1, 6000),
    pauses=st.lists(st.floats(0, 5, allow_nan=False), min_size=1, max_size=60),
)
def test_requests_per_minute_is_never_exceeded_in_any_minute(cap, pauses):
    budget, now, sent = RateBudget(cap), 0.0, []
    for pause in pauses:
        now += pause
        if budget.admit(now) is None:
            sent.append(now)
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert all(gap >= 60.0 / cap - 1e-6 for gap in gaps)


@examples(30)
@given(limit=st.integers(1, 12), threads=st.integers(1, 20), order=st.randoms(use_true_random=False))
def test_budget_avoids_rejections_with_responses_in_any_order(limit, threads, order):
    # A server with windows of 10 s that counts a request when it arrives and may respond later. An unknown limit can be
    # exceeded. That is why the first request is alone, as the list of campaigns is before their series.
    budget, now, window, used = a_budget(limit - 1, limit=limit), 0.0, 1, 1
    in_flight: list[tuple[int, int]] = []
    for _ in range(150):
        step = order.random()
        if step < 0.5 and len(in_flight) < threads and budget.admit(now) is None:
            used += 1
            assert used <= limit
            in_flight.append((limit - used, window))
        elif step < 0.8 and in_flight:
            remaining, its_window = in_flight.pop(order.randrange(len(in_flight)))
            left = its_window * 10.0 - now
            budget.record(limits(remaining, left, its_window, limit) if left > 0 else None, now)
        elif step > 0.9:
            now += order.random() * 4
        if now >= window * 10.0:
            window, used = window + 1, 0


@pytest.mark.parametrize(("reset_seconds", "resets_in"), [(60.0, 121.0), (3600.0, 72_000.0)])
@pytest.mark.parametrize("rejected", [True, False])
def test_record_of_an_implausible_reset_changes_nothing(reset_seconds, resets_in, rejected):
    budget = RateBudget(reset_seconds=reset_seconds)
    budget.admit(0.0)
    budget.record(limits(0, resets_in, reset=9), 0.0, rejected=rejected)
    assert budget.remaining is None
    assert admit_all(budget, 1.0) == 100
    # A plausible one is accepted afterwards, although its reset is earlier.
    budget.record(limits(0, 10.0, reset=8), 1.0)
    assert budget.admit(1.0) == Wait(10.0, "spent")


@pytest.mark.parametrize(("reset_seconds", "resets_in"), [(60.0, 60.0), (60.0, 119.0), (3600.0, 3600.0)])
def test_record_of_a_plausible_reset_is_accepted(reset_seconds, resets_in):
    budget = RateBudget(reset_seconds=reset_seconds)
    budget.admit(0.0)
    budget.record(limits(0, resets_in), 0.0)
    assert budget.admit(0.0) == Wait(resets_in, "spent")


def test_waits_of_the_events_bucket_cover_a_whole_hour():
    events, other = bucket_rules("events"), bucket_rules("default")
    assert events.request_wait_seconds > 3600.0 > other.request_wait_seconds
    assert events.task_wait_seconds > 2 * events.request_wait_seconds
    assert bucket_rules("campaigns.data_series").reset_seconds == 60.0
