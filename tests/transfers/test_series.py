"""Whole runs of every series against the sandbox, on local files and on a real S3 server."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone

import pytest

from airflow_provider_braze.core import budget, endpoints
from airflow_provider_braze.exceptions import BrazeMissingDaysError, BrazePartialError
from airflow_provider_braze.sandbox import data, segments
from airflow_provider_braze.sandbox.events import NAMES
from airflow_provider_braze.task.airflow import AirflowFailException, AirflowSkipException
from airflow_provider_braze.task.metrics import landing_metrics
from airflow_provider_braze.transfers.braze_to_object_storage import (
    CampaignDataSeriesToObjectStorageOperator,
    CanvasDataSeriesToObjectStorageOperator,
    EventDataSeriesToObjectStorageOperator,
    KpiDataSeriesToObjectStorageOperator,
    PurchaseDataSeriesToObjectStorageOperator,
    SegmentDataSeriesToObjectStorageOperator,
    SendDataSeriesToObjectStorageOperator,
)

pytestmark = pytest.mark.any_store

LAST = date(2026, 11, 18)  # make_context's run is due on 19 November, 06:00 UTC
WEEK = [LAST - timedelta(days=back) for back in range(7)]
OPERATORS = {
    "canvases": CanvasDataSeriesToObjectStorageOperator,
    "kpis": KpiDataSeriesToObjectStorageOperator,
    "segments": SegmentDataSeriesToObjectStorageOperator,
    "events": EventDataSeriesToObjectStorageOperator,
    "purchases": PurchaseDataSeriesToObjectStorageOperator,
    "sends": SendDataSeriesToObjectStorageOperator,
}
# Metrics that Braze has as soon as the day has ended.
SETTLED = ("dau", "new_users", "uninstalls", "sessions")


@pytest.fixture
def land(braze_sandbox, destination, make_context):
    """Return a function that lands one series once. Its keyword arguments are the operator's."""
    # A stopped clock, because figures of the last 30 days grow by the minute.
    braze_sandbox.configure(as_of="2026-11-19T06:00:00Z")

    def run(series, context=None, **arguments):
        if series == "kpis":
            arguments = {"metrics": SETTLED, **arguments}
        if series == "sends":
            arguments = {"sends": sends_of(braze_sandbox.settings)[:2], **arguments}
        arguments = {
            "destination": destination.uri,
            "object_storage_conn_id": destination.conn_id,
            "lookback_days": 6,
            **arguments,
        }
        return OPERATORS[series](task_id="land", **arguments).execute(context or make_context())

    return run


def sends_of(settings):
    return [(id_, send) for id_ in data.campaign_ids(settings) for send in data.send_ids(settings, id_)]


def kpi(settings, metric, day):
    return data.session_count(settings, day) if metric == "sessions" else data.kpi_value(settings, metric, day)


EXPECTED = {
    "canvases": lambda settings: {
        (id_, day): data.canvas_day(settings, id_, day)["total_stats"].get("entries")
        for id_ in data.canvas_ids(settings)
        for day in WEEK
    },
    "kpis": lambda settings: {
        (metric, None, None, day): kpi(settings, metric, day) for metric in SETTLED for day in WEEK
    },
    "segments": lambda settings: {
        (id_, day): size
        for id_ in data.segment_ids(settings)
        for day in WEEK
        if (size := data.segment_size(settings, id_, day)) is not None
    },
    "events": lambda settings: {
        (name, None, None, day): data.event_count(settings, name, day)
        for name in data.event_names(settings)
        for day in WEEK
    },
    "purchases": lambda settings: {
        (metric, None, None, day): data.purchase_value(settings, metric, day)
        for metric in ("quantity", "revenue")
        for day in WEEK
    },
    "sends": lambda settings: {
        (*send, day): found["unique_recipients"]
        for send in sends_of(settings)[:2]
        for day in WEEK
        if (found := data.send_day(settings, *send, day))
    },
}
FIGURES = {"canvases": "entries", "segments": "size", "events": "count", "sends": "unique_recipients"}


