"""Reading a list of subjects: what a page must contain, and how no entry is lost while pages move."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.models import JsonObject
from airflow_provider_braze.exceptions import BrazeDataError

MOST_READINGS: Final = 6
"""Most readings of a list while entries keep leaving it. Two are enough when none leaves."""

MOST_PAGES: Final = 2_500
"""Most pages of a list: 250,000 campaigns."""

Entry = Any
"""An object, or a string that is its own id."""


def entries_of(response: JsonObject, endpoint: Endpoint, page: int, id_key: str | None = "id") -> list[Entry]:
    """Return the entries of one page of a list.

    :param endpoint: endpoint of the list; its ``records`` is the key of the entries.
    :param page: number of the page, for the error.
    :param id_key: key of an entry's id; None when entries are strings. Default ``id``.
    :return: entries as Braze sent them. An object may lack every key except its id.
    :raises BrazeDataError: the list, or the id of an entry, is missing.
    """
    entries = response.get(endpoint.records)
    if not isinstance(entries, list):
        raise BrazeDataError(f"{endpoint.path} returned no list {endpoint.records!r}.", f"$.{endpoint.records}")
    for i, entry in enumerate(entries):
        id_ = _id_of(entry, id_key)
        if not isinstance(id_, str) or not id_:
            raise BrazeDataError(
                f"{endpoint.path} returned an entry without an id on page {page}.", f"$.{endpoint.records}[{i}]"
            )
    return entries


def read_until_stable(
    read_pages: Callable[[int], Iterable[list[Entry]]],
    endpoint: Endpoint,
    id_key: str | None = "id",
    least_pages: int = 1,
) -> Iterator[Entry]:
    """Yield the entries of all pages, each id once. No entry is lost that stays in the list.

    Pages are cut by position. When an entry leaves the list, all later ones move up, and the first one of the next
    page appears on neither page. That happens only after an entry that was read has left. So the list is read page
    by page and then again, until the second reading contains all entries of the first: then the first lost nothing,
    and the second adds what is new. This costs twice the pages. Only the first reading must go page by page.

    :param read_pages: yields page after page without end. Its argument is the number of pages in the reading before,
        which may be read concurrently.
    :param endpoint: endpoint of the list, for the errors.
    :param id_key: as for :func:`entries_of`.
    :param least_pages: number of pages to read before one without new entries is the end. Default 1.
    :raises BrazeDataError: the list keeps changing, or does not end.
    """
    before: frozenset[str] | None = None
    pages = 0
    for _ in range(MOST_READINGS):
        entries, pages = _read_once(read_pages(pages), endpoint, id_key, least_pages)
        if before is None:
            before = frozenset(entries)
        elif before <= entries.keys():
            yield from entries.values()
            return
        else:
            # Start over: pages that were read concurrently do not show which entries left before they were read.
            before, pages = None, 0
        # Two whole lists of a large workspace would take much memory.
        del entries
    raise BrazeDataError(
        f"{endpoint.path} was read {MOST_READINGS} times, and entries left the list each time, so others may have been "
        "skipped. Run the task again.",
        f"$.{endpoint.records}",
    )


def _read_once(
    pages: Iterable[list[Entry]], endpoint: Endpoint, id_key: str | None, least_pages: int
) -> tuple[dict[str, Entry], int]:
    """Read the list once.

    :return: entries by id, and the number of pages.
    """
    listed: dict[str, Entry] = {}
    for count, entries in enumerate(islice(pages, MOST_PAGES), 1):
        new = {id_: entry for entry in entries if (id_ := _id_of(entry, id_key)) not in listed}
        # A page without new entries is the end, or comes from a server that ignores `page`.
        if not new and count >= least_pages:
            return listed, count
        listed.update(new)
    raise BrazeDataError(
        f"{endpoint.path} did not end after {MOST_PAGES:,} pages ({len(listed):,} entries). "
        "Check the connection's host, or give the ids to land.",
        f"$.{endpoint.records}",
    )


def _id_of(entry: Entry, id_key: str | None) -> Any:
    if id_key is None:
        return entry
    return entry.get(id_key) if isinstance(entry, dict) else None
