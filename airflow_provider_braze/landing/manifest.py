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
    """The note of the days that a part's runs are about to change, kept until their manifests tell them.

    Changed days are told at least once: what a crashed run noted, the part's next run tells too. One thing is beyond
    it: a run that began before this one and crashes after it, for nobody can tell it from one that crashed already.

    :param name: the note's object: days by run.
    :param run: what tells this run from others.
    :param days: the days that this run lands.
    """

    def __init__(self, store: Store, name: str, run: Mapping[str, Any], days: Collection[date]) -> None:
        self._store = store
        self._name = name
        self._run = "/".join(str(run[key]) for key in ("dag_id", "run_id", "task_id", "map_index"))
        self._days = sorted(day.isoformat() for day in days)
        self._lock = threading.Lock()
        self._is_noted = False
        self._found = self._read(store.read(name))
        self.inherited = frozenset(date.fromisoformat(day) for days in self._found.values() for day in days)
        """The days that earlier runs noted and never told."""

    def note(self) -> None:
        """Note the days; called before each write, it does so before the first."""
        with self._lock:
            if not self._is_noted:
                self._store.update(self._name, self._with_mine)
                self._is_noted = True

    def clear(self) -> None:
        """Remove what this run noted and inherited, once it is told; what others noted meanwhile stays for them."""
        if not self._is_noted and not self._found:
            return
        stored = self._store.read(self._name)
        if self._untold(stored):
            self._store.update(self._name, lambda stored: _json({"runs": self._untold(stored)}))
        elif stored:
            self._store.delete(self._name)

    def _with_mine(self, stored: Stored | None) -> bytes:
        runs = self._read(stored)
        return _json({"runs": {**runs, self._run: sorted({*runs.get(self._run, ()), *self._days})}})

    def _untold(self, stored: Stored | None) -> dict[str, list[str]]:
        told = {*self._found, self._run}
        return {run: days for run, days in self._read(stored).items() if run not in told}

    def _read(self, stored: Stored | None) -> dict[str, list[str]]:
        if stored is None:
            return {}
        try:
            runs: dict[str, list[str]] = json.loads(stored.content)["runs"]
            for day in (day for days in runs.values() for day in days):
                date.fromisoformat(day)
        except (AttributeError, ValueError, TypeError, KeyError) as error:
            raise BrazeDataError(
                f"{self._store.uri_of(self._name)} cannot be read. It names the days that a run which crashed was "
                "about to change; remove it, and reprocess the days that the last runs landed."
            ) from error
        return runs


def write_manifest(store: Store, name: str, manifest: Mapping[str, Any]) -> str:
    """Write a run's manifest, in place of an earlier one of the same window and part.

    :return: its address.
    """
    store.update(name, lambda _: _json(manifest))
    return store.uri_of(name)


def unreported_days(store: Store, name: str, run: Mapping[str, Any]) -> frozenset[date]:
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


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode(
        "utf-8", "backslashreplace"
    )
