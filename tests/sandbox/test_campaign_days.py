from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise

import pytest

from airflow_provider_braze.sandbox.campaigns import BLUEPRINTS, all_campaigns
from airflow_provider_braze.sandbox.channels import STATS
from airflow_provider_braze.sandbox.data import (
    campaign_by_id,
    campaign_details,
    campaign_entry,
    campaign_ids,
    day_object,
    is_active,
)
from airflow_provider_braze.sandbox.settings import SandboxSettings

SETTINGS = SandboxSettings(as_of="2026-11-19T06:00:00Z")
TUESDAY = date(2026, 11, 17)
LONG_AFTER = datetime(2027, 6, 1, tzinfo=timezone.utc)


def utc(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=timezone.utc)


def of_kind(title: str) -> str:
    return campaign_ids(SETTINGS)[[blueprint.title for blueprint in BLUEPRINTS].index(title)]


def leaves(value: object, path: tuple = ()) -> dict:
    if isinstance(value, dict):
        return {place: leaf for key, each in value.items() for place, leaf in leaves(each, (*path, key)).items()}
    if isinstance(value, list):
        return {place: leaf for i, each in enumerate(value) for place, leaf in leaves(each, (*path, i)).items()}
    return {path: value}


def numbers(day: dict) -> dict:
    return {path: leaf for path, leaf in leaves(day).items() if isinstance(leaf, int | float)}


def test_day_object_same_arguments_same_day():
    ids = campaign_ids(SETTINGS)
    again = replace(SETTINGS, latency_seconds=1.0)
    all_campaigns.cache_clear()
    assert [day_object(SETTINGS, each, TUESDAY) for each in ids] == [day_object(again, each, TUESDAY) for each in ids]


def test_day_object_other_seed_other_figures():
    other = replace(SETTINGS, seed=1)
    assert set(campaign_ids(SETTINGS)).isdisjoint(campaign_ids(other))
    first, second = (day_object(each, campaign_ids(each)[0], TUESDAY) for each in (SETTINGS, other))
    assert first["unique_recipients"] != second["unique_recipients"]


def test_day_object_covers_every_channel_and_stat():
    rows = [
        (channel, row)
        for each in campaign_ids(SETTINGS)
        for channel, rows in day_object(SETTINGS, each, TUESDAY)["messages"].items()
        for row in rows
    ]
    assert {channel for channel, _ in rows} == set(STATS)
    for channel, stats in STATS.items():
        assert {stat.name for stat in stats} <= {key for its, row in rows if its == channel for key in row}
    assert any("machine_open" in row for _, row in rows)
    assert any("notif_button_1_지금 구매_click" in row for _, row in rows)


def test_day_object_flat_shape_has_ids_and_no_names():
    row = day_object(SETTINGS, of_kind("Newsletter"), TUESDAY)["messages"]["email"][0]
    assert "variation_api_id" in row
    assert not {"variation_name", "revenue", "conversions"} & set(row)


def test_day_object_rich_shape_has_names_revenue_and_all_conversions():
    day = day_object(SETTINGS, of_kind("Summer sale, all channels"), TUESDAY)
    row = day["messages"]["ios_push"][0]
    assert {"variation_name", "revenue", "unique_recipients", "conversions", "conversions3_by_send_time"} <= set(row)
    assert list(day)[:2] == ["time", "messages"]


def test_day_object_control_row_has_absent_or_null_stats():
    absent = day_object(SETTINGS, of_kind("Welcome pop-up A/B"), TUESDAY)["messages"]["trigger_in_app_message"][-1]
    null = day_object(SETTINGS, of_kind("WhatsApp concierge"), TUESDAY)["messages"]["whats_app"][-1]
    assert (absent["variation_name"], absent["enrolled"] > 0, "impressions" in absent) == ("Control Group", True, False)
    assert (null["variation_name"], null["enrolled"] > 0, null["read"]) == ("Control Group", True, None)


def test_day_object_multivariate_rows_have_no_variation_ids():
    rows = day_object(SETTINGS, of_kind("Welcome pop-up A/B"), TUESDAY)["messages"]["trigger_in_app_message"]
    assert [row["variation_name"].split()[-1] for row in rows] == ["A", "B", "Group"]
    assert not any("variation_api_id" in row for row in rows)


