"""Parse the parameters of a request, or reject it as Braze does."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from random import Random
from typing import Final

from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.sandbox.instants import parse_instant
from airflow_provider_braze.sandbox.settings import SandboxSettings

Params = Mapping[str, str]
Respond = Callable[[SandboxSettings, Params, Random], JsonObject]
"""Returns the content of an endpoint's response. The dice decide faults and shuffled order."""

MESSAGES: Final = {
    400: "Bad request",
    401: "Invalid API key",
    403: "You do not have permission to access this resource",
    404: "The requested URL was not found",
    405: "This resource accepts GET only",
    429: "You have made too many requests, try again later",
    500: "Internal server error",
}


NO_CAMPAIGN: Final = "campaign_id must be a string of the campaign api identifier"
"""Braze's message for a campaign that does not exist."""


class Rejected(Exception):
    """A request gets an error status.

    :param status: the HTTP status.
    :param message: the ``message`` of the response; default the usual one of that status.
    """

    def __init__(self, status: int, message: str = "") -> None:
        self.message = message or MESSAGES.get(status, f"Error {status}")
        super().__init__(status, self.message)
        self.status = status


def integer(params: Params, name: str, low: int, high: int, default: int | None = None) -> int:
    """Return a whole number within bounds.

    :raises Rejected: it is missing without a default, or not such a number.
    """
    text = params.get(name)
    if text is None and default is not None:
        return default
    if text is None or not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise Rejected(400, f"{name} must be an integer between {low} and {high}")
    return int(text)


def one_of(params: Params, name: str, choices: tuple[str, ...]) -> str:
    """Return one of a few words; the first is the default.

    :raises Rejected: it is another word.
    """
    value = params.get(name, choices[0])
    if value not in choices:
        raise Rejected(400, f"{name} must be one of {', '.join(choices)}")
    return value


def flag(params: Params, name: str) -> bool:
    """Return whether a parameter is ``true``; default ``false``.

    :raises Rejected: it is another word.
    """
    return one_of(params, name, ("false", "true")) == "true"


def instant(params: Params, name: str) -> datetime | None:
    """Return a date and time, or None when it is missing.

    :raises Rejected: it is not an ISO 8601 date and time.
    """
    text = params.get(name)
    parsed = None if text is None else parse_instant(text)
    if text is not None and parsed is None:
        raise Rejected(400, f"{name} must be an ISO 8601 datetime")
    return parsed


def known(params: Params, name: str, ids: Collection[str], *, required: bool = True) -> str:
    """Return the name of an existing subject, or an empty text when it is optional and missing.

    :raises Rejected: it is missing but required, or the workspace does not have it.
    """
    value = params.get(name, "")
    is_left_out = not required and name not in params
    if is_left_out or value in ids:
        return value
    raise Rejected(400, f"{name} must be a known identifier")


def reject_if_bad(settings: SandboxSettings, subject: str, *, details: bool = False) -> None:
    """Reject a request for a subject that the settings declare bad.

    :raises Rejected: with the status of the settings.
    """
    faults = settings.faults
    for statuses in (faults.bad_subjects, faults.bad_details if details else {}):
        if subject in statuses:
            raise Rejected(statuses[subject])
