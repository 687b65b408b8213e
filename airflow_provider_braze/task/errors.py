"""This package's errors as Airflow's: what no retry can mend fails the task at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_braze import exceptions
from airflow_provider_braze.exceptions import (
    BrazeAuthError,
    BrazeConfigError,
    BrazeError,
    BrazeNotFoundError,
    BrazePartialError,
    BrazeRequestError,
    BrazeWindowError,
)
from airflow_provider_braze.task.airflow import AirflowFailException


@contextmanager
def fail_fast_on_permanent_errors() -> Iterator[None]:
    """Let a task whose error no retry can mend fail for good; all other errors pass and leave retries on.

    :raises AirflowFailException: caused by such an error, with its message.
    """
    try:
        yield
    except BrazeError as error:
        if not _is_final(error):
            raise
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error


def _is_final(error: BrazeError) -> bool:
    if isinstance(error, BrazePartialError):
        return error.is_permanent
    if isinstance(error, BrazeWindowError):
        # Time mends a window that is not over yet.
        return False
    return isinstance(error, BrazeConfigError | BrazeAuthError | BrazeNotFoundError | BrazeRequestError)


def rebuild_error(error_type: object, message: object) -> BrazeError:
    """Give an error back of which a trigger's event told: an exception cannot travel in an event.

    :param error_type: name of a class of :mod:`~airflow_provider_braze.exceptions`.
    """
    kind = getattr(exceptions, str(error_type), None)
    if isinstance(kind, type) and issubclass(kind, BrazeError):
        return kind(str(message))
    return BrazeError(f"{error_type}: {message}")
