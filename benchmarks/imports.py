"""Import time of each role module over Airflow's own import, in this Python's environment.

It needs nothing but the package, so that it runs on every line: ``.venv-3.0/bin/python benchmarks/imports.py``.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

ROLES = ("hooks", "operators", "sensors", "transfers", "triggers")
LIMIT_MS = 50
RUNS = 5
CODE = """
import importlib, sys, time
try:
    from airflow.sdk import BaseHook, BaseOperator, BaseSensorOperator
except ImportError:  # before Airflow 3.1
    from airflow.hooks.base import BaseHook
    from airflow.models.baseoperator import BaseOperator
    from airflow.sensors.base import BaseSensorOperator
# Airflow's own, which each trigger needs.
from airflow.triggers.base import BaseTrigger
began = time.process_time()
importlib.import_module(sys.argv[1])
print((time.process_time() - began) * 1000)
"""


def role_modules() -> list[str]:
    """Return the names of the modules that Dags import."""
    package = Path(find_spec("airflow_provider_braze").origin).parent
    paths = [path for role in ROLES for path in sorted((package / role).glob("*.py")) if path.stem != "__init__"]
    return [f"airflow_provider_braze.{path.parent.name}.{path.stem}" for path in paths]


def import_ms(module: str) -> float:
    """Return the processor time of importing a module, in milliseconds: the least of several runs."""
    command = [sys.executable, "-c", CODE, module]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(RUNS)]
    # Other load of the machine only adds to it, as does compilation in the first run.
    return min(float(output.splitlines()[-1]) for output in runs)


def main() -> int:
    """Print the table and return 1 if a module takes longer than the limit."""
    figures = {module: import_ms(module) for module in role_modules()}
    print(f"Airflow {version('apache-airflow')}, Python {sys.version.split()[0]}, limit {LIMIT_MS} ms:")
    for module, figure in figures.items():
        print(f"  {figure:5.1f} ms  {module}")
    return int(max(figures.values()) > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
