"""Lists of campaigns that are strange, large, or change while they are read."""

from __future__ import annotations

import itertools
import json
import threading
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from airflow_provider_braze.core import listing
from tests.faults.conftest import LIST, SERIES, on
from tests.faults.proxy import Answer, Call, Fault, Request, Rule
from tests.faults.test_answers import document

MIB = 2**20

SHAPES: dict[str, Fault] = {
    "answer-is-a-list": document(lambda said: said["campaigns"]),
    "answer-is-null": document(lambda said: "@", "null"),
    "no-campaigns": document(lambda said: {"message": "success"}),
    "campaigns-is-an-object": document(lambda said: {"campaigns": {each["id"]: each for each in said["campaigns"]}}),
    "campaigns-is-null": document(lambda said: {"campaigns": None}),
    "entry-is-a-list": document(lambda said: {"campaigns": [list(each) for each in said["campaigns"]]}),
    "entry-is-text": document(lambda said: {"campaigns": [each["id"] for each in said["campaigns"]]}),
    "no-id": document(lambda said: said["campaigns"][0].pop("id") and None),
    "id-is-a-number": document(lambda said: said["campaigns"][0].update(id=7)),
    "id-is-empty": document(lambda said: said["campaigns"][0].update(id="")),
    "message-is-a-failure": document(lambda said: {**said, "message": "queued"}),
    "not-a-number": document(lambda said: said["campaigns"][0].update(last_edited="@"), "NaN"),
    "half-a-character-in-an-id": document(lambda said: said["campaigns"][0].update(id="@"), '"\\ud800"'),
    "half-a-character-in-a-name": document(lambda said: said["campaigns"][0].update(name="@"), '"\\ud800"'),
}

ENTRIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "id-alone": lambda entry: [entry.pop(key) for key in entry.keys() - {"id"}],
    "nulls": lambda entry: entry.update(dict.fromkeys(entry.keys() - {"id"})),
    "other-types": lambda entry: entry.update(
        name=5, is_api_campaign="yes", last_edited={"at": 1}, tags={"a": "b"}, more=[None]
    ),
    "no-dates": lambda entry: entry.update(last_edited="yesterday", tags=[1, None, ["x"]]),
}

IDS = {
    "slashes": "../a//b\\c",
    "quotes": "a\"b'c`d",
    "unicode": "kampagne-Ü-日本-🎈",
    "parameters": "a&length=1?ending_at=2020-01-01#b;c=d",
    "percent": "a%2Fb%25+c%",
    "spaces": "  a\tb\n",
    "markup": "<b>{{ ds }}</b>${x}",
    "zero": "a\x00b",
    "long": "x" * 4_000,
}


def first_page(fault: Fault) -> Rule:
    return lambda request: fault if request.params.get("page") == "0" else None


@pytest.mark.parametrize("fault", SHAPES)
def test_shape(lake, fault):
    lake.keeps_its_promise(first_page(SHAPES[fault]))


@pytest.mark.parametrize("fault", ENTRIES)
def test_entry(lake, fault):
    def change(said: Any) -> None:
        for entry in said["campaigns"]:
            ENTRIES[fault](entry)

    lake.keeps_its_promise(on(LIST, document(change)))


@pytest.mark.parametrize("fault", IDS)
def test_id(lake, fault):
    ours, theirs = lake.ids[0], IDS[fault]

    def rename(said: Any) -> None:
        for entry in said["campaigns"]:
            entry["id"] = {ours: theirs}.get(entry["id"], entry["id"])

    def rule(request: Request) -> Fault | None:
        if request.path == LIST:
            return document(rename)
        return (lambda call: call.send(call.ask(campaign_id=ours))) if request.params["campaign_id"] == theirs else None

    renamed = {(theirs, place[1]): lake.new[place] for place in lake.new if place[0] == ours}
    # What was landed under the other name stays, as for any campaign that is listed no more.
    kept = {place: lake.old[place] for place in lake.old if place[0] == ours}
    lake.keeps_its_promise(rule, expected={**lake.new, **kept, **renamed}, left=renamed)
    assert [each for each in lake.proxy.requests if each.params.get("campaign_id") == theirs]


