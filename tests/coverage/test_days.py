from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from airflow_provider_braze.coverage.days import Calendar, Span, judge_days
from airflow_provider_braze.coverage.earlier import Earlier
from airflow_provider_braze.coverage.reader import parse_objects
from airflow_provider_braze.coverage.subjects import find_lacking
from airflow_provider_braze.landing.layout import part_of
from tests.coverage.evidence import DAY, days, evidence, past_try

FIRST = date(2026, 10, 1)
TEN = days(FIRST, 10)
TABLES = ("campaign_days", "campaign_messages")


def daily(first: int = 3, last: int = 9, **options):
    return [past_try(TEN[number], **options) for number in range(first, last + 1)]


def states_of(calendar) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for day, state in calendar.states.items():
        found.setdefault(state, []).append((day - FIRST).days)
    return found


def test_daily_runs_have_final_days_and_days_of_the_next_lookback():
    calendar = judge_days(evidence(daily(), TEN))
    assert states_of(calendar) == {"final": [0, 1, 2, 3, 4, 5, 6], "still_read": [7, 8, 9]}
    assert calendar.newest == TEN[9]
    assert calendar.counts() == {
        "final": 7, "still_read": 3, "unproven": 0, "early": 0, "incomplete": 0, "not_landed": 0,
    }  # fmt: skip


def test_days_without_an_object_are_the_exact_windows():
    landed = [day for day in TEN if day not in (TEN[2], TEN[3], TEN[6])]
    calendar = judge_days(evidence(daily(), landed))
    assert calendar.windows("not_landed") == [
        Span("not_landed", TEN[2], TEN[4]),
        Span("not_landed", TEN[6], TEN[7]),
    ]
    assert calendar.absent[TEN[2]] == (("campaign_days", 0), ("campaign_messages", 0))


def test_one_absent_object_of_sixteen_parts_is_named():
    tries = [past_try(TEN[9], 9, part=part) for part in range(16)]
    calendar = judge_days(evidence(tries, TEN, parts=16, campaign_messages={(TEN[4], 11)}))
    assert calendar.absent == {TEN[4]: (("campaign_messages", 11),)}
    assert states_of(calendar)["not_landed"] == [4]


def test_requested_last_day_that_never_landed_is_missing():
    calendar = judge_days(evidence([*daily(last=8), past_try(TEN[9], state="failed", is_complete=False)], TEN[:9]))
    assert states_of(calendar)["not_landed"] == [9]
    assert calendar.newest == TEN[8]


def test_day_between_landed_ones_that_no_record_requested_is_marked():
    far = FIRST + 100 * DAY
    calendar = judge_days(evidence([past_try(far, 0)], [FIRST, far]))
    (window,) = calendar.windows("not_landed")
    assert (window.start, window.end, window.is_asked) == (FIRST + DAY, far, False)


def test_day_that_was_fetched_only_once_is_early():
    # The runs after it were skipped until it had left their lookback.
    calendar = judge_days(evidence([past_try(TEN[3]), past_try(TEN[4]), past_try(TEN[9])], TEN))
    assert calendar.reads[TEN[4]] == 1
    assert states_of(calendar)["early"] == [2, 3, 4]


def test_longer_lookback_does_not_make_older_fetches_early():
    calendar = judge_days(evidence([*daily(last=8), past_try(TEN[9], 5)], TEN))
    assert "early" not in states_of(calendar)


def test_days_of_runs_over_given_dates_are_final_by_the_lookback_of_the_series():
    many = days(FIRST, 40)
    once = past_try(many[-1], 39, rule="arguments")
    once.record["plan"]["lookback_days"] = 0
    assert judge_days(evidence([once], many)).counts() == {
        "final": 10, "still_read": 0, "unproven": 0, "early": 30, "incomplete": 0, "not_landed": 0,
    }  # fmt: skip
    # A schedule without lookback is intended.
    calendar = judge_days(evidence([*(past_try(day, 0) for day in many)], many))
    assert calendar.counts()["final"] == 40


def test_day_that_landed_late_is_final_at_once():
    late = past_try(TEN[2], 0, rule="arguments", read_on=TEN[9])
    calendar = judge_days(evidence([past_try(TEN[9]), late], TEN))
    assert calendar.states[TEN[2]] == "final"


