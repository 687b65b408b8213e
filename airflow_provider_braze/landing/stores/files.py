"""Objects as files of a local file system: a temporary name, a lock and a rename."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Sequence
from pathlib import Path
from stat import S_ISREG

from airflow_provider_braze.landing.stores.objects import ANY_VERSION, Objects, VersionConflictError


class Files(Objects):
    """Files below a folder. Each is renamed into its place when it is whole."""

    writers = 1  # There is little latency to hide, and threads that take turns cost processor time.

    def version(self, path: str) -> str | None:
        """Return time, size and inode of a file."""
        try:
            stat = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not S_ISREG(stat.st_mode):
            return None
        # The inode too: each write makes a new file, and two files may share size and time.
        return f"{stat.st_mtime_ns}-{stat.st_size}-{stat.st_ino}"

    def write(self, path: str, content: bytes, expected: str | None) -> None:
        """Write beside the file, then rename over it. A lock on the file beside it makes compare and rename one step.

        The temporary name is fixed, so the next writer reuses what a killed one left.
        """
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = place.with_name(f".{place.name}.tmp")
        descriptor = _open_locked(beside)
        try:
            if expected != ANY_VERSION and self.version(path) != expected:
                beside.unlink()
                raise VersionConflictError(path)
            _write_all(descriptor, content, beside)
            os.replace(beside, place)
        finally:
            os.close(descriptor)

    def list(self, folder: str) -> Sequence[str]:
        """Return the names of the files in a folder, without temporary ones."""
        try:
            return [name for name in os.listdir(folder) if not name.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def find(self, folder: str) -> Sequence[str]:
        """Return the names of the files in a folder and in all folders below it, without temporary ones."""
        return [
            os.path.relpath(os.path.join(place, name), folder)
            for place, _, names in os.walk(folder)
            for name in names
            if not name.startswith(".")
        ]


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
            if error.errno not in _NO_LOCKS:
                raise
            raise OSError(
                error.errno,
                f"The file system of {beside.parent} has no file locks. Use another folder, or an object store",
            ) from None
        # The last holder has renamed or removed it, so this lock is on a file without that name.
        os.close(descriptor)


_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)
