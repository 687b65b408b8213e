from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from itertools import count
from typing import Any

import psutil
import pytest

from airflow_provider_braze.core import listing
from airflow_provider_braze.core.models import Window
from airflow_provider_braze.exceptions import (
    BrazeConfigError,
    BrazeDataError,
    BrazeError,
    BrazeRequestError,
    BrazeTransportError,
)
from airflow_provider_braze.hooks import braze as hooks
from airflow_provider_braze.hooks.braze import BrazeHook
from airflow_provider_braze.sandbox import Sandbox
from airflow_provider_braze.sandbox.data import campaign_details, campaign_entry, campaign_ids, day_object
from airflow_provider_braze.series.campaigns import CAMPAIGNS

pytestmark = pytest.mark.timeout(60)

LIST, DETAILS, SERIES = "/campaigns/list", "/campaigns/details", "/campaigns/data_series"
AS_OF = "2025-03-01T17:00:00Z"
KEY = "a-key-of-the-test"


def set_connection(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps({"conn_type": "braze", "password": KEY, **fields}))


def response(document: Any, status: int = 200) -> bytes:
    body = json.dumps(document).encode()
    return f"HTTP/1.1 {status} Status\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def sockets_to(server: Any) -> list[Any]:
    port = int(server.url.rsplit(":", 1)[1])
    return [each for each in psutil.Process().net_connections("tcp") if each.raddr and each.raddr.port == port]


@pytest.fixture
def hook(braze: Sandbox) -> Iterator[BrazeHook]:
    braze.configure(as_of=AS_OF)
    with closing(BrazeHook()) as hook:
        yield hook


@pytest.fixture
def hook_to(raw_server, monkeypatch) -> Iterator[Any]:
    """Return a function that starts a server with given responses, and returns it with a hook that calls it."""
    hooks: list[BrazeHook] = []

    def start(*responses: Any) -> tuple[Any, BrazeHook]:
        server = raw_server(*responses)
        set_connection(monkeypatch, host=server.url, extra={"max_attempts": 1})
        hooks.append(BrazeHook())
        return server, hooks[-1]

    yield start
    for hook in hooks:
        hook.close()


# The connection


@pytest.mark.parametrize("host", ["https://rest.fra-01.braze.eu", "rest.fra-01.braze.eu/"])
def test_settings_come_from_the_connection(monkeypatch, host):
    extra = {"timezone": "Europe/Berlin", "max_attempts": 3, "requests_per_minute": 600, "verify": True}
    set_connection(monkeypatch, host=host, port=8443, extra=extra)
    settings = BrazeHook().settings
    assert settings.credentials.base_url == "https://rest.fra-01.braze.eu:8443"
    assert settings.credentials.api_key == KEY
    assert (settings.timezone, settings.max_attempts, settings.requests_per_minute) == ("Europe/Berlin", 3, 600)


@pytest.mark.parametrize(
    ("uri", "base_url"),
    [
        ("braze://:a%2Fkey@rest.iad-01.braze.com", "https://rest.iad-01.braze.com"),
        ("braze://:a%2Fkey@rest.iad-01.braze.com:8443/", "https://rest.iad-01.braze.com:8443"),
        ("braze://https://:a%2Fkey@rest.iad-01.braze.com", "https://rest.iad-01.braze.com"),
        ("braze://:a%2Fkey@http%3A%2F%2F127.0.0.1%3A8080/", "http://127.0.0.1:8080"),
    ],
)
def test_settings_of_a_connection_uri(monkeypatch, uri, base_url):
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", uri)
    assert BrazeHook().settings.credentials.base_url == base_url
    assert BrazeHook().settings.credentials.api_key == "a/key"


