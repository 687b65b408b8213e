"""The table of faults in ``docs/faults.md``, which the tests read: what it promises is what they check."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"


@dataclass(frozen=True)
class Row:
    """A fault, and what is promised of a run that meets it.

    :param test: the test's file below ``tests/faults`` or ``tests``, and its name, as ``test_wire.py::test_x[503]``.
    """

    fault: str
    promise: str
    test: str

    @property
    def is_complete(self) -> bool:
        """The run succeeds, and every figure is there."""
        return self.promise.startswith("complete")

    @property
    def errors(self) -> list[str]:
        """Class of the error that the run ends with; for a :class:`BrazePartialError`, then that of each campaign."""
        return re.findall(r"`([A-Z]\w+)`", self.promise)

    @property
    def is_final(self) -> bool:
        """Airflow does not retry the task."""
        return "no retry" in self.promise

    @property
    def writes_nothing(self) -> bool:
        """The destination stays as it was, byte for byte."""
        return "nothing is written" in self.promise


def read_rows() -> list[Row]:
    """Give all rows of all tables."""
    lines = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [Row(fault, promise, test.strip("`")) for fault, promise, test in cells if "::" in test]
