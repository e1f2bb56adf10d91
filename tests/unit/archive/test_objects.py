"""What an archived object is: lines that give every byte back, ends that the log alone decides, a chain of manifests."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.archive.checking import check_archive
from monitor.archive.manifest import BadArchive, ObjectManifest
from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord, BadLine, line_of, record_of
from monitor.archive.target import open_target
from monitor.core.journal.vocabulary import ALERTS, JOURNAL
from monitor.core.values.canonical import digest_of_bytes
from monitor.errors import ConfigurationError, ConnectionProblem
from monitor.settings.sections import ArchiveSettings
from streams.archiver.partition import ArchivePartition
from tests.archive_maker import HOUR_MS, LIMIT, MIDNIGHT, RELEASE, archive_in, files, filled, hourly, offsets, written_anew

VALUES = st.one_of(
    st.none(),
    st.binary(max_size=40),
    st.sampled_from([b"null", b"", b" {}", b'{"a":1}\n', b'{"a": 1}', b'{"a":1,"a":2}', b"1e400", b"\xff", b'{"a":"\xc3\xa9"}']),
)


@given(st.integers(0, 1 << 52), st.integers(0, 4_102_444_800_000), st.one_of(st.none(), st.binary(max_size=9)), VALUES)
@settings(max_examples=80)
def test_a_line_gives_the_record_back_byte_for_byte(offset: int, time_ms: int, key: bytes | None, value: bytes | None) -> None:
    record = ArchivedRecord(offset, time_ms, key, value)
    line = line_of(record)
    assert b"\n" not in line
    assert record_of(line) == record


def test_json_stands_as_it_is_so_that_people_can_read_it() -> None:
    line = line_of(ArchivedRecord(7, 1000, b"jp-main", b'{"kind":"tick"}'))
    assert line == b'{"key":"jp-main","offset":7,"time":"1970-01-01T00:00:01.000000Z","value":{"kind":"tick"}}'


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"",
        b'{"offset":1,"time":"1970-01-01T00:00:01Z"}',
        b'{"offset":1,"time":"1970-01-01T00:00:01Z","value":{},"x":1}',
        b'{"offset":1,"time":"1970-01-01T00:00:00.0000001Z","value":{}}',
    ],
)
def test_anything_else_is_no_line(line: bytes) -> None:
    with pytest.raises(BadLine):
        record_of(line)


def test_an_object_is_a_utc_day(tmp_path: Path) -> None:
    archive = filled(tmp_path, hourly(60))
    manifests = list(archive.manifests(JOURNAL, 0))
    assert [(one.day, one.first_offset, one.last_offset) for one in manifests] == [
        ("2026-01-05", 0, 23),
        ("2026-01-06", 24, 47),
        ("2026-01-07", 48, 59),
    ]
    assert offsets(archive.records(JOURNAL, 0, 20)) == list(range(20, 60))
    assert list(archive.records(JOURNAL, 0)) == hourly(60)
    assert (tmp_path / manifests[1].object).name == f"{24:020}-{manifests[1].digest[7:23]}.ndjson.gz"


def test_within_a_day_it_ends_before_the_record_that_is_too_much(tmp_path: Path) -> None:
    size = len(line_of(hourly(1)[0])) + 1
    archive = filled(tmp_path, hourly(9), limit=4 * size)
    assert [one.records for one in archive.manifests(JOURNAL, 0)] == [4, 4, 1]
    assert max(one.line_bytes for one in archive.manifests(JOURNAL, 0)) == 4 * size


def test_a_record_larger_than_an_object_has_one_of_its_own(tmp_path: Path) -> None:
    archive = filled(tmp_path, hourly(3), limit=1)
    assert [one.records for one in archive.manifests(JOURNAL, 0)] == [1, 1, 1]


def test_a_record_with_an_earlier_clock_stays_where_the_log_has_it(tmp_path: Path) -> None:
    records = [*hourly(2, start_ms=MIDNIGHT), ArchivedRecord(2, MIDNIGHT - HOUR_MS, None, b"{}")]
    archive = filled(tmp_path, records)
    assert [(one.day, one.records) for one in archive.manifests(JOURNAL, 0)] == [("2026-01-05", 3)]


def test_nothing_is_settled_before_its_day_is_over(tmp_path: Path) -> None:
    writer = ArchivePartition(archive_in(tmp_path), JOURNAL, 0, LIMIT, RELEASE)
    writer.begin()
    writer.take(hourly(2))
    midnight = (MIDNIGHT + 24 * HOUR_MS) * 1_000_000
    assert writer.settle(midnight) is None
    assert writer.waiting_since == hourly(1)[0].time
    manifest = writer.settle(midnight + 15 * 60 * 10**9)
    assert manifest is not None
    assert manifest.records == 2
    assert writer.waiting_since is None
    assert writer.settle(midnight + 48 * HOUR_MS * 1_000_000) is None


def test_the_objects_of_a_compacted_topic_may_have_gaps_and_tombstones(tmp_path: Path) -> None:
    records = [one for one in hourly(30) if one.offset % 3] + [ArchivedRecord(40, MIDNIGHT + 40 * HOUR_MS, b"f", None)]
    archive = filled(tmp_path, records, ALERTS)
    assert list(archive.records(ALERTS, 0)) == records
    assert check_archive(archive).records == len(records)


def refused(folder: Path) -> str:
    with pytest.raises(BadArchive) as caught:
        check_archive(archive_in(folder))
    return str(caught.value)


def manifest_paths(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.json") if path.name != "archive.json")


def objects(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.gz"))


def test_a_right_archive_is_right(tmp_path: Path) -> None:
    found = check_archive(filled(tmp_path, hourly(60)))
    assert (found.objects, found.records, found.notes) == (3, 60, [])


def test_every_byte_counts(tmp_path: Path) -> None:
    filled(tmp_path, hourly(30))
    for path in (*objects(tmp_path), *manifest_paths(tmp_path), tmp_path / "archive.json"):
        content = path.read_bytes()
        for place in range(0, len(content), max(1, len(content) // 12)):
            written_anew(path, content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
            assert refused(tmp_path)
        written_anew(path, content[:-1])
        assert refused(tmp_path)
        written_anew(path, content)
    check_archive(archive_in(tmp_path))


def test_a_missing_object_a_missing_day_and_a_stranger_are_told(tmp_path: Path) -> None:
    filled(tmp_path, hourly(60))
    middle, content = objects(tmp_path)[1], objects(tmp_path)[1].read_bytes()
    middle.unlink()
    assert "is missing: its manifest is there" in refused(tmp_path)
    written_anew(middle, content)
    manifest, said = manifest_paths(tmp_path)[1], manifest_paths(tmp_path)[1].read_bytes()
    manifest.unlink()
    assert "one was left out, moved or replaced" in refused(tmp_path)
    written_anew(manifest, said)
    written_anew(tmp_path / "stranger", b"?")
    (note,) = check_archive(archive_in(tmp_path)).notes
    assert note.startswith("stranger belongs to no manifest")


def test_an_object_made_anew_with_its_manifest_breaks_the_chain(tmp_path: Path) -> None:
    filled(tmp_path / "right", hourly(60))
    others = [ArchivedRecord(one.offset, one.time_ms, one.key, b'{"n":0}') for one in hourly(60)]
    filled(tmp_path / "forged", others)
    for path in (tmp_path / "forged").rglob("2026-01-06/*"):
        place = tmp_path / "right" / path.relative_to(tmp_path / "forged")
        if path.suffix == ".json":
            written_anew(place, path.read_bytes())
        else:
            place.write_bytes(path.read_bytes())
    assert "one was left out, moved or replaced" in refused(tmp_path / "right")


def test_a_manifest_that_says_what_its_object_does_not_hold(tmp_path: Path) -> None:
    archive = filled(tmp_path, hourly(10))
    (manifest,) = archive.manifests(JOURNAL, 0)
    lines = gzip.decompress((tmp_path / manifest.object).read_bytes()).splitlines()
    packed = gzip.compress(b"\n".join(lines[:-1]) + b"\n", mtime=0)
    (tmp_path / manifest.object).write_bytes(packed)
    said = ObjectManifest.of(manifest.name, manifest.content())
    changed = {name: getattr(said, name) for name in ObjectManifest.__slots__}
    forged = ObjectManifest(**changed | {"object_digest": digest_of_bytes(packed), "object_bytes": len(packed)})
    written_anew(tmp_path / manifest.name, forged.content())
    assert "says last_offset 9, its object holds 8" in refused(tmp_path)


def test_an_archive_that_began_late_says_so(tmp_path: Path) -> None:
    (note,) = check_archive(filled(tmp_path, hourly(3, first=5))).notes
    assert "begins at offset 5" in note


def test_a_folder_that_is_none_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no folder"):
        open_target(str(tmp_path / "x"), ArchiveSettings())
    with pytest.raises(BadArchive, match="holds no archive"):
        Archive(open_target(str(tmp_path), ArchiveSettings())).head()
    assert files(tmp_path) == {}


def test_what_does_not_reach_the_disk_is_a_store_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target = open_target(str(tmp_path), ArchiveSettings(), make=True)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConnectionProblem, match=r"one is not on the disk: .*No space left on device"):
        target.put_new("one", b"content")
