"""A partition's work: the order in which things become known, its bounds, and where it begins."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from monitor.core.journal.records import Rules, SourcePartition, Statement
from streams.intake.beginning import Beginning, Committed, Log, Metadata, PartitionRefused, decide, decide_without_metadata
from streams.intake.observer import SegmentCounts
from streams.intake.partition import MOST_HELD_BYTES, Outlets, PartitionWork
from streams.intake.process import Gathered
from streams.intake.processes import _Child
from streams.intake.segment.readers import reader_of
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.trades.counted import CountedTrades
from streams.wire.rejected import DeadLetter
from tests.intake_logs import START_MS, Logged, batch_of, intake_rules, trade_value

RULES = Rules(3, "sha256:3")


@dataclass
class Outside:
    """Journal, dead letters and commits that answer when told to; `said` is what happened in order."""

    said: list[str] = field(default_factory=list)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    async def send(self, *what: Any) -> asyncio.Future[None]:
        if isinstance(what[0], DeadLetter):
            self.said.append(f"dead letter {what[0].offset}")
        else:
            partition, statement = what
            self.said.append(f"{statement.kind}/{partition}{_range(statement)}")
        return self._future()

    async def commit(self, offset: int, metadata: str) -> None:
        self.said.append(f"commit {offset}")
        await self._future()

    def _future(self) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        return future

    async def acknowledge(self) -> None:
        """Everything handed over so far is acknowledged."""
        waiting, self.waiting = self.waiting, []
        for future in waiting:
            future.set_result(None)
        await settle()

    def counted(self, topic: str, outcome: str, count: int) -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + count

    def keys_unsafe(self, topic: str, count: int) -> None:
        """Records with a key that may part a trade id's records."""

    def dead_letter(self, topic: str, reason: str) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1

    def lag(self, topic: str, partition: int, records: int | None) -> None:
        pass


def _range(statement: Statement) -> str:
    source = statement.source
    if source is None or source.upto is None:
        return ""
    return f" {source.start}-{source.upto}" + (" final" if statement.body.get("final") else "")


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def working(
    outside: Outside,
    beginning: Beginning | None = None,
    topic: str = "market.trades",
    told: SegmentCounts | None = None,
    **sizes: Any,
) -> PartitionWork:
    rules: IntakeRules = intake_rules(3, partitions=2, **sizes)
    begin = beginning or Beginning(0, Metadata(0, "log", 0, RULES), 0, commit=False)
    reader = reader_of(SourcePartition(topic, 0, 0), rules, "log", begin.start)
    for content in reader.contents:
        if isinstance(content, CountedTrades):
            content.many_lanes = -1  # so that records wait
    clock = lambda: START_MS * 1_000_000  # noqa: E731
    return PartitionWork(reader, begin, Outlets(outside, outside, outside.commit, outside, clock, told or SegmentCounts()))


def trades(first: int, last: int) -> list[Logged]:
    return [Logged(offset, START_MS, trade_value(5000 + offset)) for offset in range(first, last)]


async def test_flow_then_progress_everywhere_then_the_commit_then_the_next_segment() -> None:
    outside = Outside()
    work = working(outside, segment_records=3)
    work.offer(batch_of(trades(0, 7)))
    work.reached(7)
    await work.advance()
    await settle()
    assert outside.said == ["flow/0 0-3"]
    await outside.acknowledge()
    assert outside.said[1:] == ["progress/0 0-3 final", "progress/1 0-3 final"]
    first, second = outside.waiting
    outside.waiting = []
    first.set_result(None)
    await settle()
    assert len(outside.said) == 3, "one partition's acknowledgement is not enough"
    second.set_result(None)
    await settle()
    await work.advance()
    assert outside.said[3:] == ["commit 3"], "nothing of the next segment before the commit"
    await outside.acknowledge()
    await work.advance()
    await settle()
    assert outside.said[4:] == ["flow/0 3-6"]


