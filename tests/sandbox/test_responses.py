from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_braze.sandbox.data import campaign_ids
from airflow_provider_braze.sandbox.limits import RateWindows
from airflow_provider_braze.sandbox.respond import Answer, Query, respond
from airflow_provider_braze.sandbox.settings import PERMISSIONS, SandboxSettings
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


def content(answer: Answer) -> dict:
    return json.loads(answer.body.plain)


@pytest.mark.parametrize("path", ["/campaigns/list", "/campaigns/details", SERIES])
def test_respond_good_request_is_served_with_rate_headers(path):
    answer = respond(a_state(), a_query(path))
    assert (answer.status, content(answer)["message"], answer.fault) == (200, "success", "")
    assert set(answer.headers) == {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"}


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
    answer = respond(a_state(), a_query(authorization=authorization))
    assert answer.status == 401
    assert set(answer.headers.values()) == {""}


def test_respond_wrong_key_is_repeated_in_the_body():
    assert content(respond(a_state(), a_query(authorization="Bearer abc"))) == {"message": "Invalid API key: abc"}


@pytest.mark.parametrize(
    ("path", "permission"), [(f"/{permission.replace('.', '/')}", permission) for permission in PERMISSIONS]
)
def test_respond_missing_permission_is_403_there_only(path, permission):
    state = a_state(permissions=[each for each in PERMISSIONS if each != permission])
    statuses = {each: respond(state, a_query(f"/{each.replace('.', '/')}")).status for each in PERMISSIONS}
    assert statuses == {each: 403 if each == permission else 200 for each in PERMISSIONS}


@pytest.mark.parametrize("path", ["/", "/campaigns", "/campaigns/list/", "/campagnes/séries_de_données"])
def test_respond_unknown_path_is_404(path):
    assert respond(a_state(), a_query(path)).status == 404


def test_respond_other_method_is_405():
    assert respond(a_state(), a_query(method="POST")).status == 405


def test_respond_limit_spent_is_429_for_the_series_only():
    state = a_state(rate_limit=2, rate_window_seconds=10)
    answers = [respond(state, a_query(SERIES)) for _ in range(3)]
    assert [(each.status, each.headers["x-ratelimit-remaining"]) for each in answers] == [
        (200, "1"),
        (200, "0"),
        (429, "0"),
    ]
    assert answers[2].headers["x-ratelimit-reset"] == "1010"
    assert "message" in content(answers[2])
    assert respond(state, a_query()).status == 200


def test_respond_rate_429_announces_its_own_reset():
    answer = respond(a_state(faults={"rate_429": 1, "retry_after_reset_seconds": 5}), a_query())
    assert (answer.status, answer.headers["x-ratelimit-remaining"]) == (429, "0")
    assert answer.headers["x-ratelimit-reset"] == "1005"


def test_respond_rate_500_is_500():
    assert respond(a_state(faults={"rate_500": 1}), a_query()).status == 500


def test_respond_rate_html_is_a_page_with_status_200():
    answer = respond(a_state(faults={"rate_html": 1}), a_query())
    assert (answer.status, answer.media_type, answer.body.plain[:9]) == (200, "text/html", b"<!DOCTYPE")


@pytest.mark.parametrize("fault", ["rate_cut", "rate_reset", "rate_slow"])
def test_respond_fault_of_the_wire_keeps_the_body(fault):
    answer = respond(a_state(faults={fault: 1}), a_query())
    assert (answer.status, answer.fault) == (200, fault)
    assert content(answer)["message"] == "success"


def test_respond_faults_come_with_their_probabilities():
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


def test_respond_faults_of_one_endpoint_spare_the_others():
    state = a_state(faults={"rate_500": 1, "endpoints": ["campaigns.data_series"]})
    assert [respond(state, a_query(path)).status for path in ("/campaigns/list", SERIES)] == [200, 500]


def test_respond_same_question_gets_the_kept_body():
    state = a_state()
    assert respond(state, a_query(SERIES)).body is respond(state, a_query(SERIES)).body


@pytest.mark.parametrize("settings", [{"row_order": "shuffled"}, {"faults": {"double_days": 0.5}}])
def test_respond_answers_that_vary_are_not_kept(settings):
    state = a_state(**settings)
    bodies = {
        respond(state, a_query(SERIES, params={"campaign_id": CAMPAIGN, "length": "9"})).body.plain for _ in range(9)
    }
    assert len(bodies) > 1


def test_respond_refused_request_says_why():
    answer = respond(a_state(), a_query(SERIES, params={"campaign_id": "x", "length": "1"}))
    assert (answer.status, content(answer)["message"]) == (
        400,
        "campaign_id must be a string of the campaign api identifier",
    )


def test_respond_settings_may_change_between_requests():
    state = a_state()
    state.configure(lambda settings: replace(settings, campaigns=0))
    assert content(respond(state, a_query())) == {"message": "success", "campaigns": []}
