"""Describing a request without a complete response: the cause, without the key, and what to do."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from airflow_provider_braze.core.models import Credentials
from airflow_provider_braze.exceptions import BrazeTransportError

_LONGEST_LABEL: Final = 30
_MOST_CHARACTERS: Final = 300

_CERTIFICATE_ADVICE: Final = (
    "Set the connection's extra field `verify` to a file with the certificates of your network's proxy. Python 3.13 "
    "rejects certificates that older versions accepted, such as one without a key usage or an authority key identifier."
)


def describe_failure(error: BaseException, credentials: Credentials, proxy: str | None = None) -> str:
    """Return the innermost cause of a library's error, without the key, and without a host that may be a key.

    :param proxy: host of the proxy, if there is one. Then it is the one that is resolved.
    """
    host = host_of(credentials.base_url)
    cause = list(_causes(error))[-1]
    if isinstance(cause, socket.gaierror):
        name = f"the host {host!r}" if proxy is None else f"the proxy {proxy!r}"
        text = f"could not resolve {name} ({cause})"
    elif isinstance(cause, TimeoutError):
        text = f"timed out ({type(error).__name__})"
    else:
        text = f"{type(cause).__name__}: {cause}"
    if may_be_key(host):
        text = re.sub(re.escape(host), "***", text, flags=re.IGNORECASE)
    return _shorten(credentials.scrub(text[: 100 * _MOST_CHARACTERS]))


def too_slow(seconds: float) -> ConnectionAbortedError:
    """Return the error of a response that arrives, but too slowly.

    :param seconds: time that it was given.
    """
    return ConnectionAbortedError(f"the response was not complete within {seconds:.0f} s")


def incomplete_response(path: str, problem: str, proxy: str | None = None) -> BrazeTransportError:
    """Return the error of a request without a complete response.

    Raise it outside the handler of a library's error, which holds the request with its headers, and so the key.

    :param problem: the cause, without the key.
    :param proxy: host of the proxy, if there is one.
    """
    advice = "Check the connection's host and your network."
    if proxy is not None:
        advice = f"Check the proxy {proxy!r}, set by a variable such as HTTPS_PROXY, and the connection's host."
    if "CERTIFICATE_VERIFY_FAILED" in problem:
        advice = _CERTIFICATE_ADVICE
    error = BrazeTransportError(f"Request to {path} failed: {problem}. {advice}")
    error.__cause__ = ConnectionError(problem)
    return error


def host_of(url: str) -> str:
    """Return the host of a URL, without user and password; an empty text when it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def may_be_key(host: str) -> bool:
    """Return whether a host could be an API key in the wrong field: it has no dots, or a long label."""
    labels = host.split(".")
    return len(labels) < 2 or max(map(len, labels)) > _LONGEST_LABEL


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, outermost first, as requests, urllib3 and httpx nest them."""
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in seen:
        seen.append(current)
        yield current
        if isinstance(current, ssl.SSLError | socket.gaierror):
            return
        group = getattr(current, "exceptions", ())
        nested = [getattr(current, "reason", None), *reversed(current.args), current.__cause__, *group]
        current = next((each for each in nested if isinstance(each, BaseException)), None)


def _shorten(text: str) -> str:
    """Cut a text between two words."""
    if len(text) <= _MOST_CHARACTERS:
        return text
    return text[:_MOST_CHARACTERS].rsplit(" ", 1)[0] + " …"
