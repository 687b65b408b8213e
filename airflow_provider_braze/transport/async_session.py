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

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import Credentials
    from airflow_provider_braze.transport.connection import ConnectionSettings

_building: Final = Lock()


def open_client(settings: ConnectionSettings, proxy: str | None, certificates: str) -> httpx.AsyncClient:
    """Build a client for one workspace.

    :param proxy: address of the proxy, if there is one.
    :param certificates: path of the certificates to trust, a file or a folder.
    """
    trusted = trust(certificates)
    # For a proxy that is itself reached by HTTPS. httpx rejects a context for any other.
    is_by_https = proxy is not None and proxy.lower().startswith("https://")
    return httpx.AsyncClient(
        auth=_BearerAuth(settings.credentials),
        headers=request_headers(),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        verify=trusted,
        proxy=httpx.Proxy(proxy, ssl_context=trusted if is_by_https else None) if proxy else None,
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
