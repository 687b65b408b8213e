"""The pages inside Airflow, by Airflow's own authorization and database models."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import insert, inspect, text

from airflow_provider_braze.coverage.excerpt import for_xcom
from tests.coverage.test_landed import SUMMARY
from tests.coverage.test_page import HOSTILE, Elements, coverage
from tests.lines import AIRFLOW, Version

pytestmark = pytest.mark.since_airflow("3.1")

DAG_ID, RUN_ID = "braze.daily", "scheduled__2026-11-19T06:00:00+00:00"
PLACEHOLDER = "{MAP_INDEX}"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Create Airflow's tables in a separate database, and the auth manager, for the requests of a module."""
    from airflow import settings
    from airflow.api_fastapi.app import init_auth_manager, purge_cached_app
    from airflow.models import import_all_models
    from airflow.models.base import Base
    from sqlalchemy import create_engine
    from sqlalchemy.orm import scoped_session, sessionmaker

    folder = tmp_path_factory.mktemp("airflow")
    import_all_models()
    engine = create_engine(f"sqlite:///{folder}/airflow.db")
    names = {"dag", "dag_bundle", "dag_bundle_team", "dag_run", "dag_tag", "revoked_token", "team", "xcom"}
    names |= {"legacy_task_data_owner", "log_template", "task_instance", "xcom_v1", "xcom_v2"}  # XComs of Airflow 3.4
    Base.metadata.create_all(engine, tables=[each for each in Base.metadata.sorted_tables if each.name in names])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "made-up-secret-of-the-tests-" * 3)
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(folder / "passwords.json"))
        patch.setattr(settings, "engine", engine)
        patch.setattr(settings, "Session", scoped_session(sessionmaker(bind=engine)))
        purge_cached_app()
        init_auth_manager()
        yield settings.Session
        purge_cached_app()
    engine.dispose()


@pytest.fixture
def put(database):
    """Return a function that stores a value as XCom. All are removed after the test."""

    def store(value, key="coverage", *, map_index=-1, dag_id=DAG_ID, task_id="check"):
        ids = {"dag_id": dag_id, "run_id": RUN_ID, "task_id": task_id}
        add = add_by_attempt if Version("3.4.0b1") <= AIRFLOW else add_xcom
        with database() as session, session.begin():
            add(session, ids, map_index, key, value)

    yield store
    with database() as session, session.begin():
        for name in ("xcom", "xcom_v2", "task_instance", "dag_run"):
            if inspect(session.connection()).has_table(name):
                session.execute(text(f"DELETE FROM {name}"))


def add_xcom(session, ids, map_index, key, value):
    from airflow.models.xcom import XComModel

    number = session.query(XComModel).count() + 1
    now = datetime.now(timezone.utc)
    session.add(XComModel(dag_run_id=number, map_index=map_index, key=key, value=value, timestamp=now, **ids))


def add_by_attempt(session, ids, map_index, key, value):
    """Store as Airflow 3.4 does: for an attempt of a task of a run."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel

    run = {name: ids[name] for name in ("dag_id", "run_id")}
    if not session.query(DagRun).filter_by(**run).count():
        session.execute(
            insert(DagRun.__table__).values(run_type="scheduled", run_after=datetime.now(timezone.utc), **run)
        )
    attempt = uuid4()
    session.execute(insert(TaskInstance.__table__).values(id=attempt, region_index=map_index, pool="p", **ids))
    XComModel.set_for_attempt(task_instance_id=attempt, key=key, value=value, serialize=False, session=session)


@pytest.fixture
def get(database):
    """Return a function that requests a page as a user of a role. None is without a login."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    from airflow_provider_braze.plugins.braze import BrazePlugin

    (mount,) = BrazePlugin.fastapi_apps

    def request(*path, role="VIEWER", **user):
        headers = {}
        if role is not None:
            token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ann", role=role, **user))
            headers["Authorization"] = f"Bearer {token}"
        found = "/".join(quote(each, safe="") for each in path or (DAG_ID, RUN_ID, "check", PLACEHOLDER))
        return TestClient(mount["app"]).get(f"/tasks/{found}", headers=headers)

    return request


def test_anonymous_request_returns_401_without_the_value(get, put):
    put(for_xcom(coverage()))
    response = get(role=None)
    assert response.status_code == 401
    assert "s3://" not in response.text


