"""How one Braze analytics series is declared: its endpoints, its subjects and its tables.

A declaration holds no I/O and loads no Arrow, so a Dag file may import it. Plan, landing, journal, lineage, metrics,
argument checks and the sandbox loop over declarations; only the declaring module names its tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.models import SeriesCall

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, time

    import pyarrow as pa

    from airflow_provider_braze.core.models import Window

Scalar = Literal["string", "int32", "int64", "double", "bool", "date", "timestamp"]
"""Type of a column; a ``timestamp`` is in UTC, with microseconds."""

Source = Literal["figures", "payload", "list", "details"]
"""What a table's rows are made from: parsed days, days as JSON text, list entries, or details."""

DAY: Final = "day"
OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list type.

    :param element_name: the name of the element in the Arrow type.
    """

    element: ColumnType
    element_name: str = "element"


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct type."""

    fields: tuple[Column, ...]


ColumnType = Scalar | ListOf | Struct


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    type: ColumnType


def columns(type_: ColumnType, *names: str) -> tuple[Column, ...]:
    """Return columns of one type."""
    return tuple(Column(name, type_) for name in names)


def plain_columns(declared: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns whose cells are values of the object itself.

    :param declared: columns of a table or fields of a struct. The first one is the id, which is left out, as are
        ``other`` and lists of structs.
    """
    return tuple(each for each in declared[1:] if each.name != OTHER and not _is_nested(each.type))


def _is_nested(type_: ColumnType) -> bool:
    return isinstance(type_.element if isinstance(type_, ListOf) else type_, Struct)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a series. New columns go to the end of ``columns``, after ``other``.

    :param source: what its rows are made from.
    :param sort_by: columns that order the rows: ascending, text by code point, null last.
    :param is_default: whether it lands unless `tables` says otherwise.
    :param spool_bytes: compressed bytes on local disk per subject and day, or per subject for details. For the plan.
    """

    name: str
    source: Source
    columns: tuple[Column, ...]
    sort_by: tuple[str, ...]
    is_default: bool = True
    spool_bytes: int = 50

    @property
    def has_days(self) -> bool:
        """Whether the table has one object per day."""
        return self.source in ("figures", "payload")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True, slots=True)
class Listing:
    """The endpoint that lists a series' subjects, page by page.

    :param endpoint: its ``records`` is the key of the entries.
    :param id_key: key of an entry's id; None when the entries are plain strings.
    :param has_archived: whether the endpoint knows ``include_archived``.
    :param required_flag: key of an entry; where it is false, the subject is not fetched.
    :param least_pages: number of pages to read before one without new entries is the end. 3 where the first page may
        be 0 or 1: page 0 is then empty, or the same as page 1.
    """

    endpoint: Endpoint
    id_key: str | None = "id"
    has_archived: bool = False
    required_flag: str | None = None
    least_pages: int = 1


@dataclass(frozen=True, slots=True)
class Subject:
    """What one call asks about: a campaign, a canvas, a metric of an app.

    :param name: unique in its series; for logs, records and parts.
    :param key: values of the series' key columns.
    :param params: parameters of the call, without the days.
    :param figure: key of the response that becomes the column ``value`` in a tidy table.
    :param is_total: whether the workspace has a value for every day, so that a missing one is an error.
    :param computed_by: UTC time of the next day by which Braze computes a day; None when it counts at once.
    """

    name: str
    key: tuple[str | None, ...]
    endpoint: Endpoint
    params: Mapping[str, str] = field(default_factory=dict)
    figure: str = ""
    is_total: bool = False
    computed_by: time | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it is one id alone, as a list of Braze has it."""
        return self.name == self.key[0]

    def uncomputed_days(self, window: Window, now: datetime) -> frozenset[date]:
        """Return the days that Braze may not have computed yet.

        :param now: aware time of the responses.
        """
        if self.computed_by is None:
            return frozenset()
        computed_by = self.computed_by
        return frozenset(
            day for day in window if now < datetime.combine(day + timedelta(days=1), computed_by, tzinfo=timezone.utc)
        )


def qualify(name: str, **params: str | None) -> tuple[str, dict[str, str]]:
    """Return a subject's name followed by its parameters, and the parameters; None is left out."""
    given = {key: value for key, value in params.items() if value is not None}
    return " ".join([name, *(f"{key}={value}" for key, value in given.items())]), given


def may_be_qualified(name: str) -> bool:
    """Return whether a name looks like one with parameters. The name of an event is free text, so it may be plain."""
    return _PARAMETER.search(name) is not None


_PARAMETER: Final = re.compile(r" (app_id|segment_id|product)=")


class Days(Protocol):
    """The wanted days of one response; its content is for the decoder that made it.

    :param dates: the days, sorted.
    :param weight: rows held in memory, in units of one plain day. Sizes batches.
    :param drift: number of times each key without a column was seen, by a name such as ``messages.email.machine_open``.
    """

    @property
    def dates(self) -> tuple[date, ...]: ...  # noqa: D102
    @property
    def weight(self) -> int: ...  # noqa: D102
    @property
    def drift(self) -> Mapping[str, int]: ...  # noqa: D102
    def __contains__(self, day: object, /) -> bool: ...