def landed_in(destination, series):
    """Return the figure of each key and day of a series' day table."""
    declared = OPERATORS[series].series
    keys = (*declared.keys, "day")
    rows = destination.table(declared.day_table.name).to_pylist()
    found = {tuple(row[key] for key in keys): row[FIGURES.get(series, "value")] for row in rows}
    assert len(found) == len(rows)
    return found


def changed_between(before, after):
    return sorted(
        {name.split("/")[1].removeprefix("dt=") for name in after if "dt=" in name and after[name] != before.get(name)}
    )


@pytest.mark.parametrize("series", OPERATORS)
def test_run_lands_the_figures_of_braze_and_a_rerun_writes_no_object(series, land, braze_sandbox, destination):
    first = land(series)
    assert landed_in(destination, series) == EXPECTED[series](braze_sandbox.settings)
    before = destination.data()
    second = land(series)
    assert destination.data() == before
    assert (first["changed_days"], second["changed_days"]) == (7, 0)
    braze_sandbox.configure(row_order="shuffled")
    assert land(series)["changed_days"] == 0
    assert destination.data() == before


@pytest.mark.parametrize("series", ["canvases", "events"])
def test_restated_days_are_landed_again_and_reported(series, land, braze_sandbox, destination):
    land(series)
    before = destination.data()
    braze_sandbox.configure(as_of="2026-11-21T06:00:00Z")
    summary = land(series)
    assert landed_in(destination, series) == EXPECTED[series](braze_sandbox.settings)
    changed = changed_between(before, destination.data())
    assert changed
    assert summary["changed_days"] == len(changed)


@pytest.mark.parametrize("series", ["canvases", "events"])
def test_one_failing_subject_fails_alone_and_keeps_its_rows(series, land, braze_sandbox, destination):
    land(series)
    before = landed_in(destination, series)
    bad = min(before)[0]
    braze_sandbox.configure(as_of="2026-11-21T06:00:00Z", faults={"bad_subjects": {bad: 400}})
    # Braze lists it and rejects it, which contradicts itself.
    land(series)
    after, expected = landed_in(destination, series), EXPECTED[series](braze_sandbox.settings)
    assert {key: after[key] for key in after if key[0] == bad} == {key: before[key] for key in before if key[0] == bad}
    assert {key: after[key] for key in after if key[0] != bad} == {
        key: expected[key] for key in expected if key[0] != bad
    }


@pytest.mark.parametrize("series", ["canvases", "events"])
def test_given_failing_subject_fails_the_task_after_all_others_landed(series, land, braze_sandbox, destination):
    names = sorted({key[0] for key in EXPECTED[series](braze_sandbox.settings)})
    braze_sandbox.configure(faults={"bad_subjects": {names[0]: 400}})
    argument = {"canvases": "canvas_ids", "events": "events"}[series]
    with pytest.raises((BrazePartialError, AirflowFailException), match=r"1 (canvas|event) failed"):
        land(series, **{argument: names})
    assert {key[0] for key in landed_in(destination, series)} == set(names[1:])
    land(series, **{argument: names, "on_error": "skip"})


@pytest.mark.parametrize("series", ["canvases", "events"])
def test_all_parts_land_the_same_as_one_task(series, land, make_destination):
    lakes = [make_destination(), make_destination()]
    for part in range(3):
        land(series, destination=lakes[0].uri, parts=3, part=part)
    land(series, destination=lakes[1].uri)
    assert landed_in(lakes[0], series) == landed_in(lakes[1], series)


def test_all_series_share_one_destination(land, destination, make_context):
    CampaignDataSeriesToObjectStorageOperator(
        task_id="land",
        destination=destination.uri,
        object_storage_conn_id=destination.conn_id,
        lookback_days=0,
    ).execute(make_context())
    for series in OPERATORS:
        land(series, lookback_days=0)
    folders = {name.split("/")[0] for name in destination.contents()}
    tables = {table for operator in OPERATORS.values() for table in operator.series.default_tables}
    assert folders == {*tables, *CampaignDataSeriesToObjectStorageOperator.series.default_tables, "_braze"}
    assert {
        name.split("/")[1] for name in destination.contents() if name.startswith("_braze/") and name.count("/") > 1
    } == {
        "campaigns",
        *OPERATORS,
    }


