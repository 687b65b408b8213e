"""Lists of campaigns that are unexpected, large, or change while they are read."""

from __future__ import annotations

import itertools
import json
import threading
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow_provider_braze.core import listing
from airflow_provider_braze.exceptions import BrazeDataError, BrazeTransportError
from tests.faults.conftest import LIST, SERIES, on
from tests.faults.proxy import Call, Fault, Request, Response, Rule
from tests.faults.table import Case, Complete, Fails, each_case, fault
from tests.faults.test_responses import document

MIB = 2**20

SHAPES: dict[str, Case] = {
    "response-is-a-list": Case(
        "a list instead of the response",
        Fails(BrazeDataError, writes_nothing=True),
        document(lambda body: body["campaigns"]),
    ),
    "response-is-null": Case(
        "null instead of the response", Fails(BrazeDataError, writes_nothing=True), document(lambda body: "@", "null")
    ),
    "no-campaigns": Case(
        "no `campaigns`", Fails(BrazeDataError, writes_nothing=True), document(lambda body: {"message": "success"})
    ),
    "campaigns-is-an-object": Case(
        "an object instead of `campaigns`",
        Fails(BrazeDataError, writes_nothing=True),
        document(lambda body: {"campaigns": {each["id"]: each for each in body["campaigns"]}}),
    ),
    "campaigns-is-null": Case(
        "null instead of `campaigns`",
        Fails(BrazeDataError, writes_nothing=True),
        document(lambda body: {"campaigns": None}),
    ),
    "entry-is-a-list": Case(
        "lists instead of campaigns",
        Fails(BrazeDataError, writes_nothing=True),
        document(lambda body: {"campaigns": [list(each) for each in body["campaigns"]]}),
    ),
    "entry-is-text": Case(
        "texts instead of campaigns",
        Fails(BrazeDataError, writes_nothing=True),
        document(lambda body: {"campaigns": [each["id"] for each in body["campaigns"]]}),
    ),
    "no-id": Case(
        "a campaign without an id",
        Fails(BrazeDataError, writes_nothing=True),
        document(lambda body: body["campaigns"][0].pop("id") and None),
    ),
    "id-is-a-number": Case(
        "a number instead of an id",
        Fails(BrazeDataError, writes_nothing=True),
        document(lambda body: body["campaigns"][0].update(id=7)),
    ),
    "id-is-empty": Case(
        "an empty id",
        Fails(BrazeDataError, writes_nothing=True),
        document(lambda body: body["campaigns"][0].update(id="")),
    ),
    "message-is-a-failure": Case(
        "a `message` that is not `success`",
        Fails(BrazeDataError, writes_nothing=True),
        document(lambda body: {**body, "message": "queued"}),
    ),
    "not-a-number": Case(
        "`NaN` as a date, which is not JSON",
        Fails(BrazeTransportError, writes_nothing=True),
        document(lambda body: body["campaigns"][0].update(last_edited="@"), "NaN"),
    ),
    "half-a-character-in-an-id": Case(
        "half of a surrogate pair in an id, which is not JSON",
        Fails(BrazeTransportError, writes_nothing=True),
        document(lambda body: body["campaigns"][0].update(id="@"), '"\\ud800"'),
    ),
    "half-a-character-in-a-name": Case(
        "half of a surrogate pair in a name, which is not JSON",
        Fails(BrazeTransportError, writes_nothing=True),
        document(lambda body: body["campaigns"][0].update(name="@"), '"\\ud800"'),
    ),
}

ENTRIES: dict[str, Case] = {
    "id-alone": Case(
        "campaigns with an id alone",
        Complete("unknown values are null in `campaigns`"),
        lambda entry: [entry.pop(key) for key in entry.keys() - {"id"}],
    ),
    "nulls": Case(
        "null for all but the id",
        Complete("unknown values are null in `campaigns`"),
        lambda entry: entry.update(dict.fromkeys(entry.keys() - {"id"})),
    ),
    "other-types": Case(
        "other types for all but the id",
        Complete("unknown values are null in `campaigns`"),
        lambda entry: entry.update(name=5, is_api_campaign="yes", last_edited={"at": 1}, tags={"a": "b"}, more=[None]),
    ),
    "no-dates": Case(
        "texts that are not dates, tags that are not texts",
        Complete("unknown values are null in `campaigns`"),
        lambda entry: entry.update(last_edited="yesterday", tags=[1, None, ["x"]]),
    ),
}

