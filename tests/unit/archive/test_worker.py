"""The archiver while the group decides anew."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from types import SimpleNamespace

from aiokafka import TopicPartition

from monitor.archive.manifest import ObjectManifest
from monitor.archive.records import ArchivedRecord
from monitor.core.journal.vocabulary import JOURNAL
from monitor.settings.kafka import KafkaSettings
from streams.archiver.partition import ArchivePartition
from streams.archiver.worker import Archiver
from streams.kafka.topics import TopicNames
from tests.archive_maker import LIMIT, RELEASE, archive_in, files, hourly
from tests.integration.test_archiver import Watching


class _Slow(ArchivePartition):
    """Takes one record, and the others when it is told to."""

    began, go_on = Event(), Event()

    def take(self, records: Sequence[ArchivedRecord]) -> list[ObjectManifest]:
        found = super().take(records[:1])
        self.began.set()
        assert self.go_on.wait(30)
        return found + super().take(records[1:])


async def test_a_partition_that_goes_to_another_archiver_while_it_is_written_is_let_go_behind_that(tmp_path: Path) -> None:
    """Fails where it is closed at once: the thread then writes into a closed file, and the daemon ends."""
    archive, place = archive_in(tmp_path), TopicPartition(JOURNAL, 0)
    archiver = Archiver(KafkaSettings(), TopicNames(), archive.target, Watching(), limit=LIMIT, release=RELEASE)
    slow = archiver._held[place] = _Slow(archive, JOURNAL, 0, LIMIT, RELEASE)
    slow.begin()
    records = [SimpleNamespace(offset=one.offset, timestamp=one.time_ms, key=one.key, value=one.value) for one in hourly(20)]
    taking = asyncio.create_task(archiver._take(place, records))
    await asyncio.to_thread(slow.began.wait, 30)
    archiver.revoke()
    slow.go_on.set()
    await taking
    assert slow.waiting_since is None, "it holds nothing any more"
    archiver._fail(place, "the target does not answer")
    assert archiver._again == {}, "it is not for this one to begin anew"
    assert list(files(tmp_path)) == ["archive.json"]
