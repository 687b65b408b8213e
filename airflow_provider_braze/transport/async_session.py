"""The client of ``httpx``: what goes with every call, and what never does. Made in a thread, for it reads the disk."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
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

_LOGGERS: Final = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks")

_sending_with: ContextVar[Credentials | None] = ContextVar("braze_sending_with", default=None)
_building: Final = Lock()


def open_client(settings: ConnectionSettings) -> httpx.AsyncClient:
    """Make a client for one workspace; proxy and certificates are those that a session of ``requests`` would use."""
    proxy, certificates = environment_of(settings)
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_scrub_record)
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
    """Give what TLS is checked with; made once for all clients, since that takes long, until the certificates change.

    :param certificates: path of a file or a folder.
    """
    with _building:
        return _context(certificates, os.stat(certificates).st_mtime_ns)


@contextmanager
def scrubbed_logs(credentials: Credentials) -> Iterator[None]:
    """Keep the key out of what the libraries log: on debug they tell an answer's headers, which may echo it."""
    token = _sending_with.set(credentials)
    try:
        yield
    finally:
        _sending_with.reset(token)


@lru_cache(maxsize=8)
def _context(certificates: str, changed_at: int) -> ssl.SSLContext:
    if os.path.isdir(certificates):
        return ssl.create_default_context(capath=certificates)
    return ssl.create_default_context(cafile=certificates)


def _scrub_record(record: logging.LogRecord) -> bool:
    credentials = _sending_with.get()
    if credentials is not None:
        record.msg, record.args = credentials.scrub(record.getMessage()), None
    return True


class _BearerAuth(httpx.Auth):
    """Puts the key into the header of each request."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._credentials.api_key}"
        yield request
