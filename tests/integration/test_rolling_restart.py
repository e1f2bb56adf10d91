"""Every daemon of every stage is restarted under load: each change of each entity is told, and told once; each trade counts once.

By default two daemons of all stages; `make test-faults` restarts two of each stage apart, also under names of their own. Apache
Kafka alone: on the embedded broker a group takes seconds to share anew. How long a restart takes is printed, not held against
anything (`python -m benchmarks rolling` measures how long entities wait).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from benchmarks.fleet import Fleet, Shape, a_fleet
from benchmarks.rolling import STAGES, restarted, told
from monitor.archive.checking import check_archive
from monitor.archive.reading import Archive
from monitor.archive.target import open_target
from monitor.core.journal.vocabulary import JOURNAL
from monitor.settings.kafka import KafkaSettings
from monitor.settings.sections import ArchiveSettings
from streams.kafka.reading import read_range

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

HEAVY = 4_000
"""Balances that make an object of a megabyte in each of two journal partitions."""


def broker() -> KafkaSettings:
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if not servers:
        pytest.skip("KAFKA_BOOTSTRAP_SERVERS names no Apache Kafka broker (make kafka-up starts one)")
    return KafkaSettings(bootstrap_servers=servers)


APART = [(stage,) for stage in STAGES]
WHOLE: list[tuple[str, ...]] = [()]


@pytest.mark.parametrize(
    ("stages", "named"),
    [
        pytest.param(WHOLE, False, id="whole hosts"),
        pytest.param(APART, False, id="stages apart", marks=pytest.mark.slow),
        pytest.param(APART, True, id="stages apart under their names", marks=pytest.mark.slow),
    ],
)
async def test_a_rolling_restart_misses_no_alert_and_tells_none_twice(
    tmp_path: Path, stages: list[tuple[str, ...]], named: bool
) -> None:
    archive = Archive(open_target(str(tmp_path / "archive"), ArchiveSettings(), make=True))
    async with a_fleet(broker(), Shape(6, partitions=2, trades=60_000), tmp_path) as fleet:
        await begun(fleet, archive, stages, named=named)
        found = await restarted(fleet, 300)
        sys.stdout.write(f"\n{told(found)}\n")
        for stage, stopping, starting in found.took:
            sys.stdout.write(f"  {stage or 'all stages':12} stopped in {stopping:.1f} s, ready again in {starting:.1f} s\n")
        assert (found.wanted, found.missed, found.repeated) == (2 * len(stages) * 6, 0, 0)
        assert found.trades > 0
        await fleet.fill(HEAVY)
        await archived(fleet, archive, 2)


async def begun(fleet: Fleet, archive: Archive, kinds: list[tuple[str, ...]], *, named: bool) -> None:
    """Two daemons of each kind, and an object in the archive; `named`: each comes back under a name of its own."""
    kept = {"target": archive.target.place, "object_mb": 1}
    for stages in kinds:
        for number in range(2):
            await fleet.start(*stages, instance_id=f"host-{number}" if named else None, archive=kept)
    await fleet.open()
    await fleet.settled()
    await fleet.fill(HEAVY)
    await archived(fleet, archive, 1)


async def archived(fleet: Fleet, archive: Archive, objects: int) -> None:
    """At least so many objects of each journal partition come, and hold the log record by record."""
    places = [(JOURNAL, partition) for partition in range(fleet.kafka.journal_partitions)]
    await fleet.heard(
        lambda: all(len(list(archive.manifests(*place))) >= objects for place in places), 60, "objects of the journal"
    )
    check_archive(archive)
    for partition in range(fleet.kafka.journal_partitions):
        kept = {record.offset: record.value for record in archive.records(JOURNAL, partition)}
        start = {TopicPartition(fleet.names.of(JOURNAL), partition): 0}
        log = {record.offset: record.value async for record in read_range(fleet.kafka, start)}
        assert kept == {offset: log[offset] for offset in range(len(kept))}
