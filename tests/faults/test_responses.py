"""Complete responses with unexpected content."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from airflow_provider_braze.exceptions import BrazeDataError, BrazePartialError, BrazeTransportError
from tests.faults.conftest import DAYS, of_campaign
from tests.faults.proxy import Call, Fault
from tests.faults.table import Case, Complete, Fails, each_case

Document = Any


def document(change: Callable[[Document], Document | None], literal: str = "") -> Fault:
    """Return a fault that changes the sandbox's document in place, or replaces it.

    :param literal: JSON that replaces the text ``@``.
    """

    def fault(call: Call) -> None:
        response = call.fetch()
        body = json.loads(response.body)
        changed = change(body)
        text = json.dumps(body if changed is None else changed)
        call.send(replace(response, body=text.replace('"@"', literal).encode() if literal else text.encode()))

    return fault


def each_day(change: Callable[[dict[str, Any]], object]) -> Fault:
    def change_all(body: Document) -> None:
        for day in body["data"]:
            change(day)

    return document(change_all)


def with_other_days(body: Document) -> None:
    strangers = [DAYS[0] - timedelta(days=40), DAYS[-1] + timedelta(days=1), date(2031, 1, 1)]
    for place, day in enumerate(strangers):
        body["data"].insert(place, {"time": day.isoformat(), "unique_recipients": 1, "messages": {}})


DAYS_OFF: dict[str, Case] = {
    "out-of-range": Case("days that were not requested", Complete(), document(with_other_days)),
    "doubled": Case(
        "each day twice", Complete(), document(lambda body: body["data"].extend(json.loads(json.dumps(body["data"]))))
    ),
    "unsorted": Case("days newest first", Complete(), document(lambda body: body["data"].reverse())),
    "timestamps": Case(
        "days as timestamps", Complete(), each_day(lambda day: day.update(time=f"{day['time']}T00:00:00Z"))
    ),
    "timestamps-with-offset": Case(
        "days as timestamps with an offset",
        Complete(),
        each_day(lambda day: day.update(time=f"{day['time']}T23:59:59.000-05:00")),
    ),
    "other-keys": Case(
        "keys that are not documented",
        Complete("they land in `other`"),
        each_day(lambda day: day.update({"conversions9": 5, "новый": {"a": [None]}})),
    ),
    "other-envelope": Case(
        "keys beside the data", Complete(), document(lambda body: body.update(errors=["a note"], next=None))
    ),
    "without-message": Case("no `message`", Complete(), document(lambda body: {"data": body["data"]})),
    "null-channels": Case(
        "channels that are null", Complete(), each_day(lambda day: day["messages"].update(email=None, fax=None))
    ),
    "null-messages": Case("`messages` that is null", Complete(), each_day(lambda day: day.update(messages=None))),
    "no-messages": Case("no `messages`", Complete(), each_day(lambda day: day.pop("messages"))),
}


@each_case("fault", DAYS_OFF)
def test_days(lake, fault):
    lake.check_promise(lambda request: fault if "campaign_id" in request.params else None)


def rows_of(day: dict[str, Any]) -> list[Any]:
    return day["messages"].setdefault("email", [])


def with_deep_rows(body: Document) -> None:
    """Add two rows of one variation, so that each is compared with the other."""
    rows_of(body["data"][0]).extend({"variation_api_id": "v", "sent": sent, "deep": "@"} for sent in (1, 2))


SHAPES: dict[str, Case] = {
    "doubled-otherwise": Case(
        "each day twice, with other figures",
        Fails(BrazePartialError, BrazeDataError),
        document(lambda body: body["data"].extend([{**day, "unique_recipients": 1} for day in body["data"]])),
    ),
    "response-is-a-list": Case(
        "a list instead of the response", Fails(BrazePartialError, BrazeDataError), document(lambda body: [body])
    ),
    "response-is-null": Case(
        "null instead of the response", Fails(BrazePartialError, BrazeDataError), document(lambda body: "@", "null")
    ),
    "response-is-deep": Case(
        "a response of 100,000 nested lists",
        Fails(BrazePartialError, BrazeDataError),
        document(lambda body: "@", "[" * 100_000 + "]" * 100_000),
    ),
    "no-data": Case(
        "no `data`", Fails(BrazePartialError, BrazeDataError), document(lambda body: {"message": "success"})
    ),
    "data-is-an-object": Case(
        "an object instead of `data`",
        Fails(BrazePartialError, BrazeDataError),
        document(lambda body: {"data": {day["time"]: day for day in body["data"]}}),
    ),
    "data-is-null": Case(
        "null instead of `data`", Fails(BrazePartialError, BrazeDataError), document(lambda body: {"data": None})
    ),
    "message-is-a-failure": Case(
        "a `message` that is not `success`",
        Fails(BrazePartialError, BrazeDataError),
        document(lambda body: {**body, "message": "queued"}),
    ),
    "day-is-a-list": Case(
        "lists instead of days",
        Fails(BrazePartialError, BrazeDataError),
        document(lambda body: {"data": [list(day.items()) for day in body["data"]]}),
    ),
    "day-is-null": Case(
        "null instead of a day", Fails(BrazePartialError, BrazeDataError), document(lambda body: {"data": [None]})
    ),
    "no-time": Case("no `time`", Fails(BrazePartialError, BrazeDataError), each_day(lambda day: day.pop("time"))),
    "time-is-a-number": Case(
        "a number instead of `time`",
        Fails(BrazePartialError, BrazeDataError),
        each_day(lambda day: day.update(time=1_795_000_000)),
    ),
    "time-is-no-date": Case(
        "a `time` on the 45th of a month",
        Fails(BrazePartialError, BrazeDataError),
        each_day(lambda day: day.update(time="2026-13-45")),
    ),
    "messages-is-a-list": Case(
        "a list instead of `messages`",
        Fails(BrazePartialError, BrazeDataError),
        each_day(lambda day: day.update(messages=[day["messages"]])),
    ),
    "channel-is-an-object": Case(
        "an object instead of a channel's rows",
        Fails(BrazePartialError, BrazeDataError),
        each_day(lambda day: day["messages"].update(email={"sent": 1})),
    ),
    "row-is-a-list": Case(
        "a list instead of a row",
        Fails(BrazePartialError, BrazeDataError),
        each_day(lambda day: rows_of(day).append([1, 2])),
    ),
    "row-is-text": Case(
        "text instead of a row",
        Fails(BrazePartialError, BrazeDataError),
        each_day(lambda day: rows_of(day).append("sent")),
    ),
    "number-beyond-a-double": Case(
        "1e999 as a figure",
        Fails(BrazePartialError, BrazeDataError),
        document(lambda body: body["data"][0].update(revenue="@"), "1e999"),
    ),
    "not-a-number": Case(
        "`NaN` as a figure, which is not JSON",
        Fails(BrazePartialError, BrazeTransportError),
        document(lambda body: body["data"][0].update(revenue="@"), "NaN"),
    ),
    "infinite": Case(
        "`-Infinity` as a figure, which is not JSON",
        Fails(BrazePartialError, BrazeTransportError),
        document(lambda body: body["data"][0].update(revenue="@"), "-Infinity"),
    ),
    "unknown-value-is-deep": Case(
        "an unknown value that is nested 950 deep, in two rows of one variation",
        Fails(BrazePartialError, BrazeDataError),
        document(with_deep_rows, "[" * 950 + "]" * 950),
    ),
    "keys-without-a-column": Case(
        "40,000 keys without a column in each day",
        Fails(BrazePartialError, BrazeDataError),
        each_day(lambda day: day.update({f"key{number}": 1 for number in range(40_000)})),
    ),
    "channels-without-a-column": Case(
        "4,000 channels without a column in each day",
        Fails(BrazePartialError, BrazeDataError),
        each_day(lambda day: day["messages"].update({f"channel{number}": [{"sent": 1}] for number in range(4_000)})),
    ),
    "rows-without-a-value": Case(
        "100,000 rows without a value",
        Fails(BrazePartialError, BrazeDataError),
        document(lambda body: rows_of(body["data"][0]).extend([{}] * 100_000)),
    ),
    "half-a-character": Case(
        "half of a surrogate pair in a text, which is not JSON",
        Fails(BrazePartialError, BrazeTransportError),
        document(lambda body: body["data"][0].update(note="@"), '"\\ud800"'),
    ),
}


@each_case("fault", SHAPES)
def test_shape(lake, fault):
    error = lake.check_promise(of_campaign(lake.ids[0], fault))
    assert set(error.failures) == {lake.ids[0]}


FIGURES: dict[str, Case] = {
    # The literal that Braze sends, and its number that lands. A value that is not a number lands in `other`.
    "text": Case(
        "text instead of a count", Complete("the column is null, and the value is kept in `other`"), ('"12"', None)
    ),
    "fraction": Case(
        "a fraction instead of a count", Complete("the column is null, and the value is kept in `other`"), ("1.5", None)
    ),
    "boolean": Case(
        "true instead of a count", Complete("the column is null, and the value is kept in `other`"), ("true", None)
    ),
    "beyond-int64": Case(
        "2^63 as a count", Complete("the column is null, and the value is kept in `other`"), (str(2**63), None)
    ),
    "far-beyond-int64": Case(
        "2^70 as a count", Complete("the column is null, and the value is kept in `other`"), (str(2**70), None)
    ),
    "list": Case(
        "a list instead of a count", Complete("the column is null, and the value is kept in `other`"), ("[1]", None)
    ),
    "object": Case(
        "an object instead of a count",
        Complete("the column is null, and the value is kept in `other`"),
        ('{"a": 1}', None),
    ),
    "largest-int64": Case("2^63 - 1 as a count", Complete("it lands as a whole number"), (str(2**63 - 1), 2**63 - 1)),
    "negative": Case("-1 as a count", Complete("it lands as a whole number"), ("-1", -1)),
    "integral-fraction": Case("12.0 as a count", Complete("it lands as a whole number"), ("12.0", 12)),
    "exponent": Case("1e3 as a count", Complete("it lands as a whole number"), ("1e3", 1000)),
}


@each_case("figure", FIGURES)
def test_figure(lake, figure):
    literal, landed = figure
    fault = document(lambda body: [day.update(conversions="@") for day in body["data"]] and None, literal)
    ours = {place: {**lake.new[place], "conversions": landed} for place in lake.new if place[0] == lake.ids[0]}
    others = []

    def look() -> None:
        rows = lake.destination.table("campaign_days").to_pylist()
        others.extend(row["other"] for row in rows if row["campaign_id"] == lake.ids[0])

    lake.check_promise(of_campaign(lake.ids[0], fault), expected={**lake.new, **ours}, then=look)
    sent = None if landed is not None else {"conversions": json.loads(literal)}
    assert [json.loads(other or "null") for other in others] == [sent] * len(DAYS)
