"""Writes headings, lines and aligned tables to the terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TextIO


class Page:
    """Writes to a stream, with bold headings on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_bold = stream.isatty() and "NO_COLOR" not in os.environ

    def heading(self, text: str) -> None:
        """Write a heading."""
        bold = f"\033[1m{text}\033[0m" if self._is_bold else text
        self.line(f"\n{bold}\n{'-' * len(text)}")

    def line(self, text: str = "") -> None:
        """Write a line without buffering."""
        print(text, file=self._stream, flush=True)

    def table(self, titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Write rows below titles: text on the left, numbers on the right with thousands separators."""
        cells = [[_text(value) for value in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
        is_text = [any(isinstance(value, str) and value for value in column) for column in zip(*rows, strict=True)]
        self.line()
        for row in (titles, ["-" * width for width in widths], *cells):
            aligned = [
                cell.ljust(width) if left else cell.rjust(width)
                for cell, width, left in zip(row, widths, is_text, strict=True)
            ]
            self.line("  " + "  ".join(aligned).rstrip())


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)
