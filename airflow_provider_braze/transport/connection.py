"""An Airflow connection of type ``braze``: its fields, checked before the first request.

No error quotes a host that was typed in, because the key is sometimes typed beside or instead of it.
"""

from __future__ import annotations

import ipaddress
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit

from airflow_provider_braze.core.models import Credentials
from airflow_provider_braze.core.zones import load_company_timezone
from airflow_provider_braze.exceptions import BrazeConfigError

if TYPE_CHECKING:
    from airflow.sdk import Connection

_GIVE_HOST: Final = "Give the REST endpoint alone, such as rest.iad-01.braze.com."


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """A checked connection.

    :param timezone: IANA name of the company's time zone in Braze, in which days are counted. None when not given.
    :param connect_timeout: seconds to connect.
    :param read_timeout: seconds without data from Braze.
    :param max_attempts: most attempts per request.
    :param requests_per_minute: cap on requests, None for no cap.
    :param verify: True, or path of a file with the certificates to trust.
    :param series: names of the series whose permissions a test of the connection tries.
    """

    credentials: Credentials
    timezone: str | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    max_attempts: int = 6
    requests_per_minute: int | None = None
    verify: bool | str = True
    series: tuple[str, ...] = ("campaigns",)


def read_settings(conn: Connection) -> ConnectionSettings:
    """Check a connection. Reads the disk, so do not call it in an event loop.

    :raises BrazeConfigError: naming the connection, its type and the wrong field.
    """
    try:
        extra = parse_extra(conn.extra)
        settings = parse_connection(host=conn.host, password=conn.password, port=conn.port, extra=extra)
        if isinstance(settings.verify, str):
            _check_certificates(settings.verify)
    except BrazeConfigError as error:
        message = f"Connection {conn.conn_id!r} of type {conn.conn_type!r} cannot be used. {_hide_key(error, conn)}"
    else:
        return settings
    if conn.conn_type != "braze":
        message += " It is not of type 'braze': check that its id is the right one."
    raise BrazeConfigError(message)


def _hide_key(error: BrazeConfigError, conn: Connection) -> str:
    key = (conn.password or "").strip()
    text = _KEY.sub("***", str(error))
    return Credentials("", key).scrub(text) if len(key) >= _SHORTEST_KEY else text


def parse_connection(
    *, host: str | None, password: str | None, port: int | None = None, extra: Mapping[str, Any] | None = None
) -> ConnectionSettings:
    """Check a connection's fields. Extra fields may be text, as in a connection URI.

    :raises BrazeConfigError: naming the field, its value except of host and password, and what to give.
    """
    given = {name: value for name, value in (extra or {}).items() if value not in (None, "")}
    if unknown := sorted(given.keys() - _EXTRA.keys()):
        raise BrazeConfigError(
            f"Its extra has the unknown field {unknown[0][:50]!r}. Known fields: {', '.join(sorted(_EXTRA))}."
        )
    key = _api_key(password)
    return ConnectionSettings(
        Credentials(_base_url(host, port, key), key),
        **{name: _EXTRA[name](name, value) for name, value in given.items()},
    )


def parse_extra(text: str | None) -> dict[str, Any]:
    """Parse a connection's extra.

    Airflow's ``extra_dejson`` reads text that is not JSON as an empty object. On Airflow 3 it also calls the
    supervisor, which would block an event loop.

    :param text: JSON text as Airflow stores it.
    :raises BrazeConfigError: it is not a JSON object.
    """
    if not text:
        return {}
    try:
        extra = json.loads(text)
    except (ValueError, RecursionError):
        extra = None
    if not isinstance(extra, dict):
        raise BrazeConfigError('Its extra is not a JSON object. Give one, such as {"timezone": "UTC"}.')
    return extra


def _base_url(host: str | None, port: int | None, key: str) -> str:
    text = (host or "").strip()
    if not text.strip("/"):
        raise BrazeConfigError(f"Its host is empty. {_GIVE_HOST}")
    if _KEY.search(text) or (len(key) >= _SHORTEST_KEY and key.lower() in text.lower()):
        raise BrazeConfigError(f"Its host contains an API key. Put the key into the password. {_GIVE_HOST}")
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        name, given_port = (parts.hostname or "").lower(), parts.port or port
    except ValueError:
        raise BrazeConfigError(f"Its host has an invalid port, or a bracket. {_GIVE_HOST}") from None
    _check_instance(name)
    _check_parts(parts, name)
    _check_scheme(parts.scheme.lower(), name)
    bracketed = f"[{name}]" if ":" in name else name
    return f"{parts.scheme.lower()}://{bracketed}" + (f":{given_port}" if given_port else "")


