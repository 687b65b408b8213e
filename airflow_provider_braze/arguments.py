"""Checks of operators' arguments that need no rendering: a mistake shows when the Dag is parsed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from airflow_provider_braze.exceptions import BrazeConfigError

MAX_CONCURRENCY: Final = 256
MAX_LOOKBACK_DAYS: Final = 3660


def check_range(name: str, value: object, lowest: int, highest: int) -> None:
    """Refuse what is no whole number from ``lowest`` to ``highest``.

    :raises BrazeConfigError: naming the argument, the value seen and what to give.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise BrazeConfigError(f"`{name}` is {value!r}. Give a whole number, {lowest} to {highest}.")


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Refuse what is none of the choices.

    :raises BrazeConfigError: naming the argument, the value seen and the choices.
    """
    if value not in choices:
        raise BrazeConfigError(f"`{name}` has {value!r}. Known are: {', '.join(choices)}.")
