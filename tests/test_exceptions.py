from __future__ import annotations

import copy
import pickle

import pytest

from airflow_provider_braze import exceptions
from airflow_provider_braze.exceptions import (
    BrazeApiError,
    BrazeAuthError,
    BrazeConfigError,
    BrazeConflictError,
    BrazeDataError,
    BrazeError,
    BrazeMissingDaysError,
    BrazeNotFoundError,
    BrazePartialError,
    BrazeRateLimitError,
    BrazeRequestError,
    BrazeServerError,
    BrazeTransportError,
    BrazeWindowError,
)

TREE = {
    BrazeError: (Exception,),
    BrazeConfigError: (BrazeError, ValueError),
    BrazeWindowError: (BrazeConfigError,),
    BrazeApiError: (BrazeError,),
    BrazeAuthError: (BrazeApiError,),
    BrazeNotFoundError: (BrazeApiError,),
    BrazeRequestError: (BrazeApiError,),
    BrazeRateLimitError: (BrazeApiError,),
    BrazeServerError: (BrazeApiError,),
    BrazeTransportError: (BrazeError,),
    BrazeDataError: (BrazeError,),
    BrazeMissingDaysError: (BrazeDataError,),
    BrazePartialError: (BrazeError,),
    BrazeConflictError: (BrazeError,),
}
FULL = [
    BrazeError("reason"),
    BrazeConfigError("reason"),
    BrazeWindowError("reason"),
    BrazeApiError("reason", 418, "/campaigns/list"),
    BrazeAuthError("reason", 401, "/campaigns/list"),
    BrazeNotFoundError("reason", 404, "/campaigns/list"),
    BrazeRequestError("reason", 400, "/campaigns/list"),
    BrazeRateLimitError("reason", 429, "/campaigns/list", 12.5),
    BrazeServerError("reason", 503, "/campaigns/list"),
    BrazeTransportError("reason"),
    BrazeDataError("reason", "$.data[3]"),
    BrazeMissingDaysError("reason", "$.data"),
    BrazePartialError("reason", {"some-id": "BrazeServerError: down"}, True),
    BrazeConflictError("reason"),
]


def kind(value: object) -> str:
    return getattr(value, "__name__", type(value).__name__)


def test_tree_has_every_class_of_the_module():
    classes = {each for each in vars(exceptions).values() if isinstance(each, type) and issubclass(each, Exception)}
    assert classes == set(TREE)
    assert {type(error) for error in FULL} == set(TREE)


@pytest.mark.parametrize("cls", TREE, ids=kind)
def test_error_has_its_bases_and_is_documented(cls):
    assert cls.__bases__ == TREE[cls]
    assert cls.__doc__
    assert cls.__name__ in (exceptions.__doc__ or "")


@pytest.mark.parametrize("error", FULL, ids=kind)
@pytest.mark.parametrize("clone", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])
def test_error_survives_pickling_with_all_attributes(error, clone):
    twin = clone(error)
    assert type(twin) is type(error)
    assert twin.args == error.args
    assert vars(twin) == vars(error)
    assert str(twin) == "reason"


@pytest.mark.parametrize("cls", TREE, ids=kind)
def test_error_with_only_a_message_survives_pickling(cls):
    error = pickle.loads(pickle.dumps(cls("reason")))
    assert str(error) == "reason"
    assert vars(error) == vars(cls("reason"))


def test_error_without_arguments_has_an_empty_text():
    assert str(BrazeError()) == ""


def test_api_error_has_status_and_endpoint():
    error = BrazeServerError("reason", 503, "/campaigns/list")
    assert (error.status, error.endpoint) == (503, "/campaigns/list")


def test_rate_limit_error_has_the_seconds_to_wait():
    error = BrazeRateLimitError("reason", retry_after_seconds=3.0)
    assert (error.status, error.retry_after_seconds) == (429, 3.0)


def test_data_error_has_the_path():
    assert BrazeDataError("reason", "$.data[3].time").path == "$.data[3].time"


def test_partial_error_has_its_own_copy_of_the_failures():
    failures = {"a": "BrazeServerError: down"}
    error = BrazePartialError("reason", failures, is_permanent=True)
    failures.clear()
    assert error.failures == {"a": "BrazeServerError: down"}
    assert error.is_permanent