def test_canvas_steps_and_messages_equal_those_of_braze(land, braze_sandbox, destination):
    land("canvases", lookback_days=0)
    settings = braze_sandbox.settings
    days = {id_: data.canvas_day(settings, id_, LAST) for id_ in data.canvas_ids(settings)}
    steps = {(id_, step): found for id_, day in days.items() for step, found in day["step_stats"].items()}
    rows = {(row["canvas_id"], row["step_id"]): row for row in destination.table("canvas_step_days").to_pylist()}
    assert {key: row["step_name"] for key, row in rows.items()} == {key: step["name"] for key, step in steps.items()}
    sent = sorted(
        (*key, channel, row.get("sent") or -1)
        for key, step in steps.items()
        for channel, found in (step.get("messages") or {}).items()
        for row in found
    )
    messages = destination.table("canvas_step_messages").to_pylist()
    assert sorted((row["canvas_id"], row["step_id"], row["channel"], row["sent"] or -1) for row in messages) == sent
    assert any(row["position"] or row["variation_name"] for row in messages)


def test_deleted_steps_keep_their_rows_in_the_lookback(land, braze_sandbox, destination):
    window = {"start": "2026-10-28", "end": "2026-10-31"}
    braze_sandbox.configure(as_of="2026-10-31T06:00:00Z")
    land("canvases", **window)
    before = {(row["canvas_id"], row["step_id"]) for row in destination.table("canvas_step_days").to_pylist()}
    braze_sandbox.configure(as_of="2026-11-19T06:00:00Z")
    summary = land("canvases", **window)
    assert summary["changed_days"]
    assert {(row["canvas_id"], row["step_id"]) for row in destination.table("canvas_step_days").to_pylist()} == before
    settings = braze_sandbox.settings
    now = {
        step
        for id_ in data.canvas_ids(settings)
        for step in data.canvas_day(settings, id_, LAST, with_deleted_steps=False)["step_stats"]
    }
    assert {step for _, step in before} - now


@pytest.mark.parametrize("days", [13, 14])
def test_workspace_that_rejects_14_days_per_request_lands_with_13(days, land, braze_sandbox, destination):
    braze_sandbox.configure(canvas_max_length=13, canvases=2)
    if days == 13:
        land("canvases", lookback_days=30, days_per_call=13)
        assert len(destination.table("canvas_days")) == 62
    else:
        with pytest.raises((BrazePartialError, AirflowFailException)):
            land("canvases", lookback_days=30)


@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_missing_permission_fails_only_its_metric(on_error, land, braze_sandbox, destination):
    metrics = (*SETTLED, "mau")
    window = {"start": "2026-11-10", "end": "2026-11-13"}
    land("kpis", metrics=metrics, **window)
    before = landed_in(destination, "kpis")
    braze_sandbox.configure(as_of="2026-11-21T06:00:00Z", missing_permissions=["kpi.mau.data_series"])
    if on_error == "skip":
        land("kpis", metrics=metrics, on_error="skip", **window)
    else:
        with pytest.raises(AirflowFailException, match=r"mau .*kpi\.mau\.data_series"):
            land("kpis", metrics=metrics, **window)
    after = landed_in(destination, "kpis")
    mau = {key for key in before if key[0] == "mau"}
    assert len(mau) == 3
    assert {key: after[key] for key in mau} == {key: before[key] for key in mau}
    days = [date(2026, 11, day) for day in (10, 11, 12)]
    assert {key: after[key] for key in after.keys() - mau} == {
        (metric, None, None, day): kpi(braze_sandbox.settings, metric, day) for metric in SETTLED for day in days
    }


