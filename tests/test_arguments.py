from __future__ import annotations

import pytest

from airflow_provider_braze.arguments import check_choice, check_range
from airflow_provider_braze.exceptions import BrazeConfigError


@pytest.mark.parametrize("value", [1, 2, 256])
def test_check_range_of_a_number_inside_passes(value):
    check_range("concurrency", value, 1, 256)


@pytest.mark.parametrize("value", [0, 257, -1, 1.0, "4", None, True])
def test_check_range_of_anything_else_names_argument_value_and_range(value):
    with pytest.raises(BrazeConfigError) as caught:
        check_range("concurrency", value, 1, 256)
    assert str(caught.value) == f"`concurrency` is {value!r}. Give a whole number, 1 to 256."


def test_check_choice_of_a_choice_passes():
    check_choice("missing_days", "warn", ("warn", "fail"))


@pytest.mark.parametrize("value", ["Warn", "", None, 1])
def test_check_choice_of_anything_else_names_the_choices(value):
    with pytest.raises(BrazeConfigError) as caught:
        check_choice("missing_days", value, ("warn", "fail"))
    assert str(caught.value) == f"`missing_days` has {value!r}. Known are: warn, fail."
