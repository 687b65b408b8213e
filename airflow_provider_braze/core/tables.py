"""From answers of Braze to Arrow tables: one campaign's days at a time, then a batch of campaigns at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import Any, Final

import msgspec
import pyarrow as pa

from airflow_provider_braze.core.campaigns import campaigns_table
from airflow_provider_braze.core.ordering import number_rows, sort_rows
from airflow_provider_braze.core.rows import SplitDay, split_day
from airflow_provider_braze.core.schemas import FIGURES, ROW_FIELDS, SCHEMAS, SORT_KEYS
from airflow_provider_braze.core.series import decode_answer, select_indices

__all__ = [
    "SCHEMAS",
    "SORT_KEYS",
    "CampaignRows",
    "Days",
    "build_tables",
    "campaigns_table",
    "collect",
    "decode_days",
    "sort_rows",
]


@dataclass(frozen=True, slots=True)
class Days:
    """The wanted days of one answer; opaque, to be handed to :func:`collect`."""

    split: tuple[SplitDay, ...] = field(repr=False)
    payloads: Mapping[date, str] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class CampaignRows:
    """All rows of one campaign's window; opaque but for these, to be handed to :func:`build_tables`.

    :param campaign_id: the campaign.
    :param days: the days that came back, sorted.
    :param drift: how often each key was met that has no column or does not fit it, by a name such as
        ``messages.email.machine_open`` or ``day.conversions4``.
    """

    campaign_id: str
    days: tuple[date, ...]
    drift: Mapping[str, int]
    split: tuple[SplitDay, ...] = field(repr=False)
    payloads: Mapping[date, str] | None = field(repr=False)


class _RawAnswer(msgspec.Struct):
    data: list[msgspec.Raw]


def decode_days(body: bytes, start: date, end: date, *, keep_raw: bool = False) -> Days:
    """Decode one answer, and keep its wanted days, each once.

    :param body: the whole body of an answer with status 200.
    :param start: first day wanted.
    :param end: the day after the last one wanted.
    :param keep_raw: whether to keep each day's text for the table ``campaign_raw``.
    :raises ValueError: the body is cut or no JSON; asking again may mend it.
    :raises BrazeDataError: the body is JSON, but not of the agreed shape, or holds a day twice with different content.
    """
    objects = decode_answer(body)
    indices = select_indices(objects, start, end)
    split = tuple(split_day(day, objects[index], f"$.data[{index}]") for day, index in indices.items())
    return Days(split, _payloads(body, indices) if keep_raw else None)


def collect(campaign_id: str, parts: Sequence[Days]) -> CampaignRows:
    """Join the answers about one campaign.

    :param campaign_id: the campaign.
    :param parts: one for each of its calls, in any order; the calls' days do not overlap.
    :raises ValueError: a day is in two parts.
    """
    split = tuple(sorted(chain.from_iterable(part.split for part in parts), key=lambda day: day.day))
    days = tuple(day.day for day in split)
    if len(set(days)) < len(days):
        raise ValueError(f"Two calls of campaign {campaign_id} wanted the same day; give windows that do not overlap.")
    drift: Counter[str] = Counter()
    for day in split:
        drift.update(day.drift)
    payloads = None if any(part.payloads is None for part in parts) else _merge(parts)
    return CampaignRows(campaign_id, days, dict(sorted(drift.items())), split, payloads)


def build_tables(rows: Sequence[CampaignRows], names: Collection[str]) -> dict[str, pa.Table]:
    """Build the tables of a batch of campaigns.

    :param rows: the campaigns, each once, in any order.
    :param names: which tables to build, of ``campaign_days``, ``campaign_messages``, ``campaign_raw``.
    :return: the tables by name, of exactly :data:`SCHEMAS`, sorted by :data:`SORT_KEYS`.
    """
    return {name: _BUILDERS[name](rows) for name in names}


def _payloads(body: bytes, indices: Mapping[date, int]) -> dict[date, str]:
    raw = msgspec.json.decode(body, type=_RawAnswer).data
    return {day: bytes(raw[index]).decode() for day, index in indices.items()}


def _merge(parts: Sequence[Days]) -> dict[date, str]:
    return dict(sorted(chain.from_iterable((part.payloads or {}).items() for part in parts)))


def _build_days(rows: Sequence[CampaignRows]) -> pa.Table:
    places = ((row.campaign_id, day.day, *day.cells) for row in rows for day in row.split)
    return sort_rows("campaign_days", _table("campaign_days", ("campaign_id", "day", *FIGURES, "other"), places))


def _build_messages(rows: Sequence[CampaignRows]) -> pa.Table:
    cells = ((row.campaign_id, day.day, *cells) for row in rows for day in row.split for cells in day.rows)
    names = ("campaign_id", "day", "channel", *ROW_FIELDS, "other")
    return number_rows(_table("campaign_messages", names, cells))


def _build_raw(rows: Sequence[CampaignRows]) -> pa.Table:
    cells = ((row.campaign_id, day, text) for row in rows for day, text in (row.payloads or {}).items())
    return sort_rows("campaign_raw", _table("campaign_raw", ("campaign_id", "day", "payload"), cells))


def _table(name: str, names: Sequence[str], cells: Iterable[tuple[Any, ...]]) -> pa.Table:
    schema = SCHEMAS[name]
    columns = dict(zip(names, zip(*cells, strict=True), strict=False))
    length = len(next(iter(columns.values()), ()))
    return pa.Table.from_arrays(
        [pa.array(columns.get(field.name, [None] * length), field.type) for field in schema], schema=schema
    )


_BUILDERS: Final = {"campaign_days": _build_days, "campaign_messages": _build_messages, "campaign_raw": _build_raw}
