"""An Airflow connection as settings that are checked, the same for both hooks."""

from __future__ import annotations

import os
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
    if isinstance(settings.verify, str) and not os.path.isfile(settings.verify):
        raise BrazeConfigError(
            f"The connection's extra field 'verify' is {settings.verify!r}, which is no file on this machine. "
            "Give true, or the path of a file with the certificates to trust."
        )
    return settings
