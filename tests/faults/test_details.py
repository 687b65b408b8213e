"""Details of campaigns that are strange, or do not come: what that costs, and what it must not."""

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
from tests.faults.proxy import Answer, Fault, Rule
from tests.faults.table import Case, Complete, Fails, each_case, fault
from tests.faults.test_answers import document

DETAILS = "/campaigns/details"
TABLES = [*CAMPAIGNS.default_tables, "campaign_details"]

Rows = dict[str, dict[str, Any]]


def of_details(campaign_id: str, fault: Fault) -> Rule:
    """Each call for one campaign's details meets the fault."""
    ours = (DETAILS, campaign_id)
    return lambda request: fault if (request.path, request.params.get("campaign_id")) == ours else None


def status(number: int) -> Fault:
    return lambda call: call.send(Answer(number, b'{"message": "no"}'))


@dataclass
class Details:
    """The details of the lake's campaigns, as they have landed and as they are now.

    :param old: of each campaign, for all were sent again since.
    """

    lake: Lake
    old: Rows
    new: Rows
    _log: pytest.LogCaptureFixture

    @property
    def landed(self) -> Rows:
        rows = self.lake.destination.table("campaign_details").to_pylist()
        return {row["campaign_id"]: row for row in rows}

    def keeps_its_promise(self, rule: Rule, expected: Rows, **arguments: Any) -> Any:
        """Let a run meet a fault of details, and check what is promised; then that a run without it lands all.

        :param expected: what lands of campaigns whose details are not the new ones.
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
    "answer-is-a-list": Case(
        "a list instead of the response",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda said: [said]),
    ),
    "answer-is-null": Case(
        "null instead of the response",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda said: "@", "null"),
    ),
    "answer-is-deep": Case(
        "a response of 100,000 nested lists",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda said: "@", "[" * 100_000 + "]" * 100_000),
    ),
    "no-known-key": Case(
        "no known key",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda said: {"message": "success", "data": []}),
    ),
    "message-is-a-failure": Case(
        "a `message` that is not `success`",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda said: {**said, "message": "queued"}),
    ),
    "messages-is-a-list": Case(
        "a list instead of `messages`",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda said: {**said, "messages": list(said["messages"].values())}),
    ),
    "message-is-null": Case(
        "null instead of a message",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda said: {**said, "messages": {"v": None}}),
    ),
    "behaviors-is-an-object": Case(
        "an object instead of `conversion_behaviors`",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda said: {**said, "conversion_behaviors": {"A": {}}}),
    ),
    "behavior-is-text": Case(
        "text instead of a conversion behaviour",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda said: {**said, "conversion_behaviors": ["Opens Email"]}),
    ),
    "number-beyond-a-double": Case(
        "1e999 as a value",
        Fails(BrazePartialError, BrazeDataError, note="its days land, and its row stays"),
        document(lambda said: {**said, "budget": "@"}, "1e999"),
    ),
    "not-a-number": Case(
        "`NaN` as a value, which is not JSON",
        Fails(BrazePartialError, BrazeTransportError, note="its days land, and its row stays"),
        document(lambda said: {**said, "budget": "@"}, "NaN"),
    ),
    "half-a-character": Case(
        "half of a surrogate pair in a text, which is not JSON",
        Fails(BrazePartialError, BrazeTransportError, note="its days land, and its row stays"),
        document(lambda said: {**said, "name": "@"}, '"\\ud800"'),
    ),
}


@each_case("fault", SHAPES)
def test_shape(details, fault):
    bad, *_ = details.lake.ids
    error = details.keeps_its_promise(of_details(bad, fault), {bad: details.old[bad]})
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
    rule = of_details(strange, document(lambda said: said.update(sent)))
    summary = details.keeps_its_promise(rule, {strange: {**row, "other": other}})
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
    details.keeps_its_promise(of_details(bad, status(400)), {bad: details.old[bad]}, **arguments)


@fault(
    "500 for a campaign, persistent",
    Fails(BrazePartialError, BrazeServerError, note="its days land, and its row stays"),
)
def test_persistent_fault(details):
    bad, *_ = details.lake.ids
    details.keeps_its_promise(of_details(bad, status(500)), {bad: details.old[bad]})


@fault("503 for all, persistent", Fails(BrazePartialError, BrazeServerError, note="all days land, and all rows stay"))
def test_persistent_fault_for_all(details):
    details.keeps_its_promise(on(DETAILS, status(503)), details.old)


@fault("500, transient", Complete())
def test_transient_fault(details):
    details.keeps_its_promise(once(status(500), DETAILS), {})


PERMISSIONS = {
    str(number): Case(str(number), Fails(BrazeAuthError, permanent=True, writes_nothing=True), number)
    for number in (401, 403)
}


@each_case("number", PERMISSIONS)
def test_permission(details, number):
    details.keeps_its_promise(on(DETAILS, status(number)), {})


@fault('503 for all, when only `lookback_days="auto"` needs them', Complete("the lookback is 30 days"))
def test_lookback_without_details(lake):
    lake.proxy.rule = on(DETAILS, status(503))
    assert lake.run(lookback_days="auto")["days"] == 31
    landed = lake.figures()
    assert {place: landed[place] for place in lake.new} == lake.new
    assert sum(each.path == SERIES for each in lake.proxy.requests) == len(lake.ids)
