"""The provider's metadata, as Airflow reads it: a pure literal, for an error here would break every Airflow command."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Describe this provider to Airflow."""
    return {
        "package-name": "airflow-provider-braze-analytics",
        "name": "Braze Analytics",
        "description": "Land Braze campaign analytics in object storage.",
    }
