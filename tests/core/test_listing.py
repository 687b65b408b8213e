from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from airflow_provider_braze.core import listing
from airflow_provider_braze.core.endpoints import CAMPAIGNS_LIST
from airflow_provider_braze.core.listing import MOST_PAGES, MOST_READINGS, entries_of, read_until_stable
from airflow_provider_braze.exceptions import BrazeDataError

Page = list[dict[str, Any]]


class Listed:
    """Successive readings of a list, each a list of pages."""

    def __init__(self, *readings: list[str]) -> None:
        self._readings = iter(readings)
        self.pages_before: list[int] = []

    def read_pages(self, pages_before: int) -> Iterator[Page]:
        self.pages_before.append(pages_before)
        pages = next(self._readings)
        return ([{"id": name} for name in pages[page]] if page < len(pages) else [] for page in count())


def ids(listed: Listed) -> str:
    return "".join(entry["id"] for entry in read_until_stable(listed.read_pages, CAMPAIGNS_LIST))


def test_entries_of_returns_a_page_s_entries():
    entries = [{"id": "a", "tags": None}]
    assert entries_of({"message": "success", "campaigns": entries}, CAMPAIGNS_LIST, 0) == entries


@pytest.mark.parametrize("document", [{}, {"campaigns": None}, {"campaigns": {"id": "a"}}])
def test_entries_of_a_document_without_a_list_is_a_data_error(document):
    with pytest.raises(BrazeDataError) as caught:
        entries_of(document, CAMPAIGNS_LIST, 0)
    assert caught.value.path == "$.campaigns"


@pytest.mark.parametrize("entry", [None, "a", {}, {"id": ""}, {"id": 5}])
def test_entries_of_a_campaign_without_an_id_names_page_and_place(entry):
    with pytest.raises(BrazeDataError, match="on page 7") as caught:
        entries_of({"campaigns": [{"id": "a"}, entry]}, CAMPAIGNS_LIST, 7)
    assert caught.value.path == "$.campaigns[1]"


def test_read_until_stable_reads_twice_and_passes_the_number_of_pages():
    listed = Listed(["ab", "c"], ["ab", "c"])
    assert ids(listed) == "abc"
    assert listed.pages_before == [0, 3]


def test_read_until_stable_restarts_after_an_entry_left():
    listed = Listed(["ab", "d"], ["bc", "d"], ["bc", "d"], ["bc", "de"])
    assert ids(listed) == "bcde"
    assert listed.pages_before == [0, 3, 0, 3]


def test_read_until_stable_of_a_list_that_keeps_changing_is_a_data_error():
    listed = Listed(*["a", "b"] * 3)
    with pytest.raises(BrazeDataError, match=f"read {MOST_READINGS} times"):
        ids(listed)
    assert len(listed.pages_before) == MOST_READINGS


def test_entries_may_be_strings():
    assert entries_of({"campaigns": ["a", "b"]}, CAMPAIGNS_LIST, 0, id_key=None) == ["a", "b"]
    with pytest.raises(BrazeDataError, match="on page 3") as caught:
        entries_of({"campaigns": ["a", ""]}, CAMPAIGNS_LIST, 3, id_key=None)
    assert caught.value.path == "$.campaigns[1]"
    pages = lambda _: iter([["b", "a"], ["a", "c"], []])  # noqa: E731
    assert list(read_until_stable(pages, CAMPAIGNS_LIST, id_key=None)) == ["b", "a", "c"]


def test_entries_use_the_given_id_key():
    assert entries_of({"campaigns": [{"key": "a"}]}, CAMPAIGNS_LIST, 0, id_key="key") == [{"key": "a"}]


def test_read_until_stable_of_a_list_that_never_ends_is_a_data_error():
    numbers = count()
    with pytest.raises(BrazeDataError, match=r"did not end after 2,500 pages \(5,000 entries\)") as caught:
        list(
            read_until_stable(lambda _: ([next(numbers), next(numbers)] for _ in count()), CAMPAIGNS_LIST, id_key=None)
        )
    assert caught.value.path == "$.campaigns"
    assert next(numbers) == 2 * MOST_PAGES


def test_read_until_stable_reads_a_list_of_just_under_the_limit(monkeypatch):
    monkeypatch.setattr(listing, "MOST_PAGES", 3)
    listed = Listed(["a", "b"], ["a", "b"])
    assert ids(listed) == "ab"
