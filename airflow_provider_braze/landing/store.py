"""Objects with versions, on any file system that Airflow has: read one, and replace it only if it is unchanged.

An object is whole or not there: one upload on object stores, a temporary name and a rename on a local file system.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from airflow_provider_braze.exceptions import BrazeConfigError, BrazeConflictError
from airflow_provider_braze.landing.destination import resolve_destination
from airflow_provider_braze.landing.stores import extra_of, objects_of
from airflow_provider_braze.landing.stores.objects import ANY_VERSION, ConditionsUnsupportedError, VersionConflictError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["ANY_VERSION", "ATTEMPTS", "ConditionsUnsupportedError", "Store", "Stored", "VersionConflictError"]

ATTEMPTS: Final = 4
"""Times that an object is read, changed and written before :meth:`Store.update` gives up."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's content as it was read.

    :param version: distinguishes this content from a later one: an ETag, a generation, or time and size. It was read
        before the content, so a change in between makes it too old, never too new.
    """

    content: bytes
    version: str


class Store:
    """The objects below one destination.

    :param destination: text such as ``s3://bucket/prefix``, an ``ObjectStoragePath``, or an absolute ``pathlib`` path.
    :param conn_id: Airflow connection of the store. Default: the destination's, else default credentials.
    :raises BrazeConfigError: the destination or the connection cannot be used, or a package is missing.
    """

    def __init__(self, destination: object, conn_id: str | None = None) -> None:
        self.uri, self._conn_id = resolve_destination(destination, conn_id)
        """The destination without a connection id, which a reader would not understand."""
        scheme, _, self._root = self.uri.partition("://")
        self._objects = objects_of(scheme, _open_file_system(self.uri, self._conn_id))
        self._written_once: dict[str, bytes] = {}

    @property
    def account(self) -> str | None:
        """The storage account of a store that names its containers within one; otherwise None."""
        return self._objects.account

    @property
    def has_conditional_writes(self) -> bool:
        """Whether the store compares versions itself, so that concurrent runs cannot overwrite each other."""
        return self._objects.has_conditional_writes

    @property
    def writers(self) -> int:
        """Number of objects to read and write at once."""
        return self._objects.writers

    def accept_unconditional_writes(self) -> None:
        """Compare versions before each write from now on: enough for one run at a time."""
        self._objects.has_conditional_writes = False

    def uri_of(self, name: str) -> str:
        """Return the full address of an object."""
        return f"{self.uri}/{name}"

    def read(self, name: str) -> Stored | None:
        """Return an object, None when there is none.

        :raises PermissionError: the store denies access.
        """
        path = self._path(name)
        with self._explaining_errors(name):
            version = self._objects.version(path)
            if version is None:
                return None
            try:
                return Stored(self._objects.read(path), version)
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes, expected: str | None) -> None:
        """Replace an object as a whole, if it is still the one that was read.

        :param expected: the version that was read, None when there was no object, ``ANY_VERSION`` to replace any.
        :raises VersionConflictError: the object has another version.
        :raises ConditionsUnsupportedError: the store rejects conditions.
        :raises PermissionError: the store denies access.
        :raises FileNotFoundError: the bucket or container does not exist.
        """
        with self._explaining_errors(name):
            self._objects.write(self._path(name), content, expected)

    def delete(self, name: str) -> None:
        """Remove an object, if it is there.

        :raises PermissionError: the store denies access.
        """
        with self._explaining_errors(name), suppress(FileNotFoundError):
            self._objects.delete(self._path(name))

    def list(self, folder: str) -> Sequence[str]:
        """Return the names of the objects in a folder, relative to it, without those in folders below it.

        :raises PermissionError: the store denies access.
        """
        with self._explaining_errors(folder):
            return self._objects.list(self._path(folder))

    def find(self, folder: str) -> Sequence[str]:
        """Return the names of the objects in a folder and in all folders below it, relative to the folder.

        :raises PermissionError: the store denies access.
        """
        with self._explaining_errors(folder):
            return self._objects.find(self._path(folder))

    def update(self, name: str, change: Callable[[Stored | None], bytes | None]) -> bool:
        """Read, change and write an object, again when another writer was faster.

        :param change: returns the new content for the old. None leaves the object alone.
        :return: whether the object was written.
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
            f"Gave up writing {self.uri_of(name)} after {ATTEMPTS} attempts: another run keeps changing it. Set "
            "`max_active_runs=1`, and rerun this task."
        )

    def read_once(self, name: str) -> bytes | None:
        """Return an object that never changes once it is written. Each such object is read once."""
        if name not in self._written_once and (stored := self.read(name)):
            self._written_once[name] = stored.content
        return self._written_once.get(name)

    def write_once(self, name: str, content: bytes) -> bytes:
        """Write an object that never changes, unless it is there.

        :return: the object's content: this one, or that of the run that was faster.
        """
        found = [content]

        def create(stored: Stored | None) -> bytes | None:
            found[0] = stored.content if stored else content
            return None if stored else content

        if name not in self._written_once:
            self.update(name, create)
            self._written_once[name] = found[0]
        return self._written_once[name]

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _explaining_errors(self, name: str) -> Iterator[None]:
        """Re-raise a store's errors with the object's URI and a suggested fix."""
        uri = self.uri_of(name)
        try:
            yield
        except (VersionConflictError, ConditionsUnsupportedError):
            raise
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"Could not write {uri}: {_first_line(error)}. Create the bucket or container, or correct the "
                "destination."
            ) from error
        except Exception as error:
            if self._objects.is_refusal(error):
                who = f"the connection {self._conn_id!r}" if self._conn_id else "the default credentials"
                raise PermissionError(
                    f"Access denied to {uri} using {who}: {_first_line(error)}. Correct the credentials, or allow "
                    "them to list, read, write and delete objects there."
                ) from error
            if isinstance(error, OSError) or type(error).__module__ != "builtins":
                raise _with_uri(error, uri) from error
            raise


