from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.sandbox.data import campaign_ids
from airflow_provider_braze.sandbox.endpoints import ENDPOINTS
from airflow_provider_braze.sandbox.limits import RateWindows
from airflow_provider_braze.sandbox.permissions import PERMISSIONS
from airflow_provider_braze.sandbox.responses import ApiResponse, Query, respond
from airflow_provider_braze.sandbox.settings import SandboxSettings
from airflow_provider_braze.sandbox.state import SandboxState

SERIES = "/campaigns/data_series"
KEY = SandboxSettings().api_key
CAMPAIGN = campaign_ids(SandboxSettings())[0]


def a_state(**settings: Any) -> SandboxState:
    state = SandboxState(SandboxSettings(as_of="2026-11-19T06:00:00Z").merged(settings))
    state.windows = RateWindows(lambda: 1_000.0)
    return state


def a_query(path: str = "/campaigns/list", **changes: Any) -> Query:
    params = {"campaign_id": CAMPAIGN, "length": "2"} if path == SERIES else {"campaign_id": CAMPAIGN}
    return Query("GET", path, params, f"Bearer {KEY}")._replace(**changes)


def content(response: ApiResponse) -> dict:
    return json.loads(response.body.plain)


@pytest.mark.parametrize("path", ["/campaigns/list", "/campaigns/details", SERIES])
def test_respond_valid_request_is_served_with_rate_headers(path):
    response = respond(a_state(), a_query(path))
    assert (response.status, content(response)["message"], response.fault) == (200, "success", "")
    assert set(response.headers) == {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}


def test_respond_announces_the_two_limits_of_braze():
    state = a_state()
    assert respond(state, a_query(SERIES)).headers == {
        "x-ratelimit-limit": "50000",
        "x-ratelimit-remaining": "49999",
        "x-ratelimit-reset": "1020",
    }
    respond(state, a_query())
    assert respond(state, a_query("/campaigns/details")).headers == {
        "x-ratelimit-limit": "250000",
        "x-ratelimit-remaining": "249998",
        "x-ratelimit-reset": "3600",
    }


@pytest.mark.parametrize("authorization", [f"Bearer {KEY}", f"bearer {KEY}"])
def test_respond_scheme_in_any_case_is_accepted(authorization):
    assert respond(a_state(), a_query(authorization=authorization)).status == 200


@pytest.mark.parametrize("authorization", ["", KEY, f"Basic {KEY}", f"Bearer {KEY.upper()}", f"Bearer '{KEY}'"])
def test_respond_wrong_key_is_401_with_empty_rate_headers(authorization):
    response = respond(a_state(), a_query(authorization=authorization))
    assert response.status == 401
    assert set(response.headers.values()) == {""}


def test_respond_wrong_key_is_repeated_in_the_body():
    assert content(respond(a_state(), a_query(authorization="Bearer abc"))) == {"message": "Invalid API key: abc"}


@pytest.mark.parametrize("path", ENDPOINTS)
def test_respond_missing_permission_is_403_only_for_its_endpoints(path):
    lacking = Endpoint(path).permission
    for settings in (
        {"permissions": [each for each in PERMISSIONS if each != lacking]},
        {"missing_permissions": [lacking]},
    ):
        state = a_state(**settings)
        assert {each for each in ENDPOINTS if respond(state, a_query(each)).status == 403} == {path}


@pytest.mark.parametrize("path", ["/", "/campaigns", "/campaigns/list/", "/campagnes/séries_de_données"])
def test_respond_unknown_path_is_404(path):
    assert respond(a_state(), a_query(path)).status == 404


def test_respond_other_method_is_405():
    assert respond(a_state(), a_query(method="POST")).status == 405


def test_respond_used_up_limit_is_429_only_for_the_series():
    state = a_state(rate_limit=2, rate_window_seconds=10)
    responses = [respond(state, a_query(SERIES)) for _ in range(3)]
    assert [(each.status, each.headers["x-ratelimit-remaining"]) for each in responses] == [
        (200, "1"),
        (200, "0"),
        (429, "0"),
    ]
    assert responses[2].headers["x-ratelimit-reset"] == "1010"
    assert "message" in content(responses[2])
    assert respond(state, a_query()).status == 200


