from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_braze.exceptions import BrazeDataError
from tests.campaign_tables import SCHEMAS, decode_details, details_table
from tests.samples import examples

WHOLE = {
    "message": "success",
    "name": "Sale",
    "description": "For all",
    "schedule_type": "time_based",
    "channels": ["email", "push"],
    "tags": ["a", None, "日本"],
    "teams": [],
    "archived": False,
    "draft": True,
    "enabled": None,
    "has_post_launch_draft": False,
    "created_at": "2026-11-01T10:00:00+00:00",
    "updated_at": "2026-11-01T10:00:00.25+09:00",
    "first_sent": "2026-11-02T21",
    "last_sent": None,
    "messages": {
        "v2": {"channel": "email", "name": "B", "subject": "Hi", "headers": [{"x": "1"}]},
        "v1": {"channel": "email", "type": "control"},
    },
    "conversion_behaviors": [
        {"type": "Makes Any Purchase", "window": 259200},
        {"type": "Performs Custom Event", "window": 604800.0, "custom_event_name": "visit", "app_ids": ["x", None]},
        {"type": "Makes Specific Purchase", "window": 86400, "product": "hat", "app_ids": None, "note": 1},
    ],
}


def row_of(response: Any) -> dict[str, Any]:
    (row,) = details_table([decode(response)]).to_pylist()
    return row


def decode(response: Any, campaign_id: str = "c"):
    return decode_details(json.dumps(response).encode(), campaign_id)


def a_response(**fields: Any) -> dict[str, Any]:
    return {"name": "Sale", **fields}


def test_details_table_of_a_complete_response_fills_every_column():
    row = row_of(WHOLE)
    assert list(row) == SCHEMAS["campaign_details"].names
    assert row == {
        "campaign_id": "c",
        **{key: WHOLE[key] for key in ("name", "description", "schedule_type", "channels", "tags", "teams")},
        **{key: WHOLE[key] for key in ("archived", "draft", "enabled", "has_post_launch_draft")},
        "created_at": datetime(2026, 11, 1, 10, tzinfo=timezone.utc),
        "updated_at": datetime(2026, 11, 1, 1, 0, 0, 250_000, tzinfo=timezone.utc),
        "first_sent": datetime(2026, 11, 2, 21, tzinfo=timezone.utc),
        "last_sent": None,
        "messages": [
            {"variation_api_id": "v1", "channel": "email", "name": None, "type": "control", "other": None},
            {
                "variation_api_id": "v2",
                "channel": "email",
                "name": "B",
                "type": None,
                "other": '{"headers":[{"x":"1"}],"subject":"Hi"}',
            },
        ],
        "conversion_behaviors": [
            a_behavior("conversions", "Makes Any Purchase", 259_200),
            a_behavior(
                "conversions1", "Performs Custom Event", 604_800, custom_event_name="visit", app_ids=["x", None]
            ),
            a_behavior("conversions2", "Makes Specific Purchase", 86_400, product="hat", other='{"note":1}'),
        ],
        "other": None,
    }


def a_behavior(figure: str, kind: str, window: int, **others: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("custom_event_name", "product", "app_ids", "other"))
    return {"figure": figure, "type": kind, "window_seconds": window, **nothing, **others}


def test_details_table_of_a_minimal_response_has_nulls_for_missing_keys():
    row = row_of({"name": "Sale"})
    assert (row.pop("campaign_id"), row.pop("name")) == ("c", "Sale")
    assert set(row.values()) == {None}


def test_details_table_distinguishes_null_and_empty():
    assert row_of(a_response(messages=None, conversion_behaviors=None))["messages"] is None
    row = row_of(a_response(messages={}, conversion_behaviors=[]))
    assert (row["messages"], row["conversion_behaviors"]) == ([], [])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", 5),
        ("description", ["a"]),
        ("channels", "email"),
        ("tags", ["a", 5]),
        ("teams", {"a": 1}),
        ("archived", "no"),
        ("draft", 0),
        ("created_at", "yesterday"),
        ("first_sent", 1_795_000_000),
        ("frequency", {"z": [None], "a": 1.5}),
        ("campaign_id", "another"),
        ("other", "o"),
        ("новый", None),
        ("variation_api_id", "v"),
    ],
)
def test_decode_details_keeps_values_without_a_fitting_column_in_other(key, value):
    response = {"schedule_type": "time_based", key: value}
    row = row_of(response)
    assert json.loads(row["other"]) == {key: value}
    assert row["campaign_id"] == "c"
    if key in row and key not in ("campaign_id", "other"):
        assert row[key] is None
    assert decode(response).drift == (f"details.{key}",)


