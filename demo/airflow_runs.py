"""Sets up an Airflow for the demo, and runs an example Dag in this process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any


def set_up(home: Path, dags: Path, **variables: str) -> None:
    """Create Airflow's home and database. Call it before anything imports Airflow.

    :param variables: Airflow Variables by name.
    """
    # Settings of another Airflow in the shell must not affect the demo.
    for name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
        del os.environ[name]
    os.environ["AIRFLOW_HOME"] = str(home)
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(dags)
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    # The sandbox is on this machine.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    os.environ.update({f"AIRFLOW_VAR_{name.upper()}": value for name, value in variables.items()})
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, stdin=subprocess.DEVNULL)


def load_dag(dags: Path, dag_id: str) -> Callable[[datetime], dict[str, Any]]:
    """Load a Dag.

    :return: function that runs it for a logical date and returns the result of each task by its id.
    """
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(dags))
    if bag.import_errors:
        raise RuntimeError(f"Dags cannot be loaded: {bag.import_errors}")
    dag = bag.dags[dag_id]
    for task in dag.tasks:
        # Show a failure at once, not after three retries.
        task.retries = 0

    def run(logical_date: datetime) -> dict[str, Any]:
        done = dag.test(logical_date=logical_date)
        if done.state != "success":
            raise RuntimeError(f"The run of {logical_date} ended as {done.state}")
        return {task.task_id: task.xcom_pull(task_ids=task.task_id) for task in done.get_task_instances()}

    return run
