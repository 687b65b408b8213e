"""The page inside Airflow, below a base path: in a browser, for users with access and without."""

from __future__ import annotations

import json
import os
from urllib.parse import quote

import pytest
import requests
from playwright.sync_api import expect

from airflow_provider_braze.coverage.page import render_page
from airflow_provider_braze.plugins.braze import PREFIX
from tests.coverage.evidence import picture
from tests.system.browser import chromium, take_picture, window

RUN_SECONDS = 600
DAG_ID = "braze_with_coverage"
TEAM = "marketing"
# Role and team by name. Bob may log in, but not see the Dags of marketing; Eve has no role.
USERS = {"admin": "admin", "ann": f"viewer:{TEAM}", "bob": "viewer:sales", "eve": ""}
PASSWORDS = {name: f"password-of-{name}" for name in USERS}


@pytest.fixture(scope="module")
def airflow(start_airflow, s3, tmp_path_factory):
    passwords = tmp_path_factory.mktemp("users") / "passwords.json"
    passwords.write_text(json.dumps(PASSWORDS))
    bundle = {
        "name": "dags-folder",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {},
        "team_name": TEAM,
    }
    environment = {
        "AIRFLOW_VAR_LAKE": s3("analytics").uri,
        "AIRFLOW_CONN_AWS_DEFAULT": os.environ["AIRFLOW_CONN_AWS_DEFAULT"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{rights}" for name, rights in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__CORE__MULTI_TEAM": "True",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
    }
    return start_airflow(
        "page",
        dags="page",
        processes=["api-server", "scheduler", "dag-processor"],
        environment=environment,
        commands=[("teams", "create", TEAM), ("teams", "create", "sales")],
        base_path="/airflow",
        login=("admin", PASSWORDS["admin"]),
    )


@pytest.fixture(scope="module")
def run_id(airflow):
    """Return an ended run, which failed because days are missing between the landed ones."""
    airflow.unpause(DAG_ID)
    found = airflow.client.trigger(DAG_ID)
    airflow.wait("the run has ended", lambda: airflow.client.run(DAG_ID, found)["state"] == "failed", RUN_SECONDS)
    states = {task["task_id"]: task["state"] for task in airflow.client.tasks(DAG_ID, found)}
    assert {name for name, state in states.items() if state != "success"} == {"check_coverage"}
    return found


@pytest.fixture(scope="module")
def hostile_run_id(airflow):
    airflow.unpause("hostile")
    found = airflow.client.trigger("hostile")
    airflow.wait_for_run("hostile", found, RUN_SECONDS)
    return found


@pytest.fixture(scope="module")
def get(airflow, run_id):
    """Return a function that requests the page of a task as a user. None is without a login."""

    def request(user, task="check_coverage", index="{MAP_INDEX}", *, dag_id=DAG_ID, run_id=run_id):
        session = requests.Session()
        session.trust_env = False
        if user is not None:
            body = {"username": user, "password": PASSWORDS[user]}
            response = session.post(f"{airflow.url}/auth/token", json=body, timeout=60)
            session.cookies.set("_token", response.json()["access_token"])
        path = "/".join(quote(each, safe="") for each in (dag_id, run_id, task, index))
        return session.get(f"{airflow.url}{PREFIX}/tasks/{path}", timeout=60)

    return request


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def session(airflow, browser, tmp_path_factory):
    """Return the browser's storage after Ann has logged in by Airflow's form."""
    with window(browser, airflow.url, tmp_path_factory.mktemp("traffic") / "login.har") as page:
        page.goto(f"{airflow.url}/")
        page.get_by_label("Username").fill("ann")
        page.get_by_label("Password").fill(PASSWORDS["ann"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("link", name="Dags").first).to_be_visible()
        return page.context.storage_state()


@pytest.fixture
def open_page(airflow, browser, session, tmp_path):
    """Return a function that opens a page of the browser as Ann."""
    return lambda **options: window(browser, airflow.url, tmp_path / "traffic.har", storage_state=session, **options)


def task_page(airflow, run_id, task, tab="", dag_id=DAG_ID):
    return f"{airflow.url}/dags/{dag_id}/runs/{quote(run_id)}/tasks/{task}{tab}"


def frame_of(page):
    return page.frame_locator("iframe[title=Braze]")


@pytest.mark.parametrize(("user", "status"), [(None, 401), ("eve", 403), ("bob", 403), ("ann", 200), ("admin", 200)])
def test_page_requires_read_access_to_the_dags_xcoms(get, user, status):
    response = get(user)
    assert response.status_code == status
    assert ("Coverage of" in response.text) is (status == 200)
    assert ("s3://" in response.text) is (status == 200)


def test_tab_of_the_failed_check_shows_the_missing_days(airflow, run_id, open_page):
    with open_page() as page:
        page.goto(task_page(airflow, run_id, "check_coverage"))
        page.get_by_role("link", name="Braze", exact=True).click()
        frame = frame_of(page)
        expect(frame.get_by_role("heading", name="Coverage of")).to_be_visible()
        expect(frame.get_by_text("not landed: 3 days")).to_be_visible()
        expect(frame.get_by_role("cell", name="start=").first).to_be_visible()


def test_mapped_task_has_a_page_per_map_index(airflow, run_id, get, open_page):
    records = {get("ann", "land_parts", index).text.partition("journal/")[2][:60] for index in ("0", "1")}
    assert len(records) == 2
    assert get("ann", "land_parts").status_code == 404
    with open_page() as page:
        page.goto(task_page(airflow, run_id, "land_parts", "/mapped/1"))
        page.get_by_role("link", name="Braze", exact=True).click()
        expect(frame_of(page).get_by_role("heading", name="Landed by land_parts")).to_be_visible()


def test_value_of_a_dag_author_is_escaped_and_runs_nothing(airflow, hostile_run_id, open_page):
    complaints, requested = [], []
    with open_page() as page:
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: requested.append(request.url))
        page.goto(task_page(airflow, hostile_run_id, "hostile", "/plugin/braze", "hostile"))
        frame = frame_of(page)
        expect(frame.get_by_text("<script>").first).to_be_visible()
        assert frame.locator("script, img, iframe, form").count() == 0
        assert page.frames[1].evaluate("document.title").startswith("Coverage of")
    assert not [url for url in requested if "leak" in url]
    assert not [text for text in complaints if "Content Security Policy" in text]


def test_path_that_a_dag_author_returned_is_not_opened(get, hostile_run_id):
    response = get("ann", "path", dag_id="hostile", run_id=hostile_run_id)
    assert response.status_code == 404
    assert "Nothing to show" in response.text
    assert "root:" not in response.text


def test_rendered_fields_show_the_landed_days(airflow, run_id):
    task = airflow.client.call("GET", f"/dags/{DAG_ID}/dagRuns/{quote(run_id)}/taskInstances/land_campaigns")
    assert task["rendered_fields"]["landed_days"].endswith(" 9 changed")


def test_tasks_describe_what_they_land(airflow, run_id):
    tasks = {each["task_id"]: each["doc_md"] for each in airflow.client.call("GET", f"/dags/{DAG_ID}/tasks")["tasks"]}
    assert "`campaign_days`" in tasks["land_campaigns"]
    assert "docs/coverage.md" in tasks["check_coverage"]


def test_page_is_visible_outside_of_airflow(airflow, browser, tmp_path):
    with window(browser, airflow.url, tmp_path / "traffic.har", viewport={"width": 1100, "height": 1090}) as page:
        page.set_content(render_page(picture()))
        expect(page.get_by_text("To land again: campaigns (7 days)")).to_be_visible()
        expect(page.get_by_text("Welcome series, all channels").first).to_be_visible()
        take_picture(page, airflow.folder.parent / "pictures" / "coverage.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_readable_in_light_and_dark(airflow, run_id, open_page, scheme):
    with open_page(color_scheme=scheme, viewport={"width": 1400, "height": 900}) as page:
        page.goto(task_page(airflow, run_id, "check_coverage", "/plugin/braze"))
        expect(frame_of(page).get_by_role("heading", name="Coverage of")).to_be_visible()
        expect(page.get_by_test_id("check_coverage")).to_be_visible()
        take_picture(page, airflow.folder.parent / "pictures" / f"coverage-in-airflow-{scheme}.png")
