"""Check that texts are plain English, without forms that read like a translation.

It reads the files and folders of the command line: ``python tools/check_words.py docs README.md``. In Python files it
reads comments, strings and names; in Markdown files everything outside fenced code.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

# In a pattern a space matches any whitespace, line ends included.
BANNED: Final = {
    # Not a method: a file has ``tell()``.
    "tell": r"\b(un)?told\b|(?<!\0)\btell(s|ing)?\b",
    "is no": r"(?<!there\s)\b(is|are|was|were|be|been) no\b(?! (longer|more|less|later|earlier)\b)",
    # Followed by a clause: its verb is one of the usual ones.
    "for (because)": r"[,;] for (?!(example|instance)\b)[^,;:.()|`]{1,40}? "
    r"(is|are|was|were|has|have|had|may|can|cannot|could|would|will|does|do|did|must|should|comes?|needs?)\b",
    "but for": r"\bbut for\b",
    "of which": r"\bof which\b|\b(by|in|of|on|with) whose\b",
    "whoever": r"\b(whoever|those who|nobody|whatever)\b",
    "so many": r"\bso many\b|\bas \w+( \w+)? as can be\b",
    "mend": r"\bmend(s|ed|ing)?\b",
    "spoil": r"\bspoil(s|ed|t|ing)?\b",
    "bring": r"\b(brings?|bringing|brought)\b",
    "come back": r"\b(come|comes|came|coming) back\b",
    "anew": r"\b(anew|meanwhile)\b",
    "all the same": r"\ball the same\b",
    "for good": r"\bfor good\b(?! (reason|measure)\b)",
    "goes by": r"\b(go|goes|going|went) by\b",
    "stands for": r"\b(stand|stands|stood) for\b",
}
PATTERNS: Final = {name: re.compile(form.replace(" ", r"\s+"), re.IGNORECASE) for name, form in BANNED.items()}
# This file and its test name the forms.
_SKIPPED: Final = (Path(__file__).resolve(), Path(__file__).resolve().parents[1] / "tests/docs/test_words.py")
# Takes the place of code, so that no form is found across it.
_CODE: Final = "\0"


class Hit(NamedTuple):
    """A banned form in a file.

    :param form: key in ``BANNED``.
    """

    path: Path
    line: int
    form: str
    text: str


def main() -> int:
    """Print all hits and their number; fail if there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, help="files or folders")
    hits = [hit for path in parser.parse_args().paths for hit in check(path)]
    for hit in hits:
        print(f"{hit.path}:{hit.line}: {hit.text!r} ({hit.form})")
    print(f"{len(hits)} forms to replace")
    return int(bool(hits))


def check(place: Path) -> list[Hit]:
    """Return the hits in a file, or in all Python and Markdown files of a folder."""
    paths = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.suffix in {".py", ".md"})
    texts = {path: prose_of(path) for path in paths if path.resolve() not in _SKIPPED}
    return [hit for path, text in texts.items() for hit in find_hits(path, text)]


def find_hits(path: Path, prose: str) -> Iterator[Hit]:
    """Yield the banned forms of a text, in the order of the lines."""
    found = ((match, form) for form, pattern in PATTERNS.items() for match in pattern.finditer(prose))
    for match, form in sorted(found, key=lambda each: each[0].start()):
        yield Hit(path, prose.count("\n", 0, match.start()) + 1, form, " ".join(match[0].split()))


def prose_of(path: Path) -> str:
    """Return a file's text without its code, every line in its place."""
    text = path.read_text("utf-8")
    return _prose_of_python(text) if path.suffix == ".py" else _prose_of_markdown(text)


def _prose_of_markdown(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```$", lambda match: "\n" * match[0].count("\n"), text, flags=re.M | re.S)


def _prose_of_python(text: str) -> str:
    lines = [re.sub(r"\S", _CODE, line) for line in text.splitlines(keepends=True)]
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind in {"COMMENT", "STRING", "NAME", "FSTRING_MIDDLE"}:
            _put(lines, token.start, _without_marks(kind, token.string))
        elif kind in {"FSTRING_START", "FSTRING_END"}:
            _put(lines, token.start, " " * len(token.string))
    return "".join(lines)


def _without_marks(kind: str, text: str) -> str:
    """Replace what is not text, such as quotation marks, with spaces; the length stays."""
    if kind == "COMMENT":
        return " " + text[1:]
    if kind == "NAME":
        return text.replace("_", " ")
    return re.sub(r"""^\w*["']+|["']+$""", lambda match: " " * len(match[0]), text)


def _put(lines: list[str], start: tuple[int, int], text: str) -> None:
    row, column = start
    for number, part in enumerate(text.split("\n"), row - 1):
        line = lines[number]
        lines[number] = line[:column] + part + line[column + len(part) :]
        column = 0


if __name__ == "__main__":
    sys.exit(main())
