"""The tables of campaigns, for tests: by name, and built from responses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from airflow_provider_braze.core.models import SeriesCall
from airflow_provider_braze.core.series import SubjectDays
from airflow_provider_braze.fetch import subjects
from airflow_provider_braze.series.campaigns import CAMPAIGNS
from airflow_provider_braze.tables import details, lists, sorting
from airflow_provider_braze.tables.messages import MessageDays, MessageDecoder
from airflow_provider_braze.tables.schemas import schema_of

TABLES = {table.name: table for table in CAMPAIGNS.tables}
SCHEMAS = {name: schema_of(table) for name, table in TABLES.items()}
SORT_KEYS = {name: table.sort_by for name, table in TABLES.items()}

DECODER = MessageDecoder(CAMPAIGNS)


def decode_days(body: bytes, start: date, end: date, *, keep_payload: bool = False) -> MessageDays:
    call = SeriesCall(start, end, (end - start).days + 1, "")
    return DECODER.decode(body, CAMPAIGNS.subject("c"), call, keep_payload=keep_payload)


def collect(campaign_id: str, responses: Sequence[MessageDays]) -> SubjectDays:
    return subjects.collect(CAMPAIGNS.subject(campaign_id), responses)


def build_tables(rows: Sequence[SubjectDays], names: Collection[str]) -> dict[str, pa.Table]:
    return DECODER.build(rows, [TABLES[name] for name in names])


def sort_rows(name: str, rows: pa.Table) -> pa.Table:
    return sorting.sort_rows(TABLES[name], rows)


def campaigns_table(entries: Iterable[Any]) -> pa.Table:
    assert CAMPAIGNS.listing
    return lists.list_table(TABLES["campaigns"], CAMPAIGNS.listing, entries)


def decode_details(body: bytes, campaign_id: str) -> Any:
    assert CAMPAIGNS.details
    return CAMPAIGNS.details.decode(body, CAMPAIGNS.subject(campaign_id))


def details_table(rows: Sequence[Any]) -> pa.Table:
    return details.details_table(TABLES["campaign_details"], rows)
