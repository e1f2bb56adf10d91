"""One journal partition on a worker: skip, apply, restore, stop (JOURNAL 6)."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from monitor.audit.checkpoints import content_of, is_signed_by
from monitor.audit.signatures.keys import Keyring, PrivateKey
from monitor.collector import Keeper
from monitor.core.engine import Engine
from monitor.core.journal.outputs import Output, TooOld
from monitor.core.journal.records import JournalRecord, Source, SourcePartition, Statement, encode_statement
from monitor.core.journal.snapshot import STATE_VERSION
from monitor.core.journal.vocabulary import ALERTS, CHECKPOINTS
from monitor.core.values.times import DAY
from monitor.errors import ConfigurationError, ConnectionProblem
from streams.assessor.cuts import CutCosts, Cuts, SnapshotCadence
from streams.assessor.partition import PartitionWorker
from streams.assessor.publications import Publications, output_record
from streams.assessor.snapshots import SnapshotStore
from streams.assessor.takeover import Found
from streams.slices import SLICE_S, Turns
from tests.journal_maker import Journal, configuration_text, house, load
from tests.unit.streams.test_snapshots import Table
from tests.watching import silence_changes

ENTITY = "jp-main"
KEY = PrivateKey(Ed25519PrivateKey.from_private_bytes(bytes(32)))


@dataclass
class Told:
    """Observer that keeps what matters here."""

    stopped: list[str] = field(default_factory=list)
    forks: int = 0
    differed: int = 0

    def partition_stopped(self, _partition: int, reason: str) -> None:
        self.stopped.append(reason)

    def chain_forked(self, _partition: int) -> None:
        self.forks += 1

    def evaluation_differed(self, _partition: int) -> None:
        self.differed += 1

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def message_of(record: JournalRecord) -> Any:
    """The record as the broker has it."""
    value, time_ms = encode_statement(record.statement), record.journal_time // 1_000_000
    return SimpleNamespace(value=value, offset=record.offset, timestamp=time_ms)


def delivery_of(records: Iterable[JournalRecord]) -> Any:
    """Records as Faust delivers them together."""
    return SimpleNamespace(message=SimpleNamespace(records=tuple(map(message_of, records))))


class Bench:
    """A worker on a table, with what it has published and acknowledged."""

    def __init__(
        self,
        table: Table,
        cadence: SnapshotCadence | None = None,
        *,
        log_start: int = 0,
        refusing: bool = False,
        given_up: bool = False,
        check: bool = False,
        writes: bool = True,
        slice_s: float = SLICE_S,
        turns: Turns | None = None,
    ) -> None:
        self.rewound: list[int] = []
        self._log_start, self._refusing, self._given_up, self._writes = log_start, refusing, given_up, writes
        self.letters: list[TooOld] = []
        self.published: list[Output] = []
        self.checkpoints: list[Any] = []
        self.acknowledged: list[int] = []
        self.told = Told()
        self.snapshots: list[asyncio.Task[None]] = []
        self.worker = PartitionWorker(
            0,
            Publications(0, send=self._send, refuse=self._refuse, observer=self.told),
            Cuts(
                0,
                SnapshotStore(table, 0),
                cadence or SnapshotCadence(records=10, seconds=3600),
                CutCosts(share=0),
                acknowledge=lambda _, offset: self.acknowledged.append(offset),
                observer=self.told,
                ended=self.snapshots.append,
            ),
            rewind=self._rewind,
            observer=self.told,
            memory=Keeper(),
            check_time=False,
            keys=Keyring((KEY,)),
            turns=turns or Turns(slice_s),
            check_evaluations=check,
            slice_s=slice_s,
        )

    async def feed(self, records: Iterable[JournalRecord]) -> None:
        """Records by one after another, each snapshot complete before the next."""
        for record in records:
            await self.worker.receive(message_of(record))
            await self.worker.cuts.written()

    async def _rewind(self, _partition: int, offset: int) -> bool:
        self.rewound.append(offset)
        return offset >= self._log_start

    def _refuse(self, refused: TooOld) -> "asyncio.Future[Any]":
        self.letters.append(refused)
        written: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._writes:
            written.set_result(None)
        return written

    async def _send(self, output: Output, _partition: int) -> "asyncio.Future[Any]":
        (self.checkpoints if output.topic == CHECKPOINTS else self.published).append(output)
        sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._refusing:
            sent.set_exception(ConnectionError("refused"))
        elif self._given_up:
            sent.cancel()
        else:
            sent.set_result(SimpleNamespace(offset=len(self.published) - 1))
        return sent


@pytest.fixture(scope="module")
def journal() -> list[JournalRecord]:
    maker = Journal()
    maker.configure(configuration_text({ENTITY: house(levels={"dwell_s": 0})}))
    maker.price("BTC", "5000000")
    maker.position("vault", "client_asset", "cold", "BTC", "1000")
    maker.position("ledger", "client_liability", "ledger", "BTC", "1000")
    for step in range(15):
        maker.at(1 + step)
        maker.position("hot", "client_asset", "hot", "BTC", "45" if step % 2 else "450")
        maker.at(1.5 + step)
        maker.tick()
    return maker.records


def straight(journal: list[JournalRecord]) -> list[Output]:
    engine = Engine(0, check_journal_time=False)
    return [output for record in journal for output in engine.apply(record)]


async def test_a_worker_publishes_what_the_engine_gives(journal: list[JournalRecord]) -> None:
    bench = Bench(Table())
    await bench.feed(journal)
    assert bench.published == straight(journal)


async def run_with(bench: Bench, *deliveries: list[JournalRecord]) -> None:
    """Runs the worker until it has read the deliveries."""
    running = asyncio.create_task(bench.worker.run(lambda _: True))
    for records in deliveries:
        await bench.worker.put(delivery_of(records))
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert not running.done()
    running.cancel()


async def test_records_delivered_together_are_taken_as_one_by_one(journal: list[JournalRecord]) -> None:
    table, alone = Table(), Bench(Table())
    bench = Bench(table)
    await alone.feed(journal)
    await run_with(bench, journal[:7], journal[7:8], journal[8:])
    assert (bench.published, bench.checkpoints) == (alone.published, alone.checkpoints)
    assert (bench.worker.engine.position, bench.worker.last_applied) == (journal[-1].offset, journal[-1].journal_time)
    assert (bench.worker.urgent, bench.acknowledged[0]) == (alone.worker.urgent, alone.acknowledged[0])
    found = SnapshotStore(table.recovered(), 0).newest()
    assert found is not None
    assert found.manifest.last == journal[found.manifest.position].digest.hex()


async def test_records_of_which_nothing_is_evaluated_are_snapshot_as_others_are() -> None:
    maker = Journal()
    maker.configure(configuration_text({ENTITY: house()}))
    for number in range(29):
        maker.position(f"account-{number}", "client_asset", "cold", "BTC", "1")
    bench = Bench(Table())
    await run_with(bench, maker.records)
    assert (bench.acknowledged[0], bench.worker.engine.position, bench.published) == (9, 29, [])


async def test_a_gap_and_a_record_the_engine_cannot_take_within_a_delivery_are_found_there(
    journal: list[JournalRecord],
) -> None:
    gap = Bench(Table(), log_start=100)
    await run_with(gap, [*journal[:3], *journal[4:6]])
    assert (gap.worker.stopped, gap.worker.engine.position) == ("journal_hole", 2)
    bad = replace(journal[2], statement=replace(journal[2].statement, body={"as_of": 3}))
    stuck = Bench(Table())
    await run_with(stuck, [*journal[:2], bad, *journal[3:6]])
    assert (stuck.worker.stopped, stuck.told.stopped) == ("engine_error", ["engine_error"])
    unread = Bench(Table())
    unread_delivery = delivery_of(journal[:4])
    unread_delivery.message.records[2].value = b"{"
    running = asyncio.create_task(unread.worker.run(lambda _: True))
    await unread.worker.put(unread_delivery)
    for _ in range(100):
        await asyncio.sleep(0)
    running.cancel()
    assert (unread.worker.stopped, unread.worker.engine.position) == ("bad_record", 1)


async def test_what_is_left_of_a_delivery_when_an_assignment_comes_is_dropped(journal: list[JournalRecord]) -> None:
    bench = Bench(Table(), slice_s=0.0)
    asked = iter([True, True, True])
    running = asyncio.create_task(bench.worker.run(lambda _: next(asked, False)))
    await bench.worker.put(delivery_of(journal))
    for _ in range(1_000):
        await asyncio.sleep(0)
    running.cancel()
    assert 0 < bench.worker.engine.position < journal[-1].offset


async def test_a_checked_evaluation_that_differs_is_counted_and_what_is_read_anew_is_published(
    journal: list[JournalRecord],
) -> None:
    right, table = straight(journal), Table()
    for records in (journal[:25], journal):  # the second worker begins at a snapshot of the first, and checks as well
        bench = Bench(table, check=True)
        await bench.worker.prepare()
        for record in records:
            silence_changes(bench.worker.engine)
            await bench.feed([record])
        assert bench.told.differed > 0
    assert [output for output in right if output not in bench.published] == right[: len(right) - len(bench.published)]


async def test_a_worker_signs_and_publishes_what_the_engine_cuts(journal: list[JournalRecord]) -> None:
    bench, engine = Bench(Table()), Engine(0, check_journal_time=False)
    await bench.feed(journal)
    for record in journal:
        engine.apply(record)
    assert [content_of(output.value) for output in bench.checkpoints] == engine.checkpoints() != []
    assert all(is_signed_by(output.value, KEY.public) for output in bench.checkpoints)
    value, headers = output_record(bench.checkpoints[0])
    assert value is not None
    assert dict(headers)["ce_type"] == b"reserve.checkpoint/1"


async def test_a_balance_is_urgent_until_it_is_evaluated_itself() -> None:
    """Fails where what is evaluated before a balance is taken, or of another entity, makes it wait as prices do."""
    maker, names = Journal(), ("a-main", "b-main")
    maker.configure(configuration_text({name: house() for name in names}))
    for name in names:
        load(maker, entity=name)
    maker.at(1).tick()
    bench = Bench(Table(), SnapshotCadence(records=1000, seconds=3600))
    await bench.feed(maker.records)
    assert not bench.worker.urgent
    begun = len(maker.records)
    maker.at(2).position("hot", "client_asset", "hot", "BTC", "41", entity="a-main")
    maker.at(3).position("hot", "client_asset", "hot", "BTC", "42", entity="a-main")
    maker.at(4).price("BTC", "15000001")
    maker.at(4.1).position("hot", "client_asset", "hot", "BTC", "42", entity="b-main")
    maker.at(4.2).tick()
    urgent = list[bool]()
    for record in maker.records[begun:]:
        await bench.feed([record])
        urgent.append(bench.worker.urgent)
    assert urgent == [True, True, False, True, False]


async def test_only_what_a_complete_snapshot_holds_is_acknowledged(journal: list[JournalRecord]) -> None:
    table = Table()
    bench = Bench(table)
    await bench.feed(journal[:25])
    assert bench.acknowledged == [9, 19]
    snapshot = SnapshotStore(table.recovered(), 0).newest()
    assert snapshot is not None
    assert snapshot.manifest.position == 19


class SlowTable(Table):
    """A table whose broker acknowledges nothing until `acknowledge`."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[asyncio.Future[None]] = []

    def send_changelog(self, partition: int, key: bytes, value: bytes | None, **_: Any) -> "asyncio.Future[None]":
        self.log.append((partition, key, value))
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    async def acknowledge(self, task: "asyncio.Task[None]") -> None:
        """All, until the snapshot is complete."""
        while not task.done():
            for sent in self.waiting:
                if not sent.done():
                    sent.set_result(None)
            await asyncio.sleep(0)


