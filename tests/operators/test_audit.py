"""The audit finds changes in Braze beyond the lookback, with age and figure, and reports nothing without changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_braze.exceptions import BrazeConfigError, BrazeDataError, BrazePartialError
from airflow_provider_braze.landing.journal import changed_days
from airflow_provider_braze.operators.braze import CampaignDataSeriesAuditOperator, CanvasDataSeriesAuditOperator
from airflow_provider_braze.sandbox.data import campaign_ids, canvas_ids, day_object
from airflow_provider_braze.task.airflow import AirflowFailException, Asset
from airflow_provider_braze.transfers.braze_to_object_storage import (
    CampaignDataSeriesToObjectStorageOperator,
    CanvasDataSeriesToObjectStorageOperator,
)
from tests.coverage.evidence import past_try
from tests.lines import OutletEvents

pytestmark = pytest.mark.timeout(120)

RUN_AFTER = datetime(2026, 11, 19, 6, tzinfo=timezone.utc)
LAST_DAY = date(2026, 11, 18)
SERIES = "/campaigns/data_series"


def day_of_age(age: int) -> date:
    return LAST_DAY - timedelta(days=age)


@pytest.fixture
def lake(braze, tmp_path) -> Path:
    braze.configure(campaigns=6, as_of=RUN_AFTER.isoformat())
    return tmp_path / "lake"


@pytest.fixture
def ids(braze, lake) -> list[str]:
    return campaign_ids(braze.settings)


@pytest.fixture
def land(lake, make_context) -> Callable[..., None]:
    """Return a function that lands the days that an audit compares, and some of the lookback."""

    def run(**arguments: Any) -> None:
        window = {"start": str(day_of_age(50)), "end": str(day_of_age(25))}
        operator = CampaignDataSeriesToObjectStorageOperator(
            task_id="land", destination=f"file://{lake}", **{**window, **arguments}
        )
        operator.execute(make_context(run_after=RUN_AFTER))

    return run


@pytest.fixture
def audit(lake, make_context) -> Callable[..., dict[str, Any]]:
    def run(ti: Any = None, outlet_events: Any = None, **arguments: Any) -> dict[str, Any]:
        others = {"outlet_events": outlet_events} | ({"ti": ti} if ti else {})
        operator = CampaignDataSeriesAuditOperator(task_id="audit", destination=f"file://{lake}", **arguments)
        return operator.execute(make_context(run_after=RUN_AFTER) | others)

    return run


def rewrite(lake: Path, table: str, age: int, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    """Change the rows of a landed object directly."""
    for path in (lake / f"{table}/dt={day_of_age(age)}").iterdir():
        rows = pq.read_table(path, partitioning=None)
        changed = [row for row in map(change, rows.to_pylist()) if row is not None]
        if changed != rows.to_pylist():
            pq.write_table(pa.Table.from_pylist(changed, schema=rows.schema), path)


def less(campaign_id: str, figure: str, by: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {**row, figure: (row[figure] or 0) - by} if row["campaign_id"] == campaign_id else row


def more(figure: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {**row, figure: (row[figure] or 0) + 1}


def test_no_change_is_found_in_unchanged_days(land, audit, braze):
    land()
    braze.reset_requests()
    result = audit()
    # Ages 31 to 50 of 6 campaigns, with one call for each.
    assert (result["compared"], result["changed"], result["figures"]) == (120, 0, {})
    assert result["verdict"] == "nothing older than 30 days changed; 120 campaign days compared"
    assert result["window"] == {"start": str(day_of_age(99)), "end": str(day_of_age(30))}
    assert braze.count(SERIES) == braze.count() == 6
    assert result["healed"] == {"changed_days": [], "records": []}


def test_unchanged_days_have_advice_from_the_records_of_the_lookback(land, audit, lake):
    land()
    assert audit()["advice"].startswith("Too few runs to judge the lookback of 30 days")
    for number in range(7):
        ages = {
            str(age): {"rows": 6, "changed": int(age <= 5), "figures": {"conversions": [100, 101 if age <= 5 else 100]}}
            for age in range(1, 31)
        }
        record = {**past_try(day_of_age(number), 30, restatement=ages).record, "settled": []}
        name = f"202611{19 - number}T060000000000-00-00000000-00000000-{number:012x}.json"
        (lake / "_braze/campaigns/journal" / name).write_text(json.dumps(record))
    assert audit()["advice"] == "Nothing older than 5 days changed notably. lookback_days=8 would do."


def test_changed_day_is_found_with_its_age_and_figure(land, audit, lake, ids):
    land()
    rewrite(lake, "campaign_days", 40, less(ids[0], "conversions_by_send_time", 2))
    rewrite(lake, "campaign_days", 33, less(ids[1], "conversions_by_send_time", 1))
    result = audit()
    (name, figure), *others = result["figures"].items()
    assert (name, others) == ("campaign_days.conversions_by_send_time", [])
    assert figure["rows_by_age"] == {"33": 1, "40": 1}
    assert figure["returned"] - figure["landed"] == 3
    assert result["advice"] is None
    assert (result["changed"], result["changed_share"]) == (2, round(2 / 120, 6))
    assert result["verdict"].startswith("days older than 30 still change: ")
    assert result["verdict"].endswith("of conversions_by_send_time at age 33 to 40; set lookback_days=45")
    assert json.loads(json.dumps(result)) == result


def test_ages_equal_those_of_the_sandboxs_restatement(land, audit, braze):
    figure = "conversions_by_send_time"
    early = braze.configure(as_of="2026-11-09T06:00:00+00:00")
    land(start="2026-10-20", end="2026-11-09")
    late = braze.configure(as_of=RUN_AFTER.isoformat())
    result = audit(lookback_days=9, days_beyond_lookback=21)

    def figures(settings: Any, age: int) -> list[Any]:
        return [day_object(settings, each, day_of_age(age)).get(figure) for each in campaign_ids(settings)]

    def changed(age: int) -> int:
        return sum(old != new for old, new in zip(figures(early, age), figures(late, age), strict=True))

    # Ages 10 to 29 are the days that landed ten days ago.
    expected = {str(age): changed(age) for age in range(10, 30) if changed(age)}
    assert result["figures"][f"campaign_days.{figure}"]["rows_by_age"] == expected
    assert len(expected) > 3
    assert audit(lookback_days=9, days_beyond_lookback=21, heal=True)["changed"] == result["changed"]
    assert audit(lookback_days=9, days_beyond_lookback=21)["changed"] == 0


def test_days_of_the_lookback_are_not_compared(land, audit, lake, ids):
    land()
    rewrite(lake, "campaign_days", 30, less(ids[0], "conversions", 1))
    assert audit()["changed"] == 0
    assert audit(lookback_days=29)["figures"]["campaign_days.conversions"]["rows_by_age"] == {"30": 1}


def test_changed_message_is_found(land, audit, lake, ids):
    land()
    rewrite(lake, "campaign_messages", 35, less(ids[2], "sent", 1))
    result = audit()
    assert list(result["figures"]) == ["campaign_messages.sent"]
    assert result["changed"] == 1


def test_missing_message_is_found_and_null_differs_from_zero(land, audit, lake, ids):
    land()
    rewrite(lake, "campaign_messages", 35, lambda row: None if row["campaign_id"] == ids[2] else row)
    rewrite(lake, "campaign_days", 36, lambda row: {**row, "unique_recipients": row["unique_recipients"] or None})
    rows = audit()["figures"]["campaign_messages.sent"]["rows_by_age"]
    assert rows.keys() == {"35"}


def without_column(lake: Path, age: int, column: str) -> None:
    """Give a day's messages the form of a version that kept a key in ``other``, which has a column now."""
    for path in (lake / f"campaign_messages/dt={day_of_age(age)}").iterdir():
        rows = pq.read_table(path, partitioning=None)
        older = []
        for row in rows.to_pylist():
            other = {column: row.pop(column), **json.loads(row["other"] or "{}")}
            left = {key: value for key, value in other.items() if value is not None}
            older.append({**row, "other": json.dumps(left) if left else None})
        schema = pa.schema([each for each in rows.schema if each.name != column])
        pq.write_table(pa.Table.from_pylist(older, schema=schema), path)


