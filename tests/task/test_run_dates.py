from __future__ import annotations

import itertools
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from types import SimpleNamespace

import pendulum
import pytest
from airflow.timetables import interval as core_interval
from airflow.timetables import trigger as core_trigger
from airflow.timetables.base import DataInterval, TimeRestriction, Timetable
from airflow.timetables.events import EventsTimetable
from dateutil.relativedelta import relativedelta
from hypothesis import HealthCheck, given, reject
from hypothesis import strategies as st

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.windows import resolve_window
from airflow_provider_braze.core.zones import load_timezone
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.task.airflow import DAG, Asset
from airflow_provider_braze.task.run_dates import read_run_dates
from airflow_provider_braze.task.run_window import resolve_run_window
from tests.samples import examples
from tests.zones import ZONES, utc

try:
    from airflow.sdk.definitions.timetables import interval, trigger
except ImportError:  # Airflow 2
    interval, trigger = core_interval, core_trigger

CRONS = [
    "0 * * * *",
    "17 * * * *",
    "0 0 * * *",
    "30 6 * * *",
    "30 1 * * *",
    "0 0,12 * * *",
    "45 1-3 * * *",
    "5,35 */3 * * *",
    "0 0 * * 0",
    "0 6 * * 1-5",
    "0 0 1 * *",
    "15 0 1,31 */2 *",
]
DELTAS = [timedelta(minutes=90), timedelta(hours=7), timedelta(days=1), timedelta(days=3, hours=1), timedelta(weeks=1)]
CALENDAR_DELTAS = [relativedelta(days=1, hours=6), relativedelta(weeks=1)]
NOW = datetime(2026, 11, 20, 23, 30, tzinfo=timezone.utc)
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def a_dag(schedule: object) -> DAG:
    return DAG("a_dag", schedule=schedule, start_date=START, catchup=False, max_active_runs=1)


def a_context(
    schedule: object, run_type: object = "scheduled", run_after: datetime | None = NOW, **dates: object
) -> dict:
    partition = {name: dates.get(name) for name in ("partition_date", "partition_key")}
    dag_run = SimpleNamespace(run_type=run_type, run_after=run_after, **partition)
    return {"dag": a_dag(schedule), "dag_run": dag_run, **dates}


def at_tick(schedule: object, tick: datetime, run_type: object = "scheduled") -> dict:
    return a_context(
        schedule, run_type, run_after=tick, logical_date=tick, data_interval_start=tick, data_interval_end=tick
    )


def over(schedule: object, begins: str, ends: str, run_type: str = "scheduled", logical_date: str = "") -> dict:
    return a_context(
        schedule,
        run_type,
        logical_date=utc(logical_date or begins),
        data_interval_start=utc(begins),
        data_interval_end=utc(ends),
    )


def cron(expression: str, zone: str = "UTC", **options: object) -> object:
    return trigger.CronTriggerTimetable(expression, timezone=load_timezone(zone), **options)


def resolve(context: dict, **given: object) -> Window:
    arguments = dict.fromkeys(["timezone", "connection_timezone", "start", "end"])
    return resolve_run_window(context, **{**arguments, "lookback_days": 0, **given})


def window_of(context: dict, zone: str = "UTC") -> Window:
    return resolve_window(read_run_dates(context), timezone=zone)


# --- the measured runs, with Airflow's own timetables ----------------------------------------------------------------

