"""Coverage of lakes landed by real runs, on each kind of store."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from html import escape
from itertools import count

import pytest

from airflow_provider_braze.coverage.__main__ import main
from airflow_provider_braze.coverage.excerpt import read_excerpt
from airflow_provider_braze.coverage.page import render_excerpt
from airflow_provider_braze.coverage.reader import MOST_RECORDS
from airflow_provider_braze.exceptions import BrazeDataError, BrazeMissingDaysError, BrazePartialError
from airflow_provider_braze.landing import journal
from airflow_provider_braze.landing import run as landing_run
from airflow_provider_braze.landing.layout import part_of
from airflow_provider_braze.landing.store import Store
from airflow_provider_braze.landing.tries import Try
from airflow_provider_braze.operators.braze import BrazeCoverageOperator
from airflow_provider_braze.sandbox import data
from airflow_provider_braze.sandbox.campaigns import all_campaigns
from airflow_provider_braze.task.airflow import AirflowFailException
from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from tests.docs.pages import DOCS, blocks

pytestmark = [pytest.mark.any_store, pytest.mark.unmeasured]

NOW = datetime(2026, 11, 19, 7, tzinfo=timezone.utc)


@pytest.fixture
def clock(monkeypatch):
    # Each reading of the clock is later, so that the names of the records keep the order of the tries.
    ticks = count()
    monkeypatch.setattr(journal, "now", lambda: NOW + timedelta(seconds=next(ticks)))


def clock_at(moment: datetime) -> type[datetime]:
    """Return a clock that is later at each reading."""
    ticks = count()

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return moment + timedelta(seconds=next(ticks))

    return Clock


@pytest.fixture
def land(braze_sandbox, make_context, destination, monkeypatch):
    """Return a function that lands days after their figures have stopped changing."""
    braze_sandbox.configure(campaigns=5, as_of="2026-11-19T06:00:00Z")
    monkeypatch.setattr(landing_run, "datetime", clock_at(NOW + timedelta(days=30)))

    def run(start="2026-11-09", end="2026-11-19", context=None, **arguments):
        operator = CampaignDataSeriesToObjectStorageOperator(
            task_id="land",
            destination=destination.uri,
            object_storage_conn_id=destination.conn_id,
            start=start,
            end=end,
            **arguments,
        )
        return operator.execute(context or make_context())

    return run


@pytest.fixture
def pushed():
    """Return a dictionary that collects what the task pushes to XCom."""
    return {}


@pytest.fixture
def check(make_context, destination, pushed):
    def run(**arguments):
        operator = BrazeCoverageOperator(
            task_id="check", destination=destination.uri, object_storage_conn_id=destination.conn_id, **arguments
        )
        context = make_context()
        context["ti"].xcom_push = lambda key, value: pushed.update({key: value})
        return operator.execute(context)

    return run


def remove(destination, *days: str) -> None:
    destination.restore(
        {
            name: content
            for name, content in destination.contents().items()
            if not any(f"dt={day}" in name for day in days)
        }
    )


def document(destination) -> dict:
    return json.loads(destination.contents()["_braze/coverage/coverage.json"])


@pytest.mark.parametrize("do_xcom_push", [True, False])
@pytest.mark.stores("file")
def test_xcom_has_the_content_of_the_page_also_when_the_task_fails(
    land, check, clock, destination, pushed, do_xcom_push
):
    land()
    remove(destination, "2026-11-12")
    with pytest.raises(BrazeMissingDaysError):
        check(do_xcom_push=do_xcom_push)
    if not do_xcom_push:
        assert pushed == {}
        return
    page = destination.contents()["_braze/coverage/index.html"].decode()
    assert render_excerpt(read_excerpt(pushed["coverage"])) == page
    assert "2026-11-12" in page


def test_try_that_never_finished_its_record_is_one_of_the_last_runs(land, check, clock, destination, monkeypatch):
    land()

    def fail(*_):
        raise OSError("the store is unreachable")

    with monkeypatch.context() as patch:
        patch.setattr(Try, "finish", fail)
        with pytest.raises(OSError, match="the store is unreachable"):
            land()
    check()
    newest, oldest = document(destination)["series"]["campaigns"]["runs"]
    assert (newest["state"], newest["written"]) == ("running", 0)
    assert (oldest["state"], oldest["written"]) == ("success", 21)


def test_complete_lake_passes(land, check, clock, destination):
    land()
    found = check(max_age=0)
    assert found["series"]["campaigns"]["newest_day"] == "2026-11-18"
    assert found["series"]["campaigns"]["days"] == {
        "final": 10, "still_read": 0, "unproven": 0, "early": 0, "incomplete": 0, "not_landed": 0,
    }  # fmt: skip
    assert found["page"] == f"{destination.uri}/_braze/coverage/index.html"
    assert destination.contents()["_braze/coverage/index.html"].startswith(b"<!doctype html>")


@pytest.mark.parametrize("parts", [1, 3, pytest.param(16, marks=pytest.mark.sampled(0))])
def test_manually_removed_days_are_named_and_the_printed_repair_lands_them(land, check, clock, destination, parts):
    for part in range(parts):
        land(parts=parts, part=part if parts > 1 else None)
    complete = destination.data()
    remove(destination, "2026-11-11", "2026-11-15")
    with pytest.raises(BrazeMissingDaysError, match=r"2 days missing .* 2026-11-11 \(.*2026-11-15 \(") as caught:
        check()
    assert f"{destination.uri}/_braze/coverage/index.html" in str(caught.value)
    repairs = document(destination)["series"]["campaigns"]["repairs"]
    assert [(each["start"], each["end"]) for each in repairs] == [
        ("2026-11-11", "2026-11-12"), ("2026-11-15", "2026-11-16"),
    ]  # fmt: skip
    for repair in repairs:
        for part in range(parts):
            land(repair["start"], repair["end"], parts=parts, part=part if parts > 1 else None)
    assert check()["series"]["campaigns"]["days"]["not_landed"] == 0
    assert destination.data() == complete


@pytest.fixture
def one_attempt(braze_sandbox, monkeypatch):
    """Limit the connection to one attempt, so that no test waits half a minute to retry."""
    connection = json.loads(os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"])
    connection["extra"]["max_attempts"] = 1
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))


@pytest.mark.usefixtures("one_attempt")
def test_campaign_that_fails_for_a_week_is_named_since_its_first_day(land, check, clock, destination, braze_sandbox):
    land("2026-11-09", "2026-11-12")
    bad = data.campaign_ids(braze_sandbox.settings)[2]
    braze_sandbox.configure(faults={"bad_subjects": {bad: 500}})
    for day in range(12, 19):
        with pytest.raises(BrazePartialError):
            land(f"2026-11-{day}", f"2026-11-{day + 1}")
    (name,) = [each.name for each in all_campaigns(0, 5).values() if each.id == bad]
    what = rf"2026-11-12 to 2026-11-18 \({re.escape(name)} \({bad}\)\)"
    with pytest.raises(BrazeMissingDaysError, match=rf"7 days missing .* {what}"):
        check()
    page = destination.contents()["_braze/coverage/index.html"].decode()
    assert page.count(escape(f"{name} ({bad})")) == 3
    found = document(destination)["series"]["campaigns"]
    assert [each["name"] for each in found["failed"]] == [bad]
    assert found["names"] == {bad: name}
    assert found["lacking"] == {bad: [f"2026-11-{day}" for day in range(12, 19)]}
    braze_sandbox.configure(faults=None)
    (repair,) = found["repairs"]
    land(repair["start"], repair["end"])
    assert check()["series"]["campaigns"]["failed"] == 0


@pytest.mark.parametrize("content", [None, b"nothing that can be read"])
@pytest.mark.stores("file")
@pytest.mark.usefixtures("one_attempt")
def test_campaign_without_a_name_is_shown_by_id(land, check, clock, destination, braze_sandbox, content):
    bad = data.campaign_ids(braze_sandbox.settings)[2]
    braze_sandbox.configure(faults={"bad_subjects": {bad: 500}})
    with pytest.raises(BrazePartialError):
        land("2026-11-17", "2026-11-19")
    kept = {name: each for name, each in destination.contents().items() if not name.startswith("campaigns/")}
    destination.restore(kept | ({"campaigns/campaigns.parquet": content} if content else {}))
    with pytest.raises(BrazeMissingDaysError, match=rf"2026-11-17 to 2026-11-18 \({bad}\)"):
        check()


@pytest.fixture
def at(monkeypatch, clock):
    """Return a function that sets the time at which runs fetch and write."""

    def set_time(day: int) -> None:
        moment = clock_at(datetime(2026, 11, day, 6, tzinfo=timezone.utc))
        monkeypatch.setattr(landing_run, "datetime", moment)
        monkeypatch.setattr(journal, "now", lambda: moment.now())

    return set_time


@pytest.mark.stores("file")
@pytest.mark.usefixtures("one_attempt")
def test_every_violation_is_named_exactly_and_the_printed_repair_fixes_it(
    land, check, at, destination, braze_sandbox, make_context, capsys, tmp_path
):
    braze_sandbox.configure(campaigns=20, as_of="2026-11-19T06:00:00Z")
    bad = data.campaign_ids(braze_sandbox.settings)[2]
    part = part_of(bad, 16)
    others = [each for each in range(16) if each != part]

    def land_parts(parts, *days, **options):
        for each in parts:
            land(*days, parts=16, part=each, tables=["campaign_days"], **options)

    at(8)
    land_parts(range(16), "2026-11-07", "2026-11-08")  # lands once only
    braze_sandbox.configure(faults={"bad_subjects": {bad: 500}})
    for day in range(8, 15):
        at(day + 1)
        with pytest.raises(BrazePartialError):
            land_parts([part], f"2026-11-{day:02}", f"2026-11-{day + 1:02}")
    braze_sandbox.configure(faults=None)
    at(19)
    morning = datetime(2026, 11, 19, 6, tzinfo=timezone.utc)
    interval = {"data_interval_start": morning - timedelta(days=1), "data_interval_end": morning}
    scheduled = make_context("scheduled", run_after=morning, **interval)
    land_parts(range(16), None, None, context=scheduled, lookback_days=3)
    land_parts(others, "2026-11-08", "2026-11-15")
    remove(destination, "2026-11-16", "2026-11-18")

    page = tmp_path / "page.html"
    assert main([destination.uri, "--html", str(page)]) == 0
    printed = capsys.readouterr().out
    named = re.findall(r"^  (Not landed|Subjects missing|Read once or too early): (.*)$", printed, flags=re.M)
    absent = "(campaign_days part 0, campaign_days part 1, campaign_days part 2 and 13 more)"
    assert named == [
        ("Not landed", f"2026-11-16 {absent}"),
        ("Not landed", f"2026-11-18 {absent}"),
        ("Subjects missing", f"2026-11-08 to 2026-11-14 ({bad})"),
        ("Read once or too early", "2026-11-07 (read once, too early)"),
    ]
    assert all(f"<bdi>{what}</bdi>" in page.read_text() for _, what in named)
    with pytest.raises(BrazeMissingDaysError, match="9 days missing"):
        check()

    at(20)
    for start, end in re.findall(r'Land again: start="(\S+)", end="(\S+)"', printed):
        land_parts(range(16), start, end)
    assert check()["series"]["campaigns"]["days"] == {
        "final": 9, "still_read": 3, "unproven": 0, "early": 0, "incomplete": 0, "not_landed": 0,
    }  # fmt: skip


def test_lake_that_is_too_old_fails_and_the_page_is_written(land, check, monkeypatch, destination):
    land()
    monkeypatch.setattr(journal, "now", lambda: NOW + timedelta(days=4))
    with pytest.raises(
        BrazeMissingDaysError, match=r"newest day 2026-11-18, 4 days older than yesterday \(max_age=1\)"
    ):
        check()
    assert "_braze/coverage/index.html" in destination.contents()
    assert check(max_age=None)["series"]["campaigns"]["age_days"] == 4


def test_destination_without_data_and_series_that_has_not_landed_fail_at_once(land, check):
    with pytest.raises(AirflowFailException, match="holds no data of campaigns"):
        check(series=["campaigns"])
    land()
    with pytest.raises(AirflowFailException, match="holds no data of canvases"):
        check(series=["campaigns", "canvases"])


def test_command_prints_the_days_and_writes_the_page(land, clock, destination, capsys, tmp_path):
    land()
    remove(destination, "2026-11-11")
    file = tmp_path / "page.html"
    conn = ["--object-storage-conn-id", destination.conn_id] if destination.conn_id else []
    assert main([destination.uri, *conn, "--html", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "Not landed: 2026-11-11 (campaign_days, campaign_messages)" in printed
    assert 'Land again: start="2026-11-11", end="2026-11-12"' in printed
    assert file.read_text().startswith("<!doctype html>")
    # Reading does not change the destination.
    assert "_braze/coverage/coverage.json" not in destination.contents()


@pytest.mark.stores("file")
def test_command_reports_a_destination_that_it_cannot_read(tmp_path, capsys):
    assert main([f"file://{tmp_path}/none"]) == 1
    assert "holds no data" in capsys.readouterr().err


def test_objects_are_listed_and_never_read(land, check, clock, destination, monkeypatch):
    land()
    read, found, listed = [], [], []
    for name, calls in (("read", read), ("find", found), ("list", listed)):
        whole = getattr(Store, name)
        monkeypatch.setattr(
            Store, name, lambda self, key, *, _whole=whole, _calls=calls: _calls.append(key) or _whole(self, key)
        )
    check(series=["campaigns"])
    records = [name for name in read if "/journal/" in name]
    assert found == ["campaign_days", "campaign_messages", "campaign_raw"]
    assert listed == ["_braze/campaigns/journal"]
    assert len(records) == 1 <= MOST_RECORDS
    assert {name for name in read if name not in records} == {
        "_braze/destination.json", "_braze/campaigns/layout.json", "_braze/campaigns/coverage.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_age": -1}, "`max_age` is -1"),
        ({"max_missing_days": "2"}, "`max_missing_days` is '2'"),
        ({"series": ["nothing"]}, "'nothing' does not exist"),
        ({"series": "campaigns"}, "`series` is 'campaigns'. Give a list"),
    ],
)
@pytest.mark.stores("file")
def test_bad_arguments_fail_when_the_dag_is_parsed(arguments, message):
    from airflow_provider_braze.exceptions import BrazeConfigError

    with pytest.raises(BrazeConfigError, match=message):
        BrazeCoverageOperator(task_id="check", destination="file:///lake", **arguments)


@pytest.mark.stores("s3")
def test_requests_to_s3_equal_those_of_the_docs(land, check, clock, destination, monkeypatch, braze_sandbox):
    from aiobotocore.httpsession import AIOHTTPSession

    sent = []
    send = AIOHTTPSession.send
    monkeypatch.setattr(AIOHTTPSession, "send", lambda self, request: sent.append(request) or send(self, request))
    text = " ".join((DOCS / "coverage.md").read_text().split())
    pattern = (
        r"(\d) requests if it has not landed. Each record costs (\d) .* series costs (\d+) more, and a check (\d+) more"
        r".* their list is read as well, with (\d) requests"
    )
    absent, record, series, whole, names = map(int, re.search(pattern, text).groups())
    rejected = {data.campaign_ids(braze_sandbox.settings)[2]: 404}
    for records in range(1, 4):
        braze_sandbox.configure(faults={"bad_subjects": rejected if records == 3 else {}})
        land("2026-11-17", "2026-11-19")
        sent.clear()
        check(series=["campaigns"])
        if records > 1:  # the first check creates its objects
            # Two tables have landed, and campaign_raw has not.
            assert len(sent) == 2 + absent + records * record + series + whole + (names if records == 3 else 0)


def test_results_stay_after_the_records_are_removed(land, check, clock, destination):
    land()
    assert check()["series"]["campaigns"]["days"]["final"] == 10
    kept = {name: content for name, content in destination.contents().items() if "/journal/" not in name}
    destination.restore(kept)
    assert check()["series"]["campaigns"]["days"]["final"] == 10
    destination.restore({name: content for name, content in kept.items() if name != "_braze/campaigns/coverage.json"})
    assert check()["series"]["campaigns"]["days"]["unproven"] == 10


@pytest.mark.parametrize("content", [b"", b"[]", b'{"calendar": [{}]}', b'{"calendar": [], "lacking": {"c": ["x"]}}'])
@pytest.mark.stores("file")
def test_broken_earlier_result_is_named(land, check, destination, content):
    land("2026-11-17", "2026-11-19")
    destination.put("_braze/campaigns/coverage.json", content)
    with pytest.raises(BrazeDataError, match=r"_braze/campaigns/coverage.json, the earlier result of coverage"):
        check()


@pytest.mark.parametrize("years", [1, pytest.param(5, marks=pytest.mark.sampled(0))])
def test_years_of_seven_series_fit_into_memory(years, tmp_path):
    """Peak memory of Python's objects does not depend on the load of the machine."""
    import tracemalloc

    from airflow_provider_braze.coverage.report import read_coverage, write_coverage
    from tests.coverage.lakes import RECORDS, write_lake

    days = 365 * years
    write_lake(tmp_path / "lake", days)
    store = Store(f"file://{tmp_path}/lake")
    tracemalloc.start()
    try:
        coverage = read_coverage(store, None, NOW)
        write_coverage(store, coverage)
        assert tracemalloc.get_traced_memory()[1] < years * 40 * 2**20
    finally:
        tracemalloc.stop()
    assert {series["days"]["unproven"] for series in coverage["series"].values()} == {days - RECORDS - 30}
    assert all(len(series["restatement"]) == 31 for series in coverage["series"].values())


