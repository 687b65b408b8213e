"""Apache Airflow provider for Braze analytics.

This package imports nothing: Airflow loads it to read the provider's metadata, before anything is used.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Read ``__version__`` from the installed distribution, at its first use."""
    if name == "__version__":
        from importlib.metadata import version

        # Kept, because parsing the distribution's metadata takes longer than writing a small object.
        globals()[name] = version("airflow-provider-braze-analytics")
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
