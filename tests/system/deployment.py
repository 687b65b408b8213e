"""A deployment of Airflow: its database, settings and processes, of a given line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.emulators import free_ports
from tests.system.client import Client
from tests.system.processes import Process, timed, wait_for

ROOT = Path(__file__).parents[2]
BOOT_SECONDS = 300
COMMAND_SECONDS = 300
JWT_SECRET = "made-up-secret-of-the-system-tests-" * 3


@dataclass(frozen=True)
class Line:
    """Differences between the lines of Airflow.

    :param python: interpreter of the environment where it is installed.
    :param processes: processes of a deployment with the local executor.
    :param web: the one of them that serves the API.
    """

    name: str
    python: Path
    processes: tuple[str, ...]
    web: str
    api: str
    health: str


NEWEST = Line(
    "3.3",
    Path(sys.executable),
    ("api-server", "scheduler", "dag-processor", "triggerer"),
    "api-server",
    "/api/v2",
    "/api/v2/monitor/health",
)
# Its dag.test() cannot run a task with an outlet.
FIRST_OF_3 = replace(NEWEST, name="3.0", python=ROOT / ".venv-system-3.0/bin/python")
OLDER = Line(
    "2.11",
    Path(os.environ.get("AIRFLOW_2_PYTHON", ROOT / ".venv-system-2.11/bin/python")),
    ("webserver", "scheduler", "triggerer"),
    "webserver",
    "/api/v1",
    "/health",
)
SERVING_LOGS = ("scheduler", "triggerer")


class Deployment:
    """Airflow's processes over one database.

    :param folder: folder of its home and logs.
    :param database: address of its PostgreSQL database.
    :param dags: folder with the Dag files.
    :param environment: settings, connections and variables besides those of every deployment.
    :param base_path: path of ``[api] base_url``, such as ``/airflow``.
    :param login: name and password of the client's user. Default: the admin that every client is.
    """

    def __init__(
        self,
        line: Line,
        folder: Path,
        database: str,
        dags: Path,
        environment: Mapping[str, str],
        base_path: str = "",
        login: tuple[str, str] | None = None,
    ) -> None:
        self.line = line
        self.folder = folder
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}{base_path}"
        self.login = login
        self.processes: dict[str, Process] = {}
        self.environment = {
            **_of_the_machine(line),
            **_settings(line, self.url, self.port, folder, database, dags),
            **environment,
        }
        folder.mkdir(parents=True)
        # Read by 2.11 only: every client of the loopback port may use the API.
        (folder / "webserver_config.py").write_text("AUTH_ROLE_PUBLIC = 'Admin'\n")
        self.client = Client(self.url, line.api)

    def migrate(self) -> None:
        self.run("db", "migrate")

    def run(self, *arguments: str) -> str:
        """Run an Airflow command to its end, and return its output."""
        done = subprocess.run(
            self._command(*arguments), env=self.environment, capture_output=True, text=True, timeout=COMMAND_SECONDS
        )
        assert done.returncode == 0, f"airflow {' '.join(arguments)} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def start(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Process:
        """Start a process, such as ``scheduler``, or restart a killed one."""
        if name not in self.processes:
            command = self._command(*(arguments or (name, *_options(self.line, name, self.port))))
            self.processes[name] = Process(name, command, self.folder, {**self.environment, **(environment or {})})
        self.processes[name].start()
        return self.processes[name]

    def start_worker(self, name: str) -> None:
        """Start a Celery worker of two concurrent tasks, which knows its name, and wait until it accepts tasks."""
        options = ("--skip-serve-logs", "--concurrency", "2", "--celery-hostname", f"{name}@{name}")
        worker = self.start(name, "celery", "worker", *options, environment={"SYSTEM_TESTS_WORKER": name})

        def wait_until_ready() -> bool:
            return self.wait(f"{name} is ready", lambda: f"{name}@{name} ready" in worker.tail(1000), BOOT_SECONDS)

        timed(f"{self.folder.name}: celery worker {name}", wait_until_ready)

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()

    def files_with(self, secret: str) -> list[Path]:
        """Return its files, such as logs, that contain a text."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return [path for path in files if secret.encode() in path.read_bytes()]

    def wait_until_healthy(self) -> None:
        """Wait until the API reports every started process as healthy."""
        started = {name.replace("-", "_") for name in self.processes} & {"scheduler", "triggerer", "dag_processor"}

        def is_healthy() -> bool:
            report = self.client.fetch(self.line.health)
            return report is not None and all(
                report[name]["status"] == "healthy" for name in {"metadatabase", *started}
            )

        self.wait("Airflow is healthy", is_healthy, BOOT_SECONDS)
        if self.line is not OLDER:
            self.client.log_in(self.login)

    def wait(self, what: str, condition: Callable[[], Any], seconds: float) -> Any:
        return wait_for(what, condition, seconds, [each for each in self.processes.values() if each.is_wanted])

    def unpause(self, *dag_ids: str) -> None:
        """Unpause Dags as soon as they are parsed."""
        expected = set(dag_ids)

        def are_parsed() -> bool:
            assert self.client.import_errors() == []
            return expected <= self.client.dags()

        self.wait(f"the Dags {dag_ids} are parsed", are_parsed, BOOT_SECONDS)
        for dag_id in dag_ids:
            self.client.unpause(dag_id)

    def wait_for_runs(self, dag_id: str, count: int, seconds: float) -> list[dict[str, Any]]:
        """Wait until a Dag has exactly ``count`` runs, all successful, and return them by their dates."""

        def ended() -> list[dict[str, Any]]:
            runs = self.client.runs(dag_id)
            return runs if len([run for run in runs if self._is_successful(run)]) >= count else []

        runs = self.wait(f"{count} runs of {dag_id} are successful", ended, seconds)
        assert len(runs) == count
        return sorted(runs, key=lambda run: run.get("run_after") or run["logical_date"])

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float) -> None:
        """Wait until a run is successful."""
        what = f"the run {run_id} of {dag_id} is successful"
        self.wait(what, lambda: self._is_successful(self.client.run(dag_id, run_id)), seconds)

    def _is_successful(self, run: dict[str, Any]) -> bool:
        assert run["state"] != "failed", f"{run['dag_id']} {run['dag_run_id']} failed; see {self.folder}/logs"
        return run["state"] == "success"

    def _command(self, *arguments: str) -> list[str]:
        return [str(self.line.python), "-m", "airflow", *arguments]


