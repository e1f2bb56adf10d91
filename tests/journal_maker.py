"""Makes journals by hand for tests of the engine: one partition, offsets in order, the journal time equal to `at`."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from monitor.core.engine import Engine
from monitor.core.journal.outputs import Output
from monitor.core.journal.records import JournalRecord, Rules, Source, SourcePartition, Statement, decode_record, encode_statement
from monitor.core.values.canonical import canonical_bytes, digest_of_bytes
from monitor.core.values.times import HOUR, SECOND, exact_time, hour_of, parse_time
from monitor.methods.stresses import load_scenarios
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration

START = parse_time("2026-01-05T00:00:00Z")
"""A Monday, 09:00 in Tokyo."""

RULES = Rules(1, "sha256:rules")


@functools.cache
def _built(text: str) -> str:
    return canonical_bytes(build_configuration(settings_of(json.loads(text)))).decode()


def configuration_text(entities: Mapping[str, Any], **more: Any) -> str:
    """Canonical text of the configuration record for entities of one journal partition, without the shipped scenarios."""
    base = {"kafka": {"journal_partitions": 1}, "entities": entities, "revision": 1, "scenarios": dict.fromkeys(load_scenarios())}
    return _built(json.dumps(base | more))


def house(**more: Any) -> dict[str, Any]:
    """An entity under `jp.psa_custody`, with what `more` changes; without dwells unless it names some."""
    own: dict[str, Any] = {
        "reporting_currency": "JPY",
        "time_zone": "Asia/Tokyo",
        "calendar": "JP",
        "methods": [{"id": "jp.psa_custody", "mode": "in_force", "options": {"skip": ["fiat_trust", "capital", "net_assets"]}}],
    }
    return own | more | {"levels": {"dwell_s": 0} | more.get("levels", {})}


class Journal:
    """A journal partition that grows; `now` (ns) is the writers' clock, moved by `at`, and each record takes one offset."""

    def __init__(self, start: int = START) -> None:
        self.records: list[JournalRecord] = []
        self.now = start
        self.start = start
        self._source_offsets: dict[str, int] = {}

    def at(self, seconds: float) -> Journal:
        """From here on the writers' clock shows so many seconds after the start."""
        self.now = self.start + round(seconds * SECOND)
        return self

    def play(self, steps: Iterable[tuple[float, Callable[[Journal], None]]], *, tick_after: float | None = None) -> None:
        """From the start on: wait so many seconds, then act, step by step; a tick so long after the last one, unless None."""
        second = 0.0
        for wait, act in steps:
            second += wait
            act(self.at(second))
        if tick_after is not None:
            self.at(second + tick_after).tick()

    def put(self, statement: Statement, journal_time: int | None = None) -> JournalRecord:
        """Appends a statement as it would be read back."""
        offset = len(self.records)
        record = decode_record(encode_statement(statement), offset, statement.at if journal_time is None else journal_time)
        self.records.append(record)
        return record

    def configure(self, text: str, parts: int = 1) -> None:
        """A configuration in so many parts."""
        size = -(-len(text) // parts)
        digest, revision = digest_of_bytes(text.encode()), json.loads(text)["revision"]
        for number in range(parts):
            data = text[number * size : (number + 1) * size]
            body = {"part": number + 1, "parts": parts, "revision": revision, "digest": digest, "data": data}
            self.put(Statement("configuration", None, self.now, body))

    def tick(self) -> None:
        """A tick at `now`."""
        self.put(Statement("tick", None, self.now, {}))

    def price(self, asset: str, price: str, currency: str = "JPY", as_of: int | None = None, kind: str = "spot") -> None:
        """A price, own time `now` unless given."""
        body = {
            "event_id": f"p-{len(self.records)}",
            "asset": asset,
            "currency": currency,
            "price": price,
            "as_of": exact_time(self.now if as_of is None else as_of),
            "source": "index",
            "kind": kind,
        }
        self.put(self._statement("price", None, "market.prices", body))

    def position(
        self,
        account: str,
        role: str,
        storage: str,
        asset: str,
        quantity: str,
        *,
        entity: str = "jp-main",
        as_of: int | None = None,
        source: str | None = None,
        group: tuple[str, int] | None = None,
    ) -> None:
        """A balance, own time `now` unless given."""
        body = {
            "event_id": f"b-{len(self.records)}",
            "account": account,
            "role": role,
            "storage": storage,
            "asset": asset,
            "quantity": quantity,
            "as_of": exact_time(self.now if as_of is None else as_of),
            "sequence": 0,
            "source": source,
            "group": group[0] if group else None,
            "group_size": group[1] if group else None,
        }
        self.put(self._statement("position", entity, "custody.balances", body))

    def incident(self, name: str, status: str, revision: int = 1, *, entity: str = "jp-main", **more: Any) -> None:
        """A whole incident; its loss is an estimate unless `more` says otherwise."""
        body: dict[str, Any] = {
            "incident_id": name,
            "revision": revision,
            "kind": "hot_wallet_theft",
            "severity": "high",
            "status": status,
            "occurred_at": exact_time(self.now),
            "detected_at": exact_time(self.now),
            "updated_at": exact_time(self.now),
            "losses": [],
            "loss_estimate": {"amount": "1000000", "currency": "JPY"},
            "recoveries": [],
            "reported_by": "internal",
            "summary": "theft",
        }
        self.put(self._statement("incident", entity, "security.incidents", body | more))

    def declaration(
        self, kind: str, amount: str, *, entity: str = "jp-main", effective_from: int | None = None, **more: Any
    ) -> None:
        """A declaration in JPY, in effect from `now` unless given."""
        body: dict[str, Any] = {
            "event_id": f"d-{len(self.records)}",
            "kind": kind,
            "effective_from": exact_time(self.now if effective_from is None else effective_from),
            "effective_to": None,
            "amount": amount,
            "currency": "JPY",
            "attributes": {},
        }
        self.put(self._statement("declaration", entity, "entity.declarations", body | more))

    def operation(self, kind: str, *, entity: str = "jp-main", expires_at: int | None = None, **more: Any) -> None:
        """An act of people at `now`."""
        body: dict[str, Any] = {
            "event_id": f"o-{len(self.records)}",
            "kind": kind,
            "at": exact_time(self.now),
            "by": ["compliance"],
            "reason": "test",
            "expires_at": None if expires_at is None else exact_time(expires_at),
            "body": {},
        }
        self.put(self._statement("operation", entity, "reserve.operations", body | more))

    def trades(
        self,
        upto: int,
        trades: int,
        value: str,
        *,
        entity: str = "jp-main",
        start: int = 0,
        final: bool = False,
        price: str = "100",
    ) -> None:
        """A flush of the one trade partition: a flow record with one spot cell of the present hour, and its progress."""
        where = SourcePartition("market.trades", 0, 0)
        source = Source(where, start=start, upto=upto)
        now = exact_time(self.now)
        newest = [{"time": now, "logged_at": now, "offset": upto - 1, "trade_id": f"t{upto}", "price": price}]
        cell = {
            "market": "BTC/JPY",
            "capacity": "venue",
            "instrument": "spot",
            "side": "buy",
            "hour": exact_time(hour_of(self.now)),
            "trades": trades,
            "quantity": "1",
            "value": value,
            "newest": newest,
        }
        flow = {"log": "log-1", "newest_own": now, "newest_log": now, "cells": [cell]}
        self.put(Statement("flow", entity, self.now, flow, source, None, RULES))
        self.progress("market.trades", start, upto, applied=trades, final=final)

    def progress(self, topic: str, start: int, upto: int, *, applied: int = 0, dead_letter: int = 0, final: bool = False) -> None:
        """What intake says of a segment."""
        counts = {"applied": upto - start - dead_letter, "duplicate": 0, "late": 0, "dead_letter": dead_letter}
        body = {
            "log": "log-1",
            "final": final,
            "applied": applied,
            "counts": counts,
            "newest_log": exact_time(self.now),
            "short": False,
        }
        source = Source(SourcePartition(topic, 0, 0), start=start, upto=upto)
        self.put(Statement("progress", None, self.now, body, source, None, RULES))

    def rejected(
        self,
        topic: str,
        account: str | None = None,
        asset: str | None = None,
        role: str | None = None,
        *,
        incident_id: str | None = None,
        entity: str = "jp-main",
    ) -> None:
        """A dead-lettered balance or incident of a known entity."""
        body = {
            "topic": topic,
            "reason": "bad_value",
            "event_id": None,
            "account": account,
            "asset": asset,
            "role": role,
            "incident_id": incident_id,
            "kind": None,
            "attributes": None,
        }
        self.put(self._statement("rejected", entity, topic, body))

    def _statement(self, kind: str, entity: str | None, topic: str, body: Mapping[str, Any]) -> Statement:
        offset = self._source_offsets.get(topic, 0)
        self._source_offsets[topic] = offset + 1
        source = Source(SourcePartition(topic, 0, 0), offset=offset)
        return Statement(kind, entity, self.now, body, source, self.now)


def load(journal: Journal, *, hot: str = "40", guarantee: str = "42", entity: str = "jp-main", price: str = "15000000") -> None:
    """The books of a house that is well: 1,000 BTC of clients, what is hot covered by a guarantee."""
    journal.price("BTC", price)
    journal.position("cold", "client_asset", "cold", "BTC", "960", entity=entity)
    journal.position("hot", "client_asset", "hot", "BTC", hot, entity=entity)
    journal.position("own", "guarantee_asset", "cold", "BTC", guarantee, entity=entity)
    journal.position("ledger", "client_liability", "ledger", "BTC", "900", entity=entity)


def run(journal: Journal | Iterable[JournalRecord], engine: Engine | None = None) -> Iterator[Output]:
    """What the engine returns for a journal, in order."""
    engine = engine or Engine(0, check_journal_time=False)
    for record in journal.records if isinstance(journal, Journal) else journal:
        yield from engine.apply(record)


def alerts(outputs: Iterable[Output], alertname: str | None = None) -> list[dict[str, Any]]:
    """The alert records among outputs, of one name if given."""
    records = [output.value for output in outputs if output.topic == "reserve.alerts" and output.value is not None]
    return [record for record in records if alertname in {None, record["alertname"]}]


def seconds(text: str, start: int = START) -> float:
    """A printed time as seconds after the start."""
    return (parse_time(text) - start) / SECOND


__all__ = ["HOUR", "START", "Journal", "alerts", "configuration_text", "house", "load", "run", "seconds"]
