"""What the tests ask of a running Airflow, by its REST API."""

from __future__ import annotations

from typing import Any

import requests

TIMEOUT_SECONDS = 60


class Client:
    """The REST API of one deployment; the calls are the same on 2.11 and 3.3.

    :param api: where the API begins, such as ``/api/v2``.
    """

    def __init__(self, url: str, api: str) -> None:
        self._url = url
        self._api = api
        self._session = requests.Session()
        # No proxy of the machine's, and no .netrc.
        self._session.trust_env = False

    def log_in(self, user: tuple[str, str] | None = None) -> None:
        """Get a token, which Airflow 3 wants.

        :param user: name and password.
        """
        method, body = (
            ("GET", None) if user is None else ("POST", dict(zip(("username", "password"), user, strict=True)))
        )
        answer = self._session.request(method, f"{self._url}/auth/token", json=body, timeout=TIMEOUT_SECONDS)
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def ask(self, path: str) -> dict[str, Any] | None:
        """Ask whether it is there yet."""
        try:
            answer = self._session.get(f"{self._url}{path}", timeout=TIMEOUT_SECONDS)
        except requests.ConnectionError:
            return None
        return answer.json() if answer.ok else None

    def call(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        answer = self._session.request(
            method, f"{self._url}{self._api}{path}", json=body, params=params, timeout=TIMEOUT_SECONDS
        )
        assert answer.ok, f"{method} {path} answered {answer.status_code}: {answer.text[:2000]}"
        return answer.json()

    def dags(self) -> set[str]:
        return {dag["dag_id"] for dag in self.call("GET", "/dags", limit=100)["dags"]}

    def import_errors(self) -> list[str]:
        return [each["stack_trace"] for each in self.call("GET", "/importErrors")["import_errors"]]

    def unpause(self, dag_id: str) -> None:
        self.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})

    def trigger(self, dag_id: str, logical_date: str | None = None, conf: dict[str, Any] | None = None) -> str:
        """Trigger a run, and return its id."""
        body = {"conf": conf or {}, "logical_date": logical_date}
        if logical_date is None and self._api == "/api/v1":
            del body["logical_date"]
        return self.call("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"]

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        return self.call("GET", f"/dags/{dag_id}/dagRuns", limit=100)["dag_runs"]

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        return self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=100)["task_instances"]

    def count_tasks(self, dag_id: str, run_id: str, state: str) -> int:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return self.call("GET", path, state=state, limit=1)["total_entries"]

    def clear(self, dag_id: str, run_id: str) -> None:
        """Let a run's tasks run again."""
        body = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "reset_dag_runs": True}
        self.call("POST", f"/dags/{dag_id}/clearTaskInstances", body)

    def result(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Any:
        """What a task returned."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        return self.call("GET", path, map_index=map_index)["value"]
