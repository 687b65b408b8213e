"""Airflow's names: this module alone knows where each release keeps them.

A name is imported when it is first used. Importing a role module loads only what that role needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from airflow.plugins_manager import AirflowPlugin
    from airflow.sdk import (
        DAG,
        Asset,
        AssetAlias,
        BaseHook,
        BaseOperator,
        BaseOperatorLink,
        BaseSensorOperator,
        Connection,
        Context,
        ObjectStoragePath,
        Param,
        PokeReturnValue,
        task,
    )
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import (
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
        TaskDeferred,
    )
    from airflow.sdk.observability.stats import Stats

__all__ = [
    "DAG",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowPlugin",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "Asset",
    "AssetAlias",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "Connection",
    "Context",
    "ObjectStoragePath",
    "Param",
    "PokeReturnValue",
    "Stats",
    "TaskDeferred",
    "conf",
    "get_connection_async",
    "task",
]

_EXCEPTIONS: Final = ("airflow.sdk.exceptions", "airflow.exceptions")
# Modules from the newest release to the oldest; after a colon the older name.
_PLACES: Final = {
    "AirflowFailException": _EXCEPTIONS,
    "AirflowNotFoundException": _EXCEPTIONS,
    "AirflowPlugin": ("airflow.sdk.plugins_manager", "airflow.plugins_manager"),
    "AirflowSensorTimeout": _EXCEPTIONS,
    "AirflowSkipException": _EXCEPTIONS,
    "TaskDeferred": _EXCEPTIONS,
    "Asset": ("airflow.sdk", "airflow.datasets:Dataset"),
    "AssetAlias": ("airflow.sdk", "airflow.datasets:DatasetAlias"),
    "BaseHook": ("airflow.sdk", "airflow.hooks.base"),
    "BaseOperator": ("airflow.sdk", "airflow.models.baseoperator"),
    "BaseOperatorLink": ("airflow.sdk", "airflow.models.baseoperatorlink"),
    "BaseSensorOperator": ("airflow.sdk", "airflow.sensors.base"),
    "Connection": ("airflow.sdk", "airflow.models.connection"),
    "Context": ("airflow.sdk", "airflow.utils.context"),
    "DAG": ("airflow.sdk", "airflow.models.dag"),
    "ObjectStoragePath": ("airflow.sdk", "airflow.io.path"),
    "Param": ("airflow.sdk", "airflow.models.param"),
    "PokeReturnValue": ("airflow.sdk", "airflow.sensors.base"),
    "Stats": ("airflow.sdk.observability.stats", "airflow.sdk._shared.observability.metrics.stats", "airflow.stats"),
    "conf": ("airflow.sdk.configuration", "airflow.configuration"),
    "task": ("airflow.sdk", "airflow.decorators"),
}


def __getattr__(name: str) -> Any:
    for place in _PLACES.get(name, ()):
        module, _, older_name = place.partition(":")
        try:
            found = getattr(import_module(module), older_name or name)
        except (ImportError, AttributeError):
            continue
        return globals().setdefault(name, found)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


async def get_connection_async(hook: BaseHook, conn_id: str) -> Connection:
    """Fetch a connection without blocking the event loop."""
    # Before Airflow 3.3.2 a hook has no aget_connection, or one that blocks the loop while it masks the secrets.
    if hasattr(__getattr__("Connection"), "aextra_dejson"):
        return await hook.aget_connection(conn_id)
    # Not asyncio.to_thread: in a triggerer the call goes back to the loop that it came from.
    from asgiref.sync import sync_to_async

    return await sync_to_async(hook.get_connection)(conn_id)