def test_settings_of_a_connection_uri_parse_numbers(monkeypatch, self_signed):
    certificate = str(self_signed[1])
    extra = "timezone=America%2FNew_York&connect_timeout=2.5&read_timeout=30&max_attempts=3&requests_per_minute=600"
    uri = f"braze://:{KEY}@rest.iad-01.braze.com/?{extra}&verify={certificate.replace('/', '%2F')}"
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", uri)
    settings = BrazeHook().settings
    assert (settings.timezone, settings.connect_timeout, settings.read_timeout) == ("America/New_York", 2.5, 30.0)
    assert (settings.max_attempts, settings.requests_per_minute, settings.verify) == (3, 600, certificate)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("timezone", "Mars"),
        ("connect_timeout", "soon"),
        ("read_timeout", "-1"),
        ("max_attempts", "2.5"),
        ("requests_per_minute", "0"),
        ("verify", "false"),
        ("verify", "/no/such/file.pem"),
        ("unheard_of", "1"),
    ],
)
@pytest.mark.parametrize("form", ["uri", "json"])
def test_settings_with_a_wrong_extra_field_raise_with_its_name(monkeypatch, form, name, wrong):
    if form == "uri":
        uri = f"braze://:{KEY}@rest.iad-01.braze.com/?{name}={wrong.replace('/', '%2F')}"
        monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", uri)
    else:
        set_connection(monkeypatch, host="rest.iad-01.braze.com", extra={name: wrong})
    with pytest.raises(BrazeConfigError, match=f"'{name}'") as caught:
        BrazeHook().settings  # noqa: B018 - a property that checks
    assert KEY not in str(caught.value)


def test_settings_of_a_missing_connection_raise_with_its_name():
    with pytest.raises(BrazeConfigError, match=r"Connection 'no_such' does not exist\."):
        BrazeHook("no_such").settings  # noqa: B018 - a property that checks


def test_hook_uses_the_given_connection_id(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BRAZE_EU", f"braze://:{KEY}@rest.fra-02.braze.eu")
    assert BrazeHook("braze_eu").settings.credentials.base_url == "https://rest.fra-02.braze.eu"


def test_connection_form_labels_host_and_key():
    form = BrazeHook.get_ui_field_behaviour()
    assert form["relabeling"] == {"host": "REST endpoint", "password": "REST API key"}
    assert not {"host", "password", "extra"} & set(form["hidden_fields"])


def test_repr_hides_the_key(braze, hook):
    hook.campaign_details(campaign_ids(braze.settings)[0])
    texts = [repr(each) for each in (hook, hook.settings, hook.get_conn(), vars(hook), vars(hook.get_conn()))]
    assert braze.api_key not in " ".join(texts)


# Campaigns


def test_list_campaigns_reads_all_pages(braze, hook):
    braze.configure(campaigns=250)
    entries = list(hook.list_campaigns())
    assert entries == [campaign_entry(braze.settings, number) for number in range(250)]
    pages = [request.params["page"] for request in braze.requests]
    # Twice, to detect campaigns that left the list while it was read.
    assert pages == ["0", "1", "2", "3"] * 2
    assert {request.params["include_archived"] for request in braze.requests} == {"true"}


def test_list_campaigns_without_archived_omits_archived_campaigns(braze, hook):
    archived = {
        campaign_id
        for campaign_id in campaign_ids(braze.settings)
        if campaign_details(braze.settings, campaign_id)["archived"]
    }
    listed = {entry["id"] for entry in hook.list_campaigns(include_archived=False)}
    assert archived
    assert listed == set(campaign_ids(braze.settings)) - archived


def test_list_campaigns_edited_after_omits_older_campaigns(braze, hook):
    entries = list(hook.list_campaigns())
    moments = sorted(datetime.fromisoformat(entry["last_edited"]) for entry in entries)
    # In another zone than the list's, because the instant counts.
    moment = moments[7].astimezone(timezone(timedelta(hours=-5)))
    edited = list(hook.list_campaigns(edited_after=moment))
    assert edited == [entry for entry in entries if datetime.fromisoformat(entry["last_edited"]) > moment]
    assert 0 < len(edited) < len(entries)


def test_list_campaigns_of_an_empty_workspace_is_empty(braze, hook):
    braze.configure(campaigns=0)
    assert list(hook.list_campaigns()) == []


def page(*ids: str) -> bytes:
    return response({"message": "success", "campaigns": [{"id": each, "name": f"campaign {each}"} for each in ids]})


def test_list_campaigns_yields_each_id_once(hook_to):
    _, hook = hook_to(*[page("a", "b", "a"), page("b", "c"), page()] * 2)
    assert [entry["id"] for entry in hook.list_campaigns()] == ["a", "b", "c"]


def test_list_campaigns_of_a_server_that_ignores_the_page_ends(hook_to):
    server, hook = hook_to(page("a", "b"))
    assert [entry["id"] for entry in hook.list_campaigns()] == ["a", "b"]
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("readings", "listed"),
    [
        # While the first pages were read, "a" left, and "c" moved from the second page to the first.
        ([[["a", "b"], ["d"]], *[[["b", "c"], ["d"]]] * 3], ["b", "c", "d"]),
        # The same during the second reading: no entry of the first reading may be missing.
        ([[["a", "b"], ["c"]], [["a", "b"]], [["b", "c"]], [["b", "c"]]], ["b", "c"]),
        # An entry that is added during the second reading is new, and moves nothing.
        ([[["a"], ["b"]], [["a"], ["b", "c"]]], ["a", "b", "c"]),
        ([[], [["a"]]], ["a"]),
    ],
)
def test_list_campaigns_of_a_changing_list_is_read_until_complete(hook_to, readings, listed):
    responses, before = [], 0
    for number, reading in enumerate(readings):
        pages = [page(*ids) for ids in [*reading, []]]
        # The second of two readings requests as many pages as the first, even if the list has become shorter.
        responses += pages + [page()] * (before - len(pages))
        before = 0 if number % 2 else len(pages)
    server, hook = hook_to(*responses)
    assert [entry["id"] for entry in hook.list_campaigns()] == listed
    assert len(server.requests) == len(responses)


