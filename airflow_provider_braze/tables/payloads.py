"""Tables of source ``payload``: each day's JSON text as Braze sent it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import chain

import msgspec
import pyarrow as pa

from airflow_provider_braze.core.series import SubjectDays
from airflow_provider_braze.tables.columns import Group, place_columns
from airflow_provider_braze.tables.shapes import RawResponse


def decode_payloads(body: bytes, indices: Mapping[date, int]) -> dict[date, str]:
    """Return the JSON text of some days.

    :param indices: where in ``data`` each day is.
    """
    raw = msgspec.json.decode(body, type=RawResponse).data
    return {day: bytes(raw[index]).decode() for day, index in indices.items()}


def payload_group(keys: Sequence[str], rows: Sequence[SubjectDays]) -> Group:
    """Build the rows of a payload table.

    :param keys: the key columns.
    :param rows: subjects whose responses kept their ``payloads``.
    """
    kept = [(row.subject.key, days.payloads) for row in rows for days in row.responses if days.payloads]
    days = list(chain.from_iterable(texts for _, texts in kept))
    places = place_columns(keys, [(key, len(texts)) for key, texts in kept], days)
    texts = pa.array(chain.from_iterable(texts.values() for _, texts in kept), pa.string(), size=len(days))
    return {**places, "payload": texts}