def test_failing_subject_lacks_only_the_days_that_it_never_had():
    tries = [past_try(TEN[5]), *(past_try(day, failed=["c1"]) for day in TEN[6:10])]
    calendar = judge_days(evidence(tries, TEN))
    assert {day: set(names) for day, names in calendar.lacking.items()} == {day: {"c1"} for day in TEN[6:10]}
    assert states_of(calendar)["incomplete"] == [6, 7, 8, 9]


def test_later_run_that_returns_the_subject_completes_its_days():
    tries = [past_try(TEN[7], failed=["c1"]), past_try(TEN[9])]
    assert find_lacking(tries, TABLES) == {TEN[4]: {"c1"}, TEN[5]: {"c1"}}


def test_missing_day_of_one_subject_is_found_and_a_rejected_subject_lacks_no_day():
    tries = [past_try(TEN[9], rejected=["gone"], missing={"c2": [TEN[8]]})]
    assert find_lacking(tries, TABLES) == {TEN[8]: {"c2"}}


def test_run_over_given_subjects_completes_only_their_days():
    bad = past_try(TEN[9], failed=["c1", "c2"])
    again = past_try(TEN[9], given=["c2"], read_on=TEN[9] + DAY)
    assert set().union(*find_lacking([bad, again], TABLES).values()) == {"c1"}


def test_killed_try_completes_no_day():
    killed = past_try(TEN[9], state="running", is_dead=True)
    calendar = judge_days(evidence([past_try(TEN[8]), killed], TEN[:9]))
    assert states_of(calendar)["not_landed"] == [9]


def test_days_before_a_late_start_are_not_missing():
    requested = past_try(TEN[9], 9, tables=["segment_days"])
    calendar = judge_days(evidence([requested], TEN[6:], series="segments"))
    assert min(calendar.states) == TEN[6]
    assert "not_landed" not in states_of(calendar)


def test_calendar_without_landed_or_requested_days_is_empty():
    assert judge_days(evidence([], [])).newest is None


def test_objects_of_another_number_of_parts_and_other_files_are_ignored():
    names = ["dt=2026-10-01/part-00-of-02.parquet", "dt=2026-10-01/part-01-of-04.parquet", "dt=x/part-00-of-02.parquet"]
    assert parse_objects([*names, "dt=2026-10-01/part-01-of-02.parquet.bak"], 2) == {FIRST: frozenset({0})}


def test_objects_of_each_format_are_counted():
    for extension in ("parquet", "jsonl.gz"):
        assert parse_objects([f"dt=2026-10-01/part-00-of-01.{extension}"], 1) == {FIRST: frozenset({0})}


def test_five_years_are_judged_day_by_day():
    many = days(date(2021, 11, 1), 1826)
    tries = [past_try(day, 30) for day in many[-40:]]
    calendar = judge_days(evidence(tries, set(many) - {many[900]}))
    assert len(calendar.states) == 1826
    assert [window.start for window in calendar.windows("not_landed")] == [many[900]]
    assert calendar.newest - min(calendar.states) == timedelta(days=1825)


def test_table_that_landed_later_is_not_expected_for_older_days():
    whole = evidence([past_try(TEN[9])], TEN)
    objects = {**whole.objects, "campaign_messages": {day: frozenset({0}) for day in TEN[6:]}}
    assert "not_landed" not in states_of(judge_days(replace(whole, objects=objects)))


def test_tables_of_two_tasks_are_expected_together():
    tries = [past_try(TEN[9], 9, tables=["campaign_messages"]), past_try(TEN[9], 9, tables=["campaign_days"])]
    calendar = judge_days(evidence(tries, TEN, campaign_messages={(TEN[4], 0)}))
    assert calendar.absent == {TEN[4]: (("campaign_messages", 0),)}


def test_newest_days_that_braze_has_not_computed_are_not_judged():
    calendar = judge_days(evidence([past_try(TEN[9], tables=["kpi_days"])], TEN[:9], series="kpis"))
    assert max(calendar.states) == TEN[8]
    assert "not_landed" not in states_of(calendar)


def test_newest_day_that_was_written_and_removed_is_missing():
    newest = past_try(TEN[9])
    path = f"campaign_days/dt={TEN[9]}/part-00-of-01.parquet"
    newest.record["tables"]["campaign_days"]["objects"] = [{"path": path}]
    assert states_of(judge_days(evidence([newest], TEN[:9])))["not_landed"] == [9]


def test_day_that_no_subject_returned_lacks_its_subjects():
    calendar = judge_days(evidence([past_try(TEN[9], missing={"c1": [TEN[9]], "c2": [TEN[9]]})], TEN[:9]))
    assert calendar.states[TEN[9]] == "incomplete"
    assert calendar.lacking[TEN[9]] == {"c1", "c2"}


