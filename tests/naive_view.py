"""A view over a plain list of events, every answer searched for anew: what the book is held against, and a bench for methods."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from monitor.core.configuration.assets import Assets
from monitor.core.values.calendar import WEEKDAYS, Calendar, Zone
from monitor.core.values.currencies import is_iso_4217
from monitor.core.values.figure import NOTHING, UNKNOWN, Figure, total
from monitor.core.values.times import HOUR, hour_of, parse_time
from monitor.core.view.view import DeclarationView, Gap

DEFAULTS = {"part": "paid_up", "item": "net", "months": "12", "component": "total"}
ZONES: dict[str, Zone] = {}
CALENDARS: dict[str, Calendar] = {"weekdays": WEEKDAYS}


@dataclass(frozen=True)
class Event:
    topic: str
    logged: int
    offset: int
    value: Mapping[str, Any]

    def time(self, name: str) -> int:
        return parse_time(self.value[name])

    def amount(self, name: str) -> Decimal:
        return Decimal(str(self.value[name]))


def read_events(files: Iterable[Path]) -> list[Event]:
    lines = []
    for file in files:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        lines += [json.loads(line) for line in data.splitlines() if line.strip()]
    return [Event(line["topic"], parse_time(line["timestamp"]), n, line["value"]) for n, line in enumerate(lines)]


def zone(name: str) -> Zone:
    if name not in ZONES:
        from monitor.methods.loader import resolve_zones

        raw = resolve_zones([name])[name]
        ZONES[name] = Zone(name, [parse_time(text) for text, _ in raw], [_hours(offset) for _, offset in raw])
    return ZONES[name]


def _hours(offset: int | str) -> int | Fraction:
    if isinstance(offset, int):
        return offset
    return int(f"{offset[0]}1") * (int(offset[1:3]) + Fraction(int(offset[4:]), 60))


def calendar(code: str) -> Calendar:
    if code not in CALENDARS:
        from monitor.methods.loader import resolve_calendars

        raw = resolve_calendars([code])[code]
        closed = frozenset(date.fromisoformat(day) for day in raw["closed"])
        CALENDARS[code] = Calendar(code, frozenset(raw["weekend"]), closed, frozenset())
    return CALENDARS[code]


class NaiveView:
    """The API of the View, without freshness, groups and holes."""

    forced_unknown = False
    notes_gaps = True

    def __init__(
        self,
        events: Iterable[Event],
        entity: str,
        at: int,
        *,
        place: Zone,
        days: Calendar,
        currency: str,
        price_max_age_ns: int | None = None,
        pivots: tuple[str, ...] = (),
    ) -> None:
        seen = [e for e in events if e.logged <= at]
        self.prices = [e for e in seen if e.topic == "market.prices"]
        self.events = [e for e in seen if e.topic != "market.prices" and e.value["entity"] == entity]
        self.width = place.grain
        self.entity, self.at, self.zone, self.calendar, self.currency = entity, at, place, days, currency
        self.limit, self.pivots = price_max_age_ns, pivots
        self.effect = "both"
        self._gaps: dict[tuple[str, str], tuple[str, int | None]] = {}

    # --- dates and gaps
    @property
    def now(self) -> int:
        return self.at

    def local_date(self, instant: int | None = None) -> date:
        return self.zone.local_date(self.at if instant is None else instant)

    def day_end(self, day: date) -> int:
        return self.zone.day_end(day)

    def is_business_day(self, day: date) -> bool:
        return self.calendar.is_business_day(day)

    def add_business_days(self, day: date, count: int) -> date:
        return self.calendar.add_business_days(day, count)

    def first_business_day(self, year: int, month: int) -> date:
        return self.calendar.first_business_day(year, month)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        return tuple(Gap(*key, *value) for key, value in sorted(self._gaps.items(), key=lambda item: item[0]))  # type: ignore[arg-type]

    def gap(self, kind: str, subject: str, effect: str | None = None, since: int | None = None) -> None:
        new = effect or self.effect
        old, _ = self._gaps.get((kind, subject), (new, None))
        if old == "figures":
            old = new
        self._gaps[kind, subject] = (old if new in (old, "figures") else "both", since)

    @contextmanager
    def reading(self, effect: str) -> Iterator[None]:
        before, self.effect = self.effect, effect
        yield
        self.effect = before

    def term(self, _name: str, effect: str) -> AbstractContextManager[None]:
        return self.reading(effect)

    @staticmethod
    def impaired(_topic: str) -> bool:
        return False

    # --- positions
    def _positions(self, before: int | None = None) -> list[Event]:
        newest: dict[tuple[str, str, str], Event] = {}
        for e in self.events:
            if e.topic != "custody.balances" or e.time("as_of") > self.at or (before is not None and e.time("as_of") >= before):
                continue
            key = (e.value["account"], e.value["asset"], e.value["role"])
            if key not in newest or self._position_rank(newest[key]) < self._position_rank(e):
                newest[key] = e
        return [newest[key] for key in sorted(newest)]

    @staticmethod
    def _position_rank(e: Event) -> tuple[int, int, int, int]:
        return (e.time("as_of"), int(e.value.get("sequence") or 0), e.logged, e.offset)

    def role_seen(self, role: str) -> bool:
        return any(e.value["role"] == role for e in self._positions())

    @staticmethod
    def is_fiat(asset: str) -> bool:
        return is_iso_4217(asset)

    @staticmethod
    def counts_as(asset: str, *, fiat: bool | None) -> bool:
        return fiat is None or is_iso_4217(asset) == fiat

    @staticmethod
    def doubtful(_asset: str) -> bool:
        return False

    @staticmethod
    def ignored() -> tuple[()]:
        return ()

    @property
    def minor_unit(self) -> int:
        return Assets().minor_unit(self.currency)

    def assets(self, role: str) -> tuple[str, ...]:
        return tuple(sorted({e.value["asset"] for e in self._positions() if e.value["role"] == role}))

    def quantity(self, role: str, asset: str, storages: frozenset[str] | None = None) -> Figure:
        if not self.role_seen(role):
            self.gap("position_missing", role)
            return UNKNOWN
        return self._quantity(self._positions(), role, asset, storages)

    @staticmethod
    def _quantity(positions: list[Event], role: str, asset: str, storages: frozenset[str] | None) -> Figure:
        found = [e for e in positions if e.value["role"] == role and e.value["asset"] == asset]
        return total(Figure.of(e.amount("quantity")) for e in found if storages is None or e.value["storage"] in storages)

    def positive_quantity(self, role: str, asset: str) -> Figure:
        found = [e for e in self._positions() if e.value["role"] == role and e.value["asset"] == asset]
        return total(Figure.of(max(Decimal(0), e.amount("quantity"))) for e in found)

    def counted(self, role: str, *, fiat: bool | None) -> tuple[str, ...]:
        return tuple(asset for asset in self.assets(role) if self.counts_as(asset, fiat=fiat))

    @staticmethod
    def each(_key: object, assets: tuple[str, ...], make: Callable[[str], Any]) -> dict[str, Any]:
        return {asset: make(asset) for asset in assets}

    @staticmethod
    def summed(_key: object, assets: tuple[str, ...], make: Callable[[str], Figure]) -> Figure:
        return total(map(make, assets))

    summed_before = summed

    @staticmethod
    def made_of(_key: object, things: tuple[Any, ...], make: Callable[[Any], Any], whole: Callable[[list[Any]], Any]) -> Any:
        return whole(list(map(make, things)))

    def role_value(self, role: str, storages: frozenset[str] | None = None, *, fiat: bool | None = False) -> Figure:
        if not self.role_seen(role):
            self.gap("position_missing", role)
            return UNKNOWN
        assets = [a for a in self.assets(role) if fiat is None or is_iso_4217(a) == fiat]
        return total(self.value(a, self.quantity(role, a, storages)) for a in assets)

    def quantity_at(self, role: str, asset: str, storages: frozenset[str] | None, instant: int) -> Figure:
        return self._quantity(self._positions(instant), role, asset, storages)

    def assets_at(self, role: str, instant: int) -> tuple[str, ...]:
        return tuple(sorted({e.value["asset"] for e in self._positions(instant) if e.value["role"] == role}))

    def first_record_date(self, kind: str, of: str | None = None) -> date | None:
        topic, name = ("custody.balances", "as_of") if kind == "balance" else ("market.trades", "executed_at")
        kinds = (e.value.get("role") if kind == "balance" else e.value.get("capacity", "venue") for e in self.events)
        several = [e for e, found in zip(self.events, kinds, strict=True) if e.topic == topic and of in {None, found}]
        times = [e.time(name) for e in several if e.time(name) <= self.at]
        return self.local_date(min(times)) if times else None

    def fiat_trust_history(self) -> Iterator[tuple[int, Decimal, Decimal | None]]:
        times = {e.time("as_of") for e in self.events if e.topic == "custody.balances"}
        for e in self._declared("trust_principal"):
            times.add(e.time("effective_from"))
            if e.value["effective_to"]:
                times.add(e.time("effective_to"))
        for instant in sorted(t for t in times if t <= self.at):
            owed = self._positions(instant + 1)
            owed = [e for e in owed if e.value["role"] == "client_liability" and e.value["asset"] == self.currency]
            trust = self._in_effect(self._declared("trust_principal"), instant)
            yield (
                instant,
                sum((max(Decimal(0), e.amount("quantity")) for e in owed), Decimal(0)),
                None if trust is None else trust.amount("amount"),
            )

    # --- prices
    def _own_trades(self, market: str) -> list[Event]:
        busted = {e.value["trade_id"] for e in self.events if e.topic == "market.trades" and e.value.get("status") == "busted"}
        seen: dict[tuple[str, str], Event] = {}
        for e in self.events:
            if e.topic == "market.trades" and e.value.get("status", "new") == "new":
                seen.setdefault((e.value["market"], e.value["trade_id"]), e)
        return [e for (name, _), e in seen.items() if name == market and e.value["trade_id"] not in busted]

    def _mark(self, asset: str, currency: str, instant: int, *, past: bool, end: bool) -> tuple[int, Decimal] | None:
        found = [
            (e.time("as_of"), e.logged, e.offset, e.amount("price"))
            for e in self.prices
            if (e.value["asset"], e.value["currency"]) == (asset, currency) and e.time("as_of") < instant + (not end)
        ]
        for e in self._own_trades(f"{asset}/{currency}"):
            own = min(e.time("executed_at"), e.logged)
            good = own - own % self.width + self.width <= instant if past else own <= instant
            if e.value.get("instrument", "spot") == "spot" and good:
                found.append((own, e.logged, e.offset, e.amount("price")))
        if not found:
            return None
        own, _, _, price = max(found)
        return own, price

    def price(self, asset: str, currency: str | None = None) -> Figure:
        into = currency or self.currency

        def fresh(a: str, c: str) -> Decimal | None:
            found = self._mark(a, c, self.at, past=False, end=False)
            old = found is not None and self.limit is not None and self.at - found[0] > self.limit
            return None if found is None or old else found[1]

        found = self._cross(asset, into, fresh)
        if found is None:
            stale = self._mark(asset, into, self.at, past=False, end=False) is not None
            self.gap("price_stale" if stale else "price_missing", f"{asset}/{into}")
        return UNKNOWN if found is None else found

    def price_at(self, asset: str, instant: int, currency: str | None = None, *, end: bool = True) -> Figure:
        into = currency or self.currency

        def past(a: str, c: str) -> Decimal | None:
            found = self._mark(a, c, instant, past=True, end=end)
            return None if found is None else found[1]

        found = self._cross(asset, into, past)
        if found is None:
            self.gap("price_missing", f"{asset}/{into}")
        return UNKNOWN if found is None else found

    def _cross(self, asset: str, into: str, price: Any) -> Figure | None:
        if asset == into:
            return Figure.of(1)
        direct = price(asset, into)
        if direct is not None:
            return Figure.of(direct)
        for pivot in self.pivots:
            legs = [Decimal(1) if a == c else price(a, c) for a, c in ((asset, pivot), (pivot, into))]
            if None not in legs:
                return Figure.of(legs[0]).times(Figure.of(legs[1]))
        return None

    def value(self, asset: str, quantity: Figure, currency: str | None = None) -> Figure:
        return NOTHING if quantity.high == 0 else self._valued(quantity, self.price(asset, currency))

    def value_at(self, asset: str, quantity: Figure, instant: int, currency: str | None = None, *, end: bool = True) -> Figure:
        return NOTHING if quantity.high == 0 else self._valued(quantity, self.price_at(asset, instant, currency, end=end))

    @staticmethod
    def _valued(quantity: Figure, price: Figure) -> Figure:
        if quantity.value is not None and quantity.value < 0 and price.value is not None:
            return Figure.of(quantity.value * price.value)
        return quantity.times(price)

    def daily_closes(self, asset: str, first: date, last: date) -> dict[date, Decimal]:
        newest: dict[date, tuple[int, int, int, Decimal]] = {}
        for e in self.prices:
            if (e.value["asset"], e.value["currency"], e.value["kind"]) != (asset, self.currency, "daily_close"):
                continue
            day = self.local_date(e.time("as_of"))
            rank = (e.time("as_of"), e.logged, e.offset, e.amount("price"))
            if first <= day <= last and e.time("as_of") <= self.at:
                newest[day] = max(newest.get(day, rank), rank)
        return {day: rank[3] for day, rank in newest.items()}

    # --- declarations
    def _declared(self, kind: str) -> list[Event]:
        return [e for e in self.events if e.topic == "entity.declarations" and e.value["kind"] == kind]

    @staticmethod
    def _attributes(e: Event) -> dict[str, str]:
        return {k: v for k, v in e.value["attributes"].items() if DEFAULTS.get(k) != v}

    @staticmethod
    def _in_effect(events: list[Event], at: int) -> Event | None:
        newest: dict[int, Event] = {}
        for e in sorted(events, key=lambda e: (e.logged, e.offset)):
            newest[e.time("effective_from")] = e
        alive = [e for e in newest.values() if e.time("effective_from") <= at]
        alive = [e for e in alive if not e.value["effective_to"] or e.time("effective_to") > at]
        return max(alive, key=lambda e: e.time("effective_from")) if alive else None

    def came(self, kind: str, **attributes: str) -> bool:
        asked = {k: v for k, v in attributes.items() if DEFAULTS.get(k) != v}
        found = [e for e in self._declared(kind) if e.time("effective_from") <= self.at]
        return any(asked.items() <= self._attributes(e).items() for e in found)

    def declared(self, kind: str, **attributes: str) -> Figure | None:
        asked = {k: v for k, v in attributes.items() if DEFAULTS.get(k) != v}
        found = [e for e in self._declared(kind) if self._attributes(e) == asked and e.time("effective_from") <= self.at]
        if not found:
            return None
        alive = self._in_effect(found, self.at)
        if alive is None:
            self.gap("declaration_missing", kind)
            return UNKNOWN
        return self.value(alive.value["currency"], Figure.of(alive.amount("amount")))

    def needed(self, kind: str, **attributes: str) -> Figure:
        found = self.declared(kind, **attributes)
        if found is None:
            self.gap("declaration_missing", kind)
            return UNKNOWN
        return found

    def declarations(self, kind: str) -> tuple[DeclarationView, ...]:
        groups: dict[tuple[tuple[str, str], ...], list[Event]] = {}
        for e in self._declared(kind):
            groups.setdefault(tuple(sorted(self._attributes(e).items())), []).append(e)
        alive = [found for _, group in sorted(groups.items()) if (found := self._in_effect(group, self.at)) is not None]
        return tuple(
            DeclarationView(
                kind,
                dict(e.value["attributes"]),
                self.value(e.value["currency"], Figure.of(e.amount("amount"))),
                e.time("effective_from"),
            )
            for e in alive
        )

    # --- incidents and trades
    def incidents(self) -> tuple[NaiveIncident, ...]:
        newest: dict[str, Event] = {}
        for e in self.events:
            if e.topic == "security.incidents":
                held = newest.get(e.value["incident_id"])
                if held is None or held.value["revision"] < e.value["revision"]:
                    newest[e.value["incident_id"]] = e
        return tuple(NaiveIncident(self, newest[name]) for name in sorted(newest))

    def _trades(self) -> list[Event]:
        markets = sorted({e.value["market"] for e in self.events if e.topic == "market.trades"})
        return [e for market in markets for e in self._own_trades(market)]

    def trades_seen(self) -> bool:
        return any(e.topic == "market.trades" for e in self.events)

    @staticmethod
    def trades_lost() -> bool:
        return False

    @staticmethod
    def trades_twice() -> bool:
        return False

    def trade_value_24h(self, instrument: str, capacity: str | None = None) -> Figure:
        first = hour_of(self.at) - 23 * HOUR
        found = [e for e in self._trades() if e.value.get("instrument", "spot") == instrument]
        found = [e for e in found if first <= e.time("executed_at") < hour_of(self.at) + HOUR]
        return total(
            self.value(e.value["market"].split("/")[1], Figure.of(e.amount("price") * e.amount("quantity")))
            for e in found
            if capacity in (None, e.value.get("capacity", "venue"))
        )

    def trade_value_day(self, day: date, instrument: str, capacity: str) -> dict[str, Decimal]:
        result: dict[str, Decimal] = {}
        for e in self._trades():
            same = (e.value.get("instrument", "spot"), e.value.get("capacity", "venue")) == (instrument, capacity)
            if same and self.local_date(e.time("executed_at")) == day:
                quote = e.value["market"].split("/")[1]
                result[quote] = result.get(quote, Decimal(0)) + e.amount("price") * e.amount("quantity")
        return dict(sorted(result.items()))


class NaiveIncident:
    def __init__(self, view: NaiveView, event: Event) -> None:
        self._view, self._raw = view, event.value
        self.id, self.kind = event.value["incident_id"], event.value["kind"]
        self.status, self.occurred_at = event.value["status"], event.time("occurred_at")

    def _worth(self, asset: str, quantity: str | None) -> Figure:
        if quantity is None:
            self._view.gap("quantity_unknown", self.id)
            return UNKNOWN
        return self._view.value_at(asset, Figure.of(Decimal(quantity)), self.occurred_at, end=False)

    @property
    def loss(self) -> Figure:
        estimate = self._raw["loss_estimate"]
        if estimate is not None:
            return self._worth(estimate["currency"], estimate["amount"])
        if self._untold:
            return self._worth("", None)
        return total(self._worth(part["asset"], part["quantity"]) for part in self._raw["losses"])

    @property
    def recovered(self) -> Figure:
        got = [part for part in self._raw["recoveries"] if parse_time(part["received_at"]) <= self._view.at]
        return total(self._worth(part["asset"], part["quantity"]) for part in got)

    @property
    def net(self) -> Figure:
        return (self.loss - self.recovered).at_least(0)

    @property
    def _untold(self) -> bool:
        known = self._raw["losses"] or self._raw["loss_estimate"] is not None
        return not known and self.status in {"suspected", "confirmed", "contained"}

    @property
    def client(self) -> Figure:
        if self._untold:
            return self._worth("", None)
        return total(self._worth(part["asset"], part["quantity"]) for part in self._raw["losses"] if part["owner"] == "client")

    @property
    def client_net(self) -> Figure:
        return (self.client - self.recovered).at_least(0)
