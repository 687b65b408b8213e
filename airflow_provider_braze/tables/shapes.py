"""Prove that a whole response has a known shape, and decode it at once into typed objects.

A shape says which keys a day, and a row of each channel, may have. Decoding by a shape fails on any other key, and on
any value that would not fit its column, so the result needs no more checks. Three shapes are tried: the documented one
with ids and stats only, the documented one with everything, and the latter with the further keys of some days of this
response. A response that none of them proves is left to :mod:`~airflow_provider_braze.tables.rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, Final, Generic, Literal, Protocol, TypeVar

import msgspec
from msgspec import UNSET

from airflow_provider_braze.core.channels import CHANNEL_STATS, DAY_FIGURES, ROW_FIELDS, ROW_FIGURES, field_type
from airflow_provider_braze.core.models import JsonObject

NAME_COLUMNS: Final = frozenset({"variant_name", "step_name"})
"""Columns that hold the key ``name`` of an object."""

NO_INT: Final = -1
"""Marks a missing count: a proven one is never negative."""

NO_FLOAT: Final = float("nan")
"""Marks a missing fraction: JSON has no such number."""

MISSING: Final[Mapping[str, Any]] = {"": None, "q": NO_INT, "d": NO_FLOAT}
"""What marks a missing value, by the column's format."""

# A union with float keeps integers as they are, so that none is rounded unseen; within the bounds all are doubles.
_INT: Final = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None
_FLOAT: Final = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)] | float | None
_TYPES: Final[Mapping[str, Any]] = {"": str | None, "q": _INT, "d": _FLOAT}
_FORMATS: Final[Mapping[str, str]] = {"string": "", "int64": "q", "double": "d"}
# Before 0.21 msgspec's errors are not ValueErrors.
UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding may raise."""

MAX_LEARNED: Final = 4
"""Learned shapes that are tried: those of the workspace's newest keys. Each costs a part of a day."""

_SAMPLES: Final = 3
_MOST_EXTRAS: Final = 48
_FEWEST_DAYS: Final = 3
"""Days below which learning a shape costs more than splitting."""

