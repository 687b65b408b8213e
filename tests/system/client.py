"""A client of a running Airflow's REST API."""

from __future__ import annotations

from typing import Any

import requests

TIMEOUT_SECONDS = 60


class Client:
    """The REST API of one deployment; the calls are the same on 2.11 and 3.3.

    :param api: path prefix of the API, such as ``/api/v2``.
    """

    def __init__(self, url: str, api: str) -> None:
        self._url = url
        self._api = api
        self._session = requests.Session()
        # Without the machine's proxies and .netrc.
        self._session.trust_env = False

    def log_in(self, user: tuple[str, str] | None = None) -> None:
        """Fetch a token, which Airflow 3 requires.

        :param user: name and password.
        """
        method, body = (
            ("GET", None) if user is None else ("POST", dict(zip(("username", "password"), user, strict=True)))
        )
        response = self._session.request(method, f"{self._url}/auth/token", json=body, timeout=TIMEOUT_SECONDS)
        response.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {response.json()['access_token']}"

    def fetch(self, path: str) -> dict[str, Any] | None:
        """Return the document at a path, or None if it is not available yet."""
        try:
            response = self._session.get(f"{self._url}{path}", timeout=TIMEOUT_SECONDS)
        except requests.ConnectionError:
            return None
        return response.json() if response.ok else None

    def call(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        response = self._session.request(
            method, f"{self._url}{self._api}{path}", json=body, params=params, timeout=TIMEOUT_SECONDS
        )
        assert response.ok, f"{method} {path} returned {response.status_code}: {response.text[:2000]}"
        return response.json()

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
        """Clear a run's tasks, so that they run again."""
        body = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "reset_dag_runs": True}
        self.call("POST", f"/dags/{dag_id}/clearTaskInstances", body)

    def result(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Any:
        """Return the result of a task."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        return self.call("GET", path, map_index=map_index)["value"]
