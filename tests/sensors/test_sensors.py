from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from airflow.exceptions import AirflowRescheduleException

from airflow_provider_braze.exceptions import (
    BrazeConfigError,
    BrazeDataError,
    BrazeError,
    BrazeServerError,
)
from airflow_provider_braze.sandbox import Sandbox
from airflow_provider_braze.sandbox.data import campaign_ids
from airflow_provider_braze.sensors.braze import CampaignDataSeriesSensor
from airflow_provider_braze.task.airflow import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)
from airflow_provider_braze.triggers import braze as triggers
from airflow_provider_braze.triggers.braze import DataSeriesTrigger

pytestmark = pytest.mark.timeout(60)

LIST, SERIES = "/campaigns/list", "/campaigns/data_series"
AS_OF = "2025-03-01T17:00:00Z"
DAY = "2025-02-28"
PAST = {"start": DAY, "end": "2025-03-01"}
FUTURE = {"start": "2999-12-31", "end": "3000-01-01"}
# Airflow 2 reads the start time from its database.
RESCHEDULE = pytest.param("reschedule", marks=pytest.mark.since_airflow("3.0"))
MODES = ["poke", RESCHEDULE, "deferrable"]


@pytest.fixture(autouse=True)
def workspace(braze: Sandbox) -> Sandbox:
    braze.configure(as_of=AS_OF)
    return braze


def a_sensor(mode: str = "poke", **given: Any) -> CampaignDataSeriesSensor:
    how = {"deferrable": True} if mode == "deferrable" else {"deferrable": False, "mode": mode}
    return CampaignDataSeriesSensor(**{"task_id": "wait", "poke_interval": 0.0, **PAST, **how, **given})


@pytest.fixture
def context(make_context) -> dict[str, Any]:
    """Return the context of a run that was not rescheduled before."""
    made = make_context()
    made["ti"].get_first_reschedule_date = lambda context: None
    made["ti"].max_tries = 0
    return made


def trigger_of(deferred: TaskDeferred) -> DataSeriesTrigger:
    """Return the trigger as a triggerer makes it."""
    path, arguments = deferred.trigger.serialize()
    assert path == "airflow_provider_braze.triggers.braze.DataSeriesTrigger"
    return DataSeriesTrigger(**json.loads(json.dumps(arguments)))


def event_of(deferred: TaskDeferred) -> Any:
    async def first() -> Any:
        (event,) = [event.payload async for event in trigger_of(deferred).run()]
        return event

    return asyncio.run(first())


def waited(context: dict[str, Any], mode: str, **given: Any) -> Any:
    """Run a sensor to its end as Airflow does: with a new object each time it is rescheduled or resumed."""
    began = datetime.now(timezone.utc)
    while True:
        try:
            return a_sensor(mode, **given).execute(context)
        except TaskDeferred as deferred:
            sensor = a_sensor(mode, **given)
            return sensor.resume_execution(deferred.method_name, {"event": event_of(deferred)}, context)
        except AirflowRescheduleException:
            context["ti"].get_first_reschedule_date = lambda context: began


def response(document: Any, status: int = 200) -> bytes:
    body = json.dumps(document).encode()
    return f"HTTP/1.1 {status} Status\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def days(*dates: str) -> bytes:
    return response({"data": [{"time": each, "messages": {}} for each in dates]})


@pytest.fixture
def server_of(raw_server, monkeypatch) -> Callable[..., Any]:
    """Return a function that starts a server that sends given responses, to which ``braze_default`` points."""

    def start(*responses: Any) -> Any:
        server = raw_server(*responses)
        connection = {"conn_type": "braze", "host": server.url, "password": "a-key", "extra": {"max_attempts": 1}}
        monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))
        return server

    return start


@pytest.fixture(autouse=True)
def _impatient(monkeypatch) -> None:
    """Let a trigger check again without a pause."""
    monkeypatch.setattr(triggers, "LEAST_POKE_SECONDS", 0.0)


# The same result in all modes


@pytest.mark.parametrize("mode", MODES)
def test_sensor_of_an_available_day_returns_the_campaign_that_has_it(workspace, context, mode):
    found = waited(context, mode)
    found_at = datetime.fromisoformat(found.pop("found_at"))
    assert found == {"day": DAY, "timezone": "UTC", "campaign_id": campaign_ids(workspace.settings)[-1]}
    assert abs(datetime.now(timezone.utc) - found_at) < timedelta(minutes=1)
    assert (workspace.count(LIST), workspace.count(SERIES)) == (1, 1)
    listed = workspace.requests[0].params
    assert (listed["sort_direction"], listed["page"], listed["include_archived"]) == ("desc", "0", "false")


