from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.landing.spool import Batches, Spool, check_spool_folder
from airflow_provider_braze.tables.fingerprints import Fingerprint, fingerprint_rows
from tests.campaign_tables import SCHEMAS, TABLES
from tests.landing.tables import DAY, EXTREMES, days_of, table_of

DETAILS = EXTREMES["campaign_details"]
SPOOLED = {name: TABLES[name] for name in ("campaign_days", "campaign_messages")}


def read_day(spool, name, day):
    """Return the rows of one day from its block."""
    (block,) = [block for block in spool.blocks({*spool.days, day}) if day in block]
    table = spool.read(TABLES[name], block)
    return table.filter(pa.compute.equal(table.column("day"), day))


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return the folder of spools, which contains nothing else."""
    found = tmp_path / "spool"
    found.mkdir()
    return found


@pytest.fixture(autouse=True)
def _nothing_left_open(folder) -> Iterator[None]:
    before = open_files()
    yield
    assert open_files() == before
    assert list(folder.iterdir()) == []


def open_files() -> set[str]:
    """Return the open files. Sockets are left out: those of a store's library may close by themselves."""
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{descriptor}")
        except FileNotFoundError:  # that of this listing
            continue
        if target.startswith("/"):
            found.add(f"{descriptor} {target}")
    return found


def a_run(campaign_ids: list[str], days: list[date]) -> dict[str, pa.Table]:
    """Build a batch as the builder of tables does: sorted by day."""
    places = [{"campaign_id": campaign_id, "day": day} for day in sorted(days) for campaign_id in sorted(campaign_ids)]
    messages = [{**place, "channel": channel} for place in places for channel in ("email", "sms")]
    return {
        "campaign_days": table_of("campaign_days", *places),
        "campaign_messages": table_of("campaign_messages", *messages),
    }


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=i) for i in range(count)]


def rows_of(table: pa.Table) -> list[str]:
    return sorted(map(str, table.to_pylist()))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Make the system reject longer files, as it does when a disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_read_returns_the_rows_of_a_day_from_all_runs(folder):
    days = days_from(DAY, 3)
    runs = [a_run(["a", "b"], days), a_run(["c"], days[1:]), a_run(["d", "e", "f"], days[:1])]
    with Spool(SPOOLED.values(), 100, 100, str(folder)) as spool:
        for run in runs:
            spool.add(run)
        for name in SPOOLED:
            everything = pa.concat_tables([run[name] for run in runs])
            for day in days:
                expected = everything.filter(pa.compute.equal(everything.column("day"), day))
                assert rows_of(read_day(spool, name, day)) == rows_of(expected)
                assert read_day(spool, name, day).schema.equals(SCHEMAS[name])


def test_read_returns_every_value(folder):
    with Spool(TABLES.values(), 100, 100, str(folder)) as spool:
        table = EXTREMES["campaign_days"].sort_by("day")
        spool.add({"campaign_days": table})
        assert pa.concat_tables([read_day(spool, "campaign_days", day) for day in spool.days]).equals(table)


def test_read_of_a_run_in_several_chunks_returns_complete_days(folder):
    run = a_run(["a", "b", "c"], days_from(DAY, 2))["campaign_days"]
    with Spool(SPOOLED.values(), 100, 100, str(folder)) as spool:
        spool.add({"campaign_days": pa.concat_tables([run.slice(0, 2), run.slice(2, 2), run.slice(4)])})
        assert read_day(spool, "campaign_days", DAY).equals(run.slice(0, 3))
        assert read_day(spool, "campaign_days", DAY + timedelta(days=1)).equals(run.slice(3))


def test_read_of_a_day_without_rows_is_an_empty_table(folder):
    with Spool(SPOOLED.values(), 100, 100, str(folder)) as spool:
        spool.add({"campaign_days": days_of("a")})
        assert read_day(spool, "campaign_messages", DAY) == SCHEMAS["campaign_messages"].empty_table()
        assert read_day(spool, "campaign_days", DAY + timedelta(days=1)) == SCHEMAS["campaign_days"].empty_table()


