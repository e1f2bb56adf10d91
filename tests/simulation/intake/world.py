"""A world for intake: one source partition, a consumer group's commits, a journal whose sends are late, lost or doubled.

Around the product's own code: `decide`, `PartitionWork`, the readers, and the engine's `Flow`. Nothing of their rules is
repeated here; only what brokers, networks and processes do to them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from random import Random
from typing import Any

from monitor.core.book.sources.sources import Sources
from monitor.core.book.trades.flow import Flow
from monitor.core.book.trades.trades import TradeRegister
from monitor.core.journal.records import SourcePartition, Statement, decode_record, encode_statement
from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.calendar import UTC_ZONE
from monitor.core.values.times import DAY
from streams.intake.beginning import Beginning, Committed, Log, Metadata, PartitionRefused, decide
from streams.intake.partition import Outlets, PartitionWork
from streams.intake.segment.readers import reader_of
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.segments import SegmentReader
from streams.intake.segment.trades.counted import CountedTrades
from streams.wire import MODELS, Judge, Known, SourceFormat
from streams.wire.feeds import FeedFormat, FeedPlan
from tests.intake_logs import START_MS, Cut, Logged, batch_of, cut_of, intake_rules, trade_value

PARTITIONS = 3
FEED = f"{TRADES}/venue"
Cells = dict[tuple[Any, ...], tuple[int, Fraction, Fraction]]


class Refused(Exception):
    """The broker refused, or did not answer."""


@dataclass
class Send:
    """A statement on its way."""

    partition: int
    data: bytes
    future: asyncio.Future[None]


@dataclass
class Commit:
    """A commit on its way, with the generation its sender believes in."""

    offset: int
    metadata: str
    generation: int
    future: asyncio.Future[None]
    lost: bool = False


@dataclass
class Closed:
    """A range that commits closed, and under which rules; `lost`: retention passed it."""

    start: int
    end: int
    rules: int
    lost: bool = False


class Quiet:
    """Observes nothing."""

    def counted(self, topic: str, outcome: str, count: int) -> None:
        pass

    def keys_unsafe(self, topic: str, count: int) -> None:
        """Records with a key that may part a trade id's records."""

    def dead_letter(self, topic: str, reason: str) -> None:
        pass

    def lag(self, topic: str, partition: int, records: int | None) -> None:
        pass


@dataclass
class Worker:
    """A process of intake. It holds the partition as long as it believes so."""

    world: World
    rules: IntakeRules
    generation: int = -1
    work: PartitionWork | None = None
    beginning: asyncio.Task[None] | None = None
    cursor: int = 0
    refused: bool = False

    @property
    def reading(self) -> bool:
        begun = self.beginning
        if self.work is None or begun is None or not begun.done() or begun.cancelled():
            return False
        return begun.exception() is None and self.work.failure is None

    @property
    def failed(self) -> bool:
        begun = self.beginning
        if begun is not None and begun.done() and not begun.cancelled() and begun.exception() is not None:
            return True
        return self.work is not None and self.work.failure is not None

    def begin(self) -> None:
        """As the stage does at an assignment: forget everything, decide by what is committed."""
        world = self.world
        self.forget()
        try:
            beginning = world.decide(
                world.committed, Log(world.log_start, world.log_end), world.epoch, self.rules.rules, world.new_id()
            )
        except PartitionRefused:
            self.refused = True
            return
        where = SourcePartition(world.topic, world.epoch, 0)
        reader = world.make_reader(where, self.rules, beginning.metadata.log, beginning.start)
        for content in reader.contents:
            if isinstance(content, CountedTrades) and world.waits is not None:
                content.many_lanes = world.waits.choice([-1, 2, 1000])
        outlets = Outlets(world, world, self.commit(beginning), Quiet(), world.clock)
        self.work = world.make_work(reader, beginning, outlets)
        self.cursor = self.work.read_from
        self.beginning = asyncio.ensure_future(self.work.begin())

    def commit(self, beginning: Beginning) -> Callable[[int, str], Any]:
        world = self.world

        async def commit(offset: int, metadata: str) -> None:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            lost = beginning.lost_from is not None and offset == beginning.start
            world.commits.append(Commit(offset, metadata, self.generation, future, lost))
            await future

        return commit

    async def step(self, most: int) -> None:
        """Read up to `most` records, with the jump over what nobody sees."""
        work, world = self.work, self.world
        if work is None or not self.reading:
            return
        if self.cursor < world.log_start:
            work.failure = Refused("out of range")
            return
        if work.wants:
            records = [r for r in world.log if r.offset >= self.cursor][:most]
            if records:
                self.cursor = world.next_after(records[-1].offset)
                work.offer(batch_of(records))
            elif world.log_end > self.cursor:
                self.cursor = world.log_end
        more = world.waits is not None and world.log_end > self.cursor and world.waits.random() < 0.5
        work.reached(self.cursor, more=more)
        await work.advance()

    def flush(self) -> None:
        if self.work is not None and self.reading and self.work.due(self.world.log_end):
            self.work.flush()

    def forget(self) -> None:
        if self.work is not None:
            self.work.abandon()
        if self.beginning is not None:
            self.beginning.cancel()
        self.work, self.beginning, self.refused = None, None, False


