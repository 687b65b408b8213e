from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_braze.core.models import Credentials
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeWindowError
from airflow_provider_braze.task.airflow import Connection
from airflow_provider_braze.transport.connection import ConnectionSettings, parse_connection, parse_extra, read_settings

KEY = "1234-key"
REST = "rest.iad-01.braze.com"
GIVE_HOST = "Give the REST endpoint alone, such as rest.iad-01.braze.com."


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
def test_connection_host_becomes_the_base_url(host, base_url):
    assert a_connection(host).credentials.base_url == base_url


def test_connection_port_is_used_unless_the_host_has_one():
    assert a_connection(port=444).credentials.base_url == f"https://{REST}:444"
    assert a_connection(f"{REST}:445", port=444).credentials.base_url == f"https://{REST}:445"


@pytest.mark.parametrize("host", [None, "", "  ", "/"])
def test_connection_without_host_raises_with_the_remedy(host):
    assert error_of(host=host) == f"Its host is empty. {GIVE_HOST}"


@pytest.mark.parametrize(
    ("host", "part"),
    [
        (f"{REST}/campaigns/list", "a path"),
        (f"https://{REST}/v1", "a path"),
        (f"{REST}?x=1", "a query"),
        (f"{REST}#x", "a fragment"),
        ("rest iad", "a character that no host name has"),
        ("https://", "a character that no host name has"),
        ("https:///", "a character that no host name has"),
        ("röst.braze.com", "a character that no host name has"),
        (f"https://user:word@{REST}", "a user or an '@'"),
        (f"@{REST}", "a user or an '@'"),
    ],
)
def test_connection_host_with_another_url_part_is_rejected_by_name(host, part):
    assert error_of(host=host) == f"Its host contains {part}. {GIVE_HOST}"


@pytest.mark.parametrize("host", [f"{REST}:port", f"{REST}:99999", "https://[::1"])
def test_connection_host_that_cannot_be_parsed_is_rejected(host):
    assert error_of(host=host) == f"Its host has an invalid port, or a bracket. {GIVE_HOST}"


UUID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"


@pytest.mark.parametrize("key", [KEY, UUID, UUID.upper(), UUID.replace("-", "")])
@pytest.mark.parametrize(
    "form",
    [
        *("{}", "https://{}", "http://{}", "{}.braze.com", "{rest}{}", "{rest} {}", "{rest}\\{}"),
        *("{rest}/{}", "{rest}:{}", "{rest}[{}", "{rest}?key={}", "{rest}#{}", "{}@{rest}", "user:{}@{rest}"),
        "dashboard-01.braze.com/{}",
    ],
)
@pytest.mark.parametrize("password", [KEY, ""])
def test_connection_host_with_the_key_is_rejected_without_showing_it(form, key, password):
    message = error_of(host=form.format(key, rest=REST), password=password)
    assert key.lower() not in message.lower()
    if password:
        assert "contains an API key. Put the key into the password" in message


@pytest.mark.parametrize(
    "host", [f"http://{REST}", "http://10.0.0.1", "http://localhost.example.org", "http://127.1", f"ftp://{REST}"]
)
def test_connection_host_by_plain_http_is_rejected_unless_loopback(host):
    assert "Use https. Plain http is for a loopback address only" in error_of(host=host)


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
    for host in (dashboard, f"https://{dashboard}/", dashboard.upper(), f"https://{dashboard}/campaigns/1?locale=en"):
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
def test_connection_without_password_is_rejected(password):
    assert "password is empty" in error_of(password=password)


def test_connection_password_is_stripped():
    assert a_connection(password=f" {KEY}\n").credentials.api_key == KEY


@pytest.mark.parametrize("password", [f"Bearer {KEY}", f"{KEY}\r\nX-Evil: 1", f"{KEY}é", f"a\x00{KEY}"])
def test_connection_password_that_is_not_a_key_is_rejected_without_showing_it(password):
    assert "password is not a REST API key" in error_of(password=password)


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
def test_connection_extra_is_parsed_from_its_type_or_text(name, given, value):
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
        *[
            ("timezone", wrong)
            for wrong in ("Mars/Olympus", "EST5", 5, "../etc/passwd", ["UTC"], "EST", "GMT+1", "Etc/GMT+5")
        ],
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
    assert message.startswith(f"Its extra field {name!r} is {repr(wrong)[:200]}. Give ")


def test_unknown_connection_extra_is_rejected_with_the_known_ones():
    message = error_of(extra={"time_zone": "UTC"})
    assert "unknown field 'time_zone'" in message
    assert "timezone" in message


def test_connection_repr_hides_the_key():
    assert KEY not in repr(a_connection())


@pytest.mark.parametrize(
    ("text", "extra"),
    [(None, {}), ("", {}), ("{}", {}), ('{"timezone": "UTC", "verify": null}', {"timezone": "UTC", "verify": None})],
)
def test_parse_extra_returns_the_object(text, extra):
    assert parse_extra(text) == extra


@pytest.mark.parametrize("text", ["timezone=UTC", '{"timezone": "UTC"', "[]", '"UTC"', "null", "1"])
def test_parse_extra_of_anything_else_is_rejected_without_showing_it(text):
    with pytest.raises(BrazeConfigError, match="extra is not a JSON object") as caught:
        parse_extra(text)
    assert caught.value.__context__ is None


def test_read_settings_names_the_connection_and_its_type():
    conn = Connection(conn_id="braze_eu", conn_type="braze", host=f"{REST}/v1", password=KEY)
    with pytest.raises(BrazeConfigError) as caught:
        read_settings(conn)
    assert str(caught.value) == (
        f"Connection 'braze_eu' of type 'braze' cannot be used. Its host contains a path. {GIVE_HOST}"
    )


def test_read_settings_of_another_type_raises_with_the_type():
    with pytest.raises(BrazeConfigError) as caught:
        read_settings(Connection(conn_id="braze_default", conn_type="aws", login="user", password=KEY))
    assert str(caught.value).startswith("Connection 'braze_default' of type 'aws' cannot be used. Its host is empty. ")
    assert str(caught.value).endswith(" It is not of type 'braze': check that its id is the right one.")


@pytest.mark.parametrize(
    "extra", [f'{{"{KEY}": 1}}', f'{{"verify": "{KEY}"}}', f'{{"timezone": "{UUID}"}}', f"[{KEY!r}]"]
)
def test_read_settings_with_the_key_in_the_extra_does_not_show_it(extra):
    with pytest.raises(BrazeConfigError) as caught:
        read_settings(Connection(conn_id="braze", conn_type="braze", host=REST, password=KEY, extra=extra))
    assert KEY not in str(caught.value)
    assert UUID not in str(caught.value)
    assert caught.value.__context__ is None
