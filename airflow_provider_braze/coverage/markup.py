"""Markup of a page: every value escaped, no script, nothing from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from html import escape
from typing import Final

from airflow_provider_braze.coverage.style import STYLE
from airflow_provider_braze.coverage.terminal import show_unprintable

_STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
POLICY: Final = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
"""The page's own content security policy."""


def render_document(title: str, name: str, about: str, content: str) -> str:
    """Return a page.

    :param title: words before the name.
    :param name: what the page is about.
    :param about: markup of the line below the title.
    :param content: markup of the rest.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" '
        'content="no-referrer"><meta name="color-scheme" content="light dark">'
        f"<title>{text_of(title)} {text_of(name)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{text_of(title)} {value_of(name)}</h1><p class='about'>{about}</p>{content}</main></body></html>\n"
    )


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], left_out: int = 0) -> str:
    """Return a table of cells that are already escaped."""
    more = f"<p class='about'>{left_out} more in coverage.json</p>" if left_out else ""
    head = "".join(f'<th scope="col">{text_of(each)}</th>' for each in heads)
    # A label at each cell, for narrow screens and as the row's own words.
    body = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in rows)
    return (
        f'<div class="table"><table><caption>{text_of(title)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{more}"
    )


def _cells(row: Iterable[str]) -> Iterator[str]:
    first, *others = row
    yield f'<th scope="row">{first}</th>'
    yield from (f"<td>{each}</td>" for each in others)


def days_of(first: str, last: str = "") -> str:
    """Return days on one line."""
    return f'<span class="days">{text_of(first)}{" to " + text_of(last) if last and last != first else ""}</span>'


def value_of(value: object) -> str:
    """Return a value, isolated: right-to-left text must not reorder what stands beside it."""
    return f"<bdi>{text_of(value)}</bdi>"


def text_of(value: object) -> str:
    """Return escaped text. Control and direction characters become visible."""
    return escape(show_unprintable(str(value)))