def test_respond_lists_and_purchases_share_one_pool():
    state = a_state(rate_limits={"events": {"requests": 3, "seconds": 10}})
    pooled = ["/events/list", "/purchases/product_list", "/purchases/quantity_series", "/purchases/revenue_series"]
    query = {"params": {"length": "1"}}
    responses = [respond(state, a_query(path, **query)) for path in pooled]
    assert [each.status for each in responses] == [200, 200, 200, 429]
    assert [each.headers["x-ratelimit-limit"] for each in responses] == ["3"] * 4
    assert responses[3].headers["x-ratelimit-reset"] == "1010"
    event = {"params": {"length": "1", "event": "signup"}}
    assert respond(state, a_query("/events/data_series", **event)).headers["x-ratelimit-limit"] == "250000"


def test_respond_pool_announces_a_thousand_per_hour():
    headers = respond(a_state(), a_query("/events/list")).headers
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-reset"]) == ("1000", "3600")


def test_respond_limit_of_a_bucket_replaces_the_one_of_campaigns():
    state = a_state(rate_limit=9, rate_limits={"campaigns.data_series": {"requests": 1, "seconds": 5}})
    assert [respond(state, a_query(SERIES)).status for _ in range(2)] == [200, 429]


def test_respond_rate_429_announces_its_own_reset():
    response = respond(a_state(faults={"rate_429": 1, "retry_after_reset_seconds": 5}), a_query())
    assert (response.status, response.headers["x-ratelimit-remaining"]) == (429, "0")
    assert response.headers["x-ratelimit-reset"] == "1005"


def test_respond_rate_500_is_500():
    assert respond(a_state(faults={"rate_500": 1}), a_query()).status == 500


def test_respond_rate_html_is_a_page_with_status_200():
    response = respond(a_state(faults={"rate_html": 1}), a_query())
    assert (response.status, response.media_type, response.body.plain[:9]) == (200, "text/html", b"<!DOCTYPE")


@pytest.mark.parametrize("fault", ["rate_cut", "rate_reset", "rate_slow"])
def test_respond_fault_of_the_wire_keeps_the_body(fault):
    response = respond(a_state(faults={fault: 1}), a_query())
    assert (response.status, response.fault) == (200, fault)
    assert content(response)["message"] == "success"


def test_respond_faults_occur_with_their_probabilities():
    state = a_state(faults={"rate_429": 0.25, "rate_500": 0.25})
    statuses = Counter(respond(state, a_query()).status for _ in range(800))
    assert set(statuses) == {200, 429, 500}
    assert 350 < statuses[200] < 450
    assert 150 < statuses[429] < 250


def test_respond_faults_same_seed_same_sequence():
    sequences = [
        [respond(state, a_query()).status for _ in range(50)]
        for state in (a_state(faults={"rate_500": 0.5}), a_state(faults={"rate_500": 0.5}))
    ]
    assert sequences[0] == sequences[1]


def test_respond_faults_of_one_endpoint_do_not_affect_the_others():
    state = a_state(faults={"rate_500": 1, "endpoints": ["campaigns.data_series"]})
    assert [respond(state, a_query(path)).status for path in ("/campaigns/list", SERIES)] == [200, 500]


def test_respond_same_request_returns_the_cached_body():
    state = a_state()
    assert respond(state, a_query(SERIES)).body is respond(state, a_query(SERIES)).body


@pytest.mark.parametrize("settings", [{"row_order": "shuffled"}, {"faults": {"double_days": 0.5}}])
def test_respond_varying_responses_are_not_cached(settings):
    state = a_state(**settings)
    bodies = {
        respond(state, a_query(SERIES, params={"campaign_id": CAMPAIGN, "length": "9"})).body.plain for _ in range(9)
    }
    assert len(bodies) > 1


def test_respond_rejected_request_has_the_reason():
    response = respond(a_state(), a_query(SERIES, params={"campaign_id": "x", "length": "1"}))
    assert (response.status, content(response)["message"]) == (
        400,
        "campaign_id must be a string of the campaign api identifier",
    )


def test_respond_settings_may_change_between_requests():
    state = a_state()
    state.configure(lambda settings: replace(settings, campaigns=0))
    assert content(respond(state, a_query())) == {"message": "success", "campaigns": []}
