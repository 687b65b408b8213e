from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib

import pytest

from airflow_provider_braze.exceptions import BrazeDataError
from airflow_provider_braze.transport.bodies import BodyReader

MIB = 2**20
BODY = random.Random(1).randbytes(100_000)


def read(body: bytes, encoding: str | None = None, path: str = "/campaigns/list", piece: int = 65_536) -> bytes:
    reader = BodyReader(path, encoding)
    for start in range(0, len(body), piece):
        reader.feed(body[start : start + piece])
    return reader.finish()


def bomb(mib: int) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    return b"".join([*(packer.compress(bytes(MIB)) for _ in range(mib)), packer.flush()])


@pytest.mark.parametrize("piece", [1, 7, 65_536])
@pytest.mark.parametrize("body", [b"", b"{}", BODY], ids=len)
def test_body_is_decoded_unchanged(body, piece):
    for encoding in (None, "", "identity"):
        assert read(body, encoding, piece=piece) == body
    for encoding in ("gzip", "GZIP ", "x-gzip"):
        assert read(gzip.compress(body), encoding, piece=piece) == body


def test_empty_body_needs_no_gzip():
    assert read(b"", "gzip") == b""


@pytest.mark.parametrize(
    "encoding", ["gzip, gzip", "gzip,gzip", "deflate", "br", "zstd", "gzip, identity", "x" * 10_000]
)
def test_other_encoding_is_rejected(encoding):
    with pytest.raises(BrazeDataError, match=r"Only one layer of gzip is accepted\.") as caught:
        BodyReader("/campaigns/list", encoding)
    assert len(str(caught.value)) < 300


def test_only_one_layer_is_decoded():
    assert read(gzip.compress(gzip.compress(BODY)), "gzip") == gzip.compress(BODY)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (gzip.compress(BODY)[:-1], "truncated"),
        (gzip.compress(BODY)[:5], "truncated"),
        (b"no gzip at all", "not a gzip stream"),
        (gzip.compress(BODY)[:-8] + bytes(8), "not a gzip stream"),
        (gzip.compress(BODY) + b"more", "continues after the end"),
        (gzip.compress(BODY) * 2, "continues after the end"),
    ],
    ids=["cut", "cut-head", "no-gzip", "wrong-sum", "more", "two-streams"],
)
@pytest.mark.parametrize("piece", [1, 65_536])
def test_broken_gzip_is_a_value_error(body, problem, piece):
    with pytest.raises(ValueError, match=problem):
        read(body, "gzip", piece=piece)


@pytest.mark.parametrize(("path", "mib"), [("/campaigns/list", 16), ("/canvas/details", 64)])
def test_body_may_be_as_large_as_its_endpoint_allows(path, mib):
    assert len(read(bytes(mib * MIB), path=path)) == mib * MIB
    for body, encoding in ((bytes(mib * MIB + 1), None), (bomb(mib + 1), "gzip")):
        with pytest.raises(BrazeDataError, match=f"{path} returned more than {mib} MiB"):
            read(body, encoding, path)


def test_gzip_bomb_uses_no_more_memory_than_the_limit():
    body = bomb(256)
    assert len(body) < 2 * MIB
    tracemalloc.start()
    with pytest.raises(BrazeDataError):
        read(body, "gzip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * MIB


def test_gzip_that_expands_to_nothing_is_limited():
    """Empty blocks expand to no bytes, and could continue forever."""
    packer = zlib.compressobj(wbits=31)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    empty_blocks = b"\x00\x00\x00\xff\xff" * (17 * MIB // 5)
    with pytest.raises(BrazeDataError, match="more than 16 MiB"):
        read(head + empty_blocks, "gzip")