MEASURED = {
    "@daily": (at_tick(cron("@daily"), utc("2026-11-20")), "schedule 11-19 11-20"),
    "06:30": (at_tick(cron("30 6 * * *"), utc("2026-11-20 06:30")), "schedule 11-19 11-20"),
    "@daily New_York": (at_tick(cron("@daily", "America/New_York"), utc("2026-11-20 05:00")), "schedule 11-19 11-20"),
    "timedelta": (
        at_tick(trigger.DeltaTriggerTimetable(timedelta(days=1)), utc("2026-11-20 23:17")),
        "schedule 11-19 11-20",
    ),
    "cron trigger with interval": (
        over(cron("@daily", interval=timedelta(days=1)), "2026-11-19", "2026-11-20"),
        "interval 11-19 11-20",
    ),
    "cron data interval": (
        over(interval.CronDataIntervalTimetable("@daily", pendulum.UTC), "2026-11-19", "2026-11-20"),
        "interval 11-19 11-20",
    ),
    "@daily backfill": (at_tick(cron("@daily"), utc("2026-03-01"), "backfill"), "schedule 02-28 03-01"),
    "no dates": (a_context(cron("@daily"), "manual"), "run_after 11-19 11-20"),
    "assets": (a_context([Asset("an_asset")], "asset_triggered"), "run_after 11-19 11-20"),
    "REST with a logical date": (
        at_tick(cron("@daily"), utc("2026-11-13 13:37"), "manual"),
        "logical_date 11-12 11-13",
    ),
    "CLI with a logical date": (
        over(cron("@daily"), "2026-11-20 23:30", "2026-11-20 23:30", "manual", logical_date="2026-11-16"),
        "logical_date 11-15 11-16",
    ),
    "no schedule, with dates": (at_tick(None, NOW, "operator_triggered"), "logical_date 11-19 11-20"),
    "Airflow 2 datasets": (
        a_context(
            None,
            "dataset_triggered",
            run_after=None,
            logical_date=NOW,
            data_interval_start=utc("2026-11-18"),
            data_interval_end=utc("2026-11-18"),
        ),
        "run_after 11-19 11-20",
    ),
    "@weekly": (at_tick(cron("@weekly"), utc("2026-11-15")), "schedule 11-08 11-15"),
    "@monthly": (at_tick(cron("@monthly"), utc("2026-03-01")), "schedule 02-01 03-01"),
    "@yearly": (at_tick(cron("0 0 1 1 *"), utc("2026-01-01")), "schedule 01-01 01-01"),
    "every four years": (at_tick(cron("0 0 29 2 *"), utc("2024-02-29")), "schedule 02-29 02-29"),
    "once in eight years": (at_tick(cron("0 0 29 2 *"), utc("2104-02-29")), "schedule 02-29 02-29"),
    "weekdays, Monday": (at_tick(cron("0 6 * * 1-5"), utc("2026-11-16 06:00")), "schedule 11-13 11-16"),
    "weekdays, Tuesday": (at_tick(cron("0 6 * * 1-5"), utc("2026-11-17 06:00")), "schedule 11-16 11-17"),
    "months": (
        at_tick(trigger.DeltaTriggerTimetable(relativedelta(months=1)), utc("2026-03-28")),
        "schedule 02-28 03-28",
    ),
    "events": (
        at_tick(EventsTimetable([pendulum.datetime(2026, 11, 3), pendulum.datetime(2026, 11, 6)]), utc("2026-11-06")),
        "schedule 11-03 11-06",
    ),
    "core class": (
        at_tick(core_trigger.CronTriggerTimetable("@weekly", timezone="UTC"), utc("2026-11-15")),
        "schedule 11-08 11-15",
    ),
    "core delta class": (
        at_tick(core_trigger.DeltaTriggerTimetable(timedelta(days=2)), utc("2026-11-15")),
        "schedule 11-13 11-15",
    ),
}


@pytest.mark.parametrize(("context", "expected"), MEASURED.values(), ids=MEASURED)
def test_read_run_dates_of_a_measured_run_returns_its_days(context, expected):
    window = window_of(context)
    assert f"{window.rule} {window.start:%m-%d} {window.end:%m-%d}" == expected


@pytest.mark.since_airflow("3.2")
def test_read_run_dates_of_assets_or_time_finds_the_tick_of_the_time():
    from airflow.sdk.definitions.timetables import assets

    schedule = assets.AssetOrTimeSchedule(timetable=cron("@weekly"), assets=[Asset("an_asset")])
    assert read_run_dates(at_tick(schedule, utc("2026-11-15"))).previous_tick == utc("2026-11-08")


@pytest.mark.since_airflow("3.0")
def test_read_run_dates_of_several_crons_finds_the_tick_of_any_of_them():
    schedule = trigger.MultipleCronTriggerTimetable("0 6 * * 1", "0 6 * * 4", timezone="UTC")
    assert read_run_dates(at_tick(schedule, utc("2026-11-16 06:00"))).previous_tick == utc("2026-11-12 06:00")


