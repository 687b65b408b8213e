from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.series import Subject
from airflow_provider_braze.exceptions import (
    BrazeAuthError,
    BrazeConfigError,
    BrazeDataError,
    BrazeError,
    BrazeRateLimitError,
    BrazeRequestError,
    BrazeServerError,
    BrazeTransportError,
)
from airflow_provider_braze.fetch.subjects import GIVE_UP_AFTER, Failed, Fetched, fetch_all
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from tests.samples import examples


class Braze:
    """Returns results by campaign id, and records the requested ones.

    :param failures: errors by campaign. The others return their id in capitals.
    """

    def __init__(self, failures: dict[str, BaseException] | None = None) -> None:
        self.failures = failures or {}
        self.requested: list[str] = []
        self.stopped = threading.Event()

    def fetch(self, campaign_id: str) -> str:
        self.requested.append(campaign_id)
        if campaign_id in self.failures:
            raise self.failures[campaign_id]
        return campaign_id.upper()

    def all(self, ids: Sequence[str], concurrency: int = 4, fetch: Callable[[str], Any] | None = None) -> Any:
        return fetch_all(
            ids if isinstance(ids, Drawn) else [CAMPAIGNS.subject(each) for each in ids],
            lambda subject: (fetch or self.fetch)(subject.name),
            concurrency=concurrency,
            stop=self.stopped.set,
        )


def collect(outcomes: Iterable[Any], seen: list[Any]) -> None:
    for each in outcomes:
        seen.append(each)


def ids(count: int) -> list[str]:
    return [f"c{number}" for number in range(count)]


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("braze-fetch")]


@examples(30)
@given(
    concurrency=st.integers(1, 7), multiple=st.integers(0, 5), more=st.integers(-1, 1), seed=st.sets(st.integers(0, 36))
)
def test_fetch_all_yields_every_campaign_exactly_once(concurrency, multiple, more, seed):
    chosen = ids(max(0, concurrency * multiple + more))
    braze = Braze({f"c{number}": BrazeRequestError("unknown", 400) for number in seed})
    outcomes = list(braze.all(chosen, concurrency))
    assert sorted(each.subject.name for each in outcomes) == sorted(chosen) == sorted(braze.requested)
    for each in outcomes:
        if each.subject.name in braze.failures:
            assert each == Failed(each.subject, braze.failures[each.subject.name])
        else:
            assert each == Fetched(each.subject, each.subject.name.upper())
    assert not braze.stopped.is_set()
    assert not threads()


def test_fetch_all_yields_campaigns_as_they_complete():
    release = threading.Event()

    def fetch(campaign_id: str) -> str:
        assert campaign_id != "c0" or release.wait(20)
        return campaign_id

    with closing(Braze().all(ids(2), 2, fetch)) as fetched:
        assert next(fetched).subject.name == "c1"
        release.set()
        assert next(fetched).subject.name == "c0"


def test_fetch_all_uses_the_given_number_of_threads():
    together = threading.Barrier(5, timeout=20)

    def fetch(campaign_id: str) -> int:
        return together.wait()

    assert len(list(Braze().all(ids(10), 5, fetch))) == 10


class Drawn(list[Subject]):
    """Subjects that count how many of them were consumed since the start of the last iteration."""

    count = 0

    def __iter__(self) -> Iterator[Subject]:
        self.count = 0
        for each in super().__iter__():
            self.count += 1
            yield each


def test_fetch_all_consumes_at_most_four_subjects_per_thread_in_advance():
    drawn, go = Drawn(CAMPAIGNS.subject(each) for each in ids(50)), threading.Event()

    def fetch(campaign_id: str) -> None:
        assert campaign_id == "c0" or go.wait(20)

    with closing(Braze().all(drawn, 3, fetch)) as fetched:
        for taken, _ in enumerate(fetched, 1):
            assert drawn.count <= taken + 4 * 3
            go.set()
    assert drawn.count == 50


