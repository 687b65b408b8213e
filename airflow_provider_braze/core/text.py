"""Numbers in sentences, and long texts."""

from __future__ import annotations

from typing import Final


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: ``1 campaign``, ``2 campaigns``.

    :param plural: plural, if it is not the noun with an ``s``.
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def percent(share: float) -> str:
    """Return a share in percent, without hiding a small one."""
    return "less than 0.1 %" if 0 < share < _SMALLEST_SHARE else f"{100 * share:.1f} %"


_SMALLEST_SHARE: Final = 0.001


def shorten(text: str, longest: int) -> str:
    """Return a text, cut with an ellipsis if it is longer.

    :param longest: characters before the ellipsis.
    """
    return text if len(text) <= longest else f"{text[:longest]} ..."
