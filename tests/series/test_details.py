"""Details of canvases and segments: the table contains every field of the sandbox's response."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from airflow_provider_braze.core.series import Column
from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.sandbox import SandboxSettings, data
from airflow_provider_braze.series import campaigns, canvases, segments
from airflow_provider_braze.series.canvases import CANVAS_DETAILS, CANVASES
from airflow_provider_braze.series.segments import SEGMENT_DETAILS, SEGMENTS
from airflow_provider_braze.tables.details import details_table

SETTINGS = SandboxSettings(as_of="2026-11-19T13:00:00Z")


def row_of(series, table, id_, response):
    assert series.details is not None
    details = series.details.decode(json.dumps(response).encode(), series.subject(id_))
    (row,) = details_table(table, [details]).to_pylist()
    return row, details.drift


@pytest.mark.parametrize("id_", data.canvas_ids(SETTINGS))
def test_canvas_details_keep_variants_steps_and_messages(id_):
    sent = data.canvas_details(SETTINGS, id_)
    row, _ = row_of(CANVASES, CANVAS_DETAILS, id_, sent)
    assert (row["canvas_id"], row["name"], row["tags"]) == (id_, sent["name"], sent["tags"])
    assert [each["variant_id"] for each in row["variants"]] == [each["id"] for each in sent["variants"]]
    assert [each["first_step_ids"] for each in row["variants"]] == [each["first_step_ids"] for each in sent["variants"]]
    assert [(each["step_id"], each["name"], each["type"]) for each in row["steps"]] == [
        (each["id"], each["name"], each["type"]) for each in sent["steps"]
    ]
    for step, sent_step in zip(row["steps"], sent["steps"], strict=True):
        messages = sent_step.get("messages")
        found = step["messages"]
        assert (found is None) == (messages is None)
        channels = {each["variation_api_id"]: each["channel"] for each in found or ()}
        assert channels == {key: each.get("channel") for key, each in (messages or {}).items()}


def test_canvas_details_keep_unknown_keys():
    step = {"id": "s", "next_paths": [{"name": "Yes", "next_step_id": "t", "new": 1}], "odd": [2]}
    row, drift = row_of(CANVASES, CANVAS_DETAILS, "c", {"name": "C", "surprise": {"a": 1}, "steps": [step]})
    assert json.loads(row["other"]) == {"surprise": {"a": 1}}
    assert json.loads(row["steps"][0]["other"]) == {"odd": [2], "next_paths": [{"new": 1}]}
    assert row["steps"][0]["next_paths"] == [{"name": "Yes", "next_step_id": "t"}]
    assert row["variants"] is None
    assert drift == ("details.surprise",)


@pytest.mark.parametrize("sent", [{"steps": {}}, {"steps": ["s"]}, {"variants": [1]}, {"unrelated": 1}])
def test_canvas_details_of_another_shape_raise(sent):
    assert CANVASES.details is not None
    with pytest.raises(BrazeDataError):
        CANVASES.details.decode(json.dumps(sent).encode(), CANVASES.subject("c"))


@pytest.mark.parametrize("id_", data.segment_ids(SETTINGS))
def test_segment_details_keep_their_texts(id_):
    sent = data.segment_details(SETTINGS, id_)
    row, _ = row_of(SEGMENTS, SEGMENT_DETAILS, id_, {**sent, "new": True})
    assert {key: row[key] for key in ("name", "description", "tags")} == {
        key: sent[key] for key in ("name", "description", "tags")
    }
    assert json.loads(row["other"])["new"] is True


@pytest.mark.parametrize(
    ("series", "module", "name"),
    [
        (campaigns.CAMPAIGNS, campaigns, "CAMPAIGN_DETAILS"),
        (CANVASES, canvases, "CANVAS_DETAILS"),
        (SEGMENTS, segments, "SEGMENT_DETAILS"),
    ],
    ids=["campaigns", "canvases", "segments"],
)
def test_additional_last_column_of_details_is_filled(monkeypatch, series, module, name):
    table = getattr(module, name)
    longer = replace(table, columns=(*table.columns, Column("created_by", "string")))
    monkeypatch.setattr(module, name, longer)
    row, drift = row_of(series, longer, "id", {"name": "N", "created_by": "Ada", "tags": ["a"], "new": 1})
    assert (row["created_by"], row["name"], row["tags"]) == ("Ada", "N", ["a"])
    assert json.loads(row["other"]) == {"new": 1}
    assert drift == ("details.new",)


@pytest.mark.parametrize("key", ["other", "segment_id"])
def test_column_names_that_are_not_keys_do_not_identify_a_details_response(key):
    with pytest.raises(BrazeDataError):
        row_of(SEGMENTS, SEGMENT_DETAILS, "s", {key: "x"})
