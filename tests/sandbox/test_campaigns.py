from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest

from airflow_provider_braze.sandbox.campaigns import all_campaigns
from airflow_provider_braze.sandbox.data import campaign_details, campaign_ids, day_object, is_active
from airflow_provider_braze.sandbox.endpoints import ENDPOINTS
from airflow_provider_braze.sandbox.params import Rejected
from airflow_provider_braze.sandbox.settings import SandboxSettings

campaigns_list = ENDPOINTS["/campaigns/list"]
campaigns_details = ENDPOINTS["/campaigns/details"]
data_series = ENDPOINTS["/campaigns/data_series"]
SETTINGS = SandboxSettings(as_of="2026-11-19T06:00:00Z")
NEWSLETTER = campaign_ids(SETTINGS)[0]
MULTIVARIATE = campaign_ids(SETTINGS)[3]
SPORADIC = campaign_ids(SETTINGS)[4]


def series(settings: SandboxSettings = SETTINGS, seed: int = 0, **params: str) -> list[dict]:
    return data_series(settings, {"campaign_id": NEWSLETTER, "length": "3", **params}, Random(seed))["data"]


def days(data: list[dict]) -> list[str]:
    return [each["time"] for each in data]


def listed(settings: SandboxSettings = SETTINGS, **params: str) -> list[str]:
    return [each["id"] for each in campaigns_list(settings, params, Random(0))["campaigns"]]


def test_data_series_sends_exactly_the_day_objects():
    assert series(ending_at="2026-11-18T12:00:00Z") == [
        day_object(SETTINGS, NEWSLETTER, date(2026, 11, day)) for day in (16, 17, 18)
    ]


def test_data_series_without_ending_at_ends_today():
    assert days(series()) == ["2026-11-17", "2026-11-18", "2026-11-19"]


def test_data_series_today_counts_days_in_the_company_zone():
    assert days(series(replace(SETTINGS, timezone="America/Los_Angeles")))[-1] == "2026-11-18"


def test_data_series_days_after_today_are_left_out():
    assert days(series(ending_at="2026-11-20T12:00:00Z")) == ["2026-11-18", "2026-11-19"]
    assert series(ending_at="2027-01-01") == []


@pytest.mark.parametrize(("reading", "last"), [("inclusive", "18"), ("midnight_before", "17"), ("exclusive", "17")])
def test_data_series_midnight_follows_the_reading(reading, last):
    found = days(series(replace(SETTINGS, ending_at_reading=reading), ending_at="2026-11-18T00:00:00"))
    assert (found[-1], len(found)) == (f"2026-11-{last}", 3)


@pytest.mark.parametrize("length", ["0", "101", "1.5", "-1", "", "many", "٣"])
def test_data_series_wrong_length_is_rejected(length):
    with pytest.raises(Rejected, match="length must be an integer between 1 and 100") as caught:
        series(length=length)
    assert caught.value.status == 400


def test_data_series_length_missing_is_rejected():
    with pytest.raises(Rejected, match="length"):
        data_series(SETTINGS, {"campaign_id": NEWSLETTER}, Random(0))


@pytest.mark.parametrize("length", [1, 100])
def test_data_series_length_at_the_limits_is_served(length):
    assert len(series(length=str(length))) == length


def test_data_series_wrong_ending_at_is_rejected():
    with pytest.raises(Rejected, match="ending_at") as caught:
        series(ending_at="2026-11-18T00:00:00 05:00")
    assert caught.value.status == 400


@pytest.mark.parametrize("params", [{}, {"campaign_id": "unknown"}])
def test_data_series_unknown_campaign_is_rejected_like_braze(params):
    with pytest.raises(Rejected, match="campaign_id must be a string of the campaign api identifier") as caught:
        data_series(SETTINGS, {"length": "1", **params}, Random(0))
    assert caught.value.status == 400


def test_data_series_multivariate_has_no_message():
    assert set(data_series(SETTINGS, {"campaign_id": MULTIVARIATE, "length": "1"}, Random(0))) == {"data"}


def test_data_series_omit_inactive_days_leaves_them_out():
    found = days(series(replace(SETTINGS, omit_inactive_days=True), campaign_id=SPORADIC, length="30"))
    expected = [date(2026, 11, 19) - timedelta(days=back) for back in reversed(range(30))]
    assert found == [day.isoformat() for day in expected if is_active(SETTINGS, SPORADIC, day)]
    assert 0 < len(found) < 30


@pytest.mark.parametrize("campaign", ["*", NEWSLETTER])
def test_data_series_missing_days_are_left_out(campaign):
    settings = SETTINGS.merged({"faults": {"missing_days": {campaign: ["2026-11-18"], "other": ["2026-11-17"]}}})
    assert days(series(settings)) == ["2026-11-17", "2026-11-19"]


