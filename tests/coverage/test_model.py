from __future__ import annotations

from datetime import date, datetime, timezone

import pytest

from airflow_provider_braze.core.text import percent
from airflow_provider_braze.coverage.changes import judge_lookback, sum_by_age
from airflow_provider_braze.coverage.model import build_coverage, find_violations, summarise
from airflow_provider_braze.coverage.page import render_page
from airflow_provider_braze.coverage.subjects import find_problems
from airflow_provider_braze.coverage.terminal import format_coverage
from airflow_provider_braze.landing.layout import part_of
from tests.coverage.evidence import DAY, days, evidence, past_try

TEN = days(date(2026, 10, 1), 10)
NOW = datetime(2026, 10, 11, 7, tzinfo=timezone.utc)


def coverage_of(tries, landed=TEN, **options):
    return build_coverage("s3://lake/braze", [evidence(tries, landed, **options)], NOW)


def series_of(*arguments, **options):
    return coverage_of(*arguments, **options)["series"]["campaigns"]


def daily(**options):
    return [past_try(day, **options) for day in TEN[3:]]


def change(age, before, after, rows=10, changed=5):
    return {str(age): {"rows": rows, "changed": changed, "figures": {"conversions": [before, after]}}}


def test_complete_series_has_no_repairs_and_no_violations():
    coverage = coverage_of(daily())
    found = coverage["series"]["campaigns"]
    assert (found["first_day"], found["newest_day"], found["age_days"]) == ("2026-10-01", "2026-10-10", 0)
    assert found["repairs"] == []
    assert find_violations(coverage, 0, 0) == []
    assert summarise(coverage)["campaigns"]["days"]["final"] == 7
    assert found["totals"] == {"requests": 35, "retries": 7, "waits": 7, "waited_seconds": 17.5, "tries": 7}


@pytest.mark.parametrize(
    ("rule", "zone", "first", "last"),
    [
        ("schedule", "UTC", "2026-10-04T00:00:00+00:00", "2026-10-05T23:59:59+00:00"),
        ("schedule", "Asia/Tokyo", "2026-10-04T00:00:00+09:00", "2026-10-05T23:59:59+09:00"),
        ("interval", "UTC", "2026-10-03T00:00:00+00:00", "2026-10-04T23:59:59+00:00"),
        ("partition", "UTC", "2026-10-03T00:00:00+00:00", "2026-10-04T23:59:59+00:00"),
    ],
)
def test_gap_is_an_exact_window_with_its_command(rule, zone, first, last):
    landed = [day for day in TEN if day not in TEN[2:4]]
    (repair,) = series_of(daily(rule=rule, zone=zone), landed)["repairs"]
    assert (repair["start"], repair["end"], repair["days"]) == ("2026-10-03", "2026-10-05", 2)
    command = (
        f"airflow backfill create --dag-id braze --from-date {first} --to-date {last} --reprocess-behavior completed"
    )
    assert repair["commands"] == [command]


def test_gap_of_runs_without_a_schedule_has_no_command():
    (repair,) = series_of(daily(rule="arguments"), TEN[:5] + TEN[6:])["repairs"]
    assert repair["commands"] == []


def dags_of(repair) -> dict[str, tuple[str, str]]:
    """Return the first and last date of each command, by Dag."""
    return {words[4]: (words[6][:10], words[8][:10]) for words in (each.split() for each in repair["commands"])}


def test_gap_is_repaired_by_the_dags_of_its_tables_and_parts():
    tries = [
        each
        for day in TEN[3:]
        for each in (
            past_try(day, dag_id="days_0", part=0, tables=["campaign_days"]),
            past_try(day, dag_id="days_1", part=1, tables=["campaign_days"]),
            past_try(day, dag_id="old", part=0, tables=["campaign_messages"]) if day == TEN[3] else None,
            past_try(day, dag_id="messages", part=0, tables=["campaign_messages"]),
            past_try(day, dag_id="messages", part=1, tables=["campaign_messages"]),
        )
        if each
    ]
    gaps = {"campaign_days": {(TEN[2], 1), (TEN[3], 1)}, "campaign_messages": {(TEN[3], 0), (TEN[6], 0)}}
    first, second = series_of(tries, parts=2, **gaps)["repairs"]
    assert dags_of(first) == {"days_1": ("2026-10-04", "2026-10-05"), "messages": ("2026-10-05", "2026-10-05")}
    assert dags_of(second) == {"messages": ("2026-10-08", "2026-10-08")}