def test_user_without_access_receives_403_with_or_without_a_value(get, put):
    assert get(role="").status_code == 403
    put(for_xcom(coverage()))
    response = get(role="")
    assert response.status_code == 403
    assert "s3://" not in response.text


@pytest.mark.parametrize("query", ["?dag_id=other", "?dag_id=~", "?dag_id="])
def test_dag_of_the_path_is_authorized(database, put, query, monkeypatch):
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    from airflow_provider_braze.plugins.pages import build_app

    requests = []
    manager = get_auth_manager()
    authorize = type(manager).is_authorized_dag
    monkeypatch.setattr(
        manager, "is_authorized_dag", lambda **request: requests.append(request) or authorize(manager, **request)
    )
    put(for_xcom(coverage()))
    token = manager.generate_jwt(SimpleAuthManagerUser(username="ann", role="VIEWER"))
    path = quote(f"/tasks/{DAG_ID}/{RUN_ID}/check/-1")
    response = TestClient(build_app()).get(path + query, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 200
    (request,) = requests
    assert (request["details"].id, request["access_entity"].name, request["method"]) == (DAG_ID, "XCOM", "GET")


def test_viewer_receives_the_coverage_as_a_page_without_permissions(get, put):
    put(for_xcom(coverage()))
    response = get()
    assert response.status_code == 200
    assert "Coverage of <bdi>s3://lake/braze</bdi>" in response.text
    policy = response.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "frame-ancestors 'self'", "sandbox", "form-action 'none'"} <= set(policy)
    assert "unsafe" not in response.headers["content-security-policy"]
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("index", ["1", "0"])
def test_mapped_task_has_a_page_per_map_index(get, put, index):
    for number in range(2):
        put(for_xcom(coverage(destination=f"s3://lake/{number}")), map_index=number)
    assert f"s3://lake/{index}" in get(DAG_ID, RUN_ID, "check", index).text
    assert get(DAG_ID, RUN_ID, "check", PLACEHOLDER).status_code == 404


@pytest.mark.parametrize(
    "path", [(DAG_ID, RUN_ID, "other", "-1"), ("~", RUN_ID, "check", "-1"), (DAG_ID, "x", "check", "9" * 99)]
)
def test_task_without_a_value_has_a_page_that_reports_that(get, put, path):
    put(for_xcom(coverage()))
    response = get(*path)
    assert response.status_code == 404
    assert "Nothing to show" in response.text
    assert "content-security-policy" in response.headers


def test_landing_task_shows_its_result(get, put):
    put(SUMMARY, "return_value", task_id="land")
    assert "2026-10-20 to 2026-11-19" in get(DAG_ID, RUN_ID, "land", PLACEHOLDER).text


def test_manually_written_json_value_is_shown(get, put):
    put(json.dumps(for_xcom(coverage())))
    assert get().status_code == 200


@pytest.mark.parametrize(
    "value",
    [
        "file:///etc/passwd",
        "s3://lake/xcom.json",
        "[" * 100_000,
        {"series": {"<script>": 1}},
        {"__classname__": "builtins.eval", "__version__": 1, "__data__": "1"},
        None,
    ],
    ids=["file", "s3", "deep", "series", "class", "null"],
)
@pytest.mark.parametrize("key", ["coverage", "return_value"])
def test_other_values_are_neither_opened_nor_shown(get, put, key, value):
    put(value, key)
    response = get()
    assert response.status_code == 404
    assert "passwd" not in response.text


def test_hostile_names_are_escaped(get, put):
    put(for_xcom(coverage(failed=HOSTILE, destination=f"s3://lake/{HOSTILE[0]}")))
    response = get()
    assert response.status_code == 200
    tags = {tag for tag, _ in Elements(response.text).found}
    assert not tags & {"script", "img", "iframe", "form", "link"}


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/tasks"])
def test_app_has_no_other_routes(database, path):
    from fastapi.testclient import TestClient

    from airflow_provider_braze.plugins.pages import build_app

    assert TestClient(build_app()).get(path).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_pages_are_only_read(database, method):
    from fastapi.testclient import TestClient

    from airflow_provider_braze.plugins.pages import build_app

    assert getattr(TestClient(build_app()), method)(f"/tasks/{DAG_ID}/r/t/-1").status_code == 405