Extra = tuple[str, str]
"""A channel and a key of its rows, or no channel and a key of the day."""


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """The keys that a day, or a row of one channel, may have.

    :param channel: the channel, or an empty text for the day.
    :param fields: keys that have a column, in the order of the struct's fields.
    :param formats: the format of each field's column as in :mod:`struct`, empty for a text.
    :param extras: keys that have none; their fields follow.
    :param rest: struct of the extras alone, which encodes to ``other``.
    """

    channel: str
    fields: tuple[str, ...]
    formats: tuple[str, ...]
    extras: tuple[str, ...]
    rest: type[msgspec.Struct]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What a response may hold.

    :param day: the keys of a day; its struct begins with ``time`` (a date) and ``messages``.
    :param channels: the keys of each channel's rows, in the order of the fields of ``messages``.
    :param is_learned: whether it has keys that are not documented.
    :param no_messages: replaces ``messages`` that are null.
    :param decode: decodes the body of a response into an object with ``data``, or raises.
    """

    day: Record
    channels: tuple[Record, ...]
    is_learned: bool
    no_messages: msgspec.Struct
    decode: Callable[[bytes], Any] = field(repr=False)


class HasLearned(Protocol):
    """A shape of any series."""

    @property
    def is_learned(self) -> bool:
        """Whether it has keys that are not documented."""
        ...


AnyShape = TypeVar("AnyShape", bound=HasLearned)


@dataclass(frozen=True, slots=True)
class Proven:
    """Days of one response that have a shape.

    :param days: structs of ``shape.day``; a value that is missing is :data:`NO_INT`, :data:`NO_FLOAT` or none.
    """

    shape: Shape
    days: Sequence[Any] = field(repr=False)


class RawResponse(msgspec.Struct):
    """A response with its days as text."""

    data: list[msgspec.Raw]


class Learned(Generic[AnyShape]):
    """The newest shapes that a run learned of its responses. Threads may share it."""

    def __init__(self) -> None:
        self._shapes: tuple[AnyShape, ...] = ()

    def __iter__(self) -> Iterator[AnyShape]:
        return iter(self._shapes)

    def add(self, shape: AnyShape) -> None:
        """Keep a shape, unless it is documented or known."""
        if shape.is_learned and shape not in self._shapes:
            self._shapes = (shape, *self._shapes[: MAX_LEARNED - 1])


def prove(body: bytes, learned: Iterable[Shape] = ()) -> Proven | None:
    """Decode a response if it has a shape.

    :param learned: shapes of other responses, which are tried before a new one is learned.
    :return: all days of the response in Braze's order; None if no shape fits.
    """
    return next(filter(None, (_try(shape, body) for shape in (_FLAT, _FULL, *learned))), None) or _learn(body)


def _try(shape: Shape, body: bytes) -> Proven | None:
    try:
        return Proven(shape, shape.decode(body).data)
    except UNREADABLE:
        return None


def _learn(body: bytes) -> Proven | None:
    """Try the shape that some days of the response have."""
    try:
        days = msgspec.json.decode(body, type=RawResponse).data
        if len(days) < _FEWEST_DAYS:
            return None
        samples = map(msgspec.json.decode, days[:: len(days) // _SAMPLES])
        shape = _shape_with(frozenset(chain.from_iterable(map(_extras, samples))))
    except (*UNREADABLE, TypeError, AttributeError):
        return None
    return _try(shape, body)


def _extras(day: JsonObject) -> Iterator[Extra]:
    """Yield the keys of a day that are not documented where they are."""
    yield from (("", key) for key in day.keys() - _DAY_KEYS)
    for channel, rows in (day.get("messages") or {}).items():
        keys = set().union(*rows) - _FULL_ROWS.get(channel, frozenset())
        yield from ((channel, key) for key in keys)


def check_extras(count: int) -> None:
    """Check that a shape may be learned: types are kept, so what one response can define is bounded.

    :raises ValueError: there is nothing to learn, or too much.
    """
    if not 0 < count <= _MOST_EXTRAS:
        raise ValueError(f"Shapes are learned of 1 to {_MOST_EXTRAS} keys, not of {count}.")


def define(name: str, fields: Iterable[tuple[str, Any, Any]], rename: dict[str, str] | None = None) -> Any:
    """Define a struct that forbids unknown fields."""
    # Without gc, the objects of a batch cost the garbage collector nothing; they hold no cycles.
    return msgspec.defstruct(name, list(fields), rename=rename, forbid_unknown_fields=True, gc=False)


def new_record(channel: str, fields: tuple[str, ...], extras: tuple[str, ...] = ()) -> Record:
    """Return a record with some keys that have no column."""
    names = [f"extra{place}" for place, _ in enumerate(extras)]
    rest = define("Rest", ((name, Any, UNSET) for name in names), dict(zip(names, extras, strict=True)))
    formats = tuple(_FORMATS[field_type(name)] for name in fields)
    return Record(channel, fields, formats, extras, rest)


@lru_cache(maxsize=256)
def struct_of(record: Record, *before: tuple[str, Any, Any]) -> Any:
    """Return the struct of a record, with some fields before its own."""
    known = (
        (name, _TYPES[format_], MISSING[format_]) for name, format_ in zip(record.fields, record.formats, strict=True)
    )
    extras = [(f"extra{place}", Any, UNSET) for place, _ in enumerate(record.extras)]
    rename = {name: "name" for name in record.fields if name in NAME_COLUMNS}
    rename |= {name: key for (name, _, _), key in zip(extras, record.extras, strict=True)}
    return define("Record", (*before, *known, *extras), rename)


def _shape(day: Record, channels: Sequence[Record], *, is_learned: bool = False) -> Shape:
    # Tuples, not lists: the garbage collector does not track a tuple of plain values.
    names = [f"channel{place}" for place, _ in enumerate(channels)]
    rows = [(name, tuple[struct_of(record), ...], ()) for name, record in zip(names, channels, strict=True)]  # type: ignore[misc]
    messages = define("Messages", rows, {name: row.channel for name, row in zip(names, channels, strict=True)})
    days: Any = struct_of(day, ("time", date, msgspec.NODEFAULT), ("messages", messages | None, None))
    # Not define: a response may carry other keys.
    fields: list[Any] = [("data", tuple[days, ...]), ("message", Literal["success"], "success")]
    response = msgspec.defstruct("Response", fields, gc=False)
    return Shape(day, tuple(channels), is_learned, messages(), msgspec.json.Decoder(response).decode)


@lru_cache(maxsize=64)
def _shape_with(extras: frozenset[Extra]) -> Shape:
    """Return the full shape with some keys more.

    :raises ValueError: there are none or too many, or one cannot be the name of a field.
    """
    check_extras(len(extras))
    channels = dict.fromkeys((*CHANNEL_STATS, *sorted({channel for channel, _ in extras} - {""})))
    day = new_record("", DAY_FIGURES, tuple(sorted(key for channel, key in extras if channel == "")))
    records = [_channel_record(channel, sorted(key for of, key in extras if of == channel)) for channel in channels]
    return _shape(day, records, is_learned=True)


def _channel_record(channel: str, keys: Sequence[str]) -> Record:
    if not keys:
        return _FULL_RECORDS[channel]
    known = tuple(key for key in keys if key in ROW_FIELDS)
    return new_record(channel, _full_row(channel) + known, tuple(key for key in keys if key not in ROW_FIELDS))


def _full_row(channel: str) -> tuple[str, ...]:
    stats = CHANNEL_STATS.get(channel)
    return ("variation_api_id", "variation_name", "enrolled", *stats, *ROW_FIGURES) if stats else ()


_DAY_KEYS: Final = frozenset({"time", "messages", *DAY_FIGURES})
_FULL_ROWS: Final = {channel: frozenset(_full_row(channel)) for channel in CHANNEL_STATS}
_FULL_RECORDS: Final = {channel: new_record(channel, _full_row(channel)) for channel in CHANNEL_STATS}
_FULL: Final = _shape(new_record("", DAY_FIGURES), list(_FULL_RECORDS.values()))
_FLAT: Final = _shape(
    new_record("", DAY_FIGURES),
    [new_record(channel, ("variation_api_id", *stats)) for channel, stats in CHANNEL_STATS.items()],
)