def writing() -> "asyncio.Task[None]":
    """The task of the snapshot that is being written."""
    return next(task for task in asyncio.all_tasks() if task.get_name() == "snapshot of journal partition 0")


async def test_records_are_applied_while_a_snapshot_waits_for_the_broker(journal: list[JournalRecord]) -> None:
    """Fails where the partition stands still until the broker has acknowledged: alerts came as much later."""
    table = SlowTable()
    bench = Bench(table)
    for record in journal[:25]:
        await bench.worker.receive(message_of(record))
    assert bench.published == straight(journal[:25])
    assert bench.acknowledged == []
    heads = {output.entity: output.value["chain"]["sequence"] for output in straight(journal[:10]) if output.value}
    await table.acknowledge(writing())
    found = SnapshotStore(table.recovered(), 0).newest()
    assert found is not None
    assert (found.manifest.position, found.manifest.heads, bench.acknowledged) == (9, heads, [9])
    behind: dict[str, int] = {}
    for number, output in enumerate(straight(journal[:10])):
        behind[output.topic] = number + 1
    assert {topic: at for topic, at in found.manifest.outputs.items() if topic != CHECKPOINTS} == behind
    for record in journal[25:]:
        await bench.worker.receive(message_of(record))
    await table.acknowledge(writing())
    successor = Bench(table.recovered())
    await successor.worker.prepare()
    assert successor.worker.engine.position == bench.acknowledged[-1] > 20
    await successor.feed(journal[bench.acknowledged[-1] + 1 :])
    assert successor.published == straight(journal)[-len(successor.published) :]