@pytest.mark.since_airflow("3.2")
@pytest.mark.parametrize(
    ("zone", "partition_date", "next_tick"),
    [
        ("UTC", "2026-11-20 00:00", "2026-11-21 00:00"),
        ("America/New_York", "2026-11-01 04:00", "2026-11-02 05:00"),
        ("America/Havana", "2026-11-01 05:00", "2026-11-02 05:00"),
    ],
)
@pytest.mark.parametrize("as_text", [True, False])
def test_read_run_dates_of_a_partition_returns_zone_and_next_tick(zone, partition_date, next_tick, as_text):
    schedule = trigger.CronPartitionTimetable("0 0 * * *", timezone=zone if as_text else load_timezone(zone))
    context = a_context(schedule, partition_date=utc(partition_date), partition_key="any")
    run = read_run_dates(context)
    assert (run.partition_key, run.next_tick) == ("any", utc(next_tick))
    assert run.schedule_timezone == load_timezone(zone)
    day = utc(partition_date).astimezone(load_timezone(zone)).date()
    assert window_of(context, "Asia/Seoul") == Window(day, day + timedelta(days=1), "Asia/Seoul", "partition")


@pytest.mark.since_airflow("3.2")
def test_read_run_dates_partition_known_only_to_the_run_is_read():
    context = a_context(trigger.CronPartitionTimetable("0 0 * * *", timezone="UTC"))
    context["dag_run"].partition_date, context["dag_run"].partition_key = utc("2026-11-18"), "k"
    run = read_run_dates(context)
    assert (run.partition_date, run.partition_key, run.next_tick) == (utc("2026-11-18"), "k", utc("2026-11-19"))


@pytest.mark.since_airflow("3.3")
@pytest.mark.parametrize("wrap", ["alone", "rollup", "fan out", "for one asset"])
@pytest.mark.parametrize(
    ("period", "begin", "following"),
    [
        ("Day", "2026-11-01 04:00", None),
        ("Week", "2026-10-26 04:00", "2026-11-02T00:00:00-05:00"),
        ("Month", "2026-11-01 04:00", "2026-12-01T00:00:00-05:00"),
        ("Year", "2026-01-01 05:00", "2027-01-01T00:00:00-05:00"),
    ],
)
def test_partition_of_assets_that_is_longer_than_a_day_is_rejected(wrap, period, begin, following):
    from airflow import sdk

    mapper = getattr(sdk, f"StartOf{period}Mapper")(timezone="America/New_York")
    if wrap == "rollup":
        mapper = sdk.RollupMapper(upstream_mapper=mapper, window=sdk.DayWindow())
    elif wrap == "fan out":
        year = sdk.StartOfYearMapper(timezone="America/New_York")
        mapper = sdk.FanOutMapper(upstream_mapper=year, downstream_mapper=mapper, window=sdk.YearWindow())
    asset = Asset("any")
    options = (
        {"partition_mapper_config": {asset: mapper}}
        if wrap == "for one asset"
        else {"default_partition_mapper": mapper}
    )
    context = a_context(sdk.PartitionedAssetTimetable(assets=asset, **options), partition_date=utc(begin))
    if following is None:
        assert window_of(context, "America/New_York").rule == "partition"
    else:
        with pytest.raises(BrazeConfigError, match=f"longer than a day: the next one begins at {following}"):
            window_of(context, "America/New_York")


def key_alone(key: str, zone: str, **options: object) -> dict:
    """Return the context of a partitioned run as in Airflow 3.2, where its run has no partition date."""
    schedule = trigger.CronPartitionTimetable("0 0 * * *", timezone=zone, run_offset=-1, **options)
    run = SimpleNamespace(run_type="scheduled", run_after=NOW, partition_key=key)
    return {"dag": a_dag(schedule), "dag_run": run, "partition_key": key}


