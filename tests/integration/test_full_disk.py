"""A disk that is full under a running daemon: a clear error, nothing lost, and on it goes when there is room."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from monitor.archive.checking import check_archive
from monitor.archive.reading import Archive
from monitor.archive.target import open_target
from monitor.core.journal.vocabulary import JOURNAL
from monitor.settings.kafka import KafkaSettings
from monitor.settings.sections import ArchiveSettings
from streams.archiver import worker
from streams.archiver.worker import Archiver
from streams.demo.child import DaemonProcess, free_port
from streams.kafka.clients import ended, producer, started
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicNames, create_topics, topic_specs
from streams.lookup.archived import compare_with_log
from tests.archive_maker import MIDNIGHT, RELEASE
from tests.integration.daemon_settings import status_when, written
from tests.integration.test_archiver import Watching
from tests.secure.test_canaries import incident

pytestmark = [pytest.mark.broker, pytest.mark.timeout(120)]
NAMES = TopicNames()
KIB = 1024
RECORDS, RECORD_BYTES = 40, 40 * KIB


class Disk:
    """A file system of its own, of a few hundred kilobytes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._filler = root / "filler"

    def fill(self) -> None:
        with self._filler.open("ab", buffering=0) as file:
            try:
                while file.write(bytes(KIB)) == KIB:
                    pass
            except OSError:
                return

    def make_room(self) -> None:
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    root = tmp_path / "disk"
    root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(root)], capture_output=True, text=True, check=False
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    yield Disk(root)
    subprocess.run(["umount", "--lazy", str(root)], check=True)


async def published(kafka: KafkaSettings) -> None:
    """Records of a day that is over, which do not pack well, so that an object needs more than memory."""
    client = await started(producer(kafka), kafka)
    try:
        for number in range(RECORDS):
            text = "".join(f"{number * 7919 + place * 104729:x}" for place in range(RECORD_BYTES // 6))
            await client.send_and_wait(JOURNAL, json.dumps(text).encode(), b"e-1", partition=0, timestamp_ms=MIDNIGHT + number)
    finally:
        await ended(client)


@pytest.mark.parametrize("place", ["archive", "temporary files"])
async def test_an_archiver_without_room_says_so_and_goes_on_when_there_is_some(
    place: str, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "RETRY_S", 0.2)
    monkeypatch.setattr(worker, "_SETTLE_S", 0.2)
    monkeypatch.setattr(tempfile, "tempdir", str(disk.root if place == "temporary files" else tmp_path))
    target = open_target(str(disk.root / "archive" if place == "archive" else tmp_path / "archive"), ArchiveSettings(), make=True)
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 1})
        await create_topics(kafka, topic_specs(kafka, NAMES))
        await published(kafka)
        watching = Watching(RECORDS)
        archiver = Archiver(kafka, NAMES, target, watching, limit=RECORDS * RECORD_BYTES * 4, release=RELEASE)
        await archiver.start()
        disk.fill()
        working = asyncio.create_task(archiver.run())
        try:
            with capture_logs() as said:
                await true(lambda: len(watching.failures) >= 2 or working.done())
            assert not working.done(), working.exception()
            assert any("No space left on device" in line["detail"] for line in said if line["event"] == "archive_failed")
            assert watching.records == 0
            watching.done.clear()
            disk.make_room()
            await asyncio.wait_for(watching.done.wait(), 60)
        finally:
            await archiver.stop()
            await working
        archive = Archive(target)
        assert check_archive(archive).records == await compare_with_log(kafka, NAMES, archive) == watching.records == RECORDS


async def test_a_daemon_whose_log_has_no_room_works_on_and_counts_the_lines(disk: Disk, tmp_path: Path) -> None:
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        await create_topics(kafka, topic_specs(kafka, NAMES))
        nobody = {"type": "webhook", "url": f"http://127.0.0.1:{free_port()}/h", "retry_first_s": 0.1, "retry_max_s": 0.2}
        several = {f"hook-{number}": nobody for number in range(30)}  # each says that it is failing: more than a page of the disk
        config, port = written(tmp_path, kafka, alerting={"channels": several}, log={"format": "json"})
        log = disk.root / "daemon.log"
        daemon = DaemonProcess(config, log, port)
        await daemon.start()
        try:
            await daemon.ready(60)
            disk.fill()
            await reported(config, tmp_path)
            await status_when(daemon.url, lambda status: bool(status["alerts"]))
            while not (failed := await failed_lines(daemon.url)):  # noqa: ASYNC110 - a figure is no event
                await asyncio.sleep(0.1)
            assert not daemon.ended
            disk.make_room()
        finally:
            assert await daemon.stop() == 0
    told = [json.loads(line) for line in log.read_text().splitlines() if '"log_lines_failed"' in line]
    assert sum(one["lines"] for one in told) >= failed


async def reported(config: Path, folder: Path) -> None:
    """An incident, which alerts at once."""
    events = folder / "events.jsonl"
    await asyncio.to_thread(events.write_text, incident())
    arguments = ("-m", "monitor", "replay", "--events", str(events), "--config", str(config))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0


async def failed_lines(url: str) -> float:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return float(next(line for line in lines if line.startswith("reserve_log_failed_lines ")).rpartition(" ")[2])


async def true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.05)
