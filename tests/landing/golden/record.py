"""Record digests and columns again, after a change on purpose: ``python -m tests.landing.golden.record``.

Digests of Parquet's bytes are recorded for the version of pyarrow that is installed, and kept for other versions:
repeat this with each version that ``constraints/`` pins. Columns can only be appended.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

DIGESTS_FILE = Path(__file__).with_name("digests.json")
COLUMNS_FILE = Path(__file__).with_name("columns.json")


def main() -> None:
    """Land all cases, and write the files of digests and columns."""
    with tempfile.TemporaryDirectory() as folder:
        # Before Airflow is imported, which reads them once.
        os.environ["AIRFLOW_HOME"] = folder
        os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
        _record_columns()
        _record_digests(Path(folder))


def _record_columns() -> None:
    from tests.campaign_tables import SCHEMAS
    from tests.landing.golden.cases import columns_of

    recorded = json.loads(COLUMNS_FILE.read_bytes()) if COLUMNS_FILE.exists() else {}
    current = {name: columns_of(schema) for name, schema in SCHEMAS.items()}
    for name, columns in recorded.items():
        if current.get(name, [])[: len(columns)] != columns:
            sys.exit(f"Columns of {name} were recorded and have changed. Only new columns at the end are allowed.")
    _write(COLUMNS_FILE, current)


def _record_digests(folder: Path) -> None:
    import pyarrow as pa

    from airflow_provider_braze.sandbox import Sandbox
    from tests.landing.golden.cases import NAMES, digest_tables, land, objects_below

    recorded = json.loads(DIGESTS_FILE.read_bytes()) if DIGESTS_FILE.exists() else {"bytes": {}}
    digests: dict[str, Any] = {"rows": {}, "bytes": {}}
    with Sandbox() as braze:
        os.environ["AIRFLOW_CONN_BRAZE_DEFAULT"] = braze.connection_json()
        for name in NAMES:
            land(name, braze, f"file://{folder / name}")
            objects = objects_below(folder / name)
            digests["rows"][name] = digest_tables(objects, of_bytes=False)
            if "parquet" in name:
                digests["bytes"][name] = digest_tables(objects, of_bytes=True)
    _write(DIGESTS_FILE, {"rows": digests["rows"], "bytes": {**recorded["bytes"], pa.__version__: digests["bytes"]}})


def _write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
