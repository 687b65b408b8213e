"""A stat is declared once, and each table of messages has its column."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airflow_provider_braze.core.channels import ADDED_STATS, STATS, field_columns
from airflow_provider_braze.series import all_series

MESSAGE_TABLES = [table for series in all_series() for table in series.tables if "channel" in table.sort_by]


def test_added_stats_are_new_and_have_channels():
    assert STATS[len(STATS) - len(ADDED_STATS) :] == tuple(ADDED_STATS)
    assert all(channels for channels in ADDED_STATS.values())


@pytest.mark.parametrize("table", MESSAGE_TABLES, ids=lambda table: table.name)
def test_table_of_messages_has_a_column_for_each_stat(table):
    assert len(MESSAGE_TABLES) == 3
    assert set(field_columns(*STATS)) <= set(table.columns)
    after_other = table.columns[table.column_names.index("other") + 1 :]
    assert after_other == field_columns(*ADDED_STATS)


ONE_EDIT = """
import json, sys, types
from datetime import date
from pathlib import Path
import airflow_provider_braze.core as core
from airflow_provider_braze.core.models import SeriesCall

name = "airflow_provider_braze.core.channels"
path = Path(core.__file__).with_name("channels.py")
source = path.read_text()
added = "{'forwards': ('email',), 'saves': ('email', 'rcs')}"
edited = source.replace("tuple[str, ...]]] = {}", f"tuple[str, ...]]] = {added}")
assert edited != source
module = types.ModuleType(name)
sys.modules[name] = core.channels = module
exec(compile(edited, str(path), "exec"), module.__dict__)

from airflow_provider_braze.fetch.subjects import collect
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.series.canvases import CANVASES

assert module.STATS[-2:] == ("forwards", "saves")
messages = {"messages": {"email": [{"sent": 5, "forwards": 7}], "rcs": [{"saves": 3}]}}
campaign = {"data": [{"time": "2026-11-01", **messages}]}
canvas = {"data": {"stats": [{"time": "2026-11-01", "step_stats": {"s": messages}}]}}
call = SeriesCall(date(2026, 11, 1), date(2026, 11, 2), 1, "")
for series, response in ((CAMPAIGNS, campaign), (CANVASES, canvas)):
    decoder, subject = series.load_decoder(series), series.subject("c")
    for keep_payload in (False, True):
        days = decoder.decode(json.dumps(response).encode(), subject, call, keep_payload=keep_payload)
        table = next(each for each in series.tables if "channel" in each.sort_by)
        built = decoder.build([collect(subject, [days])], [table])[table.name]
        email, rcs = built.to_pylist()
        columns = ("channel", "sent", "forwards", "saves", "other")
        cells = ([row[column] for column in columns] for row in (email, rcs))
        print(table.name, *cells, dict(days.drift), list(rcs)[-3:])
"""


def test_new_stat_needs_one_edit():
    found = subprocess.run([sys.executable, "-c", ONE_EDIT], capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr
    lines = [
        f"{table} ['email', 5, 7, None, None] ['rcs', None, None, 3, None] {{}} ['other', 'forwards', 'saves']"
        for table in ("campaign_messages", "canvas_step_messages")
        for _ in range(2)
    ]
    assert found.stdout.splitlines() == lines