async def test_a_snapshot_that_cannot_be_written_is_told(journal: list[JournalRecord]) -> None:
    table = SlowTable()
    bench = Bench(table)
    for record in journal[:12]:
        await bench.worker.receive(message_of(record))
    table.waiting[0].set_exception(ConnectionError("refused"))
    await asyncio.wait({writing()})
    assert isinstance(bench.snapshots[0].exception(), ConnectionError)
    with pytest.raises(ConnectionError):
        await bench.worker.lay_down()
    assert bench.acknowledged == []


async def test_delivery_anew_is_skipped(journal: list[JournalRecord]) -> None:
    bench = Bench(Table())
    await bench.feed(journal[:20])
    await bench.feed(journal[12:])
    assert bench.published == straight(journal)


@pytest.mark.parametrize("crash", range(10, 34, 3))
async def test_a_successor_goes_on_from_the_snapshot_without_loss(journal: list[JournalRecord], crash: int) -> None:
    table = Table()
    first = Bench(table)
    await first.feed(journal[:crash])
    second = Bench(table.recovered())
    await second.worker.prepare()
    committed = first.acknowledged[-1] + 1
    await second.feed(journal[committed:])
    again = straight(journal)
    assert second.told.stopped == []
    assert first.published == again[: len(first.published)]
    assert second.published == again[-len(second.published) :]
    assert len(first.published) + len(second.published) >= len(again)


