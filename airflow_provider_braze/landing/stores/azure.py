"""Objects of Azure Blob Storage."""

from __future__ import annotations

import errno
import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_braze.landing.stores.objects import ANY_VERSION, Objects, VersionConflictError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


class AzureBlobs(Objects):
    """Versions are ETags. ``If-Match`` and ``If-None-Match`` make compare and write one step of the store."""

    def __init__(self, fs: AbstractFileSystem) -> None:
        super().__init__(fs)
        # Azure's client logs all headers of each request at INFO. Airflow's own hook for Azure silences it too.
        logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.WARNING)
        # With a connection string, only the second one has it.
        self.account = fs.account_name or fs.service_client.account_name

    def version(self, path: str) -> str | None:
        """Return the ETag of a blob."""
        info = self.info(path, refresh=True)
        return str(info["etag"]) if info else None

    def write(self, path: str, content: bytes, expected: str | None) -> None:
        """Upload a blob with its condition, which holds for the blob as a whole, also in several blocks."""
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        try:
            self.fs.pipe_file(path, content, **_condition(expected))
        except (FileExistsError, ResourceModifiedError) as error:
            raise VersionConflictError(path) from error
        except ResourceNotFoundError as error:
            raise FileNotFoundError(errno.ENOENT, "No such container", path.partition("/")[0]) from error

    def is_refusal(self, error: Exception) -> bool:
        """Return whether the store responded 401 or 403, or issued no token."""
        from azure.core.exceptions import ClientAuthenticationError

        is_unauthenticated = isinstance(error, ClientAuthenticationError)
        return is_unauthenticated or getattr(error, "status_code", None) == 403 or super().is_refusal(error)


def _condition(expected: str | None) -> dict[str, Any]:
    from azure.core import MatchConditions

    if expected is None or expected == ANY_VERSION:
        return {"overwrite": expected is not None}
    return {"overwrite": True, "etag": expected, "match_condition": MatchConditions.IfNotModified}
