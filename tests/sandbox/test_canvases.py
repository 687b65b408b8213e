from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from random import Random

import pytest

from airflow_provider_braze.sandbox.canvas_blueprints import BLUEPRINTS
from airflow_provider_braze.sandbox.canvases import STEP_DELETED_AT
from airflow_provider_braze.sandbox.data import (
    canvas_by_id,
    canvas_day,
    canvas_details,
    canvas_entry,
    canvas_ids,
    canvas_summary,
    is_canvas_active,
)
from airflow_provider_braze.sandbox.endpoints import ENDPOINTS
from airflow_provider_braze.sandbox.params import Rejected
from airflow_provider_braze.sandbox.settings import SandboxSettings

SETTINGS = SandboxSettings(as_of="2026-11-19T06:00:00Z")
TUESDAY = date(2026, 11, 17)
SUNDAY = date(2026, 11, 15)
LONG_AFTER = datetime(2027, 6, 1, tzinfo=timezone.utc)
ALL = dict.fromkeys(("include_variant_breakdown", "include_step_breakdown", "include_deleted_step_data"), "true")


def of_kind(title: str) -> str:
    return canvas_ids(SETTINGS)[[blueprint.title for blueprint in BLUEPRINTS].index(title)]


WELCOME = of_kind("Welcome journey")
BASKET = of_kind("Abandoned basket")
MANY = of_kind("Onboarding, many messages")


def respond(path: str, settings: SandboxSettings = SETTINGS, seed: int = 0, **params: str) -> dict:
    return ENDPOINTS[f"/canvas/{path}"](settings, params, Random(seed))


def series(settings: SandboxSettings = SETTINGS, seed: int = 0, **params: str) -> list[dict]:
    params = {"canvas_id": WELCOME, "length": "3", **params}
    return respond("data_series", settings, seed, **params)["data"]["stats"]


def step_named(canvas: str, name: str) -> str:
    return next(step.id for step in canvas_by_id(SETTINGS, canvas).steps if step.plan.name == name)


def numbers(value: object, path: tuple = ()) -> dict:
    if isinstance(value, dict):
        return {place: leaf for key, each in value.items() for place, leaf in numbers(each, (*path, key)).items()}
    if isinstance(value, list):
        return {place: leaf for i, each in enumerate(value) for place, leaf in numbers(each, (*path, i)).items()}
    return {path: value} if isinstance(value, int | float) else {}


@pytest.mark.parametrize("canvas", canvas_ids(SETTINGS))
def test_data_series_with_all_breakdowns_is_exactly_the_canvas_days(canvas):
    content = respond("data_series", canvas_id=canvas, length="14", ending_at="2026-11-18T12:00:00Z", **ALL)
    days = [date(2026, 11, 18) - timedelta(days=back) for back in reversed(range(14))]
    assert content["data"] == {
        "name": canvas_by_id(SETTINGS, canvas).name,
        "stats": [canvas_day(SETTINGS, canvas, day) for day in days],
    }


@pytest.mark.parametrize(
    ("requested", "keys"),
    [
        ({}, {"time", "total_stats"}),
        ({"include_variant_breakdown": "true"}, {"time", "total_stats", "variant_stats"}),
        ({"include_step_breakdown": "true"}, {"time", "total_stats", "step_stats"}),
        ({"include_step_breakdown": "false"}, {"time", "total_stats"}),
    ],
)
def test_data_series_has_only_the_requested_breakdowns(requested, keys):
    assert set(series(**requested)[0]) == keys


@pytest.mark.parametrize(("length", "cap"), [("15", 14), ("14", 13), ("0", 14), ("", 14)])
def test_data_series_length_above_the_cap_is_rejected(length, cap):
    with pytest.raises(Rejected, match=f"length must be an integer between 1 and {cap}") as caught:
        series(replace(SETTINGS, canvas_max_length=cap), length=length)
    assert caught.value.status == 400


@pytest.mark.parametrize("cap", [13, 14])
def test_data_series_length_at_the_cap_is_served(cap):
    assert len(series(replace(SETTINGS, canvas_max_length=cap), length=str(cap))) == cap


