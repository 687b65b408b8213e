"""Checks of operators' arguments that need no rendering: a mistake shows when the Dag is parsed."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Any, Final, Literal, get_args

from airflow_provider_braze.core.lookback import MAX_LOOKBACK_DAYS
from airflow_provider_braze.core.series import Series
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.fetch.outcome import MissingDays, OnError
from airflow_provider_braze.landing.layout import FileFormat

MAX_CONCURRENCY: Final = 256
MAX_PARTS: Final = 1000


def check_range(name: str, value: object, lowest: int, highest: int, *, or_text: str | None = None) -> None:
    """Refuse what is no whole number from ``lowest`` to ``highest``.

    :param or_text: a text that is good, too.
    :raises BrazeConfigError: naming the argument, the value seen and what to give.
    """
    if isinstance(value, str) and value == or_text:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        choice = f", or {or_text!r}" if or_text else ""
        raise BrazeConfigError(f"`{name}` is {value!r}. Give a whole number, {lowest} to {highest}{choice}.")


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Refuse what is none of the choices.

    :raises BrazeConfigError: naming the argument, the value seen and the choices.
    """
    if value not in choices:
        raise BrazeConfigError(f"`{name}` has {value!r}. Known are: {', '.join(choices)}.")


def read_campaign_ids(value: Any) -> list[str] | None:
    """Read the argument ``campaign_ids`` after rendering.

    :param value: a list of ids, one id, or the text of a list or tuple, which is what a template makes of one.
    :return: the ids, each once, in the given order; None when not given.
    :raises BrazeConfigError: it is none of these, such as what a template makes of an XCom that is not there.
    """
    if value is None:
        return None
    if isinstance(value, str) and value.strip() in {"", "None"}:
        raise BrazeConfigError(
            f"`campaign_ids` was given, but rendered to {value!r}. Check the task that it comes from, or leave the "
            "argument out to take all campaigns."
        )
    if isinstance(value, str) and value.strip().startswith(("[", "(")):
        value = _parse_list(value)
    ids = [value] if isinstance(value, str) else value
    # An XCom of mapped tasks is a sequence of its own kind, so anything that can be iterated counts as a list.
    if isinstance(ids, dict | bytes) or not hasattr(ids, "__iter__"):
        raise _unusable(value)
    ids = list(ids)
    if not all(isinstance(campaign_id, str) and campaign_id.strip() for campaign_id in ids):
        raise _unusable(value)
    return list(dict.fromkeys(campaign_id.strip() for campaign_id in ids))


def _parse_list(text: str) -> Any:
    # A rendered list has Python's quotes, one from JSON has JSON's; both are Python literals.
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        raise _unusable(text) from None


def _unusable(value: Any) -> BrazeConfigError:
    return BrazeConfigError(f"`campaign_ids` is {repr(value)[:200]}. Give one campaign id, or a list of them.")


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
    """Check the landing arguments that need no rendering, so that a mistake shows when the Dag is parsed.

    :param on_error_name: the name of that argument.
    :raises BrazeConfigError: naming the argument, the value seen and what to give.
    """
    check_range("parts", parts, 1, MAX_PARTS)
    if part is None and parts > 1:
        raise BrazeConfigError(
            f"`parts` is {parts} but `part` is not given. Use .partial(parts={parts}, ...)"
            f".expand(part=list(range({parts})))."
        )
    check_range("part", 0 if part is None else part, 0, parts - 1)
    check_range("concurrency", concurrency, 1, MAX_CONCURRENCY)
    has_windows = series.details is not None and series.details.has_conversion_windows
    check_range("lookback_days", lookback_days, 0, MAX_LOOKBACK_DAYS, or_text="auto" if has_windows else None)
    check_choice("file_format", file_format, get_args(FileFormat))
    check_choice("missing_days", missing_days, get_args(MissingDays))
    check_choice(on_error_name, on_error, get_args(OnError))
    if isinstance(tables, str) or not isinstance(tables, Collection) or not tables:
        raise BrazeConfigError(f"`tables` is {tables!r}. Give a list of {', '.join(series.table_names)}.")
    for name in tables:
        check_choice("tables", name, series.table_names)