def test_read_by_many_threads_returns_each_its_own_day(folder):
    days = days_from(DAY, 40)
    with Spool(SPOOLED.values(), 100, 100, str(folder)) as spool:
        for batch in range(5):
            spool.add(a_run([f"{batch}-{i}" for i in range(20)], days))
        keys = [(name, day) for day in days for name in SPOOLED] * 5
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(lambda key: read_day(spool, *key), keys))
    for (name, day), table in zip(keys, found, strict=True):
        assert set(table.column("day").to_pylist()) == {day}
        assert table.num_rows == 100 * (2 if name == "campaign_messages" else 1)
        assert len(set(table.column("campaign_id").to_pylist())) == 100


def test_days_returns_the_days_with_rows_sorted(folder):
    first, second, third = days_from(DAY, 3)
    with Spool(SPOOLED.values(), 100, 100, str(folder)) as spool:
        spool.add({"campaign_days": days_of("a", day=third)})
        spool.add(a_run(["b"], [second, first]))
        spool.add({"campaign_days": days_of("c", day=third)})
        assert spool.days == [first, second, third]


def test_fingerprint_covers_all_rows_of_the_day_from_all_runs(folder):
    days = days_from(DAY, 2)
    with Spool(SPOOLED.values(), 100, 100, str(folder)) as spool:
        spool.add(a_run(["b"], days[:1]))
        spool.add(a_run(["a", "c"], days))
        for name in SPOOLED:
            assert spool.fingerprint(name, DAY) == fingerprint_rows(a_run(["a", "b", "c"], days[:1])[name])
            assert spool.fingerprint(name, days[1]) == fingerprint_rows(a_run(["a", "c"], days[1:])[name])
            assert spool.fingerprint(name, days[1] + timedelta(days=1)) == Fingerprint()
        assert spool.days == days


def test_add_of_tables_without_rows_adds_no_day(folder):
    with Spool(SPOOLED.values(), 100, 100, str(folder)) as spool:
        spool.add({name: SCHEMAS[name].empty_table() for name in SPOOLED})
        assert spool.days == []


def test_empty_spool_has_no_days(folder):
    with Spool(SPOOLED.values(), 100, 100, str(folder)) as spool:
        assert spool.days == []
        assert read_day(spool, "campaign_days", DAY).num_rows == 0


def test_spool_keeps_one_open_unnamed_file_per_table(folder):
    before = open_files()
    with Spool(SPOOLED.values(), 100, 100, str(folder)) as spool:
        for batch in range(3):
            spool.add(a_run([f"{batch}"], days_from(DAY, 100)))
        assert len(open_files() - before) == len(SPOOLED)
        assert list(folder.iterdir()) == []


def test_spool_is_removed_after_an_error(folder):
    with pytest.raises(KeyboardInterrupt), Spool(SPOOLED.values(), 100, 100, str(folder)) as spool:  # noqa: PT012 - the spool is tested
        spool.add(a_run(["a"], [DAY]))
        raise KeyboardInterrupt


def test_add_on_a_full_disk_is_an_os_error_and_keeps_earlier_runs_readable(folder):
    with Spool(SPOOLED.values(), 100, 100, str(folder)) as spool:
        spool.add({"campaign_days": days_of("a")})
        with largest_file(20_000), pytest.raises(OSError, match="File too large") as caught:
            spool.add(a_run([f"{i:05d}" for i in range(50)], days_from(DAY + timedelta(days=1), 100)))
        assert caught.value.errno == errno.EFBIG
        assert read_day(spool, "campaign_days", DAY).equals(days_of("a"))


def test_add_on_a_full_disk_closes_the_spool_and_leaves_no_file(folder):
    with (
        largest_file(20_000),
        pytest.raises(OSError, match="File too large"),
        Spool(SPOOLED.values(), 100, 100, str(folder)) as spool,
    ):
        spool.add(a_run([f"{i:05d}" for i in range(50)], days_from(DAY, 100)))


def test_spool_on_a_full_disk_raises_the_first_error(folder):
    errors = []

    def fill() -> None:
        with Spool(SPOOLED.values(), 100, 100, str(folder)) as spool:
            try:
                spool.add(a_run([f"{i:05d}" for i in range(50)], days_from(DAY, 100)))
            except OSError as error:
                errors.append(error)
                raise

    with largest_file(20_000), pytest.raises(OSError, match="File too large") as caught:
        fill()
    assert errors == [caught.value]