IDS = {
    "slashes": Case(
        "an id with slashes and dots", Complete("the id is the campaign's own, character by character"), "../a//b\\c"
    ),
    "quotes": Case("an id with quotes", Complete("the id is the campaign's own, character by character"), "a\"b'c`d"),
    "unicode": Case(
        "an id in several scripts",
        Complete("the id is the campaign's own, character by character"),
        "kampagne-Ü-日本-🎈",
    ),
    "parameters": Case(
        "an id with `&`, `?`, `#` and `=`",
        Complete("the id is the campaign's own, character by character"),
        "a&length=1?ending_at=2020-01-01#b;c=d",
    ),
    "percent": Case(
        "an id with `%` and `+`", Complete("the id is the campaign's own, character by character"), "a%2Fb%25+c%"
    ),
    "spaces": Case(
        "an id with spaces and line breaks",
        Complete("the id is the campaign's own, character by character"),
        "  a\tb\n",
    ),
    "markup": Case(
        "an id with markup and templates",
        Complete("the id is the campaign's own, character by character"),
        "<b>{{ ds }}</b>${x}",
    ),
    "zero": Case("an id with a zero byte", Complete("the id is the campaign's own, character by character"), "a\x00b"),
    "long": Case(
        "an id of 4,000 characters", Complete("the id is the campaign's own, character by character"), "x" * 4_000
    ),
}


def first_page(fault: Fault) -> Rule:
    return lambda request: fault if request.params.get("page") == "0" else None


@each_case("fault", SHAPES)
def test_shape(lake, fault):
    lake.check_promise(first_page(fault))


@each_case("fault", ENTRIES)
def test_entry(lake, fault):
    def change(body: Any) -> None:
        for entry in body["campaigns"]:
            fault(entry)

    lake.check_promise(on(LIST, document(change)))


@each_case("fault", IDS)
def test_id(lake, fault):
    ours, theirs = lake.ids[0], fault

    def rename(body: Any) -> None:
        for entry in body["campaigns"]:
            entry["id"] = {ours: theirs}.get(entry["id"], entry["id"])

    def rule(request: Request) -> Fault | None:
        if request.path == LIST:
            return document(rename)
        return (
            (lambda call: call.send(call.fetch(campaign_id=ours))) if request.params["campaign_id"] == theirs else None
        )

    renamed = {(theirs, place[1]): lake.new[place] for place in lake.new if place[0] == ours}
    # The days landed under the old id stay, as for any campaign that is no longer listed.
    kept = {place: lake.old[place] for place in lake.old if place[0] == ours}
    lake.check_promise(rule, expected={**lake.new, **kept, **renamed}, left=renamed)
    assert [each for each in lake.proxy.requests if each.params.get("campaign_id") == theirs]


class MovingList:
    """Pages of two campaigns, and changes between requests.

    :param changes: by the number of the request before which each happens, from 0.
    """

    def __init__(self, entries: list[dict[str, Any]], changes: dict[int, Callable[[list[Any]], object]]) -> None:
        self._entries = entries
        self._changes = changes
        self._requests = 0
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> None:
        page = int(call.request.params["page"])
        with self._lock:
            if change := self._changes.get(self._requests):
                change(self._entries)
            self._requests += 1
            listed = self._entries[2 * page : 2 * page + 2]
        call.send(Response(200, json.dumps({"message": "success", "campaigns": listed}).encode()))


def entry_of(campaign_id: str) -> dict[str, Any]:
    return {"id": campaign_id, "name": campaign_id, "tags": []}


def leave(entries: list[Any]) -> None:
    """Remove the oldest campaign from the list, so that all others move up."""
    del entries[0]


@dataclass(frozen=True)
class Move:
    """How a list of campaigns changes while it is read. The numbers are indexes of the sandbox's list.

    :param listed: campaigns listed at first.
    :param changes: changes by the number of the next request, from 0: ``leave``, or an insertion and its campaign.
    :param landed: campaigns that have to land.
    """

    listed: list[int]
    changes: dict[int, Any]
    landed: list[int]


def insert_last(entries: list[Any], entry: dict[str, Any]) -> None:
    entries.insert(3, entry)


def insert_first(entries: list[Any], entry: dict[str, Any]) -> None:
    entries.insert(0, entry)


