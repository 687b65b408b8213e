"""The ``httpx`` client: what every request carries, and what none does. Built in a thread because it reads the disk."""

from __future__ import annotations

import os
import ssl
from collections.abc import Generator
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from threading import Lock
from typing import TYPE_CHECKING, Final

import httpx

from airflow_provider_braze.transport.sender import request_headers
from airflow_provider_braze.transport.sync_session import environment_of

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import Credentials
    from airflow_provider_braze.transport.connection import ConnectionSettings

_building: Final = Lock()


def open_client(settings: ConnectionSettings) -> httpx.AsyncClient:
    """Build a client for one workspace, with the proxy and certificates that ``requests`` would use."""
    proxy, certificates = environment_of(settings)
    return httpx.AsyncClient(
        auth=_BearerAuth(settings.credentials),
        headers=request_headers(),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        verify=trust(certificates),
        proxy=proxy,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout, pool=None),
    )


def trust(certificates: str) -> ssl.SSLContext:
    """Return the TLS context for certificates. All clients share it until the certificates change: building takes long.

    :param certificates: path of a file or a folder.
    """
    with _building:
        return _context(certificates, os.stat(certificates).st_mtime_ns)


@lru_cache(maxsize=8)
def _context(certificates: str, changed_at: int) -> ssl.SSLContext:
    if os.path.isdir(certificates):
        return ssl.create_default_context(capath=certificates)
    return ssl.create_default_context(cafile=certificates)


class _BearerAuth(httpx.Auth):
    """Adds the key to the header of each request."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._credentials.api_key}"
        yield request
