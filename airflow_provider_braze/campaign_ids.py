"""Campaign ids as users and templates write them."""

from __future__ import annotations

import ast
from typing import Any

from airflow_provider_braze.exceptions import BrazeConfigError


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
