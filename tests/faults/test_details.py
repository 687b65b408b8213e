"""Details of campaigns that are unexpected or missing: what fails, and what must not."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider_braze.exceptions import (
    BrazeAuthError,
    BrazeDataError,
    BrazePartialError,
    BrazeRequestError,
    BrazeServerError,
    BrazeTransportError,
)
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from tests.faults.conftest import NO_FAULT, SERIES, Lake, on, once
from tests.faults.proxy import Fault, Response, Rule
from tests.faults.table import Case, Complete, Fails, each_case, fault
from tests.faults.test_responses import document

DETAILS = "/campaigns/details"
TABLES = [*CAMPAIGNS.default_tables, "campaign_details"]

Rows = dict[str, dict[str, Any]]


def of_details(campaign_id: str, fault: Fault) -> Rule:
    """Return a rule that applies the fault to each request for one campaign's details."""
    ours = (DETAILS, campaign_id)
    return lambda request: fault if (request.path, request.params.get("campaign_id")) == ours else None


def status(number: int) -> Fault:
    return lambda call: call.send(Response(number, b'{"message": "no"}'))


@dataclass
class Details:
    """The details of the lake's campaigns, as landed and as they are now.

    :param old: landed rows of each campaign. All campaigns have been sent again since.
    """

    lake: Lake
    old: Rows
    new: Rows
    _log: pytest.LogCaptureFixture

    @property
    def landed(self) -> Rows:
        rows = self.lake.destination.table("campaign_details").to_pylist()
        return {row["campaign_id"]: row for row in rows}

    def check_promise(self, rule: Rule, expected: Rows, **arguments: Any) -> Any:
        """Run with a fault of details and check the promise, then check that a run without it lands all.

        :param expected: landed rows of campaigns whose details are not the new ones.
        :return: the summary, or the error that the promise names.
        """
        before = self.lake.destination.contents()
        self.lake.proxy.rule = rule
        outcome = self._run(**arguments)
        if self.lake.promise.writes_nothing:
            assert self.lake.destination.contents() == before
        else:
            assert self.lake.figures() == self.lake.new
            assert self.landed == {**self.new, **expected}
        self.lake.proxy.rule = NO_FAULT
        self.lake.run(tables=TABLES)
        assert (self.lake.figures(), self.landed) == (self.lake.new, self.new)
        return outcome

    def _run(self, **arguments: Any) -> Any:
        if self.lake.promise.is_complete:
            return self.lake.run(tables=TABLES, **arguments)
        with self._log.at_level(logging.DEBUG), pytest.raises(Exception) as caught:  # noqa: PT011 - the promise names it
            self.lake.run(tables=TABLES, **arguments)
        return self.lake.check_error(caught.value)


@pytest.fixture
def details(lake, caplog) -> Details:
    def land(as_of: str) -> Rows:
        lake.braze.configure(as_of=as_of)
        lake.run(tables=["campaign_details"])
        return found.landed

    now = lake.braze.settings.as_of
    found = Details(lake, {}, {}, caplog)
    found.new = land(now)
    found.old = land("2026-11-20T06:00:00Z")
    lake.braze.configure(as_of=now)
    assert all(found.old[each] != found.new[each] for each in lake.ids)
    return found


SHAPES: dict[str, Case] = {
    "response-is-a-list": Case(
        "a list instead of the response",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda body: [body]),
    ),
    "response-is-null": Case(
        "null instead of the response",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda body: "@", "null"),
    ),
    "response-is-deep": Case(
        "a response of 100,000 nested lists",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda body: "@", "[" * 100_000 + "]" * 100_000),
    ),
    "no-known-key": Case(
        "no known key",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda body: {"message": "success", "data": []}),
    ),
    "message-is-a-failure": Case(
        "a `message` that is not `success`",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda body: {**body, "message": "queued"}),
    ),
    "messages-is-a-list": Case(
        "a list instead of `messages`",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda body: {**body, "messages": list(body["messages"].values())}),
    ),
    "message-is-null": Case(
        "null instead of a message",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda body: {**body, "messages": {"v": None}}),
    ),
    "behaviors-is-an-object": Case(
        "an object instead of `conversion_behaviors`",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda body: {**body, "conversion_behaviors": {"A": {}}}),
    ),
    "behavior-is-text": Case(
        "text instead of a conversion behaviour",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda body: {**body, "conversion_behaviors": ["Opens Email"]}),
    ),
    "number-beyond-a-double": Case(
        "1e999 as a value",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda body: {**body, "budget": "@"}, "1e999"),
    ),
    "not-a-number": Case(
        "`NaN` as a value, which is not JSON",
        Fails(BrazePartialError, BrazeTransportError, note="its days land, and its row stays"),
        document(lambda body: {**body, "budget": "@"}, "NaN"),
    ),
    "half-a-character": Case(
        "half of a surrogate pair in a text, which is not JSON",
        Fails(BrazePartialError, BrazeTransportError, note="its days land, and its row stays"),
        document(lambda body: {**body, "name": "@"}, '"\\ud800"'),
    ),
}


