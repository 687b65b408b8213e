"""The ``requests`` session: what every request carries, and what none does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.transport.sender import request_headers

if TYPE_CHECKING:
    import requests

    from airflow_provider_braze.core.models import Credentials
    from airflow_provider_braze.transport.connection import ConnectionSettings


def open_session(settings: ConnectionSettings, concurrency: int, check: Callable[[], None]) -> requests.Session:
    """Build a session for one workspace.

    :param concurrency: number of threads that send concurrently, and size of the connection pool.
    :param check: called at least twice a second during a wait for Braze; raises to end it.
    """
    from http.cookiejar import DefaultCookiePolicy

    import requests

    from airflow_provider_braze.transport.deadlines import DeadlineAdapter

    session = requests.Session()
    session.trust_env = _trusts_environment(settings)
    session.auth = _BearerAuth(settings.credentials)
    session.headers.update(request_headers())
    # Redirects are not followed, but requests would read the body of one, without a limit, to look for its target.
    session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount(settings.credentials.base_url, DeadlineAdapter(check, concurrency))
    return session


def environment_of(settings: ConnectionSettings) -> tuple[str | None, str]:
    """Return what a session takes from the environment.

    :return: address of the proxy, if there is one, and path of the certificates to trust, a file or a folder.
    :raises BrazeConfigError: the proxy is not an address. The error does not quote it, because it may hold a password.
    """
    import requests
    from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy

    url = settings.credentials.base_url
    with requests.Session() as session:
        session.trust_env = _trusts_environment(settings)
        merged = session.merge_environment_settings(url, {}, None, settings.verify, None)
    proxy = select_proxy(url, merged["proxies"])
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    if proxy and not _is_address(proxy):
        raise BrazeConfigError(
            "The proxy in an environment variable such as HTTPS_PROXY is not an address. Give one such as "
            "http://user:password@host:3128, with special characters of user and password in the form %2F."
        )
    return proxy or None, DEFAULT_CA_BUNDLE_PATH if merged["verify"] is True else str(merged["verify"])


def _is_address(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        is_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    # A password with a slash that is not escaped ends the host.
    return is_port and bool(parts.hostname) and "@" not in parts.path + parts.query + parts.fragment


def _trusts_environment(settings: ConnectionSettings) -> bool:
    # A proxy from the environment would see the key in plain text. Over HTTPS the key is inside the tunnel.
    return settings.credentials.base_url.startswith("https://")


def close_session(session: requests.Session) -> None:
    """Close a session with all its idle connections."""
    from requests.adapters import HTTPAdapter

    # Since urllib3 2.0 a pool closes its connections only when it is garbage, and a traceback may keep it.
    adapters = [each for each in session.adapters.values() if isinstance(each, HTTPAdapter)]
    for manager in [manager for each in adapters for manager in (each.poolmanager, *each.proxy_manager.values())]:
        for key in manager.pools.keys():  # noqa: SIM118 - not a dictionary: it cannot be iterated
            manager.pools[key].close()
    session.close()


class _BearerAuth:
    """Adds the key to the header. A ``.netrc`` entry for the host would replace a plain header."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._credentials.api_key}"
        return request
