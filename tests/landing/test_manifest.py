from __future__ import annotations

import json
from datetime import date

import pytest

from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.landing.manifest import unreported_days, write_manifest
from airflow_provider_braze.landing.store import Store

NAME = "_braze/campaigns/manifests/2026-11-18_2026-11-19/part-00-of-01.json"
RUN = {"dag_id": "dag", "run_id": "scheduled__1", "task_id": "task", "map_index": -1, "try_number": 2}


@pytest.fixture
def store(destination) -> Store:
    return Store(destination.uri, destination.conn_id)


def a_manifest(try_number=1, changed_days=("2026-11-18",), **run):
    return {"run": {**RUN, "try_number": try_number, **run}, "changed_days": list(changed_days)}


def test_write_manifest_returns_its_address_and_replaces_an_earlier_one(store, destination):
    write_manifest(store, NAME, {"try": 1, "long": "x" * 100})
    uri = write_manifest(store, NAME, {"try": 2})
    assert uri == f"{destination.uri}/{NAME}"
    assert json.loads(destination.contents()[NAME]) == {"try": 2}
    assert destination.manifest(uri) == {"try": 2}


def test_write_manifest_is_readable_by_people_and_stable(store, destination):
    write_manifest(store, "m.json", {"b": "Été 日本", "a": 1})
    assert destination.contents()["m.json"].decode() == '{\n  "a": 1,\n  "b": "Été 日本"\n}\n'


def test_write_manifest_with_half_a_character_escapes_it(store, destination):
    write_manifest(store, "m.json", {"message": "\ud83d"})
    assert json.loads(destination.contents()["m.json"]) == {"message": "\ud83d"}


def test_untold_days_are_those_that_an_earlier_try_told(store):
    write_manifest(store, NAME, a_manifest(changed_days=["2026-11-18", "2026-10-19"]))
    assert unreported_days(store, NAME, RUN) == {date(2026, 11, 18), date(2026, 10, 19)}


def test_untold_days_without_a_manifest_are_none(store):
    assert unreported_days(store, NAME, RUN) == frozenset()


def test_untold_days_of_a_first_try_are_none(store):
    write_manifest(store, NAME, a_manifest())
    assert unreported_days(store, NAME, {**RUN, "try_number": 1}) == frozenset()


@pytest.mark.parametrize(
    "other", [{"run_id": "manual__2"}, {"dag_id": "other"}, {"task_id": "other"}, {"map_index": 3}]
)
def test_untold_days_of_another_run_are_none(store, other):
    write_manifest(store, NAME, a_manifest(**other))
    assert unreported_days(store, NAME, RUN) == frozenset()


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"null", b"{}", b'{"run": 1}', json.dumps({"run": RUN, "changed_days": ["x"]}).encode()]
)
def test_untold_days_of_a_broken_manifest_are_a_data_error_and_it_is_kept(store, destination, content):
    destination.put(NAME, content)
    with pytest.raises(BrazeDataError, match=r"cannot be read.*remove it") as caught:
        unreported_days(store, NAME, RUN)
    assert str(caught.value).startswith(f"{destination.uri}/{NAME}")
    assert destination.contents() == {NAME: content}
