from __future__ import annotations

import json
import random
from collections import Counter
from datetime import timedelta

import pytest

from airflow_provider_braze.core.models import SeriesCall
from airflow_provider_braze.core.payloads import MAX_UNKNOWN_KEYS
from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.fetch.subjects import collect
from airflow_provider_braze.series.events import EVENTS, event_subjects
from airflow_provider_braze.series.kpis import KPIS, kpi_subjects
from airflow_provider_braze.series.purchases import PURCHASES, purchase_subjects
from airflow_provider_braze.series.segments import SEGMENTS
from tests.tables.campaign_responses import END, START, as_sent, freeze, without_nulls

FIGURES = ("dau", "size", "count", "sessions", "purchase_quantity", "revenue")
VALUES = (None, True, 0, 7, 2**53 + 1, 2**63, 1.5, 5.0, "7", [], {"a": None}, [1, {"b": 2}])
KEYS = (*FIGURES, "value", "other", "day", "metric", "segment_id", "new", "é", "")
SUBJECTS = [
    (KPIS, kpi_subjects(["dau"], [None])[0]),
    (KPIS, kpi_subjects(["sessions"], ["app"], ["s"])[1]),
    (SEGMENTS, SEGMENTS.subject("s")),
    (EVENTS, event_subjects(["a/ü \n"], ["app"])[0]),
    (PURCHASES, purchase_subjects(["revenue"], ["sku"])[0]),
    (PURCHASES, purchase_subjects(["quantity"])[0]),
]


def tables_of(series, *responses):
    decoder = series.load_decoder(series)
    call = SeriesCall(START, END, 13, "")
    rows = [
        collect(subject, [decoder.decode(json.dumps({"data": days}).encode(), subject, call, keep_payload=False)])
        for subject, days in responses
    ]
    return decoder.build(rows, [series.day_table])[series.day_table.name]


@pytest.mark.parametrize(("series", "subject"), SUBJECTS, ids=lambda each: each.name)
def test_tables_contain_every_key_and_value_in_any_order(series, subject):
    dice = random.Random(subject.name)
    (column,) = [each.name for each in series.day_table.columns if each.name in ("value", "size", "count")]
    figure = subject.figure or column
    for _ in range(100):
        keys = [dice.sample((figure, *KEYS), dice.randrange(4)) for _ in range(dice.randrange(5))]
        records = [{key: dice.choice(VALUES) for key in each} for each in keys]
        days = [{**record, "time": str(START + timedelta(place))} for place, record in enumerate(records)]
        table = tables_of(series, (subject, dice.sample(days, len(days))))
        found = Counter()
        for row in table.to_pylist():
            assert tuple(row[key] for key in series.keys) == subject.key
            sent = as_sent(row, *series.keys, "day", column) | ({} if row[column] is None else {figure: row[column]})
            found[str(row["day"]), freeze(sent)] += 1
        assert found == Counter(
            (day["time"], freeze(without_nulls(record, (figure,)))) for day, record in zip(days, records, strict=True)
        )


def test_rows_of_several_subjects_are_sorted_by_day_and_key_with_null_last():
    subjects = kpi_subjects(["mau", "dau"], ["app", None])
    days = [{"time": str(START + timedelta(place)), "dau": place, "mau": 9} for place in (1, 0)]
    table = tables_of(KPIS, *((subject, days) for subject in subjects))
    assert [(row["day"].day, row["metric"], row["app_id"], row["value"]) for row in table.to_pylist()] == [
        (day, metric, app, day - 1 if metric == "dau" else 9)
        for day in (1, 2)
        for metric in ("dau", "mau")
        for app in ("app", None)
    ]


def test_too_many_keys_without_a_column_are_rejected():
    keys = {f"new {number}": number for number in range(MAX_UNKNOWN_KEYS + 1)}
    subject = kpi_subjects(["dau"], [None])[0]
    assert tables_of(KPIS, (subject, [{"time": str(START), **dict(list(keys.items())[:-1])}])).num_rows == 1
    with pytest.raises(BrazeDataError, match="1001 keys or channels without a column"):
        tables_of(KPIS, (subject, [{"time": str(START), **keys}]))
