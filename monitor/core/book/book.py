"""The state of one entity: what `View` reads and the engine feeds.

Every state is a function of the records applied and the clock, whatever their order and repeats; it is written out in
buckets of plain JSON values and read back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from monitor.core.book.custody.groups import Groups
from monitor.core.book.custody.position import Key, Position
from monitor.core.book.custody.positions import Positions
from monitor.core.book.declarations import Declarations
from monitor.core.book.incidents import Incidents
from monitor.core.book.rejections import Rejections, declaration_identity, incident_identity, position_identity
from monitor.core.book.shared import Shared
from monitor.core.book.sources.freshness import rules_of
from monitor.core.book.trades.trades import TradeRegister
from monitor.core.configuration.configuration import Configuration, EntityConfig, Freshness
from monitor.core.journal.ordering import order_of
from monitor.core.journal.records import JournalRecord, Statement
from monitor.core.journal.vocabulary import BALANCES, DECLARATIONS, INCIDENTS, OUTCOMES, PRICES, SOURCE_TOPICS, TRADES
from monitor.core.values.money import parse_quantity, plain
from monitor.core.values.times import HOUR, parse_time

_UNCONFIGURED = EntityConfig(reporting_currency=None)
_NO_LIMITS = Freshness()
_HEARD = "heard"


class Book:
    """State of one entity, read through `View`. `dirty`: buckets changed since it was last cleared."""

    def __init__(self, entity: str, config: Configuration, shared: Shared) -> None:
        self.entity = entity
        self.shared = shared
        self.config = config
        self.entity_config = config.entity(entity) or _UNCONFIGURED
        self.clock = 0
        self.dirty: set[str] = set()
        zones, horizon = config.zones_in_use(entity), config.horizon_ns
        self.positions = Positions(zones, horizon, self._age_limit(), self.dirty)
        self.trades = TradeRegister(zones, horizon, self.dirty)
        self.declarations = Declarations(self.dirty)
        self.incidents = Incidents(self.dirty)
        self.groups = Groups(self.dirty)
        self.rejections = Rejections(self.dirty)
        self._heard: dict[str, int] = {}
        self._next: tuple[int, int, int | None] | None = None
        self._midnight = 0
        self.trades.pin(self.incidents.valued)
        shared.flow.link(entity, self.trades)

    def configure(self, config: Configuration) -> None:
        """Change over to a configuration; call after `Shared.configure`."""
        self.config = config
        self.entity_config = config.entity(self.entity) or _UNCONFIGURED
        zones = config.zones_in_use(self.entity)
        self.positions.configure(zones, config.horizon_ns, self._age_limit())
        self.trades.configure(zones, config.horizon_ns)
        for feed in self.entity_config.freshness:
            topic, _, source = feed.partition("/")
            if topic == BALANCES and source and feed not in self._heard:
                self._hear(BALANCES, source, self.positions.newest_logged(source))
        self._midnight = 0
        self._next = None

    def freshness(self, feed: str) -> Freshness:
        """Configured limits of a feed (`<topic>` or `<topic>/<source>`)."""
        return self.entity_config.freshness.get(feed, _NO_LIMITS)

    def _age_limit(self) -> Any:
        if not any(limits.account_max_age_ns for limits in self.entity_config.freshness.values()):
            return None

        def limit(source: str | None) -> int | None:
            of_source = self.freshness(f"{BALANCES}/{source}").account_max_age_ns
            return of_source if of_source is not None else self.freshness(BALANCES).account_max_age_ns

        return limit

    # --- records and time

    def apply(self, record: JournalRecord, clock: int) -> None:
        """Take a record of this entity (flow and bust too: they go to its segments) at the engine clock `clock` (ns)."""
        statement = record.statement
        self.shared.advance(clock)
        self.advance(clock)
        self._next = None
        take = {
            "position": self._position,
            "declaration": self._declaration,
            "incident": self._incident,
            "operation": self._operation,
            "rejected": self.rejections.put,
            "flow": self._flow,
            "bust": self._bust,
        }.get(statement.kind)
        if take is not None:
            take(statement)

    def advance(self, clock: int) -> None:
        """The clock has come to `clock`: event times ahead come true, incomplete groups apply, old history is thinned.

        Call it before each evaluation; `apply` and `View` do so by themselves.
        """
        if clock <= self.clock:
            return
        self.clock = clock
        self.dirty.add(_HEARD)
        self.positions.advance(clock)
        for key, position in self.groups.advance(clock):
            self.positions.put(key, position)
        self.trades.advance(clock)

    def _position(self, statement: Statement) -> None:
        body = statement.body
        order = order_of(statement, parse_time(body["as_of"]), body["sequence"])
        key: Key = (body["role"], body["asset"], body["account"])
        position = Position(*order, body["storage"], parse_quantity(body["quantity"]), body["source"])
        self._hear(BALANCES, body["source"], order[2])
        self.rejections.valid(position_identity(*key), order)
        if body["group"] is None or body["group_size"] is None:
            self.positions.put(key, position)
            return
        for member, held in self.groups.put(body["group"], body["group_size"], key, position, self.clock):
            self.positions.put(member, held)

    def _declaration(self, statement: Statement) -> None:
        body = statement.body
        order = order_of(statement, parse_time(body["effective_from"]))
        self._hear(DECLARATIONS, None, order[2])
        self.declarations.put(body, order)
        self.rejections.valid(declaration_identity(body["kind"], body["attributes"]), order)

    def _incident(self, statement: Statement) -> None:
        body = statement.body
        order = order_of(statement, parse_time(body["occurred_at"]))
        self._hear(INCIDENTS, None, order[2])
        self.incidents.put(body, order)
        self.rejections.valid(incident_identity(body["incident_id"]), order)
        self.shared.prices.pin(self.entity, self.incidents.valued_at())

    def _operation(self, statement: Statement) -> None:
        if statement.body["kind"] == "dismissal":
            self.rejections.dismiss(statement.body["body"])

    def _flow(self, statement: Statement) -> None:
        self.shared.flow.flow(statement, self.trades)

    def _bust(self, statement: Statement) -> None:
        self.shared.flow.bust(statement, self.trades)

    def _hear(self, topic: str, source: str | None, logged: int) -> None:
        feeds = (
            [topic] if source is None or f"{topic}/{source}" not in self.entity_config.freshness else [topic, f"{topic}/{source}"]
        )
        for feed in feeds:
            if logged > self._heard.get(feed, 0):
                self._heard[feed] = logged
                self.dirty.add(_HEARD)

    def last_heard(self, feed: str) -> int | None:
        """Log time (ns) of the newest record of a feed about this entity; prices are everybody's."""
        topic, _, source = feed.partition("/")
        if topic == PRICES:
            return self.shared.prices.heard(source or None)
        return self.trades.newest_log if topic == TRADES else self._heard.get(feed)

    def silent_since(self, feed: str, at: int) -> tuple[bool, int | None]:
        """Whether a feed is silent at `at` past its limit, and since when (None: it was never heard)."""
        limit, newest = self.freshness(feed).max_age_ns, self.last_heard(feed)
        if limit is None or (newest is not None and at - newest <= limit):
            return False, None
        return True, None if newest is None else newest + limit

    def never_heard(self, topic: str) -> tuple[str, ...]:
        """Configured feeds within a topic that never sent anything about this entity, sorted."""
        feeds = (feed.partition("/") for feed in sorted(self.entity_config.freshness))
        return tuple(source for of, _, source in feeds if of == topic and source and self.last_heard(f"{of}/{source}") is None)

    def lost_since(self, topic: str) -> tuple[bool, int | None]:
        """Whether records of a topic are lost, not all here or counted twice, and since when (None: not known)."""
        epoch = rules_of(self.config.sources, topic).epoch
        since = self.shared.sources.lost_since(topic, epoch, self.rejections.dismissed())
        return since is not None or self.shared.flow.lossy(topic, epoch), since

    # --- deadlines

    def deadline(self, after: int) -> int | None:
        """The next instant (ns, above `after`) at which a figure of this entity may change by time alone; None: never."""
        self.advance(after)
        version = self.shared.version
        if self._next is not None:
            known_version, known_after, known = self._next
            if known_version == version and known_after <= after and (known is None or known > after):
                return known
        found = min((t for t in self._changes(after) if t is not None and t > after), default=None)
        self._next = (version, after, found)
        return found

    def _changes(self, after: int) -> Iterator[int | None]:
        yield self.positions.next_change(after)
        yield self.groups.next_change(after)
        yield self.declarations.next_change(after)
        yield self.incidents.next_change(after)
        yield self.shared.prices.next_ahead(after)
        yield self.trades.next_newest(after)
        yield self._local_midnight(after)
        yield self.trades.next_turn(after)
        limit = self.entity_config.price_max_age_ns
        if limit is not None:
            for newest in (self.shared.prices.next_newest(after - limit - 1), self.trades.next_newest(after - limit - 1)):
                yield None if newest is None else newest + limit + 1
        for feed, limits in self.entity_config.freshness.items():
            heard = self.last_heard(feed)
            yield None if heard is None or limits.max_age_ns is None else heard + limits.max_age_ns + 1

    def _local_midnight(self, after: int) -> int:
        if not self._midnight - HOUR * 26 <= after < self._midnight:
            zones = self.config.zones_in_use(self.entity)
            self._midnight = min(zone.day_end(zone.local_date(after)) for zone in zones)
        return self._midnight

    # --- snapshots

    def names(self) -> Iterator[str]:
        """Names of the buckets that are not empty."""
        yield _HEARD
        for part in (self.positions, self.trades, self.declarations, self.incidents, self.groups, self.rejections):
            yield from part.names()

    def bucket(self, name: str) -> Any:
        """The JSON value of one bucket; None when it is empty now."""
        if name == _HEARD:
            return {"clock": str(self.clock), "heard": [[feed, str(newest)] for feed, newest in self._heard.items()]}
        parts: dict[str, Any] = {
            "accounts": self.positions,
            "positions": self.positions,
            "trades": self.trades,
            "busts": self.trades,
            "declarations": self.declarations,
            "incidents": self.incidents,
            "groups": self.groups,
            "rejections": self.rejections,
        }
        return parts[name.partition("/")[0]].bucket(name)

    @classmethod
    def restore(cls, entity: str, config: Configuration, shared: Shared, buckets: Mapping[str, Any]) -> Book:
        """The state whose buckets these are, on an already restored `shared`."""
        book = cls(entity, config, shared)
        book.clock = int(buckets[_HEARD]["clock"])
        book._heard = {feed: int(newest) for feed, newest in buckets[_HEARD]["heard"]}
        book.positions.restore(buckets, book.clock)
        for part in (book.trades, book.declarations, book.incidents, book.groups, book.rejections):
            part.restore(buckets)
        return book

    # --- for status and metrics (CONTRACT 5, 6)

    def trade_flow(self, start: int, end: int) -> list[dict[str, Any]]:
        """Per market with trades executed in [`start`, `end`): {market, trades, quantity, value, last_price}, sorted.

        `last_price` is the last spot trade's before `end`, null where none is known.
        """
        rows = []
        for market, total in self.trades.market_totals(start, end).items():
            last = self.trades.last_price(market, self.clock + 1) if end > self.clock else self.trades.closed_price(market, end)
            price = None if last is None or last.price is None else plain(last.price)
            figures = {"trades": total.trades, "quantity": plain(total.quantity), "value": plain(total.value)}
            rows.append({"market": market} | figures | {"last_price": price})
        return rows

    def incident_objects(self) -> list[dict[str, Any]]:
        """Newest revision of each incident as in its journal body, sorted by id."""
        return [dict(incident.body) for _, incident in self.incidents.known(None)]

    def source_rows(self, at: int) -> list[dict[str, Any]]:
        """Per topic and configured feed {topic, last_event_at, state, silent, unhealthy, applied, duplicate, late, dead_letter}.

        `topic` is the feed's key, `last_event_at` in ns or None, `state` one of `ok`, `silent`, `unhealthy`, `lost`; counts
        are None for a feed within a topic.
        """
        return [self._source_row(feed, at) for feed in sorted({*SOURCE_TOPICS, *self.entity_config.freshness})]

    def _source_row(self, feed: str, at: int) -> dict[str, Any]:
        topic, _, source = feed.partition("/")
        silent, unhealthy = self.silent_since(feed, at)[0], self.shared.unhealthy(topic)
        state = "silent" if silent else "unhealthy" if unhealthy else "lost" if self.lost_since(topic)[0] else "ok"
        row = {"topic": feed, "last_event_at": self.last_heard(feed), "state": state, "silent": silent, "unhealthy": unhealthy}
        counts: dict[str, int | None] = dict.fromkeys(OUTCOMES)
        if not source:
            counts = dict(zip(counts, self.shared.counts(topic).values(), strict=True))
        return row | counts

    def custody(self) -> list[tuple[str, str, str, Decimal]]:
        """(role, asset, storage, quantity) of every position class with an account, sorted."""
        return self.positions.classes()