@pytest.mark.stores("file")
def test_mau_that_is_not_computed_yet_is_landed_by_the_next_run(land, braze_sandbox, destination, make_context, caplog):
    # Here a day ends at 10:00 UTC, 26 hours before Braze computes its MAU: yesterday's is never available, and between
    # 10:00 and 12:30 neither is that of the day before.
    zone = "Pacific/Kiritimati"
    today = (datetime.now(timezone.utc) + timedelta(hours=14)).date()
    braze_sandbox.configure(timezone=zone, as_of=None)
    yesterday = today - timedelta(days=1)
    arguments = {"metrics": ["dau", "mau"], "timezone": zone, "missing_days": "fail"}
    with caplog.at_level("INFO"):
        run = make_context(run_after=datetime.now(timezone.utc))
        summary = land("kpis", context=run, lookback_days=3, **arguments)
    assert re.search(rf"Not computed by Braze yet: mau (\S+, )?{yesterday}\. The next run", caplog.text)
    subjects = destination.record(summary["record"])["subjects"]
    assert f"{yesterday}" in subjects["uncomputed_days"]["mau"]
    assert subjects["missing_days"] == {}
    landed = landed_in(destination, "kpis")
    assert ("dau", None, None, yesterday) in landed
    assert ("mau", None, None, today - timedelta(days=3)) in landed
    assert ("mau", None, None, yesterday) not in landed
    # No later run requests these days.
    with pytest.raises(BrazeMissingDaysError, match=f"mau .*{yesterday}.* when Braze has computed them"):
        land("kpis", start=today - timedelta(days=4), end=today, **arguments)


@pytest.mark.stores("file")
def test_missing_day_of_a_workspace_total_is_an_error(land, braze_sandbox, destination):
    braze_sandbox.configure(faults={"missing_days": {"mau": ["2026-11-11"]}})
    window = {"start": "2026-11-09", "end": "2026-11-13", "metrics": ["dau", "mau"]}
    with pytest.raises(BrazeMissingDaysError, match="whole workspace are missing: mau 2026-11-11"):
        land("kpis", **window)
    # All other values landed.
    assert {key[-1].day for key in landed_in(destination, "kpis") if key[0] == "mau"} == {9, 10, 12}
    land("kpis", missing_days="ignore", **window)


@pytest.mark.stores("file")
def test_day_without_purchases_is_a_warning(land, braze_sandbox, caplog):
    # It is not documented whether Braze returns days without purchases.
    braze_sandbox.configure(faults={"missing_days": {"revenue": ["2026-11-11"]}})
    window = {"start": "2026-11-09", "end": "2026-11-13", "metrics": ["quantity", "revenue"]}
    land("purchases", **window)
    assert "Days are missing for 1 metric: revenue 2026-11-11" in caplog.messages
    with pytest.raises(BrazeMissingDaysError):
        land("purchases", missing_days="fail", **window)


@pytest.mark.stores("file")
def test_days_that_no_event_returns_are_missing(land, braze_sandbox):
    names = data.event_names(braze_sandbox.settings)[:2]
    window = {"start": "2026-11-09", "end": "2026-11-12", "events": names, "missing_days": "fail"}
    braze_sandbox.configure(faults={"missing_days": {"*": ["2026-11-09", "2026-11-10", "2026-11-11"]}})
    with pytest.raises(BrazeMissingDaysError, match="Days are missing for 2 events"):
        land("events", **window)


@pytest.mark.stores("file")
@pytest.mark.parametrize("series", ["canvases", "events"])
def test_landed_first_days_are_missing_when_no_subject_returns_them(series, land, braze_sandbox, destination):
    land(series)
    landed = landed_in(destination, series)
    lost = [f"{day}" for day in WEEK[3:]]
    braze_sandbox.configure(faults={"missing_days": {"*": lost}})
    with pytest.raises(BrazeMissingDaysError, match=min(lost)):
        land(series, missing_days="fail")
    assert landed_in(destination, series) == landed
    # Where nothing had landed, the subjects may have started later.
    braze_sandbox.configure(faults={"missing_days": {"*": ["2026-11-09", "2026-11-10"]}})
    land(series, start="2026-11-09", end="2026-11-15", missing_days="fail")