@pytest.fixture(scope="module")
def lying(journal: list[JournalRecord]) -> list[JournalRecord]:
    """The journal with balances in between that are older than the horizon."""
    maker = Journal()
    maker.records = list(journal)
    for step in range(12):
        maker.at(30 + step).position("hot", "client_asset", "hot", "BTC", "1", as_of=maker.start - 500 * DAY)
        maker.tick()
    return maker.records


@pytest.mark.parametrize("crash", range(34, 58, 4))
async def test_what_the_engine_refuses_is_a_dead_letter_once_by_its_place_whenever_the_worker_dies(
    lying: list[JournalRecord], crash: int
) -> None:
    """Fails where a letter is lost between the last snapshot and the crash, or is another when it is written again."""
    table = Table()
    first = Bench(table)
    await first.feed(lying[:crash])
    second = Bench(table.recovered())
    await second.worker.prepare()
    await second.feed(lying[first.acknowledged[-1] + 1 :])
    straight_on = Bench(Table())
    await straight_on.feed(lying)
    places = [letter.place for letter in straight_on.letters]
    assert len(places) == len(set(places)) == 12
    assert list(dict.fromkeys([*first.letters, *second.letters])) == straight_on.letters


async def test_nothing_is_acknowledged_before_its_dead_letters_are_written(lying: list[JournalRecord]) -> None:
    """Fails where the snapshot does not wait: the letter would be lost with the process."""
    bench = Bench(Table(), writes=False)
    await bench.feed(lying[:33])
    before = list(bench.acknowledged)
    going_on = asyncio.create_task(bench.feed(lying[33:]))
    for _ in range(100):
        await asyncio.sleep(0)
    assert (bench.letters != [], going_on.done(), bench.acknowledged) == (True, False, before)
    going_on.cancel()


