"""Every changed day is reported, and newer data stays: random interleavings of runs, tries, failures and kills."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.landing import journal
from tests.landing.interleaving import DAYS, SERIES, SUBJECTS, Actor, Lake

pytestmark = pytest.mark.unmeasured

INTERLEAVINGS = 2_000
GROUPS = 20
ON_REAL_STORES = 6
ONE_DAY = timedelta(days=1)


@pytest.fixture
def later(monkeypatch, caplog):
    """Return a function that advances the journal's clock."""
    passed = [timedelta()]
    now = journal.now
    monkeypatch.setattr(journal, "now", lambda: now() + passed[0])
    caplog.set_level(logging.ERROR, "airflow_provider_braze")

    def pass_by(duration: timedelta) -> None:
        passed[0] += duration

    yield pass_by
    passed[0] = timedelta()


def an_actor(lake: Lake, run_id: str, *, faults: float, tries: int | None = None) -> Actor:
    random = lake.random
    first, last = sorted((random.choice(DAYS), random.choice(DAYS)))
    is_listed = random.random() < 0.6
    subjects = SUBJECTS if is_listed else tuple(sorted(random.sample(SUBJECTS, random.randint(1, 2))))
    tries = tries or random.choice([1, 2, 3])
    task = random.choice(["daily", "daily", "other"])
    return Actor(lake, task, run_id, Window(first, last + ONE_DAY), subjects, is_listed, tries, faults)


def run_alone(actor: Actor) -> None:
    actor.start()
    while not actor.is_over:
        actor.advance()


def interleave(lake: Lake) -> list[Actor]:
    """Run several landing runs at the same time, until all have ended."""
    random = lake.random
    waiting = [
        an_actor(lake, f"run{number}", faults=random.choice([0.0, 0.0, 0.05, 0.2]))
        for number in range(random.randint(2, 5))
    ]
    everyone, running = list(waiting), []
    while waiting or running:
        choice = random.random()
        if choice < 0.2:
            lake.restate()
        elif choice < 0.22:
            lake.poll()
        elif waiting and (not running or choice < 0.4):
            actor = waiting.pop(0)
            actor.start()
            running.append(actor)
        elif running:
            actor = random.choice(running)
            # Mostly continues with one run for a while, so that both long and short overlaps occur.
            for _ in range(random.choice([1, 3, 10, 40])):
                fault = random.choice(["fail", "lose", "kill"]) if random.random() < actor.faults else None
                actor.advance(fault)
                if actor.is_over:
                    running.remove(actor)
                    break
    return everyone


def check_newest(lake: Lake, actors: list[Actor]) -> None:
    """Check that the lake holds nothing older than what the newest successful fetch returned.

    Days of runs that failed are left out: Airflow shows these runs as failed, and a rerun fetches fresh data.
    """
    newest: dict = {}
    failed = {(id_, day) for actor in actors if not actor.success for id_ in actor.subjects for day in actor.window}
    for actor in sorted((each for each in actors if each.success), key=lambda each: each.fetched_at):
        left = actor.success["left_days"]
        newest.update({key: value for key, value in actor.fetched.items() if f"{key[1]}" not in left})
    contents = lake.contents()
    for id_, day in newest.keys() - failed:
        value, stored = newest[id_, day], contents[day][id_]
        assert stored >= value, f"{id_} {day}: {stored} is older than {value}"


def check(seed: int, later, destination: str = "file:///memory", conn_id: str | None = None, in_memory=True) -> None:
    lake = Lake(destination, conn_id, seed, in_memory=in_memory)
    try:
        actors = interleave(lake)
        check_newest(lake, actors)
        lost = False
        for actor in actors:
            if actor.success is None:
                if lake.random.random() < 0.5:
                    # A user clears the task.
                    actor.is_over, actor.tries, actor.faults = False, actor.number + 1, 0
                    run_alone(actor)
                    assert actor.success
                lost = lost or (actor.success is None)
        later(timedelta(hours=37))
        final = an_actor(lake, "final", faults=0, tries=3)
        run_alone(final)
        assert final.success
        lake.poll()
        expected = lake.contents()
        assert {day: rows for day, rows in lake.by_journal.items() if rows} == expected
        if not lost or not has_lost_success(lake, actors):
            assert {day: rows for day, rows in lake.by_events.items() if rows} == expected
    except BaseException:
        print(f"seed {seed}", *lake.log, sep="\n")
        raise


def has_lost_success(lake: Lake, actors: list[Actor]) -> bool:
    """Return whether a run succeeded without Airflow's knowledge, and no later try of it succeeded."""
    failed_runs = {actor.run_id for actor in actors if actor.success is None}
    book = journal.Journal(lake._store, SERIES.name)
    records = [book.read(name).record for name in book.names()]
    return any(record["state"] == "success" and record["run"]["run_id"] in failed_runs for record in records)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("group", range(GROUPS))
def test_interleavings_report_every_change_and_keep_newer_data(group, later):
    share = INTERLEAVINGS // GROUPS
    for seed in range(group * share, (group + 1) * share):
        check(seed, later)


def test_interleavings_on_real_stores_report_every_change(make_destination, later):
    for seed in range(ON_REAL_STORES):
        destination = make_destination()
        check(seed, later, destination.uri, destination.conn_id, in_memory=False)