class MovingList:
    """Pages of two campaigns, and changes that come after so many pages were read.

    :param changes: by the number of the request before which each comes, from 0.
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
        call.send(Answer(200, json.dumps({"message": "success", "campaigns": listed}).encode()))


def insert(place: int, entry: dict[str, Any], entries: list[Any]) -> None:
    entries.insert(place, entry)


def entry_of(campaign_id: str) -> dict[str, Any]:
    return {"id": campaign_id, "name": campaign_id, "tags": []}


def leave(entries: list[Any]) -> None:
    """The oldest campaign leaves the list, so that all others move up."""
    del entries[0]


def moves_of(ids: list[str]) -> dict[str, tuple[list[str], dict[int, Any], list[str]]]:
    """What is listed at first, what changes before which request, and what has to land."""
    a, b, c, d = ids
    back = partial(insert, 0, entry_of(a))
    new = partial(insert, 3, entry_of(d))
    return {
        "one-leaves": ([a, b, c, d], {1: leave}, [b, c, d]),
        "one-leaves-late": ([a, b, c, d], {2: leave}, [b, c, d]),
        "one-leaves-while-read-again": ([a, b, c, d], {4: leave}, [b, c, d]),
        "two-leave": ([a, b, c, d], {1: leave, 4: leave}, [c, d]),
        "one-comes": ([a, b, c], {1: new}, [a, b, c, d]),
        "one-comes-back": ([b, c, d], {1: back}, [a, b, c, d]),
        "one-leaves-and-one-comes": (
            [a, b, c],
            {1: lambda entries: (leave(entries), insert(2, entry_of(d), entries))},
            [b, c, d],
        ),
    }


@pytest.mark.parametrize("move", moves_of(["a", "b", "c", "d"]))
def test_list_that_moves(lake, move):
    ids, changes, landed = moves_of(lake.ids)[move]
    rule = on(LIST, MovingList([entry_of(each) for each in ids], changes))
    lake.keeps_its_promise(
        rule, expected={place: (lake.new if place[0] in landed else lake.old)[place] for place in lake.new}
    )
    asked = [request.params["campaign_id"] for request in lake.proxy.requests if request.path == SERIES]
    assert sorted(asked[: len(landed)]) == sorted(landed)


def test_list_that_never_rests(lake):
    names = itertools.count()

    def replace_one(entries: list[Any]) -> None:
        leave(entries)
        entries.append(entry_of(f"campaign {next(names)}"))

    entries = [entry_of(f"early campaign {number}") for number in range(10)]
    lake.keeps_its_promise(on(LIST, MovingList(entries, dict.fromkeys(range(1000), replace_one))))


def test_list_that_never_ends(lake, monkeypatch):
    monkeypatch.setattr(listing, "MOST_PAGES", 20)

    def fault(call: Call) -> None:
        entries = [entry_of(f"{call.request.params['page']}-{number}") for number in range(100)]
        call.send(Answer(200, json.dumps({"campaigns": entries}).encode()))

    lake.keeps_its_promise(on(LIST, fault))


def test_list_of_a_hundred_thousand(lake):
    pages = [
        json.dumps({"campaigns": [entry_of(f"{page:04}-{number:02}-{'x' * 28}") for number in range(100)]}).encode()
        for page in range(1000)
    ]

    def fault(call: Call) -> None:
        page = int(call.request.params["page"])
        call.send(Answer(200, pages[page] if page < len(pages) else b'{"campaigns": []}'))

    lake.proxy.rule = on(LIST, fault)
    before = lake.destination.contents()
    tracemalloc.start()
    plan = lake.run(dry_run=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (plan["subjects"], plan["calls"]) == (100_000, 100_000)
    assert peak < 150 * MIB
    assert {request.path for request in lake.proxy.requests} == {LIST}
    assert lake.destination.contents() == before