async def test_what_is_published_already_is_compared_not_sent(journal: list[JournalRecord]) -> None:
    everything = straight(journal)
    newest = next(output.value for output in reversed(everything) if output.value)
    bench = Bench(Table())
    await bench.worker.prepare()
    bench.worker.take_over(Found({ENTITY: (newest["chain"]["sequence"], newest["digest"])}, {}))
    await bench.feed(journal)
    assert bench.published == []
    assert bench.told.stopped == []


async def test_another_chain_under_the_same_sequence_stops_the_partition(journal: list[JournalRecord]) -> None:
    bench = Bench(Table())
    await bench.worker.prepare()
    bench.worker.take_over(Found({ENTITY: (2, "sha256:forged")}, {}))
    await bench.feed(journal)
    assert bench.told.stopped == ["chain_fork"]
    assert bench.told.forks == 1
    assert bench.worker.stopped == "chain_fork"
    assert bench.acknowledged == []


async def test_what_another_engine_published_behind_the_snapshot_stops_the_partition_and_is_called_no_fork(
    journal: list[JournalRecord],
) -> None:
    everything = straight(journal)
    newest = next(output.value for output in reversed(everything) if output.value)
    found = Found({ENTITY: (newest["chain"]["sequence"], "sha256:of another")}, {}, frozenset({"0"}))
    bench = Bench(Table())
    await bench.worker.prepare()
    bench.worker.take_over(found)
    await bench.feed(journal)
    assert (bench.told.stopped, bench.told.forks) == (["other_engine"], 0)
    assert (bench.published, bench.acknowledged) == ([], [])


async def test_a_worker_that_lays_its_partition_down_keeps_all_it_published_and_takes_nothing_more(
    journal: list[JournalRecord],
) -> None:
    """What lets it fail: a stop leaves entries behind the snapshot, which an engine of another version computes otherwise."""
    table = Table()
    bench = Bench(table, SnapshotCadence(records=1_000, seconds=3600))
    await bench.worker.prepare()
    bench.worker.take_over(Found({}, {}))
    await bench.feed(journal[:-3])
    assert SnapshotStore(table, 0).newest() is None
    await bench.worker.lay_down()
    running = asyncio.create_task(bench.worker.run(lambda _: True))
    published = len(bench.published)
    await bench.worker.put(delivery_of(journal[-3:]))
    for _ in range(100):
        await asyncio.sleep(0)
    running.cancel()
    kept = SnapshotStore(table, 0).newest()
    assert kept is not None
    heads = {output.entity: output.value["chain"]["sequence"] for output in bench.published if output.value}
    assert (kept.manifest.position, kept.manifest.heads) == (journal[-4].offset, heads)
    assert (len(bench.published), bench.worker.engine.position) == (published, journal[-4].offset)


async def test_a_journal_that_is_no_copy_of_the_one_a_snapshot_was_made_from_stops_the_partition(
    journal: list[JournalRecord],
) -> None:
    table = Table()
    bench = Bench(table)
    await bench.worker.prepare()
    bench.worker.take_over(Found({}, {}))
    await bench.feed(journal)
    await bench.worker.lay_down()
    for shifted, stopped in ((0, None), (1, "chain_fork")):
        there = Bench(table)
        await there.worker.prepare()
        there.worker.take_over(Found({}, {}))
        await there.feed(replace(record, offset=record.offset + shifted) for record in journal)
        assert there.worker.stopped == stopped
        assert there.published == []


async def test_memory_behind_the_records_is_discarded_for_the_table(journal: list[JournalRecord]) -> None:
    table = Table()
    first = Bench(table)
    await first.feed(journal[:30])
    stale = Bench(table.recovered())
    await stale.feed(journal[:5])
    await stale.feed(journal[25:])
    assert stale.told.stopped == []
    assert stale.published[-1] == straight(journal)[-1]


async def test_records_that_were_not_delivered_are_asked_for_again(journal: list[JournalRecord]) -> None:
    bench = Bench(Table())
    await bench.feed(journal[:15])
    await bench.feed(journal[17:20])
    assert bench.rewound == [15]
    assert bench.worker.engine.position == 14
    await bench.feed(journal[15:])
    assert bench.published == straight(journal)
    assert bench.told.stopped == []