@pytest.mark.stores("file")
@pytest.mark.usefixtures("one_attempt")
def test_query_of_the_docs_names_campaigns_and_days(land, clock, check, destination, braze_sandbox):
    import duckdb

    (query,) = [block.code for block in blocks(DOCS / "coverage.md") if block.language == "sql"]
    query = query.replace("s3://lake/braze", destination.uri.removeprefix("file://"))
    failing, rejected, missing, recovered, *_ = data.campaign_ids(braze_sandbox.settings)
    bad = {failing: 500, rejected: 404}

    def land_with(faults, start, end):
        braze_sandbox.configure(faults=faults)
        with pytest.raises(BrazePartialError):
            land(start, end)

    # An old series of failures that has ended, one over three runs, and one that ends before the last run.
    land_with({"bad_subjects": bad}, "2026-11-04", "2026-11-06")
    braze_sandbox.configure(faults=None)
    land("2026-11-05", "2026-11-12")
    land_with({"bad_subjects": {**bad, recovered: 500}}, "2026-11-10", "2026-11-12")
    land_with({"bad_subjects": bad, "missing_days": {missing: ["2026-11-14"]}}, "2026-11-11", "2026-11-15")
    land_with({"bad_subjects": bad}, "2026-11-15", "2026-11-16")
    with pytest.raises(BrazeMissingDaysError):
        check()
    series = document(destination)["series"]["campaigns"]
    began = [each["began"] for each in reversed(series["runs"])]
    found = {
        (name, problem, since.isoformat(timespec="seconds") + "+00:00", first.day, last.day, number)
        for name, problem, since, first, last, number in duckdb.sql(query).fetchall()
    }
    # The first run's days still have no rows. The days 5 and later were fetched again.
    assert found == {
        (failing, "failed", began[0], 4, 4, 1), (failing, "failed", began[2], 10, 15, 6),
        (rejected, "rejected", began[0], 4, 4, 1), (rejected, "rejected", began[2], 10, 15, 6),
        (recovered, "failed", began[2], 10, 10, 1),
        (missing, "missing", began[3], 14, 14, 1),
    }  # fmt: skip
    # The page shows the same beginning.
    assert [(each["name"], each["since"]) for each in series["failed"]] == [(failing, began[2])]