def test_column_that_older_objects_lack_has_not_changed_and_the_others_are_compared(land, audit, lake, ids):
    land()
    for age in (35, 40):
        without_column(lake, age, "sent")
    assert audit()["figures"] == {}
    rewrite(lake, "campaign_messages", 40, less(ids[2], "delivered", 1))
    result = audit()
    assert list(result["figures"]) == ["campaign_messages.delivered"]
    assert result["figures"]["campaign_messages.delivered"]["rows_by_age"].keys() == {"40"}


@pytest.mark.parametrize("parts", [1, 3])
def test_heal_lands_different_days_and_the_journal_reports_them(land, audit, lake, ids, parts):
    for part in range(parts):
        land(parts=parts, part=part)
    landed = {path: path.read_bytes() for path in lake.glob("campaign_*/dt=*/*")}
    _, cursor = changed_days(f"file://{lake}")
    for age, campaign_id in ((33, ids[0]), (40, ids[1])):
        rewrite(lake, "campaign_days", age, less(campaign_id, "conversions", 1))
    asset = Asset("lake")
    event = SimpleNamespace(extra={})
    healed = audit(heal=True, outlets=[asset], outlet_events=OutletEvents(asset, event))["healed"]
    expected = [str(day_of_age(40)), str(day_of_age(33))]
    assert changed_days(f"file://{lake}", cursor).days == expected == healed["changed_days"]
    assert event.extra["changed_days"] == expected
    assert {path: path.read_bytes() for path in lake.glob("campaign_*/dt=*/*")} == landed
    assert audit()["changed"] == 0


