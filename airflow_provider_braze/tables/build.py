"""From answers of Braze to Arrow tables: one campaign's days at a time, then a batch of campaigns at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import Any, Final

import msgspec
import pyarrow as pa

from airflow_provider_braze.core.payloads import decode_answer, select_indices
from airflow_provider_braze.tables.catalog import campaigns_table
from airflow_provider_braze.tables.columns import Group, join_groups, packed_groups, place_columns, split_groups
from airflow_provider_braze.tables.details import DetailsRow, decode_details, details_table
from airflow_provider_braze.tables.packing import Packed, pack
from airflow_provider_braze.tables.rows import SplitDay, split_day
from airflow_provider_braze.tables.schemas import SCHEMAS, SORT_KEYS
from airflow_provider_braze.tables.shapes import Proven, RawAnswer, Shape, prove
from airflow_provider_braze.tables.sorting import sort_columns, sort_rows

__all__ = [
    "SCHEMAS",
    "SORT_KEYS",
    "CampaignRows",
    "Days",
    "DetailsRow",
    "build_tables",
    "campaigns_table",
    "collect",
    "decode_days",
    "decode_details",
    "details_table",
    "sort_rows",
]

_FIGURES: Final = frozenset({"campaign_days", "campaign_messages"})
_OF_DAYS: Final = _FIGURES | {"campaign_raw"}


@dataclass(frozen=True, slots=True)
class Days:
    """The wanted days of one answer; opaque but for which they are, to be handed to :func:`collect`."""

    dates: tuple[date, ...]
    content: Packed | tuple[SplitDay, ...] = field(repr=False)
    payloads: Mapping[date, str] | None = field(repr=False)

    def __contains__(self, day: object) -> bool:
        return day in self.dates


@dataclass(frozen=True, slots=True)
class CampaignRows:
    """All rows of one campaign's window; opaque but for these, to be handed to :func:`build_tables`.

    :param campaign_id: the campaign.
    :param days: the days that came back, sorted.
    :param drift: how often each key was met that has no column or does not fit it, by a name such as
        ``messages.email.machine_open`` or ``day.conversions4``; for a channel that is not known also its rows, by a
        name such as ``messages.line``.
    """

    campaign_id: str
    days: tuple[date, ...]
    drift: Mapping[str, int]
    parts: tuple[Days, ...] = field(repr=False)


def decode_days(body: bytes, start: date, end: date, *, keep_raw: bool = False) -> Days:
    """Decode one answer, and keep its wanted days, each once.

    :param body: the whole body of an answer with status 200.
    :param start: first day wanted.
    :param end: the day after the last one wanted.
    :param keep_raw: whether to keep each day's text for the table ``campaign_raw``.
    :raises ValueError: the body is cut or no JSON; asking again may mend it.
    :raises BrazeDataError: the body is JSON, but not of the agreed shape, or holds a day twice with different content.
    """
    packed = None if keep_raw else _pack_days(body, start, end)
    return packed or _split_days(body, start, end, keep_raw=keep_raw)


def _pack_days(body: bytes, start: date, end: date) -> Days | None:
    proven = prove(body)
    days = [day for day in proven.days if start <= day.time < end] if proven else []
    if not proven or not days or len({day.time for day in days}) < len(days):
        return None
    packed = pack(Proven(proven.shape, days))
    return Days(packed.dates, packed, None)


def _split_days(body: bytes, start: date, end: date, *, keep_raw: bool) -> Days:
    objects = decode_answer(body)
    indices = select_indices(objects, start, end)
    split = tuple(split_day(day, objects[index], f"$.data[{index}]") for day, index in indices.items())
    return Days(tuple(indices), split, _payloads(body, indices) if keep_raw else None)


def collect(campaign_id: str, parts: Sequence[Days]) -> CampaignRows:
    """Join the answers about one campaign.

    :param campaign_id: the campaign.
    :param parts: one for each of its calls, in any order; the calls' days do not overlap.
    :raises ValueError: a day is in two parts.
    """
    days = sorted(chain.from_iterable(part.dates for part in parts))
    if len(parts) > 1 and len(set(days)) < len(days):
        raise ValueError(f"Two calls of campaign {campaign_id} wanted the same day; give windows that do not overlap.")
    drift: Counter[str] = Counter()
    for part in parts:
        drift.update(_drift(part))
    return CampaignRows(campaign_id, tuple(days), dict(sorted(drift.items())), tuple(parts))


def build_tables(rows: Sequence[CampaignRows], names: Collection[str]) -> dict[str, pa.Table]:
    """Build the tables of a batch of campaigns.

    :param rows: the campaigns, each once, in any order.
    :param names: which tables to build, of ``campaign_days``, ``campaign_messages``, ``campaign_raw``.
    :return: the tables by name, of exactly :data:`SCHEMAS`, sorted by :data:`SORT_KEYS`.
    :raises ValueError: a name is none of these, or ``campaign_raw`` is wanted of days decoded without ``keep_raw``.
    """
    if not _OF_DAYS.issuperset(names):
        raise ValueError(f"Expected names of {sorted(_OF_DAYS)}, got {sorted(names)}.")
    groups: dict[str, list[Group]] = {"campaign_days": [], "campaign_messages": [], "campaign_raw": []}
    if "campaign_raw" in names:
        groups["campaign_raw"].append(_raw_group(rows))
    if not _FIGURES.isdisjoint(names):
        for of_days, of_messages in _groups(rows):
            groups["campaign_days"].append(of_days)
            groups["campaign_messages"].extend(of_messages)
    return {name: sort_columns(name, join_groups(name, groups[name])) for name in names}


def _drift(part: Days) -> Counter[str]:
    if isinstance(part.content, Packed):
        return part.content.drift
    return sum((day.drift for day in part.content), Counter[str]())


def _payloads(body: bytes, indices: Mapping[date, int]) -> dict[date, str]:
    raw = msgspec.json.decode(body, type=RawAnswer).data
    return {day: bytes(raw[index]).decode() for day, index in indices.items()}


def _raw_group(rows: Sequence[CampaignRows]) -> Group:
    payloads = [(row.campaign_id, part.payloads) for row in rows for part in row.parts]
    if any(texts is None for _, texts in payloads):
        raise ValueError("The days were decoded without their text; decode them with keep_raw for campaign_raw.")
    kept = [(campaign_id, texts) for campaign_id, texts in payloads if texts]
    days = list(chain.from_iterable(texts for _, texts in kept))
    places = place_columns([(campaign_id, len(texts)) for campaign_id, texts in kept], days)
    texts = pa.array(chain.from_iterable(texts.values() for _, texts in kept), pa.string(), size=len(days))
    return {**places, "payload": texts}


def _groups(rows: Sequence[CampaignRows]) -> Iterator[tuple[Group, list[Group]]]:
    """The groups of a batch: those of each shape, and those of the days that have none."""
    parts: dict[Shape | None, list[tuple[str, Days]]] = {}
    for row in rows:
        for part in row.parts:
            shape = part.content.shape if isinstance(part.content, Packed) else None
            parts.setdefault(shape, []).append((row.campaign_id, part))
    for shape, found in parts.items():
        contents: list[Any] = [part.content for _, part in found]
        dates = chain.from_iterable(part.dates for _, part in found)
        places = place_columns([(campaign_id, len(part.dates)) for campaign_id, part in found], dates)
        if shape is not None:
            yield packed_groups(places, contents)
        elif any(contents):
            yield split_groups(places, list(chain.from_iterable(contents)))
