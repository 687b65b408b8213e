"""What an answer means: status to error, what is retried, and how long to wait. The one place of these rules.

Both senders, by threads and by an event loop, follow them; nothing here does I/O or reads a clock.
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
"""No announced wait is longer: Braze's longest windows are clock hours (Braze docs, API rate limits, seen 2026-09)."""

_BACKOFF_CAP_SECONDS: Final = 60.0
_CLOCK_TOLERANCE_SECONDS: Final = 2.0
_EXCERPT_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What an answer says of its rate-limit bucket.

    :param remaining: requests left in the window.
    :param limit: requests allowed in a window, if said.
    :param window: the window's end as Braze names it (UTC epoch seconds): equal values are one window.
    :param resets_in: seconds until the window ends, > 0.
    """

    remaining: int
    limit: int | None
    window: int
    resets_in: float


def header(headers: Mapping[str, str], name: str) -> str | None:
    """Look a header up in any case (HTTP/2 sends lower case); one that is empty counts as absent."""
    wanted = name.lower()
    value = next((value for key, value in headers.items() if key.lower() == wanted), None)
    return value.strip() or None if value is not None else None


def rate_limit(headers: Mapping[str, str], now: float) -> RateLimit | None:
    """Read the ``X-RateLimit-*`` headers; None when absent, empty, no number, or over already.

    :param now: this machine's wall clock, epoch seconds.

    Source: Braze docs, API rate limits (seen 2026-09); a recorded 401 had them empty.
    """
    remaining = _whole_number(header(headers, "X-RateLimit-Remaining"))
    window = _whole_number(header(headers, "X-RateLimit-Reset"))
    resets_in = _resets_in(window, headers, now)
    if remaining is None or window is None or resets_in is None:
        return None
    limit = _whole_number(header(headers, "X-RateLimit-Limit"))
    return RateLimit(remaining, limit, window, resets_in)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an answer asks to wait, from ``X-RateLimit-Reset``, else ``Retry-After`` (not documented by Braze).

    :param now: this machine's wall clock, epoch seconds.
    :return: seconds in 0..3600, or None when nothing usable is said.
    """
    resets_in = _resets_in(_whole_number(header(headers, "X-RateLimit-Reset")), headers, now)
    if resets_in is not None:
        return resets_in
    seconds = _whole_number(header(headers, "Retry-After"))
    return None if seconds is None else min(float(seconds), LONGEST_WAIT_SECONDS)


def read(
    reply: HttpResponse,
    *,
    endpoint: str,
    credentials: Credentials,
    now: float,
    decode: Callable[[bytes], T] | None = None,
) -> T | Any:
    """Give an answer's content, or raise what it means.

    :param decode: makes the content of the body; raises ValueError when the bytes are no JSON. Default: any JSON.
    :raises BrazeApiError: the status is not 200.
    :raises BrazeTransportError: the status is 200 but the body is cut or no JSON.
    """
    if reply.status != 200:
        raise _api_error(reply, endpoint, credentials, now)
    try:
        return (decode or _load)(reply.body)
    except (ValueError, RecursionError) as error:
        problem = credentials.scrub(str(error))
    # Raised outside the handler: the decoder's error holds the whole body, which may echo the key.
    raise BrazeTransportError(
        f"{endpoint} answered 200 with a body that is cut or no JSON: {excerpt(reply.body, credentials)!r}. "
        "If it stays, look for a proxy between the worker and Braze."
    ) from ValueError(problem)


