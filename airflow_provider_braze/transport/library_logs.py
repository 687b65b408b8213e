"""Keeping the key out of what the HTTP libraries log: they quote headers of responses, which may echo it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from airflow_provider_braze.core.models import Credentials

_LOGGERS: Final = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.proxy",
    "httpcore.socks",
    "requests",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.response",
    "urllib3.util.retry",
)

_sending_with: ContextVar[Credentials | None] = ContextVar("braze_sending_with", default=None)


@contextmanager
def scrubbed_logs(credentials: Credentials) -> Iterator[None]:
    """Remove the key from the libraries' log records, in this thread or task."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_scrub_record)
    token = _sending_with.set(credentials)
    try:
        yield
    finally:
        _sending_with.reset(token)


def _scrub_record(record: logging.LogRecord) -> bool:
    credentials = _sending_with.get()
    if credentials is not None:
        record.msg, record.args = credentials.scrub(record.getMessage()), None
        if record.exc_info:
            text = logging.Formatter().formatException(record.exc_info)
            record.exc_text, record.exc_info = credentials.scrub(text), None
    return True
