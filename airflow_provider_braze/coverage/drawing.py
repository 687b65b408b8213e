"""The page's pictures, as inline SVG: the calendar of days, and what still changes by age."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from html import escape
from typing import Any, Final

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.coverage.terminal import LABELS

_CELL: Final = 11
_STEP: Final = 13
_LEFT: Final = 34
_TOP: Final = 18
QUIET: Final = frozenset({"final", "still_read", "unproven"})
"""States that need no attention."""
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def draw_calendar(windows: Sequence[Mapping[str, Any]]) -> str:
    """Return a strip of weeks for each year, newest year first.

    :param windows: consecutive windows of days with their ``state``.
    """
    days = dict(_days(windows))
    return "".join(_draw_year(year, days) for year in sorted({day.year for day in days}, reverse=True))


def _draw_year(year: int, days: Mapping[date, str]) -> str:
    mine = {day: state for day, state in days.items() if day.year == year}
    monday = date(year, 1, 1) - timedelta(days=date(year, 1, 1).weekday())
    quiet: dict[str, list[str]] = {}
    loud = []
    for day, state in mine.items():
        x = _LEFT + (day - monday).days // 7 * _STEP
        y = _TOP + day.weekday() * _STEP
        if state in QUIET:
            quiet.setdefault(state, []).append(f"M{x} {y}h{_CELL}v{_CELL}h-{_CELL}z")
        else:
            title = escape(f"{day.isoformat()}: {LABELS[state]}")
            size = f'width="{_CELL}" height="{_CELL}"'
            loud.append(f'<rect class="{state}" x="{x}" y="{y}" {size}><title>{title}</title></rect>')
    paths = [f'<path class="{state}" d="{"".join(cells)}"/>' for state, cells in sorted(quiet.items())]
    counts = ", ".join(f"{list(mine.values()).count(state)} {label}" for state, label in LABELS.items())
    width, height = _LEFT + 54 * _STEP, _TOP + 7 * _STEP
    return (
        f'<svg class="calendar" viewBox="0 0 {width} {height}" role="img" aria-label="{year}: {escape(counts)}">'
        f'<text x="0" y="{_TOP + 10}">{year}</text>{_draw_months(year, monday)}{"".join(paths + loud)}</svg>'
    )


def _draw_months(year: int, monday: date) -> str:
    places = ((name, (date(year, number, 1) - monday).days // 7) for number, name in enumerate(_MONTHS, 1))
    return "".join(f'<text x="{_LEFT + week * _STEP}" y="11">{name}</text>' for name, week in places)


def _days(windows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[date, str]]:
    for window in windows:
        days = Window(date.fromisoformat(window["start"]), date.fromisoformat(window["end"]))
        yield from ((day, window["state"]) for day in days)


def draw_ages(ages: Sequence[Mapping[str, Any]], figure: str) -> str:
    """Return one bar per age: the share of a figure that changed."""
    shares = {each["age"]: each["shares"].get(figure) or 0.0 for each in ages}
    oldest, top = max(shares), max(*shares.values(), 0.001)
    step = max(4, min(22, 660 // (oldest + 1)))
    width, height, base = 52 + step * (oldest + 1), 150, 122
    bars = []
    for age, share in shares.items():
        tall = round(100 * share / top, 1)
        label = escape(f"Age {age}: {100 * share:.2f} %")
        bars.append(
            f'<rect class="bar" x="{50 + age * step}" y="{base - tall}" width="{step - 2}" height="{tall}">'
            f"<title>{label}</title></rect>"
        )
    ticks = sorted({*range(0, oldest + 1, max(1, -(-oldest // 10))), oldest})
    marks = "".join(f'<text x="{50 + age * step}" y="{base + 15}">{age}</text>' for age in ticks)
    summary = escape(f"Share of {figure} that changed, by age in days; highest {100 * top:.1f} %")
    return (
        f'<svg class="ages" viewBox="0 0 {max(width, 120)} {height}" width="{max(width, 120)}" role="img" '
        f'aria-label="{summary}"><line x1="48" y1="{base}" x2="{width}" y2="{base}"/>'
        f'<text x="0" y="32">{100 * top:.1f} %</text><text x="0" y="{base}">0 %</text>{"".join(bars)}{marks}'
        f'<text x="0" y="{base + 15}">age</text></svg>'
    )
