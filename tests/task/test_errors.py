from __future__ import annotations

import pytest

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
from airflow_provider_braze.operators.braze import (
    BrazeCoverageOperator,
    CampaignDataSeriesAuditOperator,
    CampaignDataSeriesOperator,
)
from airflow_provider_braze.sensors.braze import CampaignDataSeriesSensor, KpiDataSeriesSensor
from airflow_provider_braze.task.airflow import AirflowFailException, AirflowSkipException
from airflow_provider_braze.task.errors import fail_fast_on_permanent_errors, rebuild_error
from airflow_provider_braze.transfers.braze_to_object_storage import (
    CampaignDataSeriesToObjectStorageOperator,
    CanvasDataSeriesToObjectStorageOperator,
    KpiDataSeriesToObjectStorageOperator,
    PurchaseDataSeriesToObjectStorageOperator,
)


def run(error: BaseException) -> None:
    with fail_fast_on_permanent_errors():
        raise error


def test_code_without_an_error_passes():
    with fail_fast_on_permanent_errors():
        pass


@pytest.mark.parametrize(
    "error",
    [
        BrazeConfigError("reason"),
        BrazeAuthError("reason", 401),
        BrazeNotFoundError("reason", 404),
        BrazeRequestError("reason", 400),
        BrazePartialError("reason", {"a": "b"}, is_permanent=True),
    ],
    ids=lambda error: type(error).__name__,
)
def test_permanent_error_fails_the_task_without_retries(error):
    with pytest.raises(AirflowFailException) as caught:
        run(error)
    assert str(caught.value) == f"{type(error).__name__}: reason"
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        BrazeWindowError("reason"),
        BrazeApiError("reason", 500),
        BrazeRateLimitError("reason"),
        BrazeServerError("reason", 503),
        BrazeTransportError("reason"),
        BrazeDataError("reason"),
        BrazeMissingDaysError("reason"),
        BrazePartialError("reason", {"a": "b"}),
        BrazeConflictError("reason"),
        BrazeError("reason"),
        AirflowSkipException("reason"),
        RuntimeError("reason"),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_other_error_passes_unchanged(error):
    with pytest.raises(type(error)) as caught:
        run(error)
    assert caught.value is error


@pytest.mark.parametrize(
    "kind",
    [BrazeAuthError, BrazeConfigError, BrazeDataError, BrazeError, BrazePartialError, BrazeRateLimitError],
)
def test_rebuild_error_returns_the_class(kind):
    error = rebuild_error(kind.__name__, "reason")
    assert type(error) is kind
    assert str(error) == "reason"


@pytest.mark.parametrize("name", ["KeyError", "Mapping", "annotations", "no_such", None])
def test_rebuild_error_of_an_unknown_class_is_the_base_class_with_its_name(name):
    error = rebuild_error(name, "reason")
    assert type(error) is BrazeError
    assert str(error) == f"{name}: reason"


@pytest.mark.parametrize(
    ("operator", "arguments", "name"),
    [
        (CampaignDataSeriesOperator, {"campaign_ids": ["a"], "lookback_days": -1}, "lookback_days"),
        (CampaignDataSeriesAuditOperator, {"destination": "file:///lake", "sample": 0}, "sample"),
        (CampaignDataSeriesAuditOperator, {"destination": "lake"}, "destination"),
        (BrazeCoverageOperator, {"destination": "file:///lake", "max_age": -1}, "max_age"),
        (BrazeCoverageOperator, {"destination": "file:///lake", "series": ["users"]}, "users"),
        (BrazeCoverageOperator, {"destination": "file:///lake", "series": "campaigns"}, "Give a list of names"),
        (BrazeCoverageOperator, {"destination": "file:///lake", "series": []}, "Give a list of names"),
        (BrazeCoverageOperator, {"destination": "file:///lake", "series": 3}, "Give a list of names"),
        (CampaignDataSeriesSensor, {"grace": 5}, "grace"),
        (KpiDataSeriesSensor, {"metrics": ["wau"]}, "metrics"),
        (CampaignDataSeriesToObjectStorageOperator, {"destination": "file:///lake", "start": "yesterday"}, "start"),
        (CampaignDataSeriesToObjectStorageOperator, {"destination": "file://lake"}, "destination"),
        (
            CanvasDataSeriesToObjectStorageOperator,
            {"destination": "file:///lake", "days_per_call": 15},
            "days_per_call",
        ),
        (KpiDataSeriesToObjectStorageOperator, {"destination": "file:///lake", "metrics": "dau"}, "metrics"),
        (PurchaseDataSeriesToObjectStorageOperator, {"destination": "file:///lake", "metrics": []}, "metrics"),
    ],
)
def test_bad_argument_raises_an_error_that_names_task_and_argument(operator, arguments, name):
    with pytest.raises(BrazeConfigError) as caught:
        operator(task_id="land_all", **arguments)
    assert str(caught.value).startswith("Task 'land_all': ")
    assert name in str(caught.value)
