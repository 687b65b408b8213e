"""A Braze connection made in Airflow's form by a browser, as a user makes it, and a Dag that runs with it."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from airflow_provider_braze.get_provider_info import get_provider_info
from airflow_provider_braze.sandbox.settings import PERMISSIONS
from tests.system.braze import ZONE, check_landed, days_from
from tests.system.browser import ConnectionForm, chromium, received_texts, row_of, take_picture, window

RUN_SECONDS = 600
CONN_ID = "braze_default"
# On Airflow 3.3.1 and 3.3.2 the list's button rejects connections without a port, which this type's form lacks.
CONN_ID_WITH_PORT = "braze_with_port"
(TYPE,) = get_provider_info()["connection-types"]
FIELDS = TYPE["conn-fields"]
WORDS = TYPE["ui-field-behaviour"]
LIMITED = {name: field["schema"] for name, field in FIELDS.items() if "maximum" in field["schema"]}
GOOD = "The key works. Its permissions include campaigns.list, campaigns.data_series."


@pytest.fixture(scope="module")
def lake(s3):
    return s3("braze")


@pytest.fixture(scope="module")
def airflow(start_airflow, lake):
    environment = {
        "AIRFLOW_VAR_LAKE": lake.uri,
        "AIRFLOW_CONN_AWS_DEFAULT": os.environ["AIRFLOW_CONN_AWS_DEFAULT"],
        # A connection of the environment would take precedence over the one made here.
        "AIRFLOW_CONN_BRAZE_DEFAULT": "",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__API__DEFAULT_WRAP": "True",
    }
    return start_airflow("form", dags="form", environment=environment)


@pytest.fixture
def pictures(airflow):
    """Return the folder that ``make screenshots`` copies."""
    return airflow.folder.parent / "pictures"


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def key(braze_server):
    return braze_server.settings().api_key


@pytest.fixture(scope="module")
def open_page(airflow, browser, key, tmp_path_factory):
    """Return a context manager that opens a page, and then checks that the browser did not receive the key."""

    @contextmanager
    def opened():
        traffic = tmp_path_factory.mktemp("traffic") / "traffic.har"
        with window(browser, airflow.url, traffic) as page:
            yield page
        texts = received_texts(traffic)
        assert any("Connections" in text for text in texts)
        assert not [text for text in texts if key in text]

    return opened


@pytest.fixture
def page(open_page):
    with open_page() as page:
        yield page


@pytest.fixture
def form(page):
    return ConnectionForm(page)


@pytest.fixture(scope="module")
def made(airflow, open_page, braze_server, key):
    """Make the connection in the form, and return the page's content right after."""
    with open_page() as page:
        form = ConnectionForm(page)
        form.add(CONN_ID, "Braze")
        form.input("Description").fill("Workspace of marketing")
        form.input("REST endpoint").fill(braze_server.url)
        form.input("REST API key").fill(key)
        form.unfold("Extra Fields")
        form.input("Company time zone").fill(ZONE)
        form.input("Attempts per request").fill("5")
        form.save()
        expect(row_of(page, CONN_ID)).to_be_visible()
        return page.content()


@pytest.fixture(scope="module")
def with_port(airflow, braze_server, key):
    host, _, port = braze_server.url.rpartition(":")
    arguments = ["--conn-type", "braze", "--conn-host", host, "--conn-port", port, "--conn-password", key]
    airflow.run("connections", "add", CONN_ID_WITH_PORT, *arguments)


@pytest.fixture(scope="module")
def ran(airflow, made):
    """Return the last run of a Dag that uses the connection."""
    airflow.unpause("braze_daily")
    *_, last = airflow.wait_for_runs("braze_daily", 3, RUN_SECONDS)
    return last["dag_run_id"]


@pytest.fixture
def reject_key(braze, key):
    """Yield a function that makes Braze reject the key."""
    yield braze.configure
    braze.configure(api_key=key, permissions=PERMISSIONS)


def test_standard_fields_have_the_labels_of_the_provider(form):
    form.add("any", "Braze")
    assert form.labels() == ["Connection ID", "Connection Type", "Description", "REST endpoint", "REST API key"]
    placeholders = {name: form.input(label).get_attribute("placeholder") for name, label in WORDS["relabeling"].items()}
    assert placeholders == WORDS["placeholders"]


def test_extra_fields_have_labels_and_help_in_order(form):
    form.add("any", "Braze")
    form.unfold("Extra Fields")
    assert form.labels() == ["Connection ID", "Connection Type", *(field["label"] for field in FIELDS.values())]
    for field in FIELDS.values():
        expect(form.field(field["label"])).to_contain_text(field["description"])
        expect(form.input(field["label"])).to_have_value("")


def test_zones_are_offered_and_any_other_is_accepted(form):
    form.add("any", "Braze")
    form.unfold("Extra Fields")
    zone = form.input("Company time zone")
    offered = form.dialog.locator(f"datalist#{zone.get_attribute('list')} option")
    assert [option.get_attribute("value") for option in offered.all()] == FIELDS["timezone"]["schema"]["examples"]
    zone.fill("Asia/Kathmandu")
    form.unfold("Extra Fields JSON")
    expect(form.dialog.get_by_role("region")).to_contain_text("Asia/Kathmandu")


