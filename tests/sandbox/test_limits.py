from __future__ import annotations

from airflow_provider_braze.sandbox.limits import RateWindows, Standing


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_take_counts_down_and_is_used_up_at_the_limit():
    windows = RateWindows(Clock(1_000_000.5))
    standings = [windows.take("a", 2, 60) for _ in range(4)]
    assert [(each.remaining, each.is_spent) for each in standings] == [(1, False), (0, False), (0, True), (0, True)]


def test_take_next_window_counts_from_zero():
    clock = Clock(120.0)
    windows = RateWindows(clock)
    assert windows.take("a", 1, 60).reset == 180
    clock.now = 179.9
    assert windows.take("a", 1, 60).is_spent
    clock.now = 180.0
    assert windows.take("a", 1, 60) == Standing(1, 0, 240, False)


def test_take_counts_buckets_separately():
    windows = RateWindows(Clock(5.0))
    windows.take("a", 1, 60)
    assert not windows.take("b", 1, 60).is_spent


def test_take_with_fraction_of_a_second_announces_a_reset_after_the_window():
    assert RateWindows(Clock(10.1)).take("a", 1, 0.5).reset == 11


def test_spent_does_not_count_a_request():
    windows = RateWindows(Clock(10.2))
    assert windows.spent(7, 1).headers() == {
        "x-ratelimit-limit": "7",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "12",
    }
    assert windows.take("a", 7, 60).remaining == 6


def test_clear_resets_all_buckets():
    windows = RateWindows(Clock(10.0))
    for bucket in ("a", "b"):
        windows.take(bucket, 1, 60)
    windows.clear()
    assert [windows.take(bucket, 1, 60).is_spent for bucket in ("a", "b")] == [False, False]