@dataclass
class World:
    """Everything outside of the workers. `make_reader`, `make_work`, `decide` are the product's unless a test breaks a rule."""

    random: Random
    rules: list[IntakeRules]
    make_reader: Callable[..., SegmentReader] = reader_of
    make_work: Callable[..., PartitionWork] = PartitionWork
    decide: Callable[..., Beginning] = decide
    topic: str = TRADES
    """`FEED`: records are frames of several trades, some of which the feed leaves out or refuses."""
    epoch: int = 0
    log: list[Logged] = field(default_factory=list)
    history: list[Logged] = field(default_factory=list)
    """Events, as the oracle counts them."""
    log_start: int = 0
    log_end: int = 0
    time_ms: int = START_MS
    committed: Committed | None = None
    generation: int = 0
    journal: list[list[bytes]] = field(default_factory=lambda: [[] for _ in range(PARTITIONS)])
    sends: list[Send] = field(default_factory=list)
    laggards: list[Send] = field(default_factory=list)
    lagging: bool = True
    commits: list[Commit] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    first: int | None = None
    now: int = START_MS * 1_000_000
    ids: int = 0
    waits: Random | None = None
    """Decides when records wait for those behind them; without it none does."""

    # --- what workers see

    async def send(self, *what: Any) -> asyncio.Future[None]:
        """The journal's, and the dead letters' (which need no more here than to be acknowledged)."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if len(what) == 2:
            partition, statement = what
            slow = self.lagging and self.random.random() < 0.08
            (self.laggards if slow else self.sends).append(Send(partition, encode_statement(statement), future))
        else:
            future.set_result(None)
        return future

    def clock(self) -> int:
        self.now += 1_000_000
        return self.now

    def new_id(self) -> str:
        self.ids += 1
        return f"log-{self.ids}"

    def next_after(self, offset: int) -> int:
        """The position after a record: the next visible one's when what lies between is gone, else just behind it."""
        following = next((r.offset for r in self.log if r.offset > offset), self.log_end)
        return following if self.random.random() < 0.5 else offset + 1

    # --- what happens

    def produce(self, count: int) -> None:
        random = self.random
        for _ in range(count):
            self.log_end += random.choice([0, 0, 0, 0, 1, 4])
            self.time_ms += random.choice([0, 0, 1, 60_000, 1_800_000, 3_600_000, 7_200_000])
            if random.random() < 0.03:
                self.time_ms += 20 * 3_600_000
            time_ms = self.time_ms - (random.choice([3_600_000, 7_200_000, 18_000_000]) if random.random() < 0.2 else 0)
            value, events = self._record()
            self.log.append(Logged(self.log_end, time_ms, value))
            self.history += [Logged(self.log_end, time_ms, event, index) for index, event in events]
            self.log_end += 1
        if random.random() < 0.3:
            self.log_end += random.choice([1, 3])

    def _record(self) -> tuple[bytes, list[tuple[int, bytes]]]:
        """A record, and the events it holds by their index."""
        random = self.random
        if self.topic == TRADES:
            value = self._value()
            return value, [(0, value)]
        values = [self._value() for _ in range(random.choice([0, 1, 1, 2, 3]))]
        if b"rubbish" in values:
            return b"rubbish", [(0, b"rubbish")]
        elements = [json.loads(value) for value in values]
        for element in elements:
            element |= {"kind": random.choice(["t", "t", "t", "book"]), "beside": 1}
            if random.random() < 0.05:
                element["price"] = "0"
        taken = random.random() < 0.8
        events = [(index, one) for index, one in enumerate(elements) if taken and one["kind"] == "t"]
        frame = {"n": elements, "for": "v" if taken else "w"}
        return json.dumps(frame).encode(), [(index, _trade_of(one)) for index, one in events] or [(-1, b"")]

    def _value(self) -> bytes:
        random = self.random
        if random.random() < 0.05:
            return b"rubbish"
        number = random.randrange(9)
        changes: dict[str, Any] = {"entity": random.choice("abc"), "price": str(random.randrange(1, 9)), "side": "buy"}
        if random.random() < 0.08:
            changes["status"] = "busted"
        if random.random() < 0.2:
            changes["executed_at"] = "2026-01-04T23:30:00Z"
        return trade_value(random.choice([5000 + number, f"n{number}"]), **changes)

    def deliver(self, *, faults: bool) -> bool:
        """One thing on its way arrives, in any order; whether there was one."""
        random = self.random
        if self.laggards and faults and random.random() < 0.04:
            self.sends.append(self.laggards.pop(random.randrange(len(self.laggards))))
        if self.commits and (not self.sends or random.random() < 0.3):
            self._deliver_commit(self.commits.pop(random.randrange(len(self.commits))), faults=faults)
            return True
        if not self.sends:
            return False
        place = random.randrange(len(self.sends))
        if faults and random.random() < 0.5:
            place = max(place, random.randrange(len(self.sends)))
        send = self.sends.pop(place)
        fate = random.random() if faults else 1.0
        if fate < 0.01:
            _fail(send.future)
            return True
        self.journal[send.partition].append(send.data)
        if fate < 0.02:
            _fail(send.future)
        elif fate < 0.06:
            self.sends.append(send)
        else:
            _succeed(send.future)
            if fate < 0.12:
                self.sends.append(send)
        return True

    def _deliver_commit(self, commit: Commit, *, faults: bool) -> None:
        fate = self.random.random() if faults else 1.0
        if commit.generation != self.generation or fate < 0.03:
            _fail(commit.future)
            return
        self._closes(commit)
        self.committed = Committed(commit.offset, commit.metadata)
        if fate < 0.08:
            _fail(commit.future)
        else:
            _succeed(commit.future)

    def _closes(self, commit: Commit) -> None:
        known = Metadata.parse(commit.metadata)
        assert known is not None
        if self.committed is None:
            self.first = commit.offset
        elif commit.offset > self.committed.offset:
            self.closed.append(Closed(self.committed.offset, commit.offset, known.rules.number, commit.lost))

    def retain(self) -> None:
        """The broker deletes the log's head: seldom more than what is committed."""
        committed = self.committed.offset if self.committed else 0
        most = self.log_end if self.random.random() < 0.3 else max(committed, self.log_start)
        upto = self.random.randrange(self.log_start, most + 1)
        self.log_start = max(self.log_start, min(upto, self.log_end))
        self.log = [r for r in self.log if r.offset >= self.log_start]

    # --- what should have come of it

    def expected(self, open_rules: int) -> list[Cut]:
        """The oracle's segments: of each range under the rules it was closed with, of the rest under `open_rules`.

        What retention passed counts too: it may have been told before.
        """
        start = self.first or 0
        ranges = [*self.closed]
        reached = ranges[-1].end if ranges else start
        open_of = self.rules[open_rules - 1]
        cuts: list[Cut] = []
        for one in ranges:
            cut = cut_of(self.history, self.rules[one.rules - 1], one.start, one.end if one.lost else self.log_end)
            assert one.lost or cut.end == one.end, f"segment {one.start} was closed at {one.end}, the log says {cut.end}"
            cuts.append(cut)
        while reached < self.log_end:
            cuts.append(cut_of(self.history, open_of, reached, self.log_end))
            reached = cuts[-1].end
        return cuts