def test_day_object_no_conversion_events_no_conversions():
    assert not {"conversions", "revenue"} & set(day_object(SETTINGS, of_kind("Delivery notice SMS"), TUESDAY))


def test_day_object_of_a_draft_has_empty_messages():
    assert day_object(SETTINGS, of_kind("Draft, never sent"), TUESDAY) == {
        "time": "2026-11-17",
        "unique_recipients": 0,
        "messages": {},
    }


@pytest.mark.parametrize("number", range(len(BLUEPRINTS)))
def test_day_object_grows_until_the_window_closes_then_stays(number):
    campaign = campaign_by_id(SETTINGS, campaign_ids(SETTINGS)[number])
    start, window = datetime(2026, 11, 17, tzinfo=timezone.utc), campaign.blueprint.window_days
    closed = start + timedelta(days=1 + window)
    moments = [start + timedelta(hours=6 * step) for step in range(4 * (window + 2))]
    seen = [numbers(day_object(SETTINGS, campaign.id, TUESDAY, moment)) for moment in moments]
    assert all(before[path] <= after[path] for before, after in pairwise(seen) for path in before)
    assert day_object(SETTINGS, campaign.id, TUESDAY, closed) == day_object(SETTINGS, campaign.id, TUESDAY, LONG_AFTER)


@pytest.mark.parametrize("number", [place for place, each in enumerate(BLUEPRINTS) if each.events])
def test_day_object_grows_during_the_conversion_window_of_its_details(number):
    campaign = campaign_ids(SETTINGS)[number]
    (window,) = {each["window"] for each in campaign_details(SETTINGS, campaign)["conversion_behaviors"]}
    day = next(
        each for each in (TUESDAY - timedelta(days=back) for back in range(2000)) if is_active(SETTINGS, campaign, each)
    )
    closed = datetime(day.year, day.month, day.day, tzinfo=timezone.utc) + timedelta(days=1, seconds=window)
    last = day_object(SETTINGS, campaign, day, LONG_AFTER)
    assert day_object(SETTINGS, campaign, day, closed) == last
    assert day_object(SETTINGS, campaign, day, closed - timedelta(seconds=window / 10)) != last


def test_day_object_by_send_time_is_restated_and_sends_are_final():
    campaign = of_kind("Summer sale, all channels")
    fresh, later, last = (
        day_object(SETTINGS, campaign, TUESDAY, moment) for moment in (utc(2026, 11, 18), utc(2026, 11, 25), LONG_AFTER)
    )
    key = "conversions_by_send_time"
    assert fresh[key] < later[key] < last[key]
    assert fresh[key] < last[key] / 2
    assert fresh["conversions"] < last["conversions"]
    assert fresh["messages"]["email"][0]["opens"] < last["messages"]["email"][0]["opens"]
    assert fresh["messages"]["email"][0]["sent"] == last["messages"]["email"][0]["sent"] > 0


def test_day_object_of_today_is_partial():
    campaign = of_kind("Newsletter")
    quarter, whole = (
        day_object(SETTINGS, campaign, TUESDAY, utc(2026, 11, day, hour)) for day, hour in ((17, 6), (18, 0))
    )
    assert quarter["unique_recipients"] == int(whole["unique_recipients"] / 4)


def test_day_object_counts_days_in_the_company_zone():
    campaign = of_kind("Newsletter")
    tokyo = replace(SETTINGS, timezone="Asia/Tokyo")
    moment = utc(2026, 11, 17, 15)
    assert (
        day_object(tokyo, campaign, TUESDAY, moment)["unique_recipients"]
        == (day_object(SETTINGS, campaign, TUESDAY, utc(2026, 11, 18))["unique_recipients"])
    )


def test_day_object_before_the_campaigns_start_is_zero():
    figures = numbers(day_object(SETTINGS, of_kind("Newsletter"), TUESDAY, utc(2026, 11, 16)))
    assert set(figures.values()) == {0}