async def test_what_is_read_again_since_partitions_were_shared_anew_is_counted_once() -> None:
    outside, told = Outside(), SegmentCounts()
    for reached in (5, 7):  # the second begins at the same commit and comes further
        work = working(outside, told=told, segment_records=10)
        work.offer(batch_of(trades(0, reached)))
        work.reached(reached)
        await work.advance()
        work.abandon()
    assert outside.counts == {"applied": 7}


def test_what_two_processes_read_of_one_segment_is_counted_once() -> None:
    """What lets it fail: a partition goes to the process that joined last, and its open segment is counted a second time."""
    outside, told, where = Outside(), SegmentCounts(), SourcePartition("market.trades", 0, 3)
    first, second = (_Child(number, "", outside, told) for number in (1, 2))
    for child, start, applied in (
        (first, 0, 10),
        (first, 10, 4),
        (second, 10, 3),
        (second, 10, 6),
        (first, 10, 5),
        (second, 16, 2),
    ):
        gathered = Gathered()
        gathered.news(where, start, {"applied": applied, "duplicate": 0})
        child._heard(json.loads(json.dumps(gathered.take())))
    assert outside.counts == {"applied": 18}


async def test_reading_ahead_is_bounded_by_one_segment() -> None:
    outside = Outside()
    work = working(outside, segment_records=3)
    work.offer(batch_of(trades(0, 20)))
    work.reached(20)
    await work.advance()
    await settle()
    assert work.position == 6
    assert not work.wants
    with pytest.raises(RuntimeError, match="another waits"):
        work.offer(batch_of(trades(20, 21)))


async def test_records_wait_for_those_behind_them_until_they_are_a_whole_run() -> None:
    outside = Outside()
    work = working(outside, segment_records=100, block_records=5)
    taken = []
    for first, last in ((0, 3), (3, 6), (6, 8), (8, 9)):
        assert work.wants
        work.offer(batch_of(trades(first, last)))
        work.reached(last, more=last < 9)
        await work.advance()
        taken.append(work.position)
    assert taken == [0, 6, 6, 9], "of the block of five, then as it is read: behind the last there is nothing to wait for"
    assert outside.counts == {"applied": 9}
    work.flush()
    await settle()
    assert outside.said == ["flow/0 0-9"]


async def test_what_waits_is_taken_in_for_a_flush_and_no_further_than_its_segment() -> None:
    outside = Outside()
    work = working(outside, segment_records=5, block_records=5)
    work.offer(batch_of(trades(0, 4)))
    work.reached(4, more=True)
    await work.advance()
    assert work.position == 0
    assert not work.has_read_to(4)
    work.reached(4)
    await work.advance()
    assert work.position == 4
    work.offer(batch_of(trades(4, 9)))
    work.reached(9, more=True)
    await work.advance()
    await settle()
    assert (work.position, outside.said) == (5, ["flow/0 0-5"]), "the next segment's wait for its end"
    assert work.wants


async def test_records_of_few_markets_do_not_wait() -> None:
    work = working(Outside(), segment_records=1000, block_records=1000)
    content = work.reader.contents[0]
    assert isinstance(content, CountedTrades)
    content.many_lanes = 2
    positions = []
    for number, market in enumerate(("BTC", "BTC", "ETH", "ETH", "XRP", "XRP", "BTC")):
        work.offer(batch_of([Logged(number, START_MS, trade_value(number, market=f"{market}/JPY"))]))
        work.reached(number + 1, more=True)
        await work.advance()
        positions.append(work.position)
    assert positions == [1, 2, 3, 4, 5, 6, 6], "the last waits, as there are three"


async def test_large_records_do_not_wait() -> None:
    work = working(Outside(), segment_records=100, block_records=100)
    large = [Logged(offset, START_MS, b" " * MOST_HELD_BYTES) for offset in range(2)]
    for number, one in enumerate(large):
        work.offer(batch_of([one]))
        work.reached(number + 1, more=True)
        assert work.holds is (number == 0)
        await work.advance()
    assert work.position == 2