def test_heal_lands_only_where_something_has_landed(audit, lake, ids, make_context):
    def land(start, end, **arguments):
        operator = CampaignDataSeriesToObjectStorageOperator(
            task_id="land", destination=f"file://{lake}", start=str(start), end=str(end), **arguments
        )
        operator.execute(make_context(run_after=RUN_AFTER))

    every = ["campaign_days", "campaign_messages", "campaign_raw"]
    land(day_of_age(50), day_of_age(45), tables=every)
    land(day_of_age(40), day_of_age(35), tables=["campaign_days"])
    landed = {path: path.read_bytes() for path in lake.glob("campaign_*/dt=*/*")}
    for age in (47, 38):
        rewrite(lake, "campaign_days", age, less(ids[0], "conversions", 1))
    rewrite(lake, "campaign_raw", 47, lambda row: {**row, "payload": "{}"} if row["campaign_id"] == ids[0] else row)
    healed = audit(heal=True)["healed"]
    assert healed["changed_days"] == [str(day_of_age(47)), str(day_of_age(38))]
    assert {path: path.read_bytes() for path in lake.glob("campaign_*/dt=*/*")} == landed


def test_days_of_a_failed_or_repeated_audit_are_reported(land, audit, lake, ids, make_context):
    land()
    rewrite(lake, "campaign_days", 40, less(ids[0], "conversions", 1))

    def event_of(try_number, **arguments):
        asset, event = Asset("lake"), SimpleNamespace(extra={})
        ti = SimpleNamespace(
            dag_id="dag", run_id="run", task_id="audit", map_index=-1, try_number=try_number, xcom_push=lambda **_: None
        )
        audit(heal=True, outlets=[asset], outlet_events=OutletEvents(asset, event), ti=ti, **arguments)
        return event.extra.get("changed_days")

    with pytest.raises(AirflowFailException, match="They have landed now"):
        event_of(1, max_changed_share=0)
    # Its event is lost. The next try reports its days, and so does the next landing run.
    assert event_of(2, max_changed_share=0) == [str(day_of_age(40))]
    rewrite(lake, "campaign_days", 41, less(ids[0], "conversions", 1))
    with pytest.raises(AirflowFailException):
        event_of(1, max_changed_share=0)
    operator = CampaignDataSeriesToObjectStorageOperator(
        task_id="land", destination=f"file://{lake}", start=str(LAST_DAY), end=str(day_of_age(-1))
    )
    record = operator.execute(make_context(run_after=RUN_AFTER))["record"]
    reported = json.loads(Path(record.removeprefix("file://")).read_bytes())["changed_days"]
    assert {str(day_of_age(41)), str(LAST_DAY)} <= set(reported)


