"""What a response means: its error, whether to retry, and how long to wait.

The sync and the async transport follow these rules. Nothing here does I/O or reads a clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

from airflow_provider_braze.core.models import Credentials, HttpResponse, JsonObject
from airflow_provider_braze.exceptions import (
    BrazeApiError,
    BrazeAuthError,
    BrazeDataError,
    BrazeNotFoundError,
    BrazeRateLimitError,
    BrazeRequestError,
    BrazeServerError,
    BrazeTransportError,
)

T = TypeVar("T")

LONGEST_WAIT_SECONDS: Final = 3600.0
"""Longest wait before a retry: Braze's limits reset at least hourly (Braze docs, API rate limits, seen 2026-09)."""

_BACKOFF_CAP_SECONDS: Final = 60.0
_CLOCK_TOLERANCE_SECONDS: Final = 2.0
_EXCERPT_LENGTH: Final = 200
_MOST_RESET_SECONDS: Final = 24 * LONGEST_WAIT_SECONDS


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The rate limit in a response's headers.

    :param remaining: requests left until the reset.
    :param limit: requests allowed between two resets, None when not given.
    :param reset: time of the reset as Braze names it, in epoch seconds (UTC). Equal values mean the same reset.
    :param resets_in: seconds until the reset, > 0. Not checked for plausibility.
    """

    remaining: int
    limit: int | None
    reset: int
    resets_in: float


def header(headers: Mapping[str, str], name: str) -> str | None:
    """Return a header's value, None when it is missing or empty. Ignores the case of its name."""
    wanted = name.lower()
    value = next((value for key, value in headers.items() if key.lower() == wanted), None)
    return value.strip() or None if value is not None else None


