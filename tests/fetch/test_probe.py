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
    """Answers by campaign id: the days that are there, or an error."""

    def __init__(self, listed: Any = None, **answers: Any) -> None:
        self.listed, self.answers = listed, answers
        self.asked: list[Request] = []

    def ask(self, request: Request) -> Any:
        self.asked.append(request)
        if request.decode is None:
            return self.listed
        answer = self.answers[request.params["campaign_id"]]
        if isinstance(answer, BrazeError):
            return answer
        return request.decode(json.dumps({"data": [{"time": day, "messages": {}} for day in answer]}).encode())

    def probe(self, ids: list[str] | None = None, *, sample: int = 5, must_all: bool = False) -> Finding:
        return drive(find_day(CAMPAIGNS, DAY, ids=ids, sample=sample, must_all=must_all, now=NOW), self.ask)

    def probe_all(self, *, must_all: bool = False) -> Finding:
        return self.probe(list(self.answers), must_all=must_all)

    @property
    def asked_ids(self) -> list[str]:
        return [each.params["campaign_id"] for each in self.asked if each.decode]


def test_find_day_ends_with_the_first_campaign_that_has_it():
    braze = Braze(a=YET, b=HERE, c=HERE)
    assert braze.probe_all() == Finding("b", 2, {})
    assert braze.asked_ids == ["a", "b"]
    assert braze.asked[0].path == "/campaigns/data_series"
    assert braze.asked[0].params == {"campaign_id": "a", "length": "2", "ending_at": "2026-11-19T09:00:00-05:00"}


def test_find_day_that_no_campaign_has_asks_all():
    braze = Braze(a=YET, b=[], c=["2026-11-19"])
    assert braze.probe_all() == Finding(None, 3, {})
    assert braze.asked_ids == ["a", "b", "c"]


def test_find_day_of_no_given_campaign_asks_the_newest_of_the_list():
    listed = {"campaigns": [{"id": name} for name in "abcd"]}
    braze = Braze(listed, a=YET, b=YET)
    assert braze.probe(sample=2) == Finding(None, 2, {})
    assert braze.asked[0] == Request(
        "/campaigns/list", {"page": "0", "include_archived": "false", "sort_direction": "desc"}
    )
    assert braze.asked_ids == ["a", "b"]


def test_find_day_of_an_empty_workspace_finds_nothing():
    assert Braze({"campaigns": []}).probe() == Finding(None, 0, {})


@pytest.mark.parametrize("error", [LIMITED, DOWN, CUT])
def test_find_day_whose_list_fails_for_a_moment_is_not_there_yet(error):
    assert Braze(error).probe() == Finding(None, 0, {"the list": error})


@pytest.mark.parametrize(
    "error", [BrazeAuthError("no", 403), REJECTED, BROKEN, BrazeConfigError("no"), BrazeError("no")]
)
def test_find_day_whose_list_is_rejected_raises(error):
    with pytest.raises(BrazeError) as caught:
        Braze(error).probe()
    assert caught.value is error


@pytest.mark.parametrize("listed", [{}, {"campaigns": [{}]}])
def test_find_day_whose_list_is_broken_raises(listed):
    with pytest.raises(BrazeDataError):
        Braze(listed).probe()


@pytest.mark.parametrize("error", [BrazeAuthError("no", 401), BrazeConfigError("no"), BrazeError("stopped")])
def test_find_day_ends_at_once_where_no_campaign_can_be_asked(error):
    braze = Braze(a=error, b=HERE)
    with pytest.raises(BrazeError) as caught:
        braze.probe_all()
    assert caught.value is error
    assert braze.asked_ids == ["a"]


@pytest.mark.parametrize("error", [REJECTED, GONE, BROKEN, DOWN, CUT])
def test_find_day_passes_over_a_campaign_that_fails_if_another_succeeds(error):
    assert Braze(a=error, b=HERE).probe_all() == Finding("b", 2, {"a": error})
    assert Braze(a=error, b=YET).probe_all() == Finding(None, 2, {"a": error})


@pytest.mark.parametrize("errors", [(REJECTED,), (REJECTED, GONE), (GONE, REJECTED, REJECTED, REJECTED)])
def test_find_day_that_all_reject_raises_permanently(errors):
    with pytest.raises(
        (BrazeRequestError, BrazeNotFoundError), match=rf"campaigns checked \({len(errors)}\) can"
    ) as caught:
        Braze(**dict(zip("abcd", errors, strict=False))).probe_all()
    assert caught.value.__cause__ is errors[0]
    assert (caught.value.status, caught.value.endpoint) == (errors[0].status, errors[0].endpoint)
    assert "'a': " in str(caught.value)


def test_find_day_that_all_reject_raises_what_a_retry_may_resolve():
    with pytest.raises(BrazeDataError, match="'b': broken") as caught:
        Braze(a=REJECTED, b=BROKEN, c=GONE).probe_all()
    assert caught.value.path == "$.data"


@pytest.mark.parametrize("error", [DOWN, CUT, LIMITED])
def test_find_day_that_fails_for_a_moment_is_not_there_yet(error):
    assert Braze(a=REJECTED, b=error).probe_all() == Finding(None, 2, {"a": REJECTED, "b": error})


def test_find_day_of_a_spent_limit_asks_no_more():
    braze = Braze(a=YET, b=LIMITED, c=HERE)
    assert braze.probe_all() == Finding(None, 2, {"b": LIMITED})
    assert braze.asked_ids == ["a", "b"]


def test_find_day_without_any_response_gives_up():
    braze = Braze(**dict.fromkeys("abcdef", DOWN))
    assert braze.probe_all().checked == GIVE_UP_AFTER == len(braze.asked)


def test_find_day_with_one_response_goes_on():
    braze = Braze(a=YET, **dict.fromkeys("bcdef", DOWN), g=HERE)
    assert braze.probe_all().subject == "g"


def test_find_day_that_all_must_have_ends_with_the_first_that_lacks_it():
    braze = Braze(a=HERE, b=YET, c=HERE)
    assert braze.probe_all(must_all=True) == Finding(None, 2, {})
    assert Braze(a=HERE, b=HERE).probe_all(must_all=True) == Finding("b", 2, {})


@pytest.mark.parametrize("error", [LIMITED, DOWN, CUT])
def test_find_day_that_all_must_have_is_not_there_when_one_fails_for_a_moment(error):
    assert Braze(a=HERE, b=error, c=HERE).probe_all(must_all=True) == Finding(None, 2, {"b": error})


@pytest.mark.parametrize("error", [REJECTED, GONE, BROKEN])
def test_find_day_that_all_must_have_raises_what_no_other_check_resolves(error):
    braze = Braze(a=HERE, b=error, c=HERE)
    with pytest.raises(type(error), match=f"The campaign 'b' cannot be checked. {error}") as caught:
        braze.probe_all(must_all=True)
    assert caught.value.__cause__ is error
    assert braze.asked_ids == ["a", "b"]


@pytest.mark.parametrize(
    ("mau", "found"), [({"mau": None}, None), ({}, None), ({"mau": 0}, "mau"), ({"mau": 5}, "mau")]
)
def test_find_day_of_a_kpi_needs_its_value(mau, found):
    def ask(request: Request) -> Any:
        return request.decode(json.dumps({"data": [{"time": "2026-11-18", **mau}]}).encode())

    assert drive(find_day(KPIS, DAY, ids=["mau"], sample=1, must_all=True, now=NOW), ask).subject == found