@pytest.mark.parametrize(
    ("reading", "last"), [("inclusive", 18), ("midnight_before", 18), ("exclusive", 17), ("midnight", 17)]
)
def test_data_series_noon_follows_the_reading(reading, last):
    found = series(replace(SETTINGS, ending_at_reading=reading), ending_at="2026-11-18T12:00:00Z")
    assert (found[-1]["time"], len(found)) == (f"2026-11-{last}", 3)


@pytest.mark.parametrize("params", [{}, {"canvas_id": "unknown"}])
def test_data_series_unknown_canvas_is_rejected(params):
    with pytest.raises(Rejected, match="canvas_id"):
        respond("data_series", length="1", **params)


def test_data_series_days_after_today_are_left_out():
    assert [day["time"] for day in series(ending_at="2026-11-20T12:00:00Z")] == ["2026-11-18", "2026-11-19"]


@pytest.mark.parametrize(
    "faults", [{"missing_days": {"*": ["2026-11-18"]}}, {"missing_days": {WELCOME: ["2026-11-18"]}}]
)
def test_data_series_missing_days_are_left_out(faults):
    found = series(SETTINGS.merged({"faults": faults}))
    assert [day["time"] for day in found] == ["2026-11-17", "2026-11-19"]


@pytest.mark.parametrize("canvas", [WELCOME, BASKET])
def test_data_series_contradicting_day_has_other_content(canvas):
    data = series(SETTINGS.merged({"faults": {"contradicting_days": 1}}), canvas_id=canvas, **ALL)
    assert len(data) == 4
    assert data[-1] not in data[:-1]
    assert data[-1]["time"] in {day["time"] for day in data[:-1]}


def test_data_series_shuffled_rows_differ_but_not_their_content():
    settings = replace(SETTINGS, row_order="shuffled")
    step = step_named(MANY, "Three subjects")
    orders = {
        tuple(
            row["sent"]
            for row in series(settings, seed, canvas_id=MANY, length="1", **ALL)[0]["step_stats"][step]["messages"][
                "email"
            ]
        )
        for seed in range(20)
    }
    assert len(orders) > 2
    assert {tuple(sorted(order)) for order in orders} == {tuple(sorted(next(iter(orders))))}


def test_canvas_day_idle_day_is_zeros_or_empty():
    archived = of_kind("Retired journey")
    assert set(numbers(canvas_day(SETTINGS, archived, TUESDAY)).values()) == {0}
    assert canvas_day(SETTINGS, BASKET, SUNDAY) == {
        "time": "2026-11-15",
        "total_stats": {},
        "variant_stats": {},
        "step_stats": {},
    }
    assert canvas_day(SETTINGS, BASKET, TUESDAY)["total_stats"]["entries"] > 0


def test_data_series_omit_inactive_days_leaves_them_out():
    settings = replace(SETTINGS, omit_inactive_days=True)
    found = [day["time"] for day in series(settings, canvas_id=BASKET, length="7")]
    days = [date(2026, 11, 13) + timedelta(days=each) for each in range(7)]
    assert found == [day.isoformat() for day in days if is_canvas_active(SETTINGS, BASKET, day)]
    assert len(found) == 5


@pytest.mark.parametrize("canvas", canvas_ids(SETTINGS))
def test_canvas_day_grows_until_the_window_closes_then_stays(canvas):
    window = canvas_by_id(SETTINGS, canvas).blueprint.window_days
    start = datetime(2026, 11, 17, tzinfo=timezone.utc)
    moments = [start + timedelta(hours=12 * step) for step in range(2 * (window + 2))]
    seen = [numbers(canvas_day(SETTINGS, canvas, TUESDAY, moment)) for moment in moments]
    assert all(before[path] <= after[path] for before, after in pairwise(seen) for path in before)
    closed = start + timedelta(days=1 + window)
    assert canvas_day(SETTINGS, canvas, TUESDAY, closed) == canvas_day(SETTINGS, canvas, TUESDAY, LONG_AFTER)


