from __future__ import annotations

import os

import pyarrow as pa
import pytest

from airflow_provider_braze.landing.spool import Batches
from tests.campaign_tables import SCHEMAS
from tests.landing.tables import EXTREMES

DETAILS = EXTREMES["campaign_details"]


def test_batches_give_back_their_rows_in_order(tmp_path):
    batches = Batches(DETAILS.schema, str(tmp_path))
    for table in (DETAILS, DETAILS.slice(0, 0), DETAILS.slice(1)):
        batches.add(table)
    assert batches.read().equals(pa.concat_tables([DETAILS, DETAILS.slice(1)]))
    batches.close()


def test_batches_of_nothing_are_no_rows():
    batches = Batches(SCHEMAS["campaign_details"], None)
    assert batches.read().equals(SCHEMAS["campaign_details"].empty_table())
    batches.close()


def test_batches_leave_no_file_also_when_they_are_closed_twice_or_unread(tmp_path):
    before = os.listdir("/proc/self/fd")
    batches = Batches(DETAILS.schema, str(tmp_path))
    batches.add(DETAILS)
    assert list(tmp_path.iterdir()) == []
    batches.close()
    batches.close()
    assert os.listdir("/proc/self/fd") == before


def test_batches_in_a_folder_that_is_not_there_raise_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        Batches(DETAILS.schema, str(tmp_path / "nowhere"))