def test_failed_subject_is_repaired_by_the_dags_of_its_part():
    part = part_of("c1", 2)
    tries = [
        past_try(day, dag_id=f"part_{each}", part=each, failed=["c1"] if each == part and day == TEN[9] else [])
        for day in TEN[3:]
        for each in (0, 1)
    ]
    (repair,) = series_of(tries, parts=2)["repairs"]
    assert repair["state"] == "incomplete"
    assert dags_of(repair) == {f"part_{part}": ("2026-10-11", "2026-10-11")}


def test_gap_of_given_subjects_is_repaired_by_each_dag_that_has_some():
    tries = [
        past_try(day, dag_id=dag_id, given=given)
        for day in TEN[3:]
        for dag_id, given in (("removed", ["a"]), ("first", ["a", "b"]), ("second", ["c"]))
        if day == TEN[3] or dag_id != "removed"
    ]
    (repair,) = series_of(tries, TEN[:4] + TEN[5:])["repairs"]
    assert set(dags_of(repair)) == {"first", "second"}


def test_violations_name_the_days_and_their_missing_subjects():
    tries = [*daily()[:-2], *(past_try(day, failed=["c1"]) for day in TEN[8:])]
    coverage = coverage_of(tries, TEN[:3] + TEN[4:])
    assert find_violations(coverage, None, 2) == [
        "campaigns: 3 days missing or incomplete: 2026-10-04 (campaign_days, campaign_messages), "
        "2026-10-09 to 2026-10-10 (c1) (max_missing_days=2)"
    ]
    assert find_violations(coverage, 0, 3) == []


def test_unproven_days_are_shown_and_are_not_a_violation():
    coverage = coverage_of([], TEN)
    assert coverage["series"]["campaigns"]["days"]["unproven"] == 10
    assert find_violations(coverage, None, 0) == []
    sentence = "10 days from 2026-10-01 to 2026-10-10 landed, but no kept record proves the rows of every campaign."
    assert sentence in format_coverage(coverage)
    page = render_page(coverage)
    assert sentence in page
    assert "No day is missing" not in page


def test_violations_name_a_stale_series():
    coverage = build_coverage("s3://lake/braze", [evidence(daily(), TEN)], NOW + 3 * DAY)
    assert find_violations(coverage, 2, 0) == [
        "campaigns: newest day 2026-10-10, 3 days older than yesterday (max_age=2)"
    ]
    assert find_violations(coverage, 3, 0) == []
    empty = build_coverage("s3://lake/braze", [evidence([], [])], NOW)
    assert find_violations(empty, 2, 0) == ["campaigns: newest day none (max_age=2)"]


def test_problems_begin_with_the_first_of_consecutive_runs_and_end_with_a_success():
    tries = [
        past_try(TEN[4], failed=["a", "b"]),
        past_try(TEN[5], failed=["b"]),
        past_try(TEN[6], failed=["a", "b"]),
        past_try(TEN[7], failed=["other"], part=1),
        past_try(TEN[8], given=["c"]),
    ]
    since = {each["name"]: each["since"][:10] for each in find_problems(tries, ["campaign_days"], "failed")}
    assert since == {"b": "2026-10-06", "a": "2026-10-08", "other": "2026-10-09"}


