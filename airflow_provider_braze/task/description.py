"""What a task does, as the Markdown that Airflow shows beside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.text import counted
from airflow_provider_braze.core.windows import format_days

if TYPE_CHECKING:
    from airflow_provider_braze.core.series import Series

_DISTRIBUTION: Final = "airflow-provider-braze-analytics"

COVERAGE: Final = f"""\
Checks which days of Braze's analytics have landed at the destination. Sends no request to Braze.

- Writes `_braze/coverage/index.html` and `_braze/coverage/coverage.json` below the destination
- Fails if days are missing or the newest day is too old, and names these days
- From Airflow 3.1 on, the tab *Braze* of the task shows the page

Documentation: `docs/coverage.md` of `{_DISTRIBUTION}`
"""


def describe_audit(series: Series) -> str:
    """Return what an audit compares, and what it writes."""
    return f"""\
Asks Braze again for landed days that are older than the lookback, for a sample of {series.plural}, and reports what
differs.

- Returns the differences by figure and age, and a verdict on the lookback
- Writes nothing to the tables, unless `heal=True`

Documentation: `docs/restatement.md` of `{_DISTRIBUTION}`
"""


def describe_landing(series: Series, tables: Collection[str], lookback_days: int | str) -> str:
    """Return what a landing task lands, and by which rules."""
    mine = [table for table in series.tables if table.name in tables]
    lookback = f"{counted(lookback_days, 'day')} before" if isinstance(lookback_days, int) else "lookback"
    lines = [
        f"Lands the daily analytics of {series.plural} from Braze.\n",
        *_list_tables("One object per day and part", [table.name for table in mine if table.has_days]),
        *_list_tables("One object per part", [table.name for table in mine if not table.has_days]),
        f"- Days: `start` to `end` if given, else the run's own and the {lookback}",
        f"- Rows are replaced by {series.noun} and day. Objects whose rows do not change are not written",
        f"- The record of each try, with the changed days: `_braze/{series.name}/journal`\n",
        f"Documentation: `docs/tables.md` and `docs/operating.md` of `{_DISTRIBUTION}`\n",
    ]
    return "\n".join(lines)


def describe_mapped(mapped: Any, description: str) -> Any:
    """Give a task to map its description: Airflow creates the operator only when it runs.

    :param mapped: what ``partial()`` of the operator returned.
    """
    if mapped.kwargs.get("doc_md") is None:
        mapped.kwargs["doc_md"] = description
    return mapped


def describe_days(record: Mapping[str, Any]) -> str:
    """Return the days that a run landed, for Airflow's rendered fields.

    :param record: the run's record.
    """
    first, end = (date.fromisoformat(record["plan"]["window"][bound]) for bound in ("start", "end"))
    return f"{format_days(Window(first, end))}, {len(record['changed_days'])} changed"


def _list_tables(what: str, names: Collection[str]) -> list[str]:
    return [f"- {what}: {', '.join(f'`{name}`' for name in names)}"] if names else []
