"""Checks of operators' arguments that need no rendering: a mistake shows when the Dag is parsed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from airflow_provider_braze.exceptions import BrazeConfigError

MAX_CONCURRENCY: Final = 256


def check_range(name: str, value: object, lowest: int, highest: int, *, or_text: str | None = None) -> None:
    """Refuse what is no whole number from ``lowest`` to ``highest``.

    :param or_text: a text that is good, too.
    :raises BrazeConfigError: naming the argument, the value seen and what to give.
    """
    if isinstance(value, str) and value == or_text:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        choice = f", or {or_text!r}" if or_text else ""
        raise BrazeConfigError(f"`{name}` is {value!r}. Give a whole number, {lowest} to {highest}{choice}.")


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Refuse what is none of the choices.

    :raises BrazeConfigError: naming the argument, the value seen and the choices.
    """
    if value not in choices:
        raise BrazeConfigError(f"`{name}` has {value!r}. Known are: {', '.join(choices)}.")
