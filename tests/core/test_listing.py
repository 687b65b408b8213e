from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from airflow_provider_braze.core.listing import MOST_READINGS, entries_of, read_until_stable
from airflow_provider_braze.exceptions import BrazeDataError

Page = list[dict[str, Any]]


class Listed:
    """Readings of a list, each a list of pages."""

    def __init__(self, *readings: list[str]) -> None:
        self._readings = iter(readings)
        self.told: list[int] = []

    def read_pages(self, pages_before: int) -> Iterator[Page]:
        self.told.append(pages_before)
        pages = next(self._readings)
        return ([{"id": name} for name in pages[page]] if page < len(pages) else [] for page in count())


def ids(listed: Listed) -> str:
    return "".join(entry["id"] for entry in read_until_stable(listed.read_pages))


def test_entries_of_gives_a_page_s_campaigns():
    entries = [{"id": "a", "tags": None}]
    assert entries_of({"message": "success", "campaigns": entries}, 0) == entries


@pytest.mark.parametrize("answer", [{}, {"campaigns": None}, {"campaigns": {"id": "a"}}])
def test_entries_of_no_list_is_a_data_error(answer):
    with pytest.raises(BrazeDataError) as caught:
        entries_of(answer, 0)
    assert caught.value.path == "$.campaigns"


@pytest.mark.parametrize("entry", [None, "a", {}, {"id": ""}, {"id": 5}])
def test_entries_of_a_campaign_without_an_id_names_page_and_place(entry):
    with pytest.raises(BrazeDataError, match="on page 7") as caught:
        entries_of({"campaigns": [{"id": "a"}, entry]}, 7)
    assert caught.value.path == "$.campaigns[1]"


def test_read_at_rest_reads_twice_and_tells_how_many_pages_there_were():
    listed = Listed(["ab", "c"], ["ab", "c"])
    assert ids(listed) == "abc"
    assert listed.told == [0, 3]


def test_read_at_rest_begins_anew_when_one_left():
    listed = Listed(["ab", "d"], ["bc", "d"], ["bc", "d"], ["bc", "de"])
    assert ids(listed) == "bcde"
    assert listed.told == [0, 3, 0, 3]


def test_read_at_rest_of_a_list_that_never_rests_is_a_data_error():
    listed = Listed(*["a", "b"] * 3)
    with pytest.raises(BrazeDataError, match=f"read {MOST_READINGS} times"):
        ids(listed)
    assert len(listed.told) == MOST_READINGS