@pytest.mark.stores("file")
def test_sends_that_braze_no_longer_keeps_are_not_an_error(land, braze_sandbox, caplog):
    braze_sandbox.configure(campaigns=60)
    sends = sends_of(braze_sandbox.settings)[:12]
    assert len(sends) == 12
    braze_sandbox.configure(faults={"missing_days": {"*": ["2026-11-09", "2026-11-10"]}})
    with caplog.at_level("INFO"):
        land("sends", sends=sends, start="2026-11-09", end="2026-11-11", missing_days="fail")
    assert "No data, or no longer any, for 12 sends" in caplog.messages


@pytest.mark.stores("file")
def test_wrong_app_of_listed_events_is_an_error(land):
    with pytest.raises(AirflowFailException, match=r"BrazePartialError: 20 events failed, .* app_id=typo"):
        land("events", app_ids=[None, "typo"], lookback_days=0)


@pytest.mark.stores("file")
def test_only_tracked_segments_are_requested_and_late_tracking_is_not_missing(land, braze_sandbox, destination):
    settings = braze_sandbox.settings
    entries = [data.segment_entry(settings, number) for number in range(settings.segments)]
    tracked = [entry["id"] for entry in entries if entry["analytics_tracking_enabled"]]
    land("segments", lookback_days=12, missing_days="fail")
    assert braze_sandbox.count("/segments/data_series") == len(tracked) == 6
    by_segment = {}
    for id_, day in landed_in(destination, "segments"):
        by_segment.setdefault(id_, []).append(day)
    assert {id_: min(days) for id_, days in by_segment.items()}[tracked[-1]] == date(2026, 11, 12)
    assert len(destination.table("segments")) == 8


@pytest.mark.stores("file")
@pytest.mark.parametrize(
    ("series", "nothing"), [("canvases", "no canvases"), ("segments", "no segments with `analytics_tracking_enabled`")]
)
def test_empty_list_lands_nothing_with_a_warning(series, nothing, land, braze_sandbox, monkeypatch, caplog):
    complete = segments._entry
    monkeypatch.setattr(segments, "_entry", lambda each: {**complete(each), "analytics_tracking_enabled": False})
    braze_sandbox.configure(canvases=0)
    land(series, lookback_days=0)
    warning = f"Braze lists {nothing}, so no days land. If the workspace has some, check that the API key"
    assert warning in caplog.text
    caplog.clear()
    braze_sandbox.configure(canvases=1)
    land("canvases", lookback_days=0)
    assert warning not in caplog.text


@pytest.mark.stores("file")
@pytest.mark.parametrize("flag", [{}, {"analytics_tracking_enabled": "true"}, {"analytics_tracking_enabled": None}])
def test_segments_listed_without_their_flag_are_fetched_with_a_warning(
    flag, land, braze_sandbox, destination, monkeypatch, caplog
):
    complete = segments._entry

    def entry(segment):
        found = complete(segment)
        if segment.tracked_since is None:
            return found
        return {key: found[key] for key in ("id", "name")} | flag

    monkeypatch.setattr(segments, "_entry", entry)
    land("segments", lookback_days=0, missing_days="fail")
    assert "6 segments without a true or false `analytics_tracking_enabled`" in caplog.text
    assert len(landed_in(destination, "segments")) == braze_sandbox.count("/segments/data_series") == 6


@pytest.mark.stores("file")
def test_event_names_are_unchanged_keys_and_use_the_default_rate_limit(land, braze_sandbox, destination):
    land("events", lookback_days=0)
    assert (
        {key[0] for key in landed_in(destination, "events")}
        == set(data.event_names(braze_sandbox.settings))
        >= set(NAMES)
    )
    assert destination.table("events").column("event_name").to_pylist() == sorted(
        data.event_names(braze_sandbox.settings)
    )
    # The list is read twice, to an empty page.
    assert braze_sandbox.count("/events/list") == 4
    assert braze_sandbox.count("/events/data_series") == 20


@pytest.mark.stores("file")
@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize(
    ("series", "argument"),
    [("events", "app_ids"), ("kpis", "app_ids"), ("purchases", "app_ids"), ("purchases", "products")],
)
def test_empty_list_skips_the_task_before_any_request(series, argument, text, land, braze_sandbox, destination):
    with pytest.raises(AirflowSkipException, match=f"^`{argument}` is an empty list"):
        land(series, missing_days="fail", **{argument: "[]" if text else []})
    assert braze_sandbox.count() == 0


