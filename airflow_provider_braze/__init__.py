"""Apache Airflow provider for Braze analytics.

This package imports nothing: Airflow loads it to read the provider's metadata, before anything is used.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Read ``__version__`` from the installed distribution, on demand."""
    if name == "__version__":
        from importlib.metadata import version

        return version("airflow-provider-braze-analytics")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
