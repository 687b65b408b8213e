from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.windows import (
    RunDates,
    check_finished,
    describe,
    look_back,
    may_look_back,
    missing_days,
    resolve_window,
)
from airflow_provider_braze.core.zones import (
    end_of_day,
    load_timezone,
)
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeWindowError
from tests.zones import days, utc, zones

DAY = timedelta(days=1)


def a_run(run_type: str = "manual", **dates: object) -> RunDates:
    return RunDates(
        run_type=run_type,
        **{
            name: utc(value) if isinstance(value, str) and value[:2] == "20" else value for name, value in dates.items()
        },
    )


def an_interval(run_type: str, begins: str, ends: str, **dates: object) -> RunDates:
    logical_date = dates.pop("logical_date", begins)
    return a_run(run_type, logical_date=logical_date, data_interval_start=begins, data_interval_end=ends, **dates)


def text_of(window: Window) -> str:
    return f"{window.rule} {window.start:%m-%d} {window.end:%m-%d}"


# --- the measured dates of every kind of run -------------------------------------------------------------------------

NOW = "2026-11-20 23:30"

MEASURED = {
    # Airflow 3, default configuration; `previous_tick` is what read_run_dates adds.
    "3 @daily scheduled": (
        an_interval("scheduled", "2026-11-20", "2026-11-20", run_after="2026-11-20", previous_tick="2026-11-19"),
        "schedule 11-19 11-20",
    ),
    "3 cron 06:30 scheduled": (
        an_interval(
            "scheduled",
            "2026-11-20 06:30",
            "2026-11-20 06:30",
            run_after="2026-11-20 06:30",
            previous_tick="2026-11-19 06:30",
        ),
        "schedule 11-19 11-20",
    ),
    "3 @daily New_York scheduled": (
        an_interval(
            "scheduled",
            "2026-11-20 05:00",
            "2026-11-20 05:00",
            run_after="2026-11-20 05:00",
            previous_tick="2026-11-19 05:00",
        ),
        "schedule 11-19 11-20",
    ),
    "3 timedelta scheduled first": (
        an_interval(
            "scheduled",
            "2026-11-20 23:17",
            "2026-11-20 23:17",
            run_after="2026-11-20 23:17",
            previous_tick="2026-11-19 23:17",
        ),
        "schedule 11-19 11-20",
    ),
    "3 CronTrigger interval 1 day, and CronDataInterval, scheduled": (
        an_interval("scheduled", "2026-11-19", "2026-11-20", run_after="2026-11-20"),
        "interval 11-19 11-20",
    ),
    "3 CronPartition scheduled": (
        a_run(
            "scheduled",
            run_after="2026-11-20",
            partition_date="2026-11-20",
            partition_key="2026-11-20T00:00:00",
            schedule_timezone=timezone.utc,
            next_tick="2026-11-21",
        ),
        "partition 11-20 11-21",
    ),
    "3 @daily backfill": (
        an_interval("backfill", "2026-03-01", "2026-03-01", run_after="2026-03-01", previous_tick="2026-02-28"),
        "schedule 02-28 03-01",
    ),
    "3 CronDataInterval backfill": (
        an_interval("backfill", "2026-03-01", "2026-03-02", run_after="2026-03-02"),
        "interval 03-01 03-02",
    ),
    "3 REST null, CLI without date": (a_run("manual", run_after=NOW), "run_after 11-19 11-20"),
    "3 operator triggered without dates at all": (a_run("operator_triggered", run_after=NOW), "run_after 11-19 11-20"),
    "3 asset-triggered": (a_run("asset_triggered", run_after=NOW), "run_after 11-19 11-20"),
    "3 asset materialization": (a_run("asset_materialization", run_after=NOW), "run_after 11-19 11-20"),
    "3 REST logical date 11-13 13:37, empty": (
        an_interval("manual", "2026-11-13 13:37", "2026-11-13 13:37", run_after=NOW),
        "logical_date 11-12 11-13",
    ),
    "3 CronDataInterval REST logical date 11-12": (
        an_interval("manual", "2026-11-11", "2026-11-12", logical_date="2026-11-12", run_after=NOW),
        "interval 11-11 11-12",
    ),
    "3 CronDataInterval REST logical date 11-13 13:37": (
        an_interval("manual", "2026-11-12", "2026-11-13", logical_date="2026-11-13 13:37", run_after=NOW),
        "interval 11-12 11-13",
    ),
    "3 REST logical date and explicit interval": (
        an_interval("manual", "2026-11-14", "2026-11-15", run_after=NOW),
        "interval 11-14 11-15",
    ),
    "3 REST null and explicit interval": (a_run("manual", run_after=NOW), "run_after 11-19 11-20"),
    "3 CLI -l 2026-11-16, interval is now": (
        an_interval("manual", NOW, NOW, logical_date="2026-11-16", run_after=NOW),
        "logical_date 11-15 11-16",
    ),
    "3 None, TriggerDagRunOperator": (
        an_interval("operator_triggered", NOW, NOW, run_after=NOW),
        "logical_date 11-19 11-20",
    ),
    "3 CronDataInterval, TriggerDagRunOperator": (
        an_interval("operator_triggered", "2026-11-19", "2026-11-20", logical_date=NOW, run_after=NOW),
        "interval 11-19 11-20",
    ),
    "3 CronPartition REST with key": (
        a_run(
            "manual",
            run_after=NOW,
            partition_date="2026-09-03",
            partition_key="2026-09-03T00:00:00",
            schedule_timezone=timezone.utc,
            next_tick="2026-09-04",
        ),
        "partition 09-03 09-04",
    ),
    "3 dag.test() without date": (an_interval("manual", NOW, NOW, run_after=NOW), "logical_date 11-19 11-20"),
    "3 @daily dag.test(11-12)": (
        an_interval("manual", "2026-11-12", "2026-11-12", run_after=NOW),
        "logical_date 11-11 11-12",
    ),
    "3 CronDataInterval dag.test(11-12)": (
        an_interval("manual", "2026-11-11", "2026-11-12", logical_date="2026-11-12", run_after=NOW),
        "interval 11-11 11-12",
    ),
    # Airflow 3 with data intervals for cron strings; also Airflow 2.
    "3i @daily, timedelta, scheduled": (
        an_interval("scheduled", "2026-11-19", "2026-11-20", run_after="2026-11-20"),
        "interval 11-19 11-20",
    ),
    "3i cron 06:30 scheduled": (
        an_interval("scheduled", "2026-11-19 06:30", "2026-11-20 06:30", run_after="2026-11-20 06:30"),
        "interval 11-19 11-20",
    ),
    "3i @daily New_York scheduled": (
        an_interval("scheduled", "2026-11-19 05:00", "2026-11-20 05:00", run_after="2026-11-20 05:00"),
        "interval 11-19 11-20",
    ),
    "3i @daily backfill": (
        an_interval("backfill", "2026-03-01", "2026-03-02", run_after="2026-03-02"),
        "interval 03-01 03-02",
    ),
    "3i @daily REST logical date 11-12": (
        an_interval("manual", "2026-11-11", "2026-11-12", logical_date="2026-11-12", run_after=NOW),
        "interval 11-11 11-12",
    ),
    "3i cron 06:30 REST logical date 11-12": (
        an_interval("manual", "2026-11-10 06:30", "2026-11-11 06:30", logical_date="2026-11-12", run_after=NOW),
        "interval 11-10 11-11",
    ),
    "3i no dates": (a_run("manual", run_after=NOW), "run_after 11-19 11-20"),
    "2 @daily, CronDataInterval, timedelta, scheduled": (
        an_interval("scheduled", "2026-11-19", "2026-11-20"),
        "interval 11-19 11-20",
    ),
    "2 @daily backfill": (an_interval("backfill", "2026-03-01", "2026-03-02"), "interval 03-01 03-02"),
    "2 @daily CLI no date": (
        an_interval("manual", "2026-11-19", "2026-11-20", logical_date=NOW),
        "interval 11-19 11-20",
    ),
    "2 @daily CLI -e 11-12": (
        an_interval("manual", "2026-11-11", "2026-11-12", logical_date="2026-11-12"),
        "interval 11-11 11-12",
    ),
    "2 None CLI no date": (an_interval("manual", NOW, NOW), "logical_date 11-19 11-20"),
    "2 dataset-triggered": (
        an_interval("dataset_triggered", "2026-11-18 07:00", "2026-11-18 07:00", logical_date=NOW),
        "run_after 11-19 11-20",
    ),
    # Beyond the tables.
    "3 asset-triggered with an interval": (
        an_interval("asset_triggered", "2026-11-10", "2026-11-12", run_after=NOW),
        "run_after 11-19 11-20",
    ),
    "3 @weekly scheduled": (
        an_interval("scheduled", "2026-11-15", "2026-11-15", run_after="2026-11-15", previous_tick="2026-11-08"),
        "schedule 11-08 11-15",
    ),
    "3 weekdays scheduled on a Monday": (
        an_interval(
            "scheduled",
            "2026-11-16 06:00",
            "2026-11-16 06:00",
            run_after="2026-11-16 06:00",
            previous_tick="2026-11-13 06:00",
        ),
        "schedule 11-13 11-16",
    ),
    "3 custom timetable scheduled": (
        an_interval("scheduled", "2026-11-16 06:00", "2026-11-16 06:00", run_after="2026-11-16 06:00"),
        "logical_date 11-15 11-16",
    ),
    "3 manual run keeps to one day though a tick is known": (
        an_interval("manual", "2026-11-16", "2026-11-16", run_after=NOW, previous_tick="2026-11-13"),
        "logical_date 11-15 11-16",
    ),
    "3 logical date without interval": (
        a_run("scheduled", logical_date="2026-11-16", run_after=NOW),
        "logical_date 11-15 11-16",
    ),
    "3 interval without logical date": (
        a_run("manual", data_interval_start="2026-11-16", data_interval_end="2026-11-16", run_after=NOW),
        "logical_date 11-15 11-16",
    ),
}


