"""Objects of S3 and of stores that speak its language."""

from __future__ import annotations

from typing import Any, Final

from airflow_provider_braze.landing.stores.objects import (
    ANY_VERSION,
    ConditionsUnsupportedError,
    Objects,
    VersionConflictError,
)

# One request up to 5 GB, so that the condition holds for the object as a whole.
_CHUNK_BYTES: Final = 2_500 * 2**20
_CONFLICTS: Final = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
_UNSUPPORTED: Final = frozenset({"NotImplemented", "501"})


class S3(Objects):
    """Versions are ETags. ``If-Match`` and ``If-None-Match`` make compare and write one step of the store."""

    def version(self, path: str) -> str | None:
        """Return the ETag of an object."""
        info = self.info(path, refresh=True)
        return str(info["ETag"]) if info else None

    def read(self, path: str) -> bytes:
        """Read an object whole."""
        # s3fs takes the size from its cache of listings, and would read no more than that, or nothing.
        self.fs.invalidate_cache(path)
        return super().read(path)

    def write(self, path: str, content: bytes, expected: str | None) -> None:
        """Put an object in one request, with its condition."""
        if not self.has_conditional_writes:
            super().write(path, content, expected)
            return
        try:
            self.fs.pipe_file(path, content, chunksize=_CHUNK_BYTES, **_condition(expected))
        except FileNotFoundError as error:
            if expected in (None, ANY_VERSION):  # The bucket does not exist.
                raise
            raise VersionConflictError(path) from error
        except OSError as error:
            if _code(error) in _CONFLICTS:
                raise VersionConflictError(path) from error
            if _code(error) in _UNSUPPORTED:
                raise ConditionsUnsupportedError(f"{path}: {error}") from error
            raise


def _condition(expected: str | None) -> dict[str, str]:
    if expected == ANY_VERSION:
        return {}
    return {"IfNoneMatch": "*"} if expected is None else {"IfMatch": expected}


def _code(error: OSError) -> str:
    response: dict[str, Any] = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
