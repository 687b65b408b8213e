"""The plugin that Airflow finds by its entry point: a page for each task, from Airflow 3.1 on.

Every process of Airflow imports this module, so it loads nothing. The API server loads the page at its first request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.task.airflow import AirflowPlugin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]

__all__ = ["BrazePlugin"]

PREFIX: Final = "/braze"
# Relative: Airflow's page has the path of `[api] base_url` as its base. Before 3.3 Airflow does not encode the values.
_HREF: Final = f"{PREFIX.lstrip('/')}/tasks/{{DAG_ID}}/{{RUN_ID}}/{{TASK_ID}}/{{MAP_INDEX}}"
# Airflow 3.0 would serve the page without a way to it.
_HAS_VIEWS: Final = hasattr(AirflowPlugin, "external_views")


class _Pages:
    """ASGI app that loads the pages when they are first requested."""

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        from airflow_provider_braze.plugins.pages import build_app

        await build_app()(scope, receive, send)


class BrazePlugin(AirflowPlugin):
    """A tab on each task instance, with what the task returned: coverage, or counts of what has landed."""

    name = "braze"
    fastapi_apps: list[Any] = [{"app": _Pages(), "url_prefix": PREFIX, "name": "Braze"}] if _HAS_VIEWS else []
    external_views: list[Any] = (
        [{"name": "Braze", "href": _HREF, "destination": "task_instance", "url_route": "braze"}] if _HAS_VIEWS else []
    )
