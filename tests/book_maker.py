"""Builds journal records by hand and a book to apply them to: times are texts, everything else has a default."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from monitor.core.book.book import Book
from monitor.core.book.shared import Shared
from monitor.core.components.steps import finished
from monitor.core.configuration.configuration import Configuration, parse_configuration
from monitor.core.journal.records import JournalRecord, Rules, Source, SourcePartition, Statement, decode_record, encode_statement
from monitor.core.values.calendar import UTC_ZONE, WEEKDAYS, Calendar, Zone
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.money import EXACT, ZERO, plain
from monitor.core.values.times import HOUR, exact_time, parse_time
from monitor.core.view.view import View

ENTITY = "e-1"
TOPICS = ("custody.balances", "market.trades", "security.incidents", "market.prices", "entity.declarations", "reserve.operations")
SUMMER_IN_BRUSSELS = [["1970-01-01T00:00:00Z", 1], ["2026-03-29T01:00:00Z", 2], ["2026-10-25T01:00:00Z", 1]]
ZONES = {"Asia/Tokyo": [["1970-01-01T00:00:00Z", 9]], "Europe/Brussels": SUMMER_IN_BRUSSELS}


def ns(time: str | int) -> int:
    """A time given as text, or already in ns."""
    return parse_time(time) if isinstance(time, str) else time


def content(
    entity: Mapping[str, Any] | None = None,
    *,
    bad_share: str | None = None,
    epoch: int = 0,
    outlier_ratio: str | None = None,
    entities: Sequence[str] = (ENTITY, "e-2"),
    horizon_days: int = 400,
) -> dict[str, Any]:
    """Content of a configuration record."""
    source = {"epoch": epoch, "late_after_s": None, "max_ahead_s": 60, "bad_share": bad_share, "ignore_unknown": False}
    own: dict[str, Any] = {
        "reporting_currency": "JPY",
        "time_zone": "Asia/Tokyo",
        "calendar": None,
        "methods": [],
        "prices": {"max_age_s": None, "pivots": []},
        "levels": {"watch_enter": None, "watch_exit": None, "shortfall_exit": None, "dwell_s": 0},
        "freshness": {},
    }
    return {
        "schema": "reserve.configuration/1",
        "revision": 1,
        "journal_partitions": 1,
        "sources": {topic: source | {"fields": {}, "constants": {}, "numbers": "strict"} for topic in TOPICS},
        "entities": {name: own | dict(entity or {}) for name in entities},
        "any_entity": None,
        "exposure": {"pack": "house.composite"},
        "packs": {},
        "pack_digests": {},
        "prices": {"outlier_ratio": outlier_ratio},
        "corrections": {"horizon_days": horizon_days},
        "publish_interval_s": 60,
        "alerting": {"runbook_base_url": "https://runbooks.example"},
        "calendars": {},
        "zones": ZONES,
    }


def limits(max_age_s: int | None = None, account_max_age_s: int | None = None) -> dict[str, Any]:
    """One entry of `freshness`."""
    return {"max_age_s": max_age_s, "account_max_age_s": account_max_age_s}


def record(kind: str, entity: str | None, place: tuple[str, int], logged: str | int, body: Mapping[str, Any]) -> JournalRecord:
    """A record of a source (topic, offset), read back from its bytes; the writer's clock is the log time."""
    topic, offset = place
    where, clock = SourcePartition(topic, 0, 0), ns(logged)
    statement = Statement(kind, entity, clock, body, Source(where, offset), logged_at=ns(logged))
    return decode_record(encode_statement(statement), 0, clock)