@pytest.mark.since_airflow("3.2")
@pytest.mark.parametrize(
    ("key", "zone", "options"),
    [
        ("2026-11-18T00:00:00", "UTC", {}),
        ("2026-11-18T05:00:00", "America/New_York", {}),
        ("20261118", "UTC", {"key_format": "%Y%m%d"}),
    ],
)
def test_read_run_dates_key_without_a_date_is_read_in_utc(key, zone, options):
    assert window_of(key_alone(key, zone, **options), zone) == Window(
        date(2026, 11, 18), date(2026, 11, 19), zone, "partition"
    )


@pytest.mark.since_airflow("3.2")
def test_read_run_dates_of_a_key_of_another_format_has_no_date():
    assert read_run_dates(key_alone("north", "UTC")).partition_date is None


@pytest.mark.parametrize("needs", ["the tick before", "the tick after"])
def test_read_run_dates_worker_without_airflow_core_fails(needs, monkeypatch):
    # As on a worker that has only the Task SDK.
    monkeypatch.setitem(sys.modules, "airflow.timetables.base", None)
    context = at_tick(cron("0 6 * * 1"), utc("2026-11-16 06:00"))
    if needs == "the tick after":
        context = {**context, "data_interval_end": None, "partition_date": utc("2026-11-16")}
    with pytest.raises(BrazeConfigError, match="apache-airflow-core"):
        read_run_dates(context)


# --- ticks that cannot be found --------------------------------------------------------------------------------------


class Broken(Timetable):
    timezone = 5

    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        raise RuntimeError("no ticks today")


class Stuck(Broken):
    def next_dagrun_info(self, *, last_automated_data_interval, restriction):
        return SimpleNamespace(data_interval=DataInterval.exact(restriction.earliest))


UNKNOWN = {
    "broken": Broken(),
    "stuck": Stuck(),
    "once": "@once",
    "continuous": "@continuous",
    "none": None,
    "another schedule by now": cron("30 7 * * *"),
    "first event": EventsTimetable([pendulum.datetime(2026, 11, 20)]),
    "not a whole month": trigger.DeltaTriggerTimetable(relativedelta(months=1, day=31)),
}


@pytest.mark.parametrize("schedule", UNKNOWN.values(), ids=UNKNOWN)
def test_read_run_dates_unknown_tick_is_none_with_a_warning(schedule, caplog):
    tick = utc("2026-11-20")
    context = at_tick(schedule, tick)
    run = read_run_dates(context)
    assert run.previous_tick is None
    assert "Cannot find the tick before" in caplog.text
    assert resolve_window(run, timezone="UTC").rule == "logical_date"


@pytest.mark.parametrize("timetable", [Broken(), Stuck(), None])
def test_read_run_dates_partition_of_custom_timetable_has_no_zone_and_no_next_tick(timetable):
    context = a_context(None, partition_date=utc("2026-11-18"))
    context["dag"] = SimpleNamespace(timetable=timetable)
    run = read_run_dates(context)
    assert (run.schedule_timezone, run.next_tick) == (None, None)


@pytest.mark.parametrize("run_type", ["manual", "operator_triggered", "asset_triggered"])
def test_read_run_dates_run_without_a_tick_does_not_use_the_timetable(run_type, caplog):
    context = at_tick(Broken(), utc("2026-11-20"), run_type)
    assert read_run_dates(context).previous_tick is None
    assert caplog.text == ""


def test_read_run_dates_enumeration_of_run_types_is_read_as_text():
    run_type = Enum("RunType", {"BACKFILL": "backfill"}).BACKFILL
    run = read_run_dates(at_tick(cron("@daily"), utc("2026-11-20"), run_type))
    assert (run.run_type, run.previous_tick) == ("backfill", utc("2026-11-19"))


def test_read_run_dates_accepts_a_minimal_context_of_airflow_2():
    run = read_run_dates({"dag_run": SimpleNamespace(run_type="manual"), "logical_date": NOW})
    assert (run.run_type, run.run_after, run.logical_date, run.partition_key) == ("manual", None, NOW, None)


def test_read_run_dates_tick_in_a_local_zone_is_walked_in_utc():
    tick = pendulum.datetime(2026, 11, 2, tz="America/New_York")
    schedule = trigger.DeltaTriggerTimetable(timedelta(days=1))
    assert read_run_dates(at_tick(schedule, tick)).previous_tick == utc("2026-11-01 05:00")