def test_run_of_only_the_list_does_not_affect_days():
    listing = past_try(TEN[9], tables=["campaigns"])
    listing.record["writes"] = None
    calendar = judge_days(evidence([past_try(TEN[8]), listing], TEN[:9]))
    assert max(calendar.states) == TEN[8]


def tables_of_two_dags(last: int, **options):
    """Build tries of a Dag for days, and of a Dag for messages that stopped after one day."""
    days_ = [past_try(day, dag_id="days", tables=["campaign_days"], **options) for day in TEN[3:]]
    messages = [past_try(day, dag_id="messages", tables=["campaign_messages"], **options) for day in TEN[3 : last + 1]]
    return [*days_, *messages]


def test_days_that_another_dag_has_not_landed_are_missing_with_its_table():
    for last in (5, 7):
        landed = {(day, 0) for day in TEN[last + 1 :]}
        calendar = judge_days(evidence(tables_of_two_dags(last), TEN, campaign_messages=landed))
        assert states_of(calendar)["not_landed"] == list(range(last + 1, 10))
        assert set(calendar.absent.values()) == {(("campaign_messages", 0),)}
        assert calendar.newest == TEN[last]


def test_dag_that_runs_after_another_is_not_late_before_its_run():
    calendar = judge_days(evidence(tables_of_two_dags(8), TEN, campaign_messages={(TEN[9], 0)}))
    assert "not_landed" not in states_of(calendar)


def test_weekly_dag_is_late_after_a_week():
    many = days(FIRST, 30)
    daily_ = [past_try(day, dag_id="days", tables=["campaign_days"]) for day in many[3:]]
    for last, late in ((23, []), (16, list(range(17, 30)))):
        weekly = [past_try(many[each], 8, dag_id="raw", tables=["campaign_messages"]) for each in range(9, last + 1, 7)]
        absent = {(day, 0) for day in many[last + 1 :]}
        calendar = judge_days(evidence([*daily_, *weekly], many, campaign_messages=absent))
        assert states_of(calendar).get("not_landed", []) == late


def test_table_that_was_landed_manually_is_not_expected_for_other_days():
    once = past_try(TEN[6], 2, rule="arguments", dag_id="history", tables=["campaign_messages"])
    absent = {(day, 0) for day in (*TEN[:4], *TEN[7:])}
    tries = [*(past_try(day, tables=["campaign_days"]) for day in TEN[3:]), once]
    assert "not_landed" not in states_of(judge_days(evidence(tries, TEN, campaign_messages=absent)))


def test_table_that_a_task_no_longer_lands_is_not_expected():
    tries = [*daily(last=5), *daily(first=6, tables=["campaign_days"])]
    calendar = judge_days(evidence(tries, TEN, campaign_messages={(day, 0) for day in TEN[6:]}))
    assert "not_landed" not in states_of(calendar)


def test_day_is_final_when_each_of_its_tables_is():
    early = [past_try(day, dag_id="messages", tables=["campaign_messages"]) for day in (TEN[3], TEN[4], TEN[9])]
    calendar = judge_days(evidence([*(past_try(day, tables=["campaign_days"]) for day in TEN[3:]), *early], TEN))
    assert states_of(calendar) == {"final": [0, 1, 6], "unproven": [5], "early": [2, 3, 4], "still_read": [7, 8, 9]}


def metrics_of_two_dags(last: int):
    dau = [past_try(day, dag_id="dau", tables=["kpi_days"], given=["dau"]) for day in TEN[3:]]
    mau = [past_try(day, dag_id="mau", tables=["kpi_days"], given=["mau"]) for day in TEN[3 : last + 1]]
    return [*dau, *mau]


def test_days_lack_the_metric_that_another_dag_has_not_landed():
    calendar = judge_days(evidence(metrics_of_two_dags(5), TEN, series="kpis"))
    assert calendar.lacking == {day: {"mau"} for day in TEN[6:]}
    assert states_of(calendar) == {"final": [0, 1, 2], "early": [3, 4, 5], "incomplete": [6, 7, 8, 9]}
    assert judge_days(evidence(metrics_of_two_dags(8), TEN, series="kpis")).lacking == {}


