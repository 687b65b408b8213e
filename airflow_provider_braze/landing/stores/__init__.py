"""Kinds of stores: how each tells versions of an object, and replaces one only if nobody else did.

A further kind is a module with a subclass of ``objects.Objects``, and an entry here; objects of any other file system
that Airflow has are compared before a write, as late as can be.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from airflow_provider_braze.landing.stores.objects import Objects

_KINDS: Final = {
    ("file", "local"): "files.Files",
    ("s3", "s3a", "s3n"): "s3.S3",
    ("gs", "gcs"): "google.GoogleStorage",
    ("abfs", "abfss", "adl"): "azure.AzureBlobs",
}


def objects_of(protocol: str, fs: AbstractFileSystem) -> Objects:
    """Tell how objects of a store are read and written.

    :param protocol: the scheme of its addresses.
    :param fs: its file system.
    """
    place = next((place for schemes, place in _KINDS.items() if protocol in schemes), "objects.Objects")
    module, _, name = place.partition(".")
    kind: type[Objects] = getattr(import_module(f"{__name__}.{module}"), name)
    return kind(fs)
