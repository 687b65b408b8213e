"""Coverage as one self-contained page: inline SVG, no script, every value escaped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from airflow_provider_braze.core.text import counted
from airflow_provider_braze.coverage.drawing import QUIET, draw_ages, draw_calendar
from airflow_provider_braze.coverage.excerpt import excerpt
from airflow_provider_braze.coverage.markup import days_of, render_document, table, text_of, value_of
from airflow_provider_braze.coverage.subjects import Problem
from airflow_provider_braze.coverage.terminal import LABELS

_MOST_ROWS: Final = 100
_NOTHING_MISSING: Final = "No day is known to be missing."
_TITLES: Final = {"kpis": "KPIs"}


def render_page(coverage: Mapping[str, Any]) -> str:
    """Return the page of a coverage."""
    return render_excerpt(excerpt(coverage, _MOST_ROWS))


def render_excerpt(shown: Mapping[str, Any]) -> str:
    """Return the page of an excerpt."""
    sections = "".join(_section(name, series) for name, series in shown["series"].items())
    about = (
        f"As of {value_of(shown['generated_at'])}. Braze host {value_of(shown['host'])}. Days in the time zone "
        f"{value_of(shown['timezone'])}."
    )
    content = _to_do(shown["series"]) + _overview(shown) + sections
    return render_document("Coverage of", shown["destination"], about, content)


def _to_do(series: Mapping[str, Any]) -> str:
    """Return the first sentence: what to land again, or that nothing is known to be missing."""
    found = []
    for name, each in series.items():
        number = sum(days for state, days in each["days"].items() if state not in QUIET)
        if number:
            found.append(f'<a href="#{text_of(name)}">{text_of(name)}</a> ({counted(number, "day")})')
    return f'<p class="to-do">{"To land again: " + ", ".join(found) if found else _NOTHING_MISSING}</p>'


def _overview(coverage: Mapping[str, Any]) -> str:
    rows = [
        [
            f'<a href="#{text_of(name)}">{text_of(name)}</a>',
            days_of(series["newest_day"] or "none"),
            _age(series["age_days"]),
            *(_count(state, series["days"][state]) for state in LABELS),
            _count("failed", len(series["failed"]) + series["left_out"]["failed"]),
        ]
        for name, series in coverage["series"].items()
    ]
    heads = ["series", "newest day", "age in days", *LABELS.values(), "failed now"]
    return table("All series. Age 0 is yesterday.", heads, rows)


def _section(name: str, series: Mapping[str, Any]) -> str:
    return "".join(
        (
            f'<section id="{text_of(name)}"><h2>{text_of(_TITLES.get(name, name.capitalize()))}</h2>',
            _legend(series["days"]),
            draw_calendar(series["calendar"]) if series["calendar"] else "<p>No day has landed.</p>",
            "<p class='about'>Older days are in coverage.json.</p>" if series["left_out"]["calendar"] else "",
            _repairs(series),
            _problems("Failed in the newest run", series, "failed"),
            _problems("Listed by Braze, but rejected", series, "rejected"),
            _lacking(series),
            _changes(series),
            _drift(series),
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
    unproven = f"<p class='good'>{text_of(series['unproven'])}</p>" if series["unproven"] else ""
    if not series["repairs"]:
        return f'<p class="good">{_NOTHING_MISSING}</p>{unproven}'
    rows = [
        [
            f'<span class="tag {each["state"]}-tag">{text_of(LABELS[each["state"]])}</span>',
            value_of(each["text"]) + ("" if each["is_asked"] else "<br><small>no kept record asked</small>"),
            _code(f'start="{each["start"]}", end="{each["end"]}"')
            + "".join(f"<br>{_code(command)}" for command in each["commands"]),
        ]
        for each in series["repairs"]
    ]
    heads = ["state", "days", "land again with"]
    return unproven + table("Days to land again", heads, rows, series["left_out"]["repairs"])


def _lacking(series: Mapping[str, Any]) -> str:
    rows = [
        [value_of(each["name"]), value_of(each["days"]), days_of(each["first"], each["last"])]
        for each in series["lacking"]
    ]
    heads = ["name", "days", "first and last of them"]
    return table("Subjects without some days", heads, rows, series["left_out"]["lacking"]) if rows else ""


def _changes(series: Mapping[str, Any]) -> str:
    found = f"<h3>What still changes</h3><p>{text_of(series['verdict'])}</p>"
    shares: dict[str, float] = {}
    for age in series["restatement"]:
        for name, share in age["shares"].items():
            shares[name] = max(shares.get(name, 0.0), share or 0.0)
    if not shares:
        return found
    figure = max(shares, key=lambda each: shares[each])
    caption = f"<figcaption>Share of {value_of(figure)} that changed, by age</figcaption>"
    return f"{found}<figure>{caption}{draw_ages(series['restatement'], figure)}</figure>"


def _problems(title: str, series: Mapping[str, Any], kind: Problem) -> str:
    rows = [
        [value_of(each["name"]), days_of(each["since"][:10]), f"{value_of(each['class'])}: {value_of(each['message'])}"]
        for each in series[kind]
    ]
    return table(title, ["name", "since", "error"], rows, series["left_out"][kind]) if rows else ""


def _drift(series: Mapping[str, Any]) -> str:
    drift = series["keys_without_column"]
    rows = [[f"<code>{text_of(name)}</code>", value_of(number)] for name, number in drift.items()]
    title, left_out = "Keys without a column. Their values are in other.", series["left_out"]["keys_without_column"]
    return table(title, ["key", "times seen"], rows, left_out) if rows else ""


def _runs(series: Mapping[str, Any]) -> str:
    totals = series["totals"]
    rows = [
        [
            days_of(each["began"][:16].replace("T", " ")),
            f'<span class="tag {text_of(each["state"])}">{text_of(each["state"])}</span>',
            f"{value_of(each['dag_id'])}<br>{value_of(each['run_id'])}<br>"
            f"<small>try {each['try_number']}, part {each['part']}</small>",
            days_of(each["first_day"], each["last_day"]),
            value_of(each["changed_days"]),
            value_of("" if each["requests"] is None else each["requests"]),
            value_of(each["error"]),
        ]
        for each in series["runs"]
    ]
    about = (
        f"<p class='about'>{counted(totals['tries'], 'kept record')}: {counted(totals['requests'], 'request')}, "
        f"{counted(totals['retries'], 'retry', 'retries')}, {totals['waited_seconds']} s of waiting for Braze.</p>"
    )
    if series["unread_records"]:
        about += f"<p class='about'>{counted(series['unread_records'], 'older record')} not read.</p>"
    heads = ["began (UTC)", "state", "Dag and run", "days", "changed days", "requests", "error"]
    return (table("Last runs", heads, rows) if rows else "") + about


def _age(days: int | None) -> str:
    """Return an age. Runs are once a day, so a day older than yesterday's needs attention."""
    return "" if days is None else _count("early" if days > 1 else "final", days)


def _count(state: str, number: int) -> str:
    return f'<span class="tag {state}-tag">{number}</span>' if number and state not in QUIET else value_of(number)


def _code(text: str) -> str:
    """Return code whose words stay whole where they fit."""
    return f"<code>{' '.join(f'<span>{text_of(word)}</span>' for word in text.split(' '))}</code>"
