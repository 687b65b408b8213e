"""Coverage as text for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from airflow_provider_braze.core.text import counted
from airflow_provider_braze.coverage.model import format_window
from airflow_provider_braze.coverage.names import with_name

LABELS: Final = {
    "final": "final",
    "still_read": "still read",
    "unproven": "unproven",
    "early": "read once or too early",
    "incomplete": "subjects missing",
    "not_landed": "not landed",
}
_MOST: Final = 50
_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"


def format_coverage(coverage: Mapping[str, Any]) -> str:
    """Return the coverage of a destination as lines of text."""
    lines = [
        f"Coverage of {coverage['destination']}",
        f"{coverage['generated_at']}; host {coverage['host']}; days in {coverage['timezone']}",
    ]
    for name, series in coverage["series"].items():
        lines += ["", *_format_series(name, series)]
    return "\n".join(show_unprintable(line) for line in lines) + "\n"


def _format_series(name: str, series: Mapping[str, Any]) -> Iterator[str]:
    newest = f"newest day {series['newest_day']}, {counted(series['age_days'] or 0, 'day')} older than yesterday"
    yield f"{name}: {newest if series['newest_day'] else 'no day has landed'}"
    yield "  Days: " + ", ".join(f"{series['days'][state]} {label}" for state, label in LABELS.items())
    yield f"  Lookback: {series['verdict']}"
    for window in series["repairs"]:
        asked = "" if window["is_asked"] else "; no kept record asked for them"
        yield f"  {LABELS[window['state']].capitalize()}: {format_window(window)}{asked}"
        yield f'    Land again: start="{window["start"]}", end="{window["end"]}"'
        yield from (f"    {command}" for command in window["commands"])
    if series["unproven"]:
        yield f"  {series['unproven']}"
    yield from _format_lacking(series["lacking"], series["names"])
    for kind in ("failed", "rejected"):
        yield from _format_problems(kind, series[kind], series["names"])
    if drift := series["keys_without_column"]:
        yield f"  Keys without a column: {', '.join(drift)}"
    totals = series["totals"]
    waited = f"{counted(totals['waits'], 'wait')} of {totals['waited_seconds']} s in all"
    yield f"  {counted(totals['tries'], 'kept record')}: {counted(totals['requests'], 'request')}, {waited}"
    if series["unread_records"]:
        yield f"  {counted(series['unread_records'], 'older record')} not read"


def _format_lacking(lacking: Mapping[str, Sequence[str]], names: Mapping[str, str]) -> Iterator[str]:
    for subject, days in list(lacking.items())[:_MOST]:
        yield f"  {with_name(subject, names)} lacks {counted(len(days), 'day')}: {days[0]} to {days[-1]}"
    if len(lacking) > _MOST:
        yield f"  Lacking days: {len(lacking) - _MOST} more"


def _format_problems(kind: str, problems: Sequence[Mapping[str, str]], names: Mapping[str, str]) -> Iterator[str]:
    for each in problems[:_MOST]:
        name, error = with_name(each["name"], names), f"{each['class']}: {each['message']}"
        yield f"  {kind.capitalize()} since {each['since'][:10]}: {name}, {error}"
    if len(problems) > _MOST:
        yield f"  {kind.capitalize()}: {len(problems) - _MOST} more"


def show_unprintable(text: str) -> str:
    """Return text with a visible mark for each control and direction character: names are what people typed."""
    return "".join(character if _is_shown(character) else "\N{REPLACEMENT CHARACTER}" for character in text)


def _is_shown(character: str) -> bool:
    # Blanks of other scripts, and the joiners within emoji and Persian words, are not printable to Python.
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"