@pytest.mark.parametrize(("run", "expected"), MEASURED.values(), ids=MEASURED)
def test_resolve_window_of_a_measured_run_returns_its_days(run, expected):
    window = resolve_window(run, timezone="UTC")
    assert text_of(window) == expected
    assert (window.timezone, window.lookback_days) == ("UTC", 0)


@pytest.mark.parametrize(
    ("timezone_name", "expected"),
    [("America/New_York", "schedule 11-18 11-19"), ("Asia/Seoul", "schedule 11-19 11-20")],
)
def test_resolve_window_company_zone_decides_which_day_has_ended(timezone_name, expected):
    run = an_interval("scheduled", "2026-11-20", "2026-11-20", previous_tick="2026-11-19")
    assert text_of(resolve_window(run, timezone=timezone_name)) == expected


def test_resolve_window_of_an_hour_without_end_of_day_is_empty_without_lookback():
    run = an_interval("scheduled", "2026-11-20 05:00", "2026-11-20 06:00")
    window = resolve_window(run, timezone="UTC", lookback_days=30)
    assert window == Window(date(2026, 11, 20), date(2026, 11, 20), rule="interval")
    assert window.is_empty


def test_resolve_window_of_a_run_without_any_date_raises():
    with pytest.raises(BrazeConfigError, match="The run has no date"):
        resolve_window(a_run("manual"), timezone="UTC")


