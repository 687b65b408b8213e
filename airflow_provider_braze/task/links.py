"""The link from a task to the coverage page of its destination."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from airflow_provider_braze.core.bounds import is_template
from airflow_provider_braze.task.airflow import BaseHook, BaseOperatorLink

if TYPE_CHECKING:
    from airflow_provider_braze.task.airflow import BaseOperator

log = logging.getLogger(__name__)

_PAGE: Final = "_braze/coverage/index.html"
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


class CoverageLink(BaseOperatorLink):
    """A link to the coverage page. Only stores whose objects open in a browser have one.

    On Airflow 3 the worker computes it after each try. On Airflow 2.11 the web server computes it.
    """

    name = "Coverage"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the address, or an empty text. Airflow does not show a link without an address."""
        destination = getattr(operator, "destination", None)
        conn_id = getattr(operator, "object_storage_conn_id", None)
        return address_of_page(destination, conn_id) if isinstance(destination, str) else ""


def address_of_page(destination: str, conn_id: str | None = None) -> str:
    """Return the address at which a browser opens the page, or an empty text.

    :param destination: address of the tables. A template has no page.
    """
    scheme, _, path = destination.partition("://")
    bucket, _, folder = path.partition("/")
    if is_template(destination):
        return ""
    # Airflow accepts a connection id in front of the bucket.
    own_conn_id, _, bucket = bucket.rpartition("@")
    key = quote(f"{folder.rstrip('/')}/{_PAGE}".lstrip("/"))
    if scheme in ("gs", "gcs"):
        return f"https://storage.cloud.google.com/{quote(bucket)}/{key}"
    if scheme in ("s3", "s3a", "s3n") and _is_aws(conn_id or own_conn_id):
        return f"https://console.aws.amazon.com/s3/object/{quote(bucket)}?prefix={key}"
    return ""


def _is_aws(conn_id: str | None) -> bool:
    """Return whether S3 is that of AWS, as far as connection and environment show."""
    if any(os.environ.get(name) for name in _ENDPOINTS):
        return False
    if not conn_id:
        return True
    try:
        extra = BaseHook.get_connection(conn_id).extra_dejson
    except Exception as error:  # a secrets backend may raise anything, and a link must not fail the task
        log.debug("No link to coverage: %s", type(error).__name__)
        return False
    services = extra.get("service_config") or {}
    return not (extra.get("endpoint_url") or (services.get("s3") or {}).get("endpoint_url") or extra.get("host"))