class EngineSide:
    """The journal as the engine of each partition takes it in: the product's `Flow`, `Sources` and registers."""

    def __init__(self, journal: Sequence[Sequence[bytes]], epoch: int = 0, flow: type[Flow] = Flow, topic: str = TRADES) -> None:
        self._topic = topic
        self.sources = [Sources(set()) for _ in journal]
        self.flows = [flow(sources, set()) for sources in self.sources]
        self._epoch = epoch
        self._short = False
        for partition, records in enumerate(journal):
            for offset, data in enumerate(records):
                self._take(partition, decode_record(data, offset, 0).statement)

    def _take(self, partition: int, statement: Statement) -> None:
        flow, entity = self.flows[partition], statement.entity
        if statement.kind not in {"flow", "bust", "progress"}:
            return
        if entity is None:
            flow.progress(statement)
            self._short |= statement.body["short"]
            return
        register = flow.registers.get(entity)
        if register is None:
            register = TradeRegister([UTC_ZONE], 400 * DAY, set())
            flow.link(entity, register)
        (flow.flow if statement.kind == "flow" else flow.bust)(statement, register)

    def cells(self) -> Cells:
        """Net totals by entity and cell, without those that are nothing."""
        result: Cells = {}
        for flow in self.flows:
            for entity, register in flow.registers.items():
                for cell, by_hour in register._cells.items():
                    for hour, total in by_hour.items():
                        key = (entity, cell.market, cell.capacity, cell.instrument, cell.side, hour)
                        if total.trades or total.quantity or total.value:
                            result[key] = (total.trades, Fraction(total.quantity), Fraction(total.value))
        return result

    def counts(self, partition: int) -> dict[str, int]:
        """Outcomes of the topic since the journal began."""
        total = self.sources[partition].counts(self._topic)
        for _, counts in self.flows[partition].open_counts():
            total = total.plus(counts)
        return {name: count for name, count in total.of_each().items() if name != "filtered"}

    @property
    def lossy(self) -> bool:
        """Whether anything is reported as lost, or was: a segment that may count a repeat twice says so while it is open."""
        lost = [s.lost_since(self._topic, self._epoch, {}) is not None for s in self.sources]
        return self._short or any(lost) or any(flow.lossy(self._topic, self._epoch) for flow in self.flows)


