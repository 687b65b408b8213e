from __future__ import annotations

import json
from datetime import date, datetime, timezone

import pytest

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.sandbox.settings import PERMISSIONS, Faults, SandboxSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", 1.5),
        ("seed", True),
        ("campaigns", -1),
        ("campaigns", "20"),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../etc"),
        ("timezone", None),
        ("as_of", "yesterday"),
        ("as_of", 5),
        ("as_of", "0001-01-01"),
        ("as_of", "9999-12-31T23:59:59Z"),
        ("ending_at_reading", "sometimes"),
        ("latency_seconds", -1),
        ("latency_seconds", float("nan")),
        ("rate_limit", 0),
        ("rate_window_seconds", 0),
        ("omit_inactive_days", "yes"),
        ("row_order", ["stable"]),
        ("permissions", "campaigns.list"),
        ("permissions", ["campaigns.delete"]),
        ("permissions", [["campaigns.list"]]),
        ("canvases", 1.5),
        ("canvas_max_length", 0),
        ("canvas_extra_steps", -1),
        ("segments", 1_001),
        ("apps", 51),
        ("unknown_keys", 1),
        ("missing_permissions", ["campaigns.delete"]),
        ("rate_limits", [1]),
        ("rate_limits", {"everything": {"requests": 1, "seconds": 1}}),
        ("rate_limits", {"events": {"requests": 1}}),
        ("rate_limits", {"events": 5}),
        ("rate_limits", {"events": {"requests": 0, "seconds": 1}}),
        ("rate_limits", {"events": {"requests": 1, "seconds": "1"}}),
        ("faults", 3),
        ("faults.rate_500", 1.1),
        ("faults.slow_seconds", "1"),
        ("faults.endpoints", ["users.track"]),
        ("faults.bad_subjects", ["a"]),
        ("faults.bad_subjects", {"a": 200}),
        ("faults.bad_details", {"a": 99}),
        ("faults.missing_days", ["2024-01-01"]),
        ("faults.missing_days", {"*": ["2024-13-01"]}),
        ("faults.missing_days", {"*": 5}),
    ],
)
def test_merged_wrong_value_names_the_field(name, value):
    head, _, fault = name.partition(".")
    with pytest.raises(BrazeConfigError, match=name.replace(".", r"\.")):
        SandboxSettings().merged({head: {fault: value} if fault else value})


@pytest.mark.parametrize("changes", [{"campaign": 3}, {"faults": {"rate_501": 0.1}}])
def test_merged_unknown_field_names_it_and_the_known_ones(changes):
    with pytest.raises(BrazeConfigError, match=r"no setting '(campaign|faults\.rate_501)'.*(campaigns|rate_500)"):
        SandboxSettings().merged(changes)


def test_merged_wrong_key_is_not_repeated():
    with pytest.raises(BrazeConfigError, match="api_key") as caught:
        SandboxSettings(api_key="se cret")
    assert "se cret" not in str(caught.value)


def test_merged_faults_keeps_the_other_faults():
    settings = SandboxSettings(faults=Faults(rate_429=0.25)).merged({"faults": {"rate_500": 0.5}})
    assert (settings.faults.rate_429, settings.faults.rate_500) == (0.25, 0.5)


def test_merged_faults_none_clears_them():
    settings = SandboxSettings(faults=Faults(rate_429=0.25)).merged({"faults": None})
    assert settings.faults == Faults()


def test_settings_faults_as_mapping_become_faults():
    assert SandboxSettings(faults={"rate_429": 0.25}).faults == Faults(rate_429=0.25)


def test_faults_wire_shares_over_one_are_rejected():
    with pytest.raises(BrazeConfigError, match="at most 1 in sum"):
        Faults(rate_429=0.6, rate_500=0.6)


def test_faults_days_as_dates_become_iso():
    assert Faults(missing_days={"*": [date(2024, 1, 2), "2024-01-03"]}).missing_days == {
        "*": ("2024-01-02", "2024-01-03")
    }


def test_settings_to_json_can_be_parsed_to_equal_settings():
    settings = SandboxSettings(
        seed=-4,
        timezone="Asia/Seoul",
        rate_limit=5,
        rate_limits={"events": {"requests": 2, "seconds": 0.5}},
        faults=Faults(missing_days={"*": ("2024-01-01",)}, rate_cut=1),
    )
    assert SandboxSettings().merged_json(json.dumps(settings.to_json())) == settings


def test_settings_permissions_are_kept_in_order_once():
    assert SandboxSettings(permissions=[*reversed(PERMISSIONS), PERMISSIONS[0]]).permissions == PERMISSIONS


@pytest.mark.parametrize("text", ["{", "[]", "3", "null", pytest.param("[" * 100_000, id="nested")])
def test_merged_json_that_is_not_an_object_is_rejected(text):
    with pytest.raises(BrazeConfigError, match="object of settings"):
        SandboxSettings().merged_json(text)


def test_now_frozen_clock_is_the_as_of():
    assert SandboxSettings(as_of="2026-11-19T06:00:00+01:00").now() == datetime(2026, 11, 19, 5, tzinfo=timezone.utc)


def test_now_real_clock_is_cut_to_the_minute():
    before = datetime.now(timezone.utc)
    now = SandboxSettings().now()
    assert 0 <= (before - now).total_seconds() < 60 or now > before
    assert (now.second, now.microsecond) == (0, 0)


def test_settings_repr_hides_the_key():
    assert "secret-thing" not in repr(SandboxSettings(api_key="secret-thing"))