@pytest.mark.parametrize("name", LIMITED)
def test_number_out_of_its_limits_is_corrected(form, name):
    form.add("any", "Braze")
    form.unfold("Extra Fields")
    number = form.input(FIELDS[name]["label"])
    for typed, left in (("9999999", LIMITED[name]["maximum"]), ("0", LIMITED[name]["minimum"])):
        number.fill(typed)
        number.blur()
        expect(number).to_have_value(str(left))


def test_completed_form_hides_the_key(page, form, pictures):
    page.set_viewport_size({"width": 1400, "height": 1500})
    form.add(CONN_ID, "Braze")
    form.input("REST endpoint").fill("rest.iad-01.braze.com")
    key = form.input("REST API key")
    key.fill("01234567-89ab-cdef-0123-456789abcdef")
    expect(key).to_have_attribute("type", "password")
    form.dialog.get_by_role("heading").click()
    take_picture(form.dialog, pictures / "connection-form.png")
    form.unfold("Extra Fields")
    form.input("Company time zone").fill(ZONE)
    form.input("Company time zone").blur()
    take_picture(form.dialog, pictures / "connection-form-extra.png")


def test_connection_is_stored_as_it_was_typed(airflow, braze_server, made):
    stored = airflow.client.call("GET", f"/connections/{CONN_ID}")
    extra = json.loads(stored.pop("extra"))
    assert {name: value for name, value in stored.items() if value is not None} == {
        "connection_id": CONN_ID,
        "conn_type": "braze",
        "description": "Workspace of marketing",
        "host": braze_server.url,
        "password": "***",
    }
    assert extra == {**dict.fromkeys(FIELDS), "timezone": ZONE, "max_attempts": 5}


def test_saved_key_cannot_be_read(form, made, key):
    assert CONN_ID in made
    assert key not in made
    form.edit(CONN_ID)
    form.dialog.get_by_role("button", name="Show value").click()
    expect(form.input("REST API key")).to_have_value("***")


def test_edited_connection_keeps_its_key(airflow, form, made):
    form.edit(CONN_ID)
    form.input("Description").fill("Workspace of marketing, New York")
    form.save()
    assert airflow.client.call("GET", f"/connections/{CONN_ID}")["description"].endswith("New York")
    assert "Connection success!" in airflow.run("connections", "test", CONN_ID)


def test_dag_with_the_connection_lands_the_figures_of_braze(ran, braze, lake):
    # The main thread runs the browser's event loop, and s3fs starts its own.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(check_landed, lake, braze, days_from(date(2026, 10, 30), 4)).result()


def test_pages_of_a_run_do_not_show_the_key(ran, page, key, lake, pictures):
    page.set_viewport_size({"width": 1400, "height": 680})
    task = f"/dags/braze_daily/runs/{quote(ran)}/tasks/land_campaigns"
    page.goto(task)
    expect(page.get_by_text("Landed 2 days")).to_be_visible()
    expect(page.get_by_test_id("land_campaigns")).to_be_visible()
    take_picture(page, pictures / "finished-run.png")
    assert key not in page.content()
    page.goto(f"{task}/rendered_templates")
    expect(page.get_by_text(lake.uri)).to_be_visible()
    assert key not in page.content()
    page.goto(f"{task}/xcom")
    expect(page.get_by_text("return_value")).to_be_visible()
    assert key not in page.content()


def test_button_reports_a_valid_key(page, braze, with_port):
    assert press_test(page) == {"status": True, "message": GOOD}
    expect(row_of(page, CONN_ID_WITH_PORT).get_by_role("button", name="Test Connection").locator("svg")).to_have_css(
        "color", "rgb(0, 128, 0)"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"api_key": "another-key"}, "Check the REST API key in the connection's password"),
        ({"permissions": ["campaigns.list"]}, "the permission 'campaigns.data_series'"),
        ({"permissions": ["campaigns.data_series"]}, "the permission 'campaigns.list'"),
    ],
)
def test_button_reports_why_the_key_is_rejected(page, reject_key, key, with_port, settings, message):
    reject_key(**settings)
    assert press_test(page)["status"] is False
    expect(page.get_by_role("status").filter(has_text="Test Connection Failed")).to_contain_text(message)
    assert key not in page.content()


def test_key_is_in_no_log(airflow, ran, with_port, key):
    logs = [path for path in airflow.folder.rglob("*") if path.is_file()]
    assert any("braze_daily" in str(path) for path in logs)
    assert not [path for path in logs if key.encode() in path.read_bytes()]


def press_test(page):
    page.goto("/connections")
    with page.expect_response("**/connections/test") as response:
        row_of(page, CONN_ID_WITH_PORT).get_by_role("button", name="Test Connection").click()
    return response.value.json()
