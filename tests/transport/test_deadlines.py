from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_braze.transport.deadlines import _Incoming, connect, in_steps

pytestmark = pytest.mark.timeout(60)

PATIENCE = 3600.0


class Stopped(Exception):
    """Raised by a check."""


def stop() -> None:
    raise Stopped


def go_on() -> None:
    pass


@pytest.fixture
def sockets():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(7.5)
        yield ours, theirs


def test_receiving_restores_the_timeout(sockets):
    """After a proxy's response the TLS handshake uses the same socket, and may take longer than one step."""
    ours, theirs = sockets
    theirs.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    incoming = io.BufferedReader(_Incoming(ours, ours.makefile("rb", buffering=0), go_on))
    assert incoming.readline() == b"HTTP/1.1 200 Connection established\r\n"
    assert ours.gettimeout() == 7.5


def test_receiving_is_stopped_by_its_check(sockets):
    ours, _ = sockets
    with pytest.raises(Stopped):
        _Incoming(ours, ours.makefile("rb", buffering=0), stop).readinto(bytearray(10))


def test_operation_that_does_not_end_is_stopped_at_its_deadline(sockets):
    ours, _ = sockets
    with pytest.raises(TimeoutError):
        in_steps(ours, 0.0, go_on, lambda: ours.recv(1))
    assert ours.gettimeout() == 7.5


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """Yield a port whose queue is full: a connection to it is neither accepted nor rejected."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for each in waiting:
            each.close()


def test_connecting_is_stopped_by_its_check(deaf_port):
    with pytest.raises(Stopped):
        connect("127.0.0.1", deaf_port, PATIENCE, stop)


def test_connecting_ends_at_its_timeout(deaf_port):
    with pytest.raises(TimeoutError):
        connect("127.0.0.1", deaf_port, 0.1, go_on)


@pytest.fixture
def slow_lookup(monkeypatch) -> Iterator[threading.Event]:
    """Make each lookup wait for an event."""
    found = threading.Event()

    def getaddrinfo(*given: Any) -> Any:
        found.wait(30)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield found
    found.set()
    for thread in threading.enumerate():
        if thread.name == "braze-lookup":
            thread.join()


def test_lookup_is_stopped_by_its_check(slow_lookup):
    with pytest.raises(Stopped):
        connect("rest.example.org", 443, PATIENCE, stop)


def test_lookup_ends_at_its_timeout(slow_lookup):
    with pytest.raises(TimeoutError):
        connect("rest.example.org", 443, 0.1, go_on)


def test_failing_lookup_raises_its_error(slow_lookup):
    slow_lookup.set()
    with pytest.raises(socket.gaierror, match="Name or service not known"):
        connect("rest.example.org", 443, PATIENCE, go_on)


def test_lookup_of_a_label_that_is_too_long_is_a_lookup_error(monkeypatch):
    # As the resolver does, which the guard of the tests replaces.
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *given: host.encode("idna"))
    with pytest.raises(socket.gaierror, match="not a host name"):
        connect(f"{'a' * 64}.example.org", 443, PATIENCE, go_on)


def test_connect_tries_each_address(monkeypatch, raw_server):
    with socket.socket() as closed, monkeypatch.context() as lookup:
        closed.bind(("127.0.0.1", 0))
        ports = [closed.getsockname()[1], int(raw_server(b"").url.rsplit(":", 1)[1])]
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
        lookup.setattr(socket, "getaddrinfo", lambda *given: addresses)
        options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        with connect("localhost", 0, 5.0, go_on, options) as sock:
            assert sock.getpeername()[1] == ports[1]
            assert sock.gettimeout() == 5.0
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        addresses.pop()
        with pytest.raises(ConnectionRefusedError):
            connect("localhost", 0, 5.0, go_on)
