"""A partition on its way into the archive goes on where the archive ends, and stops where log and archive disagree."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.archive.manifest import BadArchive
from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord
from monitor.core.journal.vocabulary import JOURNAL
from streams.archiver.partition import ArchivePartition
from tests.archive_maker import LIMIT, RELEASE, archive_in, files, filled, hourly


def writer_in(folder: Path, archive: Archive | None = None) -> ArchivePartition:
    return ArchivePartition(archive or archive_in(folder), JOURNAL, 0, LIMIT, RELEASE)


def test_it_begins_at_the_last_archived_record_and_archives_none_twice(tmp_path: Path) -> None:
    filled(tmp_path, hourly(30))
    before = files(tmp_path)
    writer = writer_in(tmp_path)
    assert writer.begin() == 29
    assert writer.take(hourly(30)) == []
    assert writer.settle(10**19) is None
    assert files(tmp_path) == before


def test_a_log_that_was_made_anew_is_not_added(tmp_path: Path) -> None:
    filled(tmp_path, hourly(30))
    writer = writer_in(tmp_path)
    writer.begin()
    other = [ArchivedRecord(one.offset, one.time_ms, one.key, b'{"other":1}') for one in hourly(60)]
    with pytest.raises(BadArchive, match="holds another record at offset 29"):
        writer.take(other)


def test_what_kafka_deleted_before_it_was_archived_is_said(tmp_path: Path) -> None:
    filled(tmp_path, hourly(30))
    writer = writer_in(tmp_path)
    writer.begin()
    with pytest.raises(BadArchive, match="goes on at offset 35, the archive ends before 30"):
        writer.take(hourly(3, first=35))


def test_a_hole_within_a_batch_is_said(tmp_path: Path) -> None:
    writer = writer_in(tmp_path)
    writer.begin()
    with pytest.raises(BadArchive, match="goes on at offset 3, the archive ends before 2"):
        writer.take([one for one in hourly(5) if one.offset != 2])
    writer.close()


def test_a_store_that_keeps_something_else_is_found_before_the_manifest(tmp_path: Path) -> None:
    class _Lying:
        def __init__(self) -> None:
            self.inner = archive_in(tmp_path).target
            self.place = self.inner.place
            self.put_new, self.names = self.inner.put_new, self.inner.names

        def get(self, name: str) -> bytes | None:
            found = self.inner.get(name)
            return found if found is None else found[:-1]

    writer = writer_in(tmp_path, Archive(_Lying()))
    writer.begin()
    with pytest.raises(BadArchive, match="does not hold what was written to it"):
        writer.take(hourly(30))
    assert not [name for name in files(tmp_path) if name.endswith(".json") and name != "archive.json"]


def test_two_archivers_of_one_partition_do_no_harm(tmp_path: Path) -> None:
    first, second = writer_in(tmp_path), writer_in(tmp_path)
    first.begin()
    second.begin()
    assert [one.name for one in first.take(hourly(50))] == [one.name for one in second.take(hourly(50))]
    first.close()
    second.close()
