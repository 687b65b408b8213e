"""Split what Braze sends of a day into cells of columns and the rest, ``other``: nothing is lost, nothing is invented.

This is the general way, right for any value. Days of a known shape take the faster way of
:mod:`~airflow_provider_braze.tables.shapes`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from airflow_provider_braze.core.channels import CHANNEL_STATS, DAY_FIGURES, ROW_FIELDS, field_columns
from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.core.payloads import expect_list, expect_object
from airflow_provider_braze.tables.records import converters_of, join_other, split_record

Cells = tuple[Any, ...]

_STORY_KEY: Final = re.compile(r"(carousel_slide|notif_button)_")


DAY_CONVERTERS: Final = converters_of(field_columns(*DAY_FIGURES))
ROW_CONVERTERS: Final = converters_of(field_columns(*ROW_FIELDS))


@dataclass(frozen=True, slots=True)
class SplitDay:
    """One split day of one campaign.

    :param day: the calendar day.
    :param cells: the values of :data:`DAY_CONVERTERS`, then ``other``.
    :param rows: for each row its channel, the values of :data:`ROW_CONVERTERS`, then ``other``.
    :param drift: number of times each key was seen that has no column or does not fit it.
    """

    day: date
    cells: Cells
    rows: tuple[Cells, ...]
    drift: Counter[str] = field(default_factory=Counter)


def split_day(day: date, record: JsonObject, path: str) -> SplitDay:
    """Split the object of a day.

    :param record: the object as Braze sent it.
    :param path: where it is in the response, such as ``$.data[3]``.
    :raises BrazeDataError: ``messages`` is not an object, a channel is not a list, or a row is not an object.
    """
    drift: Counter[str] = Counter()
    figures = {key: value for key, value in record.items() if key not in {"time", "messages"}}
    cells, rest = split_record(figures, DAY_CONVERTERS)
    drift.update(f"day.{key}" for key in rest)
    rows = tuple(_split_rows(record.get("messages"), f"{path}.messages", drift))
    return SplitDay(day, (*cells.values(), join_other(rest)), rows, drift)


def drift_name(channel: str, key: str) -> str:
    """Return a name for a channel's key that has no column.

    The titles in push-story keys are free text, so these keys share one name.

    :return: such as ``messages.email.machine_open`` or ``messages.ios_push.carousel_slide_*``.
    """
    story = _STORY_KEY.match(key)
    return f"messages.{channel}.{f'{story[1]}_*' if story else key}"


def _split_rows(messages: Any, path: str, drift: Counter[str]) -> Iterator[Cells]:
    if messages is None:
        return
    for channel, records in expect_object(messages, path).items():
        channel_path = f"{path}.{channel}"
        for index, record in enumerate(() if records is None else expect_list(records, channel_path)):
            cells, rest = split_record(expect_object(record, f"{channel_path}[{index}]"), ROW_CONVERTERS)
            drift.update(drift_name(channel, key) for key in rest)
            if channel not in CHANNEL_STATS:
                drift[f"messages.{channel}"] += 1
            yield (channel, *cells.values(), join_other(rest))
