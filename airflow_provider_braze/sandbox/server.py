"""The sandbox as a server in a thread of this process."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from importlib.util import find_spec
from types import TracebackType
from typing import Any

import uvicorn
from starlette.types import Scope

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.sandbox.app import create_app
from airflow_provider_braze.sandbox.settings import SandboxSettings
from airflow_provider_braze.sandbox.state import SandboxState, ServedRequest

HOST = "127.0.0.1"
_KEEP_ALIVE_SECONDS = 75
_STOP_SECONDS = 10


class Sandbox:
    """A local Braze on a loopback port, as a context manager.

    ::

        with Sandbox(SandboxSettings(as_of="2026-11-19T06:00:00Z")) as braze:
            monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", braze.connection_json())

    :param settings: how it behaves; default the defaults of :class:`SandboxSettings`.
    :param port: the port to listen on; 0 for a free one.
    :param cache_bytes: most bytes of rendered bodies that are cached for repeated requests.
    """

    def __init__(
        self, settings: SandboxSettings | None = None, port: int = 0, *, cache_bytes: int = 256 * 1024 * 1024
    ) -> None:
        self._state = SandboxState(settings or SandboxSettings(), cache_bytes)
        self._wanted_port = port
        self._port = 0
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Bind the port and start to serve.

        :raises BrazeConfigError: the port is in use, or the sandbox is already running.
        """
        if self._server:
            raise BrazeConfigError(f"The sandbox is already running at {self.url}. Stop it first.")
        listener = _bind(self._wanted_port)
        self._port = listener.getsockname()[1]
        self._server = _Server(self._state)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="braze-sandbox", daemon=True)
        self._thread.start()
        self._server.ready.wait(_STOP_SECONDS)

    def stop(self) -> None:
        """Stop the server, its thread and its socket. Without effect when it is not running."""
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(_STOP_SECONDS)
        self._server = self._thread = None

    @property
    def url(self) -> str:
        """The address, without a trailing slash."""
        return f"http://{HOST}:{self._port}"

    @property
    def settings(self) -> SandboxSettings:
        """The current settings."""
        return self._state.settings

    @property
    def api_key(self) -> str:
        """The accepted API key."""
        return self._state.settings.api_key

    @property
    def requests(self) -> list[ServedRequest]:
        """The last 10,000 served requests of the API, oldest first."""
        return self._state.served()

    def count(self, path: str = "", status: int | None = None) -> int:
        """Return the number of served requests: all, or those of a path and a status."""
        return sum(
            number
            for (its_path, its_status), number in self._state.counts().items()
            if path in ("", its_path) and status in (None, its_status)
        )

    def reset_requests(self) -> None:
        """Drop the recorded requests and reset the rate limits."""
        self._state.forget_requests()

    def configure(self, **changes: Any) -> SandboxSettings:
        """Change some settings while it runs. ``faults`` is merged field by field; None clears it.

        :raises BrazeConfigError: a setting is unknown or its value is wrong. Nothing has changed.
        """
        return self._state.configure(lambda settings: settings.merged(changes))

    def connection_json(self) -> str:
        """Return an Airflow connection to the sandbox, as the value of ``AIRFLOW_CONN_BRAZE_DEFAULT``."""
        extra = {"timezone": self.settings.timezone}
        return json.dumps({"conn_type": "braze", "host": self.url, "password": self.api_key, "extra": extra})


class _Server(uvicorn.Server):
    """Uvicorn without logs and signal handlers. It sets an event when it is ready, and ends delays when it stops."""

    def __init__(self, state: SandboxState) -> None:
        app = create_app(state, self._transport)
        config = uvicorn.Config(
            app,
            # Explicit: faults that cut or reset a connection rely on the internals of these two.
            http="httptools" if find_spec("httptools") else "h11",
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_STOP_SECONDS // 2,
        )
        super().__init__(config)
        self.ready = threading.Event()
        self._state = state

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # A new event per start: an event belongs to the loop that first waited for it.
        self._state.stopping = asyncio.Event()
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._state.stopping.set()
        await super().shutdown(sockets)

    def _transport(self, scope: Scope) -> asyncio.Transport | None:
        connections: Any = self.server_state.connections
        return next((each.transport for each in connections if each.client == tuple(scope["client"])), None)


def _bind(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(2_048)
    except (OSError, OverflowError) as error:
        listener.close()
        raise BrazeConfigError(
            f"The sandbox cannot listen on {HOST}:{port} ({error}). Choose another port, or 0 for a free one."
        ) from error
    return listener