def test_decode_details_keeps_values_of_messages_and_behaviors_that_do_not_fit():
    row = row_of(
        a_response(
            messages={"v": {"channel": 1, "name": None, "variation_api_id": "w"}},
            conversion_behaviors=[{"type": 2, "window": 1.5, "app_ids": "x", "window_seconds": 3, "figure": "f"}],
        )
    )
    (message,), (behavior,) = row["messages"], row["conversion_behaviors"]
    assert message["variation_api_id"] == "v"
    assert json.loads(message["other"]) == {"channel": 1, "variation_api_id": "w"}
    assert (behavior["figure"], behavior["window_seconds"]) == ("conversions", None)
    assert json.loads(behavior["other"]) == {
        "type": 2,
        "window": 1.5,
        "app_ids": "x",
        "window_seconds": 3,
        "figure": "f",
    }


def test_decode_details_drift_names_keys_except_those_of_message_content():
    response = a_response(
        new=1,
        messages={"v": {"channel": "email", "subject": "Hi", "body": "..."}},
        conversion_behaviors=[{"type": "t", "window": 1}, {"window": "long", "event": 1}],
    )
    assert decode(response).drift == (
        "details.new",
        "details.conversion_behaviors.window",
        "details.conversion_behaviors.event",
    )
    assert decode(WHOLE).drift == ("details.conversion_behaviors.note",)


@pytest.mark.parametrize(
    ("behaviors", "longest"),
    [
        (None, None),
        ([], None),
        ([{"type": "t"}], None),
        ([{"window": "3 days"}, {"window": None}], None),
        ([{"window": -1}], None),
        ([{"window": 0}], 0),
        ([{"window": 60}, {"window": 86_400}, {"window": 3_600}], 86_400),
    ],
)
def test_decode_details_returns_the_longest_window(behaviors, longest):
    assert decode(a_response(conversion_behaviors=behaviors)).longest_window == longest


@pytest.mark.parametrize(
    ("response", "path"),
    [
        ([], "$"),
        (None, "$"),
        ({}, "$"),
        ({"message": "success"}, "$"),
        ({"message": "success", "data": []}, "$"),
        ({**WHOLE, "message": "queued"}, "$.message"),
        (a_response(messages=[]), "$.messages"),
        (a_response(messages="v"), "$.messages"),
        (a_response(messages={"v": None}), "$.messages.v"),
        (a_response(messages={"v": ["email"]}), "$.messages.v"),
        (a_response(conversion_behaviors={}), "$.conversion_behaviors"),
        (a_response(conversion_behaviors=5), "$.conversion_behaviors"),
        (a_response(conversion_behaviors=[{"window": 1}, None]), "$.conversion_behaviors[1]"),
    ],
)
def test_decode_details_of_another_shape_raises_data_error_with_path(response, path):
    with pytest.raises(BrazeDataError) as caught:
        decode(response)
    assert caught.value.path == path


@pytest.mark.parametrize("key", ["messages", "conversion_behaviors", "tags"])
def test_decode_details_with_any_known_key_succeeds(key):
    assert decode({key: None}).cells["campaign_id"] == "c"


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b'{"name": NaN}', b'{"name": "\\ud800"}'])
def test_decode_details_of_invalid_json_raises_value_error(body):
    with pytest.raises(ValueError, match="truncated or not JSON"):
        decode_details(body, "c")


def test_details_table_is_sorted_by_id():
    table = details_table([decode(a_response(), each) for each in ("b", "é", "a")])
    assert table.column("campaign_id").to_pylist() == ["a", "b", "é"]


def test_details_table_of_no_campaigns_is_empty():
    assert details_table([]).equals(SCHEMAS["campaign_details"].empty_table())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8"), max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2).filter(str.isascii), inner, max_size=2)
    ),
    max_leaves=4,
)


@examples(40)
@given(
    response=st.dictionaries(st.sampled_from([*WHOLE, "new", "other"]), _JSON, max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_decode_details_loses_nothing_and_ignores_the_order_of_keys(response, order):
    for key in ("message", "messages", "conversion_behaviors"):
        response.pop(key, None)
    response["name"] = "Sale"
    row = row_of(response)
    kept = {**{key: value for key, value in row.items() if value is not None}, **json.loads(row["other"] or "{}")}
    for key, value in response.items():
        if value is not None:
            assert kept[key] == value
    keys = list(response)
    order.shuffle(keys)
    assert row_of({key: response[key] for key in keys}) == row