def rate_limit(headers: Mapping[str, str], now: float) -> RateLimit | None:
    """Parse the ``X-RateLimit-*`` headers; None when they are missing, not numbers, or name a reset in the past.

    :param now: this machine's wall clock, epoch seconds.

    Source: Braze docs, API rate limits (seen 2026-09); a recorded 401 had them empty.
    """
    remaining = _whole_number(header(headers, "X-RateLimit-Remaining"))
    reset = _whole_number(header(headers, "X-RateLimit-Reset"))
    resets_in = _resets_in(reset, headers, now)
    if remaining is None or reset is None or resets_in is None:
        return None
    limit = _whole_number(header(headers, "X-RateLimit-Limit"))
    return RateLimit(remaining, limit, reset, resets_in)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds to wait by ``X-RateLimit-Reset``, else by ``Retry-After`` (not documented by Braze).

    :param now: this machine's wall clock, epoch seconds.
    :return: seconds in 0..3600, or None when no header has a usable value.
    """
    resets_in = _resets_in(_whole_number(header(headers, "X-RateLimit-Reset")), headers, now)
    if resets_in is not None and resets_in <= _MOST_RESET_SECONDS:
        return min(resets_in, LONGEST_WAIT_SECONDS)
    seconds = _whole_number(header(headers, "Retry-After"))
    return None if seconds is None else min(float(seconds), LONGEST_WAIT_SECONDS)


def read(
    response: HttpResponse,
    *,
    endpoint: str,
    credentials: Credentials,
    now: float,
    decode: Callable[[bytes], T] | None = None,
) -> T | Any:
    """Return a response's content, or raise its error.

    :param decode: converts the body; raises ValueError when it is not JSON. Default: any JSON.
    :raises BrazeApiError: the status is not 200.
    :raises BrazeTransportError: the status is 200 but the body is truncated or not JSON.
    """
    if response.status != 200:
        raise _api_error(response, endpoint, credentials, now)
    try:
        return (decode or _load)(response.body)
    except (ValueError, RecursionError) as error:
        problem = credentials.scrub(str(error))
    # Raised outside the handler: the decoder's error contains the whole body, which may echo the key.
    raise BrazeTransportError(
        f"{endpoint} returned status 200 with a body that is truncated or not JSON: "
        f"{excerpt(response.body, credentials)!r}. If this persists, look for a proxy between the worker and Braze."
    ) from ValueError(problem)


def read_object(document: Any, *, endpoint: str, credentials: Credentials) -> JsonObject:
    """Check that a JSON document is an object without an error message, and return it.

    :raises BrazeDataError: it is not an object, or its ``message`` is not ``success``.
    """
    if not isinstance(document, dict):
        raise BrazeDataError(f"{endpoint} returned a JSON {type(document).__name__}, not an object.")
    if document.get("message", "success") != "success":
        message = credentials.scrub(str(document["message"])[: 10 * _EXCERPT_LENGTH])[:_EXCERPT_LENGTH]
        raise BrazeDataError(f"{endpoint} returned status 200 with an error message: {message!r}.", "$.message")
    return document


def is_transient(error: BaseException) -> bool:
    """Return whether the same request may succeed a moment later."""
    return isinstance(error, BrazeRateLimitError | BrazeServerError | BrazeTransportError)


def is_permanent(error: BaseException) -> bool:
    """Return whether Braze rejects the request itself (4xx except 429), so that no rerun can help."""
    return isinstance(error, BrazeAuthError | BrazeNotFoundError | BrazeRequestError)


def is_subject_scoped(error: BaseException) -> bool:
    """Return whether a request for another subject may still succeed."""
    if isinstance(error, BrazeAuthError):
        return False
    return is_transient(error) or isinstance(error, BrazeApiError | BrazeDataError)


def wait_seconds(error: BaseException, attempt: int, jitter: float) -> float:
    """Return the seconds to wait before the next attempt.

    :param attempt: number of the attempt that failed, from 1.
    :param jitter: random number in 0..1, which spreads the retries of many threads.
    :return: seconds until the reset plus the jitter; without a reset 1, 2, 4 … 60 seconds, half of them random.
    """
    announced = getattr(error, "retry_after_seconds", None)
    if announced is not None:
        return float(min(max(announced, 0.0), LONGEST_WAIT_SECONDS) + jitter)
    return float(min(_BACKOFF_CAP_SECONDS, 2.0 ** (attempt - 1)) * (0.5 + jitter / 2))


def excerpt(body: bytes, credentials: Credentials) -> str:
    """Return the part of a body to quote in errors: its ``message``, else its start, without the key."""
    text = body.decode("utf-8", "replace")
    try:
        document = _load(text.encode())
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and isinstance(document.get("message"), str):
        text = document["message"]
    # Truncated twice: a giant body takes long to scrub, and half a key would not be found.
    return credentials.scrub(text[: 100 * _EXCERPT_LENGTH])[:_EXCERPT_LENGTH]


def _load(body: bytes) -> Any:
    """Decode JSON, and reject what Python accepts beyond JSON."""
    document = json.loads(body, parse_constant=_reject)
    if b"\\ud" in body.lower():
        # Half of a surrogate pair cannot be sent, logged or stored. Encoding it fails.
        json.dumps(document, ensure_ascii=False).encode()
    return document


def _reject(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _api_error(response: HttpResponse, endpoint: str, credentials: Credentials, now: float) -> BrazeApiError:
    status, text = response.status, excerpt(response.body, credentials)
    failure = f"{endpoint} returned status {status}: {text!r}."
    if status == 429:
        wait = retry_after(response.headers, now)
        advice = "Lower `concurrency` or set `requests_per_minute` on the connection."
        return BrazeRateLimitError(f"{failure} {advice}", status, endpoint, wait)
    if status >= 500:
        return BrazeServerError(f"{failure} Braze failed. Run the task again later.", status, endpoint)
    return _REJECTIONS.get(status, BrazeRequestError)(f"{failure} {_advice(status, endpoint)}", status, endpoint)


_REJECTIONS: Final[Mapping[int, type[BrazeApiError]]] = {
    401: BrazeAuthError,
    403: BrazeAuthError,
    404: BrazeNotFoundError,
}


def _advice(status: int, endpoint: str) -> str:
    permission = endpoint.strip("/").replace("/", ".")
    return {
        400: "Check the parameters. An id is the API identifier, not the number in a dashboard's address.",
        401: "Check the REST API key in the connection's password, and that its host is the instance of that key.",
        403: f"Create a REST API key with the permission '{permission}', and allow this machine's address.",
        404: "Check the connection's host: it must be the REST endpoint of your instance, without a path. If other "
        "requests succeed, Braze does not have what this one names, such as a deleted event: remove it.",
    }.get(status, "Check the connection's host. Redirects are not followed." if status < 400 else "Check the request.")


def _resets_in(reset: int | None, headers: Mapping[str, str], now: float) -> float | None:
    if reset is None:
        return None
    seconds = reset - _server_time(headers, now)
    return seconds if seconds > 0 else None


def _server_time(headers: Mapping[str, str], now: float) -> float:
    # The reset follows Braze's clock. If this machine's clock differs by more than the header's resolution, only the
    # difference between Braze's own two times is right.
    date = _http_date(header(headers, "Date"))
    return now if date is None or abs(date - now) <= _CLOCK_TOLERANCE_SECONDS else date


def _http_date(text: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (TypeError, ValueError, OverflowError):
        return None
    return _as_utc(moment).timestamp()


def _as_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _whole_number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 18 else None