@pytest.mark.stores("file")
def test_comparing_rows_makes_no_additional_read_of_an_object(land, destination, braze_sandbox, monkeypatch):
    braze_sandbox.configure(as_of="2026-11-15T06:00:00Z")
    land("2026-11-05", "2026-11-15")
    braze_sandbox.configure(as_of="2026-11-16T06:00:00Z")
    read, whole = Counter(), Store.read
    monkeypatch.setattr(Store, "read", lambda self, name: read.update([name]) or whole(self, name))
    record = destination.record(land("2026-11-05", "2026-11-16")["record"])
    assert len(record["restatement"]) == 10
    objects = {name: number for name, number in read.items() if "dt=" in name}
    assert len(objects) == 22
    assert set(objects.values()) == {1}


@contextmanager
def interrupted(on: str, *, is_killed: bool) -> Iterator[None]:
    """Make the store fail at an object, and also at the try's last record if the try is killed."""
    write = Store.write

    def fail(self, name, *arguments):
        if name.startswith(on):
            raise OSError("the worker was killed")
        write(self, name, *arguments)

    def fail_to_finish(*_):
        raise OSError("the worker was killed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "write", fail)
        if is_killed:
            patch.setattr(Try, "finish", fail_to_finish)
        yield


@pytest.mark.stores("file")
def test_share_that_changed_at_each_age_equals_the_sandbox(land, check, at, destination, braze_sandbox):
    """Includes mornings without a run, with a failed and repeated run, and with a killed run."""
    braze_sandbox.configure(campaigns=8)
    first, failed, killed = date(2026, 11, 5), 16, 17
    fails_on = date(2026, 11, 10)
    landed_at: dict[date, datetime] = {}
    sums: dict[int, list[int]] = {}

    def total(day: date, as_of: datetime) -> int:
        settings = braze_sandbox.settings
        figures = [data.day_object(settings, each, day, as_of) for each in data.campaign_ids(settings)]
        return sum(each.get("conversions_by_send_time") or 0 for each in figures)

    for number in (13, 14, failed, killed, 18, 19):  # nothing ran on the 15th
        now = datetime(2026, 11, number, 6, tzinfo=timezone.utc)
        braze_sandbox.configure(as_of=now.isoformat())
        at(number)
        days = [first + timedelta(days=each) for each in range((now.date() - first).days)]
        if number in (failed, killed):
            before = destination.data()
            with (
                interrupted(f"campaign_days/dt={fails_on}", is_killed=number == killed),
                pytest.raises(OSError, match="the worker was killed"),
            ):
                land(first.isoformat(), now.date().isoformat())
            assert destination.data() != before
        land(first.isoformat(), now.date().isoformat())
        if number == failed:
            land(first.isoformat(), now.date().isoformat())
        for day in days:
            # Changes of a killed try or a failed write are unknown, and not counted as unchanged.
            if day in landed_at and number != killed and (number, day) != (failed, fails_on):
                both = sums.setdefault((now.date() - day).days - 1, [0, 0])
                both[0] += total(day, landed_at[day])
                both[1] += total(day, now) - total(day, landed_at[day])
            landed_at[day] = now
    check()
    found = document(destination)["series"]["campaigns"]["restatement"]
    assert {each["age"] for each in found} == set(sums)
    shares = {each["age"]: each["shares"]["conversions_by_send_time"] for each in found}
    assert shares == {age: pytest.approx(moved / before) if before else None for age, (before, moved) in sums.items()}
    assert sum(map(bool, shares.values())) > 5
