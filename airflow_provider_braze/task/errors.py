"""This package's errors as Airflow's: a permanent error fails the task without retries."""

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
    """Fail the task without retries on permanent errors; other errors pass unchanged.

    :raises AirflowFailException: caused by the permanent error, with its message.
    """
    try:
        yield
    except BrazeError as error:
        if not _is_permanent(error):
            raise
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error


@contextmanager
def naming_task(task_id: str) -> Iterator[None]:
    """Name the task in configuration errors that are raised when the Dag is parsed.

    :raises BrazeConfigError: the error, with the task before its message.
    """
    try:
        yield
    except BrazeConfigError as error:
        raise BrazeConfigError(f"Task {task_id!r}: {error}") from error


def _is_permanent(error: BrazeError) -> bool:
    if isinstance(error, BrazePartialError):
        return error.is_permanent
    if isinstance(error, BrazeWindowError):
        # A retry succeeds once the day is over.
        return False
    return isinstance(error, BrazeConfigError | BrazeAuthError | BrazeNotFoundError | BrazeRequestError)


def rebuild_error(error_type: object, message: object) -> BrazeError:
    """Rebuild the exception described by a trigger event.

    :param error_type: name of a class of :mod:`~airflow_provider_braze.exceptions`.
    """
    kind = getattr(exceptions, str(error_type), None)
    if isinstance(kind, type) and issubclass(kind, BrazeError):
        return kind(str(message))
    return BrazeError(f"{error_type}: {message}")