@pytest.mark.parametrize("mode", MODES)
def test_sensor_checks_until_the_day_is_available(server_of, context, mode):
    server = server_of(days(), response({}, 503), response([])[:-1], days("2025-02-27"), days(DAY))
    assert waited(context, mode, campaign_ids=["a"])["campaign_id"] == "a"
    assert len(server.requests) == 5


@pytest.mark.parametrize("mode", MODES)
def test_sensor_checks_the_given_number_of_newest_campaigns(workspace, context, mode):
    workspace.configure(faults={"missing_days": {"*": [DAY]}})
    with pytest.raises(AirflowSensorTimeout):
        waited(context, mode, sample=3, timeout=0)
    requested = [request.params["campaign_id"] for request in workspace.requests if request.path == SERIES]
    assert len(set(requested)) == 3
    assert set(requested) <= set(campaign_ids(workspace.settings)[-5:])


@pytest.mark.parametrize("mode", MODES)
def test_sensor_skips_rejected_campaigns(workspace, context, mode):
    ids = campaign_ids(workspace.settings)
    workspace.configure(faults={"bad_subjects": {ids[0]: 400, ids[1]: 404}})
    assert waited(context, mode, campaign_ids=ids[:3])["campaign_id"] == ids[2]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"api_key": "another-key"}, "BrazeAuthError"),
        ({"permissions": ["campaigns.list"]}, "BrazeAuthError"),
        ({"faults": {"bad_subjects": {"a": 400, "b": 404}}}, r"None of the campaigns checked \(2\) can be used"),
    ],
)
def test_sensor_with_a_permanent_error_fails_without_retries(workspace, context, mode, change, message):
    key = workspace.api_key
    workspace.configure(**change)
    with pytest.raises(AirflowFailException, match=message) as caught:
        waited(context, mode, campaign_ids=["a", "b"])
    assert key not in str(caught.value)


@pytest.mark.parametrize("mode", MODES)
def test_sensor_with_a_response_of_another_shape_fails_and_may_be_retried(server_of, context, mode):
    server_of(response({"data": {}}))
    with pytest.raises(BrazeDataError):
        waited(context, mode, campaign_ids=["a"])


@pytest.mark.parametrize("mode", MODES)
def test_sensor_without_the_day_in_time_times_out(server_of, context, mode):
    server_of(days())
    with pytest.raises(AirflowSensorTimeout):
        waited(context, mode, campaign_ids=["a"], timeout=0)


@pytest.mark.parametrize("mode", MODES)
def test_sensor_with_soft_fail_is_skipped_at_its_timeout(server_of, context, mode):
    server_of(days())
    with pytest.raises(AirflowSkipException):
        waited(context, mode, campaign_ids=["a"], timeout=0, soft_fail=True)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("switch", ["soft_fail", "never_fail"])
def test_sensor_with_soft_fail_or_never_fail_is_skipped_with_a_wrong_key(workspace, context, mode, switch):
    workspace.configure(api_key="another-key")
    with pytest.raises(AirflowSkipException):
        waited(context, mode, **{switch: True})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("switch", "error"), [("soft_fail", BrazeDataError), ("never_fail", AirflowSkipException)])
def test_only_sensor_with_never_fail_is_skipped_on_any_error(server_of, context, mode, switch, error):
    server_of(response({"data": {}}))
    with pytest.raises(error):
        waited(context, mode, campaign_ids=["a"], **{switch: True})


# Which day


@pytest.mark.parametrize("mode", MODES)
def test_sensor_waits_for_the_last_day_of_the_run(workspace, make_context, mode):
    context = make_context(
        run_type="scheduled",
        data_interval_start=datetime(2025, 2, 20, tzinfo=timezone.utc),
        data_interval_end=datetime(2025, 2, 27, tzinfo=timezone.utc),
    )
    context["ti"].get_first_reschedule_date = lambda context: None
    assert waited(context, mode, start=None, end=None)["day"] == "2025-02-26"


