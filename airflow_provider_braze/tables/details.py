"""The table of campaigns' details, from the answers of ``/campaigns/details``.

One row per campaign. Its messages and its conversion behaviours are lists of structs, not tables of their own: so what
one answer told is replaced as one row, and a reader unnests a list and joins it once, ``messages`` by
``variation_api_id`` to ``campaign_messages``. Each behaviour names by ``figure`` the column that counts it, for the
lists of some readers begin at 0, those of others at 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.core.payloads import canonical_json, decode_envelope, expect_list, expect_object
from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.tables.catalog import instant
from airflow_provider_braze.tables.rows import as_int, as_text
from airflow_provider_braze.tables.schemas import SCHEMAS
from airflow_provider_braze.tables.sorting import sort_rows

_Fits = Mapping[str, Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class DetailsRow:
    """The details of one campaign; opaque but for these, to be handed to :func:`details_table`.

    :param campaign_id: the campaign.
    :param longest_window: of its conversion behaviours, in seconds; None when it tells none.
    :param drift: names of the keys that have no column or do not fit it, such as ``details.frequency``. What a message
        holds beside its names has none on purpose: its keys differ by channel, and are no drift.
    """

    campaign_id: str
    longest_window: int | None
    drift: tuple[str, ...]
    cells: JsonObject = field(repr=False)


def decode_details(body: bytes, campaign_id: str) -> DetailsRow:
    """Decode one answer.

    What is missing or null is null; what has no column or does not fit it is kept in ``other``, of the campaign, of the
    message or of the behaviour. Source: Braze docs, Export campaign details (seen 2026-09).

    :param body: the whole body of an answer with status 200.
    :param campaign_id: the campaign that was asked for, which the answer does not name.
    :raises ValueError: the body is cut or no JSON; asking again may mend it.
    :raises BrazeDataError: the body is JSON, but tells no campaign's details: it has none of their keys, or
        ``messages`` is no object of objects, or ``conversion_behaviors`` no list of objects.
    """
    answer = decode_envelope(body)
    answer.pop("message", None)
    if not answer.keys() & _KEYS:
        raise BrazeDataError(f"The answer has no key of a campaign's details among its {len(answer)} at $.", "$")
    messages = _messages(answer.pop("messages", None))
    behaviors, drift = _behaviors(answer.pop("conversion_behaviors", None))
    cells, rest = _split(answer, _CAMPAIGN)
    nested = {"messages": messages, "conversion_behaviors": behaviors}
    windows = [each["window_seconds"] for each in behaviors or ()]
    return DetailsRow(
        campaign_id,
        max((window for window in windows if window is not None and window >= 0), default=None),
        (*(f"details.{key}" for key in rest), *drift),
        {**cells, **nested, "campaign_id": campaign_id, "other": _other(rest)},
    )


def details_table(rows: Sequence[DetailsRow]) -> pa.Table:
    """Build the table ``campaign_details``.

    :param rows: the campaigns, each once, in any order.
    :return: one row per campaign, sorted by id.
    """
    name = "campaign_details"
    return sort_rows(name, pa.Table.from_pylist([row.cells for row in rows], schema=SCHEMAS[name]))


def _messages(sent: Any) -> list[JsonObject] | None:
    """The messages by id, for the order of an object's keys says nothing."""
    if sent is None:
        return None
    found = []
    for variation, message in sorted(expect_object(sent, "$.messages").items()):
        cells, rest = _split(expect_object(message, f"$.messages.{variation}"), _MESSAGE)
        found.append({"variation_api_id": variation, **cells, "other": _other(rest)})
    return found


def _behaviors(sent: Any) -> tuple[list[JsonObject] | None, Iterator[str]]:
    """The behaviours in their order, A first, which is that of the figures; and names of drift."""
    if sent is None:
        return None, iter(())
    path = "$.conversion_behaviors"
    objects = [expect_object(each, f"{path}[{index}]") for index, each in enumerate(expect_list(sent, path))]
    parts = [_split(each, _BEHAVIOR) for each in objects]
    found = [
        {
            "figure": f"conversions{index or ''}",
            "window_seconds": cells.pop("window"),
            **cells,
            "other": _other(rest),
        }
        for index, (cells, rest) in enumerate(parts)
    ]
    return found, (f"details.conversion_behaviors.{key}" for _, rest in parts for key in rest)


def _split(record: JsonObject, columns: _Fits) -> tuple[JsonObject, JsonObject]:
    """Split an object into the cells of its columns and the rest."""
    cells: JsonObject = dict.fromkeys(columns)
    rest = {}
    for key, value in record.items():
        fits = columns.get(key)
        cell = fits(value) if fits else None
        if cell is not None:
            cells[key] = cell
        elif fits is None or value is not None:
            rest[key] = value
    return cells, rest


def _other(rest: JsonObject) -> str | None:
    return canonical_json(rest) if rest else None


def _as_flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _as_texts(value: Any) -> list[str | None] | None:
    is_fit = isinstance(value, list) and all(each is None or isinstance(each, str) for each in value)
    return value if is_fit else None


_CAMPAIGN: Final[_Fits] = {
    **dict.fromkeys(("name", "description", "schedule_type"), as_text),
    **dict.fromkeys(("channels", "tags", "teams"), _as_texts),
    **dict.fromkeys(("archived", "draft", "enabled", "has_post_launch_draft"), _as_flag),
    **dict.fromkeys(("created_at", "updated_at", "first_sent", "last_sent"), instant),
}
_KEYS: Final = {*_CAMPAIGN, "messages", "conversion_behaviors"}
_MESSAGE: Final[_Fits] = dict.fromkeys(("channel", "name", "type"), as_text)
_BEHAVIOR: Final[_Fits] = {
    **dict.fromkeys(("type", "custom_event_name", "product"), as_text),
    "window": as_int,
    "app_ids": _as_texts,
}
