"""The errors of this package: one class for each cause that needs a different action.

::

    BrazeError                       root; the message says what failed, why, and what to do
    ├── BrazeConfigError             (ValueError) connection, arguments or layout unusable
    │   └── BrazeWindowError         the last day of the window is not over yet; a later retry succeeds
    ├── BrazeApiError                carries status, endpoint
    │   ├── BrazeAuthError           401, 403
    │   ├── BrazeNotFoundError       404
    │   ├── BrazeRequestError        any other 4xx
    │   ├── BrazeRateLimitError      429 after the last attempt; carries retry_after_seconds
    │   └── BrazeServerError         5xx after the last attempt
    ├── BrazeTransportError          no complete response: DNS, TLS, timeout, truncated or non-JSON body
    ├── BrazeDataError               a response of another shape; carries the path in the document
    │   └── BrazeMissingDaysError    requested days are missing
    ├── BrazePartialError            some campaigns failed, the others have landed; carries each failure
    └── BrazeConflictError           another run kept changing the same object

All of them survive pickling. Airflow retries a task after any of them. For permanent errors the operators raise
``AirflowFailException`` from the error instead, which prevents retries. An Airflow retry policy can name the classes.
"""

from __future__ import annotations

from collections.abc import Mapping


class BrazeError(Exception):
    """Root of all errors raised by this package."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class BrazeConfigError(BrazeError, ValueError):
    """A connection, an argument or a destination's layout cannot be used. A permanent error."""


class BrazeWindowError(BrazeConfigError):
    """The last day of a window is not over yet. A later retry succeeds."""


class BrazeApiError(BrazeError):
    """Braze returned an error status.

    :param message: what failed and what to do.
    :param status: the HTTP status code.
    :param endpoint: path of the request, such as ``/campaigns/list``.
    """

    def __init__(self, message: str, status: int = 0, endpoint: str = "") -> None:
        super().__init__(message, status, endpoint)
        self.status = status
        self.endpoint = endpoint


class BrazeAuthError(BrazeApiError):
    """401 or 403: wrong key, wrong instance, missing permission or an address that is not allowed."""


class BrazeNotFoundError(BrazeApiError):
    """404: the path does not exist on that host."""


class BrazeRequestError(BrazeApiError):
    """Any other 4xx: Braze rejects the request itself, for instance because of an unknown campaign id."""


class BrazeRateLimitError(BrazeApiError):
    """429 after the last attempt.

    :param retry_after_seconds: seconds until Braze accepts requests again, None when unknown.
    """

    def __init__(
        self, message: str, status: int = 429, endpoint: str = "", retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message, status, endpoint)
        self.args = (message, status, endpoint, retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class BrazeServerError(BrazeApiError):
    """5xx after the last attempt."""


class BrazeTransportError(BrazeError):
    """No complete response: DNS, TLS, a timeout, a reset connection, or a body that is truncated or not JSON."""


class BrazeDataError(BrazeError):
    """A response has another shape than documented, or is too large.

    :param message: what is wrong, with the value.
    :param path: place in the document, such as ``$.data[3].messages.email``.
    """

    def __init__(self, message: str, path: str = "$") -> None:
        super().__init__(message, path)
        self.path = path


class BrazeMissingDaysError(BrazeDataError):
    """Requested days are missing from the responses."""


class BrazePartialError(BrazeError):
    """Some campaigns failed. All others have landed.

    :param failures: class and message of the failure by campaign id.
    :param is_permanent: whether no rerun can resolve any of the failures.
    """

    def __init__(self, message: str, failures: Mapping[str, str] | None = None, is_permanent: bool = False) -> None:
        super().__init__(message, dict(failures or {}), is_permanent)
        self.failures = dict(failures or {})
        self.is_permanent = is_permanent


class BrazeConflictError(BrazeError):
    """Another run kept changing the same object."""