async def test_what_is_stated_at_once_waits_for_nothing() -> None:
    outside = Outside()
    work = working(outside, topic="market.prices")
    work.offer(batch_of([Logged(0, START_MS, b"junk")]))
    work.reached(1, more=True)
    await work.advance()
    assert outside.said[0] == "dead letter 0"
    assert work.due(10**6)


async def test_a_flush_is_left_out_once_where_the_log_holds_the_segments_end() -> None:
    work = working(Outside(), segment_records=5)
    assert work.due(4), "who wants to know waits for a segment that may never end"
    assert [work.due(5) for _ in range(4)] == [False, True, False, True]
    work.offer(batch_of(trades(0, 5)))
    assert not work.due(50)
    await work.advance()
    assert not work.due(50), "a flush was begun since"
    assert work.due(50)


async def test_a_failed_send_stops_the_partition_before_its_progress() -> None:
    outside = Outside()
    work = working(outside)
    work.offer(batch_of(trades(0, 2)))
    await work.advance()
    work.flush()
    await settle()
    outside.waiting.pop().set_exception(ConnectionError("no leader"))
    await settle()
    assert isinstance(work.failure, ConnectionError)
    assert outside.said == ["flow/0 0-2"]
    work.flush()
    await work.advance()
    assert outside.said == ["flow/0 0-2"]
    assert not work.wants


async def test_dead_letters_are_acknowledged_before_progress() -> None:
    outside = Outside()
    work = working(outside)
    work.offer(batch_of([Logged(0, START_MS, b"junk")]))
    await work.advance()
    letter = outside.waiting.pop()
    work.flush()
    await settle()
    assert outside.said == ["dead letter 0"]
    letter.set_result(None)
    await settle()
    assert outside.said[1:] == ["progress/0 0-1", "progress/1 0-1"]
    assert outside.counts == {"dead_letter": 1, "bad_json": 1}


async def test_a_balance_is_handed_over_at_once() -> None:
    outside = Outside()
    work = working(outside, topic="custody.balances")
    value = (
        b'{"event_id":"b","entity":"a","account":"w","role":"client_asset","storage":"hot","asset":"BTC",'
        b'"quantity":"1","as_of":"2026-01-05T00:00:00Z"}'
    )
    work.offer(batch_of([Logged(0, START_MS, value), Logged(1, START_MS, value.replace(b'"1"', b'"-1"'))]))
    await work.advance()
    assert outside.said == ["dead letter 1", "position/0", "rejected/0"]


async def test_at_most_one_flush_is_under_way() -> None:
    outside = Outside()
    work = working(outside)
    work.offer(batch_of(trades(0, 2)))
    await work.advance()
    work.flush()
    await settle()
    work.offer(batch_of(trades(2, 4)))
    await work.advance()
    work.flush()
    await settle()
    assert outside.said == ["flow/0 0-2"]
    for _ in range(2):
        await outside.acknowledge()
    work.flush()
    await settle()
    assert outside.said[-1] == "flow/0 0-4", "what a segment says is cumulative"


async def test_an_abandoned_partition_says_nothing_more() -> None:
    outside = Outside()
    work = working(outside)
    work.offer(batch_of(trades(0, 2)))
    await work.advance()
    work.flush()
    await settle()
    work.abandon()
    await outside.acknowledge()
    await work.advance()
    assert outside.said == ["flow/0 0-2"]


async def test_the_start_is_committed_before_anything_is_sent() -> None:
    outside = Outside()
    work = working(outside, Beginning(5, Metadata(0, "log", 5, RULES), 5, commit=True))
    task = asyncio.create_task(work.begin())
    await settle()
    assert outside.said == ["commit 5"]
    await outside.acknowledge()
    await task
    assert outside.said == ["commit 5"]


async def test_where_retention_passed_the_commit_the_journal_is_told_of_both() -> None:
    outside = Outside()
    work = working(outside, Beginning(50, Metadata(0, "log", 0, RULES), 50, commit=True, lost_from=20))
    task = asyncio.create_task(work.begin())
    for _ in range(5):
        await settle()
        await outside.acknowledge()
    await task
    progress = ["progress/0 20-20", "progress/1 20-20"], ["progress/0 50-50", "progress/1 50-50"]
    assert outside.said == ["commit 20", *progress[0], "commit 50", *progress[1]]


