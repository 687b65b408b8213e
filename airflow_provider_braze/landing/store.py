"""Objects with versions, on any file system that Airflow has: read one, replace it only if nobody else did.

An object is whole or not there: one upload on object stores, a temporary name and a rename on a local file system.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_braze.exceptions import BrazeConfigError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

ATTEMPTS: Final = 4
"""Times that an object is read, changed and written before another writer's changes make us give up: one and three."""


class VersionConflictError(Exception):
    """The object is not the one that was read."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's content as it was read.

    :param version: what tells this content from a later one: an ETag, a generation, or time and size. It was read
        before the content, so that a change in between makes it too old, never too new.
    """

    content: bytes
    version: str


class Store:
    """The objects below one destination.

    :param destination: such as ``s3://bucket/prefix`` or ``file:///data/braze``.
    :param conn_id: the Airflow connection of the store, None for its default credentials.
    :raises BrazeConfigError: there is no such kind of store, or its package is missing.
    """

    def __init__(self, destination: str, conn_id: str | None = None) -> None:
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        if "://" not in destination:
            raise BrazeConfigError(
                f"The destination {destination[:200]!r} names no store. Give it with its scheme, such as "
                "s3://bucket/prefix or file:///data/braze."
            )
        try:
            path = ObjectStoragePath(destination.rstrip("/"), conn_id=conn_id)
            self._fs: AbstractFileSystem = path.fs
        except ImportError as error:
            raise BrazeConfigError(
                f"The destination {destination[:200]!r} needs a package that is not installed: {error}. Install "
                "airflow-provider-braze-analytics with the extra amazon, google or microsoft-azure."
            ) from error
        except ValueError as error:
            raise BrazeConfigError(f"The destination {destination[:200]!r} cannot be used: {error}.") from error
        self._protocol = path.protocol
        self._root = path.path.rstrip("/")
        # Listings that the process remembers may be older than this run.
        self._fs.invalidate_cache()

    @property
    def uri(self) -> str:
        """The destination without a connection id, which an asset or a reader would not understand."""
        return f"{self._protocol}://{self._root}"

    def uri_of(self, name: str) -> str:
        """The full address of an object."""
        return f"{self.uri}/{name}"

    def read(self, name: str) -> Stored | None:
        """Read an object; None when there is none."""
        version = self._version(name)
        if version is None:
            return None
        try:
            content = self._fs.cat_file(self._path(name))
        except FileNotFoundError:
            return None
        return Stored(bytes(content), version)

    def write(self, name: str, content: bytes, expected: str | None) -> None:
        """Replace an object as a whole, if it is still the one that was read.

        :param expected: the version that was read, None when there was no object.
        :raises VersionConflictError: it is another one by now.
        """
        if self._protocol in _LOCAL:
            _replace_file(Path(self._path(name)), content, expected)
        elif self._protocol in _S3:
            self._put_s3(name, content, expected)
        else:
            # No condition that the store itself would check is known: compare as late as can be.
            if self._version(name) != expected:
                raise VersionConflictError(name)
            self._fs.pipe_file(self._path(name), content)

    def delete(self, name: str) -> None:
        """Remove an object, if it is there."""
        try:
            self._fs.rm_file(self._path(name))
        except FileNotFoundError:
            return

    def update(self, name: str, change: Callable[[Stored | None], bytes | None]) -> bool:
        """Read, change and write an object, again when another writer was faster.

        :param change: makes the new content of the old; None leaves the object alone.
        :return: whether it was written.
        :raises BrazeConflictError: others kept changing it.
        """
        from airflow_provider_braze.exceptions import BrazeConflictError

        for _ in range(ATTEMPTS):
            old = self.read(name)
            content = change(old)
            if content is None:
                return False
            try:
                self.write(name, content, old.version if old else None)
            except VersionConflictError:
                continue
            return True
        raise BrazeConflictError(
            f"{self.uri_of(name)} was changed by another writer each of {ATTEMPTS} times that it was about to be "
            "written. Let no two runs land the same days at once (max_active_runs=1), and run this one again."
        )

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _version(self, name: str) -> str | None:
        path = self._path(name)
        if self._protocol in _LOCAL:
            return _file_version(path)
        try:
            if self._protocol in _S3:
                info = self._fs.info(path, refresh=True)
            else:
                self._fs.invalidate_cache(path)
                info = self._fs.info(path)
        except FileNotFoundError:
            return None
        if info.get("type") == "directory":
            return None
        return next((str(info[key]) for key in _VERSION_KEYS if info.get(key)), f"{info.get('size')}")

    def _put_s3(self, name: str, content: bytes, expected: str | None) -> None:
        condition = {"IfMatch": expected} if expected else {"IfNoneMatch": "*"}
        try:
            # One request up to 5 GB, so that the condition holds for the object as a whole.
            self._fs.pipe_file(self._path(name), content, chunksize=_S3_CHUNK_BYTES, **condition)
        except FileNotFoundError as error:
            if expected is None:
                raise
            raise VersionConflictError(name) from error
        except OSError as error:
            if _s3_code(error) in _S3_CONFLICTS:
                raise VersionConflictError(name) from error
            raise


_LOCAL: Final = frozenset({"file", "local", ""})
_S3: Final = frozenset({"s3", "s3a", "s3n"})
_S3_CHUNK_BYTES: Final = 2_500 * 2**20
_S3_CONFLICTS: Final = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
# s3fs, gcsfs (a generation changes with every write), adlfs.
_VERSION_KEYS: Final = ("ETag", "generation", "etag", "mtime", "last_modified")


def _s3_code(error: OSError) -> str:
    response: dict[str, Any] = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _file_version(path: str | Path) -> str | None:
    try:
        stat = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not S_ISREG(stat.st_mode):
        return None
    # The inode too: each write makes a new file, and two of them may share size and time.
    return f"{stat.st_mtime_ns}-{stat.st_size}-{stat.st_ino}"


def _replace_file(path: Path, content: bytes, expected: str | None) -> None:
    """Write beside the file, then rename over it; a lock on the file beside it makes compare and rename one step.

    The temporary name is fixed, so what a killed writer left is taken over by the next one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.tmp")
    descriptor = _open_locked(beside)
    try:
        if _file_version(path) != expected:
            beside.unlink()
            raise VersionConflictError(path.name)
        _write_all(descriptor, content, beside)
        os.replace(beside, path)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes, beside: Path) -> None:
    try:
        os.ftruncate(descriptor, 0)
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError:
        beside.unlink()
        raise


def _open_locked(beside: Path) -> int:
    while True:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), os.stat(beside)):
                return descriptor
        except FileNotFoundError:
            pass
        except OSError as error:
            os.close(descriptor)
            if error.errno != errno.ENOLCK:
                raise
            raise OSError(
                error.errno, f"This file system gives no locks, so {beside.parent} cannot be landed on"
            ) from None
        # Its last holder has renamed or removed it meanwhile: this lock is on a file that has no such name any more.
        os.close(descriptor)
