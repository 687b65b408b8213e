"""What a run will do, before it does it."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.calls import split_days
from airflow_provider_braze.core.endpoints import requests_per_hour
from airflow_provider_braze.core.lookback import Lookback
from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.series import Series, Source, Subject, Table
from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.fetch.outcome import MissingDays, OnError
from airflow_provider_braze.landing.layout import Layout, part_of

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

_ASSUMED_SECONDS_PER_CALL: Final = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do.

    :param window: the days.
    :param subjects: the subjects of this part.
    :param listed: the table of Braze's whole list, when the subjects came from it.
    :param tables: the tables to land.
    :param run: identity of the try: Dag, run, task, map index, try number.
    :param requests_per_minute: the connection's cap.
    :param is_lookback_from_details: whether the lookback is still to be determined from details.
    :param lookback: the lookback that details determined.
    :param planned_at: when it was made: after the list was read, before anything else is fetched.
    """

    series: Series
    window: Window
    layout: Layout
    part: int
    subjects: Sequence[Subject]
    listed: pa.Table | None
    tables: tuple[Table, ...]
    concurrency: int
    missing_days: MissingDays
    on_error: OnError
    run: dict[str, Any]
    requests_per_minute: int | None = None
    is_lookback_from_details: bool = False
    lookback: Lookback | None = None
    planned_at: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    @property
    def day_tables(self) -> tuple[Table, ...]:
        """The tables to land that have one object per day."""
        return tuple(table for table in self.tables if table.has_days)

    @property
    def spooled(self) -> tuple[Table, ...]:
        """The tables on local disk: the series' day table always, because it says which subjects were returned."""
        days = self.series.day_table
        return (days, *(table for table in self.day_tables if table != days))

    @property
    def chunks(self) -> list[Window]:
        """The days of one call per subject, newest first."""
        return split_days(self.window, self.series.max_length)

    def table_from(self, source: Source) -> Table | None:
        """Return the table to land that is made from a source, None when there is none."""
        return next((table for table in self.tables if table.source == source), None)

    @property
    def rate_limit_hours(self) -> dict[str, float]:
        """The hours of each rate limit that few endpoints share, which the days' calls use up."""
        calls_per_subject = len(self.chunks) if self.day_tables else 0
        subjects = Counter(subject.endpoint.bucket for subject in self.subjects)
        limits = {bucket: limit for bucket in subjects if (limit := requests_per_hour(bucket))}
        return {bucket: subjects[bucket] * calls_per_subject / limit for bucket, limit in limits.items()}

    def describe(self) -> dict[str, Any]:
        """Return the plan as plain values: minutes at half a second per call, disk for subjects that all send."""
        chunks = self.chunks if self.day_tables else []
        details = self.table_from("details")
        calls_per_subject = len(chunks) + (details is not None or self.lookback is not None)
        calls = len(self.subjects) * calls_per_subject
        minutes = calls * _ASSUMED_SECONDS_PER_CALL / self.concurrency / 60
        if self.requests_per_minute:
            minutes = max(minutes, calls / self.requests_per_minute)
        hours = sum(self.rate_limit_hours.values())
        if hours > 1:
            # The requests beyond the first hour's wait for the next one.
            minutes = max(minutes, 60.0 * (math.ceil(hours) - 1))
        # One chunk is landed while the next one is fetched.
        days_on_disk = sum(map(len, chunks[:2]))
        spool_bytes = days_on_disk * self.series.weight * sum(table.spool_bytes for table in self.spooled)
        spool_bytes += details.spool_bytes if details else 0
        return {
            "window": {"start": self.window.start.isoformat(), "end": self.window.end.isoformat()},
            "rule": self.window.rule,
            "timezone": self.window.timezone,
            "lookback_days": self.window.lookback_days,
            "lookback": asdict(self.lookback) if self.lookback else None,
            "days": len(self.window),
            "subjects": len(self.subjects),
            "calls": calls,
            "expected_minutes": round(minutes, 1),
            "spool_mib": round(len(self.subjects) * spool_bytes / 2**20, 1),
            "part": self.part,
            "parts": self.layout.parts,
            **({"rate_limit_hours": round(hours, 3)} if hours else {}),
        }


def listed_ids(series: Series, listed: pa.Table) -> list[str]:
    """Return the ids of a list's entries whose days are fetched.

    An entry without its flag counts: otherwise a run could succeed with nothing. Braze rejects what it does not track.

    :param listed: the table of the list; its first column holds the ids.
    """
    flag = series.listing.required_flag if series.listing else None
    ids: list[str] = listed.column(0).to_pylist()
    if flag is not None:
        flags = listed.column(flag).to_pylist()
        if unknown := flags.count(None):
            log.warning("Braze lists %s without a true or false `%s`. Fetching them too", series.count(unknown), flag)
        ids = [id_ for id_, is_on in zip(ids, flags, strict=True) if is_on is not False]
    if not ids:
        log.warning(
            "Braze lists no %s%s, so no days land. If the workspace has some, check that the API key belongs to it",
            series.plural,
            f" with `{flag}`" if flag else "",
        )
    return ids


def choose_subjects(subjects: Sequence[Subject], part: int, parts: int) -> list[Subject]:
    """Return the subjects of a part, each once, sorted by name.

    :raises BrazeConfigError: two different subjects have one name, by which records and errors know them.
    """
    mine: dict[str, Subject] = {}
    for subject in subjects:
        if part_of(subject.name, parts) != part:
            continue
        other = mine.setdefault(subject.name, subject)
        if other.key != subject.key:
            raise BrazeConfigError(
                f"{other.key!r} and {subject.key!r} are both named {subject.name!r} in records, so one run cannot land "
                "both. Leave one out, or land it in a destination of its own."
            )
    return [mine[name] for name in sorted(mine)]
