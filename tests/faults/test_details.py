"""Details of campaigns that are strange, or do not come: what that costs, and what it must not."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider_braze.series.campaigns import CAMPAIGNS
from tests.faults.conftest import NO_FAULT, SERIES, Lake, on, once
from tests.faults.proxy import Answer, Fault, Rule
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
        """Let a run meet a fault of details, and check what the table promises; then that a run without it mends all.

        :param expected: what lands of campaigns whose details are not the new ones.
        :return: the summary, or the error that the promise names.
        """
        before = self.lake.destination.contents()
        self.lake.proxy.rule = rule
        outcome = self._run(**arguments)
        if self.lake.row.writes_nothing:
            assert self.lake.destination.contents() == before
        else:
            assert self.lake.figures() == self.lake.new
            assert self.landed == {**self.new, **expected}
        self.lake.proxy.rule = NO_FAULT
        self.lake.run(tables=TABLES)
        assert (self.lake.figures(), self.landed) == (self.lake.new, self.new)
        return outcome

    def _run(self, **arguments: Any) -> Any:
        if self.lake.row.is_complete:
            return self.lake.run(tables=TABLES, **arguments)
        with self._log.at_level(logging.DEBUG), pytest.raises(Exception) as caught:  # noqa: PT011 - the table names it
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


SHAPES: dict[str, Fault] = {
    "answer-is-a-list": document(lambda said: [said]),
    "answer-is-null": document(lambda said: "@", "null"),
    "answer-is-deep": document(lambda said: "@", "[" * 100_000 + "]" * 100_000),
    "no-known-key": document(lambda said: {"message": "success", "data": []}),
    "message-is-a-failure": document(lambda said: {**said, "message": "queued"}),
    "messages-is-a-list": document(lambda said: {**said, "messages": list(said["messages"].values())}),
    "message-is-null": document(lambda said: {**said, "messages": {"v": None}}),
    "behaviors-is-an-object": document(lambda said: {**said, "conversion_behaviors": {"A": {}}}),
    "behavior-is-text": document(lambda said: {**said, "conversion_behaviors": ["Opens Email"]}),
    "number-beyond-a-double": document(lambda said: {**said, "budget": "@"}, "1e999"),
    "not-a-number": document(lambda said: {**said, "budget": "@"}, "NaN"),
    "half-a-character": document(lambda said: {**said, "name": "@"}, '"\\ud800"'),
}


@pytest.mark.parametrize("fault", SHAPES)
def test_shape(details, fault):
    bad, *_ = details.lake.ids
    error = details.keeps_its_promise(of_details(bad, SHAPES[fault]), {bad: details.old[bad]})
    assert set(error.failures) == {bad}


VALUES: dict[str, dict[str, Any]] = {
    "other-keys": {"frequency": {"per": "day"}, "новый": [None]},
    "other-types": {"tags": "a", "archived": "no", "created_at": 5, "name": ["x"]},
    "no-dates": {"created_at": "yesterday", "updated_at": "2026-13-45"},
}


@pytest.mark.parametrize("value", VALUES)
def test_value(details, value):
    strange, *_ = details.lake.ids
    sent = VALUES[value]
    row = {key: None if key in sent else cell for key, cell in details.new[strange].items()}
    other = json.dumps(dict(sorted(sent.items())), separators=(",", ":"), ensure_ascii=False)
    rule = of_details(strange, document(lambda said: said.update(sent)))
    summary = details.keeps_its_promise(rule, {strange: {**row, "other": other}})
    assert summary["details"] == {"landed": 4, "rejected": 0, "failed": 0}


@pytest.mark.parametrize("campaign", ["listed", "given"])
def test_refusal(details, campaign):
    bad, *_ = details.lake.ids
    arguments = {"campaign_ids": details.lake.ids} if campaign == "given" else {}
    details.keeps_its_promise(of_details(bad, status(400)), {bad: details.old[bad]}, **arguments)


def test_fault_that_stays(details):
    bad, *_ = details.lake.ids
    details.keeps_its_promise(of_details(bad, status(500)), {bad: details.old[bad]})


def test_fault_that_stays_for_all(details):
    details.keeps_its_promise(on(DETAILS, status(503)), details.old)


def test_fault_that_passes(details):
    details.keeps_its_promise(once(status(500), DETAILS), {})


@pytest.mark.parametrize("number", [401, 403])
def test_permission(details, number):
    details.keeps_its_promise(on(DETAILS, status(number)), {})


def test_lookback_that_nobody_tells(lake):
    lake.proxy.rule = on(DETAILS, status(503))
    assert lake.run(lookback_days="auto")["days"] == 31
    landed = lake.figures()
    assert {place: landed[place] for place in lake.new} == lake.new
    assert sum(each.path == SERIES for each in lake.proxy.requests) == len(lake.ids)