def _options(line: Line, name: str, port: int) -> Sequence[str]:
    if name == "webserver":
        return ("--hostname", "127.0.0.1", "--port", str(port), "--workers", "1")
    # They would listen on all interfaces.
    return ("--skip-serve-logs",) if name in SERVING_LOGS else ()


def _of_the_machine(line: Line) -> dict[str, str]:
    unwanted = ("AIRFLOW_", "PYTEST_", "COV_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(unwanted) and not name.lower().endswith("_proxy") and name != "PYTHONDONTWRITEBYTECODE"
    }
    path = f"{line.python.parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1", "TZ": "UTC"}


def _settings(line: Line, url: str, port: int, folder: Path, database: str, dags: Path) -> dict[str, str]:
    settings = {
        "core": {
            "dags_folder": dags,
            "load_examples": False,
            "parallelism": 4,
            "execution_api_server_url": f"{url}/execution/",
            "simple_auth_manager_all_admins": True,
        },
        "database": {"sql_alchemy_conn": f"postgresql+psycopg2://{database}"},
        "api": {"host": "127.0.0.1", "port": port, "base_url": url, "workers": 1},
        "api_auth": {"jwt_secret": JWT_SECRET},
        "scheduler": {"scheduler_heartbeat_sec": 2},
    }
    if line is OLDER:
        settings["api"] = {"auth_backends": "airflow.api.auth.backend.default"}
        settings["webserver"] = {"config_file": folder / "webserver_config.py", "base_url": url}
    return {
        "AIRFLOW_HOME": str(folder),
        **{
            f"AIRFLOW__{section.upper()}__{name.upper()}": str(value)
            for section, values in settings.items()
            for name, value in values.items()
        },
    }