def sim_rules(topic: str = TRADES) -> list[IntakeRules]:
    """Rules 1, and rules 2 under which every trade is entity `b`'s."""
    return _plain_rules() if topic == TRADES else [_with_feed(rules) for rules in _plain_rules()]


def _with_feed(rules: IntakeRules) -> IntakeRules:
    """The same with a feed whose elements are the canonical trades, among others."""
    constants = dict(rules.sources[TRADES].constants)
    names = {name for name in MODELS[TRADES].model_fields if name != "schema_"} - constants.keys()
    raw = {
        "topic": "frames",
        "where": {"$.for": "v", "@.kind": "t"},
        "each": "$.n[*]",
        "fields": {name: f"@.{name}" for name in names},
        "constants": constants,
    }
    plan = FeedPlan(FeedFormat.of(TRADES, "venue", raw, {}))
    return replace(rules, plans={FEED: plan}, sources={**rules.sources, FEED: SourceFormat(TRADES)})


def _plain_rules() -> list[IntakeRules]:
    one, two = intake_rules(1, partitions=PARTITIONS), intake_rules(2, partitions=PARTITIONS)
    moved = SourceFormat(TRADES, constants={"entity": "b"}, ignore_unknown=True)
    return [
        one,
        IntakeRules(
            two.rules, PARTITIONS, Known(two.known.entities, two.known.horizon_ns), {**two.sources, TRADES: moved}, 7, 2, 3, 5
        ),
    ]


def totals_of(cuts: list[Cut]) -> tuple[Cells, dict[str, int]]:
    """Net totals and counts of segments, those of an older epoch first; a trade id is taken back once."""
    totals: Cells = {}
    counts = {"applied": 0, "duplicate": 0, "conflict": 0, "late": 0, "dead_letter": 0}
    busts: dict[tuple[str, str, str], Any] = {}
    for cut in cuts:
        for name in counts:
            counts[name] += cut.counts.get(name, 0)
        for key, cell in cut.cells.items():
            _add(totals, (*key[:4], key[4] or "", cut.hours[key]), cell["trades"], cell["quantity"], cell["value"])
        for _, trade in cut.bust_trades:
            busts.setdefault((trade.entity, trade.market, trade.trade_id), trade)
    for trade in busts.values():
        hour = trade.executed_at - trade.executed_at % 3_600_000_000_000
        key = (trade.entity, trade.market, trade.capacity, trade.instrument, trade.side or "", hour)
        _add(totals, key, -1, -Fraction(trade.quantity), -Fraction(trade.quantity) * Fraction(trade.price))
    return {key: total for key, total in totals.items() if any(total)}, counts


def _add(totals: Cells, key: tuple[Any, ...], trades: int, quantity: Fraction, value: Fraction) -> None:
    before = totals.get(key, (0, Fraction(0), Fraction(0)))
    totals[key] = (before[0] + trades, before[1] + quantity, before[2] + value)


def _trade_of(element: dict[str, Any]) -> bytes:
    return json.dumps({name: value for name, value in element.items() if name not in {"kind", "beside"}}).encode()


def _succeed(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _fail(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_exception(Refused("no acknowledgement"))
        future.exception()


__all__ = ["FEED", "PARTITIONS", "EngineSide", "Judge", "Worker", "World", "sim_rules"]
