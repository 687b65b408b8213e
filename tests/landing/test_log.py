from __future__ import annotations

import logging
from datetime import date
from types import SimpleNamespace

import pytest

from airflow_provider_braze.core.endpoints import CAMPAIGNS_DATA_SERIES
from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import BrazeTransportError
from airflow_provider_braze.fetch.subjects import Failed, Fetched
from airflow_provider_braze.landing.log import name_chunk, progress_line, with_progress


def a_line(done=400, total=1250, failed=0, seconds=16.0, remaining=49_600) -> str:
    return progress_line("their details", done, total, failed=failed, seconds=seconds, remaining=remaining)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {},
            "Fetched 400 of 1250 campaigns, their details: 25.0 a second, about 34 s to go; "
            "rate limit: 49600 requests left",
        ),
        (
            {"failed": 3, "remaining": 1},
            "Fetched 400 of 1250 campaigns, their details, 3 of them failed: 25.0 a second, about 34 s to go; "
            "rate limit: 1 request left",
        ),
        ({"done": 1, "total": 1, "remaining": None}, "Fetched 1 of 1 campaign, their details: 0.1 a second, in 16 s"),
        (
            {"done": 8, "total": 8, "seconds": 0.0, "remaining": None},
            "Fetched 8 of 8 campaigns, their details: 8000000000.0 a second, in 0 s",
        ),
    ],
)
def test_progress_line_tells_what_is_done_and_left(given, line):
    assert a_line(**given) == line


@pytest.mark.parametrize(
    ("total", "name"), [(1, "[2026-11-16, 2026-11-19)"), (12, "[2026-11-16, 2026-11-19), chunk 1 of 12")]
)
def test_name_stretch_numbers_those_of_a_long_window(total, name):
    assert name_chunk(Window(date(2026, 11, 16), date(2026, 11, 19)), 1, total) == name


def test_with_progress_passes_all_on_and_tells_the_end(caplog):
    items = [Fetched("a", 1), Failed("b", BrazeTransportError("No answer came.")), Fetched("c", 2)]
    hook = SimpleNamespace(get_conn=lambda: SimpleNamespace(remaining=lambda path: None))
    with caplog.at_level(logging.INFO, "airflow_provider_braze"):
        assert list(with_progress(iter(items), 3, "all", hook, CAMPAIGNS_DATA_SERIES)) == items
    (line,) = caplog.messages
    assert line.startswith("Fetched 3 of 3 campaigns, all, 1 of them failed: ")
