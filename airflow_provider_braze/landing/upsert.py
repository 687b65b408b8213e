"""Which rows of an object stay when campaigns come back: an upsert by campaign and day, on Arrow tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def replace_campaigns(name: str, old: pa.Table, new: pa.Table, returned: pa.ChunkedArray) -> pa.Table:
    """Replace the rows of the campaigns that came back; every other row stays.

    :param name: the table's name.
    :param old: what the object holds, of one day if the table is divided by day.
    :param new: rows of the campaigns that came back, in the table's order; a campaign may have come back without any.
    :param returned: ids of the campaigns that came back.
    :return: the object's rows, in the table's order.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from airflow_provider_braze.core.tables import sort_rows

    is_kept = pc.invert(pc.is_in(old.column("campaign_id"), value_set=returned))
    if not pc.any(is_kept).as_py():
        return new
    return sort_rows(name, pa.concat_tables([old.filter(is_kept), new]))