def test_run_dates_import_loads_neither_airflow_nor_heavy_packages():
    code = (
        "import sys, airflow_provider_braze.task.run_dates;"
        "print({'airflow', 'requests', 'pyarrow', 'httpx', 'msgspec'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# --- windows of consecutive runs join --------------------------------------------------------------------------------


def changes_of_clocks(zone: str) -> list[datetime]:
    tz = load_timezone(zone)
    hours = [utc("2024-01-01") + timedelta(hours=6 * i) for i in range(4 * 366 * 2)]
    offsets = [hour.astimezone(tz).utcoffset() for hour in hours]
    return [b for b, before, after in zip(hours[1:], offsets, offsets[1:], strict=False) if before != after]


CHANGES = {zone: changes_of_clocks(zone) or [utc("2025-06-15")] for zone in ZONES}


@st.composite
def beginnings(draw) -> tuple[str, str, pendulum.DateTime]:
    schedule_zone, company_zone = draw(st.sampled_from(ZONES)), draw(st.sampled_from(ZONES))
    change = draw(st.sampled_from(CHANGES[schedule_zone] + CHANGES[company_zone]))
    before = timedelta(minutes=draw(st.one_of(st.integers(0, 60 * 30), st.integers(0, 60 * 24 * 40))))
    return schedule_zone, company_zone, pendulum.instance(change - before)


def chain(core: Timetable, earliest: datetime, length: int, last: DataInterval | None = None) -> list[DataInterval]:
    restriction, intervals = TimeRestriction(earliest, None, True), []
    for _ in range(length):
        last = core.next_dagrun_info(last_automated_data_interval=last, restriction=restriction).data_interval
        intervals.append(last)
    return intervals


def cron_intervals(expression: str, zone: str, earliest: datetime, length: int) -> list[DataInterval]:
    try:
        return chain(core_interval.CronDataIntervalTimetable(expression, load_timezone(zone)), earliest, length)
    except ValueError as error:  # Airflow 3.3 gives up on hourly intervals where clocks change by half an hour
        if "did not advance" not in str(error):
            raise
        reject()


def assert_ticks_join(schedule: object, ticks: list[datetime], company_zone: str) -> None:
    contexts = [at_tick(schedule, tick) for tick in ticks[1:]]
    assert [read_run_dates(context).previous_tick for context in contexts] == ticks[:-1]
    assert_join([window_of(context, company_zone) for context in contexts])


def assert_intervals_join(intervals: list[DataInterval], company_zone: str) -> None:
    assert_join(
        [
            window_of(
                a_context(None, logical_date=begins, data_interval_start=begins, data_interval_end=ends), company_zone
            )
            for begins, ends in intervals
        ]
    )


def assert_join(windows: list[Window]) -> None:
    assert all(a.end == b.start for a, b in itertools.pairwise(windows))
    assert all(a.start <= a.end for a in windows)
    assert {type(day) for a in windows for day in (a.start, a.end)} == {date}


slowly = examples(40, suppress_health_check=[HealthCheck.too_slow])


@slowly
@given(expression=st.sampled_from(CRONS), beginning=beginnings())
def test_windows_of_cron_ticks_join(expression, beginning):
    schedule_zone, company_zone, earliest = beginning
    tz = load_timezone(schedule_zone)
    core = core_trigger.CronTriggerTimetable(expression, timezone=tz)
    # The first ticks after an unusual start date differ from those of a Dag that has been running for long.
    ticks = [ends for _, ends in chain(core, earliest.subtract(days=3), 12)][4:]
    assert_ticks_join(cron(expression, schedule_zone), ticks, company_zone)


@slowly
@given(expression=st.sampled_from(CRONS), beginning=beginnings())
def test_windows_of_cron_data_intervals_join(expression, beginning):
    schedule_zone, company_zone, earliest = beginning
    assert_intervals_join(cron_intervals(expression, schedule_zone, earliest, 12), company_zone)


@slowly
@given(delta=st.sampled_from(DELTAS + CALENDAR_DELTAS), beginning=beginnings())
def test_windows_of_delta_ticks_join(delta, beginning):
    _, company_zone, earliest = beginning
    ticks = [ends for _, ends in chain(core_trigger.DeltaTriggerTimetable(delta), earliest, 8)]
    assert_ticks_join(trigger.DeltaTriggerTimetable(delta), ticks, company_zone)


MONTHS = [
    relativedelta(months=1),
    relativedelta(months=3),
    relativedelta(years=1),
    relativedelta(months=1, days=1),
    relativedelta(months=1, days=-1),
    relativedelta(months=1, hours=12),
]


@slowly
@given(
    delta=st.sampled_from(MONTHS),
    beginning=st.datetimes(datetime(2023, 1, 1), datetime(2024, 12, 31), timezones=st.just(timezone.utc)),
    company_zone=st.sampled_from(ZONES),
)
def test_windows_of_months_are_complete_and_overlap_by_at_most_three_days(delta, beginning, company_zone):
    ticks = [ends for _, ends in chain(core_trigger.DeltaTriggerTimetable(delta), pendulum.instance(beginning), 8)]
    schedule = trigger.DeltaTriggerTimetable(delta)
    windows = [window_of(at_tick(schedule, tick), company_zone) for tick in ticks]
    for before, after in itertools.pairwise(windows):
        assert timedelta(0) <= before.end - after.start <= timedelta(days=3)


@slowly
@given(delta=st.sampled_from(DELTAS + CALENDAR_DELTAS), beginning=beginnings())
def test_windows_of_delta_data_intervals_join(delta, beginning):
    _, company_zone, earliest = beginning
    assert_intervals_join(chain(core_interval.DeltaDataIntervalTimetable(delta), earliest, 12), company_zone)


# --- a Dag that goes from Airflow 2 to 3 -----------------------------------------------------------------------------


def on_2(expression: str, zone: str, interval_of_run: DataInterval) -> dict:
    begins, ends = interval_of_run
    schedule = core_interval.CronDataIntervalTimetable(expression, load_timezone(zone))
    return a_context(schedule, run_after=None, logical_date=begins, data_interval_start=begins, data_interval_end=ends)


def on_3_with_intervals(expression: str, zone: str, interval_of_run: DataInterval) -> dict:
    context = on_2(expression, zone, interval_of_run)
    context["dag_run"].run_after = interval_of_run.end
    return context


@pytest.mark.parametrize("company_zone", ["UTC", "America/New_York", "Asia/Seoul", "Pacific/Apia"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "America/Havana"])
def test_window_of_a_daily_run_is_the_same_on_both_lines(zone, company_zone):
    # In Havana, midnight of 2 November occurs twice.
    fires = [pendulum.datetime(2025, 11, day, tz=zone).in_timezone("UTC") for day in range(1, 8)]
    for before, fire in itertools.pairwise(fires):
        interval_of_run = DataInterval(before, fire)
        contexts = [
            on_2("@daily", zone, interval_of_run),
            on_3_with_intervals("@daily", zone, interval_of_run),
            at_tick(cron("@daily", zone), fire),
        ]
        arguments = {
            "timezone": company_zone,
            "connection_timezone": None,
            "start": None,
            "end": None,
            "lookback_days": 30,
        }
        windows = [resolve_run_window(context, **arguments) for context in contexts]
        last_days_end = fire.in_timezone(company_zone).date()
        assert {(window.start, window.end) for window in windows} == {(windows[0].start, last_days_end)}


@slowly
@given(expression=st.sampled_from(CRONS), beginning=beginnings(), runs_on_2=st.integers(1, 6))
def test_windows_join_at_an_upgrade_to_airflow_3(expression, beginning, runs_on_2):
    schedule_zone, company_zone, earliest = beginning
    intervals = cron_intervals(expression, schedule_zone, earliest, runs_on_2 + 2)[2:]
    core = core_trigger.CronTriggerTimetable(expression, timezone=load_timezone(schedule_zone))
    ticks = [ends for _, ends in chain(core, earliest, 4, last=intervals[-1])]
    contexts = [on_2(expression, schedule_zone, each) for each in intervals]
    contexts += [at_tick(cron(expression, schedule_zone), tick) for tick in ticks]
    assert_join([window_of(context, company_zone) for context in contexts])
