from __future__ import annotations

import html
import json
from datetime import date, datetime
from functools import partial
from urllib.parse import quote, quote_plus

import pytest

from airflow_provider_braze.core.models import Credentials, Window
from airflow_provider_braze.exceptions import BrazeConfigError

KEY = 'se/c+r"e\\t&k=y'


def a_window(start: str = "2026-11-18", end: str = "2026-11-20") -> Window:
    return Window(date.fromisoformat(start), date.fromisoformat(end))


def test_window_iterates_over_each_day_once():
    assert list(a_window()) == [date(2026, 11, 18), date(2026, 11, 19)]
    assert len(a_window()) == 2
    assert not a_window().is_empty


@pytest.mark.parametrize("end", ["2026-11-18", "2026-11-17"])
def test_window_without_a_day_is_empty(end):
    window = a_window(end=end)
    assert window.is_empty
    assert len(window) == 0
    assert list(window) == []


def test_window_as_text_is_half_open():
    assert str(a_window()) == "[2026-11-18, 2026-11-20)"


def test_credentials_repr_hides_the_key():
    credentials = Credentials("https://rest.iad-01.braze.com", KEY)
    assert repr(credentials) == "Credentials(base_url='https://rest.iad-01.braze.com')"


@pytest.mark.parametrize(
    "spell",
    [
        str,
        repr,
        quote,
        quote_plus,
        partial(quote, safe=""),
        json.dumps,
        html.escape,
        lambda key: quote_plus(key).lower(),
        lambda key: json.dumps(json.dumps({"text": repr(key)})),
        lambda key: json.dumps(key).replace("/", "\\/").replace("&", "\\u0026"),
        lambda key: f"{key}{key}",
    ],
)
def test_scrub_replaces_the_key_in_any_escaping(spell):
    scrubbed = Credentials("https://x", KEY).scrub(f"before {spell(KEY)} after")
    assert scrubbed.startswith("before ")
    assert scrubbed.endswith(" after")
    assert "***" in scrubbed
    assert not any(part in scrubbed for part in ("se", "%2B", "t&k", "=y", "&amp;"))


def test_scrub_keeps_other_text():
    for text in ("Invalid API key", "", KEY[:-1], KEY.upper(), "\\\\"):
        assert Credentials("https://x", KEY).scrub(text) == text


@pytest.mark.parametrize("wrong", ["2026-11-01", None, 5, datetime(2026, 11, 1)])
@pytest.mark.parametrize("name", ["start", "end"])
def test_window_with_an_invalid_date_names_the_end_and_the_value(name, wrong):
    days = {"start": date(2026, 11, 1), "end": date(2026, 11, 2), name: wrong}
    with pytest.raises(BrazeConfigError, match=rf"A window's {name} is"):
        Window(**days)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", ["\\", "%5c", "\\u005c", "se\\", "&amp;", "%25", "s", "se/c+r"])
@pytest.mark.parametrize("key", [KEY, "aaaaaaaa", "1234-key", "\\\\"])
def test_scrub_takes_linear_time(unit, key):
    """Quadratic time, as of a regular expression that backtracks, would exceed the timeout."""
    text = unit * (200_000 // len(unit))
    assert "***" not in Credentials("https://x", key).scrub(text) or key == "\\\\"


def test_scrub_replaces_a_key_between_many_backslashes():
    key = "0a1b-2c3d"
    assert Credentials("https://x", key).scrub("\\" * 1000 + key + "\\" * 1000).count("***") == 1
    assert key[1:] not in Credentials("https://x", key).scrub(key[0] + "\\" * 1000 + key[1:])


def test_scrub_keeps_a_text_escaped_deeper_than_any_real_one():
    text = "%" + 9 * "25" + "41"
    assert Credentials("https://rest.iad-01.braze.com", "key").scrub(text) == text
