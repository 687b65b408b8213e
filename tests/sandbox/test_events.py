from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from random import Random

import pytest

from airflow_provider_braze.sandbox.data import app_ids, event_count, event_names, segment_ids
from airflow_provider_braze.sandbox.endpoints import ENDPOINTS
from airflow_provider_braze.sandbox.events import NAMES, RETIRED_EVENT, SERVER_EVENT
from airflow_provider_braze.sandbox.params import Rejected
from airflow_provider_braze.sandbox.settings import SandboxSettings

SETTINGS = SandboxSettings(as_of="2026-11-19T06:00:00Z")
MONDAY = date(2026, 11, 16)
APP = app_ids(SETTINGS)[0]
SEGMENT = segment_ids(SETTINGS)[0]


def series(name: str, settings: SandboxSettings = SETTINGS, **params: str) -> list[dict]:
    return ENDPOINTS["/events/data_series"](settings, {"event": name, "length": "10", **params}, Random(0))["data"]


def listed(settings: SandboxSettings, page: int) -> list[str]:
    return list(ENDPOINTS["/events/list"](settings, {"page": str(page)}, Random(0))["events"])


@pytest.mark.parametrize(
    "params", [{}, {"app_id": APP}, {"segment_id": SEGMENT}, {"app_id": APP, "segment_id": SEGMENT}]
)
@pytest.mark.parametrize("name", event_names(SETTINGS))
def test_data_series_sends_exactly_the_counts(name, params):
    days = [date(2026, 11, 19) - timedelta(days=back) for back in reversed(range(10))]
    assert series(name, **params) == [
        {"time": day.isoformat(), "count": event_count(SETTINGS, name, day, **params)} for day in days
    ]


def test_event_names_are_odd_and_sorted():
    names = event_names(SETTINGS)
    assert names == sorted(names)
    assert {"signup", "Signup", "signup ", " signup", "🛒 checkout", "a/b/../c"} <= set(names)
    assert len({name.strip().lower() for name in names}) < len(names)


def test_similar_event_names_have_separate_counts():
    twins = ("signup", "Signup", "SIGNUP", "signup ", " signup")
    assert (
        len({tuple(event_count(SETTINGS, name, MONDAY - timedelta(days=each)) for each in range(5)) for name in twins})
        == 5
    )


def test_list_pages_of_two_hundred_and_fifty_strings():
    many = replace(SETTINGS, events=600)
    pages = [listed(many, page) for page in range(4)]
    assert [len(page) for page in pages] == [250, 250, 100, 0]
    assert [name for page in pages for name in page] == event_names(many)
    assert set(NAMES) <= set(event_names(many))


def test_list_of_few_events_has_the_first_names():
    assert set(event_names(replace(SETTINGS, events=3))) == set(NAMES[:3])


@pytest.mark.parametrize("name", ["", "unknown", "signup  "])
def test_data_series_unknown_event_is_rejected(name):
    with pytest.raises(Rejected, match="event"):
        series(name)


def test_event_count_grows():
    values = [
        event_count(SETTINGS, "added_to_cart", MONDAY, as_of=datetime(2026, 11, day, tzinfo=timezone.utc))
        for day in (16, 17, 19, 21, 30)
    ]
    assert values[0] == 0 < values[1] < values[2] <= values[3] == values[4]


def test_event_count_tomorrow_is_missing():
    assert event_count(SETTINGS, "signup", date(2026, 11, 20)) is None


def test_event_count_server_event_has_no_app():
    assert event_count(SETTINGS, SERVER_EVENT, MONDAY) > 0
    assert event_count(SETTINGS, SERVER_EVENT, MONDAY, APP) == 0


@pytest.mark.parametrize(("omit", "number"), [(False, 10), (True, 0)])
def test_data_series_retired_event_has_zeros_or_no_days(omit, number):
    assert len(series(RETIRED_EVENT, replace(SETTINGS, omit_inactive_days=omit))) == number


def test_bad_event_is_rejected_by_name():
    settings = SETTINGS.merged({"faults": {"bad_subjects": {"signup ": 400}}})
    with pytest.raises(Rejected):
        series("signup ", settings)
    assert series("signup", settings)