def test_resolve_window_reversed_interval_raises():
    with pytest.raises(BrazeConfigError, match="reversed: 2026-11-20"):
        resolve_window(an_interval("manual", "2026-11-20", "2026-11-19"), timezone="UTC")


# --- partitions ------------------------------------------------------------------------------------------------------


def a_partition(at: str, zone: str | None, next_tick: str | None = None) -> RunDates:
    return a_run(
        "scheduled",
        run_after=NOW,
        partition_date=at,
        partition_key="any",
        schedule_timezone=load_timezone(zone) if zone else None,
        next_tick=next_tick,
    )


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (a_partition("2026-11-18 05:00", "America/New_York", "2026-11-19 05:00"), "partition 11-18 11-19"),
        (a_partition("2026-11-17 15:00", None), "partition 11-18 11-19"),  # the company's zone: Seoul
        (a_partition("2026-11-18", "UTC", "2026-11-18 06:00"), "partition 11-18 11-19"),
        (a_partition("2026-10-31 04:00", "America/Havana", "2026-11-01 05:00"), "partition 10-31 11-01"),
        (a_partition("2026-11-01 05:00", "America/Havana", "2026-11-02 05:00"), "partition 11-01 11-02"),
        (a_partition("2026-03-08 05:00", "America/Havana", "2026-03-09 04:00"), "partition 03-08 03-09"),
    ],
)
def test_resolve_window_of_a_partition_is_its_day_in_the_schedules_zone(run, expected):
    assert text_of(resolve_window(run, timezone="Asia/Seoul")) == expected


