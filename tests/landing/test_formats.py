from __future__ import annotations

import gzip
import hashlib
import io
import json
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_braze.core.series import ListOf
from airflow_provider_braze.exceptions import BrazeConfigError, BrazeDataError
from airflow_provider_braze.landing import formats
from airflow_provider_braze.landing.formats import (
    Format,
    check_format,
    decode,
    encode,
    matches_fingerprint,
)
from airflow_provider_braze.tables.fingerprints import Fingerprint, fingerprint_rows
from tests.campaign_tables import SCHEMAS, TABLES
from tests.landing.tables import DAY, EXTREMES, any_table, days_of, table_of
from tests.samples import examples

FORMATS = ["parquet", "jsonl"]
URI = "s3://lake/braze/campaign_days/dt=2026-11-18/part-00-of-01"
DAYS = SCHEMAS["campaign_days"]

each_format = pytest.mark.parametrize("file_format", FORMATS)
each_table = pytest.mark.parametrize("name", list(SCHEMAS))


def parquet_of(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def jsonl_of(*lines: object) -> bytes:
    return gzip.compress(b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))


def content_of(table: pa.Table, file_format: str) -> bytes:
    """Encode a table as another version of this package would."""
    return parquet_of(table) if file_format == "parquet" else jsonl_of(*table.to_pylist())


def chunked(table: pa.Table, cuts: list[int]) -> pa.Table:
    bounds = sorted({0, table.num_rows, *(cut for cut in cuts if cut <= table.num_rows)})
    pieces = [table.slice(first, last - first) for first, last in pairwise(bounds)]
    return pa.concat_tables([table.slice(0, 0), *pieces])


@each_format
@each_table
def test_decode_of_encoded_extremes_returns_the_same_rows_in_the_same_order(name, file_format):
    table, is_current, _ = decode(encode(EXTREMES[name], file_format), SCHEMAS[name], file_format, URI)
    assert table.to_pylist() == EXTREMES[name].to_pylist()
    assert table.schema.equals(SCHEMAS[name])
    assert is_current


@each_format
@each_table
@given(data=st.data())
@examples(8)
def test_decode_of_any_encoded_rows_returns_the_same_rows(name, file_format, data):
    table = data.draw(any_table(name))
    again, is_current, _ = decode(encode(table, file_format), SCHEMAS[name], file_format, URI)
    assert again.to_pylist() == table.to_pylist()
    assert again.equals(table)
    assert is_current


@each_format
@each_table
def test_decode_of_an_object_without_rows_returns_an_empty_current_table(name, file_format):
    content = encode(SCHEMAS[name].empty_table(), file_format)
    assert decode(content, SCHEMAS[name], file_format, URI) == (SCHEMAS[name].empty_table(), True, frozenset())
    assert content


@each_format
@given(data=st.data())
@examples(15)
def test_encode_of_the_same_rows_in_other_chunks_returns_the_same_bytes(file_format, data):
    table = pa.concat_tables([EXTREMES["campaign_days"], data.draw(any_table("campaign_days"))]).combine_chunks()
    pieces = chunked(table, data.draw(st.lists(st.integers(0, 8), max_size=4)))
    assert encode(pieces, file_format) == encode(table, file_format)


def test_encode_of_many_rows_in_other_chunks_returns_the_same_bytes():
    # More than one page of a column: here Parquet's pages could end where the chunks end.
    table = days_of(*(hashlib.sha256(str(i).encode()).hexdigest() for i in range(45_000)))
    assert encode(chunked(table, list(range(0, 45_000, 777))), "parquet") == encode(table, "parquet")


@each_format
def test_encode_twice_returns_the_same_bytes(file_format):
    assert encode(EXTREMES["campaigns"], file_format) == encode(EXTREMES["campaigns"], file_format)


def column_chunks(table: pa.Table) -> dict[str, pq.ColumnChunkMetaData]:
    group = pq.ParquetFile(io.BytesIO(encode(table, "parquet"))).metadata.row_group(0)
    return {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}


