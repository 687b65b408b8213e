"""A deployment of Airflow: its database, settings and processes, of the line that is asked for."""

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
    """What differs between the lines of Airflow.

    :param python: of the environment that it is installed in.
    :param processes: that make up a deployment with the local executor.
    :param web: which of them serves the API.
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

    :param folder: of its home and logs.
    :param database: address of a PostgreSQL database of its own.
    :param dags: folder with the Dag files.
    :param environment: settings, connections and variables besides what every deployment has.
    :param base_path: path of ``[api] base_url``, such as ``/airflow``.
    :param login: name and password of the user whose rights the client has; default: the one whom all are.
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
        # Read by 2.11 only: whoever reaches the loopback port may use the API.
        (folder / "webserver_config.py").write_text("AUTH_ROLE_PUBLIC = 'Admin'\n")
        self.client = Client(self.url, line.api)

    def migrate(self) -> None:
        self.run("db", "migrate")

    def run(self, *arguments: str) -> str:
        """Run a command of Airflow's to its end, and return what it said."""
        done = subprocess.run(
            self._command(*arguments), env=self.environment, capture_output=True, text=True, timeout=COMMAND_SECONDS
        )
        assert done.returncode == 0, f"airflow {' '.join(arguments)} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def start(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Process:
        """Start a process, such as ``scheduler``, or start one again that was killed."""
        if name not in self.processes:
            command = self._command(*(arguments or (name, *_options(self.line, name, self.port))))
            self.processes[name] = Process(name, command, self.folder, {**self.environment, **(environment or {})})
        self.processes[name].start()
        return self.processes[name]

    def start_worker(self, name: str) -> None:
        """Start a Celery worker of two tasks at a time, which can tell its name, and wait until it takes tasks."""
        options = ("--skip-serve-logs", "--concurrency", "2", "--celery-hostname", f"{name}@{name}")
        worker = self.start(name, "celery", "worker", *options, environment={"SYSTEM_TESTS_WORKER": name})

        def take_tasks() -> bool:
            return self.wait(f"{name} is ready", lambda: f"{name}@{name} ready" in worker.tail(1000), BOOT_SECONDS)

        timed(f"{self.folder.name}: celery worker {name}", take_tasks)

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()

    def files_with(self, secret: str) -> list[Path]:
        """Which of its files, its logs above all, hold a text."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return [path for path in files if secret.encode() in path.read_bytes()]

    def wait_until_healthy(self) -> None:
        """Wait until the API tells that every process that was started is well."""
        started = {name.replace("-", "_") for name in self.processes} & {"scheduler", "triggerer", "dag_processor"}

        def is_healthy() -> bool:
            told = self.client.ask(self.line.health)
            return told is not None and all(told[name]["status"] == "healthy" for name in {"metadatabase", *started})

        self.wait("Airflow is healthy", is_healthy, BOOT_SECONDS)
        if self.line is not OLDER:
            self.client.log_in(self.login)

    def wait(self, what: str, condition: Callable[[], Any], seconds: float) -> Any:
        return wait_for(what, condition, seconds, [each for each in self.processes.values() if each.is_wanted])

    def unpause(self, *dag_ids: str) -> None:
        """Let Dags run, once they are there."""
        wanted = set(dag_ids)

        def are_there() -> bool:
            assert self.client.import_errors() == []
            return wanted <= self.client.dags()

        self.wait(f"the Dags {dag_ids} are there", are_there, BOOT_SECONDS)
        for dag_id in dag_ids:
            self.client.unpause(dag_id)

    def wait_for_runs(self, dag_id: str, count: int, seconds: float) -> list[dict[str, Any]]:
        """Wait until a Dag has so many runs, all of them green, and return them by their dates."""

        def ended() -> list[dict[str, Any]]:
            runs = self.client.runs(dag_id)
            return runs if len([run for run in runs if self._is_green(run)]) >= count else []

        runs = self.wait(f"{count} runs of {dag_id} are green", ended, seconds)
        assert len(runs) == count
        return sorted(runs, key=lambda run: run.get("run_after") or run["logical_date"])

    def wait_for_run(self, dag_id: str, run_id: str, seconds: float) -> None:
        """Wait until a run is green."""
        what = f"the run {run_id} of {dag_id} is green"
        self.wait(what, lambda: self._is_green(self.client.run(dag_id, run_id)), seconds)

    def _is_green(self, run: dict[str, Any]) -> bool:
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