def test_spool_in_a_missing_folder_is_an_os_error(folder):
    with pytest.raises(FileNotFoundError):
        Spool(SPOOLED.values(), 100, 100, str(folder / "missing"))


def test_check_of_a_missing_folder_names_the_argument(tmp_path):
    with pytest.raises(BrazeConfigError, match=r"`spool_folder` .*/missing: No such file or directory\. Set"):
        check_spool_folder(str(tmp_path / "missing"))


def test_check_of_a_file_names_the_argument(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BrazeConfigError, match=r"`spool_folder` .*/file: Not a directory\. Set"):
        check_spool_folder(str(tmp_path / "file"))


def test_check_of_a_folder_that_is_not_writable_names_the_argument():
    # Not even root can write here.
    with pytest.raises(BrazeConfigError, match=r"`spool_folder` /proc/self: "):
        check_spool_folder("/proc/self")


def test_check_of_a_full_disk_fails_and_may_be_retried():
    code = """
import resource
from airflow_provider_braze.landing.spool import check_spool_folder
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    check_spool_folder(None)
except OSError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Could not write to the `spool_folder` the system's folder of temporary files: File too large" in done.stdout


def test_check_of_a_folder_leaves_no_file(folder):
    check_spool_folder(str(folder))
    check_spool_folder(None)
    assert list(folder.iterdir()) == []


def test_blocks_group_days_and_keep_those_without_rows(folder):
    days = days_from(DAY, 30)
    with Spool(SPOOLED.values(), 500, 100, str(folder)) as spool:
        spool.add(a_run([f"{i:03d}" for i in range(500)], days))
        late = days[-1] + timedelta(days=400)
        blocks = spool.blocks([*days, late])
        assert [day for block in blocks for day in block] == [*days, late]
        assert max(map(len, blocks)) == 4
        for block in blocks[:-1]:
            assert set(spool.read(TABLES["campaign_days"], block).column("day").to_pylist()) == set(block)
        assert spool.read(TABLES["campaign_days"], blocks[-1]).num_rows == 0


def test_blocks_of_many_campaigns_are_single_days(folder):
    with Spool(SPOOLED.values(), 10_000, 100, str(folder)) as spool:
        assert spool.blocks(days_from(DAY, 2)) == [[day] for day in days_from(DAY, 2)]


def test_blocks_of_no_campaigns_have_the_maximum_size(folder):
    with Spool(SPOOLED.values(), 0, 100, str(folder)) as spool:
        assert sum(map(len, spool.blocks(days_from(DAY, 20)))) == 20


def test_batches_return_their_rows_in_order(tmp_path):
    batches = Batches(DETAILS.schema, str(tmp_path))
    for table in (DETAILS, DETAILS.slice(0, 0), DETAILS.slice(1)):
        batches.add(table)
    assert batches.read().equals(pa.concat_tables([DETAILS, DETAILS.slice(1)]))
    batches.close()


def test_batches_of_nothing_return_no_rows():
    batches = Batches(SCHEMAS["campaign_details"], None)
    assert batches.read().equals(SCHEMAS["campaign_details"].empty_table())
    batches.close()


def test_batches_leave_no_file_when_closed_twice_or_unread(folder):
    batches = Batches(DETAILS.schema, str(folder))
    batches.add(DETAILS)
    assert list(folder.iterdir()) == []
    batches.close()
    batches.close()


def test_batches_on_a_full_disk_name_the_folder_also_when_the_last_bytes_are_written(tmp_path):
    code = """
import resource, sys
import pyarrow as pa
from airflow_provider_braze.landing.spool import Batches
table = pa.table({"text": ["x"]})
for limit in range(8, 1024, 8):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    batches, added = Batches(table.schema, sys.argv[1]), False
    try:
        batches.add(table)
        added = True
        batches.read()
    except OSError as error:
        print(added, error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    batches.close()
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert any(line.startswith("True ") for line in lines)
    assert all(f"Could not write to the `spool_folder` {tmp_path}: " in line for line in lines)


def test_batches_in_a_missing_folder_raise_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        Batches(DETAILS.schema, str(tmp_path / "nowhere"))