def test_encode_as_parquet_compresses_each_column_according_to_its_values():
    few, many = (days_of(*(f"{i:032}" for i in range(rows)), conversions=1) for rows in (100, 1000))
    assert column_chunks(few)["campaign_id"].compression == "ZSTD"
    assert column_chunks(few)["conversions"].compression == "SNAPPY"
    assert column_chunks(many)["conversions"].compression == "ZSTD"
    assert column_chunks(many)["revenue"].compression == column_chunks(many)["day"].compression == "UNCOMPRESSED"


def test_encode_as_parquet_uses_only_widely_supported_encodings_and_types():
    # Spark before 3.3 rejects encodings of Parquet's second version, such as DELTA_BINARY_PACKED.
    known = {"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY"}
    for table in EXTREMES.values():
        chunks = column_chunks(table).values()
        assert {encoding for chunk in chunks for encoding in chunk.encodings} <= known
        assert {chunk.compression for chunk in chunks} <= {"ZSTD", "SNAPPY", "UNCOMPRESSED"}


def test_only_texts_that_repeat_have_a_dictionary():
    rows = [{"campaign_id": f"{i:032}", "name": "same"} for i in range(100)]
    chunks = column_chunks(table_of("campaigns", *rows))
    assert chunks["name"].has_dictionary_page
    assert not chunks["campaign_id"].has_dictionary_page


@each_table
def test_parquet_without_arrows_schema_is_read_with_the_types_of_the_table(name):
    content = encode(EXTREMES[name], "parquet")
    assert b"ARROW:schema" not in (pq.read_metadata(pa.BufferReader(content)).metadata or {})
    assert pq.read_table(pa.BufferReader(content)).equals(EXTREMES[name])


def test_format_that_cannot_store_a_column_type_raises(monkeypatch):
    lists = {column.name for column in TABLES["campaigns"].columns if isinstance(column.type, ListOf)}
    flat = Format(
        "csv", lambda *_: b"", lambda *_: pa.table({}), lambda *_: False, lambda column: column.name not in lists
    )
    monkeypatch.setattr(formats, "FORMATS", {**formats.FORMATS, "csv": flat})
    check_format("csv", [TABLES["campaign_days"]])
    with pytest.raises(BrazeConfigError, match=r"`file_format` is 'csv', .* 'tags' of campaigns"):
        check_format("csv", TABLES.values())
    for name in FORMATS:
        check_format(name, TABLES.values())


def test_encode_as_jsonl_returns_plain_json_rows_in_gzip_without_a_timestamp():
    content = encode(EXTREMES["campaigns"], "jsonl")
    assert content[4:8] == bytes(4)
    lines = gzip.decompress(content).splitlines()
    assert json.loads(lines[0]) == {
        "campaign_id": "a",
        "name": "Été",
        "is_api_campaign": False,
        "last_edited": "2026-02-28T23:59:59.100000Z",
        "tags": ["x", None, ""],
    }
    assert [json.loads(line)["campaign_id"] for line in lines] == ["a", "b", "c"]


@each_format
def test_decode_of_an_older_object_fills_nulls_and_returns_that_it_is_not_current(file_format):
    conversions = pa.array([2**63 - 1, None], pa.int64())
    old = pa.table({"campaign_id": ["b", "a"], "day": pa.array([DAY, DAY]), "conversions": conversions})
    content = encode(old, file_format)
    table, is_current, missing = decode(content, DAYS, file_format, URI)
    assert table.schema.equals(DAYS)
    expected = table_of(
        "campaign_days",
        {"campaign_id": "b", "day": DAY, "conversions": 2**63 - 1},
        {"campaign_id": "a", "day": DAY},
    )
    assert table.equals(expected)
    assert not is_current
    assert missing == set(DAYS.names) - set(old.schema.names)


