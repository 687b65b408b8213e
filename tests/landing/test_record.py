from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from importlib.metadata import version

import pyarrow as pa

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import BrazeMissingDaysError, BrazeRequestError, BrazeTransportError
from airflow_provider_braze.fetch.outcome import Outcome, Tally
from airflow_provider_braze.landing.layout import Layout
from airflow_provider_braze.landing.plan import Plan
from airflow_provider_braze.landing.publish import LandedObject
from airflow_provider_braze.landing.record import build_opening, build_record, restatement_by_age, summarise
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.series.events import event_subjects
from airflow_provider_braze.tables.restatement import Restatement
from airflow_provider_braze.transport.sender import TransportStats
from tests.campaign_tables import TABLES

FIRST = date(2026, 10, 24)
"""The clocks of Berlin go back on the day after."""
RESTATED = {FIRST: Restatement(3, 1, {"conversions": (10, 12)})}
RUN = {"dag_id": "dag", "run_id": "scheduled__1", "task_id": "task", "map_index": -1, "try_number": 2}
STATS = TransportStats(requests=12, retries=2, waits=1, waited_seconds=3.14159)
URI = "s3://lake/braze/_braze/campaigns/journal/20261119T060000000000-00-1a2b3c4d-5e6f7a8b-0123456789ab.json"


def a_plan(days=1, tables: Sequence[str] = CAMPAIGNS.default_tables, campaigns=3) -> Plan:
    return Plan(
        series=CAMPAIGNS,
        window=Window(FIRST, FIRST + timedelta(days=days), "Europe/Berlin", "interval", days - 1),
        layout=Layout(1, "parquet", "Europe/Berlin", "https://rest.fra-02.braze.eu"),
        part=0,
        subjects=[CAMPAIGNS.subject(f"c{i}") for i in range(campaigns)],
        listed=None,
        tables=tuple(TABLES[name] for name in tables),
        concurrency=16,
        missing_days="warn",
        on_error="skip",
        run=RUN,
    )


def an_object(table="campaign_days", day=FIRST, rows=3, written=True) -> LandedObject:
    return LandedObject(table, day, f"{table}/dt={day}/part-00-of-01.parquet", rows, 100 * rows, written)


def an_outcome(plan: Plan, bad=1) -> Outcome:
    outcome = Outcome(is_listed=True)
    outcome.add_returned("c0", plan.window, list(plan.window))
    outcome.add_returned("c1", plan.window, [])
    for i in range(bad):
        outcome.add_failure(f"rejected{i}", BrazeRequestError("Braze returned 400.", 400))
        outcome.add_failure(f"failed{i}", BrazeTransportError("No response."))
    outcome.drift.update(["messages.email.machine_open", "day.conversions4", "day.conversions4"])
    return outcome


def a_record(plan=None, outcome=None, objects=(), changed=(FIRST,), error=None):
    plan = plan or a_plan()
    return {
        **build_opening(plan),
        "run": RUN,
        **build_record(plan, outcome or an_outcome(plan), objects, changed, STATS, 61.26, error),
        "restatement": restatement_by_age(plan.window, RESTATED),
    }


def test_opening_names_the_subjects_unless_they_are_all_listed_ones():
    events = event_subjects(["buy", "sign up"], [None])
    assert build_opening(replace(a_plan(), subjects=events, listed=pa.table({})))["given"] is None
    apps = event_subjects(["buy"], [None, "app"])
    assert build_opening(replace(a_plan(), subjects=apps, listed=pa.table({})))["given"] == ["buy", "buy app_id=app"]


def test_build_record_contains_the_run_and_its_results():
    whole = LandedObject("campaigns", None, "campaigns/campaigns.parquet", 3, 500, False)
    objects = [an_object(), an_object("campaign_messages", rows=7), an_object(day=date(2026, 10, 23), rows=2), whole]
    plan = a_plan()
    assert a_record(plan, objects=objects) == {
        "provider_version": version("airflow-provider-braze-analytics"),
        "state": "success",
        "error": None,
        "is_complete": True,
        "writes": {"start": "2026-10-24", "end": "2026-10-25"},
        "given": ["c0", "c1", "c2"],
        "run": RUN,
        "plan": plan.describe(),
        "layout": {
            "parts": 1,
            "file_format": "parquet",
            "timezone": "Europe/Berlin",
            "host": "https://rest.fra-02.braze.eu",
            "series": "campaigns",
            "schema_version": 1,
        },
        "next_day_ends": "2026-10-25T23:00:00+00:00",
        "changed_days": ["2026-10-24"],
        "tables": {
            "campaign_days": {
                "rows": 5,
                "written": 2,
                "unchanged": 0,
                "objects": [
                    {
                        "path": "campaign_days/dt=2026-10-23/part-00-of-01.parquet",
                        "rows": 2,
                        "bytes": 200,
                    },
                    {
                        "path": "campaign_days/dt=2026-10-24/part-00-of-01.parquet",
                        "rows": 3,
                        "bytes": 300,
                    },
                ],
            },
            "campaign_messages": {
                "rows": 7,
                "written": 1,
                "unchanged": 0,
                "objects": [
                    {
                        "path": "campaign_messages/dt=2026-10-24/part-00-of-01.parquet",
                        "rows": 7,
                        "bytes": 700,
                    }
                ],
            },
            "campaigns": {
                "rows": 3,
                "written": 0,
                "unchanged": 1,
                "objects": [],
            },
        },
        "series": "campaigns",
        "subjects": {
            "landed": 2,
            "rejected": {"rejected0": {"class": "BrazeRequestError", "message": "Braze returned 400."}},
            "failed": {"failed0": {"class": "BrazeTransportError", "message": "No response."}},
            "missing_days": {"c1": ["2026-10-24"]},
            "uncomputed_days": {},
        },
        "details": None,
        "restatement": {"0": {"rows": 3, "changed": 1, "figures": {"conversions": [10, 12]}}},
        "drift": {"day.conversions4": 2, "messages.email.machine_open": 1},
        "requests": 12,
        "retries": 2,
        "waits": 1,
        "waited_seconds": 3.1,
        "seconds": 61.3,
    }


