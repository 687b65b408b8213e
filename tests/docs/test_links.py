from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT, anchors, prose


def links(page: Path) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text("utf-8")))
    return [link for link in found if "://" not in link]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_existing_files_and_headings(page):
    assert links(page) or page.name == "faults.md"
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


def test_index_names_every_page_and_every_example():
    named = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "index.md")}
    assert named >= {page for page in DOCS.glob("*.md") if page.name != "index.md"}
    assert named >= set((ROOT / "example_dags").glob("*.py"))


def test_readme_links_to_the_index():
    assert "docs/index.md" in links(ROOT / "README.md")


def test_pictures_are_used_and_have_a_text_description():
    pictures = {path.name for path in (DOCS / "images").iterdir()}
    texts = "".join(page.read_text() for page in [ROOT / "README.md", *DOCS.glob("*.md")])
    assert pictures
    assert {Path(target).name for _, target in re.findall(r"!\[([^\]]{20,})\]\(([^)]+)\)", texts)} == pictures
