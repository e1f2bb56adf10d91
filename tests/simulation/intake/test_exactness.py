"""Every trade counts once, whatever happens to workers, sends, commits and the log; and each rule is needed for it.

The product's readers, barrier, beginnings and the engine's acceptance run in generated schedules against an oracle that reads
the log once. Then one rule at a time is broken, here and only here, and some schedule must fail.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from monitor.core.book.trades.flow import Flow, OpenSegment
from monitor.core.journal.records import Source, SourcePartition, Statement
from streams.intake import partition as work_module
from streams.intake.beginning import Beginning, Committed, Log, decide
from streams.intake.partition import Outlets, PartitionWork
from streams.intake.segment.batches import Batch, Flush
from streams.intake.segment.content import Findings
from streams.intake.segment.events import events_of_feed, events_of_records
from streams.intake.segment.segments import SegmentReader
from streams.intake.segment.trades.counted import CountedTrades
from streams.intake.segment.trades.lookback import LookBack
from streams.wire import lean_trades
from tests.simulation.intake.schedules import every, first_failure
from tests.simulation.intake.world import FEED

SCHEDULES = 25
ENOUGH = 400
"""Schedules within which a broken rule must show itself."""


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"newer_rules": True},
        {"retention": True},
        {"retention": True, "newer_rules": True},
        {"made_anew": "raised"},
        {"made_anew": "silently"},
    ],
    ids=["faults", "newer rules", "retention", "retention and rules", "made anew", "made anew silently"],
)
def test_totals_are_the_oracles_or_a_loss_is_reported(how: dict[str, Any]) -> None:
    every(range(SCHEDULES), **how)


@pytest.mark.parametrize(
    "how",
    [{}, {"newer_rules": True}, {"retention": True, "newer_rules": True}, {"made_anew": "raised"}],
    ids=["faults", "newer rules", "retention and rules", "made anew"],
)
def test_a_feed_of_frames_counts_every_trade_once_too(how: dict[str, Any]) -> None:
    """Records of several trades, some left out, some refused, and a mapping that changes under way."""
    every(range(SCHEDULES), topic=FEED, **how)


# --- the barrier


class ProgressAtOnce(PartitionWork):
    """Sends progress without waiting for what it speaks of."""

    async def _carry_out(self, flush: Flush) -> None:
        waiting, self._unacknowledged = self._unacknowledged, []
        for partition, statement in (*flush.contents, *flush.progress):
            waiting.append(await self._out.journal.send(partition, statement))
        progress = waiting[len(waiting) - len(flush.progress) :]
        await work_module._acknowledged(progress)
        if flush.final:
            await self._out.commit(flush.upto, self._metadata)


class OnePartitionIsEnough(PartitionWork):
    """Commits when one journal partition has acknowledged the final progress."""

    async def _carry_out(self, flush: Flush) -> None:
        waiting, self._unacknowledged = self._unacknowledged, []
        for partition, statement in flush.contents:
            waiting.append(await self._out.journal.send(partition, statement))
        await work_module._acknowledged(waiting)
        sent = [await self._out.journal.send(partition, statement) for partition, statement in flush.progress]
        await work_module._acknowledged(sent[:1])
        if flush.final:
            await self._out.commit(flush.upto, self._metadata)


class CommitInTheBackground(PartitionWork):
    """Goes on with the next segment while the commit is on its way."""

    async def _carry_out(self, flush: Flush) -> None:
        await super()._carry_out(replace(flush, final=False))
        if flush.final:
            asyncio.ensure_future(self._out.commit(flush.upto, self._metadata)).add_done_callback(work_module._noted)


class RefusedCommitsDoNotMatter(PartitionWork):
    """Goes on after a commit that was refused or is of unknown outcome."""

    def __init__(self, reader: Any, beginning: Beginning, outlets: Outlets) -> None:
        async def commit(offset: int, metadata: str) -> None:
            with suppress(Exception):
                await outlets.commit(offset, metadata)

        super().__init__(reader, beginning, replace(outlets, commit=commit))


class LostSendsDoNotMatter(PartitionWork):
    """Takes a send that failed for one that was acknowledged."""

    def __init__(self, reader: Any, beginning: Beginning, outlets: Outlets) -> None:
        super().__init__(reader, beginning, replace(outlets, journal=_Forgiving(outlets.journal)))


class _Forgiving:
    def __init__(self, journal: Any) -> None:
        self._journal = journal

    async def send(self, partition: int, statement: Statement) -> asyncio.Future[Any]:
        async def forgiven() -> None:
            with suppress(Exception):
                await sent

        sent = await self._journal.send(partition, statement)
        return asyncio.ensure_future(forgiven())


# --- segments and look-back


class EndsWhereTheReaderStands(SegmentReader):
    """Ends a segment at the consumer's position, which jumps over what nobody sees."""

    def reach(self, position: int) -> None:
        self.segment.limit = max(self.segment.limit, position)
        super().reach(position)


