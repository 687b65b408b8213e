from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeDataError
from airflow_provider_braze.landing.formats import FORMATS
from airflow_provider_braze.landing.layout import (
    Layout,
    ensure_layout,
    parse_day_object,
    part_of,
    read_layout,
    validate_layout,
)
from airflow_provider_braze.landing.store import Store

DESTINATION = "_braze/destination.json"
LAYOUT = "_braze/campaigns/layout.json"
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
def test_part_numbers_in_names_are_padded_to_the_number_of_parts(parts, part, name):
    layout = a_layout(parts)
    assert layout.day_object("campaign_days", DAY, part) == f"campaign_days/dt=2026-11-18/{name}.parquet"


def test_names_of_jsonl_objects_end_with_gz():
    layout = a_layout(file_format="jsonl")
    assert layout.day_object("campaign_raw", DAY, 0) == "campaign_raw/dt=2026-11-18/part-00-of-01.jsonl.gz"
    assert layout.whole_object("campaigns") == "campaigns/campaigns.jsonl.gz"


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize(("parts", "part"), [(1, 0), (16, 15), (1000, 42)])
def test_name_of_a_day_object_is_parsed_to_its_day_and_part(file_format, parts, part):
    name = a_layout(parts, file_format).day_object("campaign_days", DAY, part)
    assert parse_day_object(name.removeprefix("campaign_days/")) == (DAY, part, parts)


@pytest.mark.parametrize(
    "name",
    [
        "campaigns.parquet",
        "part-00-of-01.parquet",
        "dt=x/part-00-of-01.parquet",
        "dt=2026-02-30/part-00-of-01.parquet",
        "dt=2026-11-18/part-00-of-01.parquet.bak",
        "dt=2026-11-18/part-00-of-01.jsonl",
        "dt=2026-11-18/.part-00-of-01.parquet",
    ],
)
def test_name_of_another_file_is_not_a_day_object(name):
    assert parse_day_object(name) is None


def test_name_of_a_part_of_a_table_without_days_has_only_the_part():
    assert a_layout(16).part_object("campaign_details", 3) == "campaign_details/part-03-of-16.parquet"


def test_name_of_a_whole_table_has_neither_day_nor_part():
    assert a_layout(16).whole_object("campaigns") == "campaigns/campaigns.parquet"


def test_names_of_all_parts_of_a_day_differ_and_sort_by_part():
    layout = a_layout(1000)
    names = [layout.day_object("campaign_days", DAY, part) for part in range(1000)]
    assert sorted(set(names)) == names


