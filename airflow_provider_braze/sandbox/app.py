"""The sandbox as an ASGI application: Braze's API, and control endpoints under ``/_sandbox/``."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, Router

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.sandbox.responses import ApiResponse, Query, respond
from airflow_provider_braze.sandbox.state import SandboxState, ServedRequest
from airflow_provider_braze.sandbox.wire import FindTransport, cut, drip, reset

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def create_app(state: SandboxState, find_transport: FindTransport = lambda scope: None) -> Starlette:
    """Build the application.

    :param state: settings, and what is kept of requests.
    :param find_transport: returns the connection of a request, for faults that cut or reset it.
    """
    api = _Api(state, find_transport)
    control = _Control(state)
    # Mounted, so that a wrong path or method of the control endpoints is not a request of the API.
    controls = Router(
        routes=[
            Route("/health", control.health, methods=["GET"]),
            Route("/settings", control.settings, methods=["GET", "PATCH"]),
            Route("/requests", control.requests, methods=["GET", "DELETE"]),
        ],
        redirect_slashes=False,
    )
    app = Starlette(routes=[Mount("/_sandbox", controls), Route("/{path:path}", api.serve, methods=_METHODS)])
    app.router.redirect_slashes = False
    return app


class _Api:
    def __init__(self, state: SandboxState, find_transport: FindTransport) -> None:
        self._state = state
        self._find_transport = find_transport

    async def serve(self, request: Request) -> Response:
        params = dict(request.query_params)
        query = Query(request.method, request.url.path, params, request.headers.get("authorization", ""))
        sent = respond(self._state, query)
        status = 0 if sent.fault == "rate_reset" else sent.status
        self._state.record(ServedRequest(query.path, status, params))
        await self._state.pause(self._state.settings.latency_seconds)
        return self._response(sent, "gzip" in request.headers.get("accept-encoding", ""))

    def _response(self, sent: ApiResponse, takes_gzip: bool) -> Response:
        headers = {**sent.headers, "vary": "Accept-Encoding"}
        body = sent.body.plain
        if takes_gzip and sent.body.compressed is not None:
            headers["content-encoding"] = "gzip"
            body = sent.body.compressed
        response = Response(body, sent.status, headers, sent.media_type)
        if sent.fault == "rate_cut":
            return cut(response, self._find_transport)
        if sent.fault == "rate_reset":
            return reset(self._find_transport)
        if sent.fault == "rate_slow":
            return drip(response, self._state.settings.faults.slow_seconds, self._state.pause)
        return response


class _Control:
    def __init__(self, state: SandboxState) -> None:
        self._state = state

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "now": self._state.settings.now().isoformat()})

    async def settings(self, request: Request) -> Response:
        if request.method == "PATCH":
            text = await request.body()
            try:
                self._state.configure(lambda settings: settings.merged_json(text))
            except BrazeConfigError as error:
                return JSONResponse({"message": str(error)}, 422)
        return JSONResponse(self._state.settings.to_json())

    async def requests(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._state.forget_requests()
        counts: dict[str, dict[str, int]] = {}
        for (path, status), count in self._state.counts().items():
            counts.setdefault(path, {})[str(status)] = count
        return JSONResponse(counts)
