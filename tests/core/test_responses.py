from __future__ import annotations

import json
import pickle
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_braze.core.models import Credentials, HttpResponse
from airflow_provider_braze.core.responses import (
    RateLimit,
    excerpt,
    header,
    is_permanent,
    is_subject_scoped,
    is_transient,
    rate_limit,
    read,
    read_object,
    retry_after,
    wait_seconds,
)
from airflow_provider_braze.exceptions import (
    BrazeAuthError,
    BrazeConfigError,
    BrazeDataError,
    BrazeError,
    BrazeNotFoundError,
    BrazeRateLimitError,
    BrazeRequestError,
    BrazeServerError,
    BrazeTransportError,
)

NOW = 1_795_000_000.0
KEY = "key-of-the-test"
CREDENTIALS = Credentials("https://rest.iad-01.braze.com", KEY)


def a_reply(status: int = 200, body: bytes | object = b"{}", **headers: str) -> HttpResponse:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def limits(remaining: object = 7, reset: object = int(NOW) + 30, limit: object = 40, **others: str) -> dict[str, str]:
    headers = {"limit": limit, "remaining": remaining, "reset": reset}
    return {**{f"x-ratelimit-{name}": str(value) for name, value in headers.items() if value is not None}, **others}


def read_it(reply: HttpResponse, **arguments: object) -> object:
    return read(reply, endpoint="/campaigns/list", credentials=CREDENTIALS, now=NOW, **arguments)


def error_of(reply: HttpResponse, **arguments: object) -> BrazeError:
    with pytest.raises(BrazeError) as caught:
        read_it(reply, **arguments)
    return caught.value


@pytest.mark.parametrize("name", ["X-RateLimit-Reset", "x-ratelimit-reset", "X-RATELIMIT-RESET"])
def test_header_is_found_in_any_case(name):
    assert header({"Date": "now", name: " 12 "}, "X-RateLimit-Reset") == "12"


@pytest.mark.parametrize("headers", [{}, {"x-ratelimit-reset": ""}, {"x-ratelimit-reset": "  "}])
def test_header_absent_or_empty_is_none(headers):
    assert header(headers, "X-RateLimit-Reset") is None


def test_rate_limit_is_read_from_the_headers():
    assert rate_limit(limits(), NOW) == RateLimit(7, 40, int(NOW) + 30, 30.0)


def test_rate_limit_without_a_limit_is_read():
    assert rate_limit(limits(limit=None), NOW) == RateLimit(7, None, int(NOW) + 30, 30.0)


@pytest.mark.parametrize("wrong", [None, "", "soon", "-5", "1.5", "٣", "9" * 19])
@pytest.mark.parametrize("field", ["remaining", "reset"])
def test_unreadable_rate_limit_is_none(field, wrong):
    assert rate_limit(limits(**{field: wrong}), NOW) is None


@pytest.mark.parametrize("reset", [int(NOW), int(NOW) - 1, 0])
def test_rate_limit_with_a_past_reset_is_none(reset):
    assert rate_limit(limits(reset=reset), NOW) is None


def test_rate_limit_with_a_distant_reset_is_returned_unchanged():
    far = rate_limit(limits(reset=int(NOW) + 86_400), NOW)
    assert far is not None
    assert far.resets_in == 86_400.0
    assert far.reset == int(NOW) + 86_400
    assert retry_after(limits(reset=int(NOW) + 86_400), NOW) == 3600.0


@pytest.mark.parametrize("skew", [-7200, -3, 3, 7200])
def test_rate_limit_uses_brazes_clock_when_ours_is_wrong(skew):
    theirs = NOW + skew
    limit = rate_limit(limits(reset=int(theirs) + 30, date=formatdate(theirs, usegmt=True)), NOW)
    assert limit is not None
    assert limit.resets_in == 30.0


@pytest.mark.parametrize("skew", [-2, -1, 0, 1, 2])
def test_rate_limit_uses_our_finer_clock_when_both_agree(skew):
    limit = rate_limit(limits(reset=int(NOW) + 30, date=formatdate(NOW + skew, usegmt=True)), NOW + 0.25)
    assert limit is not None
    assert limit.resets_in == (29.75 if abs(skew - 0.25) <= 2 else 30.0 - skew)


