from __future__ import annotations

import logging
from datetime import date, datetime, timezone
from typing import Any

import pytest

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeWindowError
from airflow_provider_braze.task.airflow import AirflowSkipException
from airflow_provider_braze.task.run_window import resolve_last_day, resolve_run_window

TICK = datetime(2026, 11, 20, 11, tzinfo=timezone.utc)
DAY = Window(date(2026, 11, 19), date(2026, 11, 20), "America/New_York", "interval")


@pytest.fixture(autouse=True)
def _all_levels(caplog):
    caplog.set_level(logging.INFO)


@pytest.fixture
def context(make_context):
    return make_context(
        run_type="scheduled",
        run_after=TICK,
        data_interval_start=datetime(2026, 11, 19, 11, tzinfo=timezone.utc),
        data_interval_end=TICK,
    )


def resolve(context: dict[str, Any], **given: Any) -> Window:
    arguments = {"timezone": None, "connection_timezone": "America/New_York", "start": None, "end": None}
    return resolve_run_window(context, **{**arguments, "lookback_days": 0, **given})


def test_resolve_run_window_logs_the_window_in_one_line(context, caplog):
    resolve(context, lookback_days=30)
    assert caplog.messages == [
        "Window: 31 days, 2026-10-20 to 2026-11-19 (America/New_York), 30 of them lookback; source: data interval"
    ]


@pytest.mark.parametrize("given", ["Asia/Seoul", None, "", "None"])
def test_resolve_run_window_argument_overrides_the_connection(context, given, caplog):
    zone = "Asia/Seoul" if given == "Asia/Seoul" else "America/New_York"
    assert resolve(context, timezone=given).timezone == zone
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


@pytest.mark.parametrize("given", [None, "", "None"])
def test_resolve_run_window_without_a_time_zone_warns(context, given, caplog):
    assert resolve(context, timezone=given, connection_timezone=None).timezone == "UTC"
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert "No company time zone is set: days are counted in UTC." in warnings[0]
    assert "Set `timezone` in the extra of the Braze connection" in warnings[1]
    assert max(map(len, warnings)) <= 140


@pytest.mark.parametrize("given", [{"timezone": "UTC"}, {"connection_timezone": "UTC"}])
def test_resolve_run_window_with_utc_set_does_not_warn(context, given, caplog):
    resolve(context, **given)
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


@pytest.mark.parametrize(("start", "end"), [("", ""), ("None", "None"), (None, "None"), ("", None)])
def test_resolve_run_window_of_dates_rendered_to_nothing_warns_and_uses_the_run(context, start, end, caplog):
    assert resolve(context, start=start, end=end) == DAY
    assert f"start and end rendered to nothing ({start!r}, {end!r}): landing the run's own days" in caplog.messages


def test_resolve_run_window_without_dates_does_not_mention_them(context, caplog):
    resolve(context)
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("lookback_days", [30, "auto"])
def test_resolve_run_window_logs_that_lookback_is_not_applied_to_given_dates(context, lookback_days, caplog):
    window = resolve(context, start="2026-10-01", end="2026-11-01", lookback_days=lookback_days)
    assert len(window) == 31
    expected = f"lookback_days={lookback_days!r} is not applied: start and end set the window"
    assert expected in caplog.messages


def test_resolve_run_window_logs_that_lookback_is_not_applied_to_backfills(context, caplog):
    context["dag_run"].run_type = "backfill"
    assert resolve(context, lookback_days=30) == DAY
    assert "lookback_days=30 is not applied: backfill runs land only their days" in caplog.messages


@pytest.mark.parametrize("lookback_days", [0, "auto", 30])
def test_resolve_run_window_does_not_mention_lookback_that_is_applied(context, lookback_days, caplog):
    resolve(context, lookback_days=lookback_days)
    assert len(caplog.messages) == 1


def test_resolve_run_window_without_an_ended_day_skips(make_context):
    context = make_context(
        run_type="scheduled",
        data_interval_start=datetime(2026, 11, 19, 11, tzinfo=timezone.utc),
        data_interval_end=datetime(2026, 11, 19, 12, tzinfo=timezone.utc),
    )
    with pytest.raises(AirflowSkipException, match="No day ended in this run's interval"):
        resolve(context)


def test_resolve_run_window_of_an_unfinished_day_raises(context):
    with pytest.raises(BrazeWindowError):
        resolve(context, start="2999-01-01", end="2999-01-03")


def test_resolve_run_window_of_equal_ends_of_an_empty_interval_names_the_cause(make_context):
    context = make_context(run_type="scheduled", data_interval_start=TICK, data_interval_end=TICK)
    with pytest.raises(BrazeConfigError, match="This run's data interval is empty") as caught:
        resolve(context, start=str(TICK), end=str(TICK))
    assert not isinstance(caught.value, BrazeWindowError)


def test_resolve_last_day_of_a_window_is_one_day_ended_or_not(context):
    arguments = {"timezone": None, "connection_timezone": "UTC", "start": "2999-01-01", "end": "2999-01-03"}
    assert resolve_last_day(context, **arguments) == Window(date(2999, 1, 2), date(2999, 1, 3))
