"""A run in its own process, where files cannot grow, as on a full disk."""

from __future__ import annotations

import json
import resource
import sys
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

FULL = ("spool", "destination")
_BYTES = 500


def main(place: str, destination: str, lookback_days: int) -> None:
    """Run the transfer, and print the error."""
    from airflow_provider_braze.landing.store import Store
    from airflow_provider_braze.transfers.braze_to_object_storage import CampaignDataSeriesToObjectStorageOperator

    # When the first data is written, the spool is complete.
    if place == "spool":
        fill_up()
    else:
        Store.write = _filling_up(Store.write)
    operator = CampaignDataSeriesToObjectStorageOperator(
        task_id="land", destination=destination, lookback_days=lookback_days
    )
    try:
        operator.execute(context())
    except OSError as error:
        print(json.dumps({"errno": error.errno, "text": str(error)}))


def fill_up() -> None:
    """Make the system reject longer files."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_BYTES, _BYTES))


def _filling_up(write: Any) -> Any:
    def filling_up(store: Any, name: str, *args: Any) -> None:
        if "dt=" in name:
            fill_up()
        write(store, name, *args)

    return filling_up


def context() -> dict[str, Any]:
    """Return the context of a manual run, as in the other tests."""
    run_after = datetime(2026, 11, 19, 6, tzinfo=timezone.utc)
    ti = SimpleNamespace(dag_id="dag", run_id="manual__test", task_id="task", map_index=-1, try_number=1)
    return {"ti": ti, "dag": None, "dag_run": SimpleNamespace(run_type="manual", run_after=run_after)}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
