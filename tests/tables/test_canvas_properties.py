from __future__ import annotations

import json
import random

import pyarrow as pa
import pytest

from airflow_provider_braze.tables.canvas_shapes import PackedCanvas
from airflow_provider_braze.tables.sorting import sort_rows
from tests.tables.canvas_responses import (
    CHANNELS,
    TABLES,
    body_of,
    decode,
    draw_response,
    found_in,
    sent_in,
    tables_of,
)

ROUNDS = 40


@pytest.fixture(params=[0, *(pytest.param(seed, marks=pytest.mark.sampled(0)) for seed in range(1, 4))])
def responses(request):
    """Return drawn responses, each with the generator that drew it."""
    dice = random.Random(request.param)
    return [(draw_response(dice), dice) for _ in range(ROUNDS)]


def printed(tables):
    return {name: repr(table.to_pylist()) for name, table in tables.items()}


def test_tables_contain_every_key_and_value(responses):
    for days, _ in responses:
        assert found_in(tables_of(decode(body_of(days)))) == sent_in(days)


def test_packed_and_split_responses_build_equal_tables(responses):
    packed = 0
    for days, _ in responses:
        quick, thorough = decode(body_of(days)), decode(body_of(days), keep_payload=True)
        assert (quick.days, quick.drift, quick.weight) == (thorough.days, thorough.drift, thorough.weight)
        assert printed(tables_of(quick)) == printed(tables_of(thorough))
        packed += isinstance(quick.responses[0].content, PackedCanvas)
    assert packed > ROUNDS / 4


def test_learned_shape_fits_other_responses():
    (learned,) = decode(body_of([{"total_stats": {"tried": 1, "seen": 2}}])).responses
    (other,) = decode(body_of([{"total_stats": {"seen": 3}}])).responses
    assert other.content.shape is learned.content.shape
    assert other.drift == {"total_stats.seen": 1}


def test_any_order_of_days_rows_and_keys_builds_equal_tables(responses):
    for days, dice in responses:
        response = json.loads(body_of(days))
        stats = response["data"]["stats"]
        response["data"]["stats"] = [mixed(day, dice) for day in dice.sample(stats, len(stats))]
        again = decode(json.dumps(response).encode())
        assert printed(tables_of(again)) == printed(tables_of(decode(body_of(days))))


def mixed(value, dice, key=""):
    """Return a value with its keys, and the rows of its channels, in another order."""
    if isinstance(value, dict):
        return {name: mixed(value[name], dice, name) for name in dice.sample(list(value), len(value))}
    is_rows = isinstance(value, list) and key in CHANNELS
    return dice.sample(value, len(value)) if is_rows else value


def test_sorted_batches_equal_one_build(responses):
    for place in range(0, ROUNDS, 3):
        rows = [
            decode(body_of(days), f"c{i}", keep_payload=i == 1) for i, (days, _) in enumerate(responses[place:][:3])
        ]
        whole = tables_of(*rows)
        for table in TABLES:
            parts = pa.concat_tables([tables_of(row)[table.name] for row in reversed(rows)])
            assert repr(sort_rows(table, parts).to_pylist()) == repr(whole[table.name].to_pylist())
