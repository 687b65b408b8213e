from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import date

import pytest

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeDataError
from airflow_provider_braze.landing.layout import Layout, ensure_layout, part_of
from airflow_provider_braze.landing.store import Store

NOTE = "_braze/layout.json"
DAY = date(2026, 11, 18)
WINDOW = Window(date(2026, 10, 19), date(2026, 11, 19))


def a_layout(parts=1, file_format="parquet", timezone="Europe/Berlin", host="https://rest.fra-02.braze.eu"):
    return Layout(parts, file_format, timezone, host)


@pytest.fixture
def store(destination) -> Store:
    return Store(destination.uri, destination.conn_id)


@pytest.mark.parametrize(
    ("parts", "part", "name"),
    [
        (1, 0, "part-00-of-01"),
        (16, 0, "part-00-of-16"),
        (16, 15, "part-15-of-16"),
        (99, 9, "part-09-of-99"),
        (100, 7, "part-007-of-100"),
        (999, 998, "part-998-of-999"),
        (1000, 42, "part-0042-of-1000"),
    ],
)
def test_names_of_a_part_are_as_wide_as_the_count_of_parts(parts, part, name):
    layout = a_layout(parts)
    assert layout.day_object("campaign_days", DAY, part) == f"campaign_days/dt=2026-11-18/{name}.parquet"
    assert layout.manifest(WINDOW, part) == f"_braze/manifests/2026-10-19_2026-11-19/{name}.json"
    assert layout.manifest(None, part) == f"_braze/manifests/without_days/{name}.json"
    assert layout.pending(part) == f"_braze/pending/{name}.json"


def test_names_of_jsonl_objects_say_that_they_are_compressed():
    layout = a_layout(file_format="jsonl")
    assert layout.day_object("campaign_raw", DAY, 0) == "campaign_raw/dt=2026-11-18/part-00-of-01.jsonl.gz"
    assert layout.whole_object("campaigns") == "campaigns/campaigns.jsonl.gz"


def test_name_of_a_part_of_a_table_without_days_has_its_part_alone():
    assert a_layout(16).part_object("campaign_details", 3) == "campaign_details/part-03-of-16.parquet"


def test_name_of_a_whole_table_has_neither_day_nor_part():
    assert a_layout(16).whole_object("campaigns") == "campaigns/campaigns.parquet"


def test_names_of_all_parts_of_a_day_differ_and_sort_by_part():
    layout = a_layout(1000)
    names = [layout.day_object("campaign_days", DAY, part) for part in range(1000)]
    assert sorted(set(names)) == names


# The first 8 bytes of BLAKE2b, as `printf %s ID | b2sum -l 64` tells them, big-endian, modulo 1000.
PINNED = {
    "": 876,
    "0": 789,
    "campaign": 136,
    "3bbc4555-8fa0-4c9b-a5c0-4505edf3e064": 736,
    "Ünïcode 日本 \U0001f600": 321,
    "\ud800": 464,
}


@pytest.mark.parametrize(("campaign_id", "part"), PINNED.items())
def test_part_of_an_id_never_changes(campaign_id, part):
    assert part_of(campaign_id, 1000) == part


def test_part_of_an_id_is_the_same_in_another_process():
    code = (
        "from airflow_provider_braze.landing.layout import part_of; "
        "print([part_of(f'campaign-{i}', 16) for i in range(50)])"
    )
    # With another seed of Python's own hash, and no locale.
    environment = {"PYTHONHASHSEED": "12345", "LC_ALL": "C"}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == [part_of(f"campaign-{i}", 16) for i in range(50)]


@pytest.mark.parametrize("parts", [1, 2, 7, 16, 100])
def test_part_of_many_ids_is_spread_evenly(parts):
    counts = Counter(part_of(f"campaign-{i}", parts) for i in range(200 * parts))
    assert sorted(counts) == list(range(parts))
    assert min(counts.values()) > 130
    assert max(counts.values()) < 270 or parts == 1


def test_settle_layout_of_a_new_destination_writes_it(store, destination):
    ensure_layout(store, a_layout(16))
    (name, content), *others = destination.contents().items()
    assert (name, others) == (NOTE, [])
    assert json.loads(content) == {
        "parts": 16,
        "file_format": "parquet",
        "timezone": "Europe/Berlin",
        "host": "https://rest.fra-02.braze.eu",
        "schema_version": 1,
    }


def test_settle_layout_again_leaves_the_object_alone(store):
    ensure_layout(store, a_layout())
    first = store.read(NOTE)
    ensure_layout(store, a_layout())
    assert store.read(NOTE) == first


def test_settle_layout_accepts_what_a_later_version_adds_to_it(store):
    store.write(NOTE, json.dumps({**asdict(a_layout()), "later": True}).encode(), None)
    ensure_layout(store, a_layout())


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("parts", 16),
        ("file_format", "jsonl"),
        ("timezone", "UTC"),
        ("host", "https://rest.iad-01.braze.com"),
        ("schema_version", 2),
    ],
)
def test_settle_layout_with_another_field_names_both_values_and_writes_nothing(store, destination, field, other):
    ensure_layout(store, a_layout())
    before = destination.contents()
    with pytest.raises(BrazeConfigError) as caught:
        ensure_layout(store, replace(a_layout(), **{field: other}))
    assert f"with {field}={getattr(a_layout(), field)!r}, but this run has {field}={other!r}" in str(caught.value)
    assert destination.uri in str(caught.value)
    assert destination.contents() == before


def test_settle_layout_where_a_field_is_missing_is_refused(store):
    store.write(NOTE, b'{"parts": 1}', None)
    with pytest.raises(BrazeConfigError, match=r"file_format=None, but this run has file_format='parquet'"):
        ensure_layout(store, a_layout())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe\xfd", b"<html>"])
def test_settle_layout_over_a_broken_note_is_a_data_error_and_keeps_it(store, destination, content):
    destination.put(NOTE, content)
    with pytest.raises(BrazeDataError, match="is no JSON object") as caught:
        ensure_layout(store, a_layout())
    assert str(caught.value).startswith(f"{destination.uri}/{NOTE}")
    assert destination.contents() == {NOTE: content}


def test_settle_layout_of_two_first_runs_at_once_has_one_winner(destination):
    barrier = threading.Barrier(2)

    class Meeting(Store):
        """A store over which both runs have seen that there is no layout, before either writes one."""

        def read(self, name):
            found = super().read(name)
            if found is None:
                barrier.wait()
            return found

    def run(layout: Layout) -> BrazeConfigError | None:
        try:
            ensure_layout(Meeting(destination.uri, destination.conn_id), layout)
        except BrazeConfigError as error:
            return error
        return None

    layouts = [a_layout(1), a_layout(16)]
    with ThreadPoolExecutor(2) as pool:
        errors = list(pool.map(run, layouts))
    (winner,) = [layout for layout, error in zip(layouts, errors, strict=True) if error is None]
    (refusal,) = filter(None, errors)
    assert f"was landed with parts={winner.parts}" in str(refusal)
    assert json.loads(destination.contents()[NOTE]) == asdict(winner)
