"""Where things lie below a destination, and the guard that keeps all runs on one layout."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Final, Literal

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeDataError
from airflow_provider_braze.landing.store import Store, Stored

FileFormat = Literal["parquet", "jsonl"]

_EXTENSIONS: Final = {"parquet": "parquet", "jsonl": "jsonl.gz"}
_LAYOUT: Final = "_braze/layout.json"


@dataclass(frozen=True, slots=True)
class Layout:
    """What all runs over one destination must agree on; else a day would be stored twice under two names.

    :param parts: among how many tasks the campaigns are divided.
    :param file_format: of the data objects.
    :param timezone: the company's time zone, in which days are counted.
    :param host: the REST endpoint: another workspace's campaigns belong elsewhere.
    :param schema_version: raised when a table changes otherwise than by new columns at its end.
    """

    parts: int
    file_format: FileFormat
    timezone: str
    host: str
    schema_version: int = 1

    def day_object(self, table: str, day: date, part: int) -> str:
        """Name the object of a table's day."""
        return f"{table}/dt={day.isoformat()}/{self._part(part)}.{_EXTENSIONS[self.file_format]}"

    def part_object(self, table: str, part: int) -> str:
        """Name a part's object of a table that is not divided by day."""
        return f"{table}/{self._part(part)}.{_EXTENSIONS[self.file_format]}"

    def whole_object(self, table: str) -> str:
        """Name the object of a table that is divided neither by day nor by part."""
        return f"{table}/{table}.{_EXTENSIONS[self.file_format]}"

    def manifest(self, window: Window | None, part: int) -> str:
        """Name the manifest of a window's run; without a window, of a run that lands no days."""
        name = f"{window.start.isoformat()}_{window.end.isoformat()}" if window else "without_days"
        return f"_braze/manifests/{name}/{self._part(part)}.json"

    def pending(self, part: int) -> str:
        """Name the note of the days that a run is about to change."""
        return f"_braze/pending/{self._part(part)}.json"

    def _part(self, part: int) -> str:
        width = max(2, len(str(self.parts)))
        return f"part-{part:0{width}d}-of-{self.parts:0{width}d}"


def part_of(subject: str, parts: int) -> int:
    """Return the part that a subject belongs to: the same on every machine and version of Python.

    :return: 0 to ``parts`` - 1.
    """
    digest = hashlib.blake2b(subject.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % parts


def validate_layout(store: Store, layout: Layout) -> None:
    """Compare with the layout that is there, and write nothing: the key may be wrong yet, or the host.

    :raises BrazeConfigError: the destination has another one.
    :raises BrazeDataError: its note cannot be read.
    """
    stored = store.read(_LAYOUT)
    if stored is not None:
        _compare(store, stored, layout)


def ensure_layout(store: Store, layout: Layout) -> None:
    """Write the layout of a new destination, or compare with the one that is there.

    :raises BrazeConfigError: the destination has another one; nothing was changed.
    :raises BrazeDataError: its note cannot be read.
    """

    def change(stored: Stored | None) -> bytes | None:
        if stored is None:
            return (json.dumps(asdict(layout), indent=2, sort_keys=True) + "\n").encode()
        _compare(store, stored, layout)
        return None

    store.update(_LAYOUT, change)


def _parse(store: Store, stored: Stored) -> dict[str, object]:
    try:
        found = json.loads(stored.content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BrazeDataError(
            f"{store.uri_of(_LAYOUT)} is no JSON object. Restore it, or remove it if all runs over this destination "
            "use the same parts, format, time zone and host."
        )
    return found


def _compare(store: Store, stored: Stored, layout: Layout) -> None:
    found = _parse(store, stored)
    for name, value in asdict(layout).items():
        if found.get(name) != value:
            raise BrazeConfigError(
                f"{store.uri} was landed with {name}={found.get(name)!r}, but this run has {name}={value!r}. "
                "Use the same (the zone is the argument or connection field `timezone`, the host is the connection's), "
                "or another destination: one destination holds one layout."
            )
