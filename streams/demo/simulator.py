"""Synthetic events of the configured entities: plausible, seeded, alike in every run with the same seed.

Prices walk at random, trades follow the prices, wallets breathe within the limits, feeds report every few seconds. What a
venue's own systems would send is sent whole: positions, trades, prices, declarations; incidents come and are closed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal

from monitor.core.journal.vocabulary import BALANCES, DECLARATIONS, INCIDENTS, PRICES, TRADES
from monitor.core.values.times import SECOND, exact_time
from monitor.events import Event

_PRICES_JPY = {"BTC": Decimal(1_240_000), "ETH": Decimal(115_000), "XEM": Decimal(100), "XRP": Decimal(140)}
"""Of 26 January 2018, rounded."""
_PER_JPY = {"JPY": Decimal(1), "USD": Decimal("0.0092"), "EUR": Decimal("0.0074"), "KRW": Decimal("9.8"), "HKD": Decimal("0.072")}
_HOLDINGS = {"BTC": Decimal(30_000), "ETH": Decimal(200_000), "XEM": Decimal(500_000_000), "XRP": Decimal(100_000_000)}
_RESERVE_JPY = Decimal(1_000_000_000)
_HOT_SHARE = Decimal("0.03")
_FEED_S = 5
_PRICE_S = 2
_INCIDENT_S = 120
_CENT = Decimal("0.01")
_LOT = Decimal("0.0001")


@dataclass(slots=True)
class Wallet:
    """One account's position."""

    account: str
    role: str
    storage: str
    asset: str
    quantity: Decimal


