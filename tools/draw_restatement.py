"""Draw ``docs/images/restatement.svg`` from the sandbox's figures: ``python tools/draw_restatement.py``.

The upper chart shows the conversions of one send day on each morning. The lower one shows the days that each run
fetches. The colours are readable on light and dark backgrounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Final

from airflow_provider_braze.sandbox.campaigns import all_campaigns
from airflow_provider_braze.sandbox.data import day_object
from airflow_provider_braze.sandbox.settings import SandboxSettings

TARGET: Final = Path(__file__).parents[1] / "docs" / "images" / "restatement.svg"
SEND_DAY: Final = date(2026, 10, 20)
RUNS: Final = 40
LOOKBACK: Final = 30
FIGURE: Final = "conversions_by_send_time"

LEFT, STEP, BAR = 96, 18, 12
CHART_TOP, CHART_BOTTOM = 74, 234
BAND_TOP, DAY_HEIGHT = 306, 3
FIRST_DAY: Final = SEND_DAY - timedelta(days=LOOKBACK)
WIDTH, HEIGHT = LEFT + RUNS * STEP + 24, BAND_TOP + (LOOKBACK + RUNS) * DAY_HEIGHT + 30
TEXT, LINE, FIRST, LATER, READ = "#717b87", "#8b949e", "#2f81f7", "#e08a1e", "#57ab5a"


def figures() -> list[int]:
    """Return the conversions of the send day on each following morning at six."""
    settings = SandboxSettings(campaigns=20)
    # A campaign with the longest conversion window.
    campaign = next(
        each
        for each in all_campaigns(settings.seed, settings.campaigns).values()
        if each.blueprint.window_days == LOOKBACK and day_object(settings, each.id, SEND_DAY).get(FIGURE, 0) > 100
    )
    return [int(day_object(settings, campaign.id, SEND_DAY, _morning(run))[FIGURE]) for run in range(RUNS)]


def draw() -> str:
    """Draw the picture."""
    values = figures()
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{TEXT}" role="img">',
        f"<title>Conversions of {SEND_DAY} in Braze, and the days that each run fetches</title>",
        *_chart(values),
        *_band(),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _chart(values: list[int]) -> Iterator[str]:
    scale = (CHART_BOTTOM - CHART_TOP) / max(values)
    first = CHART_BOTTOM - values[0] * scale
    yield _text(
        LEFT, 26, f"Conversions by send time of one day, {_format_day(SEND_DAY)}, as Braze reports them", bold=True
    )
    yield _text(LEFT, 46, "the first morning", FIRST)
    yield _text(LEFT + 130, 46, "booked on that day later", LATER)
    for run, value in enumerate(values):
        top = CHART_BOTTOM - value * scale
        yield _rect(_x(run), first, BAR, CHART_BOTTOM - first, FIRST)
        yield _rect(_x(run), top, BAR, first - top, LATER)
    yield _text(LEFT - 10, first + 4, f"{values[0]}", FIRST, "end")
    yield _text(LEFT - 10, CHART_TOP + 4, f"{values[-1]}", LATER, "end")
    yield _line(LEFT, CHART_BOTTOM, LEFT + RUNS * STEP, CHART_BOTTOM)
    yield from _mornings(CHART_BOTTOM + 18)


def _band() -> Iterator[str]:
    yield _text(LEFT, BAND_TOP - 22, "Days that the run of each morning fetches", bold=True)
    for run in range(RUNS):
        newest = SEND_DAY + timedelta(days=run)
        yield _rect(_x(run), _y(newest - timedelta(days=LOOKBACK)), BAR, (LOOKBACK + 1) * DAY_HEIGHT, READ, 0.55)
        if newest - timedelta(days=LOOKBACK) <= SEND_DAY:
            yield _rect(_x(run), _y(SEND_DAY) - 1, BAR, DAY_HEIGHT + 2, LATER if run else FIRST)
    bottom = BAND_TOP + (LOOKBACK + RUNS) * DAY_HEIGHT
    yield _line(LEFT, bottom, LEFT + RUNS * STEP, bottom)
    yield _text(LEFT - 10, _y(SEND_DAY) + 6, _format_day(SEND_DAY), LATER, "end")
    yield _text(LEFT - 10, BAND_TOP + 8, _format_day(FIRST_DAY), anchor="end")
    yield _text(LEFT - 10, bottom, _format_day(SEND_DAY + timedelta(days=RUNS - 1)), anchor="end")
    yield from _mornings(bottom + 18)


def _mornings(y: float) -> Iterator[str]:
    for run in range(0, RUNS, 10):
        yield _text(_x(run), y, _format_day(SEND_DAY + timedelta(days=run + 1)))


def _morning(run: int) -> datetime:
    return datetime.combine(SEND_DAY + timedelta(days=run + 1), time(6), timezone.utc)


def _format_day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _x(run: int) -> float:
    return LEFT + run * STEP + (STEP - BAR) / 2


def _y(day: date) -> float:
    return BAND_TOP + (day - FIRST_DAY).days * DAY_HEIGHT


def _rect(x: float, y: float, width: float, height: float, fill: str, opacity: float = 1) -> str:
    shape = f'x="{x:g}" y="{y:.1f}" width="{width:g}" height="{height:.1f}"'
    return f'<rect {shape} fill="{fill}" opacity="{opacity:g}"/>'


def _line(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<line x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}" stroke="{LINE}"/>'


def _text(x: float, y: float, text: str, fill: str = TEXT, anchor: str = "start", *, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:g}" y="{y:.1f}" fill="{fill}" text-anchor="{anchor}"{weight}>{text}</text>'


if __name__ == "__main__":
    TARGET.write_text(draw(), "utf-8")