def test_days_between_an_old_backfill_and_the_kept_records_lack_no_metric():
    for rule in ("arguments", "schedule"):
        old = past_try(FIRST - 100 * DAY, 0, rule=rule, read_on=TEN[8], tables=["kpi_days"], given=["dau"])
        daily_ = [past_try(day, tables=["kpi_days"], given=["dau"]) for day in TEN[3:]]
        calendar = judge_days(evidence([old, *daily_], days(FIRST - 100 * DAY, 110), series="kpis"))
        assert calendar.lacking == {}
        assert calendar.counts()["unproven"] == 99


def test_days_without_runs_between_kept_ones_lack_the_metrics():
    tries = [past_try(TEN[each], 1, tables=["kpi_days"], given=["dau"]) for each in (1, 2, 8, 9)]
    calendar = judge_days(evidence(tries, TEN, series="kpis"))
    assert calendar.lacking == {day: {"dau"} for day in TEN[3:7]}


def test_later_fetch_of_the_other_metric_does_not_complete_the_day():
    for given, lacking in ((["dau"], {"mau"}), (["mau"], None)):
        again = past_try(TEN[9], 9, dag_id="history", rule="arguments", tables=["kpi_days"], given=given)
        calendar = judge_days(evidence([*metrics_of_two_dags(5), again], TEN, series="kpis"))
        assert calendar.lacking.get(TEN[7]) == lacking


def test_metric_that_a_task_begins_to_land_is_not_expected_for_older_days():
    tries = [past_try(day, tables=["kpi_days"], given=["dau"]) for day in TEN[3:8]]
    tries += [past_try(day, tables=["kpi_days"], given=["dau", "mau"]) for day in TEN[8:]]
    calendar = judge_days(evidence(tries, TEN, series="kpis"))
    assert calendar.lacking == {}
    assert states_of(calendar) == {"final": list(range(7)), "still_read": [7, 8, 9]}


def test_mapped_task_with_copies_for_different_metrics_is_one_task():
    tries = [past_try(day, tables=["kpi_days"], given=[name]) for day in TEN[3:] for name in ("dau", "mau")]
    assert states_of(judge_days(evidence(tries, TEN, series="kpis")))["final"] == list(range(7))
    # The copy of one of them failed on the last mornings.
    for bad in [each for each in tries if each.given == ["mau"]][4:]:
        bad.record.update(state="failed", is_complete=False)
    assert judge_days(evidence(tries, TEN, series="kpis")).lacking == {day: {"mau"} for day in TEN[7:]}


def test_subject_that_fails_in_one_table_lacks_the_day_although_another_dag_has_it():
    bad = past_try(TEN[9], dag_id="messages", tables=["campaign_messages"], failed=["c1"])
    good = [past_try(day, dag_id="days", tables=["campaign_days"]) for day in TEN[3:]]
    first = [past_try(day, dag_id="messages", tables=["campaign_messages"]) for day in TEN[3:9]]
    for tries in ([bad, *first, *good], [*first, *good, bad]):
        calendar = judge_days(evidence(tries, TEN))
        assert calendar.lacking == {TEN[9]: {"c1"}}


def test_subject_with_an_app_is_not_a_listed_one():
    bad = past_try(TEN[8], failed=["buy app_id=x"], given=["buy", "buy app_id=x"])
    listed = past_try(TEN[9])
    assert find_lacking([bad, listed], TABLES).keys() == set(TEN[5:9])
    again = past_try(TEN[9], 9, given=["buy app_id=x"])
    assert find_lacking([bad, listed, again], TABLES) == {}


def check_again(calendar: Calendar, tries, landed=TEN, **options) -> Calendar:
    """Judge again, with the earlier result of coverage and only these records."""
    earlier = Earlier(calendar.states, calendar.lacking)
    return judge_days(replace(evidence(tries, landed, **options), earlier=earlier))


def test_landed_day_without_a_record_is_not_final():
    assert states_of(judge_days(evidence([], TEN))) == {"unproven": list(range(10))}
    calendar = judge_days(evidence([past_try(TEN[9])], TEN))
    assert states_of(calendar) == {"unproven": [0, 1, 2, 3, 4, 5], "final": [6], "still_read": [7, 8, 9]}


def test_landed_day_that_only_a_failed_run_requested_is_not_final():
    broken = past_try(TEN[9], 9, state="failed", is_complete=False)
    assert states_of(judge_days(evidence([broken], TEN))) == {"unproven": list(range(10))}


def test_final_day_stays_final_after_its_records_are_removed():
    before = judge_days(evidence(daily(), TEN))
    after = check_again(before, daily(first=9))
    assert states_of(after)["final"] == [0, 1, 2, 3, 4, 5, 6]
    assert check_again(after, []).counts()["final"] == 7