@pytest.mark.parametrize("mode", MODES)
def test_sensor_of_a_run_without_an_ended_day_is_skipped(workspace, make_context, mode):
    context = make_context(
        run_type="scheduled",
        data_interval_start=datetime(2025, 2, 20, 5, tzinfo=timezone.utc),
        data_interval_end=datetime(2025, 2, 20, 6, tzinfo=timezone.utc),
    )
    context["ti"].get_first_reschedule_date = lambda context: None
    with pytest.raises(AirflowSkipException, match="No day ended"):
        waited(context, mode, start=None, end=None)
    assert workspace.count() == 0


def test_sensor_uses_days_in_the_zone_of_the_connection(braze_sandbox_factory, context):
    braze = braze_sandbox_factory(timezone="Pacific/Kiritimati", as_of=AS_OF)
    found = waited(context, "poke")
    assert (found["day"], found["timezone"]) == (DAY, "Pacific/Kiritimati")
    assert braze.requests[-1].params["ending_at"] == "2025-03-01T12:00:00+14:00"


def test_sensor_renders_its_templates(workspace, context):
    ids = campaign_ids(workspace.settings)
    sensor = a_sensor(
        campaign_ids="{{ ids }}",
        start="{{ first }}",
        end="{{ stop }}",
        timezone="{{ zone }}",
        braze_conn_id="{{ connection }}",
    )
    rendered = {"ids": ids[2:4], "first": DAY, "stop": "2025-03-01", "zone": "UTC", "connection": "braze_default"}
    context.update(rendered)
    sensor.render_template_fields(context)
    assert sensor.poke(context).xcom_value["campaign_id"] == ids[2]


@pytest.mark.parametrize("mode", MODES)
def test_sensor_of_no_campaigns_is_skipped(workspace, context, mode):
    with pytest.raises(AirflowSkipException, match="No campaigns were given"):
        waited(context, mode, campaign_ids=[])
    assert workspace.count() == 0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wrong", [{"campaign_ids": "None"}, {"campaign_ids": 5}])
def test_sensor_with_unusable_arguments_fails_without_retries(context, mode, wrong):
    with pytest.raises(AirflowFailException, match="BrazeConfigError"):
        waited(context, mode, **wrong)


def test_sensor_with_one_date_rendered_to_nothing_fails_without_retries(context):
    sensor = a_sensor(end="{{ nothing }}")
    sensor.end = ""
    with pytest.raises(AirflowFailException, match="`end` is missing"):
        sensor.poke(context)


@pytest.mark.parametrize(
    "wrong", [{"end": None}, {"end": DAY}, {"start": "yesterday"}, {"timezone": "Mars"}, {"timezone": "EST"}]
)
def test_sensor_with_unusable_literal_dates_is_rejected_when_the_dag_is_parsed(wrong):
    with pytest.raises(BrazeConfigError):
        a_sensor(**wrong)


@pytest.mark.parametrize("wrong", [0, 101, 2.5, True, "5"])
def test_sensor_with_an_invalid_sample_is_rejected(wrong):
    with pytest.raises(BrazeConfigError, match="`sample`"):
        a_sensor(sample=wrong)


@pytest.mark.parametrize("wrong", [timedelta(seconds=-1), timedelta(days=367), 3, None])
def test_sensor_with_an_invalid_grace_is_rejected(wrong):
    with pytest.raises(BrazeConfigError, match="`grace`"):
        a_sensor(grace=wrong)


# No request before the day is ready


def yesterday() -> dict[str, str]:
    """Return the window of yesterday in UTC. A grace of two days after it has not ended."""
    today = datetime.now(timezone.utc).date()
    return {"start": str(today - timedelta(days=1)), "end": str(today)}


@pytest.mark.parametrize("given", [FUTURE, {**yesterday(), "grace": timedelta(days=2)}], ids=["not over", "grace"])
def test_poke_of_a_day_that_is_not_ready_returns_false_without_a_request(workspace, context, given):
    assert not a_sensor(**given).poke(context)
    assert workspace.count() == 0


def test_sensor_logs_its_wait_once(context, caplog):
    sensor = a_sensor(**FUTURE)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            assert not sensor.poke(context)
    assert len([record for record in caplog.records if record.getMessage().startswith("Waiting for")]) == 1


@pytest.mark.parametrize("mode", MODES)
def test_sensor_of_a_day_that_is_not_ready_times_out_without_a_request(workspace, context, mode):
    with pytest.raises(AirflowSensorTimeout):
        waited(context, mode, timeout=0, **FUTURE)
    assert workspace.count() == 0