@pytest.mark.parametrize(("status", "error"), [(400, AirflowFailException), (500, BrazePartialError)])
def test_audit_fails_when_braze_returns_nothing(status, error, land, audit, ids, braze, no_backoff):
    land()
    braze.configure(faults={"bad_subjects": dict.fromkeys(ids, status)})
    with pytest.raises(error, match="Nothing can be compared: no campaign of the sample was returned"):
        audit()


def test_share_above_the_limit_fails_without_retries(land, audit, lake, ids):
    land()
    rewrite(lake, "campaign_days", 40, less(ids[0], "conversions", 1))
    assert audit(max_changed_share=0.1)["changed"] == 1
    pushed = {}

    class Instance:
        dag_id, run_id, task_id, map_index, try_number = "dag", "run", "audit", -1, 1

        def xcom_push(self, key, value):
            pushed[key] = value

    with pytest.raises(AirflowFailException, match=r"0\.83% of the compared campaign days differ.*Land them with heal"):
        audit(max_changed_share=0, ti=Instance())
    assert pushed["audit"]["changed"] == 1


def test_days_that_cannot_be_compared_are_counted(land, audit, lake, ids, braze):
    land()
    rewrite(lake, "campaign_days", 40, lambda row: None if row["campaign_id"] == ids[0] else row)
    braze.configure(faults={"missing_days": {ids[1]: [str(day_of_age(41))]}, "bad_subjects": {ids[2]: 400}})
    result = audit()
    assert result["not_compared"]["failed"] == [ids[2]]
    assert result["not_compared"]["not_returned"] == 1
    # Braze also returns the days before the first one that landed.
    assert result["not_compared"]["not_landed"] == 5 * 49 + 1
    assert (result["compared"], result["changed"]) == (5 * 20 - 2, 0)


def test_sample_is_repeatable_and_only_its_campaigns_are_requested(land, audit, braze):
    land()
    requested = []
    for _ in range(2):
        braze.reset_requests()
        audit(sample=2)
        requested.append(sorted(request.params["campaign_id"] for request in braze.requests))
    assert requested[0] == requested[1]
    assert len(requested[0]) == 2


def test_campaign_that_landed_late_is_in_the_sample(land, audit, ids, braze):
    land(campaign_ids=ids[:3])
    land(campaign_ids=ids[3:], start=str(day_of_age(35)))
    assert audit()["compared"] == 3 * 20 + 3 * 5


def test_audit_without_comparable_days_returns_that_as_verdict(land, audit):
    land(start=str(day_of_age(20)), end=str(day_of_age(10)))
    assert audit()["verdict"].startswith("nothing could be compared: no day older than 30 days has landed")


def test_destination_without_data_or_with_another_zone_is_an_error(land, audit):
    with pytest.raises(AirflowFailException, match="No campaigns have landed"):
        audit()
    land()
    with pytest.raises(AirflowFailException, match="timezone='UTC'"):
        audit(timezone="America/New_York")


@pytest.mark.parametrize("share", [-0.1, 1.5, "0.1", float("nan")])
def test_share_that_is_out_of_range_is_an_error_when_the_dag_is_parsed(share):
    with pytest.raises(BrazeConfigError, match="max_changed_share"):
        CampaignDataSeriesAuditOperator(task_id="audit", destination="file:///lake", max_changed_share=share)


def test_canvases_are_audited_like_campaigns(lake, braze, make_context):
    braze.configure(canvases=3)
    first = canvas_ids(braze.settings)[0]
    window = {"start": str(day_of_age(40)), "end": str(day_of_age(28))}
    context = make_context(run_after=RUN_AFTER)

    def audit(**arguments: Any) -> dict[str, Any]:
        operator = CanvasDataSeriesAuditOperator(
            task_id="audit", destination=f"file://{lake}", days_beyond_lookback=13, **arguments
        )
        return operator.execute(context)

    CanvasDataSeriesToObjectStorageOperator(task_id="land", destination=f"file://{lake}", **window).execute(context)
    braze.reset_requests()
    # Ages 31 to 40 of 3 canvases, with one call for each.
    assert (audit()["compared"], braze.count()) == (30, 3)
    landed = {path: path.read_bytes() for path in lake.glob("canvas_*/dt=*/*")}
    rewrite(lake, "canvas_step_days", 35, lambda row: {**row, "revenue": 0.5} if row["canvas_id"] == first else row)
    rewrite(lake, "canvas_step_messages", 33, lambda row: None if row["canvas_id"] == first else row)
    found = audit(heal=True)
    assert found["figures"]["canvas_step_days.revenue"]["rows_by_age"].keys() == {"35"}
    assert found["figures"]["canvas_step_messages.sent"]["rows_by_age"].keys() == {"33"}
    assert found["changed"] == 2
    assert found["healed"]["changed_days"] == [str(day_of_age(35)), str(day_of_age(33))]
    assert {path: path.read_bytes() for path in lake.glob("canvas_*/dt=*/*")} == landed
    assert audit()["verdict"] == "nothing older than 30 days changed; 30 canvas days compared"


