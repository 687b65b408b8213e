from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

from airflow_provider_braze.task import airflow


def test_names_are_available_without_a_warning() -> None:
    # In a process of its own: Airflow warns of a name only at its first import.
    names = sorted(airflow._PLACES)
    code = "\n".join(f"from airflow_provider_braze.task.airflow import {name}; print({name})" for name in names)
    done = subprocess.run([sys.executable, "-W", "default", "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    printed = done.stdout + done.stderr
    assert [name for name in names if f"{name} is deprecated" in printed] == []
    assert "DeprecatedImportWarning" not in printed


def test_all_names_are_exported() -> None:
    assert set(airflow.__all__) == {*airflow._PLACES, "get_connection_async"}


def test_unknown_name_is_an_import_error() -> None:
    with pytest.raises(ImportError, match="Nothing"):
        from airflow_provider_braze.task.airflow import Nothing  # type: ignore[attr-defined]  # noqa: F401


class AsyncHook:
    @classmethod
    async def aget_connection(cls, conn_id: str) -> Any:
        return conn_id, "async"


class SyncHook:
    @classmethod
    def get_connection(cls, conn_id: str) -> Any:
        return conn_id, threading.current_thread() is not threading.main_thread()


def test_connection_is_read_in_the_event_loop_where_airflow_masks_it_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow.Connection, "aextra_dejson", None, raising=False)
    assert asyncio.run(airflow.get_connection_async(AsyncHook(), "x")) == ("x", "async")  # type: ignore[arg-type]


def test_connection_is_read_in_a_thread_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(airflow.Connection, "aextra_dejson", raising=False)
    assert asyncio.run(airflow.get_connection_async(SyncHook(), "x")) == ("x", True)  # type: ignore[arg-type]
