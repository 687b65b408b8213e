"""Reading a response's body: limited in size, and at most one layer of gzip.

The HTTP libraries decode a body without a limit, and layer after layer. So they return raw bytes here, and this module
decodes them as they arrive, in both transports.
"""

from __future__ import annotations

import zlib
from typing import Final

from airflow_provider_braze.core.endpoints import max_body_bytes
from airflow_provider_braze.exceptions import BrazeDataError

_GZIP: Final = 16 + zlib.MAX_WBITS
_STEP_BYTES: Final = 256 * 1024
"""Most bytes decompressed at once."""


class BodyReader:
    """Collects a body piece by piece.

    The body of an error is only quoted. If it cannot be decoded it counts as empty, so that its status decides.

    :param path: path of the endpoint, which determines the largest size.
    :param encoding: the header ``Content-Encoding``, None when missing.
    :param status: status of the response. Default 200.
    :raises BrazeDataError: the encoding is neither gzip nor none.
    """

    def __init__(self, path: str, encoding: str | None, status: int = 200) -> None:
        name = (encoding or "identity").strip().lower()
        is_known = name in ("identity", "gzip", "x-gzip")
        self._is_error = status != 200
        self._is_skipped = self._is_error and not is_known
        if not is_known and not self._is_error:
            raise BrazeDataError(
                f"{path} returned a body with the content encoding {name[:50]!r}. Only one layer of gzip is accepted. "
                "Check the connection's host, and any proxy between the worker and Braze."
            )
        self._path, self._limit = path, max_body_bytes(path)
        self._gzip = None if name == "identity" else zlib.decompressobj(_GZIP)
        self._pieces: list[bytes] = []
        self._size = self._received = 0

    def feed(self, piece: bytes) -> None:
        """Add bytes as they were received.

        :raises BrazeDataError: the body is too large.
        :raises ValueError: the bytes are not one gzip stream.
        """
        self._received += len(piece)
        self._check_size(self._received)
        if self._is_skipped:
            return
        try:
            self._decode(piece)
        except ValueError:
            if not self._is_error:
                raise
            self._is_skipped = True

    def finish(self) -> bytes:
        """Return the whole body.

        :raises ValueError: the gzip stream is truncated.
        """
        if self._is_skipped:
            return b""
        if self._gzip is not None and self._received and not self._gzip.eof and not self._is_error:
            raise ValueError("the gzip stream is truncated")
        return b"".join(self._pieces)

    def _decode(self, piece: bytes) -> None:
        if self._gzip is None:
            self._add(piece)
            return
        while piece:
            if self._gzip.eof:
                raise ValueError("the body continues after the end of its gzip stream")
            try:
                self._add(self._gzip.decompress(piece, _STEP_BYTES))
            except zlib.error as error:
                raise ValueError(f"the body is not a gzip stream ({error})") from None
            piece = self._gzip.unconsumed_tail or self._gzip.unused_data

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        self._check_size(self._size)
        self._pieces.append(piece)

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise BrazeDataError(
                f"{self._path} returned more than {self._limit // 2**20} MiB, which is too large for an analytics "
                "response. Check the connection's host."
            )
