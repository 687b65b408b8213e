from __future__ import annotations

import pytest

from airflow_provider_braze.core.text import counted, percent, shorten


@pytest.mark.parametrize(("number", "text"), [(0, "0 campaigns"), (1, "1 campaign"), (2, "2 campaigns")])
def test_counted_uses_singular_or_plural(number, text):
    assert counted(number, "campaign") == text


@pytest.mark.parametrize(("number", "text"), [(1, "1 kind of key"), (6, "6 kinds of keys")])
def test_counted_uses_a_given_plural(number, text):
    assert counted(number, "kind of key", "kinds of keys") == text


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0.0 %"), (0.0001, "less than 0.1 %"), (0.001, "0.1 %"), (0.1234, "12.3 %"), (1, "100.0 %")]
)
def test_percent_does_not_hide_a_small_share(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(("text", "short"), [("", ""), ("abc", "abc"), ("abcd", "abc ...")])
def test_shorten_cuts_longer_texts_only(text, short):
    assert shorten(text, 3) == short
