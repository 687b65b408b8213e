"""The messages that the package can raise, read from its source. Values are replaced by ``…``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import airflow_provider_braze

PACKAGE = Path(airflow_provider_braze.__file__).parent
FILLED_IN = "…"
# Programming errors of the package, and settings of the sandbox. Users of the operators never see these messages.
_NOT_FOR_USERS = ("ValueError", "EOFError", "AttributeError", "ImportError", "RuntimeError", "TypeError")


def sources() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if "sandbox" not in path.relative_to(PACKAGE).parts]


@cache
def trees() -> list[ast.Module]:
    """Return the syntax tree of each source."""
    return [ast.parse(path.read_text("utf-8")) for path in sources()]


@cache
def raised_messages() -> set[tuple[str, str]]:
    """Return the messages of raised errors, each with the name of its class."""
    found = (each for tree in trees() for each in _raised(tree))
    return {(name, _squeeze(text)) for name, text in found}


@cache
def all_texts() -> set[str]:
    """Return all texts of the source, which include the parts of composed messages."""
    nodes = (node for tree in trees() for node in ast.walk(tree))
    return {_squeeze(text) for node in nodes if (text := _template(node)) is not None}


def _raised(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        name = _name_of(node.func) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and name.endswith(("Error", "Exception")) and name not in _NOT_FOR_USERS:
            for argument in node.args[:2]:
                if (text := _template(argument)) is not None and " " in text:
                    yield name, text


def _name_of(function: ast.expr) -> str:
    name: str = getattr(function, "id", getattr(function, "attr", ""))
    return name


def _template(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        # Placeholders of the log.
        return re.sub(r"%(\.\d)?[dfrs]", FILLED_IN, node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else FILLED_IN for part in node.values)
    return None


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