def test_list_campaigns_of_a_list_that_keeps_changing_raises(hook_to):
    responses = [page(*ids) for number in range(6) for ids in ([f"removed {number}"], [])]
    server, hook = hook_to(*responses)
    with pytest.raises(BrazeDataError, match="read 6 times"):
        list(hook.list_campaigns())
    assert len(server.requests) == 12


def endless_list(stream: Any, closing: Any) -> None:
    stream.sendall(page(*(f"campaign {next(NUMBERS)}" for _ in range(2))))


NUMBERS = count()


def test_list_campaigns_of_a_list_that_never_ends_raises(hook_to, monkeypatch):
    monkeypatch.setattr(listing, "MOST_PAGES", 5)
    server, hook = hook_to(endless_list)
    with pytest.raises(BrazeDataError, match=r"did not end after 5 pages \(10 entries\)"):
        list(hook.list_campaigns())
    assert len(server.requests) == 5


def test_list_campaigns_logs_its_progress(hook_to, monkeypatch, caplog):
    monkeypatch.setattr(hooks, "PROGRESS_SECONDS", 0.0)
    _, hook = hook_to(*[page("a"), page("b", "c"), page()] * 2)
    with caplog.at_level("INFO"):
        assert len(list(hook.list_campaigns())) == 3
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Reading")]
    assert lines[:2] == [
        "Reading /campaigns/list: 1 entry on 1 page so far",
        "Reading /campaigns/list: 3 entries on 2 pages so far",
    ]


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"message": "success"}, "$.campaigns"),
        ({"campaigns": {}}, "$.campaigns"),
        ({"campaigns": None}, "$.campaigns"),
        ({"campaigns": [{"id": "a"}, {"name": "b"}]}, "$.campaigns[1]"),
        ({"campaigns": [{"id": ""}]}, "$.campaigns[0]"),
        ({"campaigns": [{"id": 5}]}, "$.campaigns[0]"),
        ({"campaigns": ["a"]}, "$.campaigns[0]"),
    ],
)
def test_list_campaigns_of_another_shape_raises_with_its_path(hook_to, document, path):
    _, hook = hook_to(response(document))
    with pytest.raises(BrazeDataError) as caught:
        list(hook.list_campaigns())
    assert caught.value.path == path


def test_campaign_details_equal_those_of_braze(braze, hook):
    for campaign_id in campaign_ids(braze.settings):
        expected = {"message": "success", **campaign_details(braze.settings, campaign_id)}
        assert hook.campaign_details(campaign_id) == expected


def test_campaign_details_of_an_unknown_id_raise_not_found(hook):
    with pytest.raises(BrazeRequestError):
        hook.campaign_details("unknown")


# Data series


def a_window(days: int, zone: str) -> Window:
    return Window(date(2025, 3, 1) - timedelta(days=days), date(2025, 3, 1), zone)


@pytest.mark.parametrize(
    ("zone", "reading"),
    [("UTC", "inclusive"), ("America/New_York", "midnight_before"), ("Asia/Seoul", "exclusive")],
)
@pytest.mark.parametrize(("days", "calls"), [(1, 1), (99, 1), (100, 1), (250, 3)])
def test_campaign_data_series_returns_exactly_the_requested_days(braze, hook, days, calls, zone, reading):
    braze.configure(timezone=zone, ending_at_reading=reading)
    campaign_id = campaign_ids(braze.settings)[2]
    series = hook.campaign_data_series(campaign_id, a_window(days, zone))
    assert series == [day_object(braze.settings, campaign_id, day) for day in a_window(days, zone)]
    # A request of 100 days whose last day is left out is completed by another.
    assert braze.count(SERIES, 200) == braze.count() == calls + (reading == "exclusive" and days == 100)