def test_canvas_day_entries_and_conversions_grow_for_thirty_days():
    fresh, later, last = (
        canvas_day(SETTINGS, WELCOME, TUESDAY, datetime(2026, month, day, tzinfo=timezone.utc))["total_stats"]
        for month, day in ((11, 18), (12, 17), (12, 18))
    )
    for key in ("entries", "conversions", "conversions_by_entry_time", "revenue"):
        assert fresh[key] < later[key] <= last[key]
    assert later != last


@pytest.mark.parametrize("canvas", canvas_ids(SETTINGS))
def test_canvas_day_total_is_the_sum_of_variants_and_at_least_that_of_steps(canvas):
    day = canvas_day(SETTINGS, canvas, TUESDAY)
    for key, value in day["total_stats"].items():
        assert value == pytest.approx(sum(variant.get(key, 0) for variant in day["variant_stats"].values()))
        assert value >= sum(step.get(key, 0) for step in day["step_stats"].values())


def test_canvas_day_steps_without_messages():
    steps = canvas_day(SETTINGS, WELCOME, TUESDAY)["step_stats"]
    assert steps[step_named(WELCOME, "Wait a day")] == {"name": "Wait a day"}
    assert steps[step_named(WELCOME, "Control")]["messages"] == {}


def test_canvas_day_several_rows_of_one_channel():
    steps = canvas_day(SETTINGS, MANY, TUESDAY)["step_stats"]
    emails = steps[step_named(MANY, "Three subjects")]["messages"]["email"]
    pushes = steps[step_named(MANY, "Two pushes")]["messages"]["web_push"]
    assert len({row["sent"] for row in emails}) == 3
    assert not any("variation_api_id" in row for row in emails)
    assert len({row["variation_api_id"] for row in pushes}) == 2
    detailed = next(step for step in canvas_details(SETTINGS, MANY)["steps"] if step["name"] == "Two pushes")
    assert [row["variation_api_id"] for row in pushes] == list(detailed["messages"])


def test_canvas_day_has_up_to_four_conversions():
    stats = canvas_day(SETTINGS, MANY, TUESDAY)["total_stats"]
    assert {"conversions3", "conversions3_by_entry_time"} <= set(stats)
    assert not {"conversions", "revenue"} & set(canvas_day(SETTINGS, of_kind("Split only"), TUESDAY)["total_stats"])


def test_canvas_day_deleted_step_disappears_unless_requested():
    step = step_named(WELCOME, "Old reminder")
    before, after = STEP_DELETED_AT - timedelta(seconds=1), STEP_DELETED_AT
    day = date(2026, 10, 20)
    assert step in canvas_day(SETTINGS, WELCOME, day, before, with_deleted_steps=False)["step_stats"]
    assert step not in canvas_day(SETTINGS, WELCOME, day, after, with_deleted_steps=False)["step_stats"]
    assert step in canvas_day(SETTINGS, WELCOME, day, after)["step_stats"]
    requested = {"ending_at": "2026-10-20T12:00:00Z", "include_step_breakdown": "true"}
    assert step not in series(**requested)[-1]["step_stats"]
    assert step in series(**requested, include_deleted_step_data="true")[-1]["step_stats"]
    assert [each["id"] == step for each in canvas_details(SETTINGS, WELCOME, before)["steps"]].count(True) == 1
    assert all(each["id"] != step for each in canvas_details(SETTINGS, WELCOME, after)["steps"])


def test_canvas_day_unknown_keys_are_everywhere():
    day = canvas_day(replace(SETTINGS, unknown_keys=True), WELCOME, TUESDAY)
    step = day["step_stats"][step_named(WELCOME, "Welcome")]
    places = [day, day["total_stats"], *day["variant_stats"].values(), step, *step["messages"]["email"]]
    assert all({"unknown_figure", "unknown_object"} <= set(place) for place in places)
    assert step["messages"]["unknown_channel"][0]["sent"] > 0
    assert "unknown" not in str(canvas_day(SETTINGS, WELCOME, TUESDAY))


