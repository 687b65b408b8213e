"""A local Braze that needs no account, for demos, example Dags, benchmarks and tests.

::

    from airflow_provider_braze.sandbox import Sandbox, SandboxSettings

    with Sandbox(SandboxSettings(as_of="2026-11-19T06:00:00Z")) as braze:
        print(braze.url, braze.connection_json())

Install it with the extra ``sandbox``: ``pip install 'airflow-provider-braze-analytics[sandbox]'``. The figures alone
(:mod:`airflow_provider_braze.sandbox.data`) do not need the extra.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_braze.sandbox.faults import Faults
from airflow_provider_braze.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from airflow_provider_braze.sandbox.server import Sandbox

__all__ = ["Faults", "Sandbox", "SandboxSettings"]


def __getattr__(name: str) -> Any:
    if name != "Sandbox":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # The server is imported on first use, so that settings and figures load without starlette and uvicorn.
    try:
        from airflow_provider_braze.sandbox.server import Sandbox
    except ModuleNotFoundError as error:
        raise ImportError(
            f"The sandbox needs {error.name}. Run pip install 'airflow-provider-braze-analytics[sandbox]'."
        ) from error
    return Sandbox
