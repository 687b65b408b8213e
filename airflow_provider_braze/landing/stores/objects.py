"""Objects of any file system that fsspec has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_TIMES: Final = ("ETag", "etag", "mtime", "last_modified", "modified", "created")


ANY_VERSION: Final = "*"
"""Expected version of a write without a condition: only one run writes the object, or the last writer wins."""


class VersionConflictError(Exception):
    """The object is not the one that was read."""


class ConditionsUnsupportedError(OSError):
    """The store rejects writes that have a condition."""


class Objects:
    """Objects of a store that is not known to check conditions: versions are compared just before each write.

    Paths are those of the file system, with bucket or container.

    :param fs: file system.
    """

    writers: int = 4
    """Objects to read and write at once. Hides the store's latency."""
    account: str | None = None
    """The storage account of a store that names its containers within one; otherwise None."""
    has_conditional_writes: bool = True
    """Whether to let the store compare versions, where it can. Else they are compared before each write."""

    def __init__(self, fs: AbstractFileSystem) -> None:
        self.fs = fs

    def version(self, path: str) -> str | None:
        """Return what distinguishes an object from a later one of that name, None when there is none.

        The file system's cache of listings is never used.
        """
        self.fs.invalidate_cache()
        info = self.info(path)
        return (
            None if info is None else f"{next((info[key] for key in _TIMES if info.get(key)), '')}-{info.get('size')}"
        )

    def info(self, path: str, **options: Any) -> dict[str, Any] | None:
        """Return the file system's facts about an object, None when there is none, or a folder."""
        try:
            info: dict[str, Any] = self.fs.info(path, **options)
        except FileNotFoundError:
            return None
        return None if info.get("type") == "directory" else info

    def read(self, path: str) -> bytes:
        """Read an object whole.

        :raises FileNotFoundError: there is none.
        """
        return bytes(self.fs.cat_file(path))

    def write(self, path: str, content: bytes, expected: str | None) -> None:
        """Replace an object as a whole, if it still has the expected version.

        :param expected: a version, None for no object, or ``ANY_VERSION``.
        :raises VersionConflictError: it has another version.
        :raises ConditionsUnsupportedError: the store rejects conditions.
        :raises FileNotFoundError: the bucket or container does not exist.
        """
        if expected != ANY_VERSION and self.version(path) != expected:
            raise VersionConflictError(path)
        self.fs.pipe_file(path, content)

    def delete(self, path: str) -> None:
        """Remove an object.

        :raises FileNotFoundError: there is none.
        """
        self.fs.rm_file(path)

    def list(self, folder: str) -> Sequence[str]:
        """Return the names of the objects in a folder, without those in folders below it."""
        # Listings that the file system remembers are not used. It reads all pages of a long one.
        self.fs.invalidate_cache(folder)
        try:
            found = self.fs.ls(folder, detail=True)
        except FileNotFoundError:
            return []
        return [str(info["name"]).rpartition("/")[2] for info in found if info.get("type") != "directory"]

    def find(self, folder: str) -> Sequence[str]:
        """Return the names of the objects in a folder and in all folders below it, relative to the folder."""
        # One flat listing on stores without folders, and never one that the file system remembers.
        self.fs.invalidate_cache()
        try:
            return [str(path).partition(f"{folder.lstrip('/')}/")[2] for path in self.fs.find(folder)]
        except FileNotFoundError:
            return []

    def is_refusal(self, error: Exception) -> bool:
        """Return whether the store denied access to these credentials."""
        return isinstance(error, PermissionError)