@each_case("fault", SHAPES)
def test_shape(details, fault):
    bad, *_ = details.lake.ids
    error = details.check_promise(of_details(bad, fault), {bad: details.old[bad]})
    assert set(error.failures) == {bad}


VALUES: dict[str, Case] = {
    "other-keys": Case(
        "keys that are not documented", Complete("they land in `other`"), {"frequency": {"per": "day"}, "новый": [None]}
    ),
    "other-types": Case(
        "other types for texts, lists, flags and dates",
        Complete("the column is null, and the value is kept in `other`"),
        {"tags": "a", "archived": "no", "created_at": 5, "name": ["x"]},
    ),
    "no-dates": Case(
        "texts that are not dates",
        Complete("the column is null, and the value is kept in `other`"),
        {"created_at": "yesterday", "updated_at": "2026-13-45"},
    ),
}


@each_case("value", VALUES)
def test_value(details, value):
    strange, *_ = details.lake.ids
    sent = value
    row = {key: None if key in sent else cell for key, cell in details.new[strange].items()}
    other = json.dumps(dict(sorted(sent.items())), separators=(",", ":"), ensure_ascii=False)
    rule = of_details(strange, document(lambda body: body.update(sent)))
    summary = details.check_promise(rule, {strange: {**row, "other": other}})
    assert summary["details"] == {"landed": 4, "rejected": 0, "failed": 0}


REJECTIONS = {
    "listed": Case("400 for a listed campaign", Complete("its row stays, and the record names it"), False),
    "given": Case(
        "400 for a given campaign",
        Fails(BrazePartialError, BrazeRequestError, permanent=True, note="its days land, and its row stays"),
        True,
    ),
}


@each_case("is_given", REJECTIONS)
def test_rejection(details, is_given):
    bad, *_ = details.lake.ids
    arguments = {"campaign_ids": details.lake.ids} if is_given else {}
    details.check_promise(of_details(bad, status(400)), {bad: details.old[bad]}, **arguments)


@fault(
    "500 for a campaign, persistent",
    Fails(BrazePartialError, BrazeServerError, note="its days land, and its row stays"),
)
def test_persistent_fault(details):
    bad, *_ = details.lake.ids
    details.check_promise(of_details(bad, status(500)), {bad: details.old[bad]})


@fault("503 for all, persistent", Fails(BrazePartialError, BrazeServerError, note="all days land, and all rows stay"))
def test_persistent_fault_for_all(details):
    details.check_promise(on(DETAILS, status(503)), details.old)


@fault("500, transient", Complete())
def test_transient_fault(details):
    details.check_promise(once(status(500), DETAILS), {})


PERMISSIONS = {
    str(number): Case(str(number), Fails(BrazeAuthError, permanent=True, writes_nothing=True), number)
    for number in (401, 403)
}


@each_case("number", PERMISSIONS)
def test_permission(details, number):
    details.check_promise(on(DETAILS, status(number)), {})


@fault('503 for all, when only `lookback_days="auto"` needs them', Complete("the lookback is 30 days"))
def test_lookback_without_details(lake):
    lake.proxy.rule = on(DETAILS, status(503))
    assert lake.run(lookback_days="auto")["days"] == 31
    landed = lake.figures()
    assert {place: landed[place] for place in lake.new} == lake.new
    assert sum(each.path == SERIES for each in lake.proxy.requests) == len(lake.ids)
