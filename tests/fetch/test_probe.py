from __future__ import annotations

import json
from datetime import date, datetime, timezone
from typing import Any

import pytest

from airflow_provider_braze.core.drivers import drive
from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import (
    BrazeAuthError,
    BrazeConfigError,
    BrazeDataError,
    BrazeError,
    BrazeNotFoundError,
    BrazeRateLimitError,
    BrazeRequestError,
    BrazeServerError,
    BrazeTransportError,
)
from airflow_provider_braze.fetch.probe import GIVE_UP_AFTER, Finding, Request, find_day
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.series.kpis import KPIS

DAY = Window(date(2026, 11, 18), date(2026, 11, 19), "America/New_York")
NOW = datetime(2026, 11, 19, 14, tzinfo=timezone.utc)
HERE = ["2026-11-17", "2026-11-18"]
YET = ["2026-11-17"]
LIMITED = BrazeRateLimitError("slow down")
DOWN = BrazeServerError("down", 503)
CUT = BrazeTransportError("cut")
REJECTED = BrazeRequestError("rejected", 400, "/campaigns/data_series")
GONE = BrazeNotFoundError("gone", 404)
BROKEN = BrazeDataError("broken", "$.data")


class Braze:
    """Returns by campaign id the available days, or an error."""

    def __init__(self, listed: Any = None, **responses: Any) -> None:
        self.listed, self.responses = listed, responses
        self.requests: list[Request] = []

    def respond(self, request: Request) -> Any:
        self.requests.append(request)
        if request.decode is None:
            return self.listed
        response = self.responses[request.params["campaign_id"]]
        if isinstance(response, BrazeError):
            return response
        return request.decode(json.dumps({"data": [{"time": day, "messages": {}} for day in response]}).encode())

    def probe(self, ids: list[str] | None = None, *, sample: int = 5, must_all: bool = False) -> Finding:
        return drive(find_day(CAMPAIGNS, DAY, ids=ids, sample=sample, must_all=must_all, now=NOW), self.respond)

    def probe_all(self, *, must_all: bool = False) -> Finding:
        return self.probe(list(self.responses), must_all=must_all)

    @property
    def requested_ids(self) -> list[str]:
        return [each.params["campaign_id"] for each in self.requests if each.decode]


def test_find_day_ends_with_the_first_campaign_that_has_it():
    braze = Braze(a=YET, b=HERE, c=HERE)
    assert braze.probe_all() == Finding("b", 2, {})
    assert braze.requested_ids == ["a", "b"]
    assert braze.requests[0].path == "/campaigns/data_series"
    assert braze.requests[0].params == {"campaign_id": "a", "length": "2", "ending_at": "2026-11-19T09:00:00-05:00"}


def test_find_day_that_no_campaign_has_checks_all():
    braze = Braze(a=YET, b=[], c=["2026-11-19"])
    assert braze.probe_all() == Finding(None, 3, {})
    assert braze.requested_ids == ["a", "b", "c"]


def test_find_day_without_given_campaigns_checks_the_newest_of_the_list():
    listed = {"campaigns": [{"id": name} for name in "abcd"]}
    braze = Braze(listed, a=YET, b=YET)
    assert braze.probe(sample=2) == Finding(None, 2, {})
    assert braze.requests[0] == Request(
        "/campaigns/list", {"page": "0", "include_archived": "false", "sort_direction": "desc"}
    )
    assert braze.requested_ids == ["a", "b"]


def test_find_day_of_an_empty_workspace_finds_nothing():
    assert Braze({"campaigns": []}).probe() == Finding(None, 0, {})


@pytest.mark.parametrize("error", [LIMITED, DOWN, CUT])
def test_find_day_with_a_transient_error_of_the_list_is_not_available_yet(error):
    assert Braze(error).probe() == Finding(None, 0, {"the list": error})


@pytest.mark.parametrize(
    "error", [BrazeAuthError("no", 403), REJECTED, BROKEN, BrazeConfigError("no"), BrazeError("no")]
)
def test_find_day_with_a_rejected_list_raises(error):
    with pytest.raises(BrazeError) as caught:
        Braze(error).probe()
    assert caught.value is error


@pytest.mark.parametrize("listed", [{}, {"campaigns": [{}]}])
def test_find_day_with_a_broken_list_raises(listed):
    with pytest.raises(BrazeDataError):
        Braze(listed).probe()


