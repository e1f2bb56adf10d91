"""The worked example of a pack, run through the same book and evaluation as live data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from monitor.core.book.book import Book
from monitor.core.book.shared import Shared
from monitor.core.configuration.configuration import Configuration, MethodConfig, parse_configuration
from monitor.core.evaluation.assessment import Method, Result
from monitor.core.journal.records import JournalRecord, Source, SourcePartition, Statement
from monitor.core.journal.vocabulary import BALANCES, DECLARATIONS, INCIDENTS, PRICES
from monitor.core.values.times import exact_time, parse_time
from monitor.core.view.view import View
from monitor.methods.loader import check_options, pack_digest, pack_object, resolve_calendars, resolve_zones
from monitor.methods.places import Document

ENTITY = "example"
_CURRENCY = "JPY"


def worked_example(document: Document) -> Result:
    """The result of the pack's own example; ConfigurationError when its options do not fit."""
    pack, example = pack_object(document), document.value["documentation"]["example"]
    config, book, at = example_book(pack, example)
    method = MethodConfig(pack["id"], "in_force", example.get("options", {}))
    zone, calendar = config.method_zone(ENTITY, method), config.method_calendar(ENTITY, method)
    return Method(method, pack).evaluate(View(book, at, zone, calendar, currency_of(pack, example)))


def example_book(pack: Mapping[str, Any], example: Mapping[str, Any]) -> tuple[Configuration, Book, int]:
    """The book that an example's inputs make, under a configuration with this one method, at the example's time (ns)."""
    options = example.get("options", {})
    check_options(pack, options)
    config, at = _configuration(pack, options, example), parse_time(example["at"])
    shared = Shared(config)
    book = Book(ENTITY, config, shared)
    for offset, statement in enumerate(_statements(example, currency_of(pack, example))):
        record = JournalRecord(statement, offset, statement.at, b"")
        (shared if statement.entity is None else book).apply(record, min(statement.at, at))
    return config, book, at


def currency_of(pack: Mapping[str, Any], example: Mapping[str, Any]) -> str:
    """The pack's currency, else the example's."""
    return str(pack["currency"] or example.get("currency", _CURRENCY))


def _configuration(pack: Mapping[str, Any], options: Mapping[str, Any], example: Mapping[str, Any]) -> Configuration:
    entity = {
        "reporting_currency": currency_of(pack, example),
        "time_zone": "UTC",
        "calendar": "weekdays",
        "methods": [{"id": pack["id"], "mode": "in_force", "options": dict(options)}],
        "prices": {"max_age_s": None, "pivots": []},
        "levels": {"watch_enter": None, "watch_exit": None, "shortfall_exit": None, "dwell_s": 0},
        "freshness": {},
    }
    topics = (
        "custody.balances",
        "market.trades",
        "security.incidents",
        "market.prices",
        "entity.declarations",
        "reserve.operations",
    )
    source = {"epoch": 0, "late_after_s": None, "max_ahead_s": 60, "bad_share": None}
    return parse_configuration(
        {
            "schema": "reserve.configuration/1",
            "revision": 1,
            "journal_partitions": 1,
            "sources": dict.fromkeys(topics, source),
            "entities": {ENTITY: entity},
            "any_entity": None,
            "exposure": {"pack": pack["id"]},
            "packs": {pack["id"]: dict(pack)},
            "pack_digests": {pack["id"]: pack_digest(pack)},
            "prices": {"outlier_ratio": None},
            "corrections": {"horizon_days": 4000},
            "publish_interval_s": 60,
            "alerting": {"runbook_base_url": ""},
            "intake": {},
            "calendars": resolve_calendars({"weekdays", *filter(None, (pack["calendar"], options.get("calendar")))}),
            "zones": resolve_zones({"UTC", *filter(None, (pack["time_zone"], options.get("time_zone")))}),
            "scenarios": {},
        }
    )


def _statements(example: Mapping[str, Any], currency: str) -> Iterator[Statement]:
    """The example's inputs as journal statements, each at its own time (else at the example's), in that order."""
    found = [*_prices(example), *_positions(example), *_declarations(example, currency), *_incidents(example)]
    found.sort(key=lambda item: (item[0], item[1]))
    for offset, (at, topic, kind, body) in enumerate(found):
        own = {"event_id": f"example-{offset}"} if kind != "incident" else {}
        source = Source(SourcePartition(topic, 0, 0), offset=offset)
        yield Statement(kind, None if kind == "price" else ENTITY, at, own | body, source, at)


_Input = tuple[int, str, str, dict[str, Any]]


def _prices(example: Mapping[str, Any]) -> Iterator[_Input]:
    for asset, currency, price, *time in example.get("prices", ()):
        yield _price(asset, currency, price, "spot", time[0] if time else example["at"])
    for asset, currency, price, first, last in example.get("closes", ()):
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            yield _price(asset, currency, price, "daily_close", f"{day}T03:00:00Z")
            day += timedelta(days=1)


def _price(asset: str, currency: str, price: str, kind: str, time: str) -> _Input:
    at = parse_time(time)
    body = {"asset": asset, "currency": currency, "price": price, "as_of": exact_time(at), "source": "example", "kind": kind}
    return at, PRICES, "price", body


def _positions(example: Mapping[str, Any]) -> Iterator[_Input]:
    for role, storage, asset, quantity, *time in example.get("positions", ()):
        at = parse_time(time[0] if time else example["at"])
        body = {
            "account": storage,
            "role": role,
            "storage": storage,
            "asset": asset,
            "quantity": quantity,
            "as_of": exact_time(at),
            "sequence": 0,
            "source": None,
            "group": None,
            "group_size": None,
        }
        yield at, BALANCES, "position", body


def _declarations(example: Mapping[str, Any], currency: str) -> Iterator[_Input]:
    at = parse_time(example["at"])
    for kind, attributes, amount in example.get("declarations", ()):
        body = {
            "kind": kind,
            "effective_from": exact_time(at),
            "effective_to": None,
            "amount": amount,
            "currency": currency,
            "attributes": dict(attributes),
        }
        yield at, DECLARATIONS, "declaration", body


def _incidents(example: Mapping[str, Any]) -> Iterator[_Input]:
    at = parse_time(example["at"])
    for number, given in enumerate(example.get("incidents", ()), 1):
        losses = [
            {"asset": asset, "quantity": quantity, "owner": owner, "account": None} for asset, quantity, owner in given["losses"]
        ]
        body = {
            "incident_id": f"example-{number}",
            "revision": 1,
            "kind": given["kind"],
            "severity": "high",
            "status": given["status"],
            "occurred_at": given["occurred_at"],
            "detected_at": given["occurred_at"],
            "updated_at": exact_time(at),
            "losses": losses,
            "loss_estimate": None,
            "recoveries": [],
            "reported_by": "internal",
            "summary": "",
        }
        yield at, INCIDENTS, "incident", body