def test_resolve_window_partition_date_in_local_zone_with_two_midnights_is_its_day():
    second = datetime(2026, 11, 1, 0, 0, fold=1, tzinfo=load_timezone("America/Havana"))
    run = RunDates("scheduled", partition_date=second, schedule_timezone=load_timezone("America/Havana"))
    assert text_of(resolve_window(run, timezone="UTC")) == "partition 11-01 11-02"


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (a_partition("2026-11-18 06:00", "UTC"), "not midnight in UTC"),
        (a_partition("2026-11-18", None), "not midnight in Asia/Seoul"),
        (a_partition("2026-11-16", "UTC", "2026-11-23"), "longer than a day"),
        (a_partition("2026-11-16", "UTC", "2026-11-17 00:01"), "longer than a day"),
        (a_run("asset_triggered", run_after=NOW, partition_key="DE"), "partition key 'DE' but no partition date"),
    ],
)
def test_resolve_window_of_a_partition_that_is_not_a_day_raises_and_names_start_and_end(run, message):
    with pytest.raises(BrazeConfigError, match=message) as caught:
        resolve_window(run, timezone="Asia/Seoul")
    assert not isinstance(caught.value, BrazeWindowError)
    assert "start and end" in str(caught.value)


# --- arguments -------------------------------------------------------------------------------------------------------

SCHEDULED = an_interval("scheduled", "2026-11-19", "2026-11-20", run_after="2026-11-20")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-01-05", "2026-01-08", "01-05 01-08"),
        (" 2026-01-05\n", date(2026, 1, 8), "01-05 01-08"),
        (pendulum.date(2026, 1, 5), pendulum.datetime(2026, 1, 8, tz="Asia/Seoul"), "01-05 01-08"),
        (datetime(2026, 1, 5), datetime(2026, 1, 8), "01-05 01-08"),
        (datetime(2026, 1, 5, 0, 0, 1), "2026-01-07T23:59:59", "01-05 01-07"),
        ("2026-01-05 00:00:00+00:00", "2026-01-08 00:00:00+00:00", "01-05 01-08"),
        ("2026-01-04T15:00:00Z", "2026-01-07T15:00Z", "01-05 01-08"),
        ("2026-01-04T10:00:00.5-0500", "2026-01-07T10:00:00.123456-05:00", "01-05 01-08"),
        ("2026-01-05T00:00:00+09:00", "2026-01-08", "01-05 01-08"),
        ("2026-01-05", "2026-01-05 12:00:00", "01-05 01-05"),
        ("2026-01-05T09:00:00", "2026-01-05T12:00:00", "01-05 01-05"),
        ("0001-01-02", "9999-12-31", "01-02 12-31"),
    ],
)
def test_resolve_window_given_start_and_end_override_the_run(start, end, expected):
    window = resolve_window(SCHEDULED, timezone="Asia/Seoul", start=start, end=end, lookback_days=30)
    assert text_of(window) == f"arguments {expected}"
    assert window.lookback_days == 0
    assert (type(window.start), type(window.end)) == (date, date)


@pytest.mark.parametrize("value", [None, "", "None", " None "])
def test_resolve_window_arguments_rendered_to_nothing_count_as_omitted(value):
    assert resolve_window(SCHEDULED, timezone="UTC", start=value, end=value).rule == "interval"


