"""The table of campaigns, from the entries of ``/campaigns/list``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any, Final

import pendulum
import pyarrow as pa

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.core.payloads import expect_object, show
from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.tables.schemas import SCHEMAS
from airflow_provider_braze.tables.sorting import sort_rows

_STARTS_WITH_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def campaigns_table(entries: Iterable[JsonObject]) -> pa.Table:
    """Build the table ``campaigns``.

    Paging is by position, so an entry may come twice: the later one counts. What is missing or not of the documented
    type is null. Source: Braze docs, Export campaigns list (seen 2026-09).

    :param entries: the entries of all pages, in the order they came.
    :return: one row per campaign, sorted by id.
    :raises BrazeDataError: an entry has no string as ``id``.
    """
    rows = dict(_row(entry, f"$.campaigns[{index}]") for index, entry in enumerate(entries))
    return sort_rows("campaigns", pa.Table.from_pylist(list(rows.values()), schema=SCHEMAS["campaigns"]))


def _row(entry: Any, path: str) -> tuple[str, JsonObject]:
    campaign_id = expect_object(entry, path).get("id")
    if not isinstance(campaign_id, str):
        raise BrazeDataError(f"Expected a text at {path}.id, got {show(campaign_id)}.", f"{path}.id")
    return campaign_id, {
        "campaign_id": campaign_id,
        "name": _if_type(entry.get("name"), str),
        "is_api_campaign": _if_type(entry.get("is_api_campaign"), bool),
        "last_edited": instant(entry.get("last_edited")),
        "tags": _tags(entry.get("tags")),
    }


def _if_type(value: Any, wanted: type) -> Any:
    return value if isinstance(value, wanted) else None


def _tags(value: Any) -> list[str | None] | None:
    return [_if_type(tag, str) for tag in value] if isinstance(value, list) else None


def instant(value: Any) -> datetime | None:
    """The instant of an ISO 8601 text, read as UTC when it has no offset; none if it cannot be told."""
    # Without the check a lone clock time would become an instant of today.
    if not isinstance(value, str) or not _STARTS_WITH_DATE.match(value):
        return None
    try:
        parsed = pendulum.parse(value)
        return parsed.astimezone(timezone.utc) if isinstance(parsed, pendulum.DateTime) else None
    except (ValueError, OverflowError):
        return None
