"""The pages inside Airflow. They read XCom from Airflow's database, and open nothing else."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.coverage.excerpt import XCOM_KEY, read_excerpt
from airflow_provider_braze.coverage.landed import render_landed, render_nothing
from airflow_provider_braze.coverage.markup import POLICY
from airflow_provider_braze.coverage.page import render_excerpt

if TYPE_CHECKING:
    from fastapi import FastAPI

_MOST_DIGITS: Final = 10
_HEADERS: Final = {
    # Frames of other sites are refused. In its own frame the page has no origin, so it could not act for the user.
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'self'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@cache
def build_app() -> FastAPI:
    """Build the app. Airflow authorizes each request for the XComs of the Dag that the path names."""
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api.security import requires_access_dag
    from fastapi import Depends, FastAPI
    from fastapi.responses import HTMLResponse

    app = FastAPI(title="Braze", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get(
        "/tasks/{dag_id}/{run_id}/{task_id}/{map_index}",
        dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.XCOM))],
        response_model=None,
    )
    def show_task(dag_id: str, run_id: str, task_id: str, map_index: str) -> Any:
        # Airflow leaves its placeholder in the path of a task that is not mapped.
        number = int(map_index) if map_index.isdecimal() and len(map_index) < _MOST_DIGITS else -1
        page = render_task(task_id, read_xcoms(dag_id, run_id, task_id, number))
        status = 404 if page is None else 200
        return HTMLResponse(page or render_nothing(task_id), status_code=status, headers=_HEADERS)

    return app


def read_xcoms(dag_id: str, run_id: str, task_id: str, map_index: int) -> dict[str, Any]:
    """Return a task's values from Airflow's database, without the XCom backend, which could open other places."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = select(XComModel.key, XComModel.value).where(
        XComModel.dag_id == dag_id,
        XComModel.run_id == run_id,
        XComModel.task_id == task_id,
        XComModel.map_index == map_index,
        XComModel.key.in_((XCOM_KEY, "return_value")),
    )
    with create_session() as session:
        return {key: _parse(value) for key, value in session.execute(query)}


def render_task(task_id: str, xcoms: dict[str, Any]) -> str | None:
    """Return the page of a task: its coverage, else what it landed; None if its values are neither."""
    try:
        if XCOM_KEY in xcoms:
            return render_excerpt(read_excerpt(xcoms[XCOM_KEY]))
        return render_landed(task_id, xcoms.get("return_value"))
    except ValueError:
        return None


def _parse(value: Any) -> Any:
    """Return a value; text is JSON, as Airflow stores it if a person has written it."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
