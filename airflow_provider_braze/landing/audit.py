"""Ask Braze again for days older than the lookback, and compare them with the lake.

A run never fetches these days again. So if Braze still changes them, only an audit can see it.
"""

from __future__ import annotations

import hashlib
import heapq
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import chain, compress, groupby, product
from typing import TYPE_CHECKING, Any

from airflow_provider_braze.core.models import Window
from airflow_provider_braze.core.responses import is_permanent
from airflow_provider_braze.core.series import Series, Table
from airflow_provider_braze.core.windows import format_days
from airflow_provider_braze.core.zones import ONE_DAY
from airflow_provider_braze.exceptions import BrazeConfigError, BrazePartialError
from airflow_provider_braze.fetch.outcome import format_failures
from airflow_provider_braze.fetch.subjects import Failed, fetch_all, fetch_subject
from airflow_provider_braze.landing.comparison import Comparison, Row, build_verdict, format_differences
from airflow_provider_braze.landing.formats import decode
from airflow_provider_braze.landing.journal import Journal, TryName
from airflow_provider_braze.landing.layout import Layout, part_of, read_layout, validate_layout
from airflow_provider_braze.landing.log import with_progress
from airflow_provider_braze.landing.memory import load_arrow
from airflow_provider_braze.landing.plan import Plan
from airflow_provider_braze.landing.run import Landed, land

