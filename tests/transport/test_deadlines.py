from __future__ import annotations

import io
import socket

import pytest

from airflow_provider_braze.transport.deadlines import _Incoming


@pytest.fixture
def sockets():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(7.5)
        yield ours, theirs


def test_receiving_leaves_the_time_out_as_it_was(sockets):
    """After a proxy's answer the TLS handshake goes on with the same socket, and may take longer than one look."""
    ours, theirs = sockets
    theirs.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    incoming = io.BufferedReader(_Incoming(ours, ours.makefile("rb", buffering=0), lambda: None))
    assert incoming.readline() == b"HTTP/1.1 200 Connection established\r\n"
    assert ours.gettimeout() == 7.5


def test_receiving_is_ended_by_its_check(sockets):
    def stop() -> None:
        raise KeyboardInterrupt

    ours, _ = sockets
    with pytest.raises(KeyboardInterrupt):
        _Incoming(ours, ours.makefile("rb", buffering=0), stop).readinto(bytearray(10))