# --- where to begin

LOG = Log(100, 200)


def committed(offset: int, *, number: int = 3, digest: str = "sha256:3", epoch: int = 0, first: int = 7) -> Committed:
    return Committed(offset, Metadata(epoch, "log-1", first, Rules(number, digest)).text())


def test_without_a_commit_it_begins_at_the_logs_first_offset_and_names_the_log() -> None:
    assert decide(None, LOG, 0, RULES, "new") == Beginning(100, Metadata(0, "new", 100, RULES, ((3, 100),)), 100, commit=True)


def test_it_begins_at_the_commit() -> None:
    found = decide(committed(150), LOG, 0, RULES, "new")
    assert found == Beginning(150, Metadata(0, "log-1", 7, RULES), 100, commit=False)
    assert found.cut


def test_newer_rules_commit_the_same_offset_first() -> None:
    found = decide(committed(150, number=2, digest="sha256:2"), LOG, 0, RULES, "new")
    assert (found.start, found.commit, found.metadata.rules) == (150, True, RULES)
    assert found.metadata.changes == ((3, 150),), "what lies below was read under others"


def test_what_was_read_under_which_rules_goes_on_in_the_commits() -> None:
    """The newest changes alone: a broker takes 4,096 bytes."""
    commit: Committed | None = None
    for number in range(1, 41):
        found = decide(commit, Log(0, 10**12), 0, Rules(number, f"sha256:{'9' * 64}"), "new")
        commit = Committed(10**9 * number, found.metadata.text())
        again = decide(commit, Log(0, 10**12), 0, Rules(number, f"sha256:{'9' * 64}"), "new")
        assert (again.commit, again.metadata) == (False, found.metadata)
    assert found.metadata.changes == tuple((number, 10**9 * (number - 1)) for number in range(21, 41))
    assert len(found.metadata.text()) < 1024


def test_retention_passed_the_commit() -> None:
    found = decide(committed(50), LOG, 0, RULES, "new")
    assert (found.start, found.commit, found.lost_from) == (100, True, 50)


@pytest.mark.parametrize(
    ("commit", "epoch", "fatal", "words"),
    [
        (committed(150, number=4), 0, True, "lower than 4"),
        (committed(150, digest="sha256:x"), 0, True, "same revision"),
        (committed(150, epoch=2), 1, True, "epoch 2"),
        (committed(201), 0, False, "made anew"),
        (Committed(150, ""), 0, False, "not made by intake"),
        (Committed(150, '{"epoch": 0}'), 0, False, "not made by intake"),
    ],
)
def test_what_this_worker_must_not_read(commit: Committed, epoch: int, fatal: bool, words: str) -> None:
    with pytest.raises(PartitionRefused, match=words) as refused:
        decide(commit, LOG, epoch, RULES, "new")
    assert refused.value.fatal is fatal


def test_a_raised_epoch_begins_anew_where_the_log_is_another() -> None:
    anew = Metadata(1, "new", 100, RULES, ((3, 100),))
    assert decide(committed(201), LOG, 1, RULES, "new") == Beginning(100, anew, 100, commit=True)
    kept = decide(committed(150), LOG, 1, RULES, "new")
    assert (kept.start, kept.metadata.log, kept.metadata.epoch, kept.commit) == (150, "log-1", 1, True)


def test_a_broker_that_drops_metadata() -> None:
    assert decide_without_metadata(None, LOG, 0, RULES).start == 100
    assert decide_without_metadata(150, LOG, 0, RULES).commit is False
    assert decide_without_metadata(50, LOG, 0, RULES).lost_from == 50


def test_metadata_survives_the_commit() -> None:
    metadata = Metadata(2, "ab", 5, RULES)
    assert Metadata.parse(metadata.text()) == metadata
    assert len(metadata.text()) < 4096, "brokers refuse longer commit metadata"
