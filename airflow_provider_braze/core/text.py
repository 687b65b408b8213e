"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Say how many: ``1 campaign``, ``2 campaigns``.

    :param plural: where it is not the noun and an ``s``.
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
