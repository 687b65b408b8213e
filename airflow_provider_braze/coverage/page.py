"""Coverage as one self-contained page: inline SVG, no script, every value escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from airflow_provider_braze.core.text import counted
from airflow_provider_braze.coverage.drawing import QUIET, draw_ages, draw_calendar
from airflow_provider_braze.coverage.model import format_window
from airflow_provider_braze.coverage.style import STYLE
from airflow_provider_braze.coverage.terminal import LABELS, show_unprintable

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The page's own content security policy."""
_MOST_ROWS: Final = 100


def render_page(coverage: Mapping[str, Any]) -> str:
    """Return the page."""
    sections = "".join(_section(name, series) for name, series in coverage["series"].items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" '
        'content="no-referrer"><meta name="color-scheme" content="light dark">'
        f"<title>Coverage of {_text(coverage['destination'])}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>Coverage of {_value(coverage['destination'])}</h1><p class='about'>As of "
        f"{_value(coverage['generated_at'])}. Braze host {_value(coverage['host'])}. Days in the time zone "
        f"{_value(coverage['timezone'])}.</p>{_overview(coverage)}{sections}</main></body></html>\n"
    )


def _overview(coverage: Mapping[str, Any]) -> str:
    rows = [
        [
            f'<a href="#{_text(name)}">{_text(name)}</a>',
            _days(series["newest_day"] or "none"),
            _value("" if series["age_days"] is None else series["age_days"]),
            *(_count(state, series["days"][state]) for state in LABELS),
            _count("failed", len(series["failed"])),
        ]
        for name, series in coverage["series"].items()
    ]
    heads = ["series", "newest day", "age in days", *LABELS.values(), "failed now"]
    return _table("All series. Age 0 is yesterday.", heads, rows)


def _section(name: str, series: Mapping[str, Any]) -> str:
    return "".join(
        (
            f'<section id="{_text(name)}"><h2>{_text(name)}</h2>',
            _legend(series["days"]),
            draw_calendar(series["calendar"]) if series["calendar"] else "<p>No day has landed.</p>",
            _repairs(series),
            _changes(series),
            _lacking(series["lacking"]),
            _problems("Failed in the newest run", series["failed"]),
            _problems("Listed by Braze, but rejected", series["rejected"]),
            _drift(series["keys_without_column"]),
            _runs(series),
            "</section>",
        )
    )


def _legend(days: Mapping[str, int]) -> str:
    items = (
        f'<li><svg viewBox="0 0 11 11" aria-hidden="true"><rect class="{state}" width="11" height="11"/></svg> '
        f"{label}: {counted(days[state], 'day')}</li>"
        for state, label in LABELS.items()
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _repairs(series: Mapping[str, Any]) -> str:
    unproven = f"<p class='good'>{_text(series['unproven'])}</p>" if series["unproven"] else ""
    if not series["repairs"]:
        return f'<p class="good">No day is known to be missing.</p>{unproven}'
    rows = [
        [
            f'<span class="tag {each["state"]}-tag">{_text(LABELS[each["state"]])}</span>',
            _value(format_window(each)) + ("" if each["is_asked"] else "<br><small>no kept record asked</small>"),
            _code(f'start="{each["start"]}", end="{each["end"]}"')
            + "".join(f"<br>{_code(command)}" for command in each["commands"]),
        ]
        for each in series["repairs"]
    ]
    return unproven + _table("Days to land again", ["state", "days", "land again with"], rows)


def _lacking(lacking: Mapping[str, Sequence[str]]) -> str:
    rows = [[_value(name), _value(len(days)), _days(days[0], days[-1])] for name, days in lacking.items()]
    return _table("Subjects without some days", ["name", "days", "first and last of them"], rows) if rows else ""


def _changes(series: Mapping[str, Any]) -> str:
    found = f"<h3>What still changes</h3><p>{_text(series['verdict'])}</p>"
    shares: dict[str, float] = {}
    for age in series["restatement"]:
        for name, share in age["shares"].items():
            shares[name] = max(shares.get(name, 0.0), share or 0.0)
    if not shares:
        return found
    figure = max(shares, key=lambda each: shares[each])
    caption = f"<figcaption>Share of {_value(figure)} that changed, by age</figcaption>"
    return f"{found}<figure>{caption}{draw_ages(series['restatement'], figure)}</figure>"


def _problems(title: str, problems: Sequence[Mapping[str, str]]) -> str:
    rows = [
        [_value(each["name"]), _days(each["since"][:10]), f"{_value(each['class'])}: {_value(each['message'])}"]
        for each in problems
    ]
    return _table(title, ["name", "since", "error"], rows) if rows else ""


def _drift(drift: Mapping[str, int]) -> str:
    rows = [[f"<code>{_text(name)}</code>", _value(number)] for name, number in drift.items()]
    return _table("Keys without a column. Their values are in other.", ["key", "times seen"], rows) if rows else ""


def _runs(series: Mapping[str, Any]) -> str:
    totals = series["totals"]
    rows = [
        [
            _value(each["began"][:16].replace("T", " ")),
            f'<span class="tag {_text(each["state"])}">{_text(each["state"])}</span>',
            f"{_value(each['run_id'])}<br><small>try {each['try_number']}, part {each['part']}</small>",
            _days(each["first_day"], each["last_day"]),
            _value(each["changed_days"]),
            _value("" if each["requests"] is None else each["requests"]),
            _value(each["error"]),
        ]
        for each in series["runs"]
    ]
    about = (
        f"<p class='about'>{counted(totals['tries'], 'kept record')}: {counted(totals['requests'], 'request')}, "
        f"{counted(totals['retries'], 'retry', 'retries')}, {totals['waited_seconds']} s of waiting for Braze.</p>"
    )
    if series["unread_records"]:
        about += f"<p class='about'>{counted(series['unread_records'], 'older record')} not read.</p>"
    heads = ["began (UTC)", "state", "run", "days", "changed days", "requests", "error"]
    return (_table("Last runs", heads, rows) if rows else "") + about


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells that are already escaped."""
    more = f"<p class='about'>{len(rows) - _MOST_ROWS} more in coverage.json</p>" if len(rows) > _MOST_ROWS else ""
    head = "".join(f'<th scope="col">{_text(each)}</th>' for each in heads)
    # A label at each cell, for narrow screens and as the row's own words.
    body = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in rows[:_MOST_ROWS])
    return (
        f'<div class="table"><table><caption>{_text(title)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{more}"
    )


def _cells(row: Iterable[str]) -> Iterator[str]:
    first, *others = row
    yield f'<th scope="row">{first}</th>'
    yield from (f"<td>{each}</td>" for each in others)


def _count(state: str, number: int) -> str:
    return f'<span class="tag {state}-tag">{number}</span>' if number and state not in QUIET else _value(number)


def _code(text: str) -> str:
    """Return code whose words stay whole where they fit."""
    return f"<code>{' '.join(f'<span>{_text(word)}</span>' for word in text.split(' '))}</code>"


def _days(first: str, last: str = "") -> str:
    """Return days on one line."""
    return f'<span class="days">{_text(first)}{" to " + _text(last) if last and last != first else ""}</span>'


def _value(value: object) -> str:
    """Return a value, isolated: right-to-left text must not reorder what stands beside it."""
    return f"<bdi>{_text(value)}</bdi>"


def _text(value: object) -> str:
    """Return escaped text. Control and direction characters become visible."""
    return escape(show_unprintable(str(value)))
