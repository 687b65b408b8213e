"""Hosts that receive the key: redirects, cookies, other passwords, names and certificates."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from airflow_provider_braze.exceptions import BrazePartialError, BrazeRequestError, BrazeTransportError
from tests.faults.conftest import KEY, LIST, of_campaign, on, port_of
from tests.faults.proxy import Call, FaultProxy, Response
from tests.faults.table import Case, Complete, Fails, each_case, fault
from tests.stores import Destination

TLS: dict[str, Case] = {
    # The certificate's address, the year in which it ended, whether the connection trusts it.
    "expired": Case(
        "a TLS certificate that has expired",
        Fails(BrazeTransportError, writes_nothing=True, note="the key is not sent"),
        ("127.0.0.1", 2021, True),
    ),
    "self-signed": Case(
        "a self-signed TLS certificate",
        Fails(BrazeTransportError, writes_nothing=True, note="the key is not sent"),
        ("127.0.0.1", 2120, False),
    ),
    "of-another-host": Case(
        "a TLS certificate of another host",
        Fails(BrazeTransportError, writes_nothing=True, note="the key is not sent"),
        ("127.0.0.2", 2120, True),
    ),
}


HEADERS = {
    "json-as-html": Case("JSON that is sent as `text/html`", Complete(), {"content-type": "text/html; charset=utf-16"}),
    "cookies": Case("cookies in every response", Complete("none is returned"), {"set-cookie": "a=1; Path=/"}),
}


@each_case("headers", HEADERS)
def test_strange_headers(lake, headers):
    def fault(call: Call) -> None:
        whole = call.fetch()
        call.send(replace(whole, headers={**whole.headers, **headers}))

    lake.check_promise(lambda request: fault)
    assert not [request for request in lake.proxy.requests if "cookie" in request.headers]


REDIRECTS = {
    str(status): Case(
        f"a {status} to another host, for a campaign",
        Fails(
            BrazePartialError,
            BrazeRequestError,
            permanent=True,
            note="it is not followed, and the other host sees nothing",
        ),
        status,
    )
    for status in (301, 302, 303, 307, 308)
}


@each_case("status", REDIRECTS)
def test_redirect_to_another_host(lake, raw_server, status):
    elsewhere = raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    location = elsewhere.url.replace("127.0.0.1", "localhost") + "/campaigns/data_series"
    lake.check_promise(of_campaign(lake.ids[0], lambda call: call.send(Response(status, b"", {"location": location}))))
    assert elsewhere.requests == []


@fault(
    "a 302 to another host, for the list",
    Fails(BrazeRequestError, permanent=True, writes_nothing=True, note="the other host sees nothing"),
)
def test_redirect_of_the_list(lake, raw_server):
    elsewhere = raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    lake.check_promise(on(LIST, lambda call: call.send(Response(302, b"", {"location": elsewhere.url}))))
    assert elsewhere.requests == []


@fault("a host whose name cannot be resolved", Fails(BrazeTransportError, writes_nothing=True))
def test_host_that_cannot_be_resolved(lake, _no_network):  # noqa: PT019 - its value is the list of lookups
    lake.connect("https://rest.no-such-instance.invalid", max_attempts=2)
    lake.destination = Destination(f"{lake.destination.uri}-elsewhere", None)
    # The guard of the tests replaces the resolver: it resolves only this machine's name.
    error = lake.fails()
    assert "rest.no-such-instance.invalid" in str(error)
    assert set(_no_network) == {"rest.no-such-instance.invalid"}
    _no_network.clear()


def certificate_of(folder: Path, address: str, last_year: int) -> tuple[ssl.SSLContext, str]:
    """Return a server's TLS context with its own authority, and the file that a client has to trust."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, address)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1))
        .not_valid_after(datetime(last_year, 1, 1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "certificate.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, folder / "key.pem")
    return context, str(file)


@pytest.fixture
def over_tls(lake, tmp_path) -> Iterator[Callable[..., FaultProxy]]:
    """Return a function that makes the connection use TLS, with its own destination."""
    with ExitStack() as stack:

        def start(address: str, last_year: int, is_trusted: bool) -> FaultProxy:
            context, file = certificate_of(tmp_path, address, last_year)
            proxy = stack.enter_context(closing(FaultProxy(port_of(lake.braze), context)))
            lake.connect(proxy.url, max_attempts=2, **{"verify": file} if is_trusted else {})
            lake.destination = Destination(f"{lake.destination.uri}-over-tls", None)
            return proxy

        yield start


@each_case("kind", TLS)
def test_untrusted_certificate(lake, over_tls, kind):
    proxy = over_tls(*kind)
    error = lake.fails()
    assert "CERTIFICATE_VERIFY_FAILED" in str(error)
    assert proxy.requests == []


@fault("a `.netrc` with another password for the host", Complete("the key is sent, the password is not"))
def test_netrc_with_another_password(lake, over_tls, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\ndefault login any password thing\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    proxy = over_tls("127.0.0.1", 2120, True)
    lake.succeeds()
    assert {request.headers["authorization"] for request in proxy.requests} == {f"Bearer {KEY}"}