def test_build_record_of_a_failed_run_contains_its_error():
    error = BrazeMissingDaysError("None of the 10 campaigns returned data for 2026-10-24.")
    record = a_record(error=error)
    assert record["state"] == "failed"
    assert record["error"] == "BrazeMissingDaysError: None of the 10 campaigns returned data for 2026-10-24."


def test_build_record_contains_only_requested_tables_including_empty_ones():
    record = a_record(a_plan(tables=["campaigns", "campaign_raw"]))
    assert record["tables"] == {
        "campaign_raw": {"rows": 0, "written": 0, "unchanged": 0, "objects": []},
        "campaigns": {"rows": 0, "written": 0, "unchanged": 0, "objects": []},
    }


def test_build_record_returns_plain_json():
    record = a_record(objects=[an_object()])
    assert json.loads(json.dumps(record)) == record


def test_summarise_returns_counts_and_the_address():
    record = a_record(a_plan(days=3), objects=[an_object(), an_object("campaign_messages", rows=7)])
    assert summarise(record, URI) == {
        "window": {"start": "2026-10-24", "end": "2026-10-27"},
        "rule": "interval",
        "timezone": "Europe/Berlin",
        "days": 3,
        "lookback_days": 2,
        "changed_days": 1,
        "restatement": {"rows": 3, "changed": 1, "oldest_changed_age": 2},
        "campaigns": {"landed": 2, "rejected": 1, "failed": 1, "with_missing_days": 1},
        "details": None,
        "rows": {"campaign_days": 3, "campaign_messages": 7, "campaigns": 0},
        "requests": 12,
        "retries": 2,
        "seconds": 61.3,
        "record": URI,
    }


def test_restatement_by_age_counts_from_the_last_day_and_omits_days_not_compared():
    days = list(a_plan(days=4).window)
    restated = dict(zip(days, [Restatement(2), Restatement(), Restatement(3, 1)], strict=False))
    assert restatement_by_age(a_plan(days=4).window, restated) == {
        "1": {"rows": 3, "changed": 1, "figures": {}},
        "3": {"rows": 2, "changed": 0, "figures": {}},
    }


def test_summary_of_a_run_that_changed_no_stored_row_has_no_age():
    record = {**a_record(), "restatement": {"30": {"rows": 2, "changed": 0, "figures": {}}}}
    assert summarise(record, URI)["restatement"] == {"rows": 2, "changed": 0, "oldest_changed_age": None}


def test_record_and_summary_contain_the_details_results():
    plan = a_plan(tables=["campaign_details"])
    outcome = Outcome(is_listed=True, details=Tally(is_listed=True, returned={"c0", "c1"}))
    outcome.details.add_failure("c2", BrazeRequestError("Braze returned 400.", 400))
    outcome.details.add_failure("c3", BrazeTransportError("No response."))
    record = a_record(plan, outcome)
    assert record["details"] == {
        "landed": 2,
        "rejected": {"c2": {"class": "BrazeRequestError", "message": "Braze returned 400."}},
        "failed": {"c3": {"class": "BrazeTransportError", "message": "No response."}},
    }
    assert summarise(record, URI)["details"] == {"landed": 2, "rejected": 1, "failed": 1}


def test_summary_size_does_not_grow_with_days_and_campaigns():
    def size(days: int, campaigns: int) -> int:
        plan = a_plan(days=days, campaigns=campaigns)
        objects = [an_object(day=day) for day in plan.window]
        record = a_record(plan, an_outcome(plan, bad=campaigns), objects, list(plan.window))
        return len(json.dumps(summarise(record, URI)))

    assert size(365, 5000) < size(1, 1) + 30