def test_failure_in_one_table_stays_when_another_dag_lands_another_table():
    tables = ["campaign_days", "campaign_messages"]
    bad = past_try(TEN[8], failed=["c1"], tables=["campaign_messages"])
    good = past_try(TEN[9], tables=["campaign_days"])
    assert [each["name"] for each in find_problems([bad, good], tables, "failed")] == ["c1"]
    again = past_try(TEN[9], tables=["campaign_messages"], read_on=TEN[9] + DAY)
    assert find_problems([bad, good, again], tables, "failed") == []


def test_shares_sum_tries_before_division_and_null_is_not_zero():
    tries = [
        past_try(TEN[5], restatement=change(1, 100, 110)),
        past_try(TEN[6], restatement=change(1, 300, 290)),
        past_try(TEN[7], restatement=change(1, None, 50)),
        past_try(TEN[8], restatement=change(2, None, 50)),
    ]
    one, two = sum_by_age(tries)
    assert one.shares == {"conversions": 20 / 400}
    assert (len(one.days), one.rows, one.changed) == (3, 30, 15)
    assert two.shares == {"conversions": None}
    assert not two.is_notable


def share_of(*tries):
    return {each.age: each.shares["conversions"] for each in sum_by_age(tries)}


def test_tries_of_one_morning_count_as_one_comparison():
    first = past_try(TEN[5], restatement=change(1, 100, 110), state="failed", is_complete=False)
    again = past_try(TEN[5], restatement=change(1, 110, 110), try_number=2)
    assert share_of(first, again) == {1: 0.1}
    third = past_try(TEN[5], restatement=change(1, 110, 115), try_number=3)
    assert share_of(first, again, third) == {1: 0.15}
    (age,) = sum_by_age([first, again, third])
    assert (len(age.days), age.rows, age.changed) == (1, 10, 10)


def test_try_with_a_failed_subject_compares_fewer_rows():
    first = past_try(TEN[5], restatement=change(1, 100, 110, rows=9), failed=["c1"])
    again = past_try(TEN[5], restatement=change(1, 130, 132), try_number=2)
    assert share_of(first, again) == {1: 12 / 120}


def test_rerun_of_a_first_landing_does_not_compare_first_landed_days():
    first = past_try(TEN[5])  # lands its last day for the first time
    again = past_try(TEN[5], restatement={**change(0, 100, 100), **change(1, 100, 110)}, try_number=2)
    assert share_of(first, again) == {1: 0.1}


def test_days_of_a_killed_try_are_not_compared():
    killed = past_try(TEN[5], 1, state="running", is_dead=True)
    again = past_try(TEN[5], restatement={**change(1, 100, 100), **change(2, 100, 101)}, try_number=2)
    later = past_try(TEN[6], restatement=change(1, 100, 120))
    assert share_of(killed, again, later) == {1: 0.2, 2: 0.01}


def test_late_run_counts_at_the_age_of_its_days():
    late = past_try(TEN[2], rule="arguments", read_on=TEN[9], restatement=change(1, 100, 110))
    assert share_of(late) == {8: 0.1}


def test_parts_and_given_subjects_are_compared_separately():
    parts = [past_try(TEN[5], part=part, restatement=change(1, 100, 110)) for part in (0, 1)]
    given = [past_try(TEN[5], given=[name], restatement=change(1, 100, 110)) for name in ("dau", "mau")]
    for tries in (parts, given):
        (age,) = sum_by_age(tries)
        assert (len(age.days), age.rows, age.shares) == (1, 20, {"conversions": 0.1})


def ages_of(shares, runs=7):
    return sum_by_age(
        past_try(
            TEN[number],
            restatement={
                key: value
                for age, share in shares.items()
                for key, value in change(age, 1000.0, 1000.0 * (1 + share)).items()
            },
        )
        for number in range(runs)
    )