def test_rate_limit_reads_a_date_without_a_zone_as_utc():
    limit = rate_limit(limits(reset=int(NOW) + 7230, date=formatdate(NOW + 7200)), NOW)
    assert limit is not None
    assert limit.resets_in == 30.0


@pytest.mark.parametrize("date", ["", "today", "16 Nov 99999999999999 13:32:02 GMT", "16 Nov 2026 25:61:00 GMT"])
def test_rate_limit_with_an_unreadable_date_uses_our_clock(date):
    limit = rate_limit(limits(date=date), NOW)
    assert limit is not None
    assert limit.resets_in == 30.0


@given(st.dictionaries(st.sampled_from([*limits(), "Date", "Retry-After"]), st.text(max_size=30)))
def test_headers_of_any_text_never_raise(headers):
    limit = rate_limit(headers, NOW)
    assert limit is None or 0 < limit.resets_in <= 3600
    seconds = retry_after(headers, NOW)
    assert seconds is None or 0 <= seconds <= 3600


@pytest.mark.parametrize("remaining", [None, "", "0", "12", "none"])
@pytest.mark.parametrize("name", ["X-RateLimit-Remaining", "x-ratelimit-remaining"])
def test_retry_after_needs_only_the_reset(name, remaining):
    headers = {"X-RateLimit-Reset": str(int(NOW) + 30), **({} if remaining is None else {name: remaining})}
    assert retry_after(headers, NOW) == 30.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"Retry-After": "99999"}, 3600.0),
        ({"Retry-After": "7", "X-RateLimit-Reset": str(int(NOW) + 30)}, 30.0),
        ({"Retry-After": "7", "X-RateLimit-Reset": str(int(NOW) - 30)}, 7.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_prefers_the_reset(headers, seconds):
    assert retry_after(headers, NOW) == seconds


def test_read_of_200_returns_the_document():
    assert read_it(a_reply(body={"message": "success", "data": []})) == {"message": "success", "data": []}


def test_read_of_200_decodes_surrogate_pairs():
    assert read_it(a_reply(200, b'["\\ud83c\\udf88", "\\u00fc"]')) == ["\U0001f388", "\u00fc"]


def test_read_of_200_uses_the_decoder_given():
    assert read_it(a_reply(body=b"12345"), decode=len) == 5


@pytest.mark.parametrize("body", [b"", b'{"data": [', b"<html>", b"\xff\xfe", b"[" * 100_000, b"[NaN]", b'"\\uD800"'])
def test_read_of_200_without_json_is_a_transport_error(body):
    error = error_of(a_reply(body=body))
    assert type(error) is BrazeTransportError
    assert "/campaigns/list returned status 200 with a body that is truncated or not JSON" in str(error)
    assert len(str(error)) < 500
    assert isinstance(error.__cause__, ValueError)
    assert error.__context__ is None


def test_read_scrubs_errors_of_the_decoder():
    def decode(body: bytes) -> None:
        raise ValueError(f"cannot read {body!r}")

    error = error_of(a_reply(body=KEY.encode()), decode=decode)
    assert KEY not in f"{error} {error.__cause__}"


def test_read_propagates_shape_errors():
    def decode(body: bytes) -> None:
        raise BrazeDataError("no day", "$.data")

    assert error_of(a_reply(), decode=decode).path == "$.data"


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [
        (302, BrazeRequestError, "Redirects are not followed"),
        (204, BrazeRequestError, "Check the connection's host"),
        (400, BrazeRequestError, "not the number in a dashboard's address"),
        (401, BrazeAuthError, "Check the REST API key"),
        (403, BrazeAuthError, "permission 'campaigns.list'"),
        (404, BrazeNotFoundError, "such as a deleted event"),
        (418, BrazeRequestError, "Check the request"),
        (429, BrazeRateLimitError, "`requests_per_minute`"),
        (500, BrazeServerError, "Run the task again later"),
        (503, BrazeServerError, "Run the task again later"),
        (599, BrazeServerError, "Run the task again later"),
    ],
)
def test_read_of_an_error_status_raises_its_error(status, kind, advice):
    error = error_of(a_reply(status, {"message": "It went wrong"}))
    assert type(error) is kind
    assert (error.status, error.endpoint) == (status, "/campaigns/list")
    assert str(error).startswith(f"/campaigns/list returned status {status}: 'It went wrong'. ")
    assert advice in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_read_of_429_has_the_seconds_until_the_retry():
    assert error_of(a_reply(429, X_RateLimit_Reset=str(int(NOW) + 12))).retry_after_seconds == 12.0
    assert error_of(a_reply(429)).retry_after_seconds is None


