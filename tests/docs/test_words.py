"""The checker of words finds each banned form, where a reader would see it, and nothing in code."""

from __future__ import annotations

import re
from types import ModuleType

import pytest

from tests.scripts import ROOT, load_script

EXAMPLES = {
    "tell": ["The log tells it", "as told", "untold days"],
    "is no": ["This is no file", "which are\nno dates"],
    "for (because)": ["Wait, for it is late"],
    "but for": ["All but for one"],
    "of which": ["Days, of which two", "a run in whose log"],
    "whoever": ["Whoever reads", "Nobody knows", "those who wait", "whatever comes"],
    "so many": ["so many rows", "as few calls as can be"],
    "mend": ["a retry mends it"],
    "spoil": ["one spoilt row"],
    "bring": ["Airflow brings it", "brought"],
    "come back": ["days that came back"],
    "anew": ["written anew", "Meanwhile"],
    "all the same": ["All the same it runs"],
    "for good": ["fails for good"],
    "goes by": ["It goes by its own"],
    "stands for": ["x stands for y"],
}
PLAIN = [
    "There is no such file.",
    "The day is no longer read.",
    "For example, for each day, for example these.",
    "A fault tolerant sensor, recommended for good reason.",
]


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    return load_script("tools/check_words.py")


@pytest.fixture
def forms_in(checker, tmp_path):
    def find(text, name="a.md"):
        path = tmp_path / name
        path.write_text(text)
        return [hit.form for hit in checker.check(path)]

    return find


def test_examples_cover_all_forms(checker):
    assert EXAMPLES.keys() == checker.BANNED.keys()


@pytest.mark.parametrize(("form", "text"), [(form, text) for form, texts in EXAMPLES.items() for text in texts])
def test_banned_form_is_found(forms_in, form, text):
    assert forms_in(text) == [form]
    assert forms_in(f'"""A docstring.\n\n{text}.\n"""\n', "a.py") == [form]


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_passes(forms_in, text):
    assert forms_in(text) == []


@pytest.mark.parametrize(
    "source",
    [
        "# It is told here\n",
        "def tell_days(): ...\n",
        "x = f'{days} days are told'\n",
        'x = "The path is "\n"no path"\n'.replace("\n", "\n    ", 1),
        "# One line is\n# no sentence\n",
    ],
    ids=["comment", "name", "f-string", "two-strings", "two-comments"],
)
def test_texts_in_python_are_read(forms_in, source):
    source = f"x = (\n    {source})\n" if "The path" in source else source
    assert len(forms_in(source, "a.py")) == 1


def test_code_is_not_read(forms_in):
    assert forms_in("x = [(a, b) for a in b]\ny = x is None\nz = told.nothing\n".replace("told", "t"), "a.py") == []
    assert forms_in("place = file.tell()\n", "a.py") == []
    assert forms_in("```python\ntold = 1\n```\n") == []


def test_line_is_that_of_the_source(checker, tmp_path):
    path = tmp_path / "a.py"
    path.write_text('"""First.\n\nIt is told in line 3.\n"""\n\n\n# and told in line 7\n')
    assert [hit.line for hit in checker.check(path)] == [3, 7]


@pytest.mark.parametrize("folder", ["airflow_provider_braze", "tests", "tools", "benchmarks", "demo"])
def test_description_in_a_docstring_starts_in_lower_case_unless_with_a_name(folder):
    names = "IANA|ISO|API|UTC|JSON|HTTP|URL|REST|KPIs|Airflow|Azure|Braze|Python|None|True|False"
    upper = re.compile(rf":(param|return|raises)[^:\n]*: (?!({names})\b)[A-Z].*")
    texts = {path: path.read_text() for path in sorted((ROOT / folder).rglob("*.py"))}
    assert [f"{path}: {match[0]}" for path, text in texts.items() for match in upper.finditer(text)] == []


def test_folder_is_read_whole(checker, tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.py").write_text("# told\n")
    (tmp_path / "b.md").write_text("told\n")
    assert len(checker.check(tmp_path)) == 2