async def test_a_commit_ahead_of_every_snapshot_heals_from_the_log(journal: list[JournalRecord]) -> None:
    bench = Bench(Table())
    await bench.feed(journal[20:22])
    assert bench.rewound == [0]
    await bench.feed(journal)
    assert bench.published == straight(journal)


async def test_records_the_log_no_longer_has_are_a_hole(journal: list[JournalRecord]) -> None:
    bench = Bench(Table(), log_start=7)
    await bench.feed(journal[:5])
    await bench.feed(journal[7:])
    assert bench.told.stopped == ["journal_hole"]
    assert bench.worker.engine.position == 4
    assert bench.acknowledged == []


async def test_a_record_that_does_not_come_though_asked_for_is_a_hole(journal: list[JournalRecord]) -> None:
    bench = Bench(Table(), SnapshotCadence(records=10, seconds=3600, rewind_s=-1.0))
    await bench.feed(journal[:5])
    await bench.feed(journal[7:9])
    assert bench.told.stopped == ["journal_hole"]


async def test_a_record_that_is_shown_late_is_asked_for_again_and_again(journal: list[JournalRecord]) -> None:
    """The embedded broker may show what lies behind a record at the second time too."""
    bench = Bench(Table(), SnapshotCadence(records=10, seconds=3600, rewind_again_s=0.0))
    await bench.feed(journal[:5])
    await bench.feed([journal[6], journal[6], *journal[6:8]])
    assert bench.rewound == [5, 5, 5, 5]
    await bench.feed(journal[5:])
    assert bench.published == straight(journal)
    assert bench.told.stopped == []


async def test_a_record_of_a_newer_release_stops_the_partition(journal: list[JournalRecord]) -> None:
    bench = Bench(Table())
    await bench.feed(journal[:5])
    value = encode_statement(journal[5].statement).replace(b'"v":1', b'"v":2')
    await bench.worker.receive(SimpleNamespace(value=value, offset=5, timestamp=1000))
    assert bench.told.stopped == ["bad_record"]


async def test_a_failing_engine_stops_its_partition_alone(journal: list[JournalRecord]) -> None:
    bench = Bench(Table())
    await bench.feed(journal[:5])
    empty = replace(journal[3].statement, body={})
    assert empty.kind == "position"
    await bench.feed([replace(journal[5], statement=empty), *journal[6:]])
    assert bench.told.stopped == ["engine_error"]
    assert bench.worker.engine.position <= 5


def broken(journal: list[JournalRecord], offset: int) -> list[JournalRecord]:
    """The journal with a record that no engine can take, and the operation that steps over it behind the end."""
    assert journal[offset].statement.kind == "position"
    bad = replace(journal[offset], statement=replace(journal[offset].statement, body={}))
    last = journal[-1]
    place = {"topic": "reserve.journal", "epoch": 0, "partition": 0, "offset": offset}
    body = {"event_id": "o-1", "kind": "dismissal", "at": "2026-01-05T00:00:00Z", "by": ["r.okafor"], "reason": "left out"}
    where = Source(SourcePartition("reserve.operations", 0, 0), offset=0)
    act = Statement("operation", ENTITY, last.statement.at, {**body, "expires_at": None, "body": place}, where, last.statement.at)
    return [*journal[:offset], bad, *journal[offset + 1 :], replace(last, offset=last.offset + 1, statement=act)]