# The first 8 bytes of BLAKE2b, as `printf %s ID | b2sum -l 64` prints them, big-endian, modulo 1000.
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
    # With another seed of Python's hash, and without a locale.
    environment = {"PYTHONHASHSEED": "12345", "LC_ALL": "C"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [part_of(f"campaign-{i}", 16) for i in range(50)]


@pytest.mark.parametrize("parts", [1, 2, 7, 16, 100])
def test_part_of_many_ids_is_spread_evenly(parts):
    counts = Counter(part_of(f"campaign-{i}", parts) for i in range(200 * parts))
    assert sorted(counts) == list(range(parts))
    assert min(counts.values()) > 130
    assert max(counts.values()) < 270 or parts == 1


SHARED = {"conditional_writes": True, "host": "https://rest.fra-02.braze.eu", "timezone": "Europe/Berlin"}


def test_ensure_layout_of_a_new_destination_writes_it(store, destination):
    ensure_layout(store, a_layout(16))
    found = {name: json.loads(content) for name, content in destination.contents().items()}
    own = {"parts": 16, "file_format": "parquet", "series": "campaigns", "schema_version": 1}
    assert found == {DESTINATION: SHARED, LAYOUT: own}


def test_ensure_layout_again_writes_nothing(destination):
    for _ in range(2):
        store = Store(destination.uri, destination.conn_id)
        ensure_layout(store, a_layout())
        versions = [store.read(name).version for name in (DESTINATION, LAYOUT)]
    again = Store(destination.uri, destination.conn_id)
    assert [again.read(name).version for name in (DESTINATION, LAYOUT)] == versions


@pytest.mark.parametrize("first", [ensure_layout, validate_layout])
def test_ensure_layout_of_a_known_destination_makes_no_request(destination, monkeypatch, first):
    ensure_layout(Store(destination.uri, destination.conn_id), a_layout())
    store = Store(destination.uri, destination.conn_id)
    first(store, a_layout())
    monkeypatch.setattr(store, "_objects", SimpleNamespace(has_conditional_writes=True))
    ensure_layout(store, a_layout())


def test_validate_layout_of_a_known_destination_reads_two_objects(destination, monkeypatch):
    ensure_layout(Store(destination.uri, destination.conn_id), a_layout())
    calls = []
    for name in ("read", "write", "delete"):
        act = getattr(Store, name)
        monkeypatch.setattr(Store, name, lambda *args, act=act, name=name: (calls.append(name), act(*args))[1])
    validate_layout(Store(destination.uri, destination.conn_id), a_layout())
    assert calls == ["read", "read"]


def test_validate_layout_of_a_new_destination_writes_nothing(store, destination):
    validate_layout(store, a_layout(timezone="UTC"))
    assert list(destination.contents()) == ["_braze/README.txt"]
    ensure_layout(Store(destination.uri, destination.conn_id), a_layout())


def test_layout_accepts_fields_that_a_later_version_adds(store):
    store.write(DESTINATION, json.dumps({**SHARED, "later": True}).encode(), None)
    store.write(LAYOUT, json.dumps({**a_layout().own, "later": True}).encode(), None)
    validate_layout(store, a_layout())
    ensure_layout(store, a_layout())


@pytest.mark.parametrize("check", [validate_layout, ensure_layout])
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
def test_layout_with_another_field_names_both_values_and_writes_nothing(destination, check, field, other):
    ensure_layout(Store(destination.uri, destination.conn_id), a_layout())
    before = destination.contents()
    with pytest.raises(BrazeConfigError) as caught:
        check(Store(destination.uri, destination.conn_id), replace(a_layout(), **{field: other}))
    assert f"with {field}={getattr(a_layout(), field)!r}, but this run has {field}={other!r}" in str(caught.value)
    assert destination.uri in str(caught.value)
    assert destination.contents() == before


@pytest.mark.parametrize("check", [validate_layout, ensure_layout])
@pytest.mark.parametrize(("field", "other"), [("timezone", "UTC"), ("host", "https://rest.iad-01.braze.com")])
def test_series_with_another_host_or_zone_than_its_siblings_is_rejected(destination, check, field, other):
    ensure_layout(Store(destination.uri, destination.conn_id), a_layout())
    sibling = replace(a_layout(), series="canvases", **{field: other})
    with pytest.raises(BrazeConfigError, match=rf"holds data with {field}=.*, but this run has {field}='{other}'"):
        check(Store(destination.uri, destination.conn_id), sibling)


def test_series_of_one_destination_may_differ_in_parts_and_formats(destination):
    ensure_layout(Store(destination.uri, destination.conn_id), a_layout())
    sibling = replace(a_layout(16, "jsonl"), series="canvases")
    for check in (validate_layout, ensure_layout):
        check(Store(destination.uri, destination.conn_id), sibling)
    assert set(destination.contents()) == {DESTINATION, LAYOUT, "_braze/canvases/layout.json"}


@pytest.mark.parametrize("check", [validate_layout, ensure_layout])
def test_layout_where_a_field_is_missing_is_rejected(store, check):
    store.write(DESTINATION, json.dumps(SHARED).encode(), None)
    store.write(LAYOUT, b'{"parts": 1}', None)
    with pytest.raises(BrazeConfigError, match=r"file_format=None, but this run has file_format='parquet'"):
        check(store, a_layout())


@pytest.mark.parametrize("check", [validate_layout, ensure_layout])
@pytest.mark.parametrize("name", [DESTINATION, LAYOUT])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe\xfd", b"<html>"])
def test_broken_layout_raises_data_error_and_is_not_overwritten(store, destination, check, name, content):
    contents = {DESTINATION: json.dumps(SHARED).encode(), name: content}
    destination.restore(contents)
    with pytest.raises(BrazeDataError, match="is not a JSON object") as caught:
        check(store, a_layout())
    assert str(caught.value).startswith(f"{destination.uri}/{name}")
    assert destination.contents() == contents


@pytest.mark.parametrize(("name", "found"), [(DESTINATION, a_layout().shared), (LAYOUT, a_layout().own)])
def test_read_layout_of_objects_that_lack_a_field_or_hold_a_wrong_one_is_a_data_error(destination, name, found):
    ensure_layout(Store(destination.uri, destination.conn_id), a_layout())
    for key in found.keys() - {"series", "schema_version"}:  # these have defaults
        for changed in ({each: found[each] for each in found if each != key}, {**found, key: ["other"]}):
            destination.put(name, json.dumps(changed).encode())
            with pytest.raises(BrazeDataError, match=rf"do not describe a layout: .*{key}") as caught:
                read_layout(Store(destination.uri, destination.conn_id), "campaigns")
            assert f"{destination.uri}/{name}" in str(caught.value)


def test_read_layout_of_another_schema_version_is_rejected(store, destination):
    ensure_layout(store, replace(a_layout(), schema_version=2))
    with pytest.raises(BrazeConfigError, match=r"campaigns with schema_version=2.*Upgrade"):
        read_layout(Store(destination.uri, destination.conn_id), "campaigns")


@pytest.mark.parametrize(("field", "other"), [("timezone", "UTC"), ("parts", 16)])
def test_layout_of_two_concurrent_first_runs_is_that_of_one(destination, field, other):
    barrier = threading.Barrier(2)
    contended = DESTINATION if field == "timezone" else LAYOUT

    class Meeting(Store):
        """A store where both runs read that there is no layout before either writes one."""

        def read(self, name):
            found = super().read(name)
            if found is None and name == contended:
                barrier.wait()
            return found

    def run(layout: Layout) -> BrazeConfigError | None:
        try:
            ensure_layout(Meeting(destination.uri, destination.conn_id), layout)
        except BrazeConfigError as error:
            return error
        return None

    layouts = [a_layout(), replace(a_layout(), **{field: other})]
    with ThreadPoolExecutor(2) as pool:
        errors = list(pool.map(run, layouts))
    (winner,) = [layout for layout, error in zip(layouts, errors, strict=True) if error is None]
    (rejection,) = filter(None, errors)
    assert f"holds data with {field}={getattr(winner, field)!r}" in str(rejection)
    assert json.loads(destination.contents()[LAYOUT]) == winner.own
    assert json.loads(destination.contents()[DESTINATION]) == {**winner.shared, "conditional_writes": True}
