from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_braze.core.endpoints import (
    CAMPAIGNS_DATA_SERIES,
    CAMPAIGNS_DETAILS,
    CAMPAIGNS_LIST,
    bucket_of,
    check_path,
    list_params,
)
from airflow_provider_braze.exceptions import BrazeConfigError


@pytest.mark.parametrize("endpoint", [CAMPAIGNS_DATA_SERIES, CAMPAIGNS_DETAILS, CAMPAIGNS_LIST])
def test_endpoint_has_the_permission_of_its_path_and_its_own_bucket(endpoint):
    assert endpoint.permission == endpoint.path.strip("/").replace("/", ".")
    assert bucket_of(endpoint.path) == endpoint.bucket


def test_data_series_path_is_not_the_mistranslated_one():
    assert CAMPAIGNS_DATA_SERIES.path == "/campaigns/data_series"


def test_data_series_has_its_own_bucket_and_most_others_share_one():
    assert bucket_of("/campaigns/data_series") != bucket_of("/campaigns/list")
    shared = ["/campaigns/list", "/campaigns/details", "/canvas/data_series", "/kpi/dau/data_series", "/unheard/of"]
    assert {bucket_of(path) for path in shared} == {"default"}


def test_bucket_of_the_small_pools_is_not_the_default():
    pool = ["/events", "/events/list", "/custom_attributes", "/purchases/product_list", "/purchases/quantity_series"]
    assert {bucket_of(path) for path in pool} == {"events"}
    assert bucket_of("/events/data_series") == "default"
    cdi = {bucket_of("/cdi/integrations"), bucket_of("/cdi/integrations/00-11/job_sync_status")}
    assert len(cdi) == 2
    assert "default" not in cdi


@pytest.mark.parametrize("path", ["/campaigns/list", "/campaigns/a b", "/a:b", "/@host"])
def test_check_path_returns_a_path(path):
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "campaigns/list",
        "https://example.org/campaigns/list",
        "//example.org/campaigns/list",
        "//[",
        "@example.org/",
        ".example.org/",
        ":80/campaigns",
        "/campaigns/list?page=1",
        "/campaigns/list#page",
        "\\\\example.org/x",
    ],
)
def test_check_path_rejects_anything_but_a_path(path):
    with pytest.raises(BrazeConfigError, match="Give a path that starts with a slash"):
        check_path(path)


@pytest.mark.parametrize(("archived", "text"), [(True, "true"), (False, "false")])
def test_list_params_are_oldest_first_and_lower_case(archived, text):
    assert list_params(2, include_archived=archived) == {
        "page": "2",
        "include_archived": text,
        "sort_direction": "asc",
    }


def test_list_params_newest_first_are_descending():
    assert list_params(0, include_archived=False, newest_first=True)["sort_direction"] == "desc"


def test_list_params_of_edited_after_have_its_offset():
    moment = datetime(2026, 11, 18, 9, 30, 15, 999, tzinfo=timezone(timedelta(hours=-5)))
    params = list_params(0, include_archived=True, edited_after=moment)
    assert params["last_edit.time[gt]"] == "2026-11-18T09:30:15-05:00"