@pytest.mark.parametrize(("start", "end", "name"), [("2026-01-05", "None", "end"), (None, "2026-01-05", "start")])
def test_resolve_window_only_one_argument_raises_naming_the_missing_one(start, end, name):
    with pytest.raises(BrazeConfigError, match=f"^`{name}` is missing: .*omit both") as caught:
        resolve_window(SCHEDULED, timezone="UTC", start=start, end=end)
    assert not isinstance(caught.value, BrazeWindowError)


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-01-06", "2026-01-05"), ("2026-01-05T12:00:00Z", "2026-01-05T11:00:00Z")],
)
def test_resolve_window_reversed_arguments_raise(start, end):
    with pytest.raises(BrazeConfigError, match=f"start='{start}' is after end='{end}'") as caught:
        resolve_window(SCHEDULED, timezone="UTC", start=start, end=end)
    assert not isinstance(caught.value, BrazeWindowError)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-05", "2026-01-05"),
        ("2026-01-05T12:00:00Z", "2026-01-05T12:00:00+00:00"),
        ("2026-01-05", "2026-01-05T00:00:00Z"),
    ],
)
def test_resolve_window_equal_arguments_raise(start, end):
    with pytest.raises(BrazeConfigError, match="are the same moment, and `end` is exclusive") as caught:
        resolve_window(SCHEDULED, timezone="UTC", start=start, end=end)
    assert not isinstance(caught.value, BrazeWindowError)
    assert "data interval" not in str(caught.value)


def test_resolve_window_equal_arguments_in_an_empty_data_interval_raise_with_the_remedy():
    run = an_interval("scheduled", "2026-11-20", "2026-11-20")
    tick = "2026-11-20T00:00:00+00:00"
    with pytest.raises(BrazeConfigError) as caught:
        resolve_window(run, timezone="UTC", start=tick, end=tick)
    assert "This run's data interval is empty" in str(caught.value)
    assert "Omit both to land the run's own days" in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "now",
        "2026",
        "2026-W05",
        "20260105",
        20260105,
        5,
        True,
        1767571200.0,
        "2026-1-5",
        "2026-02-30",
        "2026-01-05T25:00:00",
        "2026-01-05T00:00:00+25:00",
        "2026-01-05T00",
        "2026-01-05T00:00:00 UTC",
        "{{ ds }}",
        "\u0662\u0660\u0662\u0666-01-05",
        "0001-01-01",
        "0001-01-01T00:00:00+09:00",
        timedelta(days=1),
    ],
)
@pytest.mark.parametrize("name", ["start", "end"])
def test_resolve_window_unusable_argument_raises_naming_it_and_its_value(name, value):
    arguments = {"start": "2026-01-01", "end": "2026-03-01", name: value}
    with pytest.raises(BrazeConfigError) as caught:
        resolve_window(SCHEDULED, timezone="UTC", **arguments)
    assert not isinstance(caught.value, BrazeWindowError)
    assert f"{name}={value!r}" in str(caught.value)


@given(zone=zones, start=days, length=st.integers(1, 9))
def test_resolve_window_dates_equal_the_first_instants_of_those_dates(zone, start, length):
    end = start + timedelta(days=length)
    tz = load_timezone(zone)
    by_date = resolve_window(SCHEDULED, timezone=zone, start=start.isoformat(), end=end.isoformat())
    assert (by_date.start, by_date.end) == (start, end)
    if all(end_of_day(day - DAY, tz) < end_of_day(day, tz) for day in (start, end)):
        by_instant = resolve_window(
            SCHEDULED, timezone=zone, start=end_of_day(start - DAY, tz), end=end_of_day(end - DAY, tz).isoformat()
        )
        assert by_instant == by_date


# --- lookback --------------------------------------------------------------------------------------------------------


def test_resolve_window_lookback_moves_the_start_back_and_is_recorded():
    window = resolve_window(SCHEDULED, timezone="UTC", lookback_days=30)
    assert window == Window(date(2026, 10, 20), date(2026, 11, 20), rule="interval", lookback_days=30)


def test_resolve_window_backfill_ignores_lookback():
    run = an_interval("backfill", "2026-03-01", "2026-03-02")
    assert resolve_window(run, timezone="UTC", lookback_days=30) == Window(
        date(2026, 3, 1), date(2026, 3, 2), rule="interval"
    )


