"""Objects with versions, on any file system that Airflow has: read one, replace it only if nobody else did.

An object is whole or not there: one upload on object stores, a temporary name and a rename on a local file system.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from airflow_provider_braze.exceptions import BrazeConfigError, BrazeConflictError
from airflow_provider_braze.landing.stores import objects_of
from airflow_provider_braze.landing.stores.objects import VersionConflictError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["ATTEMPTS", "Store", "Stored", "VersionConflictError"]

ATTEMPTS: Final = 4
"""Times that an object is read, changed and written before another writer's changes make us give up: one and three."""


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
        try:
            from airflow.sdk import ObjectStoragePath
        except ImportError:  # Airflow 2.11
            from airflow.io.path import ObjectStoragePath  # type: ignore[import-not-found,no-redef]

        if "://" not in destination:
            raise BrazeConfigError(
                f"The destination {destination[:200]!r} names no store. Give it with its scheme, such as "
                "s3://bucket/prefix or file:///data/braze."
            )
        try:
            path = ObjectStoragePath(destination.rstrip("/"), conn_id=conn_id)
            fs: AbstractFileSystem = path.fs
        except ImportError as error:
            raise BrazeConfigError(
                f"The destination {destination[:200]!r} needs a package that is not installed: {error}. Install "
                "airflow-provider-braze-analytics with the extra amazon, google or microsoft-azure."
            ) from error
        except ValueError as error:
            raise BrazeConfigError(f"The destination {destination[:200]!r} cannot be used: {error}.") from error
        self._protocol = path.protocol
        self._root = path.path.rstrip("/")
        self._conn_id = conn_id
        self._objects = objects_of(self._protocol, fs)

    @property
    def uri(self) -> str:
        """The destination without a connection id, which an asset or a reader would not understand."""
        return f"{self._protocol}://{self._root}"

    @property
    def account(self) -> str | None:
        """The storage account, for a kind of store whose containers are named within one."""
        return self._objects.account

    def uri_of(self, name: str) -> str:
        """The full address of an object."""
        return f"{self.uri}/{name}"

    def read(self, name: str) -> Stored | None:
        """Read an object; None when there is none.

        :raises PermissionError: the store refuses the credentials.
        """
        path = self._path(name)
        with self._telling(name):
            version = self._objects.version(path)
            if version is None:
                return None
            try:
                return Stored(self._objects.read(path), version)
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes, expected: str | None) -> None:
        """Replace an object as a whole, if it is still the one that was read.

        :param expected: the version that was read, None when there was no object.
        :raises VersionConflictError: it is another one by now.
        :raises PermissionError: the store refuses the credentials.
        :raises FileNotFoundError: there is no such bucket or container.
        """
        with self._telling(name):
            self._objects.write(self._path(name), content, expected)

    def delete(self, name: str) -> None:
        """Remove an object, if it is there.

        :raises PermissionError: the store refuses the credentials.
        """
        with self._telling(name), suppress(FileNotFoundError):
            self._objects.delete(self._path(name))

    def update(self, name: str, change: Callable[[Stored | None], bytes | None]) -> bool:
        """Read, change and write an object, again when another writer was faster.

        :param change: makes the new content of the old; None leaves the object alone.
        :return: whether it was written.
        :raises BrazeConflictError: others kept changing it.
        """
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

    @contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        """Say of which object a store speaks, and what to do, whatever its client makes of it."""
        try:
            yield
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{self.uri_of(name)} cannot be written: {_first_line(error)}. Create the bucket or container, or "
                "correct the destination."
            ) from error
        except Exception as error:
            if not self._objects.is_refusal(error):
                raise
            who = f"the connection {self._conn_id!r}" if self._conn_id else "the default credentials"
            raise PermissionError(
                f"{self.uri_of(name)} is refused to {who}: {_first_line(error)}. Correct the credentials, or let them "
                "read, write and delete objects there."
            ) from error


def _first_line(error: Exception) -> str:
    # Azure's go on with the whole answer.
    return str(error).partition("\n")[0][:300].rstrip(".")