def test_subject_that_lacks_a_day_is_named_after_the_records_are_removed():
    before = judge_days(evidence([past_try(TEN[4], failed=["c1"]), *daily(5)], TEN))
    after = check_again(before, daily(first=9))
    assert before.lacking == after.lacking == {TEN[1]: {"c1"}}
    assert after.states[TEN[1]] == "incomplete"


def test_later_fetch_completes_a_day_after_its_records_are_removed():
    before = judge_days(evidence([past_try(TEN[4], failed=["c1"]), *daily(5)], TEN))
    again = past_try(TEN[1], 0, rule="arguments", read_on=TEN[9])
    assert check_again(before, [*daily(first=9), again]).states[TEN[1]] == "final"
    only = past_try(TEN[1], 0, rule="arguments", read_on=TEN[9], given=["c2"])
    assert check_again(before, [*daily(first=9), only]).states[TEN[1]] == "incomplete"


def test_later_fetch_of_another_part_completes_nothing():
    part = part_of("c1", 2)
    whole = [past_try(day, part=each) for day in TEN[5:] for each in (0, 1)]
    before = judge_days(evidence([past_try(TEN[4], part=part, failed=["c1"]), *whole], TEN, parts=2))
    for each, lacking in ((1 - part, {TEN[1]: {"c1"}}), (part, {})):
        again = past_try(TEN[1], 0, part=each, rule="arguments", read_on=TEN[9])
        kept = [past_try(TEN[9], part=number) for number in (0, 1)]
        assert check_again(before, [*kept, again], parts=2).lacking == lacking


def test_subject_that_had_a_day_does_not_lack_it_when_a_rerun_fails():
    again = past_try(TEN[2], 0, rule="arguments", read_on=TEN[9], failed=["c1"])
    after = check_again(judge_days(evidence(daily(), TEN)), [again])
    assert after.lacking == {}


def test_day_that_was_fetched_too_early_is_named_after_its_records_are_removed():
    before = judge_days(evidence([past_try(TEN[3]), past_try(TEN[4]), past_try(TEN[9])], TEN))
    assert states_of(check_again(before, [past_try(TEN[9])]))["early"] == [2, 3, 4]


def test_day_that_was_fetched_between_coverage_checks_is_unproven():
    before = judge_days(evidence(daily(last=5), TEN[:6]))
    assert before.states[TEN[4]] == "still_read"
    assert check_again(before, [past_try(TEN[9])]).states[TEN[4]] == "unproven"


def test_day_that_was_removed_and_landed_again_must_be_proven_again():
    removed = check_again(judge_days(evidence(daily(), TEN)), [], landed=TEN[:2] + TEN[3:])
    assert removed.states[TEN[2]] == "not_landed"
    assert check_again(removed, []).states[TEN[2]] == "unproven"


def test_removed_start_of_the_lake_is_not_judged_by_the_earlier_result():
    before = judge_days(evidence([past_try(TEN[4], failed=["c1"]), *daily(5)], TEN))
    after = check_again(before, daily(first=9), landed=TEN[5:])
    assert min(after.states) == TEN[5]
    assert after.lacking == {}


def test_run_over_given_subjects_does_not_make_a_day_final():
    late = past_try(TEN[2], 0, rule="arguments", read_on=TEN[9], given=["c1"])
    assert judge_days(evidence([past_try(TEN[9]), late], TEN)).states[TEN[2]] == "unproven"


def test_subject_that_braze_rejects_now_lacks_no_day_and_keeps_its_days():
    tries = [past_try(TEN[8], failed=["c1"]), past_try(TEN[9], rejected=["c1"])]
    calendar = judge_days(evidence(tries, TEN))
    assert calendar.counts()["incomplete"] == 0
    assert calendar.lacking[TEN[8]] == {"c1"}
    assert judge_days(evidence([*tries, past_try(TEN[9], part=1)], TEN, parts=2)).counts()["incomplete"] == 0


def test_removed_day_that_also_lacks_a_subject_has_not_landed():
    newest = past_try(TEN[9], failed=["c1"])
    newest.record["tables"]["campaign_days"]["objects"] = [{"path": f"campaign_days/dt={TEN[8]}/part-00-of-01.parquet"}]
    assert judge_days(evidence([newest], TEN[:8] + TEN[9:])).states[TEN[8]] == "not_landed"
