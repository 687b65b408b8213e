"""Checks of operators' arguments. Those that need no rendering fail when the Dag is parsed."""

from __future__ import annotations

import ast
from collections.abc import Collection
from datetime import date, timedelta
from typing import Any, Final, Literal, get_args

from airflow_provider_braze.core.bounds import is_given, is_template, read_bound
from airflow_provider_braze.core.lookback import MAX_LOOKBACK_DAYS
from airflow_provider_braze.core.series import Series
from airflow_provider_braze.core.windows import given_days
from airflow_provider_braze.core.zones import UTC, load_company_timezone
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.fetch.outcome import MissingDays, OnError
from airflow_provider_braze.landing.formats import FORMATS, check_format
from airflow_provider_braze.series import find_series

MAX_CONCURRENCY: Final = 256
MAX_PARTS: Final = 1000


def check_range(name: str, value: object, lowest: int, highest: int, *, or_text: str | None = None) -> None:
    """Check that an argument is a whole number from ``lowest`` to ``highest``.

    :param or_text: text that is accepted too.
    :raises BrazeConfigError: with the argument's name, its value and the range.
    """
    if isinstance(value, str) and value == or_text:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        choice = f", or {or_text!r}" if or_text else ""
        raise BrazeConfigError(f"`{name}` is {value!r}. Give a whole number, {lowest} to {highest}{choice}.")


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Check that an argument is one of the choices.

    :raises BrazeConfigError: with the argument's name, its value and the choices.
    """
    if value not in choices:
        raise BrazeConfigError(f"`{name}` has the unknown value {value!r}. Use one of: {', '.join(choices)}.")


def check_series(names: object) -> None:
    """Check that an argument is a list of names of series.

    :raises BrazeConfigError: it is something else, or empty, or there is no such series.
    """
    if not isinstance(names, list | tuple | set | frozenset) or not names:
        raise BrazeConfigError(f'`series` is {names!r}. Give a list of names, such as ["campaigns"], or omit it.')
    for name in names:
        find_series(name)


def check_dates(start: object, end: object, timezone: object = None) -> None:
    """Check the dates of an operator before rendering, as far as they are literals.

    Templates and other tasks' results are checked when the task runs.

    :param timezone: IANA name. Without it the connection's zone is still unknown.
    :raises BrazeConfigError: a literal is not a date, one of both is missing, or ``start`` is not before ``end``.
    """
    zone = load_company_timezone(str(timezone)) if _is_literal(timezone) and is_given(timezone) else None
    bounds = {"start": start, "end": end}
    literals = {name: value for name, value in bounds.items() if _is_literal(value)}
    has_offset = {
        getattr(read_bound(name, value), "tzinfo", None) is not None
        for name, value in literals.items()
        if is_given(value)
    }
    # Only a zone can order a naive date and one with an offset.
    if len(literals) == 2 and (zone or len(has_offset) < 2):
        given_days(start, end, zone or UTC)


def _is_literal(value: object) -> bool:
    if isinstance(value, str):
        return not is_template(value)
    return value is None or isinstance(value, date | timedelta | int | float)


def read_ids(name: str, value: Any, *, is_free_text: bool = False) -> list[str] | None:
    """Return the ids of a rendered argument.

    :param name: name of the argument, for errors.
    :param value: list of ids, one id, or the text of a list or tuple, which is how a template renders one.
    :param is_free_text: whether values may hold commas and outer spaces, as names of custom events do. Default False.
    :return: the ids in the given order, each once. None if the argument is None.
    :raises BrazeConfigError: the value is none of these, such as the text ``None`` of a missing XCom.
    """
    if value is None:
        return None
    if isinstance(value, str) and not is_given(value):
        raise BrazeConfigError(
            f"`{name}` was given, but rendered to {value!r}. Check the task that it comes from, or omit the argument."
        )
    value = _parse_list(value, _unusable_ids(name, value))
    ids = [value] if isinstance(value, str) else value
    # An XCom of mapped tasks is not a list, so anything that can be iterated counts as one.
    if isinstance(ids, dict | bytes) or not hasattr(ids, "__iter__"):
        raise _unusable_ids(name, value)
    ids = list(ids)
    if not all(isinstance(id_, str) and id_.strip() for id_ in ids):
        raise _unusable_ids(name, value)
    if is_free_text:
        return list(dict.fromkeys(ids))
    if joined := next((id_ for id_ in ids if "," in id_), None):
        raise BrazeConfigError(
            f"`{name}` has {_cut(joined)}, which is several ids in one text. Give a list of ids, one text each."
        )
    return list(dict.fromkeys(id_.strip() for id_ in ids))


def read_optional_ids(name: str, value: Any) -> list[str | None]:
    """Return the ids of a rendered argument in which None is a value of its own.

    :raises BrazeConfigError: see :func:`read_ids`.
    """
    if value is None:
        return [None]
    value = _parse_list(value, _unusable_ids(name, value))
    if isinstance(value, str | dict | bytes) or not hasattr(value, "__iter__"):
        return [*(read_ids(name, value) or [])]
    found = list(value)
    ids = read_ids(name, [each for each in found if each is not None]) or []
    return [None, *ids] if None in found else [*ids]


def read_pairs(name: str, value: Any) -> list[tuple[str, str]]:
    """Return the pairs of a rendered argument, each once.

    :raises BrazeConfigError: the value is not a list of pairs of texts.
    """
    unusable = BrazeConfigError(f"`{name}` is {_cut(value)}. Give a list of pairs: campaign id and send id.")
    value = _parse_list(value, unusable)
    try:
        pairs = [() if isinstance(pair, str) else tuple(pair) for pair in value]
    except TypeError:
        raise unusable from None
    if isinstance(value, str) or not all(
        len(pair) == 2 and all(isinstance(each, str) and each.strip() for each in pair) for pair in pairs
    ):
        raise unusable
    return list(dict.fromkeys((first.strip(), second.strip()) for first, second in pairs))


def check_choices(name: str, values: object, choices: Collection[str]) -> None:
    """Check that an argument is a list of some of the choices.

    :raises BrazeConfigError: with the argument's name, its value and the choices.
    """
    if isinstance(values, str) or not isinstance(values, Collection) or not values:
        raise BrazeConfigError(f"`{name}` is {values!r}. Give a list of {', '.join(choices)}.")
    for value in values:
        check_choice(name, value, choices)


def _parse_list(value: Any, unusable: BrazeConfigError) -> Any:
    """Parse the text of a list or tuple. Return anything else as it is."""
    if not isinstance(value, str) or not value.strip().startswith(("[", "(")):
        return value
    # A rendered list has Python's quotes, one from JSON has JSON's. Both are Python literals.
    try:
        return ast.literal_eval(value.strip())
    except (ValueError, SyntaxError):
        raise unusable from None


def _unusable_ids(name: str, value: Any) -> BrazeConfigError:
    return BrazeConfigError(f"`{name}` is {_cut(value)}. Give one id, or a list of ids.")


def _cut(value: Any) -> str:
    return repr(value)[:200]


def check_arguments(
    series: Series,
    *,
    parts: int,
    part: int | None,
    tables: Collection[str],
    file_format: str,
    concurrency: int,
    lookback_days: int | Literal["auto"],
    missing_days: str,
    on_error: str,
    on_error_name: str = "on_error",
) -> None:
    """Check the landing arguments that need no rendering.

    :param on_error_name: name of the argument that gives ``on_error``. Default ``on_error``.
    :raises BrazeConfigError: with the argument's name, its value and what to give.
    """
    _check_parts(parts, part)
    check_range("concurrency", concurrency, 1, MAX_CONCURRENCY)
    has_windows = series.details is not None and series.details.has_conversion_windows
    check_range("lookback_days", lookback_days, 0, MAX_LOOKBACK_DAYS, or_text="auto" if has_windows else None)
    check_choice("file_format", file_format, FORMATS)
    check_choice("missing_days", missing_days, get_args(MissingDays))
    check_choice(on_error_name, on_error, get_args(OnError))
    check_choices("tables", tables, series.table_names)
    check_format(file_format, [table for table in series.tables if table.name in tables])


def _check_parts(parts: int, part: int | None) -> None:
    check_range("parts", parts, 1, MAX_PARTS)
    if part is None and parts > 1:
        raise BrazeConfigError(
            f"`parts` is {parts} but `part` is not given. Use .partial(parts={parts}, ...)"
            f".expand(part=list(range({parts})))."
        )
    if parts == 1 and part not in (None, 0):
        raise BrazeConfigError(
            f"`part` is {part!r} but `parts` is not given. Give the number of parts too: "
            ".partial(parts=16, ...).expand(part=list(range(16)))."
        )
    check_range("part", 0 if part is None else part, 0, parts - 1)
