from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_braze.core.models import Credentials
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeWindowError
from airflow_provider_braze.transport.connection import ConnectionSettings, parse_connection, parse_extra

KEY = "1234-key"
REST = "rest.iad-01.braze.com"


def a_connection(host: str | None = REST, password: str | None = KEY, **fields: Any) -> ConnectionSettings:
    return parse_connection(host=host, password=password, **fields)


def with_extra(**extra: Any) -> ConnectionSettings:
    return a_connection(extra=extra)


def error_of(**fields: Any) -> str:
    with pytest.raises(BrazeConfigError) as caught:
        a_connection(**fields)
    assert not isinstance(caught.value, BrazeWindowError)
    assert KEY not in str(caught.value)
    return str(caught.value)


def test_connection_without_extra_has_defaults():
    assert a_connection() == ConnectionSettings(Credentials(f"https://{REST}", KEY), None, 10.0, 60.0, 6, None, True)


@pytest.mark.parametrize(
    ("host", "base_url"),
    [
        (REST, f"https://{REST}"),
        (f" {REST}/ ", f"https://{REST}"),
        (f"https://{REST}", f"https://{REST}"),
        (f"https://{REST}//", f"https://{REST}"),
        (f"HTTPS://{REST.upper()}/", f"https://{REST}"),
        (f"{REST}:8443", f"https://{REST}:8443"),
        (f"https://{REST}:8443/", f"https://{REST}:8443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("braze-proxy", "https://braze-proxy"),
        ("rest.xx-77.braze.com", "https://rest.xx-77.braze.com"),
    ],
)
def test_connection_host_gives_the_base_url(host, base_url):
    assert a_connection(host).credentials.base_url == base_url


def test_connection_port_is_used_unless_the_host_has_one():
    assert a_connection(port=444).credentials.base_url == f"https://{REST}:444"
    assert a_connection(f"{REST}:445", port=444).credentials.base_url == f"https://{REST}:445"


@pytest.mark.parametrize("host", [None, "", "  ", "/"])
def test_connection_without_host_says_what_to_give(host):
    assert "host is empty. Give the REST endpoint, such as rest.iad-01.braze.com" in error_of(host=host)


@pytest.mark.parametrize(
    "host",
    [
        f"{REST}/campaigns/list",
        f"https://{REST}/v1",
        f"{REST}?x=1",
        f"{REST}#x",
        "rest iad",
        "https://",
        "https:///",
        f"{REST}:port",
        f"{REST}:99999",
        "https://[::1",
        "röst.braze.com",
    ],
)
def test_connection_host_that_is_none_is_refused(host):
    assert "is no host name" in error_of(host=host)


def test_connection_host_with_a_user_is_refused_without_showing_it():
    assert "holds an '@'" in error_of(host=f"https://user:{KEY}@{REST}")
    assert "holds an '@'" in error_of(host=f"@{REST}")


@pytest.mark.parametrize(
    "host", [f"http://{REST}", "http://10.0.0.1", "http://localhost.example.org", "http://127.1", f"ftp://{REST}"]
)
def test_connection_host_by_plain_http_is_refused_unless_loopback(host):
    assert "Use https; plain http is for a loopback address only" in error_of(host=host)


# Braze docs, API overview (seen 2026-09): all instances with their dashboard and REST hosts.
INSTANCES = {
    **{f"dashboard-0{n}.braze.com": f"rest.iad-0{n}.braze.com" for n in range(1, 9)},
    "dashboard.us-10.braze.com": "rest.us-10.braze.com",
    "dashboard-01.braze.eu": "rest.fra-01.braze.eu",
    "dashboard-02.braze.eu": "rest.fra-02.braze.eu",
    "dashboard.au-01.braze.com": "rest.au-01.braze.com",
    "dashboard.id-01.braze.com": "rest.id-01.braze.com",
    "dashboard.jp-01.braze.com": "rest.jp-01.braze.com",
    "dashboard.kr-01.braze.com": "rest.kr-01.braze.com",
}


@pytest.mark.parametrize(("dashboard", "rest"), INSTANCES.items())
def test_connection_host_of_a_dashboard_names_the_rest_host(dashboard, rest):
    for host in (dashboard, f"https://{dashboard}/", dashboard.upper()):
        message = error_of(host=host)
        assert "is a dashboard host" in message
        assert message.endswith(f"Use {rest}.")


@pytest.mark.parametrize("rest", INSTANCES.values())
def test_connection_host_of_an_sdk_names_the_rest_host(rest):
    message = error_of(host=rest.replace("rest.", "sdk."))
    assert "is an SDK host" in message
    assert message.endswith(f"Use {rest}.")
    assert a_connection(rest).credentials.base_url == f"https://{rest}"


@pytest.mark.parametrize("password", [None, "", "  "])
def test_connection_without_password_is_refused(password):
    assert "password is empty" in error_of(password=password)


def test_connection_password_is_stripped():
    assert a_connection(password=f" {KEY}\n").credentials.api_key == KEY


@pytest.mark.parametrize("password", [f"Bearer {KEY}", f"{KEY}\r\nX-Evil: 1", f"{KEY}é", f"a\x00{KEY}"])
def test_connection_password_that_is_no_key_is_refused_without_showing_it(password):
    assert "password is no REST API key" in error_of(password=password)


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("timezone", "America/New_York", "America/New_York"),
        ("connect_timeout", 5, 5.0),
        ("connect_timeout", "5", 5.0),
        ("read_timeout", 0.5, 0.5),
        ("read_timeout", "3600", 3600.0),
        ("max_attempts", 1, 1),
        ("max_attempts", "20", 20),
        ("max_attempts", 3.0, 3),
        ("requests_per_minute", 600, 600),
        ("requests_per_minute", "1000000", 1_000_000),
        ("verify", True, True),
        ("verify", "true", True),
        ("verify", "True", True),
        ("verify", "/etc/ssl/company.pem", "/etc/ssl/company.pem"),
    ],
)
def test_connection_extra_is_read_as_its_type_or_text(name, given, value):
    read = getattr(with_extra(**{name: given}), name)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    "name", ["timezone", "connect_timeout", "read_timeout", "max_attempts", "requests_per_minute", "verify"]
)
@pytest.mark.parametrize("nothing", [None, ""])
def test_connection_extra_without_value_is_the_default(name, nothing):
    assert with_extra(**{name: nothing}) == a_connection()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *[("timezone", wrong) for wrong in ("Mars/Olympus", "EST5", 5, "../etc/passwd", ["UTC"])],
        *[
            (name, wrong)
            for name in ("connect_timeout", "read_timeout")
            for wrong in (0, -1, 3600.5, "soon", "nan", "inf", float("nan"), True, [], {}, 10**400)
        ],
        *[("max_attempts", wrong) for wrong in (0, -1, 21, 2.5, "2.5", "six", True, False, float("inf"), [6])],
        *[("requests_per_minute", wrong) for wrong in (0, -5, 1_000_001, 0.5, "many", True, {"a": 1})],
        *[("verify", wrong) for wrong in (False, "false", "False", 0, 1, ["a"])],
    ],
)
def test_connection_extra_with_a_wrong_value_names_field_value_and_remedy(name, wrong):
    message = error_of(extra={name: wrong})
    assert message.startswith(f"The connection's extra field {name!r} is {repr(wrong)[:200]}. Give ")


def test_connection_extra_that_is_unknown_is_refused_with_those_known():
    message = error_of(extra={"time_zone": "UTC"})
    assert "unknown field 'time_zone'" in message
    assert "timezone" in message


def test_connection_repr_hides_the_key():
    assert KEY not in repr(a_connection())


@pytest.mark.parametrize(
    ("text", "extra"),
    [(None, {}), ("", {}), ("{}", {}), ('{"timezone": "UTC", "verify": null}', {"timezone": "UTC", "verify": None})],
)
def test_parse_extra_gives_the_object(text, extra):
    assert parse_extra(text) == extra


@pytest.mark.parametrize("text", ["timezone=UTC", '{"timezone": "UTC"', "[]", '"UTC"', "null", "1"])
def test_parse_extra_of_no_object_is_refused_unseen(text):
    with pytest.raises(BrazeConfigError, match="extra is no JSON object") as caught:
        parse_extra(text)
    assert caught.value.__context__ is None