def read_object(answer: Any, *, endpoint: str, credentials: Credentials) -> JsonObject:
    """Give an answer's JSON document back if it is an object that tells of success, or does not say.

    :raises BrazeDataError: it is none, or says that it failed.
    """
    if not isinstance(answer, dict):
        raise BrazeDataError(f"{endpoint} answered with a JSON {type(answer).__name__}, not an object.")
    if answer.get("message", "success") != "success":
        said = credentials.scrub(str(answer["message"])[: 10 * _EXCERPT_LENGTH])[:_EXCERPT_LENGTH]
        raise BrazeDataError(f"{endpoint} answered 200 with the message {said!r}, which is no success.", "$.message")
    return answer


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed a moment later."""
    return isinstance(error, BrazeRateLimitError | BrazeServerError | BrazeTransportError)


def is_permanent(error: BaseException) -> bool:
    """Whether running the whole task again cannot help: Braze refused the request as it is (4xx but 429)."""
    return isinstance(error, BrazeAuthError | BrazeNotFoundError | BrazeRequestError)


def is_subject_scoped(error: BaseException) -> bool:
    """Whether a request for another campaign may succeed all the same."""
    if isinstance(error, BrazeAuthError):
        return False
    return is_transient(error) or isinstance(error, BrazeApiError | BrazeDataError)


def wait_seconds(error: BaseException, attempt: int, jitter: float) -> float:
    """How long to wait before the next attempt.

    :param attempt: the number of the attempt that failed, from 1.
    :param jitter: a random number in 0..1, so that waiters do not wake all at once.
    :return: until the announced reset, plus up to one second; else 1, 2, 4 … 60 seconds, half of it random.
    """
    announced = getattr(error, "retry_after_seconds", None)
    if announced is not None:
        return float(min(max(announced, 0.0), LONGEST_WAIT_SECONDS) + jitter)
    return float(min(_BACKOFF_CAP_SECONDS, 2.0 ** (attempt - 1)) * (0.5 + jitter / 2))


def excerpt(body: bytes, credentials: Credentials) -> str:
    """The text of an answer that is worth quoting: its ``message``, else its start; scrubbed, then cut."""
    text = body.decode("utf-8", "replace")
    try:
        document = _load(text.encode())
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and isinstance(document.get("message"), str):
        text = document["message"]
    # Cut twice: scrubbing a giant body would take long, and half a key would not be recognised.
    return credentials.scrub(text[: 100 * _EXCERPT_LENGTH])[:_EXCERPT_LENGTH]


def _load(body: bytes) -> Any:
    """Decode any JSON, and what is none less leniently than Python does."""
    document = json.loads(body, parse_constant=_refuse)
    if b"\\ud" in body.lower():
        # Half of a surrogate pair could neither be asked for, nor logged, nor stored: this fails on it.
        json.dumps(document, ensure_ascii=False).encode()
    return document


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _api_error(reply: HttpResponse, endpoint: str, credentials: Credentials, now: float) -> BrazeApiError:
    said = f"{endpoint} answered {reply.status}: {excerpt(reply.body, credentials)!r}."
    arguments = (reply.status, endpoint)
    if reply.status == 429:
        wait = retry_after(reply.headers, now)
        advice = "Lower `concurrency` or set `requests_per_minute` on the connection."
        return BrazeRateLimitError(f"{said} {advice}", *arguments, wait)
    if reply.status >= 500:
        return BrazeServerError(f"{said} Braze failed; run the task again later.", *arguments)
    return _REFUSALS.get(reply.status, BrazeRequestError)(f"{said} {_advice(reply.status, endpoint)}", *arguments)


_REFUSALS: Final[Mapping[int, type[BrazeApiError]]] = {
    401: BrazeAuthError,
    403: BrazeAuthError,
    404: BrazeNotFoundError,
}


def _advice(status: int, endpoint: str) -> str:
    permission = endpoint.strip("/").replace("/", ".")
    return {
        400: "Check the parameters: a campaign id is the API identifier, not the number in a dashboard's address.",
        401: "Check the REST API key in the connection's password, and that its host is the instance of that key.",
        403: f"Give the REST API key the permission '{permission}' (a new key is needed) and allow this address.",
        404: "Check the connection's host: it must be the REST endpoint of your instance, with no path.",
    }.get(status, "Check the connection's host; redirects are not followed." if status < 400 else "Check the request.")


def _resets_in(window: int | None, headers: Mapping[str, str], now: float) -> float | None:
    if window is None:
        return None
    seconds = window - _server_time(headers, now)
    # One that is far beyond the longest window is no epoch in seconds, and tells nothing.
    return min(seconds, LONGEST_WAIT_SECONDS) if 0 < seconds <= 24 * LONGEST_WAIT_SECONDS else None


def _server_time(headers: Mapping[str, str], now: float) -> float:
    # The reset is told by Braze's clock. Where this machine's clock disagrees by more than the header's resolution,
    # only the difference of Braze's own two times is right.
    said = _http_date(header(headers, "Date"))
    return now if said is None or abs(said - now) <= _CLOCK_TOLERANCE_SECONDS else said


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