@pytest.mark.parametrize("offset", [4, 20])
async def test_a_record_no_engine_can_take_is_named_and_stepped_over_on_record(
    journal: list[JournalRecord], offset: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lets it fail: the partition dies at the same record at every restart, for ever."""
    offset = next(r.offset for r in journal[offset:] if r.statement.kind == "position")
    log = broken(journal, offset)
    table = Table()
    for _ in range(2):  # a worker, and the one that takes over
        bench = Bench(table)
        await bench.feed(log[:-1])
        first = bench.told.stopped
        assert first in (["engine_error"], [])
        if first:
            told = capsys.readouterr().out
            assert f"journal record 0/{offset} (position of {ENTITY}" in told
            assert f"dlq dismiss reserve.journal/0/0/{offset} --entity {ENTITY}" in told
        await bench.feed(log[-1:])
        await bench.feed(log)
        assert bench.worker.stopped is None
        assert bench.worker.engine.position == log[-1].offset
    assert bench.published


@pytest.mark.parametrize("offset", [4, 20])
async def test_after_the_next_assignment_an_engine_that_failed_goes_on_with_nothing_of_the_half(
    journal: list[JournalRecord], offset: int
) -> None:
    """What lets it fail: the half-applied engine stands behind the record it failed on, and goes on without it."""
    offset = next(r.offset for r in journal[offset:] if r.statement.kind == "position")
    log = broken(journal, offset)[:-1]
    bench = Bench(Table())
    await bench.feed(log)
    assert bench.worker.stopped == "engine_error"
    await bench.worker.prepare()
    assert bench.worker.engine.position < offset
    await bench.feed(log)
    assert bench.told.stopped == ["engine_error"] * 2
    await bench.worker.prepare()
    await bench.feed(journal)
    assert bench.worker.stopped is None
    assert bench.published[-1] == straight(journal)[-1]


async def test_an_operation_on_another_record_steps_over_nothing(journal: list[JournalRecord]) -> None:
    offset = next(r.offset for r in journal[4:] if r.statement.kind == "position")
    log = broken(journal, offset)
    other = {**log[-1].statement.body, "body": {**log[-1].statement.body["body"], "offset": offset + 1}}
    bench = Bench(Table())
    await bench.feed([*log[:-1], replace(log[-1], statement=replace(log[-1].statement, body=other))])
    assert bench.worker.stopped == "engine_error"


async def test_a_record_that_fails_leaves_of_its_delivery_what_was_taken_before_it() -> None:
    """Fails where a balance refused before it is not told, or what was taken is looked at again for who steps over it."""
    maker = Journal()
    maker.configure(configuration_text({ENTITY: house()}))
    maker.at(0.1).position("hot", "client_asset", "hot", "BTC", "450")
    maker.position("hot", "client_asset", "hot", "BTC", "3", as_of=maker.now - 500 * DAY)
    place = {"topic": "reserve.journal", "epoch": 0, "partition": 0, "offset": 5}
    maker.operation("dismissal", body=place)
    for _ in range(3):
        maker.position("cold", "client_asset", "cold", "BTC", "1")
    bad = replace(maker.records[5], statement=replace(maker.records[5].statement, body={}))
    bench = Bench(Table(), SnapshotCadence(records=100, seconds=3600))
    await run_with(bench, [*maker.records[:5], bad, *maker.records[6:]])
    assert (bench.worker.stopped, bench.worker.engine.position) == ("engine_error", 4)
    assert [letter.place for letter in bench.letters] == [1]


async def test_a_send_that_failed_keeps_everything_unacknowledged(journal: list[JournalRecord]) -> None:
    bench = Bench(Table(), refusing=True)
    with pytest.raises(ConnectionError):
        await bench.feed(journal)
    assert [type(writing.exception()) for writing in bench.snapshots] == [ConnectionError]
    assert bench.acknowledged == []


async def test_a_send_that_the_producer_gave_up_ends_the_worker_and_not_its_snapshots_alone(journal: list[JournalRecord]) -> None:
    """Fails where the snapshot counts as given up itself: nobody is told, and the partition takes no other."""
    bench = Bench(Table(), given_up=True)
    with pytest.raises(ConnectionProblem):
        await bench.feed(journal)
    assert [type(writing.exception()) for writing in bench.snapshots] == [ConnectionProblem]
    assert bench.acknowledged == []


async def test_a_snapshot_by_time_waits_for_a_record(journal: list[JournalRecord]) -> None:
    bench = Bench(Table(), SnapshotCadence(records=10_000, seconds=0))
    await bench.feed(journal[:3])
    assert bench.acknowledged == [0, 1, 2]


def test_outputs_carry_cloud_events_headers(journal: list[JournalRecord]) -> None:
    output = straight(journal)[0]
    assert output.value is not None
    value, headers = output_record(output)
    assert value is not None
    assert dict(headers) == {
        "ce_specversion": b"1.0",
        "ce_id": output.value["digest"].encode(),
        "ce_source": b"/reserve-monitor/jp-main",
        "ce_type": output.value["schema"].encode(),
        "ce_time": (output.value.get("at") or output.value["updated_at"]).encode(),
    }
    assert output_record(Output(output.topic, output.key, output.entity, None)) == (None, [])


async def test_a_roll_back_stops_at_a_newer_snapshot_and_reads_the_log_once_the_table_is_gone(
    journal: list[JournalRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table()
    with monkeypatch.context() as newer:
        newer.setattr("monitor.core.engine.STATE_VERSION", STATE_VERSION + 1)
        await Bench(table).feed(journal[:25])
    with pytest.raises(ConfigurationError, match="run the newer one"):
        await Bench(table).feed(journal[25:])
    old = Bench(Table())
    await old.feed(journal[25:26])
    assert old.rewound == [0]
    await old.feed(journal)
    assert old.published == straight(journal)


class Watched(Turns):
    """Turns that note at each whether it was urgent, and how much was `published` by then."""

    def __init__(self, published: Callable[[], Sequence[Output]]) -> None:
        super().__init__(0.0)
        self.taken: list[tuple[Sequence[Output], bool]] = []
        self._published = published

    async def take(self, place: int, urgent: Callable[[], bool]) -> None:
        self.taken.append((list(self._published()), urgent()))
        await super().take(place, urgent)


LATER = 1 << 62


class Asking(Turns):
    """Turns that ask at each until when all that came is `known`."""

    def __init__(self, known: Callable[[], int]) -> None:
        super().__init__(0.0)
        self.known: set[int] = set()
        self._known = known

    async def take(self, place: int, urgent: Callable[[], bool]) -> None:
        self.known.add(self._known())
        await super().take(place, urgent)


async def test_all_that_came_until_now_is_known_once_it_was_read_and_of_no_time_within_a_record(
    journal: list[JournalRecord],
) -> None:
    turns = Asking(lambda: bench.worker.known(LATER))
    bench = Bench(Table(), SnapshotCadence(records=1000), slice_s=0.0, turns=turns)
    assert bench.worker.known(LATER) == bench.worker.engine.clock == 0
    running = asyncio.create_task(bench.worker.run(lambda _: True))
    await bench.worker.put(delivery_of(journal))
    assert bench.worker.known(LATER) == 0
    for _ in range(1_000):
        await asyncio.sleep(0)
    assert bench.worker.known(LATER) == LATER
    assert turns.known == {0}
    await bench.worker.put(delivery_of(journal))
    assert bench.worker.known(LATER) == bench.worker.engine.clock > 0
    running.cancel()


async def test_an_alert_found_is_published_before_others_go_on_with_what_takes_long(journal: list[JournalRecord]) -> None:
    turns = Watched(lambda: bench.published)
    bench = Bench(Table(), SnapshotCadence(records=1000), slice_s=0.0, turns=turns)
    place = next(n for n, record in enumerate(journal) if n > 20 and record.statement.kind == "tick")
    await bench.feed(journal[:place])
    before = len(bench.published)
    await bench.feed([journal[place]])
    alerts = [n for n, output in enumerate(bench.published) if n >= before and output.topic == ALERTS]
    assert alerts
    within = [urgent for published, urgent in turns.taken if before < len(published) <= alerts[-1]]
    assert within
    assert all(within)


async def test_others_go_on_within_a_record_and_what_stands_is_sent_after_what_it_says(journal: list[JournalRecord]) -> None:
    bench = Bench(Table(), SnapshotCadence(records=1000), slice_s=0.0)
    place = next(n for n, record in enumerate(journal) if n > 20 and record.statement.kind == "tick")
    await bench.feed(journal[:place])
    before, standing = list(bench.published), bench.worker.engine.standing_alerts()
    assert standing
    taking = asyncio.ensure_future(bench.feed([journal[place]]))
    while bench.worker.engine.position < journal[place].offset:
        await asyncio.wait({taking}, timeout=0)
    await bench.worker.send_standing()
    assert bench.published == before
    await taking
    assert bench.published == [*straight(journal[: place + 1]), *bench.worker.engine.standing_alerts()]