def leave_and_insert(entries: list[Any], entry: dict[str, Any]) -> None:
    leave(entries)
    entries.insert(2, entry)


ONCE = Complete("each campaign once, none skipped")
MOVES = {
    "one-leaves": Case(
        "a campaign leaves the list while it is read, and others move to pages that were read",
        ONCE,
        Move([0, 1, 2, 3], {1: leave}, [1, 2, 3]),
    ),
    "one-leaves-late": Case(
        "a campaign leaves the list before its last page is read", ONCE, Move([0, 1, 2, 3], {2: leave}, [1, 2, 3])
    ),
    "one-leaves-while-read-again": Case(
        "a campaign leaves the list while it is read again", ONCE, Move([0, 1, 2, 3], {4: leave}, [1, 2, 3])
    ),
    "two-leave": Case(
        "two campaigns leave, one of them while the list is read again",
        ONCE,
        Move([0, 1, 2, 3], {1: leave, 4: leave}, [2, 3]),
    ),
    "one-is-added": Case(
        "a campaign is created while the list is read", ONCE, Move([0, 1, 2], {1: (insert_last, 3)}, [0, 1, 2, 3])
    ),
    "one-returns": Case(
        "a campaign is listed again at the front, and others move to pages not read yet",
        ONCE,
        Move([1, 2, 3], {1: (insert_first, 0)}, [0, 1, 2, 3]),
    ),
    "one-leaves-and-one-is-added": Case(
        "one campaign leaves and one is created; the list keeps its length",
        ONCE,
        Move([0, 1, 2], {1: (leave_and_insert, 3)}, [1, 2, 3]),
    ),
}


@each_case("move", MOVES)
def test_list_that_changes(lake, move):
    def change_of(change: Any) -> Callable[[list[Any]], object]:
        if not isinstance(change, tuple):
            return change
        function, place = change
        return lambda entries: function(entries, entry_of(lake.ids[place]))

    changes = {request: change_of(change) for request, change in move.changes.items()}
    landed = [lake.ids[place] for place in move.landed]
    rule = on(LIST, MovingList([entry_of(lake.ids[place]) for place in move.listed], changes))
    lake.check_promise(
        rule, expected={place: (lake.new if place[0] in landed else lake.old)[place] for place in lake.new}
    )
    requested = [request.params["campaign_id"] for request in lake.proxy.requests if request.path == SERIES]
    assert sorted(requested[: len(landed)]) == sorted(landed)


@fault("a list that a campaign leaves at every page", Fails(BrazeDataError, writes_nothing=True))
def test_list_that_keeps_changing(lake):
    names = itertools.count()

    def replace_one(entries: list[Any]) -> None:
        leave(entries)
        entries.append(entry_of(f"campaign {next(names)}"))

    entries = [entry_of(f"early campaign {number}") for number in range(10)]
    lake.check_promise(on(LIST, MovingList(entries, dict.fromkeys(range(1000), replace_one))))


@fault("a list that never ends", Fails(BrazeDataError, writes_nothing=True))
def test_list_that_never_ends(lake, monkeypatch):
    monkeypatch.setattr(listing, "MOST_PAGES", 20)

    def fault(call: Call) -> None:
        entries = [entry_of(f"{call.request.params['page']}-{number}") for number in range(100)]
        call.send(Response(200, json.dumps({"campaigns": entries}).encode()))

    lake.check_promise(on(LIST, fault))


@fault("100,000 campaigns", Complete("`dry_run` plans them in less than 150 MiB, and nothing is written"))
def test_list_of_a_hundred_thousand(lake, sample):
    pages = [
        json.dumps({"campaigns": [entry_of(f"{page:04}-{number:02}-{'x' * 28}") for number in range(100)]}).encode()
        for page in sample(range(1000), 100)
    ]
    campaigns = 100 * len(pages)

    def fault(call: Call) -> None:
        page = int(call.request.params["page"])
        call.send(Response(200, pages[page] if page < len(pages) else b'{"campaigns": []}'))

    lake.proxy.rule = on(LIST, fault)
    before = lake.destination.contents()
    tracemalloc.start()
    plan = lake.run(dry_run=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (plan["subjects"], plan["calls"]) == (campaigns, campaigns)
    assert peak < 150 * MIB * campaigns / 100_000
    assert {request.path for request in lake.proxy.requests} == {LIST}
    assert lake.destination.contents() == before
