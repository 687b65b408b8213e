"""A destination as a Dag author writes it: read and checked without a store, so that mistakes cost no request."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from airflow_provider_braze.core.bounds import given_text, is_template
from airflow_provider_braze.exceptions import BrazeConfigError

LOCAL: Final = frozenset({"file", "local"})
AZURE: Final = frozenset({"abfs", "abfss", "adl"})

MAX_LENGTH: Final = 900
"""Longest destination, percent-encoded. Object keys end at 1,024 bytes on all stores, asset URIs at 1,500."""

_BUCKET: Final = re.compile(r"[\w.:$-]+", re.ASCII)
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff\\:?#*%\[\]]")
"""Characters that some stores, file systems or URIs read as something other than a part of a name."""


def resolve_destination(destination: object, conn_id: str | None = None) -> tuple[str, str | None]:
    """Return a destination's address and connection id.

    :param destination: text such as ``s3://bucket/prefix``, an ``ObjectStoragePath``, or an absolute ``pathlib`` path.
    :param conn_id: connection of the store. Default: the one that the destination names, if any.
    :return: the address without connection id and without a trailing slash, and the connection id.
    :raises BrazeConfigError: the destination cannot be used on any store, or names another connection.
    """
    text, own_conn_id = _read(destination)
    scheme, separator, rest = text.partition("://")
    scheme, (authority, slash, folder) = scheme.lower(), rest.partition("/")
    user, _, host = authority.rpartition("@")
    # The user is not quoted where it may hold a secret.
    shown = repr(f"{scheme}://{host}{slash}{folder}" if ":" in user else text)[:200]
    if not separator:
        raise BrazeConfigError(
            f"The destination {shown} does not name a store. Give it with its scheme, such as "
            "s3://bucket/prefix or file:///data/braze."
        )
    if ":" in user:
        raise BrazeConfigError(
            f"The destination {shown} contains credentials. Put them into an Airflow connection, and name that in "
            "`object_storage_conn_id`."
        )
    if scheme in AZURE and "." in host:
        raise BrazeConfigError(_azure_advice(shown, user, folder))
    folder = folder.rstrip("/")
    _check_host(scheme, host, folder, shown)
    _check_folder(folder, shown)
    address = f"{scheme}://{host}/{folder}".rstrip("/")
    if len(asset_uri(address)) > MAX_LENGTH:
        raise BrazeConfigError(
            f"The destination {shown} is longer than {MAX_LENGTH} characters, percent-encoded. Use a shorter one."
        )
    return address, _choose_connection(shown, own_conn_id or user or None, given_text(conn_id))


def resolve_literal(destination: Any, conn_id: Any = None) -> tuple[Any, Any]:
    """Return address and connection id as :func:`resolve_destination` does, as far as they are known without a run.

    :return: a template, or the output of another task, as it was given. A path object always becomes text.
    :raises BrazeConfigError: as for :func:`resolve_destination`.
    """
    if _is_deferred(destination):
        return destination, conn_id
    if is_literal(destination) and is_literal(conn_id):
        return resolve_destination(destination, conn_id)
    text, own_conn_id = _read(destination)
    if own_conn_id:
        text = text.replace("://", f"://{own_conn_id}@", 1)
    return text, conn_id


def is_literal(value: Any) -> bool:
    """Return whether an argument is the same in each run: neither a template nor the output of another task."""
    return not _is_deferred(value) and not is_template(str(value))


def asset_uri(address: str) -> str:
    """Return a destination's address as an asset URI: percent-encoded, since Airflow accepts ASCII only."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{quote(rest, safe='/:@!$&()+,;=~')}"


def _is_deferred(value: Any) -> bool:
    # Airflow resolves such values by this method; path objects have one of that name, too.
    return not _is_path(value) and hasattr(value, "resolve")


def _is_path(value: Any) -> bool:
    return isinstance(value, PurePath) or hasattr(value, "conn_id")


def _read(destination: Any) -> tuple[str, str | None]:
    """Return the destination as text, and the connection id of a path object."""
    if isinstance(destination, str):
        return destination, None
    protocol = getattr(destination, "protocol", "") or "file"
    # Airflow 2.11 keeps the connection id among the options.
    options = getattr(destination, "storage_options", None)
    if options is not None or hasattr(destination, "conn_id"):
        return f"{protocol}://{destination.path}", getattr(destination, "conn_id", (options or {}).get("conn_id"))
    if isinstance(destination, PurePath) and protocol in LOCAL:
        return f"file://{destination}", None
    raise BrazeConfigError(
        f"`destination` is {repr(destination)[:200]}. Give text such as 's3://bucket/prefix', an ObjectStoragePath, or "
        "an absolute pathlib.Path."
    )


def _azure_advice(shown: str, container: str, folder: str) -> str:
    if not container:
        container, _, folder = folder.partition("/")
    example = f"abfs://{container or 'container'}/{folder}".rstrip("/")
    return (
        f"The destination {shown} names a storage account. Use {example}, and put the account into the connection of "
        "`object_storage_conn_id`."
    )


def _check_host(scheme: str, host: str, folder: str, shown: str) -> None:
    if scheme in LOCAL:
        if host or not folder:
            raise BrazeConfigError(
                f"The destination {shown} does not have an absolute path. Give it with three slashes, such as "
                "file:///data/braze."
            )
    elif not _BUCKET.fullmatch(host):
        raise BrazeConfigError(
            f"The destination {shown} does not name a bucket or container. Give it such as {scheme}://bucket/prefix, "
            "with the name that the store uses."
        )


def _check_folder(folder: str, shown: str) -> None:
    if unsafe := _UNSAFE.search(folder):
        raise BrazeConfigError(
            f"The destination {shown} contains {unsafe.group()!r}, which not all stores read as part of a name. "
            "Use a folder without it."
        )
    segments = folder.split("/") if folder else []
    for segment in segments:
        if segment.strip() in {"", ".", ".."}:
            raise BrazeConfigError(
                f"The destination {shown} contains {segment!r} as the name of a folder. Use a path without empty and "
                "dot segments."
            )


def _choose_connection(shown: str, own: str | None, given: str | None) -> str | None:
    if own and given and own != given:
        raise BrazeConfigError(
            f"The destination {shown} names the connection {own!r}, but `object_storage_conn_id` is {given!r}. "
            "Give one of them."
        )
    return own or given
