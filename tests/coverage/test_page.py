"""The page and the text: self-contained, escaped, and of a bounded size."""

from __future__ import annotations

import html
import re
import sys
from dataclasses import replace
from datetime import date, datetime, timezone
from html.parser import HTMLParser
from io import BytesIO, TextIOWrapper

import pytest

from airflow_provider_braze.coverage.__main__ import main
from airflow_provider_braze.coverage.model import build_coverage
from airflow_provider_braze.coverage.page import render_page
from airflow_provider_braze.coverage.terminal import format_coverage
from airflow_provider_braze.series import all_series
from tests.coverage.evidence import days, evidence, past_try
from tests.coverage.lakes import write_lake

NOW = datetime(2026, 11, 26, 7, tzinfo=timezone.utc)
HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "\u202eevil\u202c", "\x1b[2J", "x" * 200]


class Elements(HTMLParser):
    """All elements and their attributes. An element that is open at the end is an error of the page."""

    VOID = ("meta", "br", "rect", "path", "line")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID or tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def coverage(number=60, failed=(), destination="s3://lake/braze", series=("campaigns",)):
    every = (
        days(date(2026, 11, 25), 1)
        if number == 1
        else days(date.fromordinal(date(2026, 11, 26).toordinal() - number), number)
    )
    restatement = {"1": {"rows": 1, "changed": 1, "figures": {failed[0] if failed else "conversions": [10, 11]}}}
    drift = dict.fromkeys(failed, 1)
    found = [
        evidence(
            [
                past_try(
                    day,
                    30,
                    failed=failed,
                    rejected=failed,
                    drift=drift,
                    restatement=restatement,
                    run_id="".join(failed) or None,
                    error=" ".join(failed) or None,
                    tables=[each.day_table.name],
                )
                for day in every[-5:]
            ],
            every[:3] + every[4:],
            series=each.name,
        )
        for each in all_series()
        if each.name in series
    ]
    return build_coverage(destination, found, NOW)


def test_values_are_escaped():
    document = coverage(failed=HOSTILE, destination=f"s3://lake/{HOSTILE[0]}")
    page = render_page(document)
    elements = Elements(page).found
    assert not {tag for tag, _ in elements} & {"script", "img", "iframe", "object", "form", "link"}
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    assert HOSTILE[0] not in page
    assert not {"\u202e", "\u202c", "\x1b"} & set(page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize("name", HOSTILE)
def test_user_defined_name_is_escaped_and_shown_with_its_id(name):
    runs = [past_try(day, failed=["c1"]) for day in days(date(2026, 11, 20), 6)]
    found = replace(evidence(runs, days(date(2026, 11, 17), 9)), read_names=lambda: {"c1": name})
    document = build_coverage("s3://lake/braze", [found], NOW)
    page, text = render_page(document), format_coverage(document)
    assert not {tag for tag, _ in Elements(page).found} & {"script", "img"}
    assert page.count("(c1)") == text.count("(c1)") == 3
    assert all(character.isprintable() for character in text.replace("\n", ""))


def test_page_is_self_contained():
    elements = Elements(render_page(coverage())).found
    links = {attributes[name] for _, attributes in elements for name in ("href", "src") if name in attributes}
    assert links == {"#campaigns"}
    (policy,) = [each["content"] for tag, each in elements if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page))


def test_first_sentence_names_what_to_land_again():
    page = text_of(render_page(coverage(series=("campaigns", "kpis"))))
    assert "To land again: campaigns (1 day), kpis (1 day)" in page
    complete = [evidence([past_try(day) for day in days(date(2026, 11, 20), 6)], days(date(2026, 11, 17), 9))]
    page = text_of(render_page(build_coverage("s3://lake/braze", complete, NOW)))
    assert page.index("No day is known to be missing.") < page.index("All series")


def test_headings_are_readable_names():
    page = render_page(coverage(series=("campaigns", "kpis")))
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["Campaigns", "KPIs"]


