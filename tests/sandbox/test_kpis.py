from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from random import Random

import pytest

from airflow_provider_braze.sandbox.data import app_ids, kpi_value, segment_ids, session_count
from airflow_provider_braze.sandbox.endpoints import ENDPOINTS
from airflow_provider_braze.sandbox.kpis import METRICS
from airflow_provider_braze.sandbox.params import Rejected
from airflow_provider_braze.sandbox.settings import SandboxSettings

SETTINGS = SandboxSettings(as_of="2026-11-19T06:00:00Z")
MONDAY = date(2026, 11, 16)
APP = app_ids(SETTINGS)[0]
SEGMENT = segment_ids(SETTINGS)[0]
UNTRACKED = segment_ids(SETTINGS)[2]


def utc(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=timezone.utc)


def series(metric: str, settings: SandboxSettings = SETTINGS, **params: str) -> list[dict]:
    path = "/sessions/data_series" if metric == "sessions" else f"/kpi/{metric}/data_series"
    return ENDPOINTS[path](settings, {"length": "10", **params}, Random(0))["data"]


@pytest.mark.parametrize("app", [None, APP])
@pytest.mark.parametrize("metric", METRICS)
def test_kpi_series_sends_exactly_the_values(metric, app):
    days = [date(2026, 11, 19) - timedelta(days=back) for back in reversed(range(10))]
    values = {day: kpi_value(SETTINGS, metric, day, app) for day in days}
    assert series(metric, **({"app_id": app} if app else {})) == [
        {"time": day.isoformat(), metric: value} for day, value in values.items() if value is not None
    ]
    assert len([value for value in values.values() if value is None]) == (2 if metric == "mau" else 0)


@pytest.mark.parametrize("apps", [0, 2])
def test_kpi_value_mau_is_missing_before_its_time_with_any_number_of_apps(apps):
    today = datetime.combine(MONDAY, time(12), tzinfo=timezone.utc)
    assert kpi_value(replace(SETTINGS, apps=apps), "mau", MONDAY, as_of=today) is None


def test_kpi_value_mau_appears_at_a_fixed_time_of_the_next_day_and_stays():
    times = [utc(2026, 11, 17, 12, 4), utc(2026, 11, 17, 12, 5), utc(2027, 1, 1)]
    before, at, later = (kpi_value(SETTINGS, "mau", MONDAY, as_of=moment) for moment in times)
    assert before is None
    assert at == later > 0


def test_kpi_value_dau_grows():
    values = [kpi_value(SETTINGS, "dau", MONDAY, as_of=utc(2026, 11, day)) for day in (17, 18, 20, 30)]
    assert values[0] < values[1] < values[2] == values[3]


def test_kpi_value_new_users_may_decrease():
    values = [kpi_value(SETTINGS, "new_users", MONDAY, as_of=utc(2026, 11, day)) for day in (17, 22, 27, 30)]
    assert values[0] > values[1] > values[2] == values[3]


def test_kpi_value_uninstalls_are_final_after_the_day():
    values = [kpi_value(SETTINGS, "uninstalls", MONDAY, as_of=utc(2026, 11, day)) for day in (17, 30)]
    assert values[0] == values[1] > 0


@pytest.mark.parametrize("metric", METRICS)
def test_kpi_value_of_all_apps_is_less_than_their_sum(metric):
    each = [kpi_value(SETTINGS, metric, MONDAY, app) for app in app_ids(SETTINGS)]
    assert max(each) < kpi_value(SETTINGS, metric, MONDAY) < sum(each)


def test_kpi_value_today_is_partial_and_tomorrow_missing():
    today = date(2026, 11, 19)
    assert kpi_value(SETTINGS, "dau", today) < kpi_value(SETTINGS, "dau", today, as_of=utc(2026, 11, 20))
    assert kpi_value(SETTINGS, "dau", date(2026, 11, 20)) is None
    assert session_count(SETTINGS, date(2026, 11, 20)) is None


@pytest.mark.parametrize("metric", [*METRICS, "sessions"])
def test_series_unknown_app_is_rejected(metric):
    with pytest.raises(Rejected, match="app_id"):
        series(metric, app_id="unknown")


@pytest.mark.parametrize(
    "params", [{}, {"app_id": APP}, {"segment_id": SEGMENT}, {"app_id": APP, "segment_id": SEGMENT}]
)
def test_sessions_series_sends_exactly_the_counts(params):
    days = [date(2026, 11, 19) - timedelta(days=back) for back in reversed(range(10))]
    assert series("sessions", **params) == [
        {"time": day.isoformat(), "sessions": session_count(SETTINGS, day, **params)} for day in days
    ]


def test_session_count_grows_and_depends_on_app_and_segment():
    values = [session_count(SETTINGS, MONDAY, as_of=utc(2026, 11, day)) for day in (17, 18, 22, 30)]
    assert values[0] < values[1] < values[2] == values[3]
    parts = [session_count(SETTINGS, MONDAY, app, segment) for app in (None, APP) for segment in (None, SEGMENT)]
    assert len(set(parts)) == 4


def test_sessions_series_untracked_segment_is_rejected():
    with pytest.raises(Rejected, match="tracking"):
        series("sessions", segment_id=UNTRACKED)


def test_series_hours_are_not_served():
    with pytest.raises(Rejected, match="unit"):
        series("sessions", unit="hour")
    assert series("sessions", unit="day") == series("sessions")


@pytest.mark.parametrize("fault", ["bad_subjects", "missing_days"])
def test_faults_of_one_metric_do_not_affect_the_others(fault):
    faults = {"bad_subjects": {"dau": 500}, "missing_days": {"dau": ["2026-11-16"]}}[fault]
    settings = SETTINGS.merged({"faults": {fault: faults}})
    if fault == "bad_subjects":
        with pytest.raises(Rejected):
            series("dau", settings)
    else:
        assert len(series("dau", settings)) == 9
    assert len(series("new_users", settings)) == 10


def test_series_unknown_keys_are_added_and_the_figure_kept():
    day = series("dau", replace(SETTINGS, unknown_keys=True))[0]
    assert set(day) == {"time", "dau", "unknown_figure", "unknown_object"}


@pytest.mark.parametrize("fault", ["foreign_days", "double_days", "contradicting_days"])
def test_series_faults_of_days(fault):
    data = series("new_users", SETTINGS.merged({"faults": {fault: 1}}))
    assert len(data) == 11
    times = [day["time"] for day in data]
    assert (len(set(times)) == 11) == (fault == "foreign_days")
    assert (data[-1] in data[:-1]) == (fault == "double_days")


def test_series_of_zero_apps_has_no_users():
    without = replace(SETTINGS, apps=0)
    assert (app_ids(without), kpi_value(without, "dau", MONDAY)) == ([], 0)
