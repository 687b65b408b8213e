"""An Airflow connection as settings that are checked, the same for both hooks."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from airflow_provider_braze.core.connection import ConnectionSettings, parse_connection, parse_extra
from airflow_provider_braze.exceptions import BrazeConfigError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection


def read_settings(conn: Connection) -> ConnectionSettings:
    """Check a connection; it looks at the disk, so not in an event loop.

    :raises BrazeConfigError: naming the field that is wrong.
    """
    extra = parse_extra(conn.extra)
    settings = parse_connection(host=conn.host, password=conn.password, port=conn.port, extra=extra)
    if isinstance(settings.verify, str):
        _check_certificates(settings.verify)
    return settings


def _check_certificates(path: str) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise BrazeConfigError(
            f"The connection's extra field 'verify' is {path!r}, which is no file of certificates on this machine: "
            f"{error}. Give true, or the path of a file with the certificates to trust."
        ) from error
