from __future__ import annotations

import socket
import ssl

import pytest

from airflow_provider_braze.core.models import Credentials
from airflow_provider_braze.transport.failures import describe_failure, incomplete_response, may_be_key

KEY = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
REST = "rest.iad-01.braze.con"
NO_NAME = socket.gaierror(-2, "Name or service not known")


def problem_of(error: BaseException, host: str = REST, key: str = KEY) -> str:
    return describe_failure(error, Credentials(f"https://{host}:8443", key))


def nest(error: BaseException) -> BaseException:
    """Nest an error as requests does: in the reason of an argument, and in a cause."""
    inner = RuntimeError("a pool failed")
    inner.__cause__ = error
    middle = RuntimeError(f"HTTPSConnectionPool(host={REST!r}): Max retries exceeded with url: /campaigns/list " * 5)
    middle.reason = inner  # type: ignore[attr-defined]
    return ConnectionError(middle)


def test_typo_in_the_host_is_reported_as_host_not_found():
    message = str(incomplete_response("/campaigns/list", problem_of(nest(NO_NAME))))
    assert message == (
        f"Request to /campaigns/list failed: could not resolve the host {REST!r} "
        "([Errno -2] Name or service not known). Check the connection's host and your network."
    )


def test_unresolvable_proxy_is_named_as_the_cause():
    problem = describe_failure(nest(NO_NAME), Credentials(f"https://{REST}", KEY), "proxy.example.org")
    assert problem == "could not resolve the proxy 'proxy.example.org' ([Errno -2] Name or service not known)"


@pytest.mark.parametrize("host", [KEY, KEY.upper(), "a-key", f"{KEY}.braze.com", KEY.replace("-", "")])
@pytest.mark.parametrize("kind", [socket.gaierror, OSError, ssl.SSLCertVerificationError])
def test_host_that_may_be_a_key_is_not_shown(host, kind):
    problem = problem_of(nest(kind(1, f"not known or not valid: {host.lower()!r}")), host, key="another-key")
    assert host.lower() not in problem.lower()
    assert "***" in problem


@pytest.mark.parametrize("host", ["rest.iad-01.braze.com", "127.0.0.1", "braze.internal-proxy.example.org"])
def test_other_hosts_are_shown(host):
    assert not may_be_key(host)
    assert repr(host) in problem_of(NO_NAME, host)


def test_key_is_not_shown():
    assert problem_of(OSError(f"Bearer {KEY}")) == "OSError: Bearer ***"


def test_timeout_names_the_librarys_error():
    assert problem_of(TimeoutError()) == "timed out (TimeoutError)"
    assert problem_of(nest(TimeoutError("timed out"))) == "timed out (ConnectionError)"


def test_long_problem_ends_with_a_whole_word():
    problem = problem_of(OSError("word " * 1000))
    assert problem.endswith("word …")
    assert len(problem) <= 302


def test_untrusted_certificate_is_reported_with_the_remedy():
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] Missing Authority Key Identifier")
    message = str(incomplete_response("/campaigns/list", problem_of(nest(error))))
    assert "Missing Authority Key Identifier" in message
    assert "Set the connection's extra field `verify`" in message
    assert "Python 3.13 rejects certificates" in message


def test_circular_chain_of_errors_ends():
    one, other = OSError("one"), OSError("other")
    one.__cause__, other.__cause__ = other, one
    assert problem_of(one) == "OSError: other"


def test_error_of_several_addresses_is_the_first():
    group = OSError("all failed")
    group.exceptions = [ConnectionRefusedError(111, "Connection refused")]  # type: ignore[attr-defined]
    assert problem_of(group) == "ConnectionRefusedError: [Errno 111] Connection refused"