class Decoder(Protocol):
    """Makes a series' day tables from responses."""

    def decode(self, body: bytes, subject: Subject, call: SeriesCall, *, keep_payload: bool) -> Days:
        """Decode one response and keep the days its call wanted, each once.

        :param keep_payload: whether to keep each day's JSON text, for a table of source ``payload``.
        :raises ValueError: the body is truncated or not JSON. A retry may help.
        :raises BrazeDataError: the body is JSON of another shape, or holds a day twice with different content.
        """
        ...

    def build(self, rows: Sequence[SubjectDays], tables: Collection[Table]) -> dict[str, pa.Table]:
        """Build the tables of a batch of subjects, sorted.

        :param rows: each subject once, in any order.
        """
        ...


@dataclass(frozen=True, slots=True)
class SubjectDays:
    """All fetched days of one subject.

    :param days: the returned days, sorted.
    :param drift: number of times each key without a column was seen.
    :param weight: rows held in memory, in units of one plain day.
    :param responses: one per call, for the decoder that made them.
    """

    subject: Subject
    days: tuple[date, ...]
    drift: Mapping[str, int]
    weight: int
    responses: tuple[Any, ...] = field(repr=False)


class SubjectDetails(Protocol):
    """The decoded details of one subject.

    :param longest_window: the longest conversion window in seconds, None when it has none.
    """

    @property
    def cells(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def drift(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def longest_window(self) -> int | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Details:
    """The endpoint that gives one subject's details.

    :param decode: decodes a response's body. It raises like :meth:`Decoder.decode`.
    :param has_conversion_windows: whether details say how long figures still change, for `lookback_days="auto"`.
    """

    endpoint: Endpoint
    decode: Callable[[bytes, Subject], SubjectDetails]
    has_conversion_windows: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One analytics series of Braze.

    :param name: such as ``campaigns``; also the folder of its bookkeeping.
    :param noun: one subject in logs and errors, such as ``campaign``.
    :param plural: several of them.
    :param keys: key columns, in the order of :attr:`Subject.key`.
    :param tables: its tables. The first has exactly one row per subject and returned day.
    :param main_figures: columns of the first table whose sums the record contains before and after a restatement.
    :param lookback_days: default lookback.
    :param load_decoder: returns the decoder of these tables. It loads Arrow.
    :param make_subject: returns the subject of an id. Default: the id is the only key, and a parameter of that name.
    :param nested_days: key of ``data`` that holds the days; empty when ``data`` is their list.
    :param endpoint: where a listed subject's days come from.
    :param listing: where subjects are listed; None when they come from arguments.
    :param max_length: most days per call.
    :param params: parameters of every call.
    :param weight: rows per subject and day, in units of a campaign's. Sizes blocks on disk.
    :param min_subjects_for_outage: a day missing for at least this many subjects, and for all, is an error.
    :param may_start_late: whether days before a subject's first returned day are legitimately absent: a canvas before
        its first entry, a segment before its tracking.
    :param may_expire: whether Braze removes days after a while, so that no subject may have any.
    :param other_endpoints: endpoints of subjects that come from arguments.
    """

    name: str
    noun: str
    plural: str
    keys: tuple[str, ...]
    tables: tuple[Table, ...]
    main_figures: tuple[str, ...]
    lookback_days: int
    load_decoder: Callable[[Series], Decoder] = field(repr=False)
    make_subject: Callable[[str], Subject] | None = field(default=None, repr=False)
    nested_days: str = ""
    endpoint: Endpoint | None = None
    listing: Listing | None = None
    details: Details | None = None
    max_length: int = 100
    params: Mapping[str, str] = field(default_factory=dict)
    weight: int = 1
    min_subjects_for_outage: int = 10
    may_start_late: bool = False
    may_expire: bool = False
    other_endpoints: tuple[Endpoint, ...] = ()

    @property
    def day_table(self) -> Table:
        """The table that has one row per subject and returned day."""
        return self.tables[0]

    @property
    def table_names(self) -> tuple[str, ...]:
        """Names of all tables."""
        return tuple(table.name for table in self.tables)

    @property
    def default_tables(self) -> tuple[str, ...]:
        """Names of the tables that land by default."""
        return tuple(table.name for table in self.tables if table.is_default)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All endpoints: list, series, details."""
        found = [self.listing and self.listing.endpoint, self.endpoint, self.details and self.details.endpoint]
        return (*(each for each in found if each), *self.other_endpoints)

    def table_from(self, source: Source) -> Table | None:
        """Return the first table made from a source."""
        return next((table for table in self.tables if table.source == source), None)

    def subject(self, id_: str) -> Subject:
        """Return the subject of an id."""
        if self.make_subject:
            return self.make_subject(id_)
        assert self.endpoint is not None, f"{self.name} has no endpoint for ids"  # noqa: S101
        return Subject(id_, (id_,), self.endpoint, {self.keys[0]: id_})

    def count(self, number: int) -> str:
        """Return a number of subjects in words: ``1 campaign``, ``2 campaigns``."""
        return f"{number} {self.noun if number == 1 else self.plural}"

    def call_params(self, subject: Subject, call: SeriesCall) -> dict[str, str]:
        """Return the parameters of one call."""
        return {**self.params, **subject.params, "length": str(call.length), "ending_at": call.ending_at}
