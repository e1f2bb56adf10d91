"""An archiver that is killed anywhere and begins again makes the objects of one that never was (JOURNAL 3's idea, for files)."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from monitor.archive.checking import check_archive
from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord
from monitor.archive.target import StoreTarget
from monitor.core.journal.vocabulary import ALERTS, JOURNAL
from monitor.errors import ConnectionProblem
from streams.archiver.partition import ArchivePartition
from tests.archive_maker import HOUR_MS, MIDNIGHT, RELEASE, begun, fill

LIMIT = 300
STEPS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 120)), min_size=1, max_size=25)
LATEST = (MIDNIGHT + 100 * 24 * HOUR_MS) * 1_000_000


class _Killed:
    """A target whose process dies at chosen calls: before a call, or after it and before anyone hears of it."""

    def __init__(self, archive: Archive, plan: Iterator[int]) -> None:
        self._inner, self._plan = archive.target, plan
        self.place = self._inner.place

    def put_new(self, name: str, content: bytes) -> bool:
        when = next(self._plan, 9)
        if when == 0:
            raise ConnectionProblem("killed before")
        done = self._inner.put_new(name, content)
        if when == 1:
            raise ConnectionProblem("killed after")
        return done

    def get(self, name: str) -> bytes | None:
        return self._inner.get(name)

    def names(self, prefix: str) -> Iterator[tuple[str, int]]:
        return self._inner.names(prefix)


def objects_of(archive: Archive) -> dict[str, bytes | None]:
    return {name: archive.target.get(name) for name, _ in archive.target.names("")}


def log_of(steps: list[tuple[int, int]], *, compacted: bool) -> list[ArchivedRecord]:
    records, time_ms, offset = [], MIDNIGHT, 0
    for hours, size in steps:
        time_ms += hours * HOUR_MS
        records.append(ArchivedRecord(offset, time_ms, b"k", b'"' + b"x" * size + b'"'))
        offset += 1 + (size % 3 if compacted else 0)
    return records


@given(STEPS, st.lists(st.integers(0, 5), max_size=12), st.integers(1, 9), st.booleans())
@settings(max_examples=40, deadline=None)
def test_random_kills_give_the_same_objects(steps: list[tuple[int, int]], kills: list[int], batch: int, compacted: bool) -> None:
    topic = ALERTS if compacted else JOURNAL
    records = log_of(steps, compacted=compacted)
    whole = fill(begun(StoreTarget("whole", MemoryStore())), records, topic, limit=LIMIT)
    torn = begun(StoreTarget("torn", MemoryStore()))
    plan = iter(kills)
    while True:
        writer = ArchivePartition(Archive(_Killed(torn, plan)), topic, 0, LIMIT, RELEASE)
        begin = writer.begin()
        left = [record for record in records if record.offset >= begin]
        try:
            for start in range(0, len(left), batch):
                writer.take(left[start : start + batch])
            writer.settle(LATEST)
            break
        except ConnectionProblem:
            writer.close()
    assert objects_of(torn) == objects_of(whole)
    assert list(torn.records(topic, 0)) == records
    check_archive(torn)
