"""The pages below ``docs`` and at the root, as text, headings, blocks and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")])


@dataclass(frozen=True)
class Block:
    """A block of code.

    :param page: name of its page.
    """

    page: str
    language: str
    code: str


def read(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def blocks(page: Path) -> list[Block]:
    """Return all blocks of a page, including those inside lists, without their indent."""
    found = re.findall(r"^( *)```(\w+)\n(.*?)^\1```$", page.read_text("utf-8"), flags=re.M | re.S)
    return [Block(page.name, language, re.sub(rf"^{indent}", "", code, flags=re.M)) for indent, language, code in found]


def prose(text: str) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S)


def section(text: str, title: str) -> str:
    """Return the text below a heading, up to the next one of its level or above."""
    (start,) = [match for match in re.finditer(r"^(#+) (.*)$", prose(text), flags=re.M) if match[2] == title]
    rest = prose(text)[start.end() :]
    return re.split(rf"^#{{1,{len(start[1])}}} ", rest, flags=re.M)[0]


def anchors(page: Path) -> set[str]:
    """Return the anchors that a code host makes of headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page.read_text("utf-8")), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(text: str) -> list[list[str]]:
    """Return the cells of all rows of the tables in a text, without heads."""
    lines = [line for line in text.splitlines() if line.lstrip().startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in lines]
    rules = [i for i, row in enumerate(cells) if set("".join(row)) <= set("-: ")]
    heads = {i for rule in rules for i in (rule - 1, rule)}
    return [row for i, row in enumerate(cells) if i not in heads]


def words(cell: str) -> list[str]:
    """Return the code words of a cell."""
    return re.findall(r"`([^`]+)`", cell)
