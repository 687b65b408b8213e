"""Endpoints: path, permission, rate-limit bucket, limits and list parameters, with the source of each fact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from airflow_provider_braze.exceptions import BrazeConfigError

DEFAULT_BUCKET: Final = "default"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of the Braze REST API.

    :param path: the path; it is the same in every language of Braze's documentation (its German and French pages
        translate it by mistake).
    :param records: key of the response that holds the records; empty when the response is one object.
    """

    path: str
    records: str = "data"

    @property
    def permission(self) -> str:
        """The permission that the REST API key needs, such as ``campaigns.list``.

        Source: Braze docs, API key permissions (seen 2026-09).
        """
        return self.path.strip("/").replace("/", ".")

    @property
    def bucket(self) -> str:
        """Name of the rate limit that calls count against."""
        return bucket_of(self.path)


# 50,000 requests a minute, a limit of its own; ``length`` is 1 to 100 days; one campaign a call, no paging.
# Source: Braze docs, Export campaign analytics and API rate limits (seen 2026-09).
CAMPAIGNS_DATA_SERIES: Final = Endpoint("/campaigns/data_series")

# 250,000 requests an hour, shared with most endpoints; 100 campaigns a page, the first page is 0, no total.
# Source: Braze docs, Export campaigns list and API rate limits (seen 2026-09).
CAMPAIGNS_LIST: Final = Endpoint("/campaigns/list", records="campaigns")

# The response is one object, its fields beside ``message``; limit as for the list.
# Source: Braze docs, Export campaign details (seen 2026-09).
CAMPAIGNS_DETAILS: Final = Endpoint("/campaigns/details", records="")

_BUCKETS: Final[Mapping[str, str]] = {
    CAMPAIGNS_DATA_SERIES.path: "campaigns.data_series",
    # 1,000 an hour, shared by these. Source: Braze docs, API rate limits (seen 2026-09).
    "/custom_attributes": "events",
    "/events": "events",
    "/events/list": "events",
    "/purchases/product_list": "events",
    "/purchases/quantity_series": "events",
    "/purchases/revenue_series": "events",
    # 50 a minute. Source: as above.
    "/cdi/integrations": "cdi.integrations",
}


_PER_HOUR: Final[Mapping[str, int]] = {"events": 1_000}
"""Requests an hour of the rate limits that a run may use up. Source: as above."""


def requests_per_hour(bucket: str) -> int | None:
    """Return the hourly requests of a rate limit that a run may use up, None for the others."""
    return _PER_HOUR.get(bucket)


def bucket_of(path: str) -> str:
    """Return the name of the rate limit that calls of a path count against."""
    if path.startswith("/cdi/integrations/"):
        # 100 a minute, for the status of an integration's jobs. Source: Braze docs, API rate limits (seen 2026-09).
        return "cdi.job_sync_status"
    return _BUCKETS.get(path, DEFAULT_BUCKET)


MAX_BODY_BYTES: Final = 16 * 2**20
"""Most bytes of a response, decompressed. 100 days of a campaign have far less."""

_LARGER_BODIES: Final[Mapping[str, int]] = {
    # 3.4 MB for 40 steps were seen in the notes of a public integration (seen 2026-11).
    "/canvas/details": 64 * 2**20,
}


def max_body_bytes(path: str) -> int:
    """Return the most bytes that a response of a path may have, decompressed."""
    return _LARGER_BODIES.get(path, MAX_BODY_BYTES)


def check_path(path: str) -> str:
    """Check that `path` is an absolute API path. Anything else could change the target host.

    :raises BrazeConfigError: it does not start with ``/``, or has a host, a query or a fragment.
    """
    if not path.startswith("/") or path.startswith("//") or "?" in path or "#" in path:
        raise BrazeConfigError(
            f"The path {path[:200]!r} cannot be called. Give a path that starts with a slash, such as "
            "'/campaigns/list'. Parameters go into `params`."
        )
    return path


def list_params(
    page: int, *, include_archived: bool, edited_after: datetime | None = None, newest_first: bool = False
) -> dict[str, str]:
    """Return the parameters of a list's page. Oldest first, so that new entries come last.

    :param page: zero-based.
    :param include_archived: sent as the text ``true`` or ``false``.
    :param edited_after: aware; only entries edited (not sent) after it.
    :param newest_first: by time of creation.
    :return: text by parameter. Source: Braze docs, Export campaigns list (seen 2026-09).
    """
    params = {
        "page": str(page),
        "include_archived": "true" if include_archived else "false",
        "sort_direction": "desc" if newest_first else "asc",
    }
    if edited_after is not None:
        params["last_edit.time[gt]"] = edited_after.isoformat(timespec="seconds")
    return params
