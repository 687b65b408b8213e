"""Kinds of stores: how each versions an object, and replaces one only if it is unchanged.

To add a kind, write a module with a subclass of ``objects.Objects``, and add it here. Objects of any other file system
that Airflow has are compared just before each write.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from airflow_provider_braze.landing.stores.objects import Objects

_KINDS: Final = {
    ("file", "local"): ("files.Files", None),
    ("s3", "s3a", "s3n"): ("s3.S3", "amazon"),
    ("gs", "gcs"): ("google.GoogleStorage", "google"),
    ("abfs", "abfss", "adl"): ("azure.AzureBlobs", "microsoft-azure"),
}


def objects_of(scheme: str, fs: AbstractFileSystem) -> Objects:
    """Return the objects of a store.

    :param scheme: scheme of its addresses.
    :param fs: its file system.
    """
    place, _ = _kind_of(scheme)
    module, _, name = place.partition(".")
    kind: type[Objects] = getattr(import_module(f"{__name__}.{module}"), name)
    return kind(fs)


def extra_of(scheme: str) -> str | None:
    """Return the extra of this package that installs what a kind of store needs."""
    return _kind_of(scheme)[1]


def _kind_of(scheme: str) -> tuple[str, str | None]:
    return next((kind for schemes, kind in _KINDS.items() if scheme in schemes), ("objects.Objects", None))