@pytest.mark.parametrize("body", [{"message": f"Invalid API key: {KEY}"}, f"<p>{KEY}</p>".encode(), {"errors": [KEY]}])
@pytest.mark.parametrize("status", [200, 401, 500])
def test_read_never_shows_the_key(status, body):
    if status == 200:
        body = b"no json " + (body if isinstance(body, bytes) else json.dumps(body).encode())
    assert KEY not in repr(error_of(a_reply(status, body)))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"message": "Failed"}', "Failed"),
        (b'{"message": 5}', '{"message": 5}'),
        (b'{"errors": []}', '{"errors": []}'),
        (b'["message"]', '["message"]'),
        (b"<h1>Oops</h1>", "<h1>Oops</h1>"),
        (b'{"message": "\\ud800"}', '{"message": "\\ud800"}'),
        (b"\xff", "\ufffd"),
        (b"[" * 100_000, "[" * 200),
        (b"x" * 500, "x" * 200),
        (f"{KEY} {'x' * 500}".encode(), f"*** {'x' * 196}"),
        (f"{'x' * 195}{KEY}".encode(), f"{'x' * 195}***"),
    ],
)
def test_excerpt_is_the_message_or_the_start_of_the_body(body, text):
    assert excerpt(body, CREDENTIALS) == text


ERRORS = {
    BrazeAuthError("x", 401): (False, True),
    BrazeNotFoundError("x", 404): (False, True),
    BrazeRequestError("x", 400): (False, True),
    BrazeRateLimitError("x"): (True, False),
    BrazeServerError("x", 500): (True, False),
    BrazeTransportError("x"): (True, False),
    BrazeDataError("x"): (False, False),
    BrazeConfigError("x"): (False, False),
    BrazeError("x"): (False, False),
    RuntimeError("x"): (False, False),
}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_are_transient_or_permanent_or_neither(error):
    assert (is_transient(error), is_permanent(error)) == ERRORS[error]


@pytest.mark.parametrize(("announced", "seconds"), [(12.5, 12.5), (0.0, 0.0), (-4.0, 0.0), (9999.0, 3600.0)])
def test_wait_seconds_uses_the_announced_time(announced, seconds):
    error = BrazeRateLimitError("x", 429, "/", announced)
    assert wait_seconds(error, 1, 0.0) == seconds
    assert wait_seconds(error, 6, 1.0) == seconds + 1.0


@pytest.mark.parametrize("error", [BrazeRateLimitError("x"), BrazeServerError("x", 500), BrazeTransportError("x")])
def test_wait_seconds_without_announcement_doubles_up_to_a_minute(error):
    assert [wait_seconds(error, attempt, 1.0) for attempt in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [wait_seconds(error, attempt, 0.0) for attempt in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize("document", [{}, {"message": "success"}, {"errors": ["a note"], "data": []}])
def test_read_object_of_success_returns_the_document(document):
    assert read_object(document, endpoint="/campaigns/list", credentials=CREDENTIALS) is document


@pytest.mark.parametrize("document", [[], None, "success", 5, {"message": f"Invalid {KEY}"}, {"message": None}])
def test_read_object_of_anything_else_is_a_data_error_without_the_key(document):
    with pytest.raises(BrazeDataError) as caught:
        read_object(document, endpoint="/campaigns/list", credentials=CREDENTIALS)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (BrazeAuthError("a", 403), False),
        (BrazeConfigError("a"), False),
        (BrazeError("a"), False),
        (ValueError("a"), False),
        (BrazeNotFoundError("a", 404), True),
        (BrazeRequestError("a", 400), True),
        (BrazeDataError("a"), True),
        (BrazeRateLimitError("a"), True),
        (BrazeServerError("a", 500), True),
        (BrazeTransportError("a"), True),
    ],
)
def test_is_subject_scoped_only_for_errors_that_other_subjects_may_avoid(error, expected):
    assert is_subject_scoped(error) is expected
