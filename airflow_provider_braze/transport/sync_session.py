"""The session of ``requests``: what goes with every call, and what never does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow_provider_braze.transport.sender import request_headers

if TYPE_CHECKING:
    import requests

    from airflow_provider_braze.core.models import Credentials
    from airflow_provider_braze.transport.connection import ConnectionSettings


def open_session(settings: ConnectionSettings, concurrency: int, check: Callable[[], None]) -> requests.Session:
    """Make a session for one workspace.

    :param concurrency: how many threads will send at once: the size of the connection pool.
    :param check: called at least twice a second while an answer is waited for; raises to end the wait.
    """
    from http.cookiejar import DefaultCookiePolicy

    import requests

    from airflow_provider_braze.transport.deadlines import ReceivingAdapter

    session = requests.Session()
    session.trust_env = _trusts_environment(settings)
    session.auth = _BearerAuth(settings.credentials)
    session.headers.update(request_headers())
    # Though no redirect is followed, requests would read the body of one, however large, to look where it leads.
    session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount(settings.credentials.base_url, ReceivingAdapter(check, concurrency))
    return session


def environment_of(settings: ConnectionSettings) -> tuple[str | None, str]:
    """Tell what a session takes from the environment, for those who send by another library.

    :return: the address of the proxy, if there is one, and the path of the certificates to trust, a file or a folder.
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
    return proxy or None, DEFAULT_CA_BUNDLE_PATH if merged["verify"] is True else str(merged["verify"])


def _trusts_environment(settings: ConnectionSettings) -> bool:
    # A proxy of the environment would get the key in plain text; over HTTPS it is inside the tunnel.
    return settings.credentials.base_url.startswith("https://")


def close_session(session: requests.Session) -> None:
    """Close a session with all its idle connections."""
    from requests.adapters import HTTPAdapter

    # Since urllib3 2.0 pools close theirs only when they are garbage, and the traceback of an error may hold them.
    adapters = [each for each in session.adapters.values() if isinstance(each, HTTPAdapter)]
    for manager in [manager for each in adapters for manager in (each.poolmanager, *each.proxy_manager.values())]:
        for key in manager.pools.keys():  # noqa: SIM118 - no dictionary: it cannot be iterated
            manager.pools[key].close()
    session.close()


class _BearerAuth:
    """Puts the key into the header. An auth object, for a ``.netrc`` entry of the host would replace a plain header."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._credentials.api_key}"
        return request