class Maker:
    """Numbers source records as it makes them, a line a record."""

    def __init__(self) -> None:
        self.offset = 0

    def _next(self) -> int:
        self.offset += 1
        return self.offset

    def position(
        self,
        quantity: str,
        as_of: str | int,
        *,
        account: str = "a",
        role: str = "client_asset",
        storage: str = "cold",
        asset: str = "BTC",
        logged: str | int | None = None,
        entity: str = ENTITY,
        sequence: int = 0,
        source: str | None = None,
        group: tuple[str, int] | None = None,
        offset: int | None = None,
    ) -> JournalRecord:
        body = {
            "event_id": f"b-{self.offset}",
            "account": account,
            "role": role,
            "storage": storage,
            "asset": asset,
            "quantity": quantity,
            "as_of": exact_time(ns(as_of)),
            "sequence": sequence,
            "source": source,
            "group": None if group is None else group[0],
            "group_size": None if group is None else group[1],
        }
        place = self._next() if offset is None else offset
        return record("position", entity, ("custody.balances", place), as_of if logged is None else logged, body)

    def price(
        self,
        price: str,
        as_of: str | int,
        *,
        asset: str = "BTC",
        currency: str = "JPY",
        kind: str = "spot",
        source: str = "index",
        logged: str | int | None = None,
        offset: int | None = None,
    ) -> JournalRecord:
        own = exact_time(ns(as_of))
        body = {
            "event_id": "p",
            "asset": asset,
            "currency": currency,
            "price": price,
            "as_of": own,
            "source": source,
            "kind": kind,
        }
        place = self._next() if offset is None else offset
        return record("price", None, ("market.prices", place), as_of if logged is None else logged, body)

    def declaration(
        self,
        kind: str,
        amount: str,
        since: str | int,
        *,
        until: str | int | None = None,
        currency: str = "JPY",
        logged: str | int | None = None,
        **attributes: str,
    ) -> JournalRecord:
        body = {
            "event_id": "d",
            "kind": kind,
            "effective_from": exact_time(ns(since)),
            "effective_to": None if until is None else exact_time(ns(until)),
            "amount": amount,
            "currency": currency,
            "attributes": attributes,
        }
        return record("declaration", ENTITY, ("entity.declarations", self._next()), since if logged is None else logged, body)

    def incident(self, revision: int, logged: str | int, **more: Any) -> JournalRecord:
        body: dict[str, Any] = {
            "incident_id": "i-1",
            "revision": revision,
            "kind": "hot_wallet_theft",
            "severity": "high",
            "status": "confirmed",
            "occurred_at": exact_time(ns(logged)),
            "detected_at": exact_time(ns(logged)),
            "updated_at": exact_time(ns(logged)),
            "losses": [],
            "loss_estimate": None,
            "recoveries": [],
            "reported_by": "internal",
            "summary": "",
        }
        return record("incident", ENTITY, ("security.incidents", self._next()), logged, body | more)

    def rejected(self, topic: str, logged: str | int, *, offset: int | None = None, **more: Any) -> JournalRecord:
        names = ("event_id", "account", "asset", "role", "incident_id", "kind", "attributes")
        body = dict.fromkeys(names) | {"topic": topic, "reason": "schema"} | more
        return record("rejected", ENTITY, (topic, self._next() if offset is None else offset), logged, body)

    def dismissal(self, topic: str, offset: int, logged: str | int) -> JournalRecord:
        return self.operation("dismissal", logged, {"topic": topic, "epoch": 0, "partition": 0, "offset": offset})

    def operation(self, kind: str, logged: str | int, what: Mapping[str, Any]) -> JournalRecord:
        body = {"event_id": "o", "kind": kind, "at": exact_time(ns(logged)), "by": ["x"], "reason": "", "expires_at": None}
        return record("operation", ENTITY, ("reserve.operations", self._next()), logged, body | {"body": what})


@dataclass(frozen=True)
class Trade:
    """A trade of a source log."""

    offset: int
    trade_id: str
    price: str
    quantity: str
    executed: int
    logged: int
    entity: str = ENTITY
    market: str = "BTC/JPY"
    capacity: str = "venue"
    instrument: str = "spot"
    side: str | None = None
    busted: bool = False
    width: int = HOUR

    @property
    def cell(self) -> tuple[str, str, str, str | None, int]:
        return self.market, self.capacity, self.instrument, self.side, self.executed - self.executed % self.width


class Segment:
    """What a worker states of one segment of a source partition; `trades` are all records of it, busts among them."""

    def __init__(
        self, start: int, end: int, trades: Iterable[Trade], *, rules: int = 1, partition: int = 0, log: str | None = None
    ):
        self.start, self.end = start, end
        self.trades = [trade for trade in trades if start <= trade.offset < end]
        self.where = SourcePartition("market.trades", 0, partition)
        self.rules = Rules(rules, "sha256:r")
        self.log = log

    def _read_back(self, statement: Statement) -> JournalRecord:
        told = replace(statement, body={"log": self.log, **statement.body}, rules=self.rules)
        return decode_record(encode_statement(told), 0, told.at)

    def flows(self, upto: int, at: int, entity: str = ENTITY) -> list[JournalRecord]:
        """The flow record of an entity up to an offset, with all cells so far; none without trades."""
        read = [t for t in self.trades if t.offset < upto and t.entity == entity and not t.busted]
        if not read:
            return []
        cells: dict[Any, list[Trade]] = {}
        for trade in read:
            cells.setdefault(trade.cell, []).append(trade)
        body = {
            "newest_own": exact_time(max(t.executed for t in read)),
            "newest_log": exact_time(max(t.logged for t in read)),
            "cells": [_cell(key, trades) for key, trades in cells.items()],
        }
        return [self._read_back(Statement("flow", entity, at, body, Source(self.where, start=self.start, upto=upto)))]

    def busts(self, upto: int, at: int, entity: str = ENTITY) -> list[JournalRecord]:
        """The bust records of an entity up to an offset."""
        found = [t for t in self.trades if t.offset < upto and t.entity == entity and t.busted]
        return [self._read_back(self._bust(trade, at)) for trade in found]

    def _bust(self, trade: Trade, at: int) -> Statement:
        body = {
            "trade_id": trade.trade_id,
            "market": trade.market,
            "capacity": trade.capacity,
            "instrument": trade.instrument,
            "side": trade.side,
            "price": trade.price,
            "quantity": trade.quantity,
            "executed_at": exact_time(trade.executed),
        }
        source = Source(self.where, offset=trade.offset, start=self.start)
        return Statement("bust", trade.entity, at, body, source, logged_at=trade.logged)

    def progress(self, upto: int, at: int, *, short: bool = False, **counts: int) -> JournalRecord:
        """The progress record up to an offset; `counts` besides `applied`."""
        read = [t for t in self.trades if t.offset < upto]
        applied = sum(not t.busted for t in read)
        body = {
            "final": upto == self.end,
            "applied": applied,
            "counts": {"applied": applied, "duplicate": 0, "late": 0, "dead_letter": 0} | counts,
            "newest_log": exact_time(max(t.logged for t in read)) if read else None,
            "short": short,
        }
        return self._read_back(Statement("progress", None, at, body, Source(self.where, start=self.start, upto=upto)))

    def flush(self, upto: int, at: int, entities: Sequence[str] = (ENTITY,)) -> list[JournalRecord]:
        """A whole flush up to an offset, in the order of the barrier."""
        told = [r for entity in entities for r in (*self.flows(upto, at, entity), *self.busts(upto, at, entity))]
        return [*told, self.progress(upto, at)]