@each_format
@each_table
def test_decode_of_an_object_that_lacks_the_last_column_is_not_current(name, file_format):
    old = EXTREMES[name].drop_columns([SCHEMAS[name].names[-1]])
    table, is_current, _ = decode(encode(old, file_format), SCHEMAS[name], file_format, URI)
    assert table.drop_columns([SCHEMAS[name].names[-1]]).equals(old)
    assert table.column(SCHEMAS[name].names[-1]).null_count == old.num_rows
    assert not is_current


def test_decode_of_columns_in_another_order_is_not_current():
    content = parquet_of(EXTREMES["campaign_days"].select(DAYS.names[::-1]))
    assert decode(content, DAYS, "parquet", URI) == (EXTREMES["campaign_days"], False, frozenset())


@each_format
def test_decode_of_a_newer_object_names_the_column_and_the_address(file_format):
    newer = pa.table({"campaign_id": ["a"], "zeta": [1], "conversions4": [1]})
    with pytest.raises(BrazeConfigError, match=r"the column 'conversions4'.* upgrade the provider") as caught:
        decode(content_of(newer, file_format), DAYS, file_format, URI)
    assert URI in str(caught.value)


def test_decode_of_jsonl_with_a_new_column_in_a_later_row_does_not_lose_it():
    with pytest.raises(BrazeConfigError, match="'conversions4'"):
        decode(jsonl_of({"campaign_id": "a"}, {"campaign_id": "b", "conversions4": 1}), DAYS, "jsonl", URI)


def test_decode_of_jsonl_with_a_column_only_in_a_later_row_keeps_it():
    table, *_ = decode(jsonl_of({"campaign_id": "a", "day": f"{DAY}"}, {"conversions": 1}), DAYS, "jsonl", URI)
    assert table.column("conversions").to_pylist() == [None, 1]


def test_decode_of_a_whole_number_with_a_fraction_in_jsonl_is_a_data_error():
    rows = [{"campaign_id": "a", "day": f"{DAY}", "conversions": number} for number in (2.0, 1.5)]
    assert decode(jsonl_of(rows[0]), DAYS, "jsonl", URI).rows.column("conversions").to_pylist() == [2]
    with pytest.raises(BrazeDataError, match="cannot be read as jsonl"):
        decode(jsonl_of(*rows), DAYS, "jsonl", URI)


@each_format
def test_decode_of_an_object_without_days_is_a_data_error(file_format):
    content = content_of(EXTREMES["campaign_days"].drop_columns(["day"]), file_format)
    with pytest.raises(BrazeDataError, match="no column 'day'"):
        decode(content, DAYS, file_format, URI)


@each_format
def test_decode_of_a_newer_nested_field_names_it_and_does_not_lose_it(file_format):
    message = {"variation_api_id": "a", "later": "kept"}
    if file_format == "jsonl":
        content = jsonl_of({"campaign_id": "a", "messages": [None, message]})
    else:
        content = parquet_of(pa.table({"campaign_id": ["a"], "messages": [[None, message]]}))
    with pytest.raises(BrazeConfigError, match=r"the column 'messages\.later'"):
        decode(content, SCHEMAS["campaign_details"], file_format, URI)


