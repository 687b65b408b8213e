from __future__ import annotations

import json

import pyarrow as pa
import pytest

from airflow_provider_braze.tables.packing import pack
from airflow_provider_braze.tables.shapes import prove


def a_body(*days, **envelope):
    dated = [{"time": f"2026-11-{place + 1:02}", **day} for place, day in enumerate(days)]
    return json.dumps({**envelope, "data": dated}).encode()


def with_row(channel="email", **row):
    return {"messages": {channel: [row]}}


def fields_proven(body):
    proven = prove(body)
    assert proven
    (record,) = [record for record in proven.shape.channels if record.channel == "email"]
    return len(record.fields), record.extras


def test_prove_documented_rows_uses_the_narrowest_shape():
    flat, _ = fields_proven(a_body(with_row(variation_api_id="a", sent=1, opens=None)))
    full, extras = fields_proven(a_body(with_row(variation_name="a", sent=1, revenue=5)))
    assert (flat, full, extras) == (10, 22, ())


def test_prove_days_with_an_undocumented_key_learns_it():
    assert fields_proven(a_body(*[with_row(machine_open=1, read=2)] * 3)) == (23, ("machine_open",))


@pytest.mark.parametrize(
    "day",
    [
        with_row("line", sent=1, friends=2),
        {"conversions4": 1, "messages": None},
        with_row("ios_push", **{"carousel_slide_1_日本 x_click": None}),
        with_row(sent=1, nested={"a": [1]}),
    ],
)
def test_prove_days_with_any_undocumented_value_learns_it(day):
    assert prove(a_body(*[day] * 3))


@pytest.mark.parametrize(
    "days",
    [
        [with_row(machine_open=1)] * 2,
        [with_row(**{'a"b': 1})] * 3,
        [with_row(), with_row(machine_open=1), *[with_row()] * 10],
        [with_row(sent=-1)] * 3,
        [with_row(sent=1.0)] * 3,
        [with_row(sent=2**63)] * 3,
        [with_row(revenue=2**53 + 1)] * 3,
        [with_row(revenue=True)] * 3,
        [with_row(variation_name=5)] * 3,
        [{"messages": {"email": None}}] * 3,
        [{"messages": {"email": [5]}}] * 3,
        [{"messages": {"line": 5}}] * 3,
        [{"messages": []}] * 3,
        [{"messages": 5}] * 3,
        [{"time": "2026-11-01T00:00:00Z"}] * 3,
    ],
)
def test_prove_days_without_a_shape_returns_none(days):
    assert prove(a_body(*days)) is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"data": [5]}', a_body(message="no"), b'{"data":' + b"[" * 100_000]
)
def test_prove_body_that_is_not_a_response_returns_none(body):
    assert prove(body) is None


def test_prove_accepts_an_envelope_with_additional_keys():
    assert prove(a_body({}, message="success", errors=["a note"]))


def test_pack_contains_numbers_and_counts_instead_of_objects():
    proven = prove(a_body(with_row(sent=1, variation_api_id="a"), {"messages": None}, with_row(sent=None)))
    assert proven
    packed = pack(proven)
    (block,) = packed.messages.values()
    assert {type(cells) for cells in block.cells} == {pa.StringArray, bytes, type(None)}
    assert memoryview(block.counts).cast("i").tolist() == [1, 0, 1]
    assert not packed.drift