def _cell(key: tuple[str, str, str, str | None, int], trades: Sequence[Trade]) -> dict[str, Any]:
    market, capacity, instrument, side, hour = key
    quantity, value = ZERO, ZERO
    for trade in trades:
        quantity = EXACT.add(quantity, Decimal(trade.quantity))
        value = EXACT.add(value, EXACT.multiply(Decimal(trade.price), Decimal(trade.quantity)))
    newest = sorted(trades, key=lambda t: (min(t.executed, t.logged), t.logged, t.offset), reverse=True)[:4]
    return {
        "market": market,
        "capacity": capacity,
        "instrument": instrument,
        "side": side,
        "hour": exact_time(hour),
        "trades": len(trades),
        "quantity": plain(quantity),
        "value": plain(value),
        "newest": [
            {
                "time": exact_time(min(t.executed, t.logged)),
                "logged_at": exact_time(t.logged),
                "offset": t.offset,
                "trade_id": t.trade_id,
                "price": t.price,
            }
            for t in newest
            if instrument == "spot"
        ],
    }


class Desk:
    """A book, what it shares, and the engine clock: the running maximum of `at`."""

    def __init__(self, config: Configuration | Mapping[str, Any] | None = None, entities: Sequence[str] = (ENTITY,)) -> None:
        self.config = config if isinstance(config, Configuration) else parse_configuration(config or content())
        self.shared = Shared(self.config)
        self.books = {name: Book(name, self.config, self.shared) for name in entities}
        self.clock = 0

    @property
    def book(self) -> Book:
        return self.books[ENTITY]

    def put(self, *records: JournalRecord | Iterable[JournalRecord]) -> Desk:
        for item in records:
            for found in [item] if isinstance(item, JournalRecord) else item:
                self.clock = max(self.clock, found.statement.at)
                entity = found.statement.entity
                if entity is None:
                    self.shared.apply(found, self.clock)
                else:
                    self.books[entity].apply(found, self.clock)
        return self

    def configure(self, config: Mapping[str, Any]) -> Desk:
        self.config = parse_configuration(config)
        self.shared.configure(self.config)
        for book in self.books.values():
            book.configure(self.config, finished(book.derived(self.config)))
        return self

    def view(
        self, at: str | int, *, zone: Zone = UTC_ZONE, calendar: Calendar = WEEKDAYS, currency: str = "JPY", entity: str = ENTITY
    ) -> View:
        self.clock = max(self.clock, ns(at))
        self.shared.advance(self.clock)
        return View(self.books[entity], ns(at), zone, calendar, currency)

    def restored(self) -> Desk:
        """The same desk read back from the bytes of its buckets."""
        desk = Desk(self.config, ())
        desk.clock = self.clock
        desk.shared = Shared.restore(self.config, _through_bytes(buckets_of(self.shared)))
        for name, book in self.books.items():
            desk.books[name] = Book.restore(name, self.config, desk.shared, _through_bytes(buckets_of(book)))
        return desk


def buckets_of(part: Book | Shared) -> dict[str, Any]:
    """Every bucket of a part by name."""
    return {name: part.bucket(name) for name in part.names()}


def _through_bytes(buckets: Mapping[str, Any]) -> dict[str, Any]:
    return {name: json.loads(canonical_bytes(value)) for name, value in buckets.items()}


def kinds(view: View) -> list[tuple[str, str]]:
    """(kind, subject) of every gap."""
    return [(gap.kind, gap.subject) for gap in view.gaps]
