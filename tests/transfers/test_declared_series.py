"""A series that Braze does not have, declared here alone, lands like those of the package."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import pytest

from airflow_provider_braze.core.endpoints import Endpoint
from airflow_provider_braze.core.series import Column, Listing, Series, Table
from airflow_provider_braze.exceptions import BrazePartialError
from airflow_provider_braze.tables.flat import FlatDecoder
from airflow_provider_braze.transfers.series_to_object_storage import SeriesToObjectStorageOperator

pytestmark = pytest.mark.any_store

LETTERS = Series(
    name="letters",
    noun="letter",
    plural="letters",
    keys=("letter_id",),
    endpoint=Endpoint("/letters/data_series"),
    listing=Listing(Endpoint("/letters/list", records="letters")),
    load_decoder=FlatDecoder,
    main_figures=("readers", "minutes"),
    lookback_days=30,
    max_length=2,
    tables=(
        Table(
            name="letter_days",
            source="figures",
            sort_by=("day", "letter_id"),
            columns=(
                Column("letter_id", "string"),
                Column("day", "date"),
                Column("readers", "int64"),
                Column("minutes", "double"),
                Column("other", "string"),
            ),
        ),
        Table(
            name="letters",
            source="list",
            sort_by=("letter_id",),
            columns=(Column("letter_id", "string"), Column("title", "string")),
        ),
    ),
)


class LetterDataSeriesToObjectStorageOperator(SeriesToObjectStorageOperator):
    """Land the letters of the list."""

    series: ClassVar = LETTERS


FIRST = date(2026, 11, 16)
DAYS = [FIRST + timedelta(days=number) for number in range(3)]  # the days before make_context's run, 19 November


class Letters(ThreadingHTTPServer):
    """Serves the list and the figures of some letters.

    :ivar figures: a day object, without its time, by letter and day.
    :ivar broken: letters whose response has another shape.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.figures: dict[tuple[str, date], dict[str, Any]] = {}
        self.broken: set[str] = set()
        self.calls: list[dict[str, str]] = []

    def respond(self, path: str, params: dict[str, str]) -> dict[str, Any]:
        ids = sorted({id_ for id_, _ in self.figures})
        if path == "/letters/list":
            entries = [{"id": id_, "title": id_.upper()} for id_ in ids]
            return {"letters": [] if int(params["page"]) else entries, "message": "success"}
        assert path == "/letters/data_series"
        self.calls.append(params)
        id_ = params["letter_id"]
        days = [{"time": str(day), **found} for (each, day), found in self.figures.items() if each == id_]
        return {"data": {"days": days} if id_ in self.broken else days, "message": "success"}


class _Handler(BaseHTTPRequestHandler):
    server: Letters

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        body = json.dumps(self.server.respond(url.path, dict(parse_qsl(url.query)))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Log nothing."""


@pytest.fixture
def letters(monkeypatch) -> Iterator[Letters]:
    with Letters() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        connection = {"conn_type": "braze", "host": f"http://127.0.0.1:{server.server_port}", "password": "a-key"}
        monkeypatch.setenv("AIRFLOW_CONN_BRAZE_DEFAULT", json.dumps(connection))
        server.figures = {
            (id_, day): {"readers": number + 10 * place, "minutes": number / 4}
            for number, id_ in enumerate("abc", 1)
            for place, day in enumerate(DAYS)
        }
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def land(letters, destination, make_context):
    def run(**arguments: Any) -> dict[str, Any]:
        operator = LetterDataSeriesToObjectStorageOperator(
            task_id="land",
            destination=destination.uri,
            object_storage_conn_id=destination.conn_id,
            lookback_days=len(DAYS) - 1,
            **arguments,
        )
        return operator.execute(make_context())

    return run


def landed(destination) -> dict[tuple[str, date], tuple[int, float]]:
    rows = destination.table("letter_days").to_pylist()
    return {(row["letter_id"], row["day"]): (row["readers"], row["minutes"]) for row in rows}


def sent(letters: Letters) -> dict[tuple[str, date], tuple[int, float]]:
    return {place: (found["readers"], found["minutes"]) for place, found in letters.figures.items()}


def test_declared_series_lands(land, letters, destination, caplog):
    with caplog.at_level(logging.INFO, "airflow_provider_braze"):
        summary = land()
    assert landed(destination) == sent(letters)
    assert destination.table("letters").to_pylist() == [
        {"letter_id": id_, "title": title} for id_, title in zip("abc", "ABC", strict=True)
    ]
    record = destination.record(summary["record"])
    assert record["changed_days"] == [str(day) for day in DAYS]
    assert "/_braze/letters/" in summary["record"]
    # Two days a call.
    assert len(letters.calls) == 3 * 2
    assert "Letters: 3 landed, 0 rejected, 0 failed, 0 with missing days" in caplog.messages
    assert "campaign" not in caplog.text


def test_unchanged_declared_series_is_not_written(land, letters, destination):
    land()
    before = destination.data()
    record = destination.record(land()["record"])
    assert destination.data() == before
    assert record["changed_days"] == []
    assert {table["written"] for table in record["tables"].values()} == {0}


def test_restated_declared_series_reports_the_changed_days(land, letters, destination):
    land()
    letters.figures["b", DAYS[1]]["readers"] = 99
    record = destination.record(land()["record"])
    assert landed(destination) == sent(letters)
    assert record["changed_days"] == [str(DAYS[1])]


def test_declared_series_isolates_a_failing_subject(land, letters, destination):
    land()
    before = landed(destination)
    letters.broken.add("a")
    for place in letters.figures:
        letters.figures[place] = {**letters.figures[place], "readers": 500}
    with pytest.raises(BrazePartialError) as caught:
        land()
    assert caught.value.failures.keys() == {"a"}
    expected = sent(letters) | {place: found for place, found in before.items() if place[0] == "a"}
    assert landed(destination) == expected
    # A successful run reports the days that the failed one changed.
    letters.broken.clear()
    assert destination.record(land()["record"])["changed_days"] == [str(day) for day in DAYS]
    assert landed(destination) == sent(letters)


def test_declared_series_keeps_values_without_a_column(land, letters, destination):
    letters.figures["c", DAYS[2]] = {"readers": "many", "minutes": 1.5, "mood": "good"}
    land()
    (row,) = [
        row for row in destination.table("letter_days").to_pylist() if (row["letter_id"], row["day"]) == ("c", DAYS[2])
    ]
    assert (row["readers"], row["minutes"], json.loads(row["other"])) == (
        None,
        1.5,
        {"mood": "good", "readers": "many"},
    )
