"""The coverage of a destination: read, and written beside the data."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.coverage.earlier import write_earlier
from airflow_provider_braze.coverage.model import build_coverage
from airflow_provider_braze.coverage.page import render_page
from airflow_provider_braze.coverage.reader import read_evidence
from airflow_provider_braze.landing.store import ANY_VERSION

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_braze.landing.store import Store

PAGE: Final = "_braze/coverage/index.html"
DOCUMENT: Final = "_braze/coverage/coverage.json"


def read_coverage(store: Store, series: Collection[str] | None, now: datetime) -> dict[str, Any]:
    """Return the coverage of a destination in plain values.

    :param series: names of the series. Default: every series that has landed.
    :raises BrazeConfigError: nothing has landed there, or a named series has not.
    :raises BrazeDataError: a record is broken.
    """
    return build_coverage(store.uri, read_evidence(store, series, now), now)


def write_coverage(store: Store, coverage: Mapping[str, Any]) -> None:
    """Write the page and the document below the destination, and each series' result for the next check."""
    for series, found in coverage["series"].items():
        write_earlier(store, series, found)
    document = json.dumps(coverage, indent=1, ensure_ascii=True) + "\n"
    for name, content in ((DOCUMENT, document), (PAGE, render_page(coverage))):
        store.write(name, content.encode(), ANY_VERSION)