if TYPE_CHECKING:
    import pyarrow as pa

    from airflow_provider_braze.core.series import Subject, SubjectDays
    from airflow_provider_braze.exceptions import BrazeError
    from airflow_provider_braze.hooks.braze import BrazeHook
    from airflow_provider_braze.landing.store import Store

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Sample:
    """The landed rows of a sample of subjects.

    :param rows: by subject, then by table. A table without rows of the subject is absent.
    :param lacking: by part and table, the days for which the lake has an object, and the columns that it lacks.
    """

    rows: dict[str, dict[str, pa.Table]] = field(default_factory=lambda: defaultdict(dict))
    lacking: dict[int, dict[str, dict[date, frozenset[str]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )

    def rows_of(self, name: str) -> Mapping[str, list[Row]]:
        """Return the rows of one subject, by table."""
        return defaultdict(list, {table: rows.to_pylist() for table, rows in self.rows[name].items()})


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of an audit.

    :param window: the audited days.
    :param lookback_days: lookback of the task that lands.
    :param failures: errors of the subjects that Braze did not return.
    """

    comparison: Comparison
    window: Window
    lookback_days: int
    sample: Sample
    failures: Mapping[str, BrazeError]

    @property
    def verdict(self) -> str:
        """Whether the lookback is long enough, in one line."""
        oldest = (self.comparison.last_day - self.window.start).days
        return build_verdict(self.comparison, self.lookback_days, oldest)

    def lines(self) -> Iterator[str]:
        """Format the result as log lines."""
        comparison, series = self.comparison, self.comparison.series
        yield (
            f"Compared {comparison.compared} days of {series.count(len(self.sample.rows))} "
            f"({format_days(self.window)}): {comparison.changed_days} differ"
        )
        yield from format_differences(comparison)
        for count, why in ((comparison.not_landed, "not in the lake"), (comparison.not_returned, "no longer returned")):
            if count:
                yield f"Not compared: {count} {series.noun} days that are {why}"
        if self.failures:
            failed = series.count(len(self.failures))
            yield f"Not compared: {failed} that Braze did not return: {format_failures(dict(self.failures))}"
        yield f"Verdict: {self.verdict}"

    def describe(self) -> dict[str, Any]:
        """Return the result as plain values, for XCom."""
        comparison = self.comparison
        return {
            "verdict": self.verdict,
            "window": {"start": self.window.start.isoformat(), "end": self.window.end.isoformat()},
            "timezone": self.window.timezone,
            "lookback_days": self.lookback_days,
            comparison.series.name: len(self.sample.rows),
            "compared": comparison.compared,
            "changed": comparison.changed_days,
            "changed_share": round(comparison.changed_share, 6),
            "figures": {".".join(cell): self._describe_figure(cell) for cell in comparison.figures()},
            "not_compared": {
                "not_landed": comparison.not_landed,
                "not_returned": comparison.not_returned,
                "failed": sorted(self.failures),
            },
        }

    def _describe_figure(self, cell: tuple[str, str]) -> dict[str, Any]:
        found = self.comparison.differences[cell]
        return {
            "share": round(self.comparison.share(cell), 6),
            "rows_by_age": {str(age): found[age].rows for age in sorted(found)},
            "landed": sum(each.landed for each in found.values()),
            "returned": sum(each.returned for each in found.values()),
        }


def require_layout(store: Store, series: Series, host: str, timezone: str) -> Layout:
    """Return a destination's layout, if rows of this host and time zone can be compared with it.

    :raises BrazeConfigError: nothing has landed there, or from another host or in another time zone.
    """
    found = read_layout(store, series.name)
    if found is None:
        raise BrazeConfigError(
            f"No {series.plural} have landed at {store.uri}, so there is nothing to audit. Correct `destination`, or "
            "run the task that lands them first."
        )
    layout = replace(found, host=host, timezone=timezone)
    validate_layout(store, layout)
    return layout


def audit(
    series: Series,
    hook: BrazeHook,
    store: Store,
    layout: Layout,
    last_day: date,
    *,
    lookback_days: int,
    days_beyond_lookback: int,
    sample: int,
    concurrency: int,
) -> Audit:
    """Compare a sample of subjects with Braze, on the days just older than the lookback.

    :param layout: the destination's.
    :param last_day: the day of age 0.
    :param sample: number of subjects. The same subjects each time, chosen by a hash of their names.
    :raises BrazePartialError: Braze returned none of them.
    """
    load_arrow()
    end = last_day - lookback_days * ONE_DAY
    window = Window(end - days_beyond_lookback * ONE_DAY, end, layout.timezone)
    landed = read_sample(series, store, layout, window, sample)
    comparison = Comparison(series, last_day)
    failures: dict[str, BrazeError] = {}
    subjects = [series.subject(name) for name in sorted(landed.rows)]
    for item in _fetch(series, subjects, window, hook, concurrency):
        if isinstance(item, Failed):
            failures[item.subject.name] = item.error
        else:
            name, rows = item
            comparison.add(name, landed.rows_of(name), rows, landed.lacking[part_of(name, layout.parts)])
    if failures and len(failures) == len(subjects):
        raise BrazePartialError(
            f"Nothing can be compared: no {series.noun} of the sample was returned: {format_failures(failures)}",
            {name: f"{type(error).__name__}: {error}" for name, error in failures.items()},
            all(map(is_permanent, failures.values())),
        )
    return Audit(comparison, window, lookback_days, landed, failures)


def read_sample(series: Series, store: Store, layout: Layout, window: Window, size: int) -> Sample:
    """Read the landed rows of the subjects whose hashes are lowest.

    The subjects are found while the objects are read. A subject of the final sample is among the lowest from its first
    day on, so no row of it is missed.
    """
    sample, names = Sample(), set[str]()
    first, *others = _figure_tables(series)
    key = series.keys[0]
    landed = []
    for rows in _read_days(store, layout, first, window, range(layout.parts), sample):
        known = names.union(rows.column(key).drop_null().to_pylist())
        names = set(heapq.nsmallest(size, known, key=_rank))
        landed.append(_rows_of(rows, key, names))
    _add_rows(sample, first, key, [_rows_of(rows, key, names) for rows in landed])
    parts = sorted({part_of(name, layout.parts) for name in names})
    for table in others:
        read = _read_days(store, layout, table, window, parts, sample)
        _add_rows(sample, table, key, [_rows_of(rows, key, names) for rows in read])
    return sample


def heal(
    found: Audit,
    hook: BrazeHook,
    store: Store,
    layout: Layout,
    run: dict[str, Any],
    concurrency: int,
    failure: Exception | None,
) -> list[Landed]:
    """Land the subjects and days that differ, as any landing task does: with a record per part and span of days.

    Days and tables that have not landed stay so: they would hold the sample's subjects alone.

    :param run: identity of the try.
    :param failure: what the task fails with although all of it lands.
    :return: what was landed. An error that ended a run early is in the last one.
    """
    series, changed = found.comparison.series, found.comparison.changed
    if not changed:
        return []
    objects = {table: set(store.find(table.name)) for table in series.tables if table.has_days}
    landed = []
    for part in range(layout.parts):
        names = sorted(name for name in changed if part_of(name, layout.parts) == part)

        def tables_of(day: date, part: int = part) -> tuple[Table, ...]:
            held = (layout.day_object(table.name, day, part).partition("/")[2] in objects[table] for table in objects)
            return tuple(compress(objects, held))

        for tables, span in groupby(found.window, tables_of):
            days = set(span)
            mine = [name for name in names if not days.isdisjoint(changed[name])]
            if not mine or not tables:
                continue
            different = sorted(days.intersection(chain.from_iterable(changed[name] for name in mine)))
            plan = Plan(
                series=series,
                window=Window(different[0], different[-1] + ONE_DAY, layout.timezone),
                layout=layout,
                part=part,
                subjects=[series.subject(name) for name in mine],
                listed=None,
                tables=tables,
                concurrency=concurrency,
                missing_days="ignore",
                on_error="fail",
                run=run,
            )
            landed.append(land(plan, hook, store, failure=failure))
            if not landed[-1].record["is_complete"]:
                # It has stopped the hook. The next run would fail because of that, and hide the error.
                return landed
    return landed


def healed_before(store: Store, series: Series, run: Mapping[str, Any]) -> list[Landed]:
    """Return what earlier tries of the same run landed, oldest first: Airflow may not know of their success."""
    if run["try_number"] <= 1:
        return []
    journal, own = Journal(store, series.name), TryName.create(0, run)
    names = [name for name in journal.names() if name.is_of_same_run(own)]
    tries = [other for name in names if (other := journal.read(name))]
    return [
        Landed({**other.record, "changed_days": other.days}, store.uri_of(journal.path(other.name)), None)
        for other in tries
    ]


def _fetch(
    series: Series, subjects: Sequence[Subject], window: Window, hook: BrazeHook, concurrency: int
) -> Iterator[Failed | tuple[str, Mapping[str, list[Row]]]]:
    """Fetch subjects and yield the rows of each, by table."""
    decoder, tables = series.load_decoder(series), _figure_tables(series)

    def fetch(subject: Subject) -> SubjectDays:
        return fetch_subject(hook, series, decoder, window, subject, keep_payload=False)

    with closing(fetch_all(subjects, fetch, concurrency=concurrency, stop=hook.stop)) as fetched:
        endpoint = series.endpoints[0]
        for item in with_progress(fetched, series, len(subjects), format_days(window), hook, endpoint):
            if isinstance(item, Failed):
                yield item
            else:
                built = decoder.build([item.result], tables)
                yield item.subject.name, {name: rows.to_pylist() for name, rows in built.items()}


def _read_days(
    store: Store, layout: Layout, table: Table, days: Iterable[date], parts: Sequence[int], sample: Sample
) -> Iterator[pa.Table]:
    """Yield the rows of each object that the lake has, and note in the sample what the object lacks."""
    from airflow_provider_braze.tables.schemas import schema_of

    for day, part in product(days, parts):
        name = layout.day_object(table.name, day, part)
        stored = store.read(name)
        if stored is not None:
            found = decode(stored.content, schema_of(table), layout.file_format, store.uri_of(name))
            sample.lacking[part][table.name][day] = found.missing
            yield found.rows


def _rows_of(rows: pa.Table, key: str, names: Collection[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    return rows.filter(pc.is_in(rows.column(key), pa.array(sorted(names), pa.string())))


def _add_rows(sample: Sample, table: Table, key: str, landed: Sequence[pa.Table]) -> None:
    import pyarrow as pa

    from airflow_provider_braze.tables.sorting import split_by

    if landed:
        for name, rows in split_by(pa.concat_tables(landed).sort_by(key).combine_chunks(), key):
            sample.rows[name][table.name] = rows


def _figure_tables(series: Series) -> list[Table]:
    """Return the tables of figures, the day table first."""
    return [table for table in series.tables if table.source == "figures"]


def _rank(name: str) -> bytes:
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, person=b"audit").digest()
