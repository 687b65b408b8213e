"""OpenLineage events of a task: the endpoints of Braze that it reads, and the tables that it writes.

Datasets are named by OpenLineage's rules, so that a table has the same name in every tool.
Source: OpenLineage docs, Naming Conventions (seen 2026-09).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.series import Series

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import OutputDataset

    from airflow_provider_braze.core.endpoints import Endpoint

_SCHEMES: Final = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "local": "file", "abfs": "abfss", "adl": "abfss"}
"""The scheme in dataset names, where a store has several."""

Written = Sequence[Mapping[str, Any]]
"""The written objects of a table, as in the run's record."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """The tables that a task writes.

    :param destination: where they are.
    :param tables: what was written, by table; None before that is known.
    :param account: Azure's storage account, without which tables have no name there.
    """

    destination: str = ""
    tables: Mapping[str, Written | None] = field(default_factory=dict)
    account: str | None = None


def endpoints_read(
    series: Series, tables: Collection[str], *, is_listing: bool, is_lookback_from_details: bool, is_dry_run: bool
) -> list[Endpoint]:
    """Return the endpoints that a landing task reads.

    :param is_listing: whether the subjects come from Braze's list.
    :param is_lookback_from_details: whether details determine the lookback.
    """
    sources = {table.source for table in series.tables if table.name in tables}
    has_days = any(table.has_days for table in series.tables if table.name in tables)
    found: list[Endpoint] = []
    if series.listing and is_listing:
        found.append(series.listing.endpoint)
    if has_days and not is_dry_run:
        found += [series.endpoint] if series.endpoint else series.other_endpoints
    if series.details and (("details" in sources and not is_dry_run) or (has_days and is_lookback_from_details)):
        found.append(series.details.endpoint)
    return found


def tables_to_write(series: Series, tables: Collection[str], *, has_list: bool) -> dict[str, Written | None]:
    """Return the tables that a task is about to write.

    :param has_list: whether it writes the list of subjects, if that is wanted.
    """
    return {
        table.name: None for table in series.tables if table.name in tables and (table.source != "list" or has_list)
    }


def tables_written(record: Mapping[str, Any]) -> dict[str, Written | None]:
    """Return what a run wrote, by table: nothing, where no object changed."""
    tables = record["tables"].items()
    return {name: table["objects"] for name, table in tables if table["written"] or table["unchanged"]}


def join_written(records: Sequence[Mapping[str, Any]]) -> dict[str, Written | None]:
    """Return what several runs wrote, by table."""
    found: dict[str, Written | None] = {}
    for record in records:
        for name, written in tables_written(record).items():
            found[name] = [*(found.get(name) or ()), *(written or ())]
    return found


def build_lineage(
    address: str, endpoints: Sequence[Endpoint], series: Series, outputs: Outputs | None = None
) -> OperatorLineage[Any, Any] | None:
    """Return what a task reads and writes; None without Airflow's OpenLineage provider.

    :param address: the REST endpoint's.
    """
    try:
        from airflow.providers.openlineage.extractors import OperatorLineage
        from openlineage.client.event_v2 import InputDataset
    except ImportError:
        return None

    return OperatorLineage(
        inputs=[InputDataset(namespace=address, name=endpoint.path) for endpoint in endpoints],
        outputs=_datasets(series, outputs or Outputs()),
    )


def name_table(destination: str, table: str, account: str | None = None) -> tuple[str, str] | None:
    """Return the name of a table's dataset, without a connection id.

    :param account: as of :class:`Outputs`.
    :return: namespace and name; None when the storage account is unknown.
    """
    scheme, _, rest = destination.rstrip("/").partition("://")
    scheme = _SCHEMES.get(scheme, scheme)
    host, _, folder = rest.partition("/")
    host = host.rpartition("@")[2]
    name = f"{folder}/{table}".lstrip("/")
    if scheme == "file":
        # An empty host is this machine, which is not named.
        return (f"file://{host}" if host else "file"), f"/{name}"
    if scheme != "abfss":
        return f"{scheme}://{host}", name
    return (f"abfss://{host}@{account}.dfs.core.windows.net", name) if account else None


def _datasets(series: Series, outputs: Outputs) -> list[OutputDataset]:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset, schema_dataset

    from airflow_provider_braze.tables.schemas import schema_of

    found = []
    for table in series.tables:
        if table.name not in outputs.tables:
            continue
        written = outputs.tables[table.name]
        if (named := name_table(outputs.destination, table.name, outputs.account)) is None:
            continue
        columns = [schema_dataset.SchemaDatasetFacetFields(each.name, str(each.type)) for each in schema_of(table)]
        dataset = OutputDataset(*named, facets={"schema": schema_dataset.SchemaDatasetFacet(columns)})
        if written is not None:
            dataset.outputFacets = {
                "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                    rowCount=sum(item["rows"] for item in written),
                    size=sum(item["bytes"] for item in written),
                    fileCount=len(written),
                )
            }
        found.append(dataset)
    return found