def test_canvas_day_counts_days_in_the_company_zone():
    tokyo = replace(SETTINGS, timezone="Asia/Tokyo")
    moment = datetime(2026, 11, 17, 15, tzinfo=timezone.utc)
    whole = datetime(2026, 11, 18, tzinfo=timezone.utc)
    assert canvas_day(tokyo, WELCOME, TUESDAY, moment) == canvas_day(SETTINGS, WELCOME, TUESDAY, whole)


def test_canvas_day_other_seed_has_other_canvases_and_figures():
    other = replace(SETTINGS, seed=1)
    assert set(canvas_ids(SETTINGS)).isdisjoint(canvas_ids(other))
    with pytest.raises(KeyError):
        canvas_day(other, WELCOME, TUESDAY)


def test_canvas_day_extra_steps_are_email_steps():
    many = replace(SETTINGS, canvas_extra_steps=10)
    steps = canvas_day(many, WELCOME, TUESDAY)["step_stats"]
    assert len(steps) == len(canvas_day(SETTINGS, WELCOME, TUESDAY)["step_stats"]) + 10
    assert set(canvas_day(SETTINGS, WELCOME, TUESDAY)["step_stats"]) <= set(steps)


def test_data_summary_is_the_sum_of_the_days():
    days = [date(2026, 11, day) for day in (16, 17, 18)]
    content = respond("data_summary", canvas_id=MANY, length="3", ending_at="2026-11-18T12:00:00Z", **ALL)
    assert content["data"] == canvas_summary(SETTINGS, MANY, days)
    single = [numbers(canvas_day(SETTINGS, MANY, day)) for day in days]
    total = numbers({key: value for key, value in content["data"].items() if key != "name"})
    assert total == {path: pytest.approx(sum(each[path] for each in single)) for path in single[0]}
    assert set(respond("data_summary", canvas_id=MANY, length="3")["data"]) == {"name", "total_stats"}


def test_list_omits_archived_ones_unless_requested():
    def listed(**params: str) -> list[str]:
        return [each["id"] for each in respond("list", **params)["canvases"]]

    assert listed(include_archived="true") == canvas_ids(SETTINGS)
    assert listed() == [each for each in canvas_ids(SETTINGS) if each != of_kind("Retired journey")]
    assert listed(sort_direction="desc") == listed()[::-1]
    edits = sorted(canvas_by_id(SETTINGS, each).edited for each in canvas_ids(SETTINGS))
    assert len(listed(**{"include_archived": "true", "last_edit.time[gt]": edits[4].isoformat()})) == 3


def test_list_pages_of_a_hundred_from_zero():
    many = replace(SETTINGS, canvases=250)
    pages = [respond("list", many, page=str(page), include_archived="true")["canvases"] for page in range(4)]
    assert [len(page) for page in pages] == [100, 100, 50, 0]
    assert pages[0][7] == canvas_entry(many, 7)


def test_details_are_next_to_the_message():
    assert respond("details", canvas_id=WELCOME) == {"message": "success", **canvas_details(SETTINGS, WELCOME)}


def test_details_name_steps_and_variants_of_the_days():
    for canvas in canvas_ids(SETTINGS):
        day, shown = canvas_day(SETTINGS, canvas, TUESDAY, with_deleted_steps=False), canvas_details(SETTINGS, canvas)
        assert [step["id"] for step in shown["steps"]] == list(day["step_stats"])
        assert [variant["id"] for variant in shown["variants"]] == list(day["variant_stats"])
    assert canvas_details(SETTINGS, of_kind("Draft, never entered"))["first_entry"] is None


@pytest.mark.parametrize("path", ["details", "data_series", "data_summary"])
def test_bad_subject_is_always_rejected(path):
    settings = SETTINGS.merged({"faults": {"bad_subjects": {WELCOME: 404}}})
    with pytest.raises(Rejected) as caught:
        respond(path, settings, canvas_id=WELCOME, length="1")
    assert caught.value.status == 404
    assert respond(path, settings, canvas_id=MANY, length="1")["message"] == "success"


def test_failing_details_do_not_affect_the_series():
    settings = SETTINGS.merged({"faults": {"bad_details": {WELCOME: 500}}})
    with pytest.raises(Rejected):
        respond("details", settings, canvas_id=WELCOME)
    assert series(settings)