@pytest.mark.parametrize("number", range(len(BLUEPRINTS)))
def test_day_object_inactive_day_has_the_same_rows_with_zeros(number):
    campaign = campaign_by_id(SETTINGS, campaign_ids(SETTINGS)[number])
    before = day_object(SETTINGS, campaign.id, campaign.created.date() - timedelta(days=1))
    assert set(numbers(before).values()) <= {0}
    assert set(leaves(before)) == set(leaves(day_object(SETTINGS, campaign.id, TUESDAY)))


def test_day_object_some_revenue_is_integral():
    kinds = {type(day_object(SETTINGS, each, TUESDAY).get("revenue")) for each in campaign_ids(SETTINGS)}
    assert kinds == {int, float, type(None)}


def test_is_active_follows_the_rhythm():
    week = [TUESDAY + timedelta(days=i) for i in range(7)]
    active = {
        blueprint.title: sum(is_active(SETTINGS, campaign, day) for day in week)
        for blueprint, campaign in zip(BLUEPRINTS, campaign_ids(SETTINGS), strict=True)
    }
    assert (active["Newsletter"], active["WhatsApp concierge"], active["Price alert"]) == (7, 5, 1)
    assert (active["Draft, never sent"], active["Retired push"]) == (0, 0)
    quarter = [TUESDAY - timedelta(days=i) for i in range(90)]
    assert 15 < sum(is_active(SETTINGS, of_kind("Delivery notice SMS"), day) for day in quarter) < 60


def test_is_active_archived_campaign_ends():
    campaign = campaign_by_id(SETTINGS, of_kind("Retired push"))
    assert is_active(SETTINGS, campaign.id, campaign.last_day)
    assert not is_active(SETTINGS, campaign.id, campaign.last_day + timedelta(days=1))


def test_campaign_ids_more_campaigns_keep_the_first_ones():
    many = campaign_ids(replace(SETTINGS, campaigns=1_000))
    assert many[:20] == campaign_ids(SETTINGS)
    assert len(set(many)) == 1_000


def test_campaign_ids_are_in_order_of_creation():
    created = [each.created for each in all_campaigns(0, 3_000).values()]
    assert all(older < younger for older, younger in pairwise(created))


def test_campaign_entry_has_the_fields_of_the_list():
    entries = [campaign_entry(SETTINGS, number) for number in range(20)]
    assert [each["id"] for each in entries] == campaign_ids(SETTINGS)
    assert set(entries[0]) == {"id", "last_edited", "name", "is_api_campaign", "tags"}
    assert any(None in each["tags"] for each in entries)
    assert {each["is_api_campaign"] for each in entries} == {True, False}


def test_campaign_details_names_the_variations_of_the_rows():
    campaign = of_kind("Newsletter")
    shown = campaign_details(SETTINGS, campaign)
    rows = day_object(SETTINGS, campaign, TUESDAY)["messages"]["email"]
    assert [row["variation_api_id"] for row in rows] == list(shown["messages"])
    assert shown["conversion_behaviors"] == [{"type": "Makes Any Purchase", "window": 7 * 86_400}]
    assert shown["last_sent"] == "2026-11-19T00:00:00+00:00"


def test_campaign_details_names_the_control():
    campaign = of_kind("WhatsApp concierge")
    control = day_object(SETTINGS, campaign, TUESDAY)["messages"]["whats_app"][-1]["variation_api_id"]
    assert campaign_details(SETTINGS, campaign)["messages"][control] == {"channel": "whats_app", "type": "control"}


def test_campaign_details_of_a_draft_were_never_sent():
    shown = campaign_details(SETTINGS, of_kind("Draft, never sent"))
    assert (shown["draft"], shown["enabled"], shown["first_sent"], shown["last_sent"]) == (True, False, None, None)


def test_campaign_details_archived_campaign_is_not_enabled():
    shown = campaign_details(SETTINGS, of_kind("Retired push"))
    assert (shown["archived"], shown["enabled"], shown["schedule_type"]) == (True, False, "time_based")


def test_day_object_unknown_campaign_is_a_key_error():
    with pytest.raises(KeyError):
        day_object(SETTINGS, "unknown", TUESDAY)