def test_canvases_of_a_workspace_that_rejects_14_days_per_request_are_audited_with_13(lake, braze, make_context):
    braze.configure(canvases=2, canvas_max_length=13)
    destination, context = f"file://{lake}", make_context(run_after=RUN_AFTER)
    window = {"start": str(day_of_age(43)), "end": str(day_of_age(30))}
    CanvasDataSeriesToObjectStorageOperator(
        task_id="land", destination=destination, days_per_call=13, **window
    ).execute(context)
    arguments = {"destination": destination, "days_beyond_lookback": 13}
    with pytest.raises(AirflowFailException, match="Nothing can be compared"):
        CanvasDataSeriesAuditOperator(task_id="audit", **arguments).execute(context)
    found = CanvasDataSeriesAuditOperator(task_id="audit", days_per_call=13, **arguments).execute(context)
    assert (found["compared"], found["changed"]) == (26, 0)


def test_part_that_lacks_a_table_is_not_compared_in_it(land, audit, lake, ids):
    land(parts=2, part=0)
    land(parts=2, part=1, tables=["campaign_days"])
    assert audit()["figures"] == {}
    rewrite(lake, "campaign_days", 40, more("conversions"))
    rewrite(lake, "campaign_messages", 40, more("sent"))
    messages = {path.name for path in lake.glob("campaign_messages/*/*")}
    result = audit(heal=True)
    assert result["changed"] == len(ids)
    assert set(result["figures"]) == {"campaign_days.conversions", "campaign_messages.sent"}
    assert {path.name for path in lake.glob("campaign_messages/*/*")} == messages
    assert audit()["changed"] == 0


def test_event_and_lineage_of_a_heal_contain_all_landed_days(braze, land, lake, ids, make_context):
    land(start=str(day_of_age(50)), end=str(day_of_age(40)))
    land(start=str(day_of_age(40)), end=str(day_of_age(25)), tables=["campaign_days"])
    rewrite(lake, "campaign_messages", 45, less(ids[0], "sent", 1))
    rewrite(lake, "campaign_days", 35, less(ids[0], "conversions", 1))
    asset, event = Asset("lake"), SimpleNamespace(extra={})
    operator = CampaignDataSeriesAuditOperator(
        task_id="audit", destination=f"file://{lake}", heal=True, outlets=[asset]
    )
    result = operator.execute(make_context(run_after=RUN_AFTER, outlet_events=OutletEvents(asset, event)))
    assert event.extra["changed_days"] == result["healed"]["changed_days"] == [str(day_of_age(45)), str(day_of_age(35))]
    assert event.extra["window"] == {"start": str(day_of_age(45)), "end": str(day_of_age(34))}
    assert event.extra["tables"] == ["campaign_days", "campaign_messages"]
    lineage = operator.get_openlineage_facets_on_complete(None)
    counts = {each.name: each.outputFacets["outputStatistics"].fileCount for each in lineage.outputs}
    assert counts == {f"{lake}/campaign_days": 1, f"{lake}/campaign_messages": 1}
    assert operator.get_openlineage_facets_on_start().outputs == []


def test_error_that_ends_a_heal_is_the_tasks_error(land, audit, lake, ids):
    for part in range(3):
        land(parts=3, part=part, tables=["campaign_days", "campaign_raw"])
    rewrite(lake, "campaign_days", 40, more("conversions"))
    (lake / f"campaign_raw/dt={day_of_age(40)}/part-00-of-03.parquet").write_bytes(b"broken")
    with pytest.raises(BrazeDataError, match="campaign_raw"):
        audit(heal=True)