def _open_file_system(uri: str, conn_id: str | None) -> AbstractFileSystem:
    from airflow_provider_braze.task.airflow import AirflowNotFoundException, BaseHook, ObjectStoragePath

    try:
        # Some file systems fall back to default credentials.
        if conn_id:
            BaseHook.get_connection(conn_id)
    except AirflowNotFoundException as error:
        raise BrazeConfigError(
            f"The connection {conn_id!r} of `object_storage_conn_id` does not exist. Create it, or correct the id."
        ) from error
    try:
        return ObjectStoragePath(uri, conn_id=conn_id).fs
    except (ImportError, ValueError) as error:
        if "incompatible with ObjectStoragePath" in str(error):
            # Airflow before 3.2 does not cap universal-pathlib, whose 0.3 rejects every path of that Airflow.
            raise BrazeConfigError(
                f"The destination {uri[:200]!r} cannot be used: {_first_line(error)}. Install universal-pathlib<0.3."
            ) from error
        extra = extra_of(uri.partition("://")[0])
        advice = f"Install airflow-provider-braze-analytics[{extra}]" if extra else "Install the package of this store"
        raise BrazeConfigError(
            f"The destination {uri[:200]!r} cannot be used: {_first_line(error)}. {advice}, if it is missing, or "
            "correct the destination or its connection."
        ) from error


def _with_uri(error: Exception, uri: str) -> OSError:
    # The class stays where it says more: a time-out, a full disk.
    kind = type(error) if isinstance(error, OSError) and type(error).__module__ == "builtins" else OSError
    message = f"The store failed on {uri}: {_first_line(error)}"
    number = getattr(error, "errno", None)
    return kind(number, message) if number else kind(message)


def _first_line(error: Exception) -> str:
    # Azure's errors continue with the whole response.
    text = getattr(error, "strerror", None) or str(error)
    return str(text).partition("\n")[0][:300].rstrip(".")