@pytest.mark.parametrize(
    "error",
    [
        BrazeRequestError("unknown", 400),
        BrazeServerError("down", 500),
        BrazeRateLimitError("slow"),
        BrazeTransportError("cut"),
        BrazeDataError("twice"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_fetch_all_continues_after_a_failed_campaign(error):
    outcomes = list(Braze({"c1": error}).all(ids(9), 2))
    assert Failed(CAMPAIGNS.subject("c1"), error) in outcomes
    assert sum(isinstance(each, Fetched) for each in outcomes) == 8


@pytest.mark.parametrize(
    "error",
    [
        BrazeAuthError("key", 401),
        BrazeAuthError("permission", 403),
        BrazeConfigError("zone"),
        BrazeError("stopped"),
        RuntimeError("a bug"),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_fetch_all_stops_at_once_on_an_error_that_affects_all(error):
    braze = Braze({"c5": error})
    with pytest.raises(type(error)) as caught:
        list(braze.all(ids(1000), 2))
    assert caught.value is error
    assert braze.stopped.is_set()
    assert len(braze.requested) < 20
    assert not threads()


@pytest.mark.parametrize("concurrency", [1, 3, 16, 40])
def test_fetch_all_gives_up_without_any_response(concurrency):
    braze = Braze({campaign_id: BrazeServerError("down", 500) for campaign_id in ids(1000)})
    with pytest.raises(BrazeServerError):
        list(braze.all(ids(1000), concurrency))
    assert GIVE_UP_AFTER <= len(braze.requested) <= GIVE_UP_AFTER + 4 * concurrency
    assert not threads()


@pytest.mark.parametrize("response", [None, BrazeRequestError("unknown", 400), BrazeDataError("twice")])
def test_fetch_all_continues_after_one_response(response):
    failures: dict[str, BaseException] = {campaign_id: BrazeServerError("down", 500) for campaign_id in ids(100)}
    failures.pop("c0")
    braze = Braze(failures if response is None else {**failures, "c0": response})
    assert len(list(braze.all(ids(100), 1))) == 100


def test_fetch_all_yields_failures_before_it_gives_up():
    braze = Braze({campaign_id: BrazeServerError("down", 500) for campaign_id in ids(100)})
    seen: list[Any] = []
    with pytest.raises(BrazeServerError):
        collect(braze.all(ids(100), 1), seen)
    assert len(seen) == GIVE_UP_AFTER - 1


@pytest.mark.parametrize("concurrency", [1, 3, 16, 40])
def test_fetch_all_of_optional_subjects_yields_all_as_failed_without_any_response(concurrency):
    braze = Braze({campaign_id: BrazeServerError("down", 500) for campaign_id in ids(1000)})
    outcomes = list(
        fetch_all(
            [CAMPAIGNS.subject(each) for each in ids(1000)],
            lambda subject: braze.fetch(subject.name),
            concurrency=concurrency,
            stop=braze.stopped.set,
            is_needed=False,
        )
    )
    assert sorted(each.subject.name for each in outcomes) == sorted(ids(1000))
    assert {type(each) for each in outcomes} == {Failed}
    assert GIVE_UP_AFTER <= len(braze.requested) <= GIVE_UP_AFTER + 4 * concurrency
    assert not braze.stopped.is_set()
    assert not threads()


def test_fetch_all_closed_early_stops_and_ends_its_threads():
    braze = Braze()
    started = threading.Event()

    def fetch(campaign_id: str) -> str:
        if campaign_id != "c0":
            started.set()
            assert braze.stopped.wait(20)
        return campaign_id

    with closing(braze.all(ids(100), 4, fetch)) as fetched:
        assert next(fetched).subject.name == "c0"
        assert started.wait(20)
        assert threads()
    assert braze.stopped.is_set()
    assert not threads()


def test_fetch_all_ends_its_threads_when_the_consumer_fails():
    braze = Braze()

    def consume() -> None:
        with closing(braze.all(ids(100))) as fetched:
            next(fetched)
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        consume()
    assert braze.stopped.is_set()
    assert not threads()


def test_fetch_all_not_started_does_nothing():
    braze = Braze()
    braze.all(ids(5)).close()
    assert braze.requested == []
    assert not braze.stopped.is_set()


def metrics(*names: str, count: int = 50) -> list[Subject]:
    """Build subjects of several endpoints, in alternating order."""
    endpoints = {name: Endpoint(f"/kpi/{name}/data_series") for name in names}
    return [Subject(f"{name} {number}", (), endpoints[name]) for number in range(count) for name in names]


def fetch_metrics(subjects: list[Subject], failures: dict[str, BrazeError], requested: list[str]) -> Any:
    """Fetch subjects. Those of some endpoints fail, by the first word of their name."""

    def fetch(subject: Subject) -> str:
        requested.append(subject.name)
        if error := failures.get(subject.name.split()[0]):
            raise error
        return subject.name

    return fetch_all(subjects, fetch, concurrency=2, stop=lambda: None)


@pytest.mark.parametrize("status", [401, 403])
def test_fetch_all_without_a_permission_fails_only_the_subjects_of_its_endpoint(status):
    subjects, requested = metrics("dau", "mau"), []
    error = BrazeAuthError("no permission", status)
    outcomes = list(fetch_metrics(subjects, {"mau": error}, requested))
    assert sorted(each.subject.name for each in outcomes) == sorted(each.name for each in subjects)
    for each in outcomes:
        is_forbidden = each.subject.name.startswith("mau")
        assert each == (Failed(each.subject, error) if is_forbidden else Fetched(each.subject, each.subject.name))
    # At most those in flight.
    assert sum(name.startswith("mau") for name in requested) <= 8
    assert not threads()


def test_fetch_all_without_any_permission_raises_at_once():
    requested: list[str] = []
    with pytest.raises(BrazeAuthError, match="no permission"):
        list(
            fetch_metrics(
                metrics("dau", "mau"), dict.fromkeys(("dau", "mau"), BrazeAuthError("no permission")), requested
            )
        )
    assert len(requested) <= 16
    assert not threads()


def test_fetch_all_without_a_permission_gives_up_on_the_rest_when_it_fails():
    requested: list[str] = []
    failures = {"mau": BrazeAuthError("no permission"), "dau": BrazeServerError("down", 500)}
    with pytest.raises(BrazeServerError):
        list(fetch_metrics(metrics("dau", "mau"), failures, requested))
    assert len(requested) < 50
