"""The errors of this package: one class per cause on which a user would act differently.

::

    BrazeError                       root; the message says what, where, and what to do
    ├── BrazeConfigError             (ValueError) connection, arguments or layout unusable
    │   └── BrazeWindowError         the last day of the window is not over yet; a later retry succeeds
    ├── BrazeApiError                carries status, endpoint
    │   ├── BrazeAuthError           401, 403
    │   ├── BrazeNotFoundError       404
    │   ├── BrazeRequestError        any other 4xx
    │   ├── BrazeRateLimitError      429 after the last attempt; carries retry_after_seconds
    │   └── BrazeServerError         5xx after the last attempt
    ├── BrazeTransportError          no whole answer: DNS, TLS, time-out, cut or non-JSON body (cause chained)
    ├── BrazeDataError               an answer not of the agreed shape; carries the path in the document
    │   └── BrazeMissingDaysError    wanted days did not come back
    ├── BrazePartialError            some campaigns failed, the rest has landed; carries the failure of each
    └── BrazeConflictError           another writer kept changing the same object

All of them survive pickling. Airflow retries a task on any of them; where no retry can mend the cause, the operators
raise ``AirflowFailException`` from the error instead. The classes can be named in an Airflow retry policy.
"""

from __future__ import annotations

from collections.abc import Mapping


class BrazeError(Exception):
    """Root of all errors raised by this package."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class BrazeConfigError(BrazeError, ValueError):
    """A connection, an argument or a destination's layout cannot be used; no retry mends it."""


class BrazeWindowError(BrazeConfigError):
    """The last day of a window is not over yet. A later retry succeeds."""


class BrazeApiError(BrazeError):
    """Braze answered with an error status.

    :param message: what failed and what to do.
    :param status: the HTTP status code.
    :param endpoint: the path that was asked, such as ``/campaigns/list``.
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
    """Any other 4xx: Braze refuses the request as it is, for instance an unknown campaign id."""


class BrazeRateLimitError(BrazeApiError):
    """429 after the last attempt.

    :param retry_after_seconds: seconds until Braze takes requests again, if it said so.
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
    """No whole answer came: DNS, TLS, a time-out, a reset, or a body that is cut or no JSON."""


class BrazeDataError(BrazeError):
    """An answer has not the agreed shape.

    :param message: what is wrong and the value seen.
    :param path: where in the document, such as ``$.data[3].messages.email``.
    """

    def __init__(self, message: str, path: str = "$") -> None:
        super().__init__(message, path)
        self.path = path


class BrazeMissingDaysError(BrazeDataError):
    """Days that were asked for did not come back."""


class BrazePartialError(BrazeError):
    """Some campaigns failed; all others have landed.

    :param failures: class and message of the failure by campaign id.
    :param is_permanent: whether none of them can be mended by running the task again.
    """

    def __init__(self, message: str, failures: Mapping[str, str] | None = None, is_permanent: bool = False) -> None:
        super().__init__(message, dict(failures or {}), is_permanent)
        self.failures = dict(failures or {})
        self.is_permanent = is_permanent


class BrazeConflictError(BrazeError):
    """Another writer kept changing the same object."""