def _check_parts(parts: SplitResult, name: str) -> None:
    problems = {
        "a user or an '@'": parts.username or parts.password or "@" in parts.netloc,
        "a path": parts.path.strip("/"),
        "a query": parts.query,
        "a fragment": parts.fragment,
        "a character that no host name has": not re.fullmatch(r"[a-z0-9._:-]+", name),
    }
    if found := next((problem for problem, is_there in problems.items() if is_there), None):
        raise BrazeConfigError(f"Its host contains {found}. {_GIVE_HOST}")


_KEY: Final = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
"""A UUID, which Braze's keys are."""

_SHORTEST_KEY: Final = 8
"""A shorter password may be part of a host by chance."""


def _check_instance(name: str) -> None:
    """Reject dashboard and SDK hosts. Source: Braze docs, API overview and SDK endpoints (seen 2026-09)."""
    match = _NOT_REST.fullmatch(name)
    if not match:
        return
    instance, region, tld = match["number"], match["region"], match["tld"]
    if region is None:
        region = f"{'fra' if tld == 'eu' else 'iad'}-{instance}"
    raise BrazeConfigError(
        f"Its host {name} is {_KINDS[match['kind']]} host, which does not serve the REST API. "
        f"Use rest.{region}.braze.{tld}."
    )


_KINDS: Final = {"dashboard": "a dashboard", "sdk": "an SDK"}
_NOT_REST: Final = re.compile(
    r"(?P<kind>dashboard|sdk)(-(?P<number>\d\d)|\.(?P<region>[a-z]{2,4}-\d\d))\.braze\.(?P<tld>com|eu)"
)


def _check_scheme(scheme: str, name: str) -> None:
    if scheme == "https" or (scheme == "http" and _is_loopback(name)):
        return
    raise BrazeConfigError(
        "Its host has another scheme than https, which would show the key to the network. "
        "Use https. Plain http is for a loopback address only."
    )


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _api_key(password: str | None) -> str:
    key = (password or "").strip()
    if not key:
        raise BrazeConfigError("Its password is empty. Give the Braze REST API key.")
    if not re.fullmatch(r"[!-~]+", key):
        raise BrazeConfigError(
            "Its password is not a REST API key: it contains spaces or characters that are not ASCII. "
            "Give the key alone, without 'Bearer' or quotes."
        )
    return key


def _timezone(name: str, value: Any) -> str:
    try:
        load_company_timezone(str(value))
    except BrazeConfigError as error:
        raise _wrong(name, value, "an IANA time zone with a place, such as America/New_York, or UTC") from error
    return str(value)


def _seconds(name: str, value: Any) -> float:
    wanted = "a number of seconds, more than 0 and at most 3600"
    number = _number(name, value, wanted)
    if not 0 < number <= 3600:
        raise _wrong(name, value, wanted)
    return number


def _count(highest: int) -> Any:
    def check(name: str, value: Any) -> int:
        wanted = f"a whole number, 1 to {highest}"
        number = _number(name, value, wanted)
        if number != int(number) or not 1 <= number <= highest:
            raise _wrong(name, value, wanted)
        return int(number)

    return check


def _number(name: str, value: Any, wanted: str) -> float:
    if isinstance(value, bool):
        raise _wrong(name, value, wanted)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(name, value, wanted) from None
    if number != number or number in (float("inf"), float("-inf")):
        raise _wrong(name, value, wanted)
    return number


def _verify(name: str, value: Any) -> bool | str:
    if value is True or str(value).lower() == "true":
        return True
    if not isinstance(value, str) or value.lower() == "false":
        raise _wrong(name, value, "true, or the path of a file with the certificates to trust")
    return value


def _names(name: str, value: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(each, str) and each.strip() for each in names):
        raise _wrong(name, value, "names of series, such as campaigns,canvases")
    return tuple(each.strip() for each in names)


def _wrong(name: str, value: Any, wanted: str) -> BrazeConfigError:
    return BrazeConfigError(f"Its extra field {name!r} is {repr(value)[:200]}. Give {wanted}.")


_EXTRA: Final[Mapping[str, Any]] = {
    "timezone": _timezone,
    "connect_timeout": _seconds,
    "read_timeout": _seconds,
    "max_attempts": _count(20),
    "requests_per_minute": _count(1_000_000),
    "verify": _verify,
    "series": _names,
}


def _check_certificates(path: str) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise BrazeConfigError(
            f"Its extra field 'verify' is {path!r}, which is not a file of certificates on this machine: {error}. "
            "Give true, or the path of a file with the certificates to trust."
        ) from error