@pytest.mark.stores("file")
def test_segments_without_sessions_are_rejected(land):
    with pytest.raises(AirflowFailException, match=r"`segment_ids` is \['s'\], but only 'sessions'"):
        land("kpis", metrics=["dau"], segment_ids=["s"])


@pytest.mark.stores("file")
def test_products_land_on_request_and_the_plan_has_the_hours(land, braze_sandbox, destination, caplog):
    with caplog.at_level("INFO"):
        land("purchases", products=data.product_ids(braze_sandbox.settings), lookback_days=0)
    assert len(landed_in(destination, "purchases")) == 24
    assert "Rate limit: 2.4% of an hour's requests" in caplog.text
    assert braze_sandbox.count("/purchases/product_list") == 0
    caplog.clear()
    plan = land("purchases", products=[f"p{number}" for number in range(750)], dry_run=True)
    assert plan["rate_limit_hours"] == 1.5
    assert plan["expected_minutes"] >= 60


@pytest.mark.stores("file")
def test_purchases_wait_for_the_next_hour_of_their_rate_limit(land, braze_sandbox, destination):
    braze_sandbox.configure(rate_limits={"events": {"requests": 10, "seconds": 2}})
    land("purchases", products=data.product_ids(braze_sandbox.settings), lookback_days=0)
    assert len(landed_in(destination, "purchases")) == 24


@pytest.mark.stores("file")
@pytest.mark.parametrize("parts", [1, 3])
def test_purchases_wait_for_all_hours_of_their_plan(parts, land, braze_sandbox, destination, monkeypatch):
    braze_sandbox.configure(rate_limits={"events": {"requests": 8, "seconds": 1}})
    monkeypatch.setattr(endpoints, "_PER_HOUR", {"events": 8})
    # Without a plan, no request may wait.
    rules = budget.Bucket(reset_seconds=1.0, request_wait_seconds=60.0, task_wait_seconds=0.0)
    monkeypatch.setattr(budget, "_BUCKETS", {"events": rules})
    products = data.product_ids(braze_sandbox.settings)
    assert land("purchases", products=products, dry_run=True)["rate_limit_hours"] == 3.0
    for part in range(parts):
        own = {"parts": parts, "part": part} if parts > 1 else {}
        land("purchases", products=products, lookback_days=0, **own)
    assert len(landed_in(destination, "purchases")) == 24


@pytest.mark.stores("file")
def test_landed_days_of_a_send_stay_after_braze_drops_them(land, braze_sandbox, destination):
    window = {"start": "2026-11-08", "end": "2026-11-15"}
    land("sends", **window)
    before = landed_in(destination, "sends")
    assert {key[-1].day for key in before} == set(range(8, 15))
    braze_sandbox.configure(as_of="2026-11-25T06:00:00Z")
    land("sends", **window)
    assert landed_in(destination, "sends").keys() == before.keys()
    assert {key[-1].day for key in before if data.send_day(braze_sandbox.settings, *key) is None} == {8, 9, 10, 11}


@pytest.mark.stores("file")
@pytest.mark.parametrize("series", OPERATORS)
def test_lineage_and_metrics_name_the_series(series, land, destination, make_context, braze_sandbox):
    declared = OPERATORS[series].series
    summary = land(series, lookback_days=0)
    figures = landing_metrics(destination.record(summary["record"]))
    assert figures[f"{series}.landed"] > 0
    assert figures[f"rows.{declared.day_table.name}"] > 0
    arguments = {"sends": sends_of(braze_sandbox.settings)[:2]} if series == "sends" else {}
    lineage = OPERATORS[series](
        task_id="land", destination=destination.uri, **arguments
    ).get_openlineage_facets_on_start()
    details = declared.details.endpoint.path if declared.details else ""
    assert {dataset.name for dataset in lineage.inputs} == {each.path for each in declared.endpoints} - {details}
    assert {dataset.name.split("/")[-1] for dataset in lineage.outputs} == set(declared.default_tables)