@pytest.mark.parametrize("error", [BrazeAuthError("no", 401), BrazeConfigError("no"), BrazeError("stopped")])
def test_find_day_ends_at_once_when_no_campaign_can_be_requested(error):
    braze = Braze(a=error, b=HERE)
    with pytest.raises(BrazeError) as caught:
        braze.probe_all()
    assert caught.value is error
    assert braze.requested_ids == ["a"]


@pytest.mark.parametrize("error", [REJECTED, GONE, BROKEN, DOWN, CUT])
def test_find_day_skips_a_failing_campaign_if_another_succeeds(error):
    assert Braze(a=error, b=HERE).probe_all() == Finding("b", 2, {"a": error})
    assert Braze(a=error, b=YET).probe_all() == Finding(None, 2, {"a": error})


@pytest.mark.parametrize("errors", [(REJECTED,), (REJECTED, GONE), (GONE, REJECTED, REJECTED, REJECTED)])
def test_find_day_rejected_for_all_raises_a_permanent_error(errors):
    with pytest.raises(
        (BrazeRequestError, BrazeNotFoundError), match=rf"campaigns checked \({len(errors)}\) can"
    ) as caught:
        Braze(**dict(zip("abcd", errors, strict=False))).probe_all()
    assert caught.value.__cause__ is errors[0]
    assert (caught.value.status, caught.value.endpoint) == (errors[0].status, errors[0].endpoint)
    assert "'a': " in str(caught.value)


def test_find_day_rejected_for_all_raises_the_error_that_may_be_retried():
    with pytest.raises(BrazeDataError, match="'b': broken") as caught:
        Braze(a=REJECTED, b=BROKEN, c=GONE).probe_all()
    assert caught.value.path == "$.data"


@pytest.mark.parametrize("error", [DOWN, CUT, LIMITED])
def test_find_day_with_a_transient_error_is_not_available_yet(error):
    assert Braze(a=REJECTED, b=error).probe_all() == Finding(None, 2, {"a": REJECTED, "b": error})


def test_find_day_stops_at_a_used_up_rate_limit():
    braze = Braze(a=YET, b=LIMITED, c=HERE)
    assert braze.probe_all() == Finding(None, 2, {"b": LIMITED})
    assert braze.requested_ids == ["a", "b"]


def test_find_day_without_any_response_gives_up():
    braze = Braze(**dict.fromkeys("abcdef", DOWN))
    assert braze.probe_all().checked == GIVE_UP_AFTER == len(braze.requests)


def test_find_day_with_one_response_continues():
    braze = Braze(a=YET, **dict.fromkeys("bcdef", DOWN), g=HERE)
    assert braze.probe_all().subject == "g"


def test_find_day_that_all_must_have_ends_with_the_first_that_lacks_it():
    braze = Braze(a=HERE, b=YET, c=HERE)
    assert braze.probe_all(must_all=True) == Finding(None, 2, {})
    assert Braze(a=HERE, b=HERE).probe_all(must_all=True) == Finding("b", 2, {})


@pytest.mark.parametrize("error", [LIMITED, DOWN, CUT])
def test_find_day_that_all_must_have_is_not_available_after_a_transient_error(error):
    assert Braze(a=HERE, b=error, c=HERE).probe_all(must_all=True) == Finding(None, 2, {"b": error})


@pytest.mark.parametrize("error", [REJECTED, GONE, BROKEN])
def test_find_day_that_all_must_have_raises_an_error_that_stays(error):
    braze = Braze(a=HERE, b=error, c=HERE)
    with pytest.raises(type(error), match=f"The campaign 'b' cannot be checked. {error}") as caught:
        braze.probe_all(must_all=True)
    assert caught.value.__cause__ is error
    assert braze.requested_ids == ["a", "b"]


@pytest.mark.parametrize(
    ("mau", "found"), [({"mau": None}, None), ({}, None), ({"mau": 0}, "mau"), ({"mau": 5}, "mau")]
)
def test_find_day_of_a_kpi_needs_its_value(mau, found):
    def respond(request: Request) -> Any:
        return request.decode(json.dumps({"data": [{"time": "2026-11-18", **mau}]}).encode())

    assert drive(find_day(KPIS, DAY, ids=["mau"], sample=1, must_all=True, now=NOW), respond).subject == found
