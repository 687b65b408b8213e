from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest

from airflow_provider_braze.sandbox.data import segment_details, segment_entry, segment_ids, segment_size
from airflow_provider_braze.sandbox.endpoints import ENDPOINTS
from airflow_provider_braze.sandbox.params import Rejected
from airflow_provider_braze.sandbox.segments import BLUEPRINTS
from airflow_provider_braze.sandbox.settings import SandboxSettings

SETTINGS = SandboxSettings(as_of="2026-11-19T06:00:00Z")
TUESDAY = date(2026, 11, 17)


def of_kind(title: str) -> str:
    return segment_ids(SETTINGS)[[blueprint.title for blueprint in BLUEPRINTS].index(title)]


def respond(path: str, settings: SandboxSettings = SETTINGS, **params: str) -> dict:
    return ENDPOINTS[f"/segments/{path}"](settings, params, Random(0))


def sizes(title: str, settings: SandboxSettings = SETTINGS, **params: str) -> dict[str, int]:
    data = respond("data_series", settings, **{"segment_id": of_kind(title), "length": "40", **params})["data"]
    return {day["time"]: day["size"] for day in data}


def test_data_series_sends_exactly_the_sizes():
    days = [date(2026, 11, 19) - timedelta(days=back) for back in reversed(range(40))]
    assert sizes("All users") == {day.isoformat(): segment_size(SETTINGS, of_kind("All users"), day) for day in days}


def test_data_series_tracked_late_has_no_day_before():
    found = sizes("Tracked late")
    assert (min(found), len(found)) == ("2026-11-01", 19)


def test_data_series_gap_in_tracking_is_left_out():
    found = sizes("Tracked with a gap", length="41")
    assert len(found) == 36
    assert not {f"2026-10-{day}" for day in range(10, 15)} & set(found)


@pytest.mark.parametrize(("omit", "number"), [(False, 40), (True, 0)])
def test_data_series_zeros_are_sent_or_left_out(omit, number):
    found = sizes("Empty", replace(SETTINGS, omit_inactive_days=omit))
    assert (len(found), set(found.values())) == (number, {0} if number else set())


def test_data_series_untracked_segment_is_rejected():
    with pytest.raises(Rejected, match="tracking") as caught:
        sizes("Untracked")
    assert caught.value.status == 400


@pytest.mark.parametrize("segment", ["", "unknown"])
def test_data_series_unknown_segment_is_rejected(segment):
    with pytest.raises(Rejected, match="segment_id"):
        respond("data_series", segment_id=segment, length="1")


@pytest.mark.parametrize("length", ["0", "101"])
def test_data_series_wrong_length_is_rejected(length):
    with pytest.raises(Rejected, match="between 1 and 100"):
        sizes("All users", length=length)


def test_segment_size_is_never_restated():
    later = replace(SETTINGS, as_of="2027-11-19T06:00:00Z")
    assert segment_size(SETTINGS, of_kind("All users"), TUESDAY) == segment_size(later, of_kind("All users"), TUESDAY)
    assert segment_size(SETTINGS, of_kind("All users"), date(2026, 11, 20)) is None


def test_list_has_the_tracking_flag():
    segments = respond("list")["segments"]
    assert segments == [segment_entry(SETTINGS, number) for number in range(8)]
    flags = {each["name"].partition(" #")[0]: each["analytics_tracking_enabled"] for each in segments}
    assert flags == {blueprint.title: blueprint.tracked_since is not None for blueprint in BLUEPRINTS}


def test_list_tracks_at_most_twenty_five():
    many = replace(SETTINGS, segments=250)
    pages = [respond("list", many, page=str(page), sort_direction="desc")["segments"] for page in range(3)]
    listed = [each for page in pages for each in page]
    assert [len(page) for page in pages] == [100, 100, 50]
    assert [each["id"] for each in listed] == segment_ids(many)[::-1]
    assert sum(each["analytics_tracking_enabled"] for each in listed) == 25


def test_details_are_next_to_the_message():
    segment = of_kind("All users")
    assert respond("details", segment_id=segment) == {"message": "success", **segment_details(SETTINGS, segment)}


def test_failing_details_do_not_affect_the_series():
    settings = SETTINGS.merged({"faults": {"bad_details": {of_kind("All users"): 500}}})
    with pytest.raises(Rejected):
        respond("details", settings, segment_id=of_kind("All users"))
    assert sizes("All users", settings)
