from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.task.arguments import check_arguments, check_choice, check_range

GOOD = {
    "parts": 1,
    "part": None,
    "tables": CAMPAIGNS.default_tables,
    "file_format": "parquet",
    "concurrency": 16,
    "lookback_days": 30,
    "missing_days": "warn",
    "on_error": "fail",
}


@pytest.mark.parametrize("value", [1, 2, 256])
def test_check_range_of_a_number_inside_passes(value):
    check_range("concurrency", value, 1, 256)


@pytest.mark.parametrize("value", [0, 257, -1, 1.0, "4", None, True])
def test_check_range_of_anything_else_names_argument_value_and_range(value):
    with pytest.raises(BrazeConfigError) as caught:
        check_range("concurrency", value, 1, 256)
    assert str(caught.value) == f"`concurrency` is {value!r}. Give a whole number, 1 to 256."


def test_check_choice_of_a_choice_passes():
    check_choice("missing_days", "warn", ("warn", "fail"))


@pytest.mark.parametrize("value", ["Warn", "", None, 1])
def test_check_choice_of_anything_else_names_the_choices(value):
    with pytest.raises(BrazeConfigError) as caught:
        check_choice("missing_days", value, ("warn", "fail"))
    assert str(caught.value) == f"`missing_days` has {value!r}. Known are: warn, fail."


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"parts": 1, "part": 0},
        {"parts": 16, "part": 0},
        {"parts": 16, "part": 15},
        {"parts": 1000, "part": 999},
        {"tables": list(CAMPAIGNS.table_names)},
        {"tables": ["campaign_raw"]},
        {"tables": {"campaigns"}},
        {"file_format": "jsonl"},
        {"concurrency": 1},
        {"concurrency": 256},
        {"lookback_days": 0},
        {"lookback_days": 3660},
        {"lookback_days": "auto"},
        {"tables": ["campaign_details"]},
        {"missing_days": "fail"},
        {"missing_days": "ignore"},
        {"on_error": "skip"},
    ],
)
def test_check_arguments_passes_what_can_be_landed(given):
    check_arguments(CAMPAIGNS, **{**GOOD, **given})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"parts": 0}, "`parts` is 0. Give a whole number, 1 to 1000."),
        ({"parts": -1}, "`parts` is -1."),
        ({"parts": 1001, "part": 0}, "`parts` is 1001."),
        ({"parts": "16", "part": 0}, "`parts` is '16'."),
        ({"parts": True}, "`parts` is True."),
        ({"parts": None}, "`parts` is None."),
        (
            {"parts": 16},
            "`parts` is 16 but `part` is not given. Use .partial(parts=16, ...).expand(part=list(range(16))).",
        ),
        ({"part": 1}, "`part` is 1. Give a whole number, 0 to 0."),
        ({"parts": 16, "part": 16}, "`part` is 16. Give a whole number, 0 to 15."),
        ({"parts": 16, "part": -1}, "`part` is -1."),
        ({"parts": 16, "part": "3"}, "`part` is '3'."),
        ({"parts": 16, "part": ""}, "`part` is ''."),
        ({"parts": 16, "part": False}, "`part` is False."),
        ({"parts": 16, "part": 0.0}, "`part` is 0.0."),
        ({"concurrency": 0}, "`concurrency` is 0. Give a whole number, 1 to 256."),
        ({"concurrency": 257}, "`concurrency` is 257."),
        ({"concurrency": 1.5}, "`concurrency` is 1.5."),
        ({"lookback_days": -1}, "`lookback_days` is -1. Give a whole number, 0 to 3660, or 'auto'."),
        ({"lookback_days": "Auto"}, "`lookback_days` is 'Auto'."),
        ({"lookback_days": "30"}, "`lookback_days` is '30'."),
        ({"lookback_days": ["auto"]}, "`lookback_days` is ['auto']."),
        ({"lookback_days": 3661}, "`lookback_days` is 3661."),
        ({"lookback_days": timedelta(days=30)}, "`lookback_days` is datetime.timedelta(days=30)."),
        ({"file_format": "csv"}, "`file_format` has 'csv'. Known are: parquet, jsonl."),
        ({"file_format": None}, "`file_format` has None."),
        ({"missing_days": "error"}, "`missing_days` has 'error'. Known are: warn, fail, ignore."),
        ({"on_error": "warn"}, "`on_error` has 'warn'. Known are: fail, skip."),
        (
            {"tables": []},
            "`tables` is []. Give a list of campaign_days, campaign_messages, campaign_raw, campaigns, "
            "campaign_details.",
        ),
        ({"tables": "campaign_days"}, "`tables` is 'campaign_days'. Give a list of"),
        ({"tables": None}, "`tables` is None. Give a list of"),
        ({"tables": 5}, "`tables` is 5. Give a list of"),
        ({"tables": ["campaign_days", "canvases"]}, "`tables` has 'canvases'. Known are: campaign_days, "),
        ({"tables": [["campaign_days"]]}, "`tables` has ['campaign_days']. Known are: "),
    ],
)
def test_check_arguments_refuses_by_name_and_value(given, message):
    with pytest.raises(BrazeConfigError) as caught:
        check_arguments(CAMPAIGNS, **{**GOOD, **given})
    assert str(caught.value).startswith(message)