def _flip(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


GOOD = {file_format: encode(EXTREMES["campaign_days"], file_format) for file_format in FORMATS}
BROKEN = {
    "empty": dict.fromkeys(FORMATS, b""),
    "html": dict.fromkeys(FORMATS, b"<html><body>503</body></html>"),
    "truncated in the middle": {key: value[: len(value) // 2] for key, value in GOOD.items()},
    "truncated by a byte": {key: value[:-1] for key, value in GOOD.items()},
    "without its start": {key: value[10:] for key, value in GOOD.items()},
    "other format": {"parquet": GOOD["jsonl"], "jsonl": GOOD["parquet"]},
    "bad compression": {"jsonl": _flip(GOOD["jsonl"], 10)},
    "bad checksum": {"jsonl": _flip(GOOD["jsonl"], len(GOOD["jsonl"]) - 6)},
    "row that is not an object": {"jsonl": jsonl_of([1])},
    "line that is not JSON": {"jsonl": jsonl_of({"campaign_id": "a"}, b'{"campaign')},
    "text that is not UTF-8": {"jsonl": jsonl_of(b'{"campaign_id":"\xff"}')},
    "day that is a number": {"jsonl": jsonl_of({"day": 20_000})},
    "day that does not exist": {"jsonl": jsonl_of({"day": "2026-02-30"})},
    "count beyond int64": {"jsonl": jsonl_of({"conversions": 2**63})},
    "count that is text": {"jsonl": jsonl_of({"conversions": "x"})},
    "nested without end": {"jsonl": jsonl_of(b'{"other":' + b"[" * 100_000)},
    "column twice": {"parquet": parquet_of(pa.Table.from_arrays([pa.array(["a"])] * 2, names=["campaign_id"] * 2))},
    "day of another type": {"parquet": parquet_of(pa.table({"day": ["x"]}))},
    "id of another type": {"parquet": parquet_of(pa.table({"campaign_id": [[1]]}))},
}


@pytest.mark.parametrize(
    ("file_format", "content"),
    [pytest.param(key, value, id=f"{key}-{why}") for why, found in BROKEN.items() for key, value in found.items()],
)
def test_decode_of_a_broken_object_raises_with_address_and_remedy(file_format, content):
    with pytest.raises(BrazeDataError, match=f"cannot be read as {file_format}: .*Move it away") as caught:
        decode(content, DAYS, file_format, URI)
    assert str(caught.value).startswith(URI)
    assert caught.value.__cause__ is not None


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda cells: st.lists(cells, max_size=2) | st.dictionaries(st.text(max_size=2), cells, max_size=2),
    max_leaves=3,
)


@each_table
@given(data=st.data())
@examples(25)
def test_decode_of_any_json_lines_returns_the_schema_or_raises_an_error_of_its_own(name, data):
    columns = st.sampled_from(sorted({field.type: field.name for field in SCHEMAS[name]}.values()))
    rows = data.draw(st.lists(st.dictionaries(columns, _ANY_JSON, min_size=1, max_size=2), min_size=1, max_size=2))
    try:
        table, *_ = decode(jsonl_of(*rows), SCHEMAS[name], "jsonl", URI)
    except (BrazeDataError, BrazeConfigError):  # a nested field that is unknown
        return
    assert table.schema.equals(SCHEMAS[name])
    assert table.num_rows == len(rows)


def test_decode_of_a_time_that_is_a_number_is_a_data_error():
    with pytest.raises(BrazeDataError, match="cannot be read as jsonl"):
        decode(jsonl_of({"last_edited": 5}), SCHEMAS["campaigns"], "jsonl", URI)


@each_format
@given(data=st.data())
@examples(25)
def test_decode_of_any_truncated_object_is_a_data_error(file_format, data):
    cut = data.draw(st.integers(0, len(GOOD[file_format]) - 1))
    with pytest.raises(BrazeDataError, match="cannot be read"):
        decode(GOOD[file_format][:cut], DAYS, file_format, URI)


@each_format
def test_decode_of_a_foreign_object_is_a_data_error(file_format):
    foreign = pa.table({"unique_recipients": [5], "conversions": [1]})
    with pytest.raises(BrazeDataError, match="no column 'campaign_id'"):
        decode(content_of(foreign, file_format), DAYS, file_format, URI)


def noted(table: pa.Table) -> bytes:
    return encode(table, "parquet", fingerprint_rows(table))


def matches(content: bytes, table: pa.Table) -> bool:
    return matches_fingerprint(content, table.schema, fingerprint_rows(table), "parquet")


@given(data=st.data())
@examples(25)
def test_matches_fingerprint_only_of_the_encoded_rows(data):
    table, other = (data.draw(any_table("campaign_messages")) for _ in range(2))
    content = noted(table)
    assert matches(content, table)
    is_same = sorted(map(repr, table.to_pylist())) == sorted(map(repr, other.to_pylist()))
    assert matches(content, other) == is_same


def test_matches_fingerprint_is_false_for_an_object_without_a_fingerprint():
    table = days_of("a")
    assert not matches(encode(table, "parquet"), table)
    assert not matches(parquet_of(table), table)
    fingerprint = fingerprint_rows(table)
    assert not matches_fingerprint(encode(table, "jsonl", fingerprint), DAYS, fingerprint, "jsonl")


def rewritten_with_its_notes(content: bytes, table: pa.Table) -> bytes:
    """Encode other rows as a tool would that copies all metadata of the old object."""
    notes = pq.read_metadata(pa.BufferReader(content)).metadata
    kept = {key: note for key, note in notes.items() if key != b"ARROW:schema"}
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(kept), sink)
    assert pq.read_metadata(pa.BufferReader(sink.getvalue())).metadata.items() >= kept.items() > set()
    return sink.getvalue()


@pytest.mark.parametrize("rows", [days_of("a", "b"), days_of("b"), days_of("a", "c")])
def test_matches_fingerprint_is_false_for_an_object_rewritten_with_the_old_metadata(rows):
    table = days_of("a", "b")
    rewritten = rewritten_with_its_notes(noted(table), rows)
    assert not matches(rewritten, table)
    assert not matches(rewritten, rows)


def places(sample, size: int) -> set[int]:
    """Return the positions of an object to damage: at both ends, and between them."""
    return {*sample(range(size), 48), *sample(range(16), 16), *sample(range(size - 64, size), 32)}


@pytest.mark.parametrize("flip", [1, 160, 255])
def test_matches_fingerprint_is_false_for_an_object_damaged_at_any_position(flip, sample):
    table = days_of("a", "b")
    content = noted(table)
    for place in places(sample, len(content)):
        assert not matches(content[:place] + bytes([content[place] ^ flip]) + content[place + 1 :], table)


def test_matches_fingerprint_is_false_for_an_object_truncated_at_any_position(sample):
    table = days_of("a")
    content = noted(table)
    assert not any(matches(content[:length], table) for length in places(sample, len(content)))
    assert not matches(content + b"x", table)


OTHER_SCHEMAS = {
    "fewer": lambda table: table.drop_columns(["other"]),
    "more": lambda table: table.append_column("new", pa.nulls(len(table), pa.int64())),
    "renamed": lambda table: table.rename_columns(
        [{"revenue": "earned"}.get(name, name) for name in table.schema.names]
    ),
    "other type": lambda table: table.set_column(2, "unique_recipients", table.column(2).cast(pa.int32())),
    "other order": lambda table: table.select(table.schema.names[::-1]),
}


@pytest.mark.parametrize("rows", [0, 2])
@pytest.mark.parametrize("change", OTHER_SCHEMAS.values(), ids=OTHER_SCHEMAS)
def test_matches_fingerprint_is_false_for_an_object_of_another_schema(change, rows):
    table = days_of("a", "b").slice(0, rows)
    other = change(table)
    assert matches(noted(other), other)
    assert not matches(noted(other), table)


def test_matches_fingerprint_of_an_object_without_rows():
    assert matches_fingerprint(noted(DAYS.empty_table()), DAYS, Fingerprint(), "parquet")
    assert not matches_fingerprint(noted(days_of("a")), DAYS, Fingerprint(), "parquet")


def test_decode_drops_the_metadata_because_it_describes_only_this_object():
    rewritten = rewritten_with_its_notes(noted(days_of("a")), days_of("b"))
    assert pq.read_table(pa.BufferReader(rewritten)).schema.metadata
    table, is_current, _ = decode(rewritten, DAYS, "parquet", URI)
    assert is_current
    assert not table.schema.metadata


def test_encode_of_the_same_rows_with_their_fingerprint_returns_the_same_bytes():
    table = days_of("a", "b", "c")
    assert noted(chunked(table, [1])) == noted(chunked(table, [2])) == noted(table)
