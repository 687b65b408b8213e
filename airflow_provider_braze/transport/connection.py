"""What an Airflow connection of type ``braze`` says: checked field by field, before anything is called."""

from __future__ import annotations

import ipaddress
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from airflow_provider_braze.core.models import Credentials
from airflow_provider_braze.core.windows import load_timezone
from airflow_provider_braze.exceptions import BrazeConfigError

if TYPE_CHECKING:
    from airflow.sdk import Connection


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """A connection, ready for use.

    :param timezone: IANA name of the company's time zone in Braze, which its days follow; None when not given.
    :param connect_timeout: seconds to reach Braze.
    :param read_timeout: seconds that Braze may be silent.
    :param max_attempts: times that one request is sent at most.
    :param requests_per_minute: cap on requests, None for none.
    :param verify: True, or the path of a file with the certificates to trust.
    """

    credentials: Credentials
    timezone: str | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    max_attempts: int = 6
    requests_per_minute: int | None = None
    verify: bool | str = True


def parse_connection(
    *, host: str | None, password: str | None, port: int | None = None, extra: Mapping[str, Any] | None = None
) -> ConnectionSettings:
    """Check a connection's fields; those of the extra may come as text, as they do from a connection URI.

    :raises BrazeConfigError: naming the field, the value seen (never the key) and what to give.
    """
    given = {name: value for name, value in (extra or {}).items() if value not in (None, "")}
    if unknown := sorted(given.keys() - _EXTRA.keys()):
        raise BrazeConfigError(
            f"The connection's extra has the unknown field {unknown[0]!r}. Known are: {', '.join(sorted(_EXTRA))}."
        )
    return ConnectionSettings(
        Credentials(_base_url(host, port), _api_key(password)),
        **{name: _EXTRA[name](name, value) for name, value in given.items()},
    )


def parse_extra(text: str | None) -> dict[str, Any]:
    """Read a connection's extra.

    Not by ``extra_dejson`` of Airflow's connection: it takes a text that is no JSON for an empty one, and on Airflow 3
    it calls the supervisor, which must not be waited for in an event loop.

    :param text: as Airflow keeps it.
    :raises BrazeConfigError: it is no JSON object.
    """
    if not text:
        return {}
    try:
        extra = json.loads(text)
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise BrazeConfigError('The connection\'s extra is no JSON object. Give one, such as {"timezone": "UTC"}.')
    return extra


def _base_url(host: str | None, port: int | None) -> str:
    text = (host or "").strip()
    if not text.strip("/"):
        raise BrazeConfigError("The connection's host is empty. Give the REST endpoint, such as rest.iad-01.braze.com.")
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        name, given_port = (parts.hostname or "").lower(), parts.port or port
    except ValueError:
        raise BrazeConfigError(f"The connection's host {_shown(text)} is no host name.") from None
    if parts.username or parts.password or "@" in parts.netloc:
        raise BrazeConfigError("The connection's host holds an '@'. Give the host alone, and the key as the password.")
    if parts.path.strip("/") or parts.query or parts.fragment or not re.fullmatch(r"[a-z0-9._:-]+", name):
        raise BrazeConfigError(
            f"The connection's host {_shown(text)} is no host name. Give it alone, such as rest.iad-01.braze.com."
        )
    _check_instance(name)
    _check_scheme(parts.scheme.lower(), name)
    shown = f"[{name}]" if ":" in name else name
    return f"{parts.scheme.lower()}://{shown}" + (f":{given_port}" if given_port else "")


def _check_instance(name: str) -> None:
    """Recognise dashboard and SDK hosts. Source: Braze docs, API overview and SDK endpoints (seen 2026-09)."""
    match = _NOT_REST.fullmatch(name)
    if not match:
        return
    instance, region, tld = match["number"], match["region"], match["tld"]
    if region is None:
        region = f"{'fra' if tld == 'eu' else 'iad'}-{instance}"
    raise BrazeConfigError(
        f"The connection's host {_shown(name)} is {_KINDS[match['kind']]} host, which does not serve the REST API. "
        f"Use rest.{region}.braze.{tld}."
    )


_KINDS: Final = {"dashboard": "a dashboard", "sdk": "an SDK"}
_NOT_REST: Final = re.compile(
    r"(?P<kind>dashboard|sdk)(-(?P<number>\d\d)|\.(?P<region>[a-z]+-\d\d))\.braze\.(?P<tld>com|eu)"
)


def _check_scheme(scheme: str, name: str) -> None:
    if scheme == "https" or (scheme == "http" and _is_loopback(name)):
        return
    raise BrazeConfigError(
        f"The connection's host would be called by {scheme!r}, which would show the key to the network. "
        "Use https; plain http is for a loopback address only."
    )


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _api_key(password: str | None) -> str:
    key = (password or "").strip()
    if not key:
        raise BrazeConfigError("The connection's password is empty. Give the Braze REST API key.")
    if not re.fullmatch(r"[!-~]+", key):
        raise BrazeConfigError(
            "The connection's password is no REST API key: it holds spaces or characters that are not ASCII. "
            "Give the key alone, without 'Bearer' or quotes."
        )
    return key


def _timezone(name: str, value: Any) -> str:
    try:
        load_timezone(str(value))
    except BrazeConfigError as error:
        raise _wrong(name, value, "an IANA time zone, such as America/New_York") from error
    return str(value)


def _seconds(name: str, value: Any) -> float:
    number = _number(name, value, "a number of seconds, more than 0 and at most 3600")
    if not 0 < number <= 3600:
        raise _wrong(name, value, "a number of seconds, more than 0 and at most 3600")
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


def _wrong(name: str, value: Any, wanted: str) -> BrazeConfigError:
    return BrazeConfigError(f"The connection's extra field {name!r} is {_shown(value)}. Give {wanted}.")


def _shown(value: Any) -> str:
    return repr(value)[:200]


_EXTRA: Final[Mapping[str, Any]] = {
    "timezone": _timezone,
    "connect_timeout": _seconds,
    "read_timeout": _seconds,
    "max_attempts": _count(20),
    "requests_per_minute": _count(1_000_000),
    "verify": _verify,
}


def read_settings(conn: Connection) -> ConnectionSettings:
    """Check a connection; it looks at the disk, so not in an event loop.

    :raises BrazeConfigError: naming the field that is wrong.
    """
    extra = parse_extra(conn.extra)
    settings = parse_connection(host=conn.host, password=conn.password, port=conn.port, extra=extra)
    if isinstance(settings.verify, str):
        _check_certificates(settings.verify)
    return settings


def _check_certificates(path: str) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        raise BrazeConfigError(
            f"The connection's extra field 'verify' is {path!r}, which is no file of certificates on this machine: "
            f"{error}. Give true, or the path of a file with the certificates to trust."
        ) from error