def test_violations_are_shown_before_restatement():
    runs = [past_try(day, failed=["c1"]) for day in days(date(2026, 11, 20), 6)]
    page = render_page(build_coverage("s3://lake/braze", [evidence(runs, days(date(2026, 11, 17), 9))], NOW))
    order = ["Days to land again", "Failed in the newest run", "Subjects without some days", "What still changes"]
    assert sorted(order, key=page.index) == order


def test_pictures_have_a_text_description():
    pictures = [each for tag, each in Elements(render_page(coverage())).found if tag == "svg"]
    assert all(each.get("role") == "img" and each["aria-label"] for each in pictures if "aria-hidden" not in each)
    assert any("1 not landed" in each.get("aria-label", "") for each in pictures)


@pytest.mark.parametrize("number", [1, 3, 400, 1826])
def test_every_number_of_days_can_be_drawn(number):
    assert Elements(render_page(coverage(number))).found


def test_five_years_of_seven_series_stay_below_a_megabyte():
    names = [each.name for each in all_series()]
    page = render_page(coverage(1826, series=names))
    assert len(page) < 1_000_000
    assert all(f'id="{name}"' in page for name in names)


def test_text_names_the_days_and_the_commands_to_land_them():
    text = format_coverage(coverage())
    assert "Not landed: 2026-09-30 (campaign_days, campaign_messages); no kept record asked for them" in text
    assert 'start="2026-09-30", end="2026-10-01"' in text
    assert "airflow backfill create --dag-id braze --from-date 2026-10-01T00:00:00+00:00" in text


def test_text_has_no_control_characters_of_a_terminal():
    text = format_coverage(coverage(failed=HOSTILE))
    assert all(character.isprintable() for character in text.replace("\n", ""))


def test_names_keep_the_blanks_and_joiners_of_all_scripts():
    name = "夏\u3000セール \U0001f468\u200d\U0001f467 5\u00a0% نی\u200cست"
    document = coverage(failed=[name])
    assert name in format_coverage(document)
    assert name in html.unescape(render_page(document))


@pytest.mark.parametrize(("number", "more"), [(50, 0), (51, 1)])
def test_text_counts_omitted_subjects(number, more):
    every = days(date(2026, 11, 25), 1)
    bad = past_try(every[0], 0, failed=[f"campaign {each:03}" for each in range(number)])
    text = format_coverage(build_coverage("s3://lake/braze", [evidence([bad], every)], NOW))
    assert text.count("lacks 1 day") == 50
    assert ("  Lacking days: 1 more\n" in text) == bool(more)


def test_command_prints_on_a_terminal_that_cannot_encode_a_name(tmp_path, monkeypatch):
    write_lake(tmp_path / "Käse", 40)
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, "ascii", write_through=True))
    assert main([f"file://{tmp_path}/Käse"]) == 0
    assert b"K?se" in written.getvalue()


def test_last_runs_name_their_dag():
    every = days(date(2026, 11, 25), 1)
    tries = [
        past_try(every[0], 0, dag_id=name, run_id="scheduled__2026-11-26") for name in ("campaigns", "one_campaign")
    ]
    page = render_page(build_coverage("s3://lake/braze", [evidence(tries, every)], NOW))
    assert all(
        f"<bdi>{name}</bdi><br><bdi>scheduled__2026-11-26</bdi>" in page for name in ("campaigns", "one_campaign")
    )


def test_commands_can_be_copied_from_the_page():
    document = coverage()
    (repair,) = document["series"]["campaigns"]["repairs"]
    (command,) = repair["commands"]
    text = re.sub(r"<[^>]+>", "", render_page(document))
    assert command in html.unescape(text)


def test_empty_series_is_shown_as_empty():
    document = build_coverage("s3://lake/braze", [evidence([], [])], NOW)
    assert "no day has landed" in format_coverage(document)
    assert "No day has landed." in render_page(document)
