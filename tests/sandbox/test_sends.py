from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from random import Random

import pytest

from airflow_provider_braze.sandbox.campaigns import BLUEPRINTS
from airflow_provider_braze.sandbox.data import campaign_ids, day_object, send_day, send_ids
from airflow_provider_braze.sandbox.endpoints import ENDPOINTS
from airflow_provider_braze.sandbox.params import Rejected
from airflow_provider_braze.sandbox.settings import SandboxSettings

SETTINGS = SandboxSettings(as_of="2026-11-19T06:00:00Z")
TUESDAY = date(2026, 11, 17)
CAMPAIGN = campaign_ids(SETTINGS)[[blueprint.is_api for blueprint in BLUEPRINTS].index(True)]
SEND = send_ids(SETTINGS, CAMPAIGN)[0]


def series(settings: SandboxSettings = SETTINGS, **params: str) -> list[dict]:
    params = {"campaign_id": CAMPAIGN, "send_id": SEND, "length": "30", **params}
    return ENDPOINTS["/sends/data_series"](settings, params, Random(0))["data"]


def test_data_series_sends_exactly_the_last_fourteen_days():
    days = [date(2026, 11, 19) - timedelta(days=back) for back in reversed(range(14))]
    assert series() == [send_day(SETTINGS, CAMPAIGN, SEND, day) for day in days]


def test_send_day_is_gone_after_fourteen_days():
    seen = [
        send_day(SETTINGS, CAMPAIGN, SEND, TUESDAY, datetime(2026, month, day, 12, tzinfo=timezone.utc)) is not None
        for month, day in ((11, 16), (11, 17), (11, 30), (12, 1))
    ]
    assert seen == [False, True, True, False]


def test_send_day_has_the_shape_of_the_campaign():
    send, campaign = send_day(SETTINGS, CAMPAIGN, SEND, TUESDAY), day_object(SETTINGS, CAMPAIGN, TUESDAY)
    assert list(send) == list(campaign)
    assert [list(row) for row in send["messages"]["webhook"]] == [list(row) for row in campaign["messages"]["webhook"]]
    assert 0 < send["messages"]["webhook"][0]["sent"] < campaign["messages"]["webhook"][0]["sent"]


def test_send_ids_unknown_campaign_is_a_key_error():
    with pytest.raises(KeyError):
        send_ids(SETTINGS, "unknown")


def test_send_ids_only_of_api_campaigns():
    with_sends = [each for each in campaign_ids(SETTINGS) if send_ids(SETTINGS, each)]
    assert len(with_sends) == sum(blueprint.is_api for blueprint in BLUEPRINTS)
    assert len(send_ids(SETTINGS, CAMPAIGN)) == len(set(send_ids(SETTINGS, CAMPAIGN))) == 3


@pytest.mark.parametrize(
    "params", [{"campaign_id": "unknown"}, {"send_id": "unknown"}, {"send_id": ""}, {"length": "101"}]
)
def test_data_series_wrong_parameter_is_rejected_by_name(params):
    with pytest.raises(Rejected, match=next(iter(params))) as caught:
        series(**params)
    assert caught.value.status == 400


@pytest.mark.parametrize("arguments", [("unknown", SEND), (CAMPAIGN, "unknown")])
def test_send_day_unknown_subject_is_a_key_error(arguments):
    with pytest.raises(KeyError):
        send_day(SETTINGS, *arguments, TUESDAY)


@pytest.mark.parametrize("subject", [CAMPAIGN, SEND])
def test_bad_subject_is_rejected(subject):
    with pytest.raises(Rejected):
        series(SETTINGS.merged({"faults": {"bad_subjects": {subject: 404}}}))


def test_data_series_counts_days_in_the_company_zone():
    assert series(replace(SETTINGS, timezone="America/Los_Angeles"))[-1]["time"] == "2026-11-18"
