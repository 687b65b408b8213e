"""What OpenLineage is told of a task: which endpoints of Braze it reads, and which tables it writes.

Datasets are named by OpenLineage's rules, so that a table has one name, whichever tool tells of it.
Source: OpenLineage docs, Naming Conventions (seen 2026-09).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.core.endpoints import CAMPAIGNS_DATA_SERIES, CAMPAIGNS_DETAILS, CAMPAIGNS_LIST, Endpoint
from airflow_provider_braze.landing.plan import DAY_TABLES, DETAILS_TABLE

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import OutputDataset

    from airflow_provider_braze.hooks.braze import BrazeHook

_SCHEMES: Final = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "local": "file", "abfs": "abfss", "adl": "abfss"}
"""What a scheme is called in names, where a store has several."""

Written = Sequence[Mapping[str, Any]]
"""The objects of a table that were written, as the manifest tells them."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """The tables that a task writes.

    :param destination: where they are.
    :param tables: by table, what was written; None in its place before that is known.
    :param account: Azure's storage account, without which tables have no name there.
    """

    destination: str = ""
    tables: Mapping[str, Written | None] = field(default_factory=dict)
    account: str | None = None


def endpoints_read(
    tables: Collection[str], *, is_listing: bool, is_told_by_details: bool, is_dry_run: bool
) -> list[Endpoint]:
    """Name the endpoints that a landing task reads.

    :param is_listing: whether it takes the campaigns from Braze's list.
    :param is_told_by_details: whether the campaigns' details tell its lookback.
    """
    has_days = any(name in tables for name in DAY_TABLES)
    lands_details = DETAILS_TABLE in tables and not is_dry_run
    choices = {
        CAMPAIGNS_LIST: is_listing,
        CAMPAIGNS_DATA_SERIES: has_days and not is_dry_run,
        CAMPAIGNS_DETAILS: lands_details or (has_days and is_told_by_details),
    }
    return [endpoint for endpoint, is_read in choices.items() if is_read]


def tables_to_write(tables: Collection[str], *, has_list: bool) -> dict[str, Written | None]:
    """Name the tables that a task is about to write.

    :param has_list: whether it writes the list of campaigns, if that is wanted.
    """
    return {name: None for name in tables if name != "campaigns" or has_list}


def tables_written(manifest: Mapping[str, Any]) -> dict[str, Written | None]:
    """Tell what a run wrote, by table: nothing, where all objects stayed as they were."""
    objects = {name: table["objects"] for name, table in manifest["tables"].items()}
    return {name: [item for item in items if item["written"]] for name, items in objects.items() if items}


def build_lineage(
    hook: BrazeHook, endpoints: Sequence[Endpoint], outputs: Outputs | None = None
) -> OperatorLineage[Any, Any] | None:
    """Tell what a task reads and writes; None without Airflow's OpenLineage provider.

    :param hook: of its connection nothing is told but the address of the REST endpoint.
    """
    try:
        from airflow.providers.openlineage.extractors import OperatorLineage
        from openlineage.client.event_v2 import InputDataset
    except ImportError:
        return None

    address = hook.settings.credentials.base_url
    return OperatorLineage(
        inputs=[InputDataset(namespace=address, name=endpoint.path) for endpoint in endpoints],
        outputs=_datasets(outputs or Outputs()),
    )


def name_table(destination: str, table: str, account: str | None = None) -> tuple[str, str] | None:
    """Name a table's dataset; a connection id in the destination is left out.

    :param account: as of :class:`Outputs`.
    :return: namespace and name; None where they cannot be told.
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


def _datasets(outputs: Outputs) -> list[OutputDataset]:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset, schema_dataset

    from airflow_provider_braze.tables.schemas import SCHEMAS

    found = []
    for table, written in outputs.tables.items():
        if (named := name_table(outputs.destination, table, outputs.account)) is None:
            continue
        columns = [schema_dataset.SchemaDatasetFacetFields(each.name, str(each.type)) for each in SCHEMAS[table]]
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
