"""Write the column lists of docs/series.md from the declarations, so that they never differ.

Run ``python tools/render_columns.py`` after a change of tables. A test compares page and declarations.
"""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

from airflow_provider_braze.core.series import ColumnType, ListOf, Struct, Table
from airflow_provider_braze.series import all_series

PAGE = Path(__file__).resolve().parents[1] / "docs/series.md"

_NAMES = {"bool": "boolean", "timestamp": "timestamp, UTC"}
_BLOCK = re.compile(r"(<!-- columns of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def render_columns(table: Table) -> str:
    """Return a Markdown table of a table's columns; neighbours of one type share a row."""
    rows = [
        f"| {', '.join(f'`{column.name}`' for column in group)} | {type_} |"
        for type_, group in groupby(table.columns, lambda column: _type_name(column.type))
    ]
    return "\n".join(["", "| columns | type |", "| --- | --- |", *rows, "", ""])


def render_page(text: str) -> str:
    """Return the page with the declared columns between its markers."""
    tables = {table.name: table for series in all_series() for table in series.tables}
    return _BLOCK.sub(lambda match: f"{match[1]}{render_columns(tables[match[2]])}{match[3]}", text)


def _type_name(type_: ColumnType) -> str:
    if isinstance(type_, ListOf):
        return f"list of {_type_name(type_.element)}"
    if isinstance(type_, Struct):
        return f"struct: {', '.join(f'`{column.name}`' for column in type_.fields)}"
    return _NAMES.get(type_, type_)


if __name__ == "__main__":
    PAGE.write_text(render_page(PAGE.read_text("utf-8")), "utf-8")