@dataclass(slots=True)
class Venue:
    """One simulated entity: its currency, its prices in that currency, its wallets."""

    entity: str
    currency: str
    prices: dict[str, Decimal]
    wallets: list[Wallet]
    next_trade: int = 1
    incident: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def number(self, kind: str) -> int:
        """The next number of a kind of event."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return self.counts[kind]


class Simulator:
    """Events of several venues, second by second. The caller's clock is the only clock; `seed` is the only chance."""

    def __init__(self, currencies: Mapping[str, str], seed: int, run: str = "sim") -> None:
        self._random = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self._run = run
        self.venues = [self._venue(entity, currency) for entity, currency in sorted(currencies.items())]

    def opening(self, at: int) -> Iterator[Event]:
        """What is sent once, at `at` (ns): declarations, prices, every position."""
        for venue in self.venues:
            yield from self._declarations(venue, at)
            yield from self.prices(venue, at)
            yield from self.positions(venue, at)

    def second(self, at: int, number: int, rate: float) -> Iterator[Event]:
        """The events of second `number` that begins at `at` (ns), with `rate` trades a second over all venues."""
        for index, venue in enumerate(self.venues):
            if number % _PRICE_S == 0:
                self.walk(venue, Decimal("0.002"))
                yield from self.prices(venue, at)
            if number % _FEED_S == 0:
                self._breathe(venue)
                yield from self.positions(venue, at)
            if number % _INCIDENT_S == _INCIDENT_S // 2:
                yield self._incident(venue, at)
            share = int(rate * (index + 1) / len(self.venues)) - int(rate * index / len(self.venues))
            yield from self.trades(venue, at, share)

    def trades(self, venue: Venue, at: int, count: int) -> Iterator[Event]:
        """`count` trades spread over the second that begins at `at`."""
        for index in range(count):
            asset = self._random.choice(sorted(venue.prices))
            market = f"{asset}/{venue.currency}"
            price = self._near(venue.prices[asset])
            quantity = self._near(
                Decimal(self._random.choice((20_000, 50_000, 200_000))) * _PER_JPY[venue.currency] / price, _LOT
            )
            value = {
                "trade_id": f"{self._run}-{venue.next_trade}",
                "entity": venue.entity,
                "market": market,
                "price": str(price),
                "quantity": str(max(quantity, _LOT)),
                "executed_at": exact_time(at + index * SECOND // count),
                "side": self._random.choice(("buy", "sell")),
                "capacity": "client_order",
            }
            venue.next_trade += 1
            yield Event(TRADES, f"{venue.entity}|{market}", at, value)

    def prices(self, venue: Venue, at: int) -> Iterator[Event]:
        """The present prices of a venue's assets."""
        for asset, price in sorted(venue.prices.items()):
            name = f"{self._run}-p-{venue.entity}-{venue.number('price')}"
            yield Event(PRICES, asset, at, price_value(name, asset, venue.currency, price, at))

    def positions(self, venue: Venue, at: int) -> Iterator[Event]:
        """The positions of a venue's wallets."""
        for wallet in venue.wallets:
            name = f"{self._run}-b-{venue.entity}-{venue.number('balance')}"
            yield Event(BALANCES, venue.entity, at, balance_value(name, venue.entity, wallet, at))

    def walk(self, venue: Venue, step: Decimal) -> None:
        """Move every price by up to `step` of itself, up or down."""
        for asset, price in sorted(venue.prices.items()):
            change = step * Decimal(self._random.randint(-1000, 1000)) / 1000
            venue.prices[asset] = max(_CENT, (price * (1 + change)).quantize(_CENT, ROUND_DOWN))

    def _near(self, value: Decimal, unit: Decimal = _CENT) -> Decimal:
        return (value * (1 + Decimal(self._random.randint(-100, 100)) / 100_000)).quantize(unit, ROUND_DOWN)

    def _breathe(self, venue: Venue) -> None:
        """Deposits and withdrawals: the hot wallets and what clients are owed move together."""
        for asset in sorted(venue.prices):
            hot, owed = (next(w for w in venue.wallets if w.account == f"{kind}-{asset.lower()}") for kind in ("hot", "ledger"))
            change = (hot.quantity * Decimal(self._random.randint(-20, 20)) / 1000).quantize(_LOT, ROUND_DOWN)
            hot.quantity += change
            owed.quantity += change

    def _venue(self, entity: str, currency: str) -> Venue:
        rate = _PER_JPY.get(currency, _PER_JPY["USD"])
        prices = {asset: (price * rate).quantize(_CENT, ROUND_DOWN) for asset, price in _PRICES_JPY.items()}
        held = [wallet for asset in sorted(prices) for wallet in wallets(asset, _HOLDINGS[asset])]
        held.append(Wallet("reserve", "reserve_asset", "trust", currency, (_RESERVE_JPY * rate).quantize(_CENT, ROUND_DOWN)))
        return Venue(entity, currency, prices, held)

    def _declarations(self, venue: Venue, at: int) -> Iterator[Event]:
        rate = _rate(venue.currency)
        for kind, jpy in (("capital", 100_000_000), ("net_assets", 20_000_000_000), ("own_funds", 20_000_000_000)):
            value: dict[str, object] = {
                "event_id": f"{self._run}-d-{kind}",
                "entity": venue.entity,
                "kind": kind,
                "effective_from": exact_time(at),
                "effective_to": None,
                "amount": str((jpy * rate).quantize(_CENT, ROUND_DOWN)),
                "currency": venue.currency,
                "attributes": {},
            }
            yield Event(DECLARATIONS, venue.entity, at, value)

    def _incident(self, venue: Venue, at: int) -> Event:
        """A small outage that opens, and closes when the next one is due."""
        opening = venue.incident % 2 == 0
        name = f"{self._run}-i-{venue.incident // 2}"
        venue.incident += 1
        value: dict[str, object] = {
            "incident_id": name,
            "revision": 1 if opening else 2,
            "entity": venue.entity,
            "kind": "system_outage",
            "severity": "low",
            "status": "confirmed" if opening else "closed",
            "occurred_at": exact_time(at - SECOND),
            "detected_at": exact_time(at),
            "updated_at": exact_time(at),
            "losses": [],
            "loss_estimate": {"amount": "100000", "currency": venue.currency},
            "recoveries": [],
            "reported_by": "internal",
            "summary": "matching was slow for some minutes",
        }
        return Event(INCIDENTS, venue.entity, at, value)


def _rate(currency: str) -> Decimal:
    """What a yen is worth in a currency, roughly; an unknown one is taken for dollars."""
    return _PER_JPY.get(currency, _PER_JPY["USD"])


def wallets(asset: str, holding: Decimal) -> list[Wallet]:
    """Cold, hot, ledger and guarantee accounts of one asset: clients' coins are whole, the guarantee is above the hot part."""
    hot = (holding * _HOT_SHARE).quantize(_LOT, ROUND_DOWN)
    name = asset.lower()
    return [
        Wallet(f"cold-{name}", "client_asset", "cold", asset, holding - hot),
        Wallet(f"hot-{name}", "client_asset", "hot", asset, hot),
        Wallet(f"ledger-{name}", "client_liability", "ledger", asset, holding),
        Wallet(f"guarantee-{name}", "guarantee_asset", "cold", asset, (hot * Decimal("1.25")).quantize(_LOT, ROUND_DOWN)),
    ]


def balance_value(name: str, entity: str, wallet: Wallet, at: int) -> dict[str, object]:
    """A position as `custody.balances` carries it."""
    return {
        "event_id": name,
        "entity": entity,
        "account": wallet.account,
        "role": wallet.role,
        "storage": wallet.storage,
        "asset": wallet.asset,
        "quantity": format(wallet.quantity, "f"),
        "as_of": exact_time(at),
    }


def price_value(name: str, asset: str, currency: str, price: Decimal, at: int) -> dict[str, object]:
    """A price as `market.prices` carries it."""
    return {
        "event_id": name,
        "asset": asset,
        "currency": currency,
        "price": format(price, "f"),
        "as_of": exact_time(at),
        "source": "simulated",
        "kind": "spot",
    }