def test_campaign_data_series_of_every_kind_of_campaign(braze, hook):
    for campaign_id in campaign_ids(braze.settings):
        series = hook.campaign_data_series(campaign_id, a_window(3, "UTC"))
        assert series == [day_object(braze.settings, campaign_id, day) for day in a_window(3, "UTC")]


def test_campaign_data_series_omits_a_day_that_was_not_returned(braze, hook):
    braze.configure(faults={"missing_days": {"*": ["2025-02-27"]}, "double_days": 1.0, "foreign_days": 1.0})
    series = hook.campaign_data_series(campaign_ids(braze.settings)[0], a_window(3, "UTC"))
    assert [day["time"] for day in series] == ["2025-02-26", "2025-02-28"]


def test_contradictory_campaign_data_series_is_a_data_error(braze, hook):
    braze.configure(faults={"contradicting_days": 1.0, "missing_days": {"*": ["2025-03-01", "2025-02-27"]}})
    with pytest.raises(BrazeDataError):
        hook.campaign_data_series(campaign_ids(braze.settings)[0], a_window(1, "UTC"))


def test_campaign_data_series_of_an_empty_window_makes_no_request(braze, hook):
    assert hook.campaign_data_series(campaign_ids(braze.settings)[0], a_window(0, "UTC")) == []
    assert braze.count() == 0


def test_fetch_series_decodes_each_response_oldest_first(braze, hook):
    starts = hook.fetch_series(
        CAMPAIGNS,
        CAMPAIGNS.subject(campaign_ids(braze.settings)[0]),
        a_window(250, "UTC"),
        lambda body, call: [call.start],
    )
    assert starts == sorted(starts)
    assert starts[0] == [date(2025, 3, 1) - timedelta(days=250)]


# Other endpoints


def test_get_requests_any_path(hook_to):
    server, hook = hook_to(response({"canvases": [], "message": "success"}))
    assert hook.get("/canvas/list", {"page": "2"}) == {"canvases": [], "message": "success"}
    assert server.requests[0].startswith(b"GET /canvas/list?page=2 HTTP/1.1")


def test_get_returns_the_result_of_its_decoder(hook_to):
    _, hook = hook_to(response([1, 2]))
    assert hook.get("/canvas/list", {}, json.loads) == [1, 2]


def test_get_without_params_or_message_succeeds(hook_to):
    _, hook = hook_to(response({"data": 1}))
    assert hook.get("/canvas/data_summary") == {"data": 1}


@pytest.mark.parametrize(("document", "kind"), [([], "list"), ("x", "str"), (None, "NoneType")])
def test_get_of_json_that_is_not_an_object_is_a_data_error(hook_to, document, kind):
    _, hook = hook_to(response(document))
    with pytest.raises(BrazeDataError, match=f"JSON {kind}, not an object"):
        hook.get("/canvas/list")


def test_get_of_200_with_a_failure_message_is_a_data_error_without_the_key(hook_to):
    _, hook = hook_to(response({"message": f"failed for {KEY}"}))
    with pytest.raises(BrazeDataError, match=r"failed for \*\*\*") as caught:
        hook.get("/canvas/list")
    assert caught.value.path == "$.message"


@pytest.mark.parametrize("path", ["https://example.org/campaigns/list", "//example.org/x", "example.org"])
def test_get_rejects_a_path_with_a_host(braze, hook, path):
    with pytest.raises(BrazeConfigError):
        hook.get(path)
    assert braze.count() == 0


# Opening, stopping, closing


def test_get_conn_is_one_transport_for_all_threads(hook):
    together = threading.Barrier(16, timeout=20)

    def open_it(_: int) -> Any:
        together.wait()
        return hook.get_conn()

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(open_it, range(16)))) == 1


def test_close_leaves_no_socket_and_a_usable_hook(braze, hook):
    for _ in range(2):
        assert len(list(hook.list_campaigns())) == 20
        assert sockets_to(braze)
        hook.close()
        assert not [each for each in sockets_to(braze) if each.status == "ESTABLISHED"]
    hook.close()