@pytest.mark.parametrize(
    ("run", "given", "may"),
    [
        (SCHEDULED, {}, True),
        (replace(SCHEDULED, run_type="manual"), {}, True),
        (replace(SCHEDULED, run_type="backfill"), {}, False),
        (SCHEDULED, {"start": "2026-11-01", "end": "2026-11-02"}, False),
        (replace(SCHEDULED, data_interval_end=SCHEDULED.data_interval_start + timedelta(hours=1)), {}, False),
    ],
)
def test_may_look_back_equals_whether_lookback_is_applied(run, given, may):
    own = resolve_window(run, timezone="UTC", **given)
    assert may_look_back(own, run) is may
    whole = resolve_window(run, timezone="UTC", lookback_days=30, **given)
    assert whole == (look_back(own, 30) if may else own)


def test_resolve_window_negative_lookback_raises_config_error():
    with pytest.raises(BrazeConfigError, match="`lookback_days` is -1"):
        resolve_window(SCHEDULED, timezone="UTC", lookback_days=-1)


# --- the guard, the log line, the proof ------------------------------------------------------------------------------

LAST = Window(date(2026, 11, 18), date(2026, 11, 20), timezone="America/New_York", rule="partition")


@pytest.mark.parametrize(
    ("now", "run_after"),
    [
        ("2026-11-20 04:55", None),
        ("2026-11-20 05:00", "2026-11-20 04:00"),
        ("2026-11-19 12:00", "2026-11-20 05:00"),  # the worker's clock is behind
    ],
)
def test_check_finished_of_an_ended_window_passes(now, run_after):
    check_finished(LAST, now=utc(now), run_after=utc(run_after) if run_after else None)


@pytest.mark.parametrize("run_after", [None, "2026-11-20 04:54:59", "2026-11-01"])
def test_check_finished_of_an_unfinished_last_day_raises_with_the_remedy(run_after):
    with pytest.raises(BrazeWindowError) as caught:
        check_finished(LAST, now=utc("2026-11-20 04:54:59"), run_after=utc(run_after) if run_after else None)
    for part in ("2026-11-19", "2026-11-20 05:00 UTC", "America/New_York", "partition date", "run_offset=-1"):
        assert part in str(caught.value)


@pytest.mark.parametrize("rule", ["arguments", "partition", "interval", "schedule", "logical_date", "run_after"])
def test_check_finished_has_text_and_remedy_for_every_rule(rule):
    with pytest.raises(BrazeWindowError, match=r"Source of the window: .+\. [A-Z].+\.$"):
        check_finished(Window(date(2026, 1, 1), date(2026, 1, 2), rule=rule), now=utc("2026-01-01"), run_after=None)


def test_check_finished_empty_window_passes():
    check_finished(Window(date(2030, 1, 1), date(2030, 1, 1)), now=utc("2026-01-01"), run_after=None)


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (
            Window(date(2026, 11, 18), date(2026, 11, 18), "America/New_York", "interval"),
            "0 days (America/New_York); source: data interval; the next day, 2026-11-18, ends at 2026-11-19 05:00 UTC",
        ),
        (
            Window(date(2026, 11, 18), date(2026, 11, 19), rule="logical_date"),
            "1 day, 2026-11-18 (UTC); source: logical date",
        ),
        (
            Window(date(2026, 10, 20), date(2026, 11, 20), "America/New_York", "schedule", lookback_days=30),
            "31 days, 2026-10-20 to 2026-11-19 (America/New_York), 30 of them lookback; source: schedule",
        ),
    ],
)
def test_describe_window_in_one_line(window, text):
    assert describe(window) == text


def test_missing_days_are_those_not_returned_oldest_first():
    window = Window(date(2026, 11, 1), date(2026, 11, 5))
    returned = [date(2026, 11, 4), date(2026, 11, 2), date(2026, 12, 1)]
    assert missing_days(window, returned) == [date(2026, 11, 1), date(2026, 11, 3)]
    assert missing_days(window, list(window)) == []


@pytest.mark.parametrize("name", ["EST", "Etc/GMT+5"])
def test_resolve_window_zone_that_is_not_a_place_raises(name):
    with pytest.raises(BrazeConfigError, match="is an abbreviation or an offset"):
        resolve_window(RunDates("manual"), timezone=name, start="2026-11-01", end="2026-11-02")


def test_resolve_window_normalizes_utc():
    assert resolve_window(RunDates("manual"), timezone="utc", start="2026-11-01", end="2026-11-02").timezone == "UTC"