@pytest.mark.parametrize(
    ("shares", "verdict"),
    [
        (
            {30: 0.008, 29: 0.01},
            "At age 30 days, 0.8 % of conversions still changed. Set lookback_days=45 to see when it ends.",
        ),
        ({30: 0.0, 12: 0.002, 11: 0.1}, "Nothing older than 12 days changed notably. lookback_days=15 would do."),
        ({30: 0.0, 28: 0.01}, "Nothing older than 28 days changed notably. lookback_days=30 fits."),
        (
            {50: 0.0, 40: 0.02, 30: 0.0},
            "At age 40 days, 2.0 % of conversions still changed. Set lookback_days=60 to see when it ends.",
        ),
        ({10: 0.0}, "Too few runs to judge the lookback of 30 days: the oldest compared age is 10."),
    ],
)
def test_verdict_on_the_lookback(shares, verdict):
    assert judge_lookback(ages_of(shares), 30) == verdict


def test_verdict_needs_runs_and_a_lookback():
    assert (
        judge_lookback(ages_of({30: 0.5}, 6), 30) == "Too few runs to judge the lookback of 30 days: each age needs 7."
    )
    assert judge_lookback([], 0) == "Runs do not look back, so later changes are not seen. Set lookback_days."


@pytest.mark.parametrize(("share", "text"), [(0.0, "0.0 %"), (0.0004, "less than 0.1 %"), (0.1234, "12.3 %")])
def test_percent_does_not_hide_a_small_share(share, text):
    assert percent(share) == text


def test_runs_are_the_newest_with_their_state():
    tries = [*daily(), past_try(TEN[9], state="running", is_dead=True, read_on=TEN[9] + DAY)]
    runs = series_of(tries)["runs"]
    assert (runs[0]["state"], runs[0]["requests"]) == ("killed", None)
    assert [each["last_day"] for each in runs[:2]] == ["2026-10-10", "2026-10-10"]


def test_keys_without_a_column_are_those_of_the_newest_try_of_each_part():
    tries = [
        past_try(TEN[8], drift={"old": 1}),
        past_try(TEN[9], drift={"a": 1}),
        past_try(TEN[9], part=1, drift={"a": 2}),
    ]
    assert series_of(tries, parts=2)["keys_without_column"] == {"a": 3}


@pytest.mark.parametrize(
    "tries", [[], [past_try(TEN[9], state="failed", is_complete=False)], [past_try(TEN[9], state="running")]]
)
def test_lookback_is_not_judged_without_a_complete_run(tries):
    found = series_of(tries)
    assert found["lookback_days"] is None
    assert found["verdict"] == "No kept record is of a complete run, so the lookback cannot be judged."


@pytest.mark.parametrize(
    ("lookback", "verdict"),
    [
        (13, "At age 14 days, 20.0 % of conversions still changed. lookback_days=13 fits: Braze keeps no older days."),
        (10, "At age 11 days, 20.0 % of conversions still changed. Set lookback_days=13 to see when it ends."),
    ],
)
def test_sends_are_not_read_for_longer_than_braze_keeps_them(lookback, verdict):
    changes = {name: each for age in range(1, lookback + 2) for name, each in change(age, 100, 120).items()}
    tries = [past_try(day, lookback, tables=["send_days"], restatement=changes) for day in TEN]
    found = coverage_of(tries, days(TEN[0] - 14 * DAY, 24), series="sends")["series"]["sends"]
    assert found["verdict"] == verdict


def test_keys_without_a_column_are_those_of_all_tasks():
    all_campaigns = [past_try(day, drift={"messages.line": 3}) for day in TEN[8:]]
    one_campaign = past_try(TEN[9], given=["c1"], dag_id="braze_hourly", run_id="later", drift={"messages.rcs": 1})
    assert series_of([*all_campaigns, one_campaign])["keys_without_column"] == {"messages.line": 3, "messages.rcs": 1}


def test_keys_without_a_column_are_those_of_all_mapped_copies():
    copies = [past_try(TEN[9], given=[name], drift={name: 1}) for name in ("a", "b")]
    for number, copy in enumerate(copies):
        copy.record["run"]["map_index"] = number
    assert series_of(copies)["keys_without_column"] == {"a": 1, "b": 1}
