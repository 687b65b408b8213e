"""What a run did, and what one that crashed may have done: the manifest, and the note of pending changes."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.landing.store import Store, Stored


class Pending:
    """The note of the days that a part's run is about to change, kept until its manifest tells them.

    Changed days are told at least once: what a crashed run noted, the part's next run tells too.

    :param name: the note's object.
    :param days: the days that this run lands.
    """

    def __init__(self, store: Store, name: str, days: Collection[date]) -> None:
        self._store = store
        self._name = name
        self._days = set(days)
        self._lock = threading.Lock()
        self._is_noted = False
        stored = store.read(name)
        self.inherited: frozenset[date] = frozenset(_days_of(stored, store.uri_of(name)))
        """The days that an earlier run noted and never told."""

    def note(self) -> None:
        """Note the days; called before each write, it does so before the first."""
        with self._lock:
            if not self._is_noted:
                self._store.update(self._name, self._with_mine)
                self._is_noted = True

    def clear(self) -> None:
        """Remove the note, once its days are told; what another run noted meanwhile stays for that run."""
        if not self._is_noted and not self.inherited:
            return
        stored = self._store.read(self._name)
        if stored and _days_of(stored, self._store.uri_of(self._name)) <= self._days | self.inherited:
            self._store.delete(self._name)

    def _with_mine(self, stored: Stored | None) -> bytes:
        days = _days_of(stored, self._store.uri_of(self._name)) | self._days
        return _json({"days": sorted(day.isoformat() for day in days)})


def write_manifest(store: Store, name: str, manifest: Mapping[str, Any]) -> str:
    """Write a run's manifest, in place of an earlier one of the same window and part.

    :return: its address.
    """
    store.update(name, lambda _: _json(manifest))
    return store.uri_of(name)


def untold_days(store: Store, name: str, run: Mapping[str, Any]) -> frozenset[date]:
    """The days that an earlier try of this run changed and told in its manifest, but died before Airflow knew.

    :param name: the manifest's object.
    :param run: what tells this run, its ``try_number`` included. (A cleared run tells its days once more, too.)
    """
    stored = store.read(name) if run["try_number"] > 1 else None
    if stored is None:
        return frozenset()
    try:
        manifest = json.loads(stored.content)
        same = {**manifest["run"], "try_number": run["try_number"]} == run
        days = {date.fromisoformat(day) for day in manifest["changed_days"]} if same else ()
    except (ValueError, TypeError, KeyError) as error:
        raise BrazeDataError(
            f"{store.uri_of(name)} cannot be read. It names the days that an earlier try of this run changed; remove "
            "it, and reprocess the days of its window."
        ) from error
    return frozenset(days)


def _days_of(stored: Stored | None, uri: str) -> set[date]:
    if stored is None:
        return set()
    try:
        return {date.fromisoformat(day) for day in json.loads(stored.content)["days"]}
    except (ValueError, TypeError, KeyError) as error:
        raise BrazeDataError(
            f"{uri} cannot be read. It names the days that a run which crashed was about to change; remove it, and "
            "reprocess the days that the last runs landed."
        ) from error


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode(
        "utf-8", "backslashreplace"
    )