class Waiting(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "next in" in record.msg:
            self.seen.set()


def test_stop_ends_the_wait_of_a_thread_for_the_reset(braze, hook):
    braze.configure(faults={"rate_429": 1.0, "retry_after_reset_seconds": 30})
    handler, log = Waiting(), logging.getLogger("airflow_provider_braze.transport.sender")
    log.addHandler(handler)
    with ThreadPoolExecutor(1) as pool:
        listing = pool.submit(list, hook.list_campaigns())
        assert handler.seen.wait(20)
        hook.stop()
        error = listing.exception(timeout=20)
    log.removeHandler(handler)
    assert type(error) is BrazeError
    assert braze.count() == 1


def test_stop_before_the_first_request_applies_until_close(braze, hook):
    hook.stop()
    with pytest.raises(BrazeError, match="Task stopped"):
        hook.campaign_details("any")
    assert braze.count() == 0
    hook.close()
    assert len(list(hook.list_campaigns())) == 20


# The test of a connection


@pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("campaigns", [20, 0])
def test_test_connection_of_a_valid_connection_succeeds(braze, hook, campaigns):
    braze.configure(campaigns=campaigns)
    good, message = hook.test_connection()
    assert good, message
    assert "campaigns.list, campaigns.data_series" in message
    assert [request.path for request in braze.requests] == [LIST, SERIES]
    assert not [each for each in sockets_to(braze) if each.status == "ESTABLISHED"]


def test_test_connection_of_a_wrong_key_fails_without_showing_it(braze, hook):
    braze.configure(api_key="another-key")
    good, message = hook.test_connection()
    assert not good
    assert "returned status 401" in message
    assert "sandbox-key" not in message


@pytest.mark.parametrize("missing", ["campaigns.list", "campaigns.data_series"])
def test_test_connection_names_the_missing_permission(braze, hook, missing):
    braze.configure(permissions=[each for each in braze.settings.permissions if each != missing])
    good, message = hook.test_connection()
    assert not good
    assert f"permission '{missing}'" in message


@pytest.mark.parametrize("fault", ["rate_429", "rate_500", "rate_html", "rate_cut", "rate_reset"])
def test_test_connection_does_not_retry(braze, hook, fault):
    braze.configure(faults={fault: 1.0, "retry_after_reset_seconds": 30})
    good, message = hook.test_connection()
    assert not good
    assert LIST in message
    assert braze.count() == 1


def test_test_connection_of_another_host_fails(hook_to):
    _, hook = hook_to(response({"detail": "Not Found"}, 404))
    good, message = hook.test_connection()
    assert not good
    assert "Check the connection's host" in message


def test_test_connection_reports_an_unusual_status_of_the_series(hook_to):
    _, hook = hook_to(page("a"), response({"message": "I am a teapot"}, 418))
    assert hook.test_connection() == (
        False,
        "/campaigns/data_series returned status 418: 'I am a teapot'. Check the request.",
    )


def test_test_connection_of_an_unreachable_host_fails(raw_server, monkeypatch):
    server = raw_server(b"")
    server.close()
    set_connection(monkeypatch, host=server.url)
    good, message = BrazeHook().test_connection()
    assert not good
    assert "Request to /campaigns/list failed" in message


@pytest.mark.parametrize("fields", [{"host": "dashboard-01.braze.com"}, {"host": ""}, {"host": "x", "extra": {"a": 1}}])
def test_test_connection_of_an_unusable_connection_returns_the_reason(monkeypatch, fields):
    set_connection(monkeypatch, **fields)
    good, message = BrazeHook().test_connection()
    assert not good
    assert message.startswith("Connection 'braze_default' of type 'braze' cannot be used. Its ")


def test_test_connection_keeps_the_settings_of_the_hook(braze, hook, monkeypatch):
    attempts = hook.settings.max_attempts
    assert hook.test_connection()[0]
    assert hook.settings.max_attempts == attempts


# HTTPS


def test_hook_trusts_the_certificates_of_the_extra_field_verify(raw_server, monkeypatch, self_signed):
    context, certificate = self_signed
    server = raw_server(*[page("a"), page()] * 2, tls=context)
    set_connection(monkeypatch, host=server.url, extra={"verify": str(certificate)})
    with closing(BrazeHook()) as hook:
        assert [entry["id"] for entry in hook.list_campaigns()] == ["a"]


def test_hook_rejects_an_untrusted_certificate(raw_server, monkeypatch, self_signed):
    server = raw_server(page("a"), tls=self_signed[0])
    set_connection(monkeypatch, host=server.url, extra={"verify": "true", "max_attempts": 1})
    with closing(BrazeHook()) as hook, pytest.raises(BrazeTransportError, match="CERTIFICATE_VERIFY_FAILED"):
        list(hook.list_campaigns())
    assert server.requests == []
