"""Read the list of campaigns: what a page must hold, and how none is lost while pages move."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from airflow_provider_braze.core.endpoints import CAMPAIGNS_LIST
from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.exceptions import BrazeDataError

MOST_READINGS: Final = 6
"""Times that the list is read at most, when campaigns leave it meanwhile; two if none does."""


def entries_of(answer: JsonObject, page: int) -> list[JsonObject]:
    """Give the campaigns of a page of ``/campaigns/list``.

    :return: entries ``{id, name, is_api_campaign, last_edited, tags}``; all but ``id`` may be missing.
    :raises BrazeDataError: there is no list, or an entry without an id.
    """
    records = CAMPAIGNS_LIST.records
    entries = answer.get(records)
    if not isinstance(entries, list):
        raise BrazeDataError(f"{CAMPAIGNS_LIST.path} answered without a list {records!r}.", f"$.{records}")
    for i, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not entry["id"]:
            raise BrazeDataError(
                f"{CAMPAIGNS_LIST.path} answered on page {page} with a campaign without an id.", f"$.{records}[{i}]"
            )
    return entries


def read_until_stable(read_pages: Callable[[int], Iterable[list[JsonObject]]]) -> Iterator[JsonObject]:
    """Give the campaigns of all pages, each id once; none is lost that is listed all the while.

    Pages are cut by position. When a campaign leaves the list, all that follow it move up, and the first one of
    the page that is read next comes on neither page. That happens only behind a campaign that was read before it
    left. So the list is read page by page and then again, until the second reading holds all that the first one
    held: then nothing was lost in the first one, and what is new since comes too. It costs twice the pages, one
    request a hundred campaigns; only the first reading has to be page by page.

    :param read_pages: gives page after page without end; its argument tells how many there were in the reading before,
        which may be read at once.
    :raises BrazeDataError: the list keeps changing.
    """
    before: frozenset[str] | None = None
    pages = 0
    for _ in range(MOST_READINGS):
        entries, pages = _read_once(read_pages(pages))
        if before is None:
            before = frozenset(entries)
        elif before <= entries.keys():
            yield from entries.values()
            return
        else:
            # Begin anew: of pages read at once nobody knows which campaigns left before they were read.
            before, pages = None, 0
        # Two whole lists of a large workspace would be much to hold.
        del entries
    raise BrazeDataError(
        f"{CAMPAIGNS_LIST.path} was read {MOST_READINGS} times, and each time campaigns were gone that had been "
        "listed before, so others may have been passed over. Run the task again.",
        f"$.{CAMPAIGNS_LIST.records}",
    )


def _read_once(pages: Iterable[list[JsonObject]]) -> tuple[dict[str, JsonObject], int]:
    """Read the list once.

    :return: entries by id, and how many pages were read.
    """
    listed: dict[str, JsonObject] = {}
    count = 0
    for entries in pages:  # pragma: no branch - it has no end of its own
        count += 1
        fresh = {entry["id"]: entry for entry in entries if entry["id"] not in listed}
        if not fresh:
            # The end; or a server that ignores `page` and would be read for ever.
            break
        listed.update(fresh)
    return listed, count