def test_deferrable_sensor_defers_until_the_day_is_ready(workspace, context):
    with pytest.raises(TaskDeferred) as caught:
        a_sensor("deferrable", timeout=600, campaign_ids="a", sample=3, poke_interval=40, **FUTURE).execute(context)
    arguments = caught.value.trigger.serialize()[1]
    give_up_at = arguments.pop("give_up_at")
    assert 590 < give_up_at - time.time() <= 600
    assert arguments == {
        "day": "2999-12-31",
        "timezone": "UTC",
        "ready_at": datetime(3000, 1, 1, 3, tzinfo=timezone.utc).timestamp(),
        "series": "campaigns",
        "ids": ["a"],
        "must_all": False,
        "sample": 3,
        "poke_interval": 40.0,
        "braze_conn_id": "braze_default",
    }
    assert caught.value.method_name == "execute_complete"
    assert caught.value.timeout == timedelta(minutes=15)
    assert workspace.count() == 0


def test_deferrable_sensor_of_an_available_day_does_not_defer(workspace, context):
    assert a_sensor("deferrable").execute(context)["day"] == DAY


def rescheduled_to(context: dict[str, Any], **given: Any) -> float:
    with pytest.raises(AirflowRescheduleException) as caught:
        a_sensor("reschedule", **given).execute(context)
    return caught.value.reschedule_date.timestamp()


@pytest.mark.since_airflow("3.0")
def test_sensor_is_rescheduled_to_the_time_when_the_day_is_ready(workspace, context):
    ends = datetime.combine(date.fromisoformat(yesterday()["end"]), datetime.min.time(), timezone.utc)
    ready_at = (ends + timedelta(days=2)).timestamp()
    given = {**yesterday(), "grace": timedelta(days=2), "timeout": timedelta(days=7), "poke_interval": 60}
    assert rescheduled_to(context, **given) == pytest.approx(ready_at, abs=5)
    assert workspace.count() == 0


@pytest.mark.since_airflow("3.0")
def test_sensor_with_an_earlier_timeout_is_rescheduled_to_its_timeout(context):
    assert rescheduled_to(context, timeout=600, **FUTURE) == pytest.approx(time.time() + 601, abs=5)


@pytest.mark.since_airflow("3.0")
def test_sensor_of_a_ready_day_is_rescheduled_by_the_interval(server_of, context):
    server_of(days())
    date = rescheduled_to(context, campaign_ids=["a"], poke_interval=90)
    assert date == pytest.approx(time.time() + 90, abs=5)


# Events of the trigger


@pytest.mark.parametrize("event", [None, {}, {"status": "what"}])
def test_execute_complete_of_an_unknown_event_fails(context, event):
    with pytest.raises(BrazeError, match="unknown event"):
        a_sensor().execute_complete(context, event)


def test_execute_complete_returns_the_found_day(context):
    found = {"day": DAY, "campaign_id": "a"}
    assert a_sensor().execute_complete(context, {"status": "success", "found": found}) == found


def test_execute_complete_of_an_error_raises_its_class(context):
    with pytest.raises(BrazeServerError, match="down"):
        a_sensor().execute_complete(context, {"status": "error", "error_type": "BrazeServerError", "message": "down"})


def test_execute_complete_works_on_a_new_object(context):
    event = {"status": "error", "error_type": "BrazeAuthError", "message": "no"}
    with pytest.raises(AirflowFailException, match="BrazeAuthError: no"):
        CampaignDataSeriesSensor(task_id="wait").execute_complete(context, event)


# Ending


class KillingHandler(logging.Handler):
    """Kills the task when a request begins to wait."""

    def __init__(self, kill: Callable[[], None]) -> None:
        super().__init__()
        self._kill = kill

    def emit(self, record: logging.LogRecord) -> None:
        if "next in" in record.msg:
            self._kill()


def test_on_kill_ends_the_wait_of_a_request(workspace, context):
    workspace.configure(faults={"rate_429": 1.0, "retry_after_reset_seconds": 600})
    sensor = a_sensor()
    sensor.on_kill()  # no request is in flight yet
    handler, log = KillingHandler(sensor.on_kill), logging.getLogger("airflow_provider_braze.transport.sender")
    log.addHandler(handler)
    try:
        with pytest.raises(BrazeError, match="Task stopped"):
            sensor.poke(context)
    finally:
        log.removeHandler(handler)
    assert workspace.count() == 1
