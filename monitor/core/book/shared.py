"""What a journal partition's entities share: prices, segments of trades, and how the sources are heard.

`Shared` takes the records of the whole partition (prices, progress) and holds the segments of trades, whose acceptance is
decided per source partition (JOURNAL 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitor.core.book.prices import PriceBook
from monitor.core.book.refused_prices import BUCKET as REFUSED
from monitor.core.book.refused_prices import RefusedPrices
from monitor.core.book.sources.bad_share import OutcomeCounts
from monitor.core.book.sources.sources import Sources, rules_of
from monitor.core.book.trades.flow import CELLS, SEGMENT, Flow
from monitor.core.configuration.configuration import Configuration, SourceRules
from monitor.core.journal.ordering import Order, order_of
from monitor.core.journal.outputs import TooOld
from monitor.core.journal.records import JournalRecord, SourcePartition, Statement
from monitor.core.journal.vocabulary import PRICES, SOURCE_TOPICS
from monitor.core.values.times import parse_time

TopicHealth = tuple[bool | None, bool, int | None]
"""Of a source topic or feed: whether past its bad share, whether lossy now, and since when records are lost."""


class Shared:
    """Prices, segments and sources of one journal partition. `dirty`: buckets changed since the set was last cleared."""

    def __init__(self, config: Configuration) -> None:
        self.config = config
        self.dirty: set[str] = set()
        self._too_old: list[TooOld] = []
        self.version = self.version_but_prices = 0
        self._judged: dict[str, dict[str, SourceRules]] = {}
        self._clock = 0
        self.prices = PriceBook(self.dirty, config.cell_ns)
        self.refused_prices = RefusedPrices(self.dirty)
        self.sources = Sources(self.dirty)
        self.flow = Flow(self.sources, self.dirty)

    def configure(self, config: Configuration) -> None:
        """Change over to a configuration."""
        self.config = config
        self._judged = {}
        self.prices.grain = config.cell_ns
        self.prices.measured.clear()
        self.changed()
        for name in dict.fromkeys((*SOURCE_TOPICS, *config.sources)):
            self._judge(name)

    def changed(self, *, by_price: bool = False) -> None:
        """When something is due by time alone may be otherwise for any entity: segments are of several."""
        self.version += 1
        self.version_but_prices += not by_price

    def apply(self, record: JournalRecord, clock: int) -> None:
        """Take a `price` or `progress` record, or a `rejected` one of a price, at the engine clock `clock` (ns)."""
        statement = record.statement
        self.advance(clock)
        self.changed(by_price=statement.kind == "price")
        if statement.kind == "price":
            self._price(statement)
        elif statement.kind == "rejected":
            self.refused_prices.put(statement)
        elif statement.kind == "progress":
            self.flow.progress(statement)
            if statement.source is not None:
                where = statement.source.where
                for name in dict.fromkeys((where.kind, where.topic)):
                    self._judge(name)

    def _price(self, statement: Statement) -> None:
        """A price that is too old to be one is refused as a dead letter is: only who knows the others can tell."""
        body, order = statement.body, order_of(statement, parse_time(statement.body["as_of"]))
        series = (body["asset"], body["currency"], body["kind"], body["source"])
        if self.prices.refuses(body, order, self.config.horizon_ns):
            self.refused_prices.refuse(series, order)
            self.tell_too_old(order, None)
            return
        self.refused_prices.valid(series, order)
        self.prices.put(body, order)

    def tell_too_old(self, order: Order, entity: str | None) -> None:
        """The record at `order`, of `entity` (None: a price), was refused for its age."""
        event_time, _, logged, topic, epoch, partition, place = order
        self._too_old.append(TooOld(SourcePartition(topic, epoch, partition), place, logged, event_time, entity))

    def taken_too_old(self) -> tuple[TooOld, ...]:
        """What was refused for its age since the last call, in order."""
        if not self._too_old:
            return ()
        found = tuple(self._too_old)
        self._too_old.clear()
        return found

    def beat(self, feed: str, log_time: int) -> bool:
        """A heartbeat of a feed of prices, which are everybody's. Whether it is news."""
        kind, _, source = feed.partition("/")
        return kind == PRICES and self.prices.beat(source, log_time)

    def advance(self, clock: int) -> None:
        """The clock has come to `clock`: forget what retention no longer keeps. Cheap when nothing is due."""
        self._clock = max(self._clock, clock)
        self.prices.advance(clock)

    def _judge(self, name: str) -> None:
        self.sources.judge(name, self._clock, unhealthy=self.unhealthy(name))

    def counts(self, topic: str) -> OutcomeCounts:
        """Outcomes of all records of a topic since the journal began."""
        total = self.sources.counts(topic)
        for where, counts in self.flow.open_counts():
            if where.topic == topic:
                total = total.plus(counts)
        return total

    def unhealthy(self, topic: str) -> bool:
        """Whether dead letters are past the share in a partition of a topic or its feeds: a verdict holds until another."""
        rules = self._judged_by(topic)
        return bool(rules) and any(
            counts.unhealthy(rules[where.topic].bad_share)
            for where, counts in self.flow.judged_counts()
            if where.topic in rules and where.epoch >= rules[where.topic].epoch
        )

    def was_unhealthy(self, topic: str, at: int) -> bool:
        """As `unhealthy`, at an earlier instant (ns of the engine clock)."""
        return self.sources.was_unhealthy(topic, at)

    def is_judged(self, topic: str) -> bool:
        """Whether a topic, or a feed of it, has a share of dead letters that it may not pass."""
        return bool(self._judged_by(topic))

    def past_bad_share(self, topic: str) -> bool | None:
        """Whether a topic's dead letters are past its share; None where they would be, of too few records to judge by.

        A segment that has just begun is no proof that its source is well again.
        """
        if self.unhealthy(topic):
            return True
        rules = self._judged_by(topic)
        for where, counts in self.flow.open_counts() if rules else ():
            own = rules.get(where.topic)
            if own is not None and where.epoch >= own.epoch and counts.past(own.bad_share):
                return None
        return False

    def _judged_by(self, topic: str) -> dict[str, SourceRules]:
        """The rules of the topic, or of its feeds, that have a share of dead letters that may not be passed."""
        known = self._judged.get(topic)
        if known is None:
            rules = ((name, rules_of(self.config.sources, name)) for name in self.config.feeds_of(topic))
            known = self._judged[topic] = {name: own for name, own in rules if own.bad_share is not None}
        return known

    def source_positions(self) -> list[dict[str, Any]]:
        """The `sources` of an assessment: how far each source partition is read, in order (CONTRACT 2)."""
        return [
            {"topic": where.topic, "epoch": where.epoch, "partition": where.partition, "upto": upto}
            for where, upto in self.flow.read_positions()
        ]

    def health(self) -> dict[str, TopicHealth]:
        """The health of every source topic or feed that is read."""
        return {name: self.health_of(name) for topic in SOURCE_TOPICS for name in self.config.feeds_of(topic)}

    def health_of(self, topic: str) -> TopicHealth:
        """The health of one, which only its own records change: seldom, while they come every second."""
        epoch = rules_of(self.config.sources, topic).epoch
        return self.past_bad_share(topic), self.flow.lossy(topic, epoch), self.sources.lost_since(topic, epoch, {})

    def names(self) -> Iterator[str]:
        """Names of the buckets that are not empty."""
        for part in (self.prices, self.refused_prices, self.sources, self.flow):
            yield from part.names()

    def bucket(self, name: str) -> Any:
        """The JSON value of one bucket; None when it is empty now."""
        kind = name.partition("/")[0]
        parts: dict[str, Any] = {
            "prices": self.prices,
            REFUSED: self.refused_prices,
            "sources": self.sources,
            SEGMENT: self.flow,
            CELLS: self.flow,
        }
        return parts[kind].bucket(name)

    @classmethod
    def restore(cls, config: Configuration, buckets: Mapping[str, Any]) -> Shared:
        """The state whose buckets these are."""
        shared = cls(config)
        for part in (shared.prices, shared.refused_prices, shared.sources, shared.flow):
            part.restore(buckets)
        return shared
