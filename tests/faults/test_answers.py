"""Answers that come whole over the wire, but do not say what they should."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.faults.conftest import DAYS, of_campaign
from tests.faults.proxy import Call, Fault

Document = Any


def document(change: Callable[[Document], Document | None], literal: str = "") -> Fault:
    """Change the sandbox's document, in place or for another one.

    :param literal: JSON that stands where the change put the text ``@``.
    """

    def fault(call: Call) -> None:
        whole = call.ask()
        said = json.loads(whole.body)
        changed = change(said)
        body = json.dumps(said if changed is None else changed)
        call.send(replace(whole, body=body.replace('"@"', literal).encode() if literal else body.encode()))

    return fault


def each_day(change: Callable[[dict[str, Any]], object]) -> Fault:
    def change_all(said: Document) -> None:
        for day in said["data"]:
            change(day)

    return document(change_all)


def with_other_days(said: Document) -> None:
    strangers = [DAYS[0] - timedelta(days=40), DAYS[-1] + timedelta(days=1), date(2031, 1, 1)]
    for place, day in enumerate(strangers):
        said["data"].insert(place, {"time": day.isoformat(), "unique_recipients": 1, "messages": {}})


DAYS_OFF: dict[str, Fault] = {
    "out-of-range": document(with_other_days),
    "doubled": document(lambda said: said["data"].extend(json.loads(json.dumps(said["data"])))),
    "unsorted": document(lambda said: said["data"].reverse()),
    "timestamps": each_day(lambda day: day.update(time=f"{day['time']}T00:00:00Z")),
    "timestamps-with-offset": each_day(lambda day: day.update(time=f"{day['time']}T23:59:59.000-05:00")),
    "other-keys": each_day(lambda day: day.update({"conversions9": 5, "новый": {"a": [None]}})),
    "other-envelope": document(lambda said: said.update(errors=["a note"], next=None)),
    "without-message": document(lambda said: {"data": said["data"]}),
    "null-channels": each_day(lambda day: day["messages"].update(email=None, fax=None)),
    "null-messages": each_day(lambda day: day.update(messages=None)),
    "no-messages": each_day(lambda day: day.pop("messages")),
}


@pytest.mark.parametrize("fault", DAYS_OFF)
def test_days(lake, fault):
    lake.keeps_its_promise(lambda request: DAYS_OFF[fault] if "campaign_id" in request.params else None)


def rows_of(day: dict[str, Any]) -> list[Any]:
    return day["messages"].setdefault("email", [])


def with_deep_rows(said: Document) -> None:
    """Two rows of one variation, so that each is compared with the other."""
    rows_of(said["data"][0]).extend({"variation_api_id": "v", "sent": sent, "deep": "@"} for sent in (1, 2))


SHAPES: dict[str, Fault] = {
    "doubled-otherwise": document(
        lambda said: said["data"].extend([{**day, "unique_recipients": 1} for day in said["data"]])
    ),
    "answer-is-a-list": document(lambda said: [said]),
    "answer-is-null": document(lambda said: "@", "null"),
    "answer-is-deep": document(lambda said: "@", "[" * 100_000 + "]" * 100_000),
    "no-data": document(lambda said: {"message": "success"}),
    "data-is-an-object": document(lambda said: {"data": {day["time"]: day for day in said["data"]}}),
    "data-is-null": document(lambda said: {"data": None}),
    "message-is-a-failure": document(lambda said: {**said, "message": "queued"}),
    "day-is-a-list": document(lambda said: {"data": [list(day.items()) for day in said["data"]]}),
    "day-is-null": document(lambda said: {"data": [None]}),
    "no-time": each_day(lambda day: day.pop("time")),
    "time-is-a-number": each_day(lambda day: day.update(time=1_795_000_000)),
    "time-is-no-date": each_day(lambda day: day.update(time="2026-13-45")),
    "messages-is-a-list": each_day(lambda day: day.update(messages=[day["messages"]])),
    "channel-is-an-object": each_day(lambda day: day["messages"].update(email={"sent": 1})),
    "row-is-a-list": each_day(lambda day: rows_of(day).append([1, 2])),
    "row-is-text": each_day(lambda day: rows_of(day).append("sent")),
    "number-beyond-a-double": document(lambda said: said["data"][0].update(revenue="@"), "1e999"),
    "not-a-number": document(lambda said: said["data"][0].update(revenue="@"), "NaN"),
    "infinite": document(lambda said: said["data"][0].update(revenue="@"), "-Infinity"),
    "unknown-value-is-deep": document(with_deep_rows, "[" * 950 + "]" * 950),
    "keys-without-a-column": each_day(lambda day: day.update({f"key{number}": 1 for number in range(40_000)})),
    "channels-without-a-column": each_day(
        lambda day: day["messages"].update({f"channel{number}": [{"sent": 1}] for number in range(4_000)})
    ),
    "rows-without-a-value": document(lambda said: rows_of(said["data"][0]).extend([{}] * 100_000)),
    "half-a-character": document(lambda said: said["data"][0].update(note="@"), '"\\ud800"'),
}


@pytest.mark.parametrize("fault", SHAPES)
def test_shape(lake, fault):
    error = lake.keeps_its_promise(of_campaign(lake.ids[0], SHAPES[fault]))
    assert set(error.failures) == {lake.ids[0]}


FIGURES: dict[str, tuple[str, Any]] = {
    # The literal that Braze sends, and the number of it that lands; what is no number lands as `other`.
    "text": ('"12"', None),
    "fraction": ("1.5", None),
    "boolean": ("true", None),
    "beyond-int64": (str(2**63), None),
    "far-beyond-int64": (str(2**70), None),
    "list": ("[1]", None),
    "object": ('{"a": 1}', None),
    "largest-int64": (str(2**63 - 1), 2**63 - 1),
    "negative": ("-1", -1),
    "integral-fraction": ("12.0", 12),
    "exponent": ("1e3", 1000),
}


@pytest.mark.parametrize("figure", FIGURES)
def test_figure(lake, figure):
    literal, landed = FIGURES[figure]
    fault = document(lambda said: [day.update(conversions="@") for day in said["data"]] and None, literal)
    ours = {place: {**lake.new[place], "conversions": landed} for place in lake.new if place[0] == lake.ids[0]}
    others = []

    def look() -> None:
        rows = lake.destination.table("campaign_days").to_pylist()
        others.extend(row["other"] for row in rows if row["campaign_id"] == lake.ids[0])

    lake.keeps_its_promise(of_campaign(lake.ids[0], fault), expected={**lake.new, **ours}, then=look)
    sent = None if landed is not None else {"conversions": json.loads(literal)}
    assert [json.loads(other or "null") for other in others] == [sent] * len(DAYS)
