from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from types import ModuleType

import pytest

from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator
from tests.scripts import load_script


@pytest.fixture(scope="module")
def drawing() -> ModuleType:
    return load_script("tools/draw_restatement.py")


def test_picture_equals_the_current_sandbox(drawing):
    assert drawing.TARGET.read_text("utf-8") == drawing.draw(), "run python tools/draw_restatement.py"


def test_picture_is_well_formed(drawing):
    assert ElementTree.fromstring(drawing.draw()).tag.endswith("svg")


def test_figure_grows_during_the_lookback(drawing):
    figures = drawing.figures()
    read = figures[: drawing.LOOKBACK + 1]
    assert read == sorted(set(read))
    assert {*figures[drawing.LOOKBACK :]} == {figures[-1]}


def test_lookback_of_the_picture_is_the_default(drawing):
    land = CampaignDataSeriesToObjectStorageOperator(task_id="land", destination="file:///data/braze")
    assert land.lookback_days == drawing.LOOKBACK
