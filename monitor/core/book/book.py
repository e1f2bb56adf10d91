"""The state of one entity: what `View` reads and the engine feeds.

Every state is a function of the records applied and the clock, whatever their order and repeats; it is written out in
buckets of plain JSON values and read back.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from monitor.core.book.custody.ages import AgeLimit
from monitor.core.book.custody.doubts import Doubts
from monitor.core.book.custody.groups import Groups
from monitor.core.book.custody.position import AccountKey, Position, account_key, position_of, precedes
from monitor.core.book.custody.positions import FULL_NS, Positions
from monitor.core.book.declarations import Declarations
from monitor.core.book.incidents import Incidents
from monitor.core.book.rejections import Rejections, declaration_identity, incident_identity, position_identity
from monitor.core.book.shared import Shared
from monitor.core.book.sources.heard import Heard
from monitor.core.book.sources.sources import rules_of
from monitor.core.book.trades.trades import TradeRegister
from monitor.core.book.trades.unsafe_keys import UnsafeKeys
from monitor.core.configuration.configuration import Configuration, EntityConfig, Freshness
from monitor.core.journal.event_time import event_time_of
from monitor.core.journal.ordering import order_of
from monitor.core.journal.records import BadRecord, JournalRecord, SourcePartition, Statement
from monitor.core.journal.schedule import earliest
from monitor.core.journal.vocabulary import BALANCES, DECLARATIONS, INCIDENTS, OPERATIONS, PRICES, SOURCE_TOPICS, TRADES
from monitor.core.values.money import parse_quantity, plain
from monitor.core.values.times import HOUR, hour_of, parse_time, recent_time

_UNCONFIGURED = EntityConfig(reporting_currency=None)
_NO_LIMITS = Freshness()
_CLOCK = "clock"


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
        self.positions = Positions(zones, horizon, _age_limit(self.entity_config), self.dirty)
        self.doubts = Doubts(rules_of(config.sources, BALANCES), self.dirty)
        self.trades = TradeRegister(zones, horizon, self.dirty, config.cell_ns)
        self.declarations = Declarations(self.dirty)
        self.incidents = Incidents(self.dirty)
        self.groups = Groups(self.dirty)
        self.unsafe_keys = UnsafeKeys(self.dirty)
        self.rejections = Rejections(self.dirty)
        self.heard = Heard(self.dirty, self.positions.boundaries.grain)
        self.replaced: Position | None = None
        """Where the last record was a position: the newest one of its account before it."""
        self._turned_at = 0
        """The clock at which a position came true or went stale last, or a group applied incomplete."""
        self._touched: int | None = None
        self._next: tuple[int, int, int | None] | None = None
        self._next_own: tuple[int, int, int | None] | None = None
        self._feeds: tuple[str, ...] = ()
        self._midnight = 0
        self._hour = -HOUR
        self.trades.pin(self.incidents.valued)
        shared.flow.link(entity, self.trades)

    def derived(self, config: Configuration) -> Generator[None, None, Positions]:
        """What is to be given to `configure`, a few accounts a step: of a million it takes long. The book stays as it is."""
        limit = _age_limit(config.entity(self.entity) or _UNCONFIGURED)
        found = self.positions.anew(config.zones_in_use(self.entity), config.horizon_ns, limit)
        yield from found.derive(self.positions)
        return found

    def configure(self, config: Configuration, derived: Positions) -> None:
        """Change over to a configuration, for which positions are `derived`; call after `Shared.configure`."""
        self.config = config
        self.entity_config = config.entity(self.entity) or _UNCONFIGURED
        zones = config.zones_in_use(self.entity)
        self.positions.adopt(derived)
        self.doubts.configure(rules_of(config.sources, BALANCES))
        self.trades.configure(zones, config.horizon_ns, config.cell_ns)
        self.heard.configure(self.positions.boundaries.grain)
        self._hear_sources()
        self._midnight = 0
        self._next = self._next_own = None
        self._feeds = ()

    def _hear_sources(self) -> None:
        """What feeds said that were not told apart before."""
        for source in self.sources_of(BALANCES):
            feed = f"{BALANCES}/{source}"
            if not self.heard.knows(feed):
                for position in self.positions.of_source(source):
                    self.heard.note(feed, position.logged, position.event_time)

    def freshness(self, feed: str) -> Freshness:
        """Configured limits of a feed (`<topic>` or `<topic>/<source>`)."""
        return self.entity_config.freshness.get(feed, _NO_LIMITS)

    # --- records and time

    def apply(self, record: JournalRecord, clock: int) -> int | None:
        """Take a record of this entity (flow and bust too: they go to its segments) at the engine clock `clock` (ns).

        Returns the earliest event time (ns) whose figures it may change; None where it is about no instant.
        """
        statement = record.statement
        self.forget_deadline()
        if statement.kind == "position":
            self._position(statement, clock)
            return self._touched
        self._touched = event_time_of(statement)
        self.come_to(clock)
        self._take(statement)
        return self._touched

    def forget_deadline(self) -> None:
        """Another record was taken: what is due by time alone may be due otherwise."""
        self.replaced = None
        self._next = self._next_own = None

    def come_to(self, clock: int) -> None:
        """The clock has come to `clock`: see `advance`, for what is shared too."""
        self.shared.advance(clock)
        self.advance(clock)

    def _take(self, statement: Statement) -> None:
        match statement.kind:
            case "flow":
                self._flow(statement)
            case "declaration":
                self._declaration(statement)
            case "incident":
                self._incident(statement)
            case "operation":
                self._operation(statement)
            case "rejected":
                self.rejections.put(statement)
            case "bust":
                self._bust(statement)

    def advance(self, clock: int) -> None:
        """The clock has come to `clock`: event times ahead come true, incomplete groups apply, old history is thinned.

        Call it before each evaluation; `apply` and `View` do so by themselves.
        """
        if clock <= self.clock:
            return
        self.clock = clock
        self.dirty.add(_CLOCK)
        new_hour = clock >= self._hour + HOUR
        if new_hour:
            self._hour = hour_of(clock)
            self.heard.advance(clock, self.positions.boundaries.before, clock - self.config.horizon_ns - FULL_NS)
        turned = self.positions.advance(clock)
        for key, position in self.groups.advance(clock) if self.groups.remembers else ():
            turned = True
            self.hold(key, position, self.positions.newest(key))
        if turned:
            self._turned_at = clock
        if new_hour:
            self.trades.advance(clock)

    def _position(self, statement: Statement, clock: int) -> None:
        body = statement.body
        self._touched = recent_time(body["as_of"])
        order = order_of(statement, self._touched, body["sequence"])
        key = account_key(body["role"], body["asset"], body["account"])
        position = position_of(order, body["storage"], parse_quantity(body["quantity"]), body["source"])
        before = self.replaced = self.positions.newest(key)
        self.shared.advance(clock)
        if self.groups.remembers:  # a group of which time applies what is there may hold another one of the account
            self.advance(clock)
            before = self.positions.newest(key)
        else:
            self.advance(clock)
        self.hear(BALANCES, body["source"], order[2], order[0])
        if "/" in order[3] and (feed := _feed(statement)) is not None:
            self.hear(BALANCES, feed, order[2], order[0])
        if self.rejections.marks and not self.positions.refuses(before, position):
            self.rejections.valid(position_identity(*key), order)
        if body["group"] is None or body["group_size"] is None:
            self.hold(key, position, before, body.get("event_id"))
            return
        group, repeat = body["group"], self.positions.holds(key, position)
        self._group_moves(group)
        for member, held in self.groups.put(group, body["group_size"], key, position, self.clock, repeat=repeat):
            self.hold(member, held, self.positions.newest(member))

    def hold(self, key: AccountKey, position: Position, before: Position | None, name: str | None = None) -> None:
        """An account holds this after `before`: what is too old to be so is refused as a dead letter is, a jump put in doubt.

        `name` is the event id, where it is at hand. A person may have spoken before the record is read.
        """
        if before is not None and self.positions.refuses(before, position):
            if before[2:7] < position[2:7]:
                self.rejections.refuse(position[:7], position_identity(*key), name)
                self.shared.tell_too_old(position[:7], self.entity)
            return
        if not self.positions.put(key, position, before) or (before is not None and precedes(position, before)):
            return
        if self.doubts.newest(key, before, position):
            where = SourcePartition(position.topic, position.epoch, position.partition)
            offset = where.offset_of(position.offset)
            if self.rejections.is_dismissed(where, offset):
                self.doubts.confirm(where, offset, self.positions.history)

    def _group_moves(self, group: str) -> None:
        """Figures may change from the event time of the group's earliest member on."""
        since = self.groups.since(group)
        if since is not None:
            self._touched = since if self._touched is None else min(since, self._touched)

    def _declaration(self, statement: Statement) -> None:
        body = statement.body
        order = order_of(statement, parse_time(body["effective_from"]))
        heard = order[2]
        self.hear(DECLARATIONS, _feed(statement), heard, heard)  # it holds from when it says; it was heard when it came
        self.declarations.put(body, order)
        self.rejections.valid(declaration_identity(body["kind"], body["attributes"]), order)

    def _incident(self, statement: Statement) -> None:
        body = statement.body
        order = order_of(statement, parse_time(body["occurred_at"]))
        self.hear(INCIDENTS, _feed(statement), order[2], parse_time(body["updated_at"]))
        self.incidents.put(body, order)
        self.rejections.valid(incident_identity(body["incident_id"]), order)
        self.shared.prices.pin(self.entity, self.incidents.valued_at())

    def _operation(self, statement: Statement) -> None:
        body = statement.body
        if statement.logged_at is not None:
            self.hear(OPERATIONS, None, statement.logged_at, parse_time(body["at"]))
        if body["kind"] != "dismissal" or self.config.controls.dismissal_refusal(body, self.clock) is not None:
            return
        if "alert" in body["body"]:
            return
        if "group" not in body["body"]:
            self._dismiss(body["body"])
            return
        group = str(body["body"]["group"])
        self._group_moves(group)
        for member, held in self.groups.dismiss(group, _operation(statement), self.clock):
            self.hold(member, held, self.positions.newest(member))

    def _dismiss(self, body: Mapping[str, Any]) -> None:
        self.doubts.confirm(*self.rejections.dismiss(body), self.positions.history)

    def _flow(self, statement: Statement) -> None:
        self.shared.changed()
        self.shared.flow.flow(statement, self.trades)
        self.unsafe_keys.take(statement)
        newest_log, feed = parse_time(statement.body["newest_log"]), _feed(statement)
        self.hear(TRADES, feed, newest_log, parse_time(statement.body["newest_own"]))
        for hour in {cell["hour"] for cell in statement.body["cells"]}:
            self.hear(TRADES, feed, newest_log, parse_time(hour))

    def _bust(self, statement: Statement) -> None:
        self.shared.changed()
        self.shared.flow.bust(statement, self.trades)
        if statement.logged_at is not None:
            self.hear(TRADES, None, statement.logged_at, parse_time(statement.body["executed_at"]))

    def hear(self, topic: str, source: str | None, log_time: int, event_time: int) -> None:
        """A record of a topic came, from a source of it or from nobody in particular."""
        self.heard.note(topic, log_time, event_time)
        if source is not None and f"{topic}/{source}" in self.entity_config.freshness:
            self.heard.note(f"{topic}/{source}", log_time, event_time)

    def beat(self, feed: str, log_time: int) -> bool:
        """A heartbeat: a feed that has spoken of this entity is alive though it has nothing to say. Whether that is news."""
        news = False
        for name in (feed.partition("/")[0], feed):
            if log_time > (self.heard.log_time(name) or log_time):
                self.heard.note(name, log_time, log_time)
                news = True
        return news

    def last_heard(self, feed: str) -> int | None:
        """Log time (ns) of the newest record of a feed about this entity; prices are everybody's."""
        topic, _, source = feed.partition("/")
        return self.shared.prices.heard(source or None) if topic == PRICES else self.heard.log_time(feed)

    def last_event_before(self, feed: str, instant: int) -> int | None:
        """Newest event time below `instant` (ns) of a feed's records about this entity; prices are everybody's."""
        topic, _, source = feed.partition("/")
        if topic == PRICES:
            return self.shared.prices.heard_before(source or None, instant)
        return self.heard.event_time_before(feed, instant)

    def behind_since(self, feed: str) -> int | None:
        """From when a feed says only what was longer ago than its limit allows, seen from its newest record; None: it does not.

        Daily closes and declarations are of days past by their nature and never behind.
        """
        limit, (topic, _, source) = self.freshness(feed).behind_ns, feed.partition("/")
        if limit is None or topic == DECLARATIONS:
            return None
        newest = self.shared.prices.newest_spot(source or None) if topic == PRICES else self.heard.newest(feed)
        return None if newest is None or newest[0] - newest[1] <= limit else newest[1] + limit

    def sources_of(self, topic: str) -> tuple[str, ...]:
        """Configured feeds within a topic, sorted."""
        feeds = (feed.partition("/") for feed in sorted(self.entity_config.freshness))
        return tuple(source for of, _, source in feeds if of == topic and source)

    def lost_since(self, topic: str) -> tuple[bool, int | None]:
        """Whether records of a topic are lost, not all here or counted twice, and since when (None: not known)."""
        dismissed, shared, lossy = self.rejections.dismissed(), self.shared, False
        times: list[int] = []
        for name in self.config.feeds_of(topic):
            epoch = rules_of(self.config.sources, name).epoch
            since = shared.sources.lost_since(name, epoch, dismissed)
            times += [] if since is None else [since]
            lossy = lossy or shared.flow.lossy(name, epoch)
        return bool(times) or lossy, min(times, default=None)

    def keys_unsafe_since(self, name: str) -> int | None:
        """Since when trades of a topic or feed may count twice for their keys; None where they do not."""
        return self.unsafe_keys.since(name, rules_of(self.config.sources, name).epoch, self.rejections.dismissed())

    # --- deadlines

    def deadline(self, after: int) -> int | None:
        """The next instant (ns, above `after`) at which a figure of this entity may change by time alone; None: never."""
        self.advance(after)
        version = self.shared.version
        if self._next is not None:
            known_version, known_after, known = self._next
            if known_version == version and known_after <= after and (known is None or known > after):
                return known
        found = earliest((self._own_change(after), _first(self._changes_by_price(after), after)))
        self._next = (version, after, found)
        return found

    def _own_change(self, after: int) -> int | None:
        """The same but for what a price may have made otherwise: very many come to every entity."""
        version = self.shared.version_but_prices
        if self._next_own is None or self._next_own[:2] != (version, after):
            self._next_own = (version, after, _first((*self._turns(after), *self._moves(after)), after))
        return self._next_own[2]

    def turned(self, after: int, at: int, reads: Callable[[str], bool]) -> bool:
        """Whether in (`after`, `at`] something became too old, began or ended. `reads`: whether any figure is of an asset.

        Of an asset's price that is too old where neither a quote nor a trade of the pair is newer; what only moves a figure, as a
        price that lay ahead, is left out.
        """
        turns = (self._turned_at, *self._turns(after), *self._silences(of_prices=True))
        if any(instant is not None and after < instant <= at for instant in turns):
            return True
        limit = self.entity_config.price_max_age_ns
        if limit is None:
            return False
        low, high = after - limit - 1, at - limit - 1
        quoted, traded = self.shared.prices.newest_of, self.trades.newest_of()
        pairs = {*quoted.between(low, high), *traded.between(low, high)}
        return any(max(quoted.get(pair) or 0, traded.get(pair) or 0) <= high and reads(pair.partition("/")[0]) for pair in pairs)

    def _turns(self, after: int) -> Iterator[int | None]:
        yield self.positions.next_change(after)
        yield self.groups.next_change(after)
        yield self.declarations.next_change(after)
        yield self.incidents.next_change(after)
        yield self._local_midnight(after)
        yield from self._silences(of_prices=False)

    def _moves(self, after: int) -> Iterator[int | None]:
        yield self.trades.next_newest(after)
        yield self.trades.next_turn(after)
        limit = self.entity_config.price_max_age_ns
        newest = None if limit is None else self.trades.next_newest(after - limit - 1)
        yield None if limit is None or newest is None else newest + limit + 1

    def _changes_by_price(self, after: int) -> Iterator[int | None]:
        yield self.shared.prices.next_ahead(after)
        limit = self.entity_config.price_max_age_ns
        newest = None if limit is None else self.shared.prices.next_newest(after - limit - 1)
        yield None if limit is None or newest is None else newest + limit + 1
        yield from self._silences(of_prices=True)

    def _silences(self, *, of_prices: bool) -> Iterator[int | None]:
        """When feeds will have been silent for too long."""
        for feed, limits in self.entity_config.freshness.items():
            if limits.max_age_ns is not None and of_prices == (feed.partition("/")[0] == PRICES):
                heard = self.last_heard(feed)
                yield None if heard is None else heard + limits.max_age_ns + 1

    def _local_midnight(self, after: int) -> int:
        if not self._midnight - HOUR * 26 <= after < self._midnight:
            zones = self.config.zones_in_use(self.entity)
            self._midnight = min(zone.day_end(zone.local_date(after)) for zone in zones)
        return self._midnight

    # --- snapshots

    def names(self) -> Iterator[str]:
        """Names of the buckets that are not empty."""
        yield _CLOCK
        for part in (self.heard, self.positions, self.trades, self.declarations, self.incidents, self.groups, self.rejections):
            yield from part.names()
        yield from self.doubts.names()
        yield from self.unsafe_keys.names()

    def bucket(self, name: str) -> Any:
        """The JSON value of one bucket; None when it is empty now."""
        if name == _CLOCK:
            return {"clock": str(self.clock)}
        parts: dict[str, Any] = {
            "accounts": self.positions,
            "positions": self.positions,
            "trades": self.trades,
            "young": self.trades,
            "busts": self.trades,
            "declarations": self.declarations,
            "incidents": self.incidents,
            "groups": self.groups,
            "rejections": self.rejections,
            "heard": self.heard,
            "doubts": self.doubts,
            "keys": self.unsafe_keys,
        }
        return parts[name.partition("/")[0]].bucket(name)

    @classmethod
    def restore(cls, entity: str, config: Configuration, shared: Shared, buckets: Mapping[str, Any]) -> Book:
        """The state whose buckets these are, on an already restored `shared`."""
        book = cls(entity, config, shared)
        book.clock = int(buckets[_CLOCK]["clock"])
        book.heard.restore(buckets, book.clock)
        book.positions.restore(buckets, book.clock)
        for part in (book.trades, book.declarations, book.incidents, book.groups, book.rejections, book.doubts, book.unsafe_keys):
            part.restore(buckets)
        book.trades.note_newest()
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

    def feeds(self) -> tuple[str, ...]:
        """Every name under which something is read or watched, sorted: source topics or their feeds, and those of `freshness`."""
        if not self._feeds:
            read = (name for topic in SOURCE_TOPICS for name in self.config.feeds_of(topic))
            self._feeds = tuple(sorted({*read, *self.entity_config.freshness}))
        return self._feeds

    def custody(self) -> list[tuple[str, str, str, Decimal]]:
        """(role, asset, storage, quantity) of every position class with an account, sorted."""
        return self.positions.classes()


def _first(instants: Iterable[int | None], after: int) -> int | None:
    """The first of the instants above `after`."""
    return min((instant for instant in instants if instant is not None and instant > after), default=None)


def _age_limit(config: EntityConfig) -> AgeLimit | None:
    """How old a position of a source may be, where there is any limit."""
    if not any(limits.account_max_age_ns for limits in config.freshness.values()):
        return None

    @lru_cache(maxsize=1024)
    def limit(source: str | None) -> int | None:
        of_source = config.freshness.get(f"{BALANCES}/{source}", _NO_LIMITS).account_max_age_ns
        return of_source if of_source is not None else config.freshness.get(BALANCES, _NO_LIMITS).account_max_age_ns

    return limit


def _operation(statement: Statement) -> str:
    """What tells an operation apart: its place in the log of operations."""
    source = statement.source
    if source is None:
        raise BadRecord("an operation without source")
    return f"{source.where.topic}/{source.where.epoch}/{source.where.partition}/{source.offset}"


def _feed(statement: Statement) -> str | None:
    return None if statement.source is None else statement.source.where.feed
