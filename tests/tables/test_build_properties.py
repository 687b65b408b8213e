from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta

import pyarrow as pa
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from airflow_provider_braze.core.channels import ROW_FIELDS, ROW_FIGURES
from tests.campaign_tables import SCHEMAS, build_tables, collect, decode_days, sort_rows
from tests.samples import examples
from tests.tables.campaign_responses import (
    BOTH,
    END,
    RESPONSES,
    START,
    as_sent,
    body_of,
    freeze,
    rows_from,
    tables_of,
    without_nulls,
)

EXAMPLES = examples(15, suppress_health_check=list(HealthCheck))


@EXAMPLES
@given(RESPONSES)
def test_build_tables_contain_every_key_and_value(days):
    tables = tables_of(days)
    found_days = [as_sent(row, "campaign_id", "day") for row in tables["campaign_days"].to_pylist()]
    sent_days = [{key: value for key, value in day.items() if key not in {"messages", "time"}} for day in days]
    assert found_days == [without_nulls(day, ROW_FIGURES) for day in sent_days]
    places = ("campaign_id", "day", "channel", "position")
    found = Counter()
    for row in tables["campaign_messages"].to_pylist():
        found[str(row["day"]), row["channel"], freeze(as_sent(row, *places))] += 1
    sent = Counter()
    for place, day in enumerate(days):
        for channel, rows in (day["messages"] or {}).items():
            for row in rows or ():
                sent[str(START + timedelta(place)), channel, freeze(without_nulls(row, ROW_FIELDS))] += 1
    assert found == sent


@EXAMPLES
@given(RESPONSES)
def test_build_tables_proven_shape_equals_splitting(days):
    quick, thorough = rows_from(days), rows_from(days, keep_payload=True)
    assert (quick.days, quick.drift) == (thorough.days, thorough.drift)
    for name, table in build_tables([quick], BOTH).items():
        assert repr(table.to_pylist()) == repr(build_tables([thorough], [name])[name].to_pylist())


@EXAMPLES
@given(RESPONSES, st.randoms(use_true_random=False))
def test_build_tables_in_any_order_of_days_rows_and_keys_returns_equal_tables(days, dice):
    response = json.loads(body_of(days))
    response["data"] = [jumbled(day, dice) for day in dice.sample(response["data"], len(days))]
    again = collect("c", [decode_days(json.dumps(response).encode(), START, END)])
    for name, table in build_tables([again], BOTH).items():
        assert repr(table.to_pylist()) == repr(tables_of(days)[name].to_pylist())


def mixed(record, dice):
    return {key: record[key] for key in dice.sample(list(record), len(record))}


def jumbled(day, dice):
    """Return the same day with keys, channels and their rows in another order."""
    messages = {
        channel: rows and [mixed(row, dice) for row in dice.sample(rows, len(rows))]
        for channel, rows in (day["messages"] or {}).items()
    }
    return mixed({**day, "messages": day["messages"] and mixed(messages, dice)}, dice)


@EXAMPLES
@given(st.lists(RESPONSES, min_size=1, max_size=3))
def test_build_tables_sorted_batches_equal_one_build(responses):
    batches = [rows_from(days, f"c{place % 2}{place}") for place, days in enumerate(responses)]
    whole = build_tables(batches, BOTH)
    for name, table in whole.items():
        parts = pa.concat_tables([build_tables([batch], [name])[name] for batch in reversed(batches)])
        assert repr(sort_rows(name, parts).to_pylist()) == repr(table.to_pylist())
        assert table.schema == SCHEMAS[name]
