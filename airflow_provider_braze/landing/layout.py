"""Where objects lie below a destination, and the guard that keeps all runs on one layout.

A destination has one host and one time zone, in ``_braze/destination.json``. Each of its series has a layout of its own
below ``_braze/<series>/``. Both objects are written just before the first data object, so a run that fails earlier
claims nothing, and never change. The first of several concurrent runs writes them, and all others compare.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from airflow_provider_braze.exceptions import BrazeConfigError, BrazeDataError
from airflow_provider_braze.landing.first_use import check_conditional_writes
from airflow_provider_braze.landing.formats import FORMATS, FileFormat
from airflow_provider_braze.landing.store import Store

SCHEMA_VERSION: Final = 1
_DESTINATION: Final = "_braze/destination.json"


@dataclass(frozen=True, slots=True)
class Layout:
    """What all runs of a series over one destination must agree on. Else a day would be stored under two names.

    :param parts: number of tasks that share the subjects.
    :param file_format: format of the data objects.
    :param timezone: the company's time zone, in which days are counted. All series of a destination share it.
    :param host: REST endpoint. All series of a destination share it: another workspace's data belongs elsewhere.
    :param series: name of the series, and of the folder of its bookkeeping.
    :param schema_version: raised when a table changes other than by new columns at its end.
    """

    parts: int
    file_format: FileFormat
    timezone: str
    host: str
    series: str = "campaigns"
    schema_version: int = SCHEMA_VERSION

    @property
    def shared(self) -> dict[str, Any]:
        """What all series of a destination agree on."""
        return {"host": self.host, "timezone": self.timezone}

    @property
    def own(self) -> dict[str, Any]:
        """What all runs of this series agree on."""
        return {name: value for name, value in asdict(self).items() if name not in self.shared}

    @property
    def folder(self) -> str:
        """Folder of the series' bookkeeping."""
        return f"_braze/{self.series}"

    def day_object(self, table: str, day: date, part: int) -> str:
        """Return the name of the object of a table's day."""
        return f"{table}/dt={day.isoformat()}/{self._part(part)}.{FORMATS[self.file_format].extension}"

    def part_object(self, table: str, part: int) -> str:
        """Return the name of a part's object of a table that is not divided by day."""
        return f"{table}/{self._part(part)}.{FORMATS[self.file_format].extension}"

    def whole_object(self, table: str) -> str:
        """Return the name of the object of a table that is divided neither by day nor by part."""
        return f"{table}/{table}.{FORMATS[self.file_format].extension}"

    def _part(self, part: int) -> str:
        width = max(2, len(str(self.parts)))
        return f"part-{part:0{width}d}-of-{self.parts:0{width}d}"


class DayObject(NamedTuple):
    """What the name of a day's object says.

    :param part: number of the part, from 0.
    :param parts: number of parts of the layout.
    """

    day: date
    part: int
    parts: int


def parse_day_object(name: str) -> DayObject | None:
    """Parse the name of a day's object, as :meth:`Layout.day_object` makes it.

    :param name: name below the table's folder.
    :return: None when it is the name of something else.
    """
    match = _DAY_OBJECT.fullmatch(name)
    try:
        return DayObject(date.fromisoformat(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:  # not a day of the calendar
        return None


_DAY_OBJECT: Final = re.compile(
    r"dt=(\d{4}-\d\d-\d\d)/part-(\d+)-of-(\d+)\.(?:"
    + "|".join(re.escape(each.extension) for each in FORMATS.values())
    + ")"
)


def part_of(subject: str, parts: int) -> int:
    """Return the part that a subject belongs to: the same on every machine and version of Python.

    :return: 0 to ``parts`` - 1.
    """
    digest = hashlib.blake2b(subject.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % parts


def read_layout(store: Store, series: str) -> Layout | None:
    """Return the layout of a series at a destination, None when nothing of it has landed.

    :param series: name of the series.
    :raises BrazeConfigError: the tables are of another schema version.
    :raises BrazeDataError: the layout cannot be read.
    """
    import msgspec

    found: dict[str, Any] = {}
    for name in (_DESTINATION, f"_braze/{series}/layout.json"):
        content = store.read_once(name)
        if content is None:
            return None
        found |= _parse(store, name, content)
    try:
        layout = msgspec.convert(found, Layout)
    except msgspec.ValidationError as error:
        raise BrazeDataError(
            f"{store.uri_of(_DESTINATION)} and {store.uri_of(name)} do not describe a layout: {error}. Restore them."
        ) from error
    if layout.schema_version != SCHEMA_VERSION:
        raise BrazeConfigError(
            f"{store.uri} holds {series} with schema_version={layout.schema_version}, but this version of the provider "
            f"has {SCHEMA_VERSION}. Upgrade the provider."
        )
    return layout


def validate_layout(store: Store, layout: Layout) -> None:
    """Compare with the destination's layout, if it has one. Else check the store. Claim nothing.

    :raises BrazeConfigError: the destination has another layout, or its store cannot keep concurrent runs apart.
    :raises BrazeDataError: the layout cannot be read.
    """
    content = store.read_once(_DESTINATION)
    if content is None:
        check_conditional_writes(store)
    elif _compare(store, _DESTINATION, content, layout.shared).get("conditional_writes") is False:
        store.accept_unconditional_writes()
    name = f"{layout.folder}/layout.json"
    if (content := store.read_once(name)) is not None:
        _compare(store, name, content, layout.own)


def ensure_layout(store: Store, layout: Layout) -> None:
    """Write the layout of a new destination, or compare with the existing one.

    Call it before each write of a data object. After the first call, it costs no request.

    :raises BrazeConfigError: the destination has another layout. Nothing was changed.
    :raises BrazeDataError: the layout cannot be read.
    """
    shared = {**layout.shared, "conditional_writes": store.has_conditional_writes}
    for name, mine, document in (
        (_DESTINATION, layout.shared, shared),
        (f"{layout.folder}/layout.json", layout.own, layout.own),
    ):
        content = (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
        _compare(store, name, store.write_once(name, content), mine)


def _compare(store: Store, name: str, content: bytes, mine: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an object says, if it agrees with this run."""
    found = _parse(store, name, content)
    for key, value in mine.items():
        if found.get(key) != value:
            raise BrazeConfigError(
                f"{store.uri} holds data with {key}={found.get(key)!r}, but this run has {key}={value!r}. Use the same "
                "value (`timezone` is the operator's or the connection's, `host` the connection's), or another "
                f"destination. If nothing has landed yet, remove {store.uri_of(name)}."
            )
    return found


def _parse(store: Store, name: str, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BrazeDataError(
            f"{store.uri_of(name)} is not a JSON object. Restore it. Or remove it, if all runs over this destination "
            "use the same parts, format, time zone and host."
        )
    return found