class RemembersNothing(CountedTrades):
    """Reads no look-back at an assignment."""

    def remember(self, batch: Batch, start: int) -> None:
        pass


class ForgetsByHour(CountedTrades):
    """Forgets for good what the hours of one segment do not reach."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        rules = self.findings.rules
        self.lookback = _HourLookBack(rules.lookback_blocks, rules.lookback_h)
        self._taken = self._acceptance(self.findings.counts)


class _HourLookBack(LookBack):
    def open(self, block: int, hour: int) -> None:
        super().open(block, hour)
        for place in range(self._first, len(self._block_of)):
            if not self.eligible[place]:
                self._hour_of[place] = -(1 << 40)


class TakesUnseenForSeen(SegmentReader):
    """Takes a number below the highest of its page for a repeat: fast, and wrong when a retry put records out of order."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._highest: dict[Any, str] = {}

    def feed(self, batch: Batch, begin: int, now: int) -> int:
        kept = [index for index in range(begin, len(batch)) if not self._below(batch.values[index])]
        thinned = Batch([batch.offsets[i] for i in kept], [batch.times_ms[i] for i in kept], [batch.values[i] for i in kept])
        taken = super().feed(thinned, 0, now)
        return len(batch) if taken >= len(kept) else kept[taken]

    def _below(self, value: bytes | None) -> bool:
        try:
            raw = json.loads(value or b"")
            key = (raw["entity"], raw["market"], len(raw["trade_id"]))
        except (ValueError, KeyError, TypeError):
            return False
        below: bool = raw["trade_id"] < self._highest.get(key, "")
        self._highest[key] = max(self._highest.get(key, ""), raw["trade_id"])
        return below


class SaysNothingOfHiddenLookBack(CountedTrades):
    """Does not say that the log's start may hide repeats."""

    def hidden(self, log_start: int, first_ms: int) -> None:
        pass


def made_of(
    reader: type[SegmentReader] = SegmentReader, content: type[CountedTrades] = CountedTrades
) -> Callable[..., SegmentReader]:
    """Makes readers of which one part is another."""

    def make(where: SourcePartition, rules: Any, log: str, start: int) -> SegmentReader:
        judge, plan = rules.judge(where.topic), rules.plan(where.topic)
        lean = lean_trades(rules.sources[where.topic])
        sighted = events_of_records(judge, lean) if plan is None else events_of_feed(plan, judge, where)
        return reader(rules, log, start, [content(Findings(where, rules), sighted, log)])

    return make


# --- beginnings


def begins_where_it_stood(committed: Committed | None, log: Log, epoch: int, rules: Any, new_id: str) -> Beginning:
    """Goes on at the log's end, as one does who held the partition before and remembers where it stood."""
    beginning = decide(committed, log, epoch, rules, new_id)
    return replace(beginning, start=max(beginning.start, log.end - 3)) if committed else beginning