def test_data_series_foreign_day_lies_outside_the_range():
    settings = SETTINGS.merged({"faults": {"foreign_days": 1}})
    assert days(series(settings)) == ["2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19"]


def test_data_series_double_day_has_equal_content():
    data = series(SETTINGS.merged({"faults": {"double_days": 1}}))
    assert sorted(Counter(days(data)).values()) == [1, 1, 2]
    assert data[-1] in data[:-1]


def test_data_series_contradicting_day_has_other_content():
    data = series(SETTINGS.merged({"faults": {"contradicting_days": 1}}))
    assert sorted(Counter(days(data)).values()) == [1, 1, 2]
    assert data[-1] not in data[:-1]


@pytest.mark.parametrize("fault", ["double_days", "contradicting_days"])
def test_data_series_without_days_doubles_no_day(fault):
    assert series(SETTINGS.merged({"faults": {fault: 1}}), ending_at="2027-01-01") == []


def test_data_series_faulty_days_occur_with_their_probability():
    settings = SETTINGS.merged({"faults": {"double_days": 0.25}})
    doubled = sum(len(series(settings, seed)) == 4 for seed in range(400))
    assert 70 < doubled < 130


def test_data_series_shuffled_order_differs_but_not_the_content():
    settings = replace(SETTINGS, row_order="shuffled")
    responses = [series(settings, seed, length="30") for seed in range(5)]
    plain = series(length="30")
    orders = {tuple(days(response)) for response in responses}
    row_orders = {tuple(row["sent"] for row in day["messages"]["email"]) for response in responses for day in response}
    assert len(orders) == 5
    assert len(row_orders) > 30
    for response in responses:
        for day in response:
            day["messages"]["email"].sort(key=lambda row: row["variation_api_id"])
    for day in plain:
        day["messages"]["email"].sort(key=lambda row: row["variation_api_id"])
    assert all(sorted(response, key=lambda day: day["time"]) == plain for response in responses)


@pytest.mark.parametrize("status", [400, 404, 500])
def test_data_series_bad_campaign_is_always_rejected(status):
    settings = SETTINGS.merged({"faults": {"bad_subjects": {NEWSLETTER: status}}})
    with pytest.raises(Rejected) as caught:
        series(settings)
    assert caught.value.status == status
    assert series(settings, campaign_id=MULTIVARIATE)


def test_campaigns_details_returns_the_details():
    response = campaigns_details(SETTINGS, {"campaign_id": NEWSLETTER}, Random(0))
    assert response == {"message": "success", **campaign_details(SETTINGS, NEWSLETTER)}


def test_campaigns_details_may_be_rejected_separately():
    settings = SETTINGS.merged({"faults": {"bad_details": {NEWSLETTER: 500}}})
    with pytest.raises(Rejected) as caught:
        campaigns_details(settings, {"campaign_id": NEWSLETTER}, Random(0))
    assert caught.value.status == 500
    assert campaigns_details(settings, {"campaign_id": MULTIVARIATE}, Random(0))
    assert series(settings)


def test_campaigns_list_omits_archived_ones_unless_requested():
    assert len(listed()) == 18
    assert listed(include_archived="false") == listed()
    assert listed(include_archived="true") == campaign_ids(SETTINGS)


def test_campaigns_list_pages_of_a_hundred_from_zero():
    many = replace(SETTINGS, campaigns=250)
    pages = [listed(many, page=str(page), include_archived="true") for page in range(4)]
    assert [len(page) for page in pages] == [100, 100, 50, 0]
    assert [each for page in pages for each in page] == campaign_ids(many)


def test_campaigns_list_descending_is_youngest_first():
    assert listed(sort_direction="desc") == listed(sort_direction="asc")[::-1] == listed()[::-1]


def test_campaigns_list_last_edit_keeps_campaigns_edited_after():
    edits = sorted(each.edited for each in all_campaigns(0, 20).values())
    kept = listed(**{"include_archived": "true", "last_edit.time[gt]": edits[9].isoformat()})
    assert len(kept) == 10


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page", "-1"),
        ("page", "one"),
        ("include_archived", "True"),
        ("sort_direction", "up"),
        ("last_edit.time[gt]", "x"),
    ],
)
def test_campaigns_list_wrong_parameter_is_rejected_by_name(name, value):
    with pytest.raises(Rejected) as caught:
        listed(**{name: value})
    assert caught.value.status == 400
    assert name in caught.value.message


def test_rejected_unusual_status_has_a_message():
    assert Rejected(502).message == "Error 502"
