"""One evaluation of one entity: every method's result, the exposure, and the conditions of its alerts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.alerts.conditions import (
    Backing,
    Condition,
    FeedHealth,
    IncidentSight,
    entity_conditions,
    method_conditions,
    unknown_condition,
)
from monitor.core.book.book import Book
from monitor.core.configuration.configuration import Configuration, EntityConfig, MethodConfig
from monitor.core.evaluation.assessment import Method, Result, result_object
from monitor.core.journal.vocabulary import ASSET_ROLES, LIABILITY, OPEN_STATUSES, SOURCE_TOPICS
from monitor.core.values.calendar import Calendar, Zone
from monitor.core.values.canonical import digest_of
from monitor.core.values.figure import Figure, total
from monitor.core.view.memo import Memo
from monitor.core.view.source_health import past_bad_share
from monitor.core.view.view import View


@dataclass(frozen=True, slots=True)
class Prepared:
    """A method made ready for one entity: its zone, calendar and currency are settled (INPUTS 1, 3)."""

    config: MethodConfig
    method: Method
    zone: Zone
    calendar: Calendar
    currency: str
    version: str
    digest: str

    def view(self, book: Book, at: int, memo: Memo | None = None) -> View:
        """A sight of `book` at `at` (ns) as this method takes it; `memo`: what others have read of it at that instant."""
        return View(book, at, self.zone, self.calendar, self.currency, memo=memo)


@dataclass(frozen=True, slots=True)
class MethodResult:
    """A method's result, its contract object, and the digest over that alone."""

    prepared: Prepared
    result: Result
    printed: dict[str, Any]
    digest: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one evaluation at `at` (ns) found. `conditions` are consumed once, in order."""

    at: int
    methods: tuple[MethodResult, ...]
    exposure: MethodResult
    conditions: Iterator[Condition]


class Evaluator:
    """Evaluates one entity under one configuration."""

    def __init__(self, entity: str, config: Configuration) -> None:
        own = config.entity(entity)
        if own is None:
            raise ValueError(f"entity {entity} is not configured")
        self.entity = entity
        self.own: EntityConfig = own
        self.methods = tuple(_prepared(config, entity, own, method) for method in own.methods)
        self.yardstick = _prepared(config, entity, own, MethodConfig(config.exposure_pack, "shadow"))
        self._exposure_is = next((m for m in self.methods if m.config.id == config.exposure_pack and not m.config.options), None)

    def evaluate(self, book: Book, at: int) -> Evaluation:
        """All methods of the entity at `at`, the exposure beside them, and the alert conditions they give."""
        memo = Memo()
        methods = tuple(self._run(prepared, book, at, memo) for prepared in self.methods)
        if self._exposure_is is None:
            exposure = self._run(self.yardstick, book, at, memo)
        else:
            exposure = next(found for found in methods if found.prepared is self._exposure_is)
        return Evaluation(at, methods, exposure, self._conditions(book, at, methods, memo))

    def close(self, prepared: Prepared, book: Book, at: int) -> MethodResult:
        """One method at the last instant of a closed day."""
        return self._run(prepared, book, at, Memo())

    def _run(self, prepared: Prepared, book: Book, at: int, memo: Memo) -> MethodResult:
        result = prepared.method.evaluate(prepared.view(book, at, memo), self.own.levels.watch_enter)
        printed = result_object(result)
        return MethodResult(prepared, result, printed, digest_of(printed))

    def _conditions(self, book: Book, at: int, methods: tuple[MethodResult, ...], memo: Memo) -> Iterator[Condition]:
        feeds = [self._feed(book, feed, at) for feed in sorted({*SOURCE_TOPICS, *self.own.freshness})]
        dead = frozenset(feed.name for feed in feeds if feed.silent or feed.unhealthy)
        for found in methods:
            view = found.prepared.view(book, at, memo)
            near = view.add_business_days(view.local_date(), 1).isoformat()
            yield from method_conditions(self.entity, found.prepared.config, found.result, self.own.levels, near)
            yield unknown_condition(self.entity, found.prepared.config, found.result, dead)
        yield from entity_conditions(
            self.entity, list(self._backing(book, at, memo)), feeds, list(self._incidents(book, at, memo))
        )

    @staticmethod
    def _feed(book: Book, feed: str, at: int) -> FeedHealth:
        silent, since = book.silent_since(feed, at)
        grace = (book.freshness(feed).max_age_ns or 0) if silent and since is None else 0
        return FeedHealth(feed, silent, past_bad_share(book.shared, feed) if feed in SOURCE_TOPICS else False, grace)

    def _backing(self, book: Book, at: int, memo: Memo) -> Iterator[Backing]:
        """Per asset that clients are owed: that, and all other roles seen.

        Fiat only where a role holds it: money in trust comes as a declaration, and `fiat_trust` judges it.
        """
        view = self.yardstick.view(book, at, memo)
        roles = [role for role in ASSET_ROLES if view.role_seen(role)]
        if not roles or not view.role_seen(LIABILITY):
            return
        held = {role: frozenset(view.assets(role)) for role in roles}
        for asset in view.assets(LIABILITY):
            if view.is_fiat(asset) and not any(asset in assets for assets in held.values()):
                continue
            there = total(view.quantity(role, asset) for role in roles if asset in held[role])
            yield Backing(asset, view.quantity(LIABILITY, asset), there)

    def _incidents(self, book: Book, at: int, memo: Memo) -> Iterator[IncidentSight]:
        view = self.yardstick.view(book, at, memo)
        nets: Mapping[str, Figure] = {found.id: found.net for found in view.incidents() if found.status in OPEN_STATUSES}
        for body in book.incident_objects():
            yield IncidentSight(body, nets.get(str(body["incident_id"])), view.currency)


def _prepared(config: Configuration, entity: str, own: EntityConfig, method: MethodConfig) -> Prepared:
    pack = config.packs[method.id]
    ready = Method(method, pack)
    currency = ready.currency(own.reporting_currency)
    if currency is None:
        raise ValueError(f"entity {entity} has no reporting currency and {method.id} has none of its own")
    return Prepared(
        method,
        ready,
        config.method_zone(entity, method),
        config.method_calendar(entity, method),
        currency,
        str(pack["version"]),
        config.pack_digests[method.id],
    )
