"""The provider's metadata, for Airflow. A pure literal: an error here would break every Airflow command."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Describe this provider to Airflow."""
    return {
        "package-name": "airflow-provider-braze-analytics",
        "name": "Braze Analytics",
        "description": "Land Braze analytics in object storage: each day checked, and updated when Braze revises it.",
        "versions": ["0.1.0"],
        "integrations": [
            {
                "integration-name": "Braze",
                "external-doc-url": "https://www.braze.com/docs/api/home",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": "Braze", "python-modules": ["airflow_provider_braze.hooks.braze"]}],
        "operators": [
            {
                "integration-name": "Braze",
                "python-modules": ["airflow_provider_braze.operators.braze", "airflow_provider_braze.operators.lake"],
            }
        ],
        "sensors": [{"integration-name": "Braze", "python-modules": ["airflow_provider_braze.sensors.braze"]}],
        "triggers": [{"integration-name": "Braze", "python-modules": ["airflow_provider_braze.triggers.braze"]}],
        "transfers": [
            {
                "source-integration-name": "Braze",
                "target-integration-name": "Object Storage",
                "python-module": "airflow_provider_braze.transfers.braze_to_object_storage",
            },
            {
                "source-integration-name": "Braze",
                "target-integration-name": "Object Storage",
                "python-module": "airflow_provider_braze.transfers.series_to_object_storage",
            },
        ],
        "extra-links": ["airflow_provider_braze.task.links.CoverageLink"],
        "connection-types": [
            {
                "connection-type": "braze",
                "hook-class-name": "airflow_provider_braze.hooks.braze.BrazeHook",
                "hook-name": "Braze",
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "port", "schema"],
                    "relabeling": {"host": "REST endpoint", "password": "REST API key"},
                    "placeholders": {
                        "host": "rest.iad-01.braze.com",
                        "password": "with the permissions campaigns.list and campaigns.data_series",
                    },
                },
                "conn-fields": {
                    "timezone": {
                        "label": "Company time zone",
                        "description": "IANA name of the time zone set in Braze under Company Settings, which its days "
                        "follow, such as America/New_York. Empty: UTC.",
                        "schema": {
                            "type": ["string", "null"],
                            "default": None,
                            "examples": [
                                "UTC",
                                "America/Chicago",
                                "America/Los_Angeles",
                                "America/New_York",
                                "America/Sao_Paulo",
                                "Asia/Jakarta",
                                "Asia/Seoul",
                                "Asia/Singapore",
                                "Asia/Tokyo",
                                "Australia/Sydney",
                                "Europe/Berlin",
                                "Europe/London",
                            ],
                        },
                    },
                    "requests_per_minute": {
                        "label": "Requests per minute",
                        "description": "Cap on the requests of one task, to leave quota to production sends. Empty: "
                        "no cap.",
                        "schema": {"type": ["integer", "null"], "default": None, "minimum": 1, "maximum": 1_000_000},
                    },
                    "max_attempts": {
                        "label": "Attempts per request",
                        "description": "How often one request is sent at most, 1 to 20. Empty: 6.",
                        "schema": {"type": ["integer", "null"], "default": None, "minimum": 1, "maximum": 20},
                    },
                    "connect_timeout": {
                        "label": "Connect time-out",
                        "description": "Seconds to reach Braze, up to 3600. Empty: 10.",
                        "schema": {"type": ["number", "null"], "default": None, "minimum": 0.1, "maximum": 3600},
                    },
                    "read_timeout": {
                        "label": "Read time-out",
                        "description": "Seconds that Braze may be silent, up to 3600. Empty: 60.",
                        "schema": {"type": ["number", "null"], "default": None, "minimum": 0.1, "maximum": 3600},
                    },
                    "verify": {
                        "label": "Certificates to trust",
                        "description": "Path of a PEM file on the workers, with the certificates of your proxy. "
                        "Empty: public certificate authorities.",
                        "schema": {"type": ["string", "null"], "default": None},
                    },
                    "series": {
                        "label": "Series to test",
                        "description": "Whose permissions the button Test tries: campaigns, canvases, kpis, segments, "
                        "events, purchases, sends, separated by commas. Empty: campaigns.",
                        "schema": {
                            "type": ["string", "null"],
                            "default": None,
                            "examples": ["campaigns,canvases,kpis"],
                        },
                    },
                },
            }
        ],
    }