def old_rules_are_welcome(committed: Committed | None, log: Log, epoch: int, rules: Any, new_id: str) -> Beginning:
    """Does not look at the rules of the commit."""
    if committed is not None:
        raw = json.loads(committed.metadata)
        raw["rules"]["number"] = 0
        committed = Committed(committed.offset, json.dumps(raw))
    return replace(decide(committed, log, epoch, rules, new_id))


def new_rules_are_not_committed(committed: Committed | None, log: Log, epoch: int, rules: Any, new_id: str) -> Beginning:
    """Begins with new rules without putting them on record."""
    beginning = decide(committed, log, epoch, rules, new_id)
    return beginning if committed is None else replace(beginning, commit=False)


def logs_have_no_names(committed: Committed | None, log: Log, epoch: int, rules: Any, new_id: str) -> Beginning:
    """Calls every log the same."""
    beginning = decide(committed, log, epoch, rules, new_id)
    return replace(beginning, metadata=replace(beginning.metadata, log="same"))


# --- the engine's side


class LastComeWins(Flow):
    """Takes the cell that came last, not the one that reads furthest."""

    def flow(self, statement: Statement, register: Any) -> None:
        for segment in self._segments.values():
            for (entity, _), cells in segment.cells.items():
                for key in cells if entity == statement.entity else ():
                    cells[key] = cells[key]._replace(upto=-1)
        super().flow(statement, register)


class OldRulesStay(Flow):
    """Keeps what lower rules said of a segment that higher rules read anew."""

    def _drop(self, where: SourcePartition, segment: OpenSegment) -> None:
        self._fold(where, segment)


class OldSegmentsCount(Flow):
    """Takes what is said of a segment that was closed already."""

    def _accept(self, statement: Statement, source: Source) -> OpenSegment | None:
        segment = self._segments.get(source.where)
        if segment is not None and source.start is not None and source.start < segment.start:
            self._segments.pop(source.where)
        return super()._accept(statement, source)


BROKEN: dict[str, dict[str, Any]] = {
    "progress waits for flow": {"make_work": ProgressAtOnce},
    "final progress everywhere": {"make_work": OnePartitionIsEnough},
    "commit before the next segment": {"make_work": CommitInTheBackground},
    "a refused commit stops": {"make_work": RefusedCommitsDoNotMatter},
    "a lost send stops": {"make_work": LostSendsDoNotMatter},
    "ends are the log's": {"make_reader": made_of(reader=EndsWhereTheReaderStands)},
    "look-back is read again": {"make_reader": made_of(content=RemembersNothing)},
    "look-back of frames is read again": {"make_reader": made_of(content=RemembersNothing), "topic": FEED},
    "hours are tested anew": {"make_reader": made_of(content=ForgetsByHour)},
    "ids in any order": {"make_reader": made_of(reader=TakesUnseenForSeen)},
    "hidden look-back is told": {"make_reader": made_of(content=SaysNothingOfHiddenLookBack), "retention": True},
    "begin at the commit": {"decide": begins_where_it_stood},
    "older rules stand back": {"decide": old_rules_are_welcome, "newer_rules": True},
    "newer rules are committed": {"decide": new_rules_are_not_committed, "newer_rules": True},
    "logs have names": {"decide": logs_have_no_names, "made_anew": "silently"},
    "the furthest read wins": {"flow": LastComeWins},
    "newer rules replace": {"flow": OldRulesStay, "newer_rules": True},
    "older segments are past": {"flow": OldSegmentsCount},
}


BEGIN_AT = {"hidden look-back is told": 80, "hours are tested anew": 190, "the furthest read wins": 140}
"""Where the search begins, so that it is short: schedules that need several rare things at once."""


@pytest.mark.parametrize("rule", sorted(BROKEN))
def test_without_any_one_rule_some_schedule_fails(rule: str) -> None:
    begin = BEGIN_AT.get(rule, 0)
    failed = first_failure(range(begin, begin + ENOUGH), **BROKEN[rule])
    assert failed is not None, f"{ENOUGH} schedules pass without the rule: {rule}"
