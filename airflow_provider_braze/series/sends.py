"""Sends of API campaigns: ``/sends/data_series``, with the days and messages of campaigns.

Braze keeps a send for 14 days and does not list send ids, so they come from arguments. A day that Braze no longer
returns keeps its rows.

Source: Braze docs, Export send analytics (seen 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.series import Column, Series, Subject, Table
from airflow_provider_braze.series.campaigns import CAMPAIGN_DAYS, CAMPAIGN_MESSAGES
from airflow_provider_braze.series.decoders import load_message_decoder

_DATA_SERIES: Final = Endpoint("/sends/data_series")
_KEYS: Final = ("campaign_id", "send_id")


def _with_send_id(table: Table, name: str) -> Table:
    campaign_id, *others = table.columns
    day, first, *rest = table.sort_by
    sort_by = (day, first, "send_id", *rest)
    return replace(table, name=name, columns=(campaign_id, Column("send_id", "string"), *others), sort_by=sort_by)


def send_subjects(sends: Iterable[tuple[str, str]]) -> list[Subject]:
    """Return a subject per pair of campaign id and send id."""
    return [Subject(":".join(pair), pair, _DATA_SERIES, dict(zip(_KEYS, pair, strict=True))) for pair in sends]


SENDS: Final = Series(
    name="sends",
    noun="send",
    plural="sends",
    keys=_KEYS,
    endpoint=_DATA_SERIES,
    main_figures=("unique_recipients", "revenue", "conversions", "conversions_by_send_time"),
    # Braze keeps 14 days: the run's own and 13 before it.
    lookback_days=13,
    load_decoder=load_message_decoder,
    may_start_late=True,
    may_expire=True,
    tables=(_with_send_id(CAMPAIGN_DAYS, "send_days"), _with_send_id(CAMPAIGN_MESSAGES, "send_messages")),
)
