"""Objects of Google Cloud Storage."""

from __future__ import annotations

import json
from typing import Final
from uuid import uuid4

from airflow_provider_braze.landing.stores.objects import ANY_VERSION, Objects, VersionConflictError

_OBJECT: Final = "b/{}/o/{}"


class GoogleStorage(Objects):
    """Versions are generations. ``ifGenerationMatch`` makes compare and write one step of the store.

    gcsfs has one condition only, "does not exist yet". So these requests use its ``call``, which signs, sends and
    retries any request of the JSON API.
    """

    def version(self, path: str) -> str | None:
        """Return the generation of an object."""
        bucket, _, key = path.partition("/")
        try:
            found = self.fs.call("GET", _OBJECT, bucket, key, fields="generation", json_out=True)
        except FileNotFoundError:
            return None
        return str(found["generation"])

    def write(self, path: str, content: bytes, expected: str | None) -> None:
        """Upload an object in one request, with its condition. Generation 0 means that there is no object."""
        bucket, _, key = path.partition("/")
        boundary = uuid4().hex
        try:
            self.fs.call(
                "POST",
                self.fs.base.replace("/storage/", "/upload/storage/", 1) + "b/{}/o",
                bucket,
                uploadType="multipart",
                **({} if expected == ANY_VERSION else {"ifGenerationMatch": expected or "0"}),
                headers={"Content-Type": f"multipart/related; boundary={boundary}"},
                data=_multipart(boundary, key, content),
            )
        except FileExistsError as error:
            raise VersionConflictError(path) from error
        self.fs.invalidate_cache(path)

    def is_refusal(self, error: Exception) -> bool:
        """Return whether the store responded 401 or 403; gcsfs has no error class for them."""
        is_forbidden = isinstance(error, OSError) and str(error).startswith("Forbidden")
        return is_forbidden or getattr(error, "code", None) == 401 or super().is_refusal(error)


def _multipart(boundary: str, key: str, content: bytes) -> bytes:
    head = (
        f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{json.dumps({'name': key})}\r\n"
        f"--{boundary}\r\nContent-Type: application/octet-stream\r\n\r\n"
    )
    return b"".join([head.encode(), content, f"\r\n--{boundary}--".encode()])
